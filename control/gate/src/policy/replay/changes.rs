//! Commands that are judged otherwise, counted by kind. Bounded: by kinds, not by the record.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Serialize;
use wicketgate_dissectors::{Item, Protocol, Space};
use wicketgate_packet::Time;
use wicketgate_policy::trial::Answer;

use super::judge::Court;
use crate::words;

/// Kinds of changes that are told apart; of more, only the number is kept.
const KINDS: usize = 10_000;

/// What is said to a command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Opinion {
    /// `forwarded`, `denied` or `observed`.
    pub(super) verdict: &'static str,
    pub(super) reason: Option<String>,
    pub(super) rule: Option<String>,
}

/// Everything that makes one change the same as another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Change {
    pub(super) asset: String,
    pub(super) user: String,
    pub(super) command: String,
    pub(super) unit: u8,
    pub(super) object: String,
    pub(super) before: Opinion,
    pub(super) after: Opinion,
}

/// How often, and when first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) count: u64,
    pub(super) first: Time,
}

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) kinds: BTreeMap<Change, Times>,
    /// Changes of kinds beyond [`KINDS`].
    pub(super) others: u64,
    /// Commands judged.
    pub(super) commands: u64,
    /// Of these, denied before and forwarded now.
    pub(super) allowed: u64,
    /// Of these, forwarded before and denied now.
    pub(super) denied: u64,
    /// Commands that no policy denied: the log was full.
    pub(super) not_judged: u64,
}

impl Opinion {
    /// What a policy says.
    pub(super) fn of(court: &Court, answer: Answer) -> Opinion {
        let verdict = if answer.is_allowed() { "forwarded" } else { "denied" };
        let reason = answer.reason().map(|reason| reason.code().to_owned());
        Opinion { verdict, reason, rule: court.rule(answer) }
    }
}

impl Changes {
    /// How many commands are judged otherwise.
    pub(super) fn differing(&self) -> u64 {
        self.allowed + self.denied
    }

    /// Counts a command that passes before and not after, or the other way round.
    pub(super) fn add(&mut self, time: Time, after_passes: bool, change: Change) {
        *(if after_passes { &mut self.allowed } else { &mut self.denied }) += 1;
        let full = self.kinds.len() >= KINDS;
        match self.kinds.entry(change) {
            Entry::Vacant(_) if full => self.others += 1,
            entry => entry.or_insert(Times { count: 0, first: time }).count += 1,
        }
    }
}

/// A command in words: its name, unit and object.
pub(super) fn describe(protocol: Protocol, pdu: &[u8]) -> (Cow<'static, str>, u8, String) {
    let unit = protocol.unit(pdu);
    let Ok(command) = protocol.command(pdu) else {
        let function = protocol.key(pdu).map_or(0, |key| key.function);
        return (words::command("malformed", function, None), unit, String::new());
    };
    let deciding = command.items.clone().find(|item| item.class == command.class);
    let item = deciding.or_else(|| command.items.clone().next());
    let object = item.map_or((Space::None, 0, 0), |item| (item.space, item.start, item.count));
    let bare = Item::bare(command.class);
    let name = item.as_ref().unwrap_or(&bare).label();
    (
        words::command(command.name, command.function, command.sub),
        unit,
        words::object(object, &name),
    )
}
