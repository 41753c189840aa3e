//! How the program ends: 0 all well, 1 a finding, 2 bad usage, input or config.

use std::fmt::Display;
use std::process::ExitCode;

/// The exit status of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// All well.
    Success,
    /// It worked, and found something: a capture cut short, a log that was changed.
    Finding,
    /// Bad usage, unreadable input, invalid config.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Says what is wrong, on standard error.
pub(crate) fn complain(what: impl Display) {
    eprintln!("wicketgate: {what}");
}
