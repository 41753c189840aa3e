//! How a session is told.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::log::Story;
use crate::transcript::Row;

/// A session in words.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    session: u64,
    user: Option<Value>,
    /// What its user had proven at the login before it.
    factors: Option<Value>,
    client: Option<Value>,
    asset: Option<Value>,
    protocol: Option<Value>,
    start: Option<Value>,
    /// `None`: it goes on, or the gate did not end it.
    end: Option<Value>,
    why: Option<Value>,
    frames: Option<Value>,
    bytes: Option<Value>,
    commands: u64,
    denied: u64,
    /// Its pcapng.
    record: Option<PathBuf>,
    transcript: Vec<Line>,
}

/// One command.
#[derive(Debug, Serialize)]
struct Line {
    time: String,
    #[serde(flatten)]
    row: Row,
}

/// What there is to tell of a session.
pub(super) fn of(story: &Story, session: u64) -> Told {
    let begin = |key: &str| story.begin.get(key).cloned();
    let end = |key: &str| story.end.as_ref().and_then(|end| end.get(key)).cloned();
    let line =
        |asked: &super::log::Asked| Line { time: asked.time.clone(), row: asked.row.clone() };
    let denied = story.commands.iter().filter(|asked| asked.row.is_denied());
    Told {
        session,
        user: begin("user"),
        factors: story.login.as_ref().and_then(|login| login.get("what")).cloned(),
        client: begin("client"),
        asset: begin("asset"),
        protocol: begin("protocol"),
        start: begin("time"),
        end: end("time"),
        why: end("reason"),
        frames: end("frames"),
        bytes: end("bytes"),
        commands: story.commands.len() as u64,
        denied: denied.count() as u64,
        record: story.record.clone(),
        transcript: story.commands.iter().map(line).collect(),
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "session   {}", self.session)?;
        for (what, value) in [
            ("user", &self.user),
            ("factors", &self.factors),
            ("client", &self.client),
            ("asset", &self.asset),
            ("protocol", &self.protocol),
            ("start", &self.start),
            ("end", &self.end),
            ("why", &self.why),
            ("frames", &self.frames),
            ("bytes", &self.bytes),
        ] {
            if let Some(value) = value {
                writeln!(
                    f,
                    "{what:9} {}",
                    value.as_str().map_or(value.to_string(), str::to_owned)
                )?;
            }
        }
        writeln!(f, "commands  {}, {} denied", self.commands, self.denied)?;
        let record = self.record.as_ref().map(|path| path.display().to_string());
        write!(f, "record    {}", record.as_deref().unwrap_or("-"))?;
        self.transcript.iter().try_for_each(|Line { time, row }| write!(f, "\n{time} {row}"))
    }
}
