//! What the comments of a record say.

use wicketgate_engine::{Copied, EventKind, Tables};
use wicketgate_packet::Time;

use super::keeper::Ending;
use crate::replay::transcript::total_words;
use crate::transcript::{Row, asset};
use crate::words;

/// Of the whole record: which session it is, whose, with what.
pub(super) fn of_session(tables: &Tables, copied: &Copied, start: Time) -> String {
    let whose = &copied.whose;
    let grant = tables.grant(whose.grant);
    let user = grant.and_then(|grant| tables.subject(grant.subject));
    let user = user.map_or("?", |subject| &*subject.name);
    let door = grant.and_then(|grant| tables.endpoint(grant.endpoint));
    let asset = grant.map_or("?", |grant| asset(tables, grant.endpoint));
    [
        format!("Wicketgate {}: record of a session", env!("CARGO_PKG_VERSION")),
        format!("session: {}", whose.session),
        format!("user: {user}"),
        format!("client: {}", whose.client.0),
        format!("asset: {asset} ({})", door.map(words::door).unwrap_or_default()),
        format!("start: {}", words::time(start)),
    ]
    .join("\n")
}

/// Of a frame: the verdict on each command that it completes, and why it went no further.
pub(super) fn of_frame(tables: &Tables, copied: &Copied) -> Vec<String> {
    let commands = copied.verdicts.iter().filter_map(|event| match &event.kind {
        EventKind::Command(command) => Some(Row::of_event(tables, command).to_string()),
        EventKind::OperationStart { .. } => Some("an operation begins".to_owned()),
        EventKind::OperationEnd { .. } => Some("the operation is done".to_owned()),
        EventKind::IoStart { ids } => Some(format!("implicit I/O begins: {}", words::ids(*ids))),
        EventKind::IoEnd { ids, cause } => {
            Some(format!("implicit I/O ends: {}; {}", cause.name(), words::ids(*ids)))
        }
        _ => None,
    });
    let more = (copied.more > 0).then(|| format!("and {} more: see the audit log", copied.more));
    let dropped = copied.dropped.map(|reason| format!("not sent on: {reason}"));
    commands.chain(more).chain(dropped).collect()
}

/// Of its end.
pub(super) fn of_end(ending: &Ending, lost: u64) -> String {
    let totals = total_words(&ending.totals);
    let whole = match lost {
        0 => "the record is complete".to_owned(),
        lost => format!("INCOMPLETE: up to {lost} frames are missing from the record"),
    };
    format!("session ends: {}; {totals}\n{whole}", ending.cause)
}
