//! The entries of a matcher in words.

use wicketgate_dissectors::enip::pccc::DataFile;
use wicketgate_dissectors::enip::services::Of;
use wicketgate_dissectors::opcua::services::OPEN_SECURED;
use wicketgate_dissectors::{Class, Protocol};
use wicketgate_engine::objects::{FileRange, ObjectRule, Objects};
use wicketgate_engine::{CodeSet, Entry, RangeSet, SpaceSet, ValueRule};

use crate::allow::SPACES;
use crate::catalog::{self, Function};
use crate::nodes;
use crate::operands;

/// The elements of an `allow` list.
pub(crate) fn allow(entries: &[Entry], protocol: Protocol) -> Vec<String> {
    let whole = |entry: &Entry| !protocol.is_inspected() && entry.classes.is_empty();
    let words = |of: &Entry| match whole(of) {
        true => "everything, unread".to_owned(),
        false => entry(protocol, of),
    };
    entries.iter().map(words).collect()
}

/// One entry: `function 6 (write-single-register), address 100-119, value 0-1500`.
pub(crate) fn entry(protocol: Protocol, entry: &Entry) -> String {
    let classes: Vec<&str> = entry.classes.iter().map(Class::name).collect();
    let parts = [
        (!classes.is_empty()).then(|| classes.join(" ")),
        codes(called(protocol), &entry.functions, |code| function(protocol, code, entry)),
        codes("sub", &entry.subs, |code| code.to_string()),
        spaces(entry.spaces),
        ranges("unit", &entry.units),
        ranges("file", &entry.files),
        objects(&entry.objects),
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

/// What the protocol calls a function.
const fn called(protocol: Protocol) -> &'static str {
    if matches!(protocol, Protocol::Enip | Protocol::Opcua) { "service" } else { "function" }
}

/// The code, and the name if that is one function. What has no code on the wire has only a name.
fn function(protocol: Protocol, code: u16, entry: &Entry) -> String {
    let sub = match &entry.subs {
        CodeSet::Codes(subs) if subs.len() == 1 => subs.first().copied(),
        _ => None,
    };
    let functions = catalog::functions(protocol);
    let same = |known: &&Function| known.code == code && known.sub == sub && reached(known, entry);
    let mut names: Vec<&str> = functions.iter().filter(same).map(|known| known.name).collect();
    names.dedup();
    match (protocol, names.as_slice()) {
        (Protocol::Enip, [name]) if code > 0xff => (*name).to_owned(),
        (Protocol::Enip, [name]) => format!("{code:#04x} ({name})"),
        (Protocol::Enip, _) => format!("{code:#04x}"),
        (Protocol::S7comm, [name]) => format!("{code:#04x} ({name})"),
        (Protocol::S7comm, _) => format!("{code:#04x}"),
        (Protocol::Opcua, [name]) if code >= OPEN_SECURED => (*name).to_owned(),
        (_, [name]) => format!("{code} ({name})"),
        _ => code.to_string(),
    }
}

/// Whether the function is of objects that the entry reaches.
fn reached(function: &Function, entry: &Entry) -> bool {
    let (Some(of), ObjectRule::Only(only)) = (function.of, &entry.objects) else { return true };
    let classes = only.instances.as_ref().map(|instances| &instances.classes);
    let tags = !only.tags.is_empty() && of.holds(None, true);
    let files = !only.files.is_empty() && function.sub.is_some();
    tags || files
        || classes.is_some_and(|set| match of {
            Of::Class(class) => set.contains(u32::from(class)),
            of => of != Of::Tag,
        })
}

fn objects(rule: &ObjectRule) -> Option<String> {
    let only = match rule {
        ObjectRule::Any => return None,
        ObjectRule::Only(only) => only,
        ObjectRule::Operands(ranges) => {
            return Some(ranges.iter().map(operands::written).collect::<Vec<_>>().join(" or "));
        }
        ObjectRule::Nodes(rule) => return Some(nodes::words(rule)),
    };
    let Objects { instances, tags, files } = &**only;
    let tags = tags.iter().map(|tag| format!("tag {}", tag.text()));
    let files = files.iter().map(file);
    let places = instances.iter().map(|of| {
        let parts = [
            hex_ranges("object", &of.classes),
            ranges("instance", &of.instances),
            ranges("attribute", &of.attributes),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    Some(tags.chain(files).chain(places).collect::<Vec<_>>().join(" or "))
}

/// `N7:0-99`.
fn file(FileRange { kind, number, elements }: &FileRange) -> String {
    let file = DataFile { kind: *kind, number: *number };
    if *elements == (0, 0xffff) { file.to_string() } else { format!("{file}:{}", range(elements)) }
}

/// Classes are written as the specification writes them.
fn hex_ranges(what: &str, set: &RangeSet) -> Option<String> {
    let RangeSet::Ranges(ranges) = set else { return None };
    let word = |(first, last): &(u32, u32)| match first == last {
        true => format!("{first:#04x}"),
        false => format!("{first:#04x}-{last:#04x}"),
    };
    let words: Vec<String> = ranges.iter().map(word).collect();
    Some(format!("{what} {}", words.join(" ")))
}

fn spaces(set: SpaceSet) -> Option<String> {
    if set == SpaceSet::ANY {
        return None;
    }
    let named = SPACES.iter().filter(|(_, space)| set.contains(*space));
    Some(named.map(|(name, _)| *name).collect::<Vec<_>>().join(" "))
}

pub(crate) fn ranges(what: &str, set: &RangeSet) -> Option<String> {
    let RangeSet::Ranges(ranges) = set else { return None };
    let words: Vec<String> = ranges.iter().map(range).collect();
    Some(format!("{what} {}", words.join(" ")))
}

fn range((first, last): &(u32, u32)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// What may be written; `None` where that is anything.
pub(crate) fn values(rule: &ValueRule) -> Option<String> {
    match rule {
        ValueRule::Any => None,
        ValueRule::In(set) => ranges("value", set),
        ValueRule::Steps { from, to, step } => Some(format!("value {from}-{to} step {step}")),
        ValueRule::Bits(bits) => Some(format!("bits {bits:#06x}")),
    }
}
