//! The nodes that the entries of one grant name, compiled together: which entries name a node is found once, and
//! not by each of them. For requests of thousands of nodes.

use wicketgate_dissectors::Item;
use wicketgate_dissectors::opcua::items::Target;
use wicketgate_dissectors::opcua::node::{Name, NodeId};

use crate::matcher::{Entry, RangeSet};
use crate::node_set::{NodeSet, hash};
use crate::nodes::{NamePattern, NodePattern, NodeRule};
use crate::objects::ObjectRule;
use crate::spans::{Mask, Span, Spans};

/// Entries of a grant that are compiled together: the first ones.
pub(crate) const INDEXED: usize = Mask::BITS as usize;

/// Which of these entries reach a node or a method.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NodeIndex {
    /// Elements, and attributes of nodes.
    starts: Spans,
    attributes: Spans,
    nodes: Names,
    objects: Names,
    methods: Names,
}

/// What entries say of names of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
struct Names {
    /// Entries that leave them open.
    all: Mask,
    /// Numbers, each in its namespace.
    numbers: Spans,
    /// Whole namespaces.
    namespaces: Spans,
    /// Patterns that name one node, which is no number: each at the place that its hash gives, or at the next that was free. As
    /// many places as a power of two, at most half of them taken.
    places: Box<[Option<Place>]>,
    single: Box<[(NodePattern, Mask)]>,
    /// Patterns with wildcards, which have to be asked one by one.
    wild: Box<[(NodePattern, Mask)]>,
}

/// Where a pattern is found: a part of its hash, and its number.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    tag: u32,
    at: u32,
}

impl NodeIndex {
    /// Compiles the first [`INDEXED`] entries; `None` where no entry speaks of nodes.
    pub(crate) fn new(entries: &[Entry]) -> Option<NodeIndex> {
        entries.iter().find(|entry| matches!(entry.objects, ObjectRule::Nodes(_)))?;
        let ranges = |of: fn(&Entry) -> Option<&RangeSet>| {
            Spans::new(
                &numbered(entries)
                    .filter_map(|(at, it)| Some((at, of(it)?)))
                    .flat_map(spans)
                    .collect::<Vec<_>>(),
            )
        };
        let names = |of: fn(&NodeRule) -> Option<&NodeSet>| Names::new(entries, of);
        Some(NodeIndex {
            starts: ranges(|entry| Some(&entry.addresses)),
            attributes: ranges(|entry| match &entry.objects {
                ObjectRule::Nodes(rule) => Some(&rule.attributes),
                _ => Some(&RangeSet::Any),
            }),
            nodes: names(|rule| {
                (!rule.nodes.is_empty() || !rule.attributes.is_any()).then_some(&rule.nodes)
            }),
            objects: names(|rule| Some(&rule.objects)),
            methods: names(|rule| {
                (!rule.objects.is_empty() || !rule.methods.is_empty()).then_some(&rule.methods)
            }),
        })
    }

    /// Which of the entries `among` these reach the attribute of `item`, or its place.
    pub(crate) fn placed(&self, item: &Item<'_>, among: Mask) -> Mask {
        let attributes = match item.target {
            Some(Target::Node(_)) => self.attributes.of(item.start.into()),
            _ => Mask::MAX,
        };
        among & attributes & self.starts.of(item.start.into())
    }

    /// Which of the entries `among` these, all of which reach its attribute, reach the node or method of `item`.
    #[inline]
    pub(crate) fn reach(&self, item: &Item<'_>, among: Mask) -> Mask {
        match &item.target {
            _ if among == 0 => 0,
            Some(Target::Node(node)) => self.nodes.of(node, among),
            Some(Target::Method { object, method }) => {
                self.methods.of(method, self.objects.of(object, among))
            }
            _ => 0,
        }
    }
}

fn numbered(entries: &[Entry]) -> impl Iterator<Item = (usize, &Entry)> {
    entries.iter().take(INDEXED).enumerate()
}

/// The ranges of a set, for an entry.
fn spans((entry, set): (usize, &RangeSet)) -> Vec<Span> {
    match set {
        RangeSet::Any => vec![(0, u32::MAX.into(), entry)],
        RangeSet::Ranges(ranges) => {
            ranges.iter().map(|(first, last)| ((*first).into(), (*last).into(), entry)).collect()
        }
    }
}

impl Names {
    /// Compiles what `of` finds in each entry; an entry of which that finds nothing names no node.
    fn new(entries: &[Entry], of: impl Fn(&NodeRule) -> Option<&NodeSet>) -> Names {
        let mut names = Names::default();
        let mut listed: Vec<(usize, &NodePattern)> = Vec::new();
        for (at, entry) in numbered(entries) {
            match &entry.objects {
                ObjectRule::Any => names.all |= 1 << at,
                ObjectRule::Nodes(rule) => match of(rule) {
                    Some(set) if set.is_empty() => names.all |= 1 << at,
                    set => listed
                        .extend(set.into_iter().flat_map(|set| set.iter()).map(|one| (at, one))),
                },
                ObjectRule::Only(_) | ObjectRule::Operands(_) => {}
            }
        }
        names.sort(&listed);
        names
    }

    /// Puts each pattern where it is looked for.
    fn sort(&mut self, listed: &[(usize, &NodePattern)]) {
        let (mut numbers, mut namespaces) = (Vec::new(), Vec::new());
        let (mut single, mut wild) = (Vec::new(), Vec::new());
        for (entry, pattern) in listed {
            let (mask, namespace) = (1 << entry, pattern.namespace);
            match pattern.name {
                NamePattern::Any => {
                    namespaces.push((namespace.into(), namespace.into(), *entry));
                    numbers.push((number(namespace, 0), number(namespace, u32::MAX), *entry));
                }
                NamePattern::Numbers(first, last) if first <= last => {
                    numbers.push((number(namespace, first), number(namespace, last), *entry));
                }
                _ if pattern.one_node().is_some() => single.push(((*pattern).clone(), mask)),
                _ => wild.push(((*pattern).clone(), mask)),
            }
        }
        (self.numbers, self.namespaces) = (Spans::new(&numbers), Spans::new(&namespaces));
        self.wild = wild.into();
        self.place(single);
    }

    /// Gives each pattern that names one node its place; a node that several entries name, one for all.
    fn place(&mut self, single: Vec<(NodePattern, Mask)>) {
        if single.is_empty() {
            return;
        }
        self.places = vec![None; (2 * single.len()).next_power_of_two()].into();
        let mut kept: Vec<(NodePattern, Mask)> = Vec::with_capacity(single.len());
        for (pattern, mask) in single {
            let Some(hash) = pattern.one_node().as_ref().map(hash) else { continue };
            let same = self
                .candidates(hash)
                .find(|at| kept.get(*at).is_some_and(|known| known.0 == pattern));
            if let Some(known) = same.and_then(|at| kept.get_mut(at)) {
                known.1 |= mask;
                continue;
            }
            let free =
                self.steps(hash).find(|at| self.places.get(*at).is_some_and(Option::is_none));
            if let Some(place) = free.and_then(|at| self.places.get_mut(at)) {
                *place = Some(Place { tag: tag(hash), at: kept.len() as u32 });
                kept.push((pattern, mask));
            }
        }
        self.single = kept.into();
    }

    /// Which of the entries `among` these name the node.
    #[inline]
    fn of(&self, node: &NodeId<'_>, among: Mask) -> Mask {
        let found = match node.name {
            Name::Number(name) => self.numbers.of(number(node.namespace, name)),
            _ => self.of_letters(node, among & !self.all),
        };
        among & (self.all | found)
    }

    /// The same of a name that is no number, as far as it is spoken of.
    #[inline(never)]
    fn of_letters(&self, node: &NodeId<'_>, among: Mask) -> Mask {
        let mut found = self.namespaces.of(node.namespace.into());
        if among & !found != 0 && !self.places.is_empty() {
            found |= self.named(node);
        }
        if among & !found != 0 && !self.wild.is_empty() {
            found |= self.fitting(node, among & !found);
        }
        found
    }

    /// Which of the entries `among` these have a pattern with wildcards that the node fits.
    fn fitting(&self, node: &NodeId<'_>, mut among: Mask) -> Mask {
        let mut found = 0;
        for (pattern, mask) in &self.wild {
            if mask & among != 0 && pattern.holds(node) {
                found |= mask;
                among &= !mask;
            }
        }
        found
    }

    /// Which entries name this node alone.
    #[inline]
    fn named(&self, node: &NodeId<'_>) -> Mask {
        let known = |at: usize| self.single.get(at).filter(|known| known.0.holds(node));
        self.candidates(hash(node)).find_map(known).map_or(0, |known| known.1)
    }

    /// The numbers of patterns that may be those of a hash.
    #[inline]
    fn candidates(&self, hash: u64) -> impl Iterator<Item = usize> {
        let places = self.steps(hash).map_while(|at| self.places.get(at).copied().flatten());
        places.filter(move |place| place.tag == tag(hash)).map(|place| place.at as usize)
    }

    /// All places, from the one on that a hash gives.
    #[inline]
    fn steps(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.places.len().wrapping_sub(1);
        (0..self.places.len()).map(move |step| (hash as usize).wrapping_add(step) & mask)
    }
}

/// A number in a namespace, in order of both.
const fn number(namespace: u16, number: u32) -> u64 {
    (namespace as u64) << 32 | number as u64
}

/// What a place keeps of a hash: the half that does not choose it.
const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wicketgate_dissectors::{Class, ClassSet, Space};

    use super::*;
    use crate::node_set::tests::{patterns, text};
    use crate::tables::RuleId;

    fn rule() -> impl Strategy<Value = ObjectRule> {
        let set = || prop_oneof![Just(Vec::new()), patterns()].prop_map(NodeSet::new);
        let attributes =
            prop_oneof![Just(RangeSet::Any), Just(RangeSet::of(vec![(3, 3), (13, 14)]))];
        let some =
            (set(), set(), set(), attributes).prop_map(|(nodes, objects, methods, attributes)| {
                ObjectRule::Nodes(Box::new(NodeRule {
                    nodes,
                    objects,
                    methods,
                    attributes,
                    ..NodeRule::default()
                }))
            });
        prop_oneof![1 => Just(ObjectRule::Any), 9 => some]
    }

    fn name<'a>(kind: u8, number: u32, letters: &'a [u8], guid: &'a [u8; 16]) -> Name<'a> {
        match kind {
            0 => Name::Number(number),
            1 => Name::Text(letters),
            2 => Name::Guid(guid),
            _ => Name::Opaque(letters),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn an_index_reaches_what_its_entries_reach(
            rules in prop::collection::vec(rule(), 0..70), namespace in 0..3u16, number in 0..12u32,
            letters in text(b"ab"), kinds in (0..4u8, 0..4u8), start in 12..16u32, is_method in any::<bool>(),
        ) {
            let entry = |objects| Entry { objects, ..Entry::classes(RuleId(0), ClassSet::of(&[Class::Write])) };
            let entries: Vec<Entry> = rules.into_iter().map(entry).collect();
            let guid = [number as u8; 16];
            let node = |kind| NodeId { namespace, name: name(kind, number, &letters, &guid) };
            let (space, target) = match is_method {
                true => (Space::Method, Target::Method { object: node(kinds.0), method: node(kinds.1) }),
                false => (Space::Node, Target::Node(node(kinds.0))),
            };
            let item = Item { space, start, count: 1, target: Some(target), ..Item::bare(Class::Write) };
            let reaches = |(_, entry): &(usize, &Entry)| entry.objects.reaches(&item);
            let plainly = numbered(&entries).filter(reaches).fold(0, |mask, (at, _)| mask | 1 << at);
            if let Some(index) = NodeIndex::new(&entries) {
                prop_assert_eq!(index.reach(&item, index.placed(&item, Mask::MAX)), plainly);
            }
        }
    }
}
