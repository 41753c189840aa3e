//! A command in plain words: what was asked, of what, which value was written, and what was said to it.
//!
//! One piece of code tells it for replays, for the comments of records and for transcripts of sessions.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use wicketgate_dissectors::{Command, Item, Protocol};
use wicketgate_engine::event::CommandEvent;
use wicketgate_engine::{EndpointId, Tables};

use crate::{dissect, words};

/// What the verdict on a refused command begins with.
const DENIED: &str = "DENIED";

/// A command and its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    /// Its name in the protocol.
    pub(crate) command: String,
    pub(crate) class: String,
    pub(crate) unit: u64,
    /// What it touches; empty where it touches nothing.
    pub(crate) object: String,
    /// The values that it writes; empty where it writes none, or the log has not all of it.
    pub(crate) written: String,
    /// The values that the same object was last seen to have; empty where none was seen.
    pub(crate) before: String,
    /// What was said: `forwarded`, `DENIED command-denied`, `observed`.
    pub(crate) verdict: String,
    /// The rule that gave it, or came nearest.
    pub(crate) rule: String,
}

impl Row {
    /// Of an event of an engine.
    pub(crate) fn of_event(tables: &Tables, told: &CommandEvent) -> Row {
        let pdu = told.payload.get(..usize::from(told.payload_len)).unwrap_or_default();
        // Who observes goes by no rule.
        let rule = told.rule.filter(|_| !told.observed).and_then(|rule| tables.rule(rule));
        Row {
            command: words::command(told.name, told.function, told.sub).into_owned(),
            class: told.class.name().to_owned(),
            unit: told.unit.into(),
            object: words::object(told.object, &told.tag.as_str()),
            written: written(told.protocol, pdu),
            before: String::new(),
            verdict: verdict(told.observed, told.denied.map(|reason| reason.code())),
            rule: rule.map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// Of a record of an audit log with this PDU.
    pub(crate) fn of_record(record: &Value, pdu: &[u8]) -> Row {
        let text = |key: &str| record.get(key).and_then(Value::as_str);
        let owned = |key: &str| text(key).unwrap_or_default().to_owned();
        let observed = text("result") == Some("observed");
        let protocol = text("protocol").and_then(Protocol::from_name);
        let command = protocol.and_then(|protocol| protocol.command(pdu).ok());
        Row {
            command: owned("command"),
            class: owned("class"),
            unit: record.get("unit").and_then(Value::as_u64).unwrap_or_default(),
            object: command.as_ref().map(object).unwrap_or_default(),
            written: protocol.map(|protocol| written(protocol, pdu)).unwrap_or_default(),
            before: String::new(),
            verdict: verdict(observed, text("reason")),
            rule: if observed { String::new() } else { owned("rule") },
        }
    }
}

impl Row {
    /// Whether it was refused.
    pub(crate) fn is_denied(&self) -> bool {
        self.verdict.starts_with(DENIED)
    }
}

/// `write-single-register (write) unit 1 holding-registers 10 = 7 (before 5): forwarded [the HMI runs press-3]`
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { command, class, unit, object, written, before, verdict, rule } = self;
        write!(f, "{command} ({class}) unit {unit}")?;
        let parts = [(" ", object, ""), (" = ", written, ""), (" (before ", before, ")")];
        let verdict = [(": ", verdict, ""), (" [", rule, "]")];
        let said = parts.into_iter().chain(verdict).filter(|(_, what, _)| !what.is_empty());
        said.into_iter().try_for_each(|(lead, what, end)| write!(f, "{lead}{what}{end}"))
    }
}

fn verdict(observed: bool, denied: Option<&str>) -> String {
    match (denied, observed) {
        (None, true) => "observed".to_owned(),
        (Some(reason), true) => format!("observed, {reason}"),
        (None, false) => "forwarded".to_owned(),
        (Some(reason), false) => format!("{DENIED} {reason}"),
    }
}

/// The item that decides what a command is, or the first.
pub(crate) fn decisive<'a>(command: &Command<'a>) -> Option<Item<'a>> {
    let deciding = command.items.clone().find(|item| item.class == command.class);
    deciding.or_else(|| command.items.clone().next())
}

fn object(command: &Command<'_>) -> String {
    decisive(command).map_or(String::new(), |item| {
        words::object((item.space, item.start, item.count), &item.label())
    })
}

/// What a request writes to what decides it, if all of it is there.
fn written(protocol: Protocol, pdu: &[u8]) -> String {
    let command = protocol.command(pdu).ok();
    command.as_ref().and_then(decisive).map(|item| dissect::written(&item)).unwrap_or_default()
}

/// The asset of a door, by name.
pub(crate) fn asset(tables: &Tables, endpoint: EndpointId) -> &str {
    let asset = tables.endpoint(endpoint).and_then(|door| tables.asset(door.asset));
    asset.map_or("?", |asset| &*asset.name)
}
