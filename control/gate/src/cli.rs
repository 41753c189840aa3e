//! The command line (DESIGN 4).

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Agent-free Zero Trust gate for industrial plants.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Decode every industrial PDU of captures
    Dissect(Dissect),
}

/// `wicketgate dissect`
#[derive(Debug, Args)]
pub(crate) struct Dissect {
    /// Captures: pcap or pcapng
    #[arg(required = true, value_name = "CAPTURE")]
    pub(crate) captures: Vec<PathBuf>,
    /// One JSON object a PDU, in the form of the truth files
    #[arg(long)]
    pub(crate) json: bool,
}
