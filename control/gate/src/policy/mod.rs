//! `wicketgate policy`: questions to a policy, offline.

mod diff;
mod replay;
mod show;
pub(crate) mod test;
pub(crate) mod user;

use crate::cli;
use crate::exit::{Exit, complain};

/// Runs the command.
pub(crate) fn run(command: &cli::Policy) -> Exit {
    let outcome = match command {
        cli::Policy::Test(arguments) => test::run(arguments),
        cli::Policy::Diff(arguments) => diff::run(arguments),
        cli::Policy::Replay(arguments) => replay::run(arguments),
        cli::Policy::Show(arguments) => show::run(arguments),
        // A question to a running gate, not to a file.
        cli::Policy::Reload(at) => return crate::client::reload(at),
    };
    outcome.unwrap_or_else(|what| {
        complain(what);
        Exit::Usage
    })
}
