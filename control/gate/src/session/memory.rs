//! What a device was last seen to hold: numbers, element by element.
//!
//! An element is a register or a bit of Modbus, an element of a tag of EtherNet/IP, a bit of S7's memory (its counters
//! and timers are elements), a value of a node of OPC UA.

use std::collections::HashMap;
use std::rc::Rc;

use wicketgate_dissectors::{Item, Protocol, Space, Values};

use crate::dissect;

/// Elements that are remembered: more than a device of Modbus has. Beyond them nothing new is learnt.
const REMEMBERED: usize = 1 << 20;
/// Numbers that are shown of a list.
const SHOWN: usize = 8;
/// Bytes that are shown of S7's memory, as in what is written.
const SHOWN_BYTES: usize = 16;
/// Bits of a byte.
const BITS: usize = 8;

/// An element.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    unit: u8,
    space: Space,
    /// The tag without its index, or the node; empty where the space has numbers only.
    name: Rc<str>,
    at: u32,
}

/// What is known.
#[derive(Default)]
pub(super) struct Memory(HashMap<Place, f64>);

impl Memory {
    /// The device holds these numbers; with none of them, or not as many as there are elements, nobody knows what.
    pub(super) fn learn(&mut self, unit: u8, item: &Item<'_>, numbers: &[f64]) {
        let whole = numbers.len() == elements(item);
        for (nth, place) in places(unit, item).enumerate() {
            match numbers.get(nth).filter(|_| whole) {
                None => _ = self.0.remove(&place),
                Some(_) if self.0.len() >= REMEMBERED && !self.0.contains_key(&place) => {}
                Some(number) => _ = self.0.insert(place, *number),
            }
        }
    }

    /// What is known of what a request writes, in the words in which that is told; `?` is what is not.
    pub(super) fn of(&self, unit: u8, item: &Item<'_>) -> Option<String> {
        let most = if is_bytes(item) { SHOWN_BYTES * BITS } else { SHOWN };
        let known: Vec<_> =
            places(unit, item).take(most).map(|place| self.0.get(&place).copied()).collect();
        if !known.iter().any(Option::is_some) {
            return None;
        }
        let words = if is_bytes(item) { bytes(&known) } else { list(&known) };
        let more = if elements(item) <= most {
            ""
        } else if is_bytes(item) {
            "..."
        } else {
            " ..."
        };
        Some(words + more)
    }
}

/// The numbers that an item writes, or that were read of it.
pub(super) fn numbers(item: &Item<'_>, values: Values<'_>) -> Vec<f64> {
    match values {
        Values::Registers(bytes) => dissect::registers(bytes).map(f64::from).collect(),
        Values::Coils(bytes) => bits(bytes, elements(item)),
        Values::Scalars(scalar, bytes) => scalar.numbers(bytes).collect(),
        Values::Raw(bytes) if is_counted(item.space) => {
            dissect::registers(bytes).map(f64::from).collect()
        }
        Values::Raw(bytes) => bits(bytes, elements(item)),
        Values::None | Values::Mask { .. } => Vec::new(),
    }
}

/// Whether a command of this protocol says what of such a space it writes and reads.
pub(super) fn is_followed(protocol: Protocol, space: Space) -> bool {
    match protocol {
        Protocol::Modbus => true,
        Protocol::Enip => space == Space::Tag,
        Protocol::S7comm => matches!(space, Space::Memory { .. }),
        Protocol::Opcua => space == Space::Node,
        _ => false,
    }
}

fn elements(item: &Item<'_>) -> usize {
    item.count as usize
}

fn is_counted(space: Space) -> bool {
    matches!(space, Space::Memory { area, .. } if area.is_counted())
}

/// Whether what is written is told in bytes: memory of S7, a single bit as one.
fn is_bytes(item: &Item<'_>) -> bool {
    matches!(item.space, Space::Memory { .. }) && !is_counted(item.space)
}

/// Each element of an item.
fn places(unit: u8, item: &Item<'_>) -> impl Iterator<Item = Place> + use<> {
    let (name, start) = match item.space {
        Space::Tag => indexed(&item.label().to_string()),
        Space::Node => (item.label().to_string(), item.start),
        _ => (String::new(), item.start),
    };
    let (space, name): (_, Rc<str>) = (item.space, name.into());
    (0..item.count).map(move |at| Place {
        unit,
        space,
        name: name.clone(),
        at: start.saturating_add(at),
    })
}

/// `Motor[3]` is element 3 of `motor`: controllers do not care for upper and lower case.
fn indexed(tag: &str) -> (String, u32) {
    let inner = tag.strip_suffix(']').and_then(|tag| tag.rsplit_once('['));
    let index = inner.and_then(|(name, index)| Some((name, index.parse().ok()?)));
    let (name, at) = index.unwrap_or((tag, 0));
    (name.to_ascii_lowercase(), at)
}

fn bits(bytes: &[u8], count: usize) -> Vec<f64> {
    dissect::bits(bytes, count).map(f64::from).collect()
}

fn list(known: &[Option<f64>]) -> String {
    let word = |number: &Option<f64>| number.map_or("?".to_owned(), |number| number.to_string());
    known.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Lower-case hex, least significant bit first in each byte's bits.
fn bytes(known: &[Option<f64>]) -> String {
    let byte = |bits: &[Option<f64>]| {
        let add = |byte: u8, (at, bit): (usize, &Option<f64>)| {
            bit.map(|bit| byte | u8::from(bit != 0.0) << at)
        };
        let byte = bits.iter().enumerate().try_fold(0, add);
        byte.map_or("??".to_owned(), |byte| format!("{byte:02x}"))
    };
    known.chunks(BITS).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use wicketgate_dissectors::Class;

    use super::*;

    fn registers(start: u32, count: u32) -> Item<'static> {
        Item { space: Space::HoldingRegisters, start, count, ..Item::bare(Class::Write) }
    }

    #[test]
    fn what_is_not_known_is_said_and_what_is_no_more_is_forgotten() {
        let mut memory = Memory::default();
        memory.learn(1, &registers(5, 2), &[7.0, 8.0]);
        assert_eq!(memory.of(1, &registers(4, 3)).as_deref(), Some("? 7 8"));
        assert_eq!(memory.of(2, &registers(5, 2)), None, "another unit");
        memory.learn(1, &registers(6, 2), &[9.0]);
        assert_eq!(memory.of(1, &registers(5, 2)).as_deref(), Some("7 ?"), "not as many as named");
    }

    #[test]
    fn what_is_full_learns_nothing_new_and_tells_nothing_old() {
        let mut memory = Memory::default();
        let most = REMEMBERED as u32;
        memory.learn(1, &registers(0, most), &vec![1.0; REMEMBERED]);
        memory.learn(1, &registers(most - 1, 2), &[2.0, 2.0]);
        assert_eq!(memory.0.len(), REMEMBERED);
        assert_eq!(memory.of(1, &registers(most - 1, 2)).as_deref(), Some("2 ?"));
    }
}
