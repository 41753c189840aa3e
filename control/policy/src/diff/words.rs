//! Parts of a difference in words.

use std::collections::BTreeSet;

use wicketgate_dissectors::{Class, Protocol};

use super::cell::{Cell, MAX_UNIT, Proofs, Times};
use super::compare::Part;
use super::kind::{Kind, MAX_WORD, Writes};
use super::numbers::Numbers;
use super::set::Set;
use crate::catalog;
use crate::model::Factor;

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
        all.iter().any(|other| (other.code, other.sub) == (f.code, f.sub) && other != *f)
    };
    let is_whole = |class: &Class| {
        let mut of_class = all.iter().filter(|f| f.class == *class && !is_half(f)).peekable();
        of_class.peek().is_some() && of_class.all(|f| has(f.code, f.sub, *class))
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

/// `write-single-register`, `function 100`, `function 8/19`; of two halves which one.
fn name(kind: &Kind) -> String {
    let named =
        |function: &catalog::Function| function.code == kind.code && kind.sub == function.sub;
    let halves = catalog::functions(kind.protocol).iter().filter(|f| named(f)).count();
    match (kind.class, kind.sub) {
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

fn cell(kind: &Kind, cell: &Cell) -> String {
    let one = kind.most <= 1;
    let parts = [
        (cell.units != Set::span(0, MAX_UNIT)).then(|| format!("unit {}", set(&cell.units))),
        (kind.is_file() && cell.files != Set::span(1, MAX_WORD))
            .then(|| format!("file {}", set(&cell.files))),
        some(address_word(kind), &cell.addresses, kind.most_address(), one),
        counts(kind, cell.counts),
        some(value_word(kind), &cell.values, kind.most_value(), one && kind.writes != Writes::Bits),
        proofs(&cell.proofs),
        times(&cell.times),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn address_word(kind: &Kind) -> &'static str {
    if kind.is_file() { "record" } else { "address" }
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
    let range = |(first, last): &(u32, u32)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    let mut words: Vec<String> = set.ranges().iter().take(LISTED).map(range).collect();
    let more = set.ranges().len().saturating_sub(LISTED);
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join(" ")
}
