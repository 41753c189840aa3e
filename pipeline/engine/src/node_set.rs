//! Sets of nodes, compiled: a pattern that names one node is found by that node's hash, so that a thousand of
//! them cost no more than one.

use core::ops::Deref;

use wicketgate_dissectors::opcua::node::{Name, NodeId};

use crate::nodes::NodePattern;

/// Patterns that are compared sooner than a name is hashed.
const FEW: usize = 4;

/// The nodes that fit one of some patterns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeSet {
    /// All patterns, in the order of the policy.
    patterns: Box<[NodePattern]>,
    /// Which of them name one node: each at the place that its hash gives, or at the next that was free. As
    /// many places as a power of two, at most half of them taken; none where such patterns are [`FEW`].
    exact: Box<[Option<Exact>]>,
    /// The others, which have to be asked one by one.
    asked: Box<[NodePattern]>,
}

/// A pattern that names one node.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Exact {
    hash: u64,
    pattern: usize,
}

impl NodeSet {
    /// Compiles the patterns.
    pub fn new(patterns: impl Into<Box<[NodePattern]>>) -> NodeSet {
        let patterns = patterns.into();
        let (exact, wide): (Vec<_>, Vec<_>) =
            patterns.iter().cloned().partition(|pattern| pattern.one_node().is_some());
        if exact.len() <= FEW {
            return NodeSet { exact: Box::default(), asked: patterns.clone(), patterns };
        }
        let places = vec![None; (2 * exact.len()).next_power_of_two()];
        let mut set = NodeSet { exact: places.into(), asked: wide.into(), patterns };
        (0..set.patterns.len()).for_each(|pattern| set.place(pattern));
        set
    }

    /// Gives a pattern that names one node its place.
    fn place(&mut self, pattern: usize) {
        let node = self.patterns.get(pattern).and_then(NodePattern::one_node);
        let Some(hash) = node.as_ref().map(hash) else { return };
        let free = self.places(hash).find(|at| self.exact.get(*at).is_some_and(Option::is_none));
        if let Some(place) = free.and_then(|at| self.exact.get_mut(at)) {
            *place = Some(Exact { hash, pattern });
        }
    }

    /// Whether the node fits one of the patterns.
    #[inline]
    pub fn holds(&self, node: &NodeId<'_>) -> bool {
        self.asked.iter().any(|pattern| pattern.holds(node))
            || !self.exact.is_empty() && self.names(node)
    }

    /// Whether one of the patterns names this node alone.
    fn names(&self, node: &NodeId<'_>) -> bool {
        let hash = hash(node);
        let known = |at| self.exact.get(at).copied().flatten();
        let mut candidates = self.places(hash).map_while(known);
        let holds = |at: usize| self.patterns.get(at).is_some_and(|pattern| pattern.holds(node));
        candidates.any(|exact: Exact| exact.hash == hash && holds(exact.pattern))
    }

    /// All places, from the one on that a hash gives.
    fn places(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.exact.len().wrapping_sub(1);
        (0..self.exact.len()).map(move |step| (hash as usize).wrapping_add(step) & mask)
    }
}

impl Deref for NodeSet {
    type Target = [NodePattern];

    fn deref(&self) -> &[NodePattern] {
        &self.patterns
    }
}

impl From<Box<[NodePattern]>> for NodeSet {
    fn from(patterns: Box<[NodePattern]>) -> NodeSet {
        NodeSet::new(patterns)
    }
}

impl<const N: usize> From<[NodePattern; N]> for NodeSet {
    fn from(patterns: [NodePattern; N]) -> NodeSet {
        NodeSet::new(patterns)
    }
}

/// No secret is in it: who knows a policy can make names of the same hash as one that it lists, each of which
/// costs one comparison more.
#[inline]
pub(crate) fn hash(node: &NodeId<'_>) -> u64 {
    let (kind, bytes) = match node.name {
        Name::Number(number) => return mix(mix(0, node.namespace.into()), number.into()),
        Name::Text(bytes) => (1, bytes),
        Name::Guid(bytes) => (2, &bytes[..]),
        Name::Opaque(bytes) => (3, bytes),
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let front = mix(u64::from(node.namespace) << 2 | kind, bytes.len() as u64);
    let all = words.iter().fold(front, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    // The last eight bytes, some of them for the second time; of fewer all.
    let short = || rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    mix(all, bytes.last_chunk().map_or_else(short, |last| u64::from_le_bytes(*last)))
}

/// Both halves of a product with an odd number whose bits have no order (the golden ratio).
const fn mix(hash: u64, word: u64) -> u64 {
    let product = ((hash.rotate_left(29) ^ word) as u128) * 0x9e37_79b9_7f4a_7c15;
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::nodes::NamePattern;

    /// Names and patterns of so few letters that many fit; longer ones in front of the same few.
    pub(crate) fn text(letters: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
        let short = prop::collection::vec(prop::sample::select(letters), 0..4);
        (prop::sample::select(vec!["", "Line.", "Line.Press.Level"]), short)
            .prop_map(|(front, end)| [front.as_bytes(), &end].concat())
    }

    fn name() -> impl Strategy<Value = NamePattern> {
        prop_oneof![
            1 => Just(NamePattern::Any),
            4 => (0..9u32, 0..3u32).prop_map(|(low, more)| NamePattern::Numbers(low, low + more)),
            8 => text(b"ab*?").prop_map(|text| NamePattern::Text(text[..].into())),
            2 => (0..3u8).prop_map(|byte| NamePattern::Guid([byte; 16])),
            2 => text(b"ab").prop_map(|bytes| NamePattern::Opaque(bytes.into())),
        ]
    }

    pub(crate) fn patterns() -> impl Strategy<Value = Vec<NodePattern>> {
        let one = (0..3u16, name()).prop_map(|(namespace, name)| NodePattern { namespace, name });
        prop::collection::vec(one, 0..24)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_set_holds_what_one_of_its_patterns_holds(
            patterns in patterns(), namespace in 0..3u16, number in 0..12u32, letters in text(b"ab"),
        ) {
            let set = NodeSet::new(patterns.clone());
            prop_assert_eq!(&set[..], &patterns[..], "in the order of the policy");
            let guid = [number as u8; 16];
            let names =
                [Name::Number(number), Name::Text(&letters), Name::Guid(&guid), Name::Opaque(&letters)];
            for name in names {
                let node = NodeId { namespace, name };
                let plainly = patterns.iter().any(|pattern| pattern.holds(&node));
                prop_assert_eq!(set.holds(&node), plainly, "{}", node);
            }
        }
    }

    #[test]
    fn a_thousand_names_are_told_apart() {
        let name = |at: u32| format!("Line.Press.Level{at}");
        let pattern =
            |at| NodePattern { namespace: 2, name: NamePattern::Text(name(at).as_bytes().into()) };
        let set = NodeSet::new((0..1000).map(pattern).collect::<Vec<_>>());
        for at in 0..2000 {
            let (text, holds) = (name(at), at < 1000);
            let node = |namespace| NodeId { namespace, name: Name::Text(text.as_bytes()) };
            assert_eq!(set.holds(&node(2)), holds, "{text}");
            assert!(!set.holds(&node(3)), "{text} of another namespace");
        }
    }
}
