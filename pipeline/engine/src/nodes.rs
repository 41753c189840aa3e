//! Which nodes of an OPC UA server an entry of a matcher reaches, which methods, over which channels, and
//! for whom.

use wicketgate_dissectors::opcua::items::{Target, Token};
use wicketgate_dissectors::opcua::node::{Name, NodeId};
use wicketgate_dissectors::{Item, Space};

use crate::matcher::RangeSet;
use crate::node_set::NodeSet;
use crate::pattern::Pattern;
use crate::thumbprint::sha1;

/// What is named of a server. A list that is empty says nothing; an item must fit what is said of its kind,
/// and a kind of which nothing is said is not reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeRule {
    /// Nodes.
    pub nodes: NodeSet,
    /// Their attributes.
    pub attributes: RangeSet,
    /// Objects of methods.
    pub objects: NodeSet,
    /// Methods.
    pub methods: NodeSet,
    /// Names of security policies: `Basic256Sha256`.
    pub policies: Box<[Box<str>]>,
    /// SHA-1 of the client's certificate.
    pub certificates: Box<[[u8; 20]]>,
    /// How a user proves who he is.
    pub tokens: Box<[Token]>,
}

/// Nodes of one namespace, which is named by its index in the server's array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePattern {
    /// The index.
    pub namespace: u16,
    /// The nodes.
    pub name: NamePattern,
}

/// Names in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamePattern {
    /// All.
    Any,
    /// Numbers from the first to the last.
    Numbers(u32, u32),
    /// Text. Upper and lower case differ.
    Text(Pattern),
    /// 16 bytes.
    Guid([u8; 16]),
    /// Bytes.
    Opaque(Box<[u8]>),
}

impl NodeRule {
    /// Whether `item` is one of these.
    #[inline]
    pub fn reaches(&self, item: &Item<'_>) -> bool {
        // What the largest requests consist of, without a call.
        if let (Space::Node, Some(Target::Node(node))) = (item.space, &item.target) {
            let named = match self.nodes.is_empty() {
                true => !self.attributes.is_any(),
                false => self.nodes.holds(node),
            };
            return named && self.attributes.contains(item.start);
        }
        self.speaks_of(item.space) && self.reaches_other(item)
    }

    /// The same of what is no node, of a kind of which something is said.
    #[inline(never)]
    fn reaches_other(&self, item: &Item<'_>) -> bool {
        match item.target {
            Some(Target::Method { object, method }) => {
                reach(&self.objects, &object) && reach(&self.methods, &method)
            }
            Some(Target::Channel { policy, certificate }) => {
                self.trusts(certificate)
                    && (self.policies.is_empty()
                        || self.policies.iter().any(|known| known.as_bytes() == policy))
            }
            Some(Target::Identity { token, .. }) => self.tokens.contains(&token),
            Some(Target::Node(_)) | None => false,
        }
    }

    /// Whether anything is said of items of that kind.
    pub fn speaks_of(&self, space: Space) -> bool {
        match space {
            Space::Node => !self.nodes.is_empty() || !self.attributes.is_any(),
            Space::Method => !self.objects.is_empty() || !self.methods.is_empty(),
            Space::Channel => !self.policies.is_empty() || !self.certificates.is_empty(),
            Space::Identity => !self.tokens.is_empty(),
            _ => false,
        }
    }

    fn trusts(&self, certificate: &[u8]) -> bool {
        self.certificates.is_empty()
            || leaf(certificate).is_some_and(|leaf| self.certificates.contains(&sha1(leaf)))
    }
}

fn reach(nodes: &NodeSet, node: &NodeId<'_>) -> bool {
    nodes.is_empty() || nodes.holds(node)
}

impl NodePattern {
    /// Whether the node is one of these.
    #[inline(always)]
    pub fn holds(&self, node: &NodeId<'_>) -> bool {
        if self.namespace != node.namespace {
            return false;
        }
        match (&self.name, &node.name) {
            (NamePattern::Any, _) => true,
            (NamePattern::Numbers(first, last), Name::Number(number)) => {
                (*first..=*last).contains(number)
            }
            (NamePattern::Text(pattern), Name::Text(text)) => pattern.fits(text),
            (NamePattern::Guid(guid), Name::Guid(bytes)) => guid == *bytes,
            (NamePattern::Opaque(known), Name::Opaque(bytes)) => **known == **bytes,
            _ => false,
        }
    }

    /// The node, where only one fits.
    pub(crate) fn one_node(&self) -> Option<NodeId<'_>> {
        let name = match &self.name {
            NamePattern::Numbers(first, last) if first == last => Name::Number(*first),
            NamePattern::Text(pattern) if pattern.is_literal() => Name::Text(pattern.text()),
            NamePattern::Guid(guid) => Name::Guid(guid),
            NamePattern::Opaque(bytes) => Name::Opaque(bytes),
            NamePattern::Any | NamePattern::Numbers(..) | NamePattern::Text(_) => return None,
        };
        Some(NodeId { namespace: self.namespace, name })
    }
}

/// The first certificate of a chain: a DER sequence, whose length is of two bytes in any certificate.
fn leaf(chain: &[u8]) -> Option<&[u8]> {
    let &[0x30, 0x82, high, low] = chain.first_chunk()? else { return None };
    chain.get(..4 + usize::from(u16::from_be_bytes([high, low])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wicketgate_dissectors::Class;

    fn pattern(namespace: u16, name: NamePattern) -> NodePattern {
        NodePattern { namespace, name }
    }

    fn text(text: &str) -> NamePattern {
        NamePattern::Text(text.as_bytes().into())
    }

    fn node(namespace: u16, name: Name<'_>) -> NodeId<'_> {
        NodeId { namespace, name }
    }

    #[test]
    fn nodes_are_told_by_namespace_and_name() {
        let speed = node(2, Name::Text(b"Line.Motor.Speed"));
        for (pattern, holds) in [
            (pattern(2, text("Line.Motor.Speed")), true),
            (pattern(2, text("Line.*.Speed")), true),
            (pattern(2, text("*")), true),
            (pattern(2, NamePattern::Any), true),
            (pattern(3, NamePattern::Any), false),
            (pattern(2, text("line.motor.speed")), false),
            (pattern(2, NamePattern::Numbers(0, u32::MAX)), false),
        ] {
            assert_eq!(pattern.holds(&speed), holds, "{pattern:?}");
        }
        let number = node(0, Name::Number(2258));
        assert!(pattern(0, NamePattern::Numbers(2258, 2258)).holds(&number));
        assert!(!pattern(0, NamePattern::Numbers(2259, 2260)).holds(&number));
        assert!(!pattern(0, text("*")).holds(&number));
        let guid = node(1, Name::Guid(&[7; 16]));
        assert!(pattern(1, NamePattern::Guid([7; 16])).holds(&guid));
        assert!(!pattern(1, NamePattern::Opaque([7; 16].into())).holds(&guid), "of another sort");
    }

    fn item(space: Space, target: Target<'_>) -> Item<'_> {
        Item { space, start: 13, count: 1, target: Some(target), ..Item::bare(Class::Write) }
    }

    #[test]
    fn a_kind_of_which_nothing_is_said_is_not_reached() {
        let nodes =
            NodeRule { nodes: [pattern(2, NamePattern::Any)].into(), ..NodeRule::default() };
        let target = node(2, Name::Number(1));
        assert!(nodes.reaches(&item(Space::Node, Target::Node(target))));
        let method = Target::Method { object: target, method: target };
        assert!(!nodes.reaches(&item(Space::Method, method)));
        assert!(!nodes.reaches(&Item::bare(Class::Session)));
        let value = NodeRule { attributes: RangeSet::of(vec![(13, 13)]), ..NodeRule::default() };
        assert!(value.reaches(&item(Space::Node, Target::Node(target))));
        let other = Item { start: 17, ..item(Space::Node, Target::Node(target)) };
        assert!(!value.reaches(&other), "another attribute");
    }

    #[test]
    fn a_channel_needs_the_policy_and_the_certificate() {
        let der = [&[0x30, 0x82, 0, 3][..], b"abc", b"the next of the chain"].concat();
        let rule = NodeRule {
            policies: [Box::from("Basic256Sha256")].into(),
            certificates: [sha1(&der[..7])].into(),
            ..NodeRule::default()
        };
        let channel = |policy, certificate| {
            rule.reaches(&item(Space::Channel, Target::Channel { policy, certificate }))
        };
        assert!(channel(b"Basic256Sha256", &der) && channel(b"Basic256Sha256", &der[..7]));
        assert!(!channel(b"Basic128Rsa15", &der) && !channel(b"Basic256Sha256", &der[..6]));
        assert!(!channel(b"Basic256Sha256", b""));
    }
}
