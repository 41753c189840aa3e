//! Common Event Format, version 0 (ArcSight, "Implementing ArcSight Common Event Format"): a head of eight parts with bars
//! between them, and an extension of `key=value` with spaces between.

use super::printable;
use crate::view::View;

/// Extension keys that hold a field as it is.
const PLAIN: [(&str, &str); 20] = [
    ("externalId", "id"),
    ("act", "result"),
    ("outcome", "result"),
    ("cat", "category"),
    ("suser", "user"),
    ("src", "client"),
    ("spt", "client_port"),
    ("sourceTranslatedPort", "nat_port"),
    ("dhost", "asset"),
    ("dst", "destination"),
    ("dpt", "destination_port"),
    ("proto", "transport"),
    ("app", "protocol"),
    ("reason", "reason"),
    ("msg", "text"),
    ("cnt", "times"),
    ("in", "bytes"),
    ("duser", "actor"),
    ("dvchost", "source"),
    ("fname", "log_file"),
];

/// Keys of one's own, each with the label that says what it holds: `cs1=... cs1Label=rule`.
const LABELLED: [(&str, &str); 9] = [
    ("cs1", "rule"),
    ("cs2", "command"),
    ("cs3", "class"),
    ("cs4", "payload"),
    ("cs5", "hash"),
    ("cs6", "what"),
    ("cn1", "seq"),
    ("cn2", "session"),
    ("cn3", "function"),
];

/// What is written to: a head's values escape bars, an extension's equals signs, both backslashes.
#[derive(Clone, Copy)]
enum Part {
    Head,
    Extension,
}

/// Appends a record without the end of its line.
pub fn record(view: &View<'_>, out: &mut Vec<u8>) {
    let mut line = format!("CEF:0|Wicketgate|Wicketgate|{}|", env!("CARGO_PKG_VERSION"));
    for text in [view.kind(), &name(view)] {
        escape(text, Part::Head, &mut line);
        line.push('|');
    }
    line.push_str(&format!("{}|rt={}", severity(view), millis(view)));
    for (key, field) in PLAIN {
        put(&mut line, key, view, field);
    }
    for (key, field) in LABELLED {
        if put(&mut line, key, view, field) {
            line.push_str(&format!(" {key}Label={field}"));
        }
    }
    out.extend_from_slice(line.as_bytes());
}

/// Appends a field, where the record has it.
fn put(line: &mut String, key: &str, view: &View<'_>, field: &str) -> bool {
    let Some(value) = view.get(field) else { return false };
    line.push(' ');
    line.push_str(key);
    line.push('=');
    escape(&value.to_string(), Part::Extension, line);
    true
}

fn escape(text: &str, part: Part, line: &mut String) {
    for letter in text.chars() {
        match (letter, part) {
            ('\\', _) => line.push_str("\\\\"),
            ('|', Part::Head) => line.push_str("\\|"),
            ('=', Part::Extension) => line.push_str("\\="),
            ('\n', Part::Extension) => line.push_str("\\n"),
            ('\r', Part::Extension) => line.push_str("\\r"),
            // A backslash would be taken for the beginning of an escape: what is left of a control character is a blank.
            (letter, _) if printable(letter.encode_utf8(&mut [0; 4])).count() > 1 => line.push(' '),
            (letter, _) => line.push(letter),
        }
    }
}

/// What happened, in a few words.
fn name(view: &View<'_>) -> String {
    match view.text("command") {
        Some(command) => format!("{command} {}", view.result()),
        None => view.kind().replace('-', " "),
    }
}

/// Milliseconds since 1970.
fn millis(view: &View<'_>) -> i64 {
    view.time().parse().map_or(0, jiff::Timestamp::as_millisecond)
}

/// From 0, nothing to look at, to 10.
pub fn severity(view: &View<'_>) -> u8 {
    match (view.kind(), view.result()) {
        ("alarm", _) => 9,
        ("break-glass-used" | "break-glass-armed" | "tunnel-spoofed", _) => 8,
        (_, "failure") => 8,
        (_, "denied") => 6,
        (_, "observed") => 4,
        ("user-added" | "user-removed" | "user-roles" | "factor-reset" | "policy-reload", _) => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> String {
        let mut out = Vec::new();
        record(&View::read(line.as_bytes()).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn head_and_extension_escape_what_they_must() {
        let line = r#"{"time":"2020-06-27T11:50:49.419685000Z","seq":7,"type":"a|b\\c","result":"denied","user":"x=1|\\\n\u001b y","rule":"r s"}"#;
        let version = env!("CARGO_PKG_VERSION");
        let told = told(line);
        let head = format!("CEF:0|Wicketgate|Wicketgate|{version}|a\\|b\\\\c|a\\|b\\\\c|6|");
        assert!(told.starts_with(&head), "{told}");
        assert!(told.contains("|rt=1593258649419 act=denied"), "{told}");
        assert!(told.contains(" suser=x\\=1|\\\\\\n  y "), "{told}");
        assert!(told.ends_with(" cs1=r s cs1Label=rule cn1=7 cn1Label=seq"), "{told}");
        assert_eq!(told.lines().count(), 1);
    }

    #[test]
    fn severities_rise() {
        let of = |kind: &str, result: &str| {
            let line = format!(r#"{{"time":"t","seq":1,"type":"{kind}","result":"{result}"}}"#);
            severity(&View::read(line.as_bytes()).unwrap())
        };
        assert_eq!(of("command", "success"), 2);
        assert_eq!(of("command", "observed"), 4);
        assert_eq!(of("login-refused", "denied"), 6);
        assert_eq!(of("log-resume", "failure"), 8);
        assert_eq!(of("alarm", "failure"), 9);
        assert_eq!(of("alarm-end", "success"), 2);
        assert_eq!(of("budget-breached", "failure"), 8);
        assert_eq!(of("budget-recovered", "success"), 2);
    }
}
