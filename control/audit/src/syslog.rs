//! Records as messages of syslog (RFC 5424), and how a stream of them is cut (RFC 5425, RFC 6587: octet counting).

use std::fmt::Write;

use crate::export::{Format, cef};
use crate::view::View;

/// Highest `sequenceId`; then it begins at 1 again (RFC 5424 section 7.3.1).
const LAST_SEQUENCE: u64 = 2_147_483_647;
/// Longest HOSTNAME and MSGID (section 6).
const LONGEST_HOST: usize = 255;
const LONGEST_ID: usize = 32;

/// What messages are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syslog {
    /// The facility's number, 0 to 23 (section 6.2.1); 13 is "log audit".
    pub facility: u8,
    /// What stands in MSG.
    pub format: Format,
}

impl Syslog {
    /// Appends a message: a record, `line` read as `view`.
    pub fn message(&self, line: &[u8], view: &View<'_>, out: &mut Vec<u8>) {
        let mut head = String::with_capacity(192);
        let priority = u32::from(self.facility) * 8 + u32::from(severity(view));
        let (time, host) = (timestamp(view.time()), word(view.text("source"), LONGEST_HOST));
        let id = word(Some(view.kind()), LONGEST_ID);
        let sequence = view.seq().saturating_sub(1) % LAST_SEQUENCE + 1;
        let version = env!("CARGO_PKG_VERSION");
        // A String takes all that is written to it.
        let _ = write!(
            head,
            "<{priority}>1 {time} {host} wicketgate - {id} \
             [origin software=\"wicketgate\" swVersion=\"{version}\"][meta sequenceId=\"{sequence}\"] "
        );
        out.extend_from_slice(head.as_bytes());
        self.format.text(line, view, out);
    }

    /// Appends the same with its length before it: `MSG-LEN SP SYSLOG-MSG` (RFC 5425 section 4.3).
    pub fn frame(&self, line: &[u8], view: &View<'_>, out: &mut Vec<u8>) {
        let mut message = Vec::with_capacity(line.len() + 192);
        self.message(line, view, &mut message);
        out.extend_from_slice(message.len().to_string().as_bytes());
        out.push(b' ');
        out.append(&mut message);
    }
}

/// A severity of section 6.2.1: 1 alert, 3 error, 4 warning, 5 notice, 6 informational.
fn severity(view: &View<'_>) -> u8 {
    match (view.kind(), cef::severity(view)) {
        ("alarm", _) => 1,
        (_, 8..) => 3,
        (_, 6..8) => 4,
        (_, 4..6) => 5,
        _ => 6,
    }
}

/// A record's time, to the microsecond, as fine as a TIMESTAMP may be (section 6.2.3.1); `-` where it is none.
fn timestamp(time: &str) -> String {
    let parsed = time.parse::<jiff::Timestamp>();
    parsed.map_or_else(|_| "-".to_owned(), |time| format!("{time:.6}"))
}

/// A field of the head: printable ASCII without blanks; `-` where there is nothing.
fn word(text: Option<&str>, longest: usize) -> String {
    let plain = |letter: char| if letter.is_ascii_graphic() { letter } else { '_' };
    let word: String = text.unwrap_or_default().chars().take(longest).map(plain).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUDIT: Syslog = Syslog { facility: 13, format: Format::Json };

    fn told(line: &str) -> String {
        let mut out = Vec::new();
        AUDIT.message(line.as_bytes(), &View::read(line.as_bytes()).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_has_the_head_of_rfc_5424() {
        let line = include_str!("../tests/examples.jsonl").lines().nth(4).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        let head = format!(
            "<108>1 2020-06-27T11:50:49.423685Z gate-1 wicketgate - command \
             [origin software=\"wicketgate\" swVersion=\"{version}\"][meta sequenceId=\"5\"] "
        );
        assert_eq!(told(line), head + line);
    }

    #[test]
    fn what_a_name_holds_stays_in_its_field() {
        let line = r#"{"time":"today","seq":2147483648,"type":"a b\u000a","source":"g 1\u00e9]","result":"success"}"#;
        let told = told(line);
        assert!(told.starts_with("<110>1 - g_1_] wicketgate - a_b_ [origin "), "{told}");
        assert!(told.contains("sequenceId=\"1\"] {\"time\""), "it begins anew: {told}");
    }

    /// A log that somebody else wrote may have any time that can be read as one.
    #[test]
    fn a_time_in_another_form_moves_no_field() {
        for time in [
            "2020-06-27 11:50:49.419685000Z",
            "2020-06-27 13:50:49.419685000+02:00",
            "2020-06-27T13:50:49.419685+02:00[Europe/Berlin]",
        ] {
            let told = told(&format!(r#"{{"time":"{time}","seq":1,"type":"x"}}"#));
            assert!(
                told.starts_with("<110>1 2020-06-27T11:50:49.419685Z - wicketgate - x ["),
                "{told}"
            );
        }
    }

    #[test]
    fn octets_are_counted_not_letters() {
        let line = r#"{"time":"t","seq":1,"type":"x","user":"é"}"#.as_bytes();
        let view = View::read(line).unwrap();
        let syslog = Syslog { format: Format::Cef, ..AUDIT };
        let (mut one, mut two) = (Vec::new(), Vec::new());
        syslog.message(line, &view, &mut one);
        syslog.frame(line, &view, &mut two);
        assert!(one.len() > str::from_utf8(&one).unwrap().chars().count());
        assert_eq!(two, [one.len().to_string().as_bytes(), b" ", &one].concat());
    }
}
