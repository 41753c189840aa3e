//! The entries of a matcher in words.

use wicketgate_dissectors::Class;
use wicketgate_dissectors::modbus::functions;
use wicketgate_engine::{CodeSet, Entry, RangeSet, SpaceSet, ValueRule};

use crate::allow::SPACES;

/// The elements of an `allow` list.
pub(crate) fn allow(entries: &[Entry], inspected: bool) -> Vec<String> {
    let whole = |entry: &Entry| !inspected && entry.classes.is_empty();
    let words = |e: &Entry| if whole(e) { "everything, unread".to_owned() } else { entry(e) };
    entries.iter().map(words).collect()
}

/// One entry: `function 6 (write-single-register), address 100-119, value 0-1500`.
pub(crate) fn entry(entry: &Entry) -> String {
    let classes: Vec<&str> = entry.classes.iter().map(Class::name).collect();
    let parts = [
        (!classes.is_empty()).then(|| classes.join(" ")),
        codes("function", &entry.functions, |code| function(code, &entry.subs)),
        codes("sub", &entry.subs, |code| code.to_string()),
        spaces(entry.spaces),
        ranges("unit", &entry.units),
        ranges("file", &entry.files),
        ranges("address", &entry.addresses),
        entry.quantity.map(|most| format!("at most {most} at once")),
        values(&entry.values),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn codes(what: &str, set: &CodeSet, word: impl Fn(u16) -> String) -> Option<String> {
    let CodeSet::Codes(codes) = set else { return None };
    let words: Vec<String> = codes.iter().map(|code| word(*code)).collect();
    Some(format!("{what} {}", words.join(" ")))
}

/// The code, and the name if that is one function.
fn function(code: u16, subs: &CodeSet) -> String {
    let sub = match subs {
        CodeSet::Codes(subs) if subs.len() == 1 => subs.first().copied(),
        _ => None,
    };
    let same = |known: &&functions::Function| u16::from(known.code) == code && known.sub == sub;
    let known = functions::functions().iter().find(same);
    known.map_or(code.to_string(), |known| format!("{code} ({})", known.name))
}

fn spaces(set: SpaceSet) -> Option<String> {
    if set == SpaceSet::ANY {
        return None;
    }
    let named = SPACES.iter().filter(|(_, space)| set.contains(*space));
    Some(named.map(|(name, _)| *name).collect::<Vec<_>>().join(" "))
}

fn ranges(what: &str, set: &RangeSet) -> Option<String> {
    let RangeSet::Ranges(ranges) = set else { return None };
    let words: Vec<String> = ranges.iter().map(range).collect();
    Some(format!("{what} {}", words.join(" ")))
}

fn range((first, last): &(u32, u32)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

fn values(rule: &ValueRule) -> Option<String> {
    match rule {
        ValueRule::Any => None,
        ValueRule::In(set) => ranges("value", set),
        ValueRule::Steps { from, to, step } => Some(format!("value {from}-{to} step {step}")),
        ValueRule::Bits(bits) => Some(format!("bits {bits:#06x}")),
    }
}
