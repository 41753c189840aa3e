//! Where in a CIP device a part of what is given lies.
//!
//! Objects are a product: each class of a path, each instance and each attribute is of a set, or the
//! path names none. Tags are told by patterns, which have no complement: a part says which patterns a
//! name fits and which it does not, and is thrown away only where one pattern covers another or two have
//! no name in common. So no difference is missed; one that no witness shows is said to be undecided.

use wicketgate_dissectors::enip::Target;
use wicketgate_dissectors::opcua::node::{Name, NodeId};
use wicketgate_dissectors::{Class, Item, Space};
use wicketgate_engine::RangeSet;
use wicketgate_engine::nodes::{NamePattern, NodePattern, NodeRule};
use wicketgate_engine::objects::{FileRange, Glob, Instances, ObjectRule, Objects};

use super::kind::{Kind, MAX_WORD};
use super::operands::Operands;
use super::set::Set;
use crate::operands::is_operand;

/// A place, or what all of a path must fit.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// The kind has no object of CIP.
    Nothing,
    /// Tags of these names.
    Tag(Names),
    /// Objects: their classes, instances and attributes.
    Object([Numbered; 3]),
    /// Objects of S7.
    Operand(Operands),
    /// Nodes and methods of OPC UA, channels and users.
    Node(Nodes),
}

/// Names that fit all of some patterns, and none of others.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Names {
    pub(super) within: Vec<Glob>,
    pub(super) without: Vec<Glob>,
}

/// What fits all of some rules, and none of others. Of these too there is no complement.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Nodes {
    pub(super) within: Vec<NodeRule>,
    pub(super) without: Vec<NodeRule>,
}

/// Numbers of one sort that a path names: all of one set, and at least one in each of others.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Numbered {
    pub(super) all: Set,
    pub(super) some: Vec<Set>,
    /// The path may also name none.
    pub(super) absent: bool,
}

/// A place, and where it is a data file: which, and which elements.
pub(super) type Placed = (Place, Option<(u32, Set)>);

impl Place {
    /// What a rule for objects reaches of a kind: each of the places by itself.
    pub(super) fn of(kind: &Kind, rule: &ObjectRule) -> Vec<Placed> {
        match (kind.space, rule) {
            (Space::Tag, ObjectRule::Any) => vec![(Place::Tag(Names::default()), None)],
            (Space::Tag, ObjectRule::Only(only)) => only.tags.iter().map(tag).collect(),
            (Space::Object { .. }, ObjectRule::Any) => vec![object(&Instances::default())],
            (Space::Object { .. }, ObjectRule::Only(only)) => {
                only.instances.iter().map(object).collect()
            }
            (Space::DataFile { .. }, ObjectRule::Only(only)) => {
                only.files.iter().filter(|file| is_of(kind, file)).map(file).collect()
            }
            (space, rule) if is_operand(space) => {
                Operands::of(space, rule).into_iter().map(|of| (Place::Operand(of), None)).collect()
            }
            (Space::Node | Space::Method | Space::Channel | Space::Identity, ObjectRule::Any) => {
                vec![(Place::Node(Nodes::default()), None)]
            }
            (space, ObjectRule::Nodes(rule)) if rule.speaks_of(space) => {
                let within = vec![NodeRule::clone(rule)];
                vec![(Place::Node(Nodes { within, ..Nodes::default() }), None)]
            }
            (_, ObjectRule::Any) => vec![(Place::Nothing, None)],
            (_, ObjectRule::Only(_) | ObjectRule::Operands(_) | ObjectRule::Nodes(_)) => Vec::new(),
        }
    }

    /// What of it is not in `other`, which says nothing about *some*.
    pub(super) fn minus(&self, other: &Place) -> Vec<Place> {
        match (self, other) {
            (Place::Tag(names), Place::Tag(others)) => {
                others.within.iter().map(|glob| Place::Tag(names.without(glob))).collect()
            }
            (Place::Object(mine), Place::Object(theirs)) => {
                let mut rest = mine.clone();
                let mut parts = Vec::new();
                for (at, other) in theirs.iter().enumerate() {
                    let Some(left) = rest.get(at).map(|left| left.minus(other)) else { continue };
                    for part in left {
                        let mut place = rest.clone();
                        place.iter_mut().skip(at).take(1).for_each(|old| *old = part.clone());
                        parts.push(Place::Object(place));
                    }
                    rest.iter_mut().skip(at).take(1).for_each(|left| *left = left.intersect(other));
                }
                parts
            }
            (Place::Operand(mine), Place::Operand(theirs)) => {
                mine.minus(theirs).map(Place::Operand).collect()
            }
            (Place::Node(mine), Place::Node(theirs)) => {
                let without = |rule: &NodeRule| {
                    let mut nodes = mine.clone();
                    nodes.without.push(rule.clone());
                    Place::Node(nodes)
                };
                theirs.within.iter().map(without).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What lies in both.
    pub(super) fn intersect(&self, other: &Place) -> Place {
        match (self, other) {
            (Place::Tag(names), Place::Tag(others)) => {
                let both = others.within.iter().fold(names.clone(), |both, glob| both.within(glob));
                Place::Tag(both)
            }
            (Place::Object(mine), Place::Object(theirs)) => {
                let mut both = mine.clone();
                both.iter_mut().zip(theirs).for_each(|(left, right)| *left = left.intersect(right));
                Place::Object(both)
            }
            (Place::Operand(mine), Place::Operand(theirs)) => {
                Place::Operand(mine.intersect(theirs))
            }
            (Place::Node(mine), Place::Node(theirs)) => {
                let mut both = mine.clone();
                let new = theirs.within.iter().filter(|rule| !mine.within.contains(rule));
                both.within.extend(new.cloned());
                Place::Node(both)
            }
            _ => self.clone(),
        }
    }

    /// Whether something may lie there. What is said to be impossible is.
    pub(super) fn is_possible(&self, kind: &Kind) -> bool {
        match self {
            Place::Nothing => true,
            Place::Tag(names) => names.is_possible(),
            Place::Operand(operands) => operands.is_possible(),
            Place::Node(nodes) => {
                let covered = |rule: &NodeRule| nodes.within.iter().any(|of| includes(rule, of));
                !nodes.without.iter().any(covered)
            }
            Place::Object([classes, instances, attributes]) => {
                let of_kind = !classes.all.intersect(&kind.objects).is_empty();
                let numbered = [classes, instances, attributes];
                of_kind && numbered.into_iter().all(Numbered::is_possible)
            }
        }
    }

    /// A path that leads there; `None` where none was found.
    pub(super) fn path(&self, kind: &Kind) -> Option<Vec<u8>> {
        match self {
            Place::Nothing => Some(Vec::new()),
            Place::Tag(names) => names.path(),
            Place::Operand(operands) => operands.is_whole().then(Vec::new),
            // Nothing is looked for: what only fits some rules surely is there, else nobody can tell.
            Place::Node(nodes) => nodes.without.is_empty().then(Vec::new),
            Place::Object([classes, instances, attributes]) => {
                let of_kind = Numbered { absent: false, ..classes.clone() }.touching(&kind.objects);
                let mut path = Vec::new();
                put(&mut path, 0x21, u32::from(u16::try_from(of_kind.one()??).ok()?));
                instances.one()?.into_iter().for_each(|number| put(&mut path, 0x26, number));
                attributes.one()?.into_iter().for_each(|number| put(&mut path, 0x31, number));
                Some(path)
            }
        }
    }
}

fn tag(glob: &Glob) -> Placed {
    (Place::Tag(Names::default().within(glob)), None)
}

fn object(of: &Instances) -> Placed {
    let classes = Numbered { absent: false, ..Numbered::of(&of.classes, MAX_WORD) };
    let instances = Numbered::of(&of.instances, u32::MAX);
    let attributes = Numbered::of(&of.attributes, MAX_WORD);
    (Place::Object([classes, instances, attributes]), None)
}

fn file(file: &FileRange) -> Placed {
    let (first, last) = file.elements;
    (Place::Nothing, Some((file_key(file.kind, file.number), Set::span(first, last))))
}

fn is_of(kind: &Kind, file: &FileRange) -> bool {
    let key = file_key(file.kind, file.number);
    !kind.objects.intersect(&Set::span(key, key)).is_empty()
}

/// A data file as one number.
pub(super) fn file_key(kind: u8, number: u16) -> u32 {
    u32::from(kind) << 16 | u32::from(number)
}

/// A logical segment of 16 or 32 bits, padded (CIP C-1.4.2).
fn put(path: &mut Vec<u8>, kind: u8, number: u32) {
    let bytes = number.to_le_bytes();
    let (short, _) = bytes.split_at(2);
    path.extend([kind, 0]);
    path.extend(if kind & 3 == 2 { &bytes[..] } else { short });
}

/// Whether all that fits `inner` surely fits `outer`.
fn includes(outer: &NodeRule, inner: &NodeRule) -> bool {
    let patterns = |outer: &[NodePattern], inner: &[NodePattern]| {
        let held = |one: &NodePattern| outer.iter().any(|pattern| holds(pattern, one));
        outer.is_empty() || !inner.is_empty() && inner.iter().all(held)
    };
    fn list<T: PartialEq>(outer: &[T], inner: &[T]) -> bool {
        outer.is_empty() || !inner.is_empty() && inner.iter().all(|one| outer.contains(one))
    }
    patterns(&outer.nodes, &inner.nodes)
        && patterns(&outer.objects, &inner.objects)
        && patterns(&outer.methods, &inner.methods)
        && (outer.attributes == RangeSet::Any || outer.attributes == inner.attributes)
        && list(&outer.policies, &inner.policies)
        && list(&outer.certificates, &inner.certificates)
        && list(&outer.tokens, &inner.tokens)
}

/// Whether all nodes of `inner` surely are of `outer`: of text only where that has no wildcard.
fn holds(outer: &NodePattern, inner: &NodePattern) -> bool {
    let named = match (&outer.name, &inner.name) {
        (NamePattern::Any, _) => true,
        (NamePattern::Numbers(low, high), NamePattern::Numbers(first, last)) => {
            low <= first && last <= high
        }
        (NamePattern::Text(_), NamePattern::Text(text)) if text.is_literal() => {
            outer.holds(&NodeId { namespace: outer.namespace, name: Name::Text(text.text()) })
        }
        (outer, inner) => outer == inner,
    };
    outer.namespace == inner.namespace && named
}

impl Names {
    fn without(&self, glob: &Glob) -> Names {
        let mut names = self.clone();
        names.without.push(glob.clone());
        names
    }

    fn within(mut self, glob: &Glob) -> Names {
        if !self.within.iter().any(|known| covers(glob, known)) {
            self.within.retain(|known| !covers(known, glob));
            self.within.push(glob.clone());
        }
        self
    }

    fn is_possible(&self) -> bool {
        let covered = |glob: &Glob| self.without.iter().any(|without| covers(without, glob));
        let apart = |glob: &Glob| self.within.iter().any(|other| !meet(glob, other));
        !self.within.iter().any(|glob| covered(glob) || apart(glob))
    }

    /// What other patterns take away from these names, and not from others.
    pub(super) fn taken_away(&self) -> impl Iterator<Item = &Glob> {
        let meets = |without: &&Glob| self.within.iter().all(|within| meet(within, without));
        self.without.iter().filter(meets)
    }

    /// The path of a tag of such a name.
    fn path(&self) -> Option<Vec<u8>> {
        if self.within.is_empty() {
            // A name and an instance: nobody knows where that leads, so no pattern fits.
            return Some(b"\x91\x01A\0\x24\x01".to_vec());
        }
        let fills = [["", "x"], ["x", "y"], ["z9", "8"], ["_0_", "q"]];
        let names = self.within.iter().flat_map(|glob| {
            let fill = |[star, one]: [&str; 2]| glob.text().replace('*', star).replace('?', one);
            fills.map(fill)
        });
        names.filter_map(|name| symbol(&name)).find(|path| self.hold(path))
    }

    fn hold(&self, path: &[u8]) -> bool {
        let Ok(target) = Target::read(path) else { return false };
        let (space, count, path) = (Space::Tag, 1, target.path);
        let item = Item { space, count, path, ..Item::bare(Class::Read) };
        let fits = |glob: &Glob| {
            let tags = [glob.clone()].into();
            ObjectRule::Only(Box::new(Objects { tags, ..Objects::default() })).reaches(&item)
        };
        self.within.iter().all(fits) && !self.without.iter().any(fits)
    }
}

/// A path of one symbol (CIP C-1.4.5.2).
fn symbol(name: &str) -> Option<Vec<u8>> {
    let mut path = vec![0x91, u8::try_from(name.len()).ok()?];
    path.extend(name.bytes());
    path.resize(path.len().next_multiple_of(2), 0);
    Some(path)
}

impl Numbered {
    fn of(set: &RangeSet, most: u32) -> Numbered {
        let absent = *set == RangeSet::Any;
        Numbered { all: Set::of_ranges(set, most), some: Vec::new(), absent }
    }

    fn touching(mut self, set: &Set) -> Numbered {
        self.some.push(set.clone());
        self
    }

    /// None at all where the other wants one; one that the other does not have.
    fn minus(&self, other: &Numbered) -> Vec<Numbered> {
        let none = Numbered { all: Set::default(), ..self.clone() };
        let outside = self.all.minus(&other.all);
        let some = Numbered { absent: false, ..self.clone() }.touching(&outside);
        let absent = (self.absent && !other.absent).then_some(none);
        absent.into_iter().chain([some]).collect()
    }

    fn intersect(&self, other: &Numbered) -> Numbered {
        Numbered {
            all: self.all.intersect(&other.all),
            some: self.some.clone(),
            absent: self.absent && other.absent,
        }
    }

    fn is_possible(&self) -> bool {
        let hit = |some: &Set| !some.intersect(&self.all).is_empty();
        let named = !self.all.is_empty() && self.some.iter().all(hit);
        named || self.absent && self.some.is_empty()
    }

    /// One number that is of all sets, or that there needs none; `None` where one is not enough.
    fn one(&self) -> Option<Option<u32>> {
        if self.absent && self.some.is_empty() {
            return Some(None);
        }
        let all = self.some.iter().fold(self.all.clone(), |all, some| all.intersect(some));
        all.first().map(Some)
    }
}

/// Whether each name that fits `narrow` fits `wide`; where in doubt not.
fn covers(wide: &Glob, narrow: &Glob) -> bool {
    walk(wide, narrow, |wide, narrow, next| match (wide, narrow) {
        (None, None) => true,
        (Some(b'*'), None) => next.first,
        (Some(b'*'), Some(_)) => next.first || next.second,
        (Some(b'?'), Some(letter)) => letter != b'*' && next.both,
        (Some(one), Some(other)) => one == other && next.both,
        (None, Some(_)) | (Some(_), None) => false,
    })
}

/// Whether some name fits both.
fn meet(one: &Glob, other: &Glob) -> bool {
    walk(one, other, |one, other, next| match (one, other) {
        (None, None) => true,
        (Some(b'*'), _) => next.first || other.is_some() && next.second,
        (_, Some(b'*')) => next.second || one.is_some() && next.first,
        (Some(one), Some(other)) => (one == other || one == b'?' || other == b'?') && next.both,
        (None, Some(_)) | (Some(_), None) => false,
    })
}

/// What holds of two patterns behind one letter of the first, of the second, or of both.
struct Next {
    first: bool,
    second: bool,
    both: bool,
}

/// Whether a rule about the first letters of two patterns, and what is behind them, holds of the whole.
fn walk(one: &Glob, other: &Glob, rule: impl Fn(Option<u8>, Option<u8>, Next) -> bool) -> bool {
    let (one, other) = (one.text().as_bytes(), other.text().as_bytes());
    let mut below = vec![false; other.len() + 2];
    for left in (0..=one.len()).rev() {
        let mut row = vec![false; other.len() + 2];
        for right in (0..=other.len()).rev() {
            let at = |row: &[bool], place: usize| row.get(place).copied().unwrap_or_default();
            let (first, second) = (at(&below, right), at(&row, right + 1));
            let next = Next { first, second, both: at(&below, right + 1) };
            let holds = rule(one.get(left).copied(), other.get(right).copied(), next);
            row.iter_mut().skip(right).take(1).for_each(|place| *place = holds);
        }
        below = row;
    }
    below.first() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_and_meet() {
        let glob = Glob::new;
        for (wide, narrow) in [("*", "a*"), ("a*", "a?b"), ("*b*", "ab"), ("a?", "a?"), ("**", "*")]
        {
            assert!(covers(&glob(wide), &glob(narrow)), "{wide} {narrow}");
            assert!(meet(&glob(wide), &glob(narrow)) && meet(&glob(narrow), &glob(wide)));
        }
        for (wide, narrow) in [("a*", "*"), ("?", "*"), ("a?", "a*"), ("ab", "a?"), ("a", "ab")] {
            assert!(!covers(&glob(wide), &glob(narrow)), "{wide} {narrow}");
        }
        assert!(meet(&glob("a*"), &glob("*b")) && meet(&glob("a?c"), &glob("?b?")));
        assert!(!meet(&glob("a*"), &glob("b*")) && !meet(&glob("a?"), &glob("a")));
        assert!(!meet(&glob("a*c"), &glob("*d")));
    }
}
