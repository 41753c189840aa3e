//! Selectors of OPC UA: nodes, methods, channels and users.

use wicketgate_dissectors::opcua::items::Token;
use wicketgate_dissectors::opcua::services::{OPAQUE, OPEN_SECURED};
use wicketgate_engine::nodes::{NamePattern, NodePattern, NodeRule};
use wicketgate_engine::objects::ObjectRule;
use wicketgate_engine::{CodeSet, Entry, RangeSet};

use crate::allow::Context;
use crate::catalog::Function;
use crate::diagnostic::{Report, Span};
use crate::namespaces::Known;
use crate::reader::{Node, Table};
use crate::selector::{Selector, Selectors, ranges, select};
use crate::suggest;
use crate::value;

/// Highest attribute (OPC 10000-6 annex A.1), with room for those to come.
const MAX_ATTRIBUTE: u32 = 0xff;
/// Longest name of a node in a pattern.
const MAX_PATTERN: usize = 200;

/// Security policies that have a name (OPC 10000-7).
const POLICIES: [&str; 5] = [
    "Aes128_Sha256_RsaOaep",
    "Aes256_Sha256_RsaPss",
    "Basic128Rsa15",
    "Basic256",
    "Basic256Sha256",
];

/// What an element says of nodes. A selector that is not there selects everything.
#[derive(Default)]
pub(crate) struct NodeSelectors {
    nodes: Option<Selector<Vec<NodePattern>>>,
    attributes: Option<Selector<Vec<(u32, u32)>>>,
    objects: Option<Selector<Vec<NodePattern>>>,
    methods: Option<Selector<Vec<NodePattern>>>,
    policies: Option<Selector<Vec<Box<str>>>>,
    certificates: Option<Selector<Vec<[u8; 20]>>>,
    tokens: Option<Selector<Vec<Token>>>,
    opaque: Option<Selector<bool>>,
}

/// A key and where its value stands.
type Place<'s> = (&'static str, &'s Span);

impl NodeSelectors {
    pub(crate) fn read(
        table: &mut Table<'_>,
        context: &Context,
        report: &mut Report<'_>,
    ) -> NodeSelectors {
        let pattern = |text: &str| pattern(text, &context.namespaces);
        NodeSelectors {
            nodes: select(table, "node", report, |n, r| list(n, r, pattern)),
            attributes: select(table, "attribute", report, |n, r| ranges(n, MAX_ATTRIBUTE, r)),
            objects: select(table, "object", report, |n, r| list(n, r, pattern)),
            methods: select(table, "method", report, |n, r| list(n, r, pattern)),
            policies: select(table, "security", report, |n, r| list(n, r, policy)),
            certificates: select(table, "certificate", report, |n, r| list(n, r, thumbprint)),
            tokens: select(table, "token", report, |n, r| list(n, r, token)),
            opaque: select(table, "opaque", report, |node, report| node.flag(report)),
        }
    }

    /// Reports what does not go together: nothing of an opaque channel can be selected but the channel.
    pub(crate) fn check(&self, all: &Selectors, report: &mut Report<'_>) {
        let others = self.of_items().into_iter().flatten().next();
        let value = all.values.as_ref().map(|value| (value.key, &value.span));
        let class = all.classes.first().map(|word| ("class", &word.span));
        let service = all.functions.first().map(|code| ("service", &code.span));
        match (&self.opaque, class.or(service).or(others).or(value)) {
            (Some(opaque), _) if !opaque.value => {
                let help = "leave it out: what cannot be read is refused unless a rule opens it";
                report.error_with(&opaque.span, "`opaque` is true or not there", help);
            }
            (Some(_), Some((key, span))) => {
                let message = format!("`opaque` and `{key}` exclude each other");
                let help = "nothing of a secured channel can be read: write two elements";
                report.error_with(span, message, help);
            }
            (None, _) => {
                if let Some((key, span)) = self.of_channel().into_iter().flatten().next() {
                    let message = format!("`{key}` needs `opaque = true`");
                    let help = "a channel with a security policy is opened whole: its commands cannot be \
                                read";
                    report.error_with(span, message, help);
                }
            }
            (Some(_), None) => {}
        }
    }

    fn of_channel(&self) -> [Option<Place<'_>>; 2] {
        [self.policies.as_ref().map(at), self.certificates.as_ref().map(at)]
    }

    fn of_items(&self) -> [Option<Place<'_>>; 5] {
        let nodes = self.nodes.as_ref().map(at);
        let attributes = self.attributes.as_ref().map(at);
        let (objects, methods) = (self.objects.as_ref().map(at), self.methods.as_ref().map(at));
        [nodes, attributes, objects, methods, self.tokens.as_ref().map(at)]
    }

    /// The first selector of what commands touch.
    pub(crate) fn first(&self) -> Option<Place<'_>> {
        self.of_items().into_iter().flatten().next()
    }

    /// Whether the element says which methods it means.
    pub(crate) fn names_methods(&self) -> bool {
        self.methods.is_some()
    }

    /// Whether a function can touch what is selected.
    pub(crate) fn fit(&self, function: &Function) -> bool {
        self.first().is_none() || self.node_rule().speaks_of(function.space)
    }

    /// What the selectors reach.
    pub(crate) fn rule(&self) -> ObjectRule {
        let rule = self.node_rule();
        if rule == NodeRule::default() {
            ObjectRule::Any
        } else {
            ObjectRule::Nodes(Box::new(rule))
        }
    }

    fn node_rule(&self) -> NodeRule {
        let attributes = self.attributes.as_ref();
        NodeRule {
            nodes: boxed(&self.nodes).into(),
            attributes: attributes.map_or(RangeSet::Any, |s| RangeSet::of(s.value.clone())),
            objects: boxed(&self.objects).into(),
            methods: boxed(&self.methods).into(),
            policies: boxed(&self.policies),
            certificates: boxed(&self.certificates),
            tokens: boxed(&self.tokens),
        }
    }
}

/// The entries of one element. What opens a secured channel is selected by the channel, what is said in it
/// by nothing.
pub(crate) fn entries(selectors: &Selectors, base: Entry) -> Vec<Entry> {
    let only = |codes: Vec<u16>, objects: ObjectRule| Entry {
        functions: CodeSet::Codes(codes.into()),
        objects,
        ..base.clone()
    };
    if selectors.nodes.opaque.is_some() {
        return vec![
            only(vec![OPEN_SECURED], base.objects.clone()),
            only(vec![OPAQUE], ObjectRule::Any),
        ];
    }
    let codes: Vec<u16> = selectors.functions.iter().map(|code| code.code).collect();
    if codes.is_empty() { vec![base] } else { vec![only(codes, base.objects.clone())] }
}

fn at<T>(selector: &Selector<T>) -> Place<'_> {
    (selector.key, &selector.span)
}

fn boxed<T: Clone>(selector: &Option<Selector<Vec<T>>>) -> Box<[T]> {
    selector.as_ref().map_or(Box::default(), |selector| selector.value.clone().into())
}

fn list<T>(
    node: Node<'_>,
    report: &mut Report<'_>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Option<Vec<T>> {
    let nodes = node.one_or_more(report)?;
    nodes.into_iter().map(|node| node.parse(report, &read)).collect()
}

/// `ns=2;s=Line.Motor*`, `ns=3;i=1000-1099`, `ns=2;*`, `i=2258`, `nsu=urn:example:press;s=Motor`.
fn pattern(text: &str, namespaces: &Known) -> Result<NodePattern, String> {
    let wrong =
        || format!("`{text}` is not a node like ns=2;s=Line.Motor*, ns=3;i=1000-1099 or ns=2;*");
    let (namespace, name) = match (text.split_once(';'), text.starts_with("ns")) {
        (Some((front, name)), true) => (namespace(front, namespaces).ok_or_else(wrong)??, name),
        _ => (0, text),
    };
    if text.len() > MAX_PATTERN {
        return Err(wrong());
    }
    let name = match name.split_at_checked(2) {
        _ if name == "*" => NamePattern::Any,
        Some(("i=", numbers)) => {
            let (first, last) = value::range(numbers, u32::MAX)?;
            NamePattern::Numbers(first, last)
        }
        Some(("s=", text)) => NamePattern::Text(text.as_bytes().into()),
        Some(("g=", guid)) => NamePattern::Guid(self::guid(guid).ok_or_else(wrong)?),
        Some(("b=", bytes)) => NamePattern::Opaque(hex(bytes).ok_or_else(wrong)?.into()),
        _ => return Err(wrong()),
    };
    Ok(NodePattern { namespace, name })
}

/// The index in `ns=2`, or of `nsu=urn:example:press`, where `%3B` stands for a semicolon and `%25` for a
/// percent sign (5.1.12). `None`: neither.
fn namespace(text: &str, namespaces: &Known) -> Option<Result<u16, String>> {
    if let Some(uri) = text.strip_prefix("nsu=") {
        return Some(namespaces.index(&uri.replace("%3B", ";").replace("%25", "%")));
    }
    text.strip_prefix("ns=")?.parse().ok().map(Ok)
}

/// `72962b91-fa75-4ae6-8d28-b404dc7daf63`, as it lies on the wire: the first three parts turned around.
fn guid(text: &str) -> Option<[u8; 16]> {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    if lengths != [8, 4, 4, 4, 12] {
        return None;
    }
    let mut bytes = Vec::new();
    for (at, part) in parts.into_iter().enumerate() {
        let mut part = hex(part)?;
        if at < 3 {
            part.reverse();
        }
        bytes.extend(part);
    }
    bytes.try_into().ok()
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let (pairs, rest) = digits.as_ref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// `Basic256Sha256`.
fn policy(text: &str) -> Result<Box<str>, String> {
    let known = POLICIES.iter().find(|known| **known == text);
    let help = || suggest::known(text, POLICIES);
    known.map(|known| Box::from(*known)).ok_or_else(|| match text {
        "None" => {
            "a channel without security is opened by its services: leave `opaque` out".to_owned()
        }
        _ => format!("there is no security policy `{text}`: {}", help()),
    })
}

/// 40 hexadecimal digits, as certificate stores show them; colons and spaces between them are left out.
fn thumbprint(text: &str) -> Result<[u8; 20], String> {
    let digits: String = text.chars().filter(|digit| !matches!(digit, ':' | ' ')).collect();
    let bytes = hex(&digits).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| format!("`{text}` is not a SHA-1 thumbprint of 40 hexadecimal digits"))
}

fn token(text: &str) -> Result<Token, String> {
    let words = || Token::ALL.iter().map(|row| row.2);
    let found = Token::ALL.iter().find(|row| row.2 == text).map(|row| row.0);
    found.ok_or_else(|| {
        format!("there is no kind of user `{text}`: {}", suggest::known(text, words()))
    })
}

/// `node ns=2;s=Motor* attribute 13`.
pub(crate) fn words(rule: &NodeRule) -> String {
    let nodes = |what: &str, patterns: &[NodePattern]| {
        let words: Vec<String> = patterns.iter().map(pattern_words).collect();
        (!words.is_empty()).then(|| format!("{what} {}", words.join(" ")))
    };
    let list = |what: &str, words: Vec<String>| {
        (!words.is_empty()).then(|| format!("{what} {}", words.join(" ")))
    };
    let certificates = rule.certificates.iter().map(|print| digits(print)).collect();
    let parts = [
        nodes("node", &rule.nodes),
        crate::wording::ranges("attribute", &rule.attributes),
        nodes("object", &rule.objects),
        nodes("method", &rule.methods),
        list("security", rule.policies.iter().map(|policy| policy.to_string()).collect()),
        list("certificate", certificates),
        list("token", rule.tokens.iter().map(|token| token.word().to_owned()).collect()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pattern_words(pattern: &NodePattern) -> String {
    let name = match &pattern.name {
        NamePattern::Any => "*".to_owned(),
        NamePattern::Numbers(first, last) if first == last => format!("i={first}"),
        NamePattern::Numbers(first, last) => format!("i={first}-{last}"),
        NamePattern::Text(text) => format!("s={}", String::from_utf8_lossy(text.text())),
        NamePattern::Guid(bytes) => {
            use wicketgate_dissectors::opcua::node::{Name, NodeId};
            NodeId { namespace: 0, name: Name::Guid(bytes) }.to_string()
        }
        NamePattern::Opaque(bytes) => format!("b={}", digits(bytes)),
    };
    match pattern.namespace {
        0 => name,
        index => format!("ns={index};{name}"),
    }
}
