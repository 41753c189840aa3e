//! The compiled matcher against one that is written down plainly.
//!
//! Rules and commands are made of so few classes, codes, addresses and names that many meet.

#![allow(clippy::unwrap_used, reason = "a test asserts by panicking")]

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wicketgate_dissectors::opcua::items::Target;
use wicketgate_dissectors::opcua::node::{Name, NodeId};
use wicketgate_dissectors::{Class, ClassSet, Command, Item, Protocol, Space, Values};
use wicketgate_engine::nodes::{NamePattern, NodePattern, NodeRule};
use wicketgate_engine::objects::ObjectRule;
use wicketgate_engine::{
    CodeSet, Entry, Matcher, RangeSet, Reason, RuleId, SpaceSet, ValueRule, Window,
};
use wicketgate_packet::Time;
use wicketgate_tests::opcua;

const CLASSES: [Class; 4] = [Class::Discover, Class::Read, Class::Write, Class::Config];

fn numbers() -> impl Strategy<Value = RangeSet> {
    let some = vec((0..20u32, 0..4u32), 0..3).prop_map(|list| {
        RangeSet::of(list.into_iter().map(|(at, more)| (at, at + more)).collect())
    });
    prop_oneof![3 => Just(RangeSet::Any), 1 => some]
}

fn codes() -> impl Strategy<Value = CodeSet> {
    let some = vec(select(vec![527u16, 554, 631, 673]), 0..3)
        .prop_map(|codes| CodeSet::Codes(codes.into()));
    prop_oneof![4 => Just(CodeSet::Any), 1 => some]
}

fn text() -> impl Strategy<Value = String> {
    vec(select(vec!["Line.", "Press.Level", "a", "*", "?"]), 0..4).prop_map(|parts| parts.concat())
}

fn pattern() -> impl Strategy<Value = NodePattern> {
    let name = prop_oneof![
        1 => Just(NamePattern::Any),
        2 => (0..9u32, 0..3u32).prop_map(|(low, more)| NamePattern::Numbers(low, low + more)),
        4 => text().prop_map(|text| NamePattern::Text(text.as_bytes().into())),
    ];
    (0..2u16, name).prop_map(|(namespace, name)| NodePattern { namespace, name })
}

fn nodes() -> impl Strategy<Value = ObjectRule> {
    let some = (vec(pattern(), 0..6), numbers()).prop_map(|(nodes, attributes)| {
        let nodes = nodes.into_boxed_slice().into();
        ObjectRule::Nodes(Box::new(NodeRule { nodes, attributes, ..NodeRule::default() }))
    });
    prop_oneof![1 => Just(ObjectRule::Any), 3 => some]
}

fn values() -> impl Strategy<Value = ValueRule> {
    prop_oneof![
        4 => Just(ValueRule::Any),
        1 => numbers().prop_map(ValueRule::In),
        1 => Just(ValueRule::Bits(6)),
        1 => Just(ValueRule::Steps { from: 2, to: 12, step: 5 }),
    ]
}

fn window() -> impl Strategy<Value = Option<Window>> {
    let some = |(from, until)| Window { from: second(from), until: second(until) };
    prop_oneof![4 => Just(None), 1 => (0..3u64, 0..3u64).prop_map(some).prop_map(Some)]
}

fn second(number: u64) -> Time {
    Time::EPOCH + std::time::Duration::from_secs(number)
}

fn entry() -> impl Strategy<Value = Entry> {
    let places = (numbers(), numbers(), nodes(), prop::option::of(0..3u32), any::<bool>());
    let what = (vec(select(CLASSES.to_vec()), 0..4), codes(), codes(), values(), window());
    (what, places).prop_map(|(what, places)| {
        let (classes, functions, subs, values, window) = what;
        let (units, addresses, objects, quantity, every_space) = places;
        let spaces = if every_space { SpaceSet::ANY } else { SpaceSet::of(&[Space::Node]) };
        let (operations, files) = (None, RangeSet::Any);
        let classes = ClassSet::of(&classes);
        let rule = RuleId(0);
        Entry {
            rule,
            window,
            operations,
            classes,
            functions,
            subs,
            units,
            spaces,
            files,
            objects,
            addresses,
            quantity,
            values,
        }
    })
}

/// A node by name or number; what is to be done with it; what is written.
type Asked = (u16, Result<u32, String>, u32, i32);

fn asked() -> impl Strategy<Value = Asked> {
    let name = prop_oneof![(0..12u32).prop_map(Ok), text().prop_map(Err)];
    (0..2u16, name, select(vec![13u32, 13, 3]), 0..14i32)
}

/// A read or a write of these nodes as it lies on the wire.
fn request(write: bool, items: &[Asked]) -> Vec<u8> {
    let mut body = if write { Vec::new() } else { vec![0; 12] };
    body.extend((items.len() as u32).to_le_bytes());
    for (namespace, name, attribute, value) in items {
        match name {
            Ok(number) => {
                body.push(2);
                body.extend(namespace.to_le_bytes());
                body.extend(number.to_le_bytes());
            }
            Err(text) => {
                body.push(3);
                body.extend(namespace.to_le_bytes());
                body.extend((text.len() as u32).to_le_bytes());
                body.extend(text.as_bytes());
            }
        }
        body.extend(attribute.to_le_bytes());
        body.extend([0xff; 4]);
        match write {
            true => body.extend([&[1, 6][..], &value.to_le_bytes()].concat()),
            false => body.extend([0, 0, 0xff, 0xff, 0xff, 0xff]),
        }
    }
    opcua::service(7, if write { 673 } else { 631 }, &body)
}

/// What [`Matcher::judge`] says, without anything that is made when it is compiled.
fn plainly(entries: &[Entry], command: &Command<'_>, now: Time) -> Result<RuleId, Reason> {
    let mut rule = Err(Reason::CommandDenied);
    for item in command.items.clone() {
        let each = entries.iter().map(|entry| entry_says(entry, command, &item, now));
        let verdicts: Vec<Result<RuleId, Reason>> = each.collect();
        // An entry that gives the class whole is asked before all others.
        let open = entries.iter().find(|entry| gives_whole(entry, item.class));
        let first = verdicts.iter().find_map(|verdict| verdict.ok());
        let yes = open.map(|entry| entry.rule).or(first);
        let nearest = verdicts.iter().filter_map(|verdict| verdict.err()).max();
        rule = Ok(yes.ok_or(nearest.unwrap_or(Reason::CommandDenied))?);
    }
    rule
}

/// Whether nothing but classes is said.
fn gives_whole(entry: &Entry, class: Class) -> bool {
    entry.classes.contains(class) && *entry == Entry::classes(entry.rule, entry.classes)
}

fn entry_says(
    entry: &Entry,
    command: &Command<'_>,
    item: &Item<'_>,
    now: Time,
) -> Result<RuleId, Reason> {
    let (function, sub) = item.code.unwrap_or((command.function, command.sub));
    let of_set = |set: &CodeSet, code: Option<u16>| match set {
        CodeSet::Any => true,
        CodeSet::Codes(codes) => codes.iter().any(|known| Some(*known) == code),
    };
    let by_class = entry.classes.contains(item.class);
    let by_code = entry.functions != CodeSet::Any && entry.classes.is_empty();
    let gives = (by_class || by_code)
        && of_set(&entry.functions, Some(function))
        && of_set(&entry.subs, sub);
    let within = |set: &RangeSet, first: u32, count: u32| match set {
        RangeSet::Any => true,
        RangeSet::Ranges(ranges) => (first..first + count.max(1))
            .all(|number| ranges.iter().any(|(low, high)| (*low..=*high).contains(&number))),
    };
    let reaches = entry.spaces.contains(item.space)
        && within(&entry.addresses, item.start, item.count)
        && reaches_node(&entry.objects, item, within);
    for (holds, reason) in [
        (gives, Reason::CommandDenied),
        (within(&entry.units, command.unit.into(), 1), Reason::UnitDenied),
        (reaches, Reason::AddressDenied),
        (entry.quantity.is_none_or(|most| item.count <= most), Reason::QuantityDenied),
        (writes(&entry.values, item), Reason::ValueDenied),
        (entry.window.is_none_or(|window| window.is_open(now)), Reason::CommandOutsideWindow),
    ] {
        if !holds {
            return Err(reason);
        }
    }
    Ok(entry.rule)
}

fn reaches_node(
    rule: &ObjectRule,
    item: &Item<'_>,
    within: impl Fn(&RangeSet, u32, u32) -> bool,
) -> bool {
    let (ObjectRule::Nodes(rule), Some(Target::Node(node))) = (rule, item.target) else {
        return *rule == ObjectRule::Any;
    };
    let said = !rule.nodes.is_empty() || rule.attributes != RangeSet::Any;
    let named = rule.nodes.is_empty() || rule.nodes.iter().any(|one| names(one, &node));
    said && named && within(&rule.attributes, item.start, 1)
}

fn names(pattern: &NodePattern, node: &NodeId<'_>) -> bool {
    let named = match (&pattern.name, node.name) {
        (NamePattern::Any, _) => true,
        (NamePattern::Numbers(low, high), Name::Number(number)) => (*low..=*high).contains(&number),
        (NamePattern::Text(pattern), Name::Text(text)) => spells(pattern.text(), text),
        _ => false,
    };
    pattern.namespace == node.namespace && named
}

fn spells(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], name) => name.is_empty(),
        ([b'*', behind @ ..], [_, rest @ ..]) => spells(behind, name) || spells(pattern, rest),
        ([b'*', behind @ ..], []) => spells(behind, name),
        ([b'?', behind @ ..], [_, rest @ ..]) => spells(behind, rest),
        ([wanted, behind @ ..], [letter, rest @ ..]) => wanted == letter && spells(behind, rest),
        (_, []) => false,
    }
}

fn writes(rule: &ValueRule, item: &Item<'_>) -> bool {
    let Values::Scalars(scalar, bytes) = item.values else { return *rule == ValueRule::Any };
    scalar.numbers(bytes).all(|number| match rule {
        ValueRule::Any => true,
        ValueRule::In(RangeSet::Any) => true,
        ValueRule::In(RangeSet::Ranges(ranges)) => {
            ranges.iter().any(|(low, high)| f64::from(*low) <= number && number <= f64::from(*high))
        }
        ValueRule::Steps { from, to, step } => {
            (*from..=*to).step_by(*step as usize).any(|one| f64::from(one) == number)
        }
        ValueRule::Bits(bits) => number as u32 & !u32::from(*bits) == 0,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn the_compiled_matcher_says_what_its_entries_say(
        entries in vec(entry(), 0..5),
        write in any::<bool>(),
        items in vec(asked(), 1..5),
        at in 0..4u64,
    ) {
        let numbered = entries.into_iter().enumerate();
        let entries: Vec<Entry> =
            numbered.map(|(at, entry)| Entry { rule: RuleId(at as u32), ..entry }).collect();
        let pdu = request(write, &items);
        let command = Protocol::Opcua.command(&pdu).unwrap();
        prop_assert_eq!(command.items.clone().count(), items.len());
        let said = Matcher::new(entries.clone()).judge(&command, second(at));
        let plainly = plainly(&entries, &command, second(at));
        prop_assert_eq!(said.map_err(|denied| denied.reason), plainly);
    }
}

/// The first 64 entries are compiled together; what comes after them counts as much.
#[test]
fn the_last_of_many_entries_is_asked_too() {
    let node = |at| NodePattern { namespace: 0, name: NamePattern::Numbers(at, at) };
    let entry = |at| {
        let rule = NodeRule { nodes: [node(at)].into(), ..NodeRule::default() };
        let objects = ObjectRule::Nodes(Box::new(rule));
        Entry { objects, ..Entry::classes(RuleId(at), ClassSet::of(&[Class::Read])) }
    };
    let matcher = Matcher::new((0..100).map(entry).collect());
    for (last, said) in
        [(0, Ok(RuleId(0))), (99, Ok(RuleId(99))), (100, Err(Reason::AddressDenied))]
    {
        let pdu = request(false, &[(0, Ok(70), 13, 0), (0, Ok(last), 13, 0)]);
        let verdict = matcher.judge(&Protocol::Opcua.command(&pdu).unwrap(), Time::EPOCH);
        assert_eq!(verdict.map_err(|denied| denied.reason), said, "{last}");
    }
}

/// What the property is worth: how often its cases end in each verdict.
#[test]
fn the_cases_end_in_every_verdict() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let cases = (vec(entry(), 0..5), any::<bool>(), vec(asked(), 1..5), 0..4u64);
    let mut seen: HashMap<String, u32> = HashMap::new();
    for _ in 0..4096 {
        let (entries, write, items, at) = cases.new_tree(&mut runner).unwrap().current();
        let pdu = request(write, &items);
        let command = Protocol::Opcua.command(&pdu).unwrap();
        let said = Matcher::new(entries).judge(&command, second(at));
        let word = said.map_or_else(|denied| format!("{:?}", denied.reason), |_| "yes".to_owned());
        *seen.entry(word).or_default() += 1;
    }
    for word in [
        "yes",
        "CommandDenied",
        "UnitDenied",
        "AddressDenied",
        "QuantityDenied",
        "ValueDenied",
        "CommandOutsideWindow",
    ] {
        assert!(seen.get(word).is_some_and(|count| *count >= 10), "{word}: {seen:?}");
    }
}
