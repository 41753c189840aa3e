//! JSON in printable ASCII.
//!
//! Names come from a config, and one day from an identity provider. JSON escapes what would end a
//! string or a line; it does not escape DEL, the C1 controls (U+009B starts a terminal's escape
//! sequence), line separators or the marks that turn the direction of text. Here everything beyond
//! printable ASCII is escaped (RFC 8259 section 7), so a line shows on any terminal as what it is.

use std::fmt;

use crate::hex;

/// Bytes that are looked at together.
const CHUNK: usize = 16;

/// Appends a text as a JSON string of bytes 0x20 to 0x7e alone.
pub(crate) fn write_text(text: &str, line: &mut Vec<u8>) {
    line.push(b'"');
    write_inner(text, line);
    line.push(b'"');
}

/// The same for whatever can be formatted.
pub(crate) fn write_shown(shown: impl fmt::Display, line: &mut Vec<u8>) {
    line.push(b'"');
    // To append to memory does not fail.
    let _ = fmt::write(&mut Inner(line), format_args!("{shown}"));
    line.push(b'"');
}

/// What is between the quotes of a JSON string, as it comes.
struct Inner<'a>(&'a mut Vec<u8>);

impl fmt::Write for Inner<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write_inner(text, self.0);
        Ok(())
    }
}

fn write_inner(text: &str, line: &mut Vec<u8>) {
    // Nearly every text goes out whole.
    let (chunks, rest) = text.as_bytes().as_chunks::<CHUNK>();
    if chunks.iter().all(|chunk| are_plain(chunk)) && are_plain(rest) {
        line.extend_from_slice(text.as_bytes());
    } else {
        text.chars().for_each(|char| write_char(char, line));
    }
}

/// Whether all do. No early end: so the compiler looks at all bytes of a chunk at once.
fn are_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |plain, byte| plain & is_plain(*byte))
}

/// Whether a byte stands for itself in a JSON string of printable ASCII.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// A character, or its escape: the short one where JSON has one.
fn write_char(char: char, line: &mut Vec<u8>) {
    match char {
        '"' => line.extend_from_slice(b"\\\""),
        '\\' => line.extend_from_slice(b"\\\\"),
        '\u{8}' => line.extend_from_slice(b"\\b"),
        '\u{c}' => line.extend_from_slice(b"\\f"),
        '\n' => line.extend_from_slice(b"\\n"),
        '\r' => line.extend_from_slice(b"\\r"),
        '\t' => line.extend_from_slice(b"\\t"),
        ' '..='~' => line.push(char as u8),
        _ => char.encode_utf16(&mut [0; 2]).iter().for_each(|unit| write_escape(*unit, line)),
    }
}

/// `\uXXXX`; a character beyond the basic plane takes two.
fn write_escape(unit: u16, line: &mut Vec<u8>) {
    line.extend_from_slice(b"\\u");
    line.extend_from_slice(hex::digits(&unit.to_be_bytes()).as_flattened());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(text: &str) -> String {
        let mut line = Vec::new();
        write_text(text, &mut line);
        String::from_utf8(line).unwrap()
    }

    /// What another writer of JSON says, with everything beyond printable ASCII escaped.
    fn escaped(text: &str) -> String {
        let escape = |char: char| match char {
            ' '..='~' => char.to_string(),
            _ => {
                char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            }
        };
        serde_json::to_string(text).unwrap().chars().map(escape).collect()
    }

    #[test]
    fn terminals_and_lines_are_safe() {
        assert_eq!(json("a\n\"b\"\\"), r#""a\n\"b\"\\""#);
        assert_eq!(json("\u{1b}[2J\u{7f}\u{9b}2J"), r#""\u001b[2J\u007f\u009b2J""#);
        assert_eq!(json("\u{2028}\u{202e}é"), r#""\u2028\u202e\u00e9""#);
        assert_eq!(json("😀"), r#""\ud83d\ude00""#);
    }

    #[test]
    fn every_character_of_ascii_is_written_as_by_others() {
        for char in '\0'..='\u{7f}' {
            assert_eq!(json(&char.to_string()), escaped(&char.to_string()));
        }
    }

    proptest! {
        #[test]
        fn every_string_comes_back_from_printable_ascii(text in any::<String>()) {
            let json = json(&text);
            prop_assert!(json.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            prop_assert_eq!(&json, &escaped(&text));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn what_is_shown_in_pieces_is_written_as_one_text(a in any::<String>(), b in any::<String>()) {
            let mut line = Vec::new();
            write_shown(format_args!("{a}{b}"), &mut line);
            prop_assert_eq!(String::from_utf8(line).unwrap(), json(&format!("{a}{b}")));
        }
    }
}
