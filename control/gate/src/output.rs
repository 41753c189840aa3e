//! Writing to standard output. Whoever reads it may stop early: `| head` is no error; a full disk is.

use std::fmt::Arguments;
use std::io::{ErrorKind, Result, Write, stdout};
use std::sync::OnceLock;

use serde::Serialize;

use crate::exit::{Exit, complain};

/// Why standard output could not be written, the first time that it could not.
static FAILED: OnceLock<String> = OnceLock::new();

/// Prints text and ends the line.
pub(crate) fn text(what: Arguments<'_>) {
    note(writeln!(stdout().lock(), "{what}"));
}

/// Prints one JSON document.
pub(crate) fn json(what: &impl Serialize) {
    let mut out = stdout().lock();
    let written = serde_json::to_writer_pretty(&mut out, what).map_err(Into::into);
    note(written.and_then(|()| writeln!(out)));
}

/// Has people read what is printed before they are asked.
pub(crate) fn flush() {
    note(stdout().flush());
}

/// How the program ends, when all is printed: what could not be printed outweighs how it went.
pub(crate) fn finish(exit: Exit) -> Exit {
    note(stdout().flush());
    match FAILED.get() {
        Some(error) => {
            complain(format_args!("standard output cannot be written: {error}"));
            Exit::Usage
        }
        None => exit,
    }
}

/// Keeps what went wrong, for [`finish`]. That the reader went away is its own affair.
pub(crate) fn note(written: Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILED.get_or_init(|| error.to_string());
    }
}
