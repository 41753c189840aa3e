//! Writing to standard output. Whoever reads it may stop early: `| head` is no error; a full disk is.

use std::fmt::Arguments;
use std::io::{ErrorKind, Result, Write, stdout};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use wicketgate_audit::export::printable_json;

use crate::exit::{Exit, complain};

/// Why standard output could not be written, the first time that it could not.
static FAILED: OnceLock<String> = OnceLock::new();

/// Whether the reader went away.
static GONE: AtomicBool = AtomicBool::new(false);

/// Prints text and ends the line.
pub(crate) fn text(what: Arguments<'_>) {
    note(writeln!(stdout().lock(), "{what}"));
}

/// Prints one JSON document.
pub(crate) fn json(what: &impl Serialize) {
    // Written at once: standard output makes a system call for each line it is given, of which a long report has 100,000.
    let written = serde_json::to_string_pretty(what).map_err(Into::into);
    note(written.and_then(|json| writeln!(stdout().lock(), "{}", printable_json(&json))));
}

/// Has people read what is printed before they are asked.
pub(crate) fn flush() {
    note(stdout().flush());
}

/// Whether nothing more can be printed: the reader is gone, or the disk is full.
pub(crate) fn has_failed() -> bool {
    GONE.load(Ordering::Relaxed) || FAILED.get().is_some()
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
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => GONE.store(true, Ordering::Relaxed),
        Err(error) => drop(FAILED.get_or_init(|| error.to_string())),
        Ok(()) => {}
    }
}
