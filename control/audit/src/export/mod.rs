//! Records in the forms that other people's tools read; each mapping is a table of `docs/AUDIT.md`.
//!
//! Each takes a record and appends to a buffer, so a log of any length needs no memory.

pub mod cef;
pub mod csv;
pub mod ocsf;

use crate::view::View;

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As they are: one JSON object a line.
    Json,
    /// Comma-separated values (RFC 4180), with a line of names first.
    Csv,
    /// Common Event Format, one line each.
    Cef,
    /// Open Cybersecurity Schema Framework, one JSON object a line.
    Ocsf,
}

impl Format {
    /// What comes before all records.
    pub fn begin(self, out: &mut Vec<u8>) {
        if self == Format::Csv {
            csv::head(out);
        }
    }

    /// Appends a record, `line` read as `view`, with the end of its line.
    pub fn record(self, line: &[u8], view: &View<'_>, out: &mut Vec<u8>) {
        self.text(line, view, out);
        out.extend_from_slice(if self == Format::Csv { b"\r\n" } else { b"\n" });
    }

    /// The same without the end of the line.
    pub fn text(self, line: &[u8], view: &View<'_>, out: &mut Vec<u8>) {
        match self {
            Format::Json => out.extend_from_slice(line),
            Format::Csv => csv::record(view, out),
            Format::Cef => cef::record(view, out),
            Format::Ocsf => ocsf::record(view, out),
        }
    }
}

/// A text in which what is no printable character is written as `\u{a}`: nothing that a record holds starts
/// a line or reaches a terminal as a command.
pub fn printable(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(|letter| {
        let (as_it_is, escaped) = match letter.is_control() || is_invisible(letter) {
            true => (None, Some(letter.escape_unicode())),
            false => (Some(letter), None),
        };
        as_it_is.into_iter().chain(escaped.into_iter().flatten())
    })
}

/// Line and paragraph separators, and what turns the direction of text around.
const fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
