//! `wicketgate audit`: logs, read and checked without a gate.

pub(crate) mod arguments;
mod export;
mod line;
mod records;
mod show;
mod stats;
mod tail;
mod test_syslog;
mod verify;
mod when;

use crate::cli;
use crate::exit::{Exit, complain};

/// Runs the command.
pub(crate) fn run(command: &cli::Audit) -> Exit {
    let outcome = match command {
        cli::Audit::Verify(arguments) => return verify::run(arguments),
        cli::Audit::Tail(arguments) => tail::run(arguments),
        cli::Audit::Show(arguments) => show::run(arguments),
        cli::Audit::Stats(arguments) => stats::run(arguments),
        cli::Audit::Export(arguments) => export::run(arguments),
        cli::Audit::TestSyslog(arguments) => test_syslog::run(arguments),
    };
    outcome.unwrap_or_else(|what| {
        complain(what);
        Exit::Usage
    })
}
