//! `wicketgate bench` on the command line.

use std::path::PathBuf;

use clap::Args;

use crate::cli::Replay;
use crate::decode_as::DecodeAs;
use crate::replay::login::LoginArgument;

/// Commands a second that the log is asked to take, without `--rate`.
const RATE: u32 = 300_000;

/// `wicketgate bench`
#[derive(Debug, Args)]
#[command(after_help = "\
The frames of the captures, as a replay would have them enter the gate, run through one engine again and
again, on one core, audit events taken out as a worker does. Beside it, in turns: a loop without a gate, for
what the machine itself adds. Windows of the policy are those of the captures' beginning.

With --log the engine runs at a steady rate, half of the time with an audit log in that folder (made, and
removed again), half of the time with the same events thrown away. Needs two cores, and room for
some 700 bytes a command.

Exit status: 0 all well; 1 the log lost events or did not keep up; 2 bad usage, input or config.")]
pub(crate) struct Bench {
    /// Captures, one after the other: pcap or pcapng
    #[arg(required = true, value_name = "CAPTURE")]
    pub(crate) captures: Vec<PathBuf>,
    /// The policy file; without, everything is forwarded
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Who a source address is; without roles, the user has the role of the same name
    #[arg(long = "login", value_name = "ADDRESS=USER[:ROLE,...]", requires = "config")]
    pub(crate) logins: Vec<LoginArgument>,
    /// What is spoken on a port, when there is no config to say so
    #[arg(long, value_name = "PORT=PROTOCOL", conflicts_with = "config")]
    pub(crate) decode_as: Vec<DecodeAs>,
    /// How long to measure, in seconds; with --log as long again for each of its two runs
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) seconds: u32,
    /// Measure an audit log in this folder too
    #[arg(long, value_name = "FOLDER")]
    pub(crate) log: Option<PathBuf>,
    /// Commands a second that the log is asked to take
    #[arg(long, value_name = "NUMBER", requires = "log", default_value_t = RATE, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) rate: u32,
    /// The figures as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

impl Bench {
    /// The replay whose frames are measured.
    pub(super) fn replay(&self) -> Replay {
        Replay {
            captures: self.captures.clone(),
            config: self.config.clone(),
            logins: self.logins.clone(),
            json: false,
            audit: None,
            transcript: None,
            out: None,
            record: None,
            complete_checksums: self.config.is_none(),
            decode_as: self.decode_as.clone(),
            inspected: None,
        }
    }
}
