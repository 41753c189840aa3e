//! Comma-separated values (RFC 4180): one record a line, one column a field.

use super::printable;
use crate::view::{Value, View};

/// All columns, in their order; a record has a value for some of them. What has no column is in the log itself.
pub const COLUMNS: [&str; 71] = [
    "time",
    "seq",
    "source",
    "category",
    "type",
    "id",
    "result",
    "format",
    "after",
    "torn",
    "side_file",
    "log_file",
    "through",
    "through_hash",
    "unlogged",
    "workers",
    "user",
    "login",
    "grant",
    "essential",
    "session",
    "actor",
    "client",
    "client_port",
    "asset",
    "protocol",
    "transport",
    "destination",
    "destination_port",
    "nat_port",
    "to_asset",
    "to_client",
    "frames",
    "bytes",
    "commands",
    "denied",
    "command",
    "class",
    "function",
    "sub",
    "unit",
    "table",
    "file",
    "tag",
    "operand",
    "object",
    "instance",
    "attribute",
    "data_file",
    "node",
    "method",
    "security",
    "token",
    "address",
    "count",
    "payload",
    "worker",
    "event",
    "what",
    "times",
    "window_ns",
    "cycle_ns",
    "budget_ns",
    "floor_ns",
    "reason",
    "rule",
    "text",
    "epoch",
    "signature",
    "prev",
    "hash",
];

/// What a spreadsheet takes for a formula, as OWASP has it ("CSV Injection"), their full-width forms included.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// Appends the line of names.
pub fn head(out: &mut Vec<u8>) {
    out.extend_from_slice(COLUMNS.join(",").as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends a record without the end of its line.
pub fn record(view: &View<'_>, out: &mut Vec<u8>) {
    for (at, column) in COLUMNS.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match view.get(column) {
            Some(Value::Number(number)) => out.extend_from_slice(number.to_string().as_bytes()),
            Some(value) => cell(&value.to_string(), out),
            None => {}
        }
    }
}

/// A text in quotes. Before what would be a formula stands an apostrophe, which spreadsheets take for "this is text".
fn cell(text: &str, out: &mut Vec<u8>) {
    let mut cell = String::with_capacity(text.len() + 3);
    cell.push('"');
    if text.starts_with(FORMULA) {
        cell.push('\'');
    }
    for letter in printable(text) {
        cell.push(letter);
        if letter == '"' {
            cell.push('"');
        }
    }
    cell.push('"');
    out.extend_from_slice(cell.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let mut out = Vec::new();
        cell(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_cell_is_a_formula_or_another_line() {
        assert_eq!(told("press-3"), "\"press-3\"");
        assert_eq!(told("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\"");
        for start in FORMULA {
            assert!(told(&format!("{start}1")).starts_with("\"'"), "{start:?}");
        }
        assert_eq!(told("a\"b,c"), "\"a\"\"b,c\"");
        assert_eq!(told("a\r\n=1"), "\"a\\u{d}\\u{a}=1\"");
        assert_eq!(told("\u{202e}x\u{1b}[2J"), "\"\\u{202e}x\\u{1b}[2J\"");
    }

    #[test]
    fn each_line_has_a_place_for_each_column() {
        let line =
            br#"{"time":"t","seq":2,"type":"login","user":"a,\"b","workers":[{"worker":0}]}"#;
        let mut out = Vec::new();
        record(&View::read(line).unwrap(), &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("\"t\",2,,,\"login\",,"), "{text}");
        assert!(text.contains(",\"[{\"\"worker\"\":0}]\",\"a,\"\"b\","), "{text}");
        let quoted = "\"a,\"\"b\"";
        assert_eq!(text.replace(quoted, "").matches(',').count(), COLUMNS.len() - 1);
    }
}
