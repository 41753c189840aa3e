//! Writing to standard output. Whoever reads it may stop early: `| head` is no error.

use std::fmt::Arguments;
use std::io::{Write, stdout};

use serde::Serialize;

/// Prints text and ends the line.
pub(crate) fn text(what: Arguments<'_>) {
    let _ = writeln!(stdout().lock(), "{what}");
}

/// Prints one JSON document.
pub(crate) fn json(what: &impl Serialize) {
    let mut out = stdout().lock();
    let _ = serde_json::to_writer_pretty(&mut out, what);
    let _ = writeln!(out);
}
