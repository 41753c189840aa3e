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

/// The same of a JSON text, as JSON escapes (RFC 8259 section 7): what it says stays the same.
pub fn printable_json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        // Below that, JSON lets nothing stand that is not to be seen but line ends and blanks between its parts.
        if letter < '\u{7f}' || !letter.is_control() && !is_invisible(letter) {
            safe.push(letter);
        } else {
            let mut room = [0; 2];
            let units = letter.encode_utf16(&mut room).iter();
            safe.extend(units.map(|unit| format!("\\u{unit:04x}")));
        }
    }
    safe
}

/// What takes no room, separates lines or paragraphs, or turns the direction of text around (Unicode categories Cf,
/// Zl and Zp, and tags).
const fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIDDEN: &str =
        "a\u{202e}b\u{200b}c\u{2066}d\u{61c}e\u{ad}f\u{feff}g\u{9b}h\u{7f}i\u{e0041}j\u{e9}";

    #[test]
    fn what_is_not_seen_is_written_out() {
        let told: String = printable(HIDDEN).collect();
        assert_eq!(
            told,
            r"a\u{202e}b\u{200b}c\u{2066}d\u{61c}e\u{ad}f\u{feff}g\u{9b}h\u{7f}i\u{e0041}j\u{e9}"
                .replace(r"\u{e9}", "\u{e9}")
        );
    }

    #[test]
    fn in_json_it_stays_what_it_is() {
        let raw = format!("{{\n  \"user\": \"{HIDDEN}\"\n}}");
        let told = printable_json(&raw);
        let hides = |letter: char| letter != '\n' && (letter.is_control() || is_invisible(letter));
        assert!(!told.chars().any(hides), "{told}");
        assert!(told.contains(r"a\u202eb") && told.contains(r"\udb40\udc41"), "{told}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&told), read(&raw));
    }
}
