//! One session out of an audit log.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wicketgate_packet::Time;

use crate::logs;
use crate::transcript::Row;

/// A command of the session.
pub(super) struct Asked {
    pub(super) time: String,
    pub(super) row: Row,
    /// The request, as much of it as is in the log.
    pub(super) pdu: Vec<u8>,
}

/// A session, as a log tells it.
#[derive(Default)]
pub(super) struct Story {
    /// The record of its begin, and of its end, if it has ended.
    pub(super) begin: Value,
    pub(super) end: Option<Value>,
    /// The login of its user from its client that was the last before it.
    pub(super) login: Option<Value>,
    pub(super) commands: Vec<Asked>,
    /// Where its record is.
    pub(super) record: Option<PathBuf>,
}

impl Story {
    /// When it began.
    pub(super) fn start(&self) -> Option<Time> {
        let stamp: jiff::Timestamp = self.begin.get("time")?.as_str()?.parse().ok()?;
        u64::try_from(stamp.as_nanosecond()).ok().map(Time::from_nanos)
    }

    fn tell(&mut self, record: Value) {
        match record.get("type").and_then(Value::as_str) {
            Some("session-end") => self.end = Some(record),
            Some("command") => {
                let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
                let (time, pdu) = (text("time").to_owned(), bytes(text("payload")));
                self.commands.push(Asked { time, row: Row::of_record(&record, &pdu), pdu });
            }
            _ => {}
        }
    }
}

/// The last session of this number: a gate counts anew at each start.
///
/// # Errors
/// The log cannot be read, or has no such session.
pub(super) fn read(log: &Path, session: u64) -> Result<Story, String> {
    let named = |error| format!("{}: cannot be read: {error}", log.display());
    let (mut story, mut logins) = (None, Vec::new());
    for piece in logs::pieces(log).map_err(named)? {
        for line in logs::reader(&piece).map_err(named)?.lines() {
            let line = line.map_err(named)?;
            if let Some(record) = concerns(&line, session) {
                note(record, &mut story, &mut logins);
            }
        }
    }
    story.ok_or_else(|| format!("{}: there is no session {session} in it", log.display()))
}

/// The record in a line, if it is about the session, or a login. Others are not even parsed.
fn concerns(line: &str, session: u64) -> Option<Value> {
    let of_session = line.contains(&format!("\"session\":{session},"));
    let is_login = line.contains("\"type\":\"login\"");
    if !of_session && !is_login {
        return None;
    }
    serde_json::from_str(line).ok()
}

fn note(record: Value, story: &mut Option<Story>, logins: &mut Vec<Value>) {
    match record.get("type").and_then(Value::as_str) {
        Some("login") => {
            // Of each user and client the last.
            logins.retain(|login| !is_same(login, &record));
            logins.push(record);
        }
        Some("session-start") => {
            let login = logins.iter().find(|login| is_same(login, &record)).cloned();
            *story = Some(Story { begin: record, login, ..Story::default() });
        }
        _ => {
            if let Some(story) = story {
                story.tell(record);
            }
        }
    }
}

/// Whether both are of one user and one client.
fn is_same(a: &Value, b: &Value) -> bool {
    ["user", "client"].iter().all(|key| a.get(key) == b.get(key))
}

fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    pairs.map_while(byte).collect()
}
