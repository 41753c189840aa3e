//! What a write replaced: the values last seen of the same object in the session's own record, read from the device or
//! written to it and not refused.
//!
//! Registers and bits of Modbus: there a response is nothing but the values of what its request named.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;

use wicketgate_dissectors::{Direction, Field, Item, Protocol, Space, Values};

use super::log::Asked;
use crate::dissect::{self, Spoken};
use crate::transcript::decisive;

/// Requests that wait for their answer, at most; a device answers a few at a time.
const WAITING: usize = 1024;
/// Values that are remembered: more than a device of Modbus has.
const REMEMBERED: usize = 1 << 20;
/// Values that are shown of a list.
const SHOWN: usize = 8;

/// A request in the record, and what was known of what it writes.
struct Seen {
    pdu: Vec<u8>,
    before: String,
}

/// What has been seen in the record so far.
#[derive(Default)]
struct Watch {
    /// By client and transaction: what was asked for.
    waiting: HashMap<(SocketAddr, u64), Vec<u8>>,
    /// By unit, table and address.
    values: HashMap<(u8, Space, u32), u16>,
    requests: Vec<Seen>,
}

/// Notes with each command what it replaced, as far as the record shows it.
pub(super) fn note(record: &Path, commands: &mut [Asked]) {
    let mut watch = Watch::default();
    // What can be read of a record that is cut is good.
    let _ = dissect::each_pdu(record, &mut |spoken| watch.see(spoken));
    let mut from = 0;
    for command in commands {
        // Where a frame is missing from the record, its command is skipped and the next one found.
        let rest = watch.requests.get(from..).unwrap_or_default();
        let is_it = |seen: &Seen| !command.pdu.is_empty() && seen.pdu.starts_with(&command.pdu);
        if let Some((at, seen)) = rest.iter().enumerate().find(|(_, seen)| is_it(seen)) {
            command.row.before = seen.before.clone();
            from += at + 1;
        }
    }
}

impl Watch {
    fn see(&mut self, spoken: &Spoken<'_>) {
        match spoken.direction {
            Direction::ToServer => self.request(spoken),
            Direction::ToClient => self.response(spoken),
        }
    }

    fn request(&mut self, spoken: &Spoken<'_>) {
        let before = self.before(spoken).unwrap_or_default();
        self.requests.push(Seen { pdu: spoken.bytes.to_vec(), before });
        if let Some(key) =
            spoken.protocol.key(spoken.bytes).filter(|_| self.waiting.len() < WAITING)
        {
            let place = (spoken.client, key.transaction);
            self.waiting.insert(place, spoken.bytes.to_vec());
        }
    }

    /// What is known of what a request writes.
    fn before(&self, spoken: &Spoken<'_>) -> Option<String> {
        let command = spoken.protocol.command(spoken.bytes).ok()?;
        let item = decisive(&command).filter(|item| item.values != Values::None)?;
        let places = places(command.unit, &item).take(SHOWN);
        let known: Vec<_> = places.map(|place| self.values.get(&place)).collect();
        known.iter().any(Option::is_some).then(|| {
            let word = |value: &Option<&u16>| value.map_or("?".to_owned(), ToString::to_string);
            let words: Vec<_> = known.iter().map(word).collect();
            let more = if item.count as usize > SHOWN { " ..." } else { "" };
            words.join(" ") + more
        })
    }

    /// A device has answered: it holds what it was told, or what it tells.
    fn response(&mut self, spoken: &Spoken<'_>) {
        let protocol = spoken.protocol;
        let Some(key) = protocol.key(spoken.bytes) else { return };
        let asked = self.waiting.remove(&(spoken.client, key.transaction));
        let Some(asked) = asked.filter(|_| protocol == Protocol::Modbus) else { return };
        let Ok(command) = protocol.command(&asked) else { return };
        let Some(item) = decisive(&command) else { return };
        let (mut told, mut refused) = (Vec::new(), false);
        protocol.fields(spoken.bytes, spoken.direction, &mut |name: &str, value: Field<'_>| {
            match value {
                Field::Registers(bytes) => told.extend(dissect::registers(bytes)),
                Field::Bits(bytes, count) => told.extend(dissect::bits(bytes, count)),
                Field::Flag(yes) if name == "exception" => refused = yes,
                _ => {}
            }
        });
        match item.values {
            _ if refused || self.values.len() >= REMEMBERED => {}
            Values::None => self.learn(command.unit, &item, told),
            Values::Registers(bytes) => self.learn(command.unit, &item, dissect::registers(bytes)),
            Values::Coils(bytes) => {
                self.learn(command.unit, &item, dissect::bits(bytes, item.count as usize));
            }
            // What came of it nobody has seen.
            _ => places(command.unit, &item).for_each(|place| _ = self.values.remove(&place)),
        }
    }

    fn learn(&mut self, unit: u8, item: &Item<'_>, values: impl IntoIterator<Item = u16>) {
        self.values.extend(places(unit, item).zip(values));
    }
}

/// Each element of an item.
fn places(unit: u8, item: &Item<'_>) -> impl Iterator<Item = (u8, Space, u32)> + use<> {
    let (space, start) = (item.space, item.start);
    (0..item.count).map(move |at| (unit, space, start.saturating_add(at)))
}
