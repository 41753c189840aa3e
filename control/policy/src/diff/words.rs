//! Parts of a difference in words.

use std::collections::BTreeSet;

use wicketgate_dissectors::enip::pccc::DataFile;
use wicketgate_dissectors::{Class, Protocol, Space};
use wicketgate_engine::ValueRule;
use wicketgate_engine::nodes::NodeRule;
use wicketgate_engine::objects::Glob;

use super::cell::{Cell, MAX_UNIT, Proofs, Times};
use super::compare::Part;
use super::kind::{Kind, MAX_WORD, Writes};
use super::numbers::Numbers;
use super::place::{Names, Nodes, Numbered, Place};
use super::rules::Rules;
use super::services;
use super::set::Set;
use crate::catalog;
use crate::model::Factor;
use crate::wording;

/// Ranges of one set that are listed.
const LISTED: usize = 8;

/// Each part once, and what is said of several functions together: `read`, or
/// `write-single-register: address 100-119, value 1501-2000`.
pub(super) fn lines(parts: &[Part]) -> Vec<String> {
    let mut said: Vec<(String, Vec<&Kind>)> = Vec::new();
    for part in parts {
        let words = cell(&part.kind, &part.cell);
        match said.iter_mut().find(|(known, _)| *known == words) {
            Some((_, kinds)) if kinds.contains(&&part.kind) => {}
            Some((_, kinds)) => kinds.push(&part.kind),
            None => said.push((words, vec![&part.kind])),
        }
    }
    let line = |(words, kinds): &(String, Vec<&Kind>)| match words.as_str() {
        "" => names(kinds),
        words => format!("{}: {words}", names(kinds)),
    };
    said.iter().map(line).collect()
}

/// Classes, where all functions of one are there, and the names of the other functions.
fn names(kinds: &[&Kind]) -> String {
    let protocol = kinds.first().map_or(Protocol::Modbus, |kind| kind.protocol);
    let has = |code: u16, sub: Option<u16>, class: Class| {
        kinds.iter().any(|kind| (kind.code, kind.sub, kind.class) == (code, sub, class))
    };
    let all = catalog::functions(protocol);
    // Half of a function is given with the class only beside its other half.
    let is_half = |f: &&catalog::Function| {
        protocol == Protocol::Modbus
            && all.iter().any(|other| (other.code, other.sub) == (f.code, f.sub) && other != *f)
    };
    let is_whole = |class: &Class| {
        let mut of_class = all.iter().filter(|f| f.class == *class && !is_half(f)).peekable();
        of_class.peek().is_some()
            && of_class.all(|f| has(f.code, f.sub, *class))
            && (protocol != Protocol::Enip || has_all(kinds, *class))
    };
    let whole: BTreeSet<Class> = kinds.iter().map(|kind| kind.class).filter(is_whole).collect();
    let mut names: Vec<String> = whole.iter().map(|class| class.name().to_owned()).collect();
    for kind in kinds.iter().filter(|kind| !whole.contains(&kind.class)) {
        let name = name(kind);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

/// Whether these are all kinds of that class: of CIP a code can be several.
fn has_all(kinds: &[&Kind], class: Class) -> bool {
    let all = services::kinds(std::iter::empty());
    all.iter().filter(|kind| kind.class == class).all(|kind| kinds.contains(&kind))
}

/// `write-single-register`, `function 100`, `function 8/19`; of two halves which one.
fn name(kind: &Kind) -> String {
    let named =
        |f: &&catalog::Function| (f.code, f.sub, f.name) == (kind.code, kind.sub, kind.name);
    let functions = catalog::functions(kind.protocol);
    let classes: BTreeSet<Class> = functions.iter().filter(named).map(|f| f.class).collect();
    let halves = classes.len();
    match (kind.class, kind.sub) {
        (Class::Unknown, sub) if kind.protocol == Protocol::Enip => unknown_service(kind, sub),
        (Class::Unknown, _) if kind.protocol != Protocol::Modbus => kind.name.to_owned(),
        (Class::Unknown, Some(_)) if kind.others => {
            format!("function {} with others below it", kind.code)
        }
        (Class::Unknown, Some(sub)) => format!("function {}/{sub}", kind.code),
        (Class::Unknown, None) => format!("function {}", kind.code),
        (class, _) if halves > 1 => format!("{} ({class})", kind.name),
        _ => kind.name.to_owned(),
    }
}

/// `service 0x4f`, `service 0x4b/0x0f99`.
fn unknown_service(kind: &Kind, sub: Option<u16>) -> String {
    match sub {
        None => format!("service {:#04x}", kind.code),
        Some(_) if kind.others => format!("service {:#04x} with others below it", kind.code),
        Some(sub) => format!("service {:#04x}/{sub:#06x}", kind.code),
    }
}

fn cell(kind: &Kind, cell: &Cell) -> String {
    let one = kind.most <= 1;
    let parts = [
        (cell.units != Set::span(0, MAX_UNIT)).then(|| format!("unit {}", set(&cell.units))),
        (kind.is_file() && cell.files != Set::span(1, MAX_WORD))
            .then(|| format!("file {}", set(&cell.files))),
        (cell.files != kind.objects).then(|| data_files(kind, &cell.files)).flatten(),
        place(&cell.place),
        some(address_word(kind), &cell.addresses, kind.most_address(), one),
        counts(kind, cell.counts),
        some(value_word(kind), &cell.values, kind.most_value(), one && kind.writes != Writes::Bits),
        rules(&cell.rules),
        proofs(&cell.proofs),
        times(&cell.times),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn address_word(kind: &Kind) -> &'static str {
    match kind.space {
        Space::DataFile { .. } => "element",
        _ if kind.is_file() => "record",
        _ => "address",
    }
}

/// `file N7`, or what is left of all: `file not N7`.
fn data_files(kind: &Kind, files: &Set) -> Option<String> {
    let Space::DataFile { .. } = kind.space else { return None };
    let words = |set: &Set| {
        let name = |key: u32| {
            let [_, kind, high, low] = key.to_be_bytes();
            DataFile { kind, number: u16::from_be_bytes([high, low]) }.to_string()
        };
        let range = |(first, last): &(u32, u32)| match first == last {
            true => name(*first),
            false => format!("{} to {}", name(*first), name(*last)),
        };
        let ranges: Vec<String> = set.ranges().iter().take(LISTED).map(range).collect();
        ranges.join(" ")
    };
    let others = kind.objects.minus(files);
    let single = files.ranges().iter().all(|(first, last)| first == last);
    Some(match single {
        true => format!("file {}", words(files)),
        false => format!("file not {}", words(&others)),
    })
}

fn place(place: &Place) -> Option<String> {
    match place {
        Place::Nothing => None,
        Place::Tag(names) => tags(names),
        Place::Operand(operands) => operands.words(),
        Place::Node(nodes) => self::nodes(nodes),
        Place::Object([classes, instances, attributes]) => {
            let hex = |set: &Set| listed(set, |number| format!("{number:#04x}"));
            let parts = [
                numbered("object", classes, hex),
                numbered("instance", instances, set),
                numbered("attribute", attributes, set),
            ];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            (!parts.is_empty()).then(|| parts.join(" "))
        }
    }
}

/// `node ns=2;s=Motor*, not node ns=2;s=Motor_1`.
fn nodes(nodes: &Nodes) -> Option<String> {
    let words = |rules: &[NodeRule]| {
        rules.iter().map(crate::nodes::words).collect::<Vec<_>>().join(" and ")
    };
    let without = (!nodes.without.is_empty()).then(|| format!("not {}", words(&nodes.without)));
    let within = (!nodes.within.is_empty()).then(|| words(&nodes.within));
    let parts: Vec<String> = within.into_iter().chain(without).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `tag Motor*, not Motor_1`.
fn tags(names: &Names) -> Option<String> {
    let join = |globs: &mut dyn Iterator<Item = &Glob>, between: &str| {
        let mut words: Vec<&str> = globs.map(Glob::text).collect();
        words.dedup();
        words.join(between)
    };
    let within = join(&mut names.within.iter(), " and ");
    let without = join(&mut names.taken_away(), " or ");
    match (within.as_str(), without.as_str()) {
        ("", "") => None,
        ("", without) => Some(format!("tag not {without}")),
        (within, "") => Some(format!("tag {within}")),
        (within, without) => Some(format!("tag {within}, not {without}")),
    }
}

/// `instance 100-101`, `no instance`; of several that are named one after the other which.
fn numbered(word: &str, numbers: &Numbered, words: impl Fn(&Set) -> String) -> Option<String> {
    let Numbered { all, some, absent } = numbers;
    if all.is_empty() {
        return Some(format!("no {word}"));
    }
    let one = some.iter().fold(all.clone(), |one, some| one.intersect(some));
    let whole = all.ranges().iter().any(|(first, last)| *first == 0 && *last >= MAX_WORD);
    match one.is_empty() {
        _ if some.is_empty() && whole && (*absent || word == "object") => None,
        false => Some(format!("{word} {}", words(&one))),
        true => {
            let hit: Vec<String> = some.iter().map(|some| words(&some.intersect(all))).collect();
            Some(format!("{word} {}", hit.join(" with ")))
        }
    }
}

/// `value 0-1501, not 0-1500`.
fn rules(rules: &Rules) -> Option<String> {
    let words = |rules: &[ValueRule], between: &str| {
        let mut words: Vec<String> = rules.iter().filter_map(wording::values).collect();
        words.dedup();
        words.join(between)
    };
    let (within, without) = (words(&rules.within, " and "), words(&rules.without, " or "));
    match (within.as_str(), without.as_str()) {
        ("", "") => None,
        ("", without) => Some(format!("not {without}")),
        (within, "") => Some(within.to_owned()),
        (within, without) => Some(format!("{within}, not {without}")),
    }
}

fn value_word(kind: &Kind) -> &'static str {
    match kind.writes {
        Writes::Bits => "bit",
        _ => "value",
    }
}

/// `address 120-129`; of several elements that some may lie elsewhere: `address 120-129 (and others
/// of 100-129)`.
fn some(word: &str, numbers: &Numbers, most: u32, one: bool) -> Option<String> {
    let all = &numbers.all;
    let sets = numbers.some.iter().map(|some| some.intersect(all)).filter(|some| some != all);
    let mut sets: Vec<Set> = sets.collect();
    sets.dedup();
    if one && !sets.is_empty() {
        let each = sets.iter().fold(all.clone(), |left, some| left.intersect(some));
        return Some(format!("{word} {}", set(&each)));
    }
    match sets.as_slice() {
        [] if *all == Set::span(0, most) => None,
        [] => Some(format!("{word} {}", set(all))),
        sets => {
            let hit: Vec<String> = sets.iter().map(set).collect();
            Some(format!("{word} {} (and others of {})", hit.join(" with "), set(all)))
        }
    }
}

fn counts(kind: &Kind, (least, most): (u32, u32)) -> Option<String> {
    match (least > 1, most < kind.most) {
        (false, false) => None,
        (false, true) => Some(format!("at most {most} at once")),
        (true, false) => Some(format!("more than {} at once", least - 1)),
        (true, true) => Some(format!("{least} to {most} at once")),
    }
}

fn proofs(proofs: &Proofs) -> Option<String> {
    let with = names_of(&proofs.with, " and ");
    let mut without: Vec<String> = Vec::new();
    for factors in &proofs.without {
        let missing = |factor: &&Factor| !proofs.with.contains(factor);
        let missing: Vec<Factor> = factors.iter().filter(missing).copied().collect();
        let words = names_of(&missing, " or ");
        if !missing.is_empty() && !without.contains(&words) {
            without.push(words);
        }
    }
    let with = (!with.is_empty()).then(|| format!("with {with}"));
    let without = (!without.is_empty()).then(|| format!("without {}", without.join(", without ")));
    let both: Vec<String> = [with, without].into_iter().flatten().collect();
    (!both.is_empty()).then(|| both.join(", "))
}

fn names_of(factors: &[Factor], between: &str) -> String {
    factors.iter().map(|factor| factor.name()).collect::<Vec<_>>().join(between)
}

fn times(times: &Times) -> Option<String> {
    let words = |lead: &str, windows: &[crate::window::Weekly]| {
        let mut words: Vec<String> = windows.iter().map(|w| format!("{lead}{w}")).collect();
        words.dedup();
        words
    };
    let mut all = words("on ", &times.inside);
    all.extend(words("not on ", &times.outside));
    (!all.is_empty()).then(|| all.join(", "))
}

fn set(set: &Set) -> String {
    listed(set, |number| number.to_string())
}

fn listed(set: &Set, word: impl Fn(u32) -> String) -> String {
    let range = |(first, last): &(u32, u32)| match first == last {
        true => word(*first),
        false => format!("{}-{}", word(*first), word(*last)),
    };
    let mut words: Vec<String> = set.ranges().iter().take(LISTED).map(range).collect();
    let more = set.ranges().len().saturating_sub(LISTED);
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join(" ")
}
