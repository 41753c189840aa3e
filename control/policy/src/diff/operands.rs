//! The kinds of things that S7 commands do, and where.
//!
//! Ranges of memory are told by which of them reach an item: an item lies in all of some ranges, and in
//! none of others. A part is thrown away only where one range covers another, so no difference is missed;
//! one that no witness shows is said to be undecided.

use std::collections::BTreeSet;

use wicketgate_dissectors::{Protocol, Space};
use wicketgate_engine::Entry;
use wicketgate_engine::objects::ObjectRule;
use wicketgate_engine::operands::Range;

use super::kind::{Kind, Writes, codes};
use super::set::Set;
use crate::catalog::{self, Function};
use crate::operands::written;

/// Items that all of some ranges reach, and none of others.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Operands {
    within: Vec<Range>,
    without: Vec<Range>,
}

/// Every function by itself, and codes that the gate does not know where a rule names them.
pub(super) fn kinds<'e>(entries: impl Iterator<Item = &'e Entry>) -> Vec<Kind> {
    let functions = catalog::functions(Protocol::S7comm);
    let mut named: BTreeSet<(u16, Option<u16>)> = BTreeSet::new();
    for entry in entries {
        for code in codes(&entry.functions) {
            let subs = codes(&entry.subs);
            named.extend(subs.iter().map(|sub| (code, Some(*sub))));
            named.extend(subs.is_empty().then_some((code, None)));
        }
    }
    let known = |code: &(u16, Option<u16>)| functions.iter().any(|f| (f.code, f.sub) == *code);
    let unknown = named.into_iter().filter(|code| !known(code));
    let unknown = unknown.map(|(code, sub)| Function::unknown(code, sub));
    functions.iter().copied().chain(unknown).map(|function| kind(&function)).collect()
}

fn kind(function: &Function) -> Kind {
    let writes = if function.writes { Writes::Typed } else { Writes::Nothing };
    Kind {
        protocol: Protocol::S7comm,
        code: function.code,
        sub: function.sub,
        name: function.name,
        class: function.class,
        space: function.space,
        most: 0,
        writes,
        others: false,
        objects: Set::default(),
    }
}

impl Operands {
    /// What a rule for objects reaches of this kind: each of the ranges by itself.
    pub(super) fn of(space: Space, rule: &ObjectRule) -> Vec<Operands> {
        match rule {
            ObjectRule::Any => vec![Operands::default()],
            ObjectRule::Only(_) | ObjectRule::Nodes(_) => Vec::new(),
            ObjectRule::Operands(ranges) => {
                let of_kind = ranges.iter().filter(|range| range.is_of(space));
                of_kind.map(|range| Operands::default().within(range)).collect()
            }
        }
    }

    /// What of it is not in `other`, which says nothing about *none*.
    pub(super) fn minus<'o>(&'o self, other: &'o Operands) -> impl Iterator<Item = Operands> + 'o {
        other.within.iter().map(|range| {
            let mut left = self.clone();
            left.without.push(*range);
            left
        })
    }

    /// What lies in both.
    pub(super) fn intersect(&self, other: &Operands) -> Operands {
        other.within.iter().fold(self.clone(), |both, range| both.within(range))
    }

    fn within(mut self, range: &Range) -> Operands {
        if !self.within.iter().any(|known| range.covers(known)) {
            self.within.retain(|known| !known.covers(range));
            self.within.push(*range);
        }
        self
    }

    /// Whether something may lie there. What is said to be impossible is.
    pub(super) fn is_possible(&self) -> bool {
        let covered = |range: &Range| self.without.iter().any(|without| without.covers(range));
        let apart = |range: &Range| self.within.iter().any(|other| !range.meets(other));
        !self.within.iter().any(|range| covered(range) || apart(range))
    }

    /// Whether it is everything: then any item shows it.
    pub(super) fn is_whole(&self) -> bool {
        self.without.is_empty()
    }

    /// `address DB10.DBB0-DBB9 (usint), not address DB10.DBB3`.
    pub(super) fn words(&self) -> Option<String> {
        let join = |ranges: &[Range], between: &str| {
            let mut words: Vec<String> = ranges.iter().map(written).collect();
            words.dedup();
            words.join(between)
        };
        let (within, without) = (join(&self.within, " and "), join(&self.without, " or "));
        match (within.as_str(), without.as_str()) {
            ("", "") => None,
            ("", without) => Some(format!("not {without}")),
            (within, "") => Some(within.to_owned()),
            (within, without) => Some(format!("{within}, not {without}")),
        }
    }
}
