//! The command line (DESIGN 4).

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::decode_as::DecodeAs;
use crate::replay::login::LoginArgument;

/// Agent-free Zero Trust gate for industrial plants.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Put captures through the gate, command by command
    Replay(Replay),
    /// The gate itself: forward and judge a plant's traffic
    Run(Run),
    /// Validate and explain a config
    Check(Check),
    /// Decode every industrial PDU of captures
    Dissect(Dissect),
    /// Audit logs
    Audit {
        #[command(subcommand)]
        command: Audit,
    },
    /// Write the manual pages
    #[command(hide = true)]
    Man(Man),
}

/// `wicketgate dissect`
#[derive(Debug, Args)]
#[command(after_help = "\
PDUs go to standard output, the summary of each capture to standard error.

Exit status: 0 all well; 1 a capture is cut or damaged (what comes before was read); 2 bad usage or
input.")]
pub(crate) struct Dissect {
    /// Captures: pcap or pcapng
    #[arg(required = true, value_name = "CAPTURE")]
    pub(crate) captures: Vec<PathBuf>,
    /// One JSON object a PDU, in the form of the truth files
    #[arg(long)]
    pub(crate) json: bool,
    /// What is spoken on a port that is not the protocol's own
    #[arg(long, value_name = "PORT=PROTOCOL")]
    pub(crate) decode_as: Vec<DecodeAs>,
}

/// `wicketgate replay`
#[derive(Debug, Args)]
#[command(after_help = "\
Without --config every server in the captures becomes an asset, everything is forwarded, and observed.

A pcapng whose interface names are the config's port names is taken as it is, frame by frame.
Any other capture is a tap on the plant's wire: the gate is put in its middle.

Exit status: 0 all well; 1 a capture is cut or damaged, or Ctrl-C came (what comes before was
replayed); 2 bad usage, input or config.")]
pub(crate) struct Replay {
    /// Captures, one after the other: pcap or pcapng
    #[arg(required = true, value_name = "CAPTURE")]
    pub(crate) captures: Vec<PathBuf>,
    /// The policy file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Who a source address is; without roles, the user has the role of the same name
    #[arg(long = "login", value_name = "ADDRESS=USER[:ROLE,...]", requires = "config")]
    pub(crate) logins: Vec<LoginArgument>,
    /// The report as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the audit log: one JSON object a line, chained
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,
    /// Write one plain line for each thing that happened; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) transcript: Option<PathBuf>,
    /// Write the frames that left the gate, each on the port it left by (pcapng)
    #[arg(long, value_name = "PCAP")]
    pub(crate) out: Option<PathBuf>,
    /// Work out wrong checksums anew instead of dropping these frames, as without a config: for
    /// captures whose addresses were made anonymous
    #[arg(long)]
    pub(crate) complete_checksums: bool,
    /// What is spoken on a port, when there is no config to say so
    #[arg(long, value_name = "PORT=PROTOCOL", conflicts_with = "config")]
    pub(crate) decode_as: Vec<DecodeAs>,
}

/// `wicketgate run`
#[derive(Debug, Args)]
#[command(after_help = "\
Needs root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF; gives up what it does not need once all is open.
Under systemd it says when it is ready and that it lives. Only conduits pass: there are no logins yet.

SIGTERM and Ctrl-C stop the gate; what it did is then reported. SIGHUP reads the config again: a bad one
changes nothing.

Exit status: 0 all well; 1 the gate had to stop by itself, or its audit log broke off; 2 bad usage,
config or interface.")]
pub(crate) struct Run {
    /// The policy file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Where the audit log goes; without it, to a new file in the config's state_dir
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,
    /// The report at the end as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
    /// Run each worker on its core of these, and on no other; instead of the config's `cores`
    #[arg(long, value_name = "NUMBER,...", value_delimiter = ',')]
    pub(crate) core: Vec<usize>,
    /// Never sleep: for cores that are the workers' alone
    #[arg(long)]
    pub(crate) spin: bool,
    /// Go on as this user once all is open, with the capabilities that a running gate needs
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Fence neither files nor system calls: to look for a fault
    #[arg(long)]
    pub(crate) no_sandbox: bool,
}

/// `wicketgate check`
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The policy file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The explanation as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wicketgate audit`
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Check that no record of a log was changed, removed, inserted or moved
    Verify(AuditVerify),
}

/// `wicketgate audit verify`
#[derive(Debug, Args)]
#[command(after_help = "\
Records cut off at the end leave a log that is whole: compare the last hash with one kept elsewhere.

Exit status: 0 each log is whole; 1 a log is not, and the first wrong record is named; 2 a file cannot
be opened.")]
pub(crate) struct AuditVerify {
    /// Logs, each by itself
    #[arg(required = true, value_name = "FILE")]
    pub(crate) logs: Vec<PathBuf>,
}

/// `wicketgate man`
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Where the pages go
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}
