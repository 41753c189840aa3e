//! JSON in printable ASCII.
//!
//! Names come from a config, and one day from an identity provider. JSON escapes what would end a
//! string or a line; it does not escape DEL, the C1 controls (U+009B starts a terminal's escape
//! sequence), line separators or the marks that turn the direction of text. Here everything beyond
//! ASCII is escaped (RFC 8259 section 7), so a line shows on any terminal as what it is.

use std::io::{self, Write};

use serde_json::ser::Formatter;

/// A compact formatter whose output has only bytes 0x20 to 0x7e.
pub(crate) struct Ascii;

impl Formatter for Ascii {
    /// A stretch of a string in which JSON itself has nothing to escape.
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        // Bytes, not characters: nearly every fragment is plain and goes out whole. The byte found
        // begins a character, for all before it are ASCII.
        while let Some(at) = rest.bytes().position(|byte| !is_plain(byte)) {
            let (plain, special) = rest.split_at(at);
            let mut chars = special.chars();
            writer.write_all(plain.as_bytes())?;
            chars.next().map_or(Ok(()), |char| write_escape(writer, char))?;
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// A character as one `\uXXXX`, or as two beyond the basic plane.
fn write_escape<W: ?Sized + Write>(writer: &mut W, char: char) -> io::Result<()> {
    char.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(writer, "\\u{unit:04x}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;

    fn json(text: &str) -> String {
        let mut out = Vec::new();
        text.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Ascii)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn terminals_and_lines_are_safe() {
        assert_eq!(json("a\n\"b\"\\"), r#""a\n\"b\"\\""#);
        assert_eq!(json("\u{1b}[2J\u{7f}\u{9b}2J"), r#""\u001b[2J\u007f\u009b2J""#);
        assert_eq!(json("\u{2028}\u{202e}é"), r#""\u2028\u202e\u00e9""#);
        assert_eq!(json("😀"), r#""\ud83d\ude00""#);
    }

    proptest! {
        #[test]
        fn every_string_comes_back_from_printable_ascii(text in any::<String>()) {
            let json = json(&text);
            prop_assert!(json.bytes().all(is_plain));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
