//! Differences of EtherNet/IP in words, and random policies against the engine's own matcher.

use std::net::Ipv4Addr;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use wicketgate_dissectors::enip::Target;
use wicketgate_dissectors::{Item, Items, Scalar, Space, Values};
use wicketgate_packet::{PortId, Time};

use super::cell::Witness;
use super::kind::{Kind, Writes};
use super::*;
use crate::parse;
use crate::trial::{self, Asker, Request};

const PLANT: &str = r#"
[[port]]
name = "line"
side = "underlay"
address = "192.168.10.1/24"

[[asset]]
name = "press"
zone = "line"
port = "line"
overlay = "100.64.10.20"
underlay = "192.168.10.20"
protocols = ["enip"]

[[rule]]
name = "r"
roles = ["a"]
assets = ["press"]
protocol = "enip"
"#;

/// The policy, if none of its elements contradicts itself.
fn read(allow: &str) -> Option<Policy> {
    parse(&format!("{PLANT}allow = [{allow}]\n"), "p.toml").ok()
}

#[track_caller]
fn policy(allow: &str) -> Policy {
    let read = parse(&format!("{PLANT}allow = [{allow}]\n"), "p.toml");
    read.unwrap_or_else(|errors| {
        panic!("{allow}\n{}", errors.iter().map(ToString::to_string).collect::<String>())
    })
}

/// Gains and losses between two lists, and whether each was shown.
fn between(before: &str, after: &str) -> (Vec<String>, Vec<String>, bool) {
    let difference = diff(&policy(before), &policy(after));
    match difference.rights.as_slice() {
        [] => (Vec::new(), Vec::new(), true),
        [change] => (change.gains.clone(), change.loses.clone(), change.exact),
        more => panic!("{more:#?}"),
    }
}

#[track_caller]
fn gains(before: &str, after: &str, lines: &[&str]) {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    assert_eq!(between(before, after), (lines.clone(), vec![], true), "{before} -> {after}");
    assert_eq!(between(after, before), (vec![], lines, true), "{after} -> {before}");
}

#[track_caller]
fn same(before: &str, after: &str) {
    assert_eq!(between(before, after), (vec![], vec![], true), "{before} -> {after}");
    assert_eq!(between(after, before), (vec![], vec![], true), "{after} -> {before}");
}

#[test]
fn what_is_written_otherwise_is_no_difference() {
    same("\"read\", \"discover\"", "\"discover\", \"read\", \"read\"");
    same("{ service = \"read-tag\" }", "{ service = 0x4c }");
    same("{ class = \"read\", tag = \"A*\" }", "{ class = \"read\", tag = [\"AB*\", \"A*\"] }");
    same("{ class = \"read\", tag = \"Speed\" }", "{ class = \"read\", tag = \"SPEED\" }");
    same(
        "{ service = 0x0e, object = [4, 1] }",
        "{ service = 0x0e, object = 4 }, { service = 0x0e, object = [1, 4] }",
    );
    same(
        "{ class = \"write\", tag = \"A\", value = \"0-8 step 2\" }, { class = \"write\", tag = \"A\", value = \"0-9\" }",
        "{ class = \"write\", tag = \"A\", value = \"0-9\" }",
    );
    same("{ class = \"write\", file = \"N7\" }", "{ class = \"write\", file = \"N7:0-65535\" }");
}

#[test]
fn gains_in_words() {
    let set = |limits: &str| format!("{{ service = \"write-tag\", tag = \"Set_*\"{limits} }}");
    gains(
        &set(", value = \"0-9\""),
        &set(", value = \"0-19\""),
        &["write-tag: tag set_*, value 0-19, not value 0-9"],
    );
    gains(&set(", quantity = 1"), &set(""), &["write-tag: tag set_*, more than 1 at once"]);
    gains(
        "{ service = \"read-tag\", tag = \"A_1*\" }",
        "{ service = \"read-tag\", tag = \"A_*\" }",
        &["read-tag: tag a_*, not a_1*"],
    );
    gains(
        "{ service = 0x0e, object = 4, instance = 100 }",
        "{ service = 0x0e, object = 4, instance = \"100-101\" }",
        &["get-attribute-single (read): object 0x04 instance 101"],
    );
    gains(
        "{ service = 0x0e, object = 4, attribute = 3 }",
        "{ service = 0x0e, object = 4 }",
        &[
            "get-attribute-single (read): object 0x04 no attribute",
            "get-attribute-single (read): object 0x04 attribute 0-2 4-65535",
        ],
    );
    gains(
        "{ service = \"pccc-typed-write-3\", file = \"N7:0-9\" }",
        "{ service = \"pccc-typed-write-3\", file = \"N7:0-10\" }",
        &["pccc-typed-write-3: file N7, element 10 (and others of 0-10)"],
    );
    gains("\"read\"", "\"read\", \"mode\"", &["mode"]);
    gains("\"read\"", "\"read\", { service = 0x33 }", &["vendor-service, service 0x33"]);
}

/// Of two rules each gives a class, a path with both is given by neither.
#[test]
fn one_list_of_classes_gives_more_than_two() {
    let (gained, lost, exact) = between(
        "{ service = 0x0e, object = 4 }, { service = 0x0e, object = 0x64 }",
        "{ service = 0x0e, object = [4, 0x64] }",
    );
    assert_eq!(lost, [""; 0]);
    assert!(!gained.is_empty() && !exact, "no path of one class shows it: {gained:?}");
}

/// Patterns have no complement: what is not shown is said to be undecided, and not left out.
#[test]
fn patterns_that_cannot_be_compared_are_said() {
    let one = |tag: &str| format!("{{ service = \"read-tag\", tag = [{tag}] }}");
    let (gained, _, exact) = between(&one("\"a*\", \"?*\""), &one("\"*\""));
    assert!(!gained.is_empty(), "a name of no letters is none, but that is not decided here");
    assert!(!exact);
}

// Random policies.

fn pick(options: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(options).prop_map(str::to_owned)
}

fn element() -> impl Strategy<Value = String> {
    let what = pick(&[
        "class = \"read\"",
        "class = \"write\"",
        "class = [\"read\", \"write\", \"config\"]",
        "service = 0x0e",
        "service = 0x10",
        "service = [0x0e, 0x10]",
        "service = \"read-tag\"",
        "service = \"write-tag\"",
        "service = [0x4c, 0x4d]",
        "service = \"pccc-typed-write-3\"",
        "service = 0x4b",
        "class = \"write\", service = 0x10",
        "class = \"program-write\"",
    ]);
    let place = pick(&[
        "",
        ", tag = \"A*\"",
        ", tag = [\"A1\", \"*1\"]",
        ", tag = \"?1\"",
        ", tag = \"*\"",
        ", object = 4",
        ", object = [4, 0x64]",
        ", object = 1",
        ", object = 0x6b",
        ", object = \"0-100\", instance = 1",
        ", object = 4, instance = \"1-2\", attribute = 3",
        ", object = 4, attribute = [3, 4]",
        ", instance = 2",
        ", file = \"N7\"",
        ", file = \"N7:0-4\"",
        ", file = [\"N7:2-6\", \"F8\"]",
    ]);
    let value = pick(&[
        "",
        "",
        ", value = \"0-3\"",
        ", value = \"2-9\"",
        ", value = \"0-8 step 2\"",
        ", bits = 5",
    ]);
    let more = pick(&["", "", ", quantity = 2", ", quantity = 1"]);
    let full = (what, place, value, more)
        .prop_map(|(what, place, value, more)| format!("{{ {what}{place}{value}{more} }}"));
    let odd = pick(&["\"read\"", "\"write\"", "\"mode\"", "{ service = 0x33 }"]);
    prop_oneof![6 => full, 1 => odd]
}

fn elements() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(element(), 1..4)
}

/// An unconnected message as a PDU (ENIP 2-4.7).
fn pdu(message: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| (bytes as u16).to_le_bytes();
    let items = [&[0; 6][..], &[2, 0, 0, 0, 0, 0, 0xb2, 0], &length(message.len()), message];
    let items = items.concat();
    [&[0x6f, 0][..], &length(items.len()), &[1], &[0; 19], &items].concat()
}

const TAGS: &[&[u8]] = &[b"\x91\x02A1", b"\x91\x02B1", b"\x91\x01A\0", b"\x91\x02A2"];

/// A path of tags or objects, of one and of several.
fn path() -> impl Strategy<Value = Vec<u8>> {
    let tag = prop::sample::select(TAGS);
    let tag = (tag, prop::option::of(0u8..3)).prop_map(|(tag, index)| {
        [tag, &index.map_or(Vec::new(), |index| vec![0x28, index])].concat()
    });
    let class = prop::sample::select(&[1u8, 4, 0x64, 0x6b, 5][..]);
    let number = |low: u8| (low..low + 4).prop_map(Some);
    let object = (class, prop_oneof![Just(None), number(0)], prop_oneof![Just(None), number(2)])
        .prop_map(|(class, instance, attribute)| {
            let instance = instance.map_or(Vec::new(), |number| vec![0x24, number]);
            let attribute = attribute.map_or(Vec::new(), |number| vec![0x30, number]);
            [vec![0x20, class], instance, attribute].concat()
        });
    let two = (object.clone(), object.clone()).prop_map(|(one, other)| [one, other].concat());
    prop_oneof![3 => tag, 4 => object, 1 => two]
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let service = prop::sample::select(&[0x0eu8, 0x10, 0x4c, 0x4d, 0x4d, 0x33][..]);
    let values = prop::collection::vec(-1i16..11, 1..4);
    let plain = (service, path(), values.clone()).prop_map(|(service, path, values)| {
        let head = [&[service, (path.len() / 2) as u8][..], &path].concat();
        let count = (values.len() as u16).to_le_bytes();
        let numbers: Vec<u8> = values.iter().flat_map(|number| number.to_le_bytes()).collect();
        let data = match service {
            0x4c => count.to_vec(),
            0x4d => [&[0xc3, 0][..], &count, &numbers].concat(),
            _ => Vec::new(),
        };
        [head, data].concat()
    });
    let file = prop::sample::select(&[(0x89u8, 7u8), (0x8a, 8), (0x89, 9)][..]);
    let pccc = (file, 0u8..8, values).prop_map(|((kind, file), element, values)| {
        let numbers: Vec<u8> = match kind {
            0x8a => values.iter().flat_map(|n| f32::from(*n).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|n| n.to_le_bytes()).collect(),
        };
        let head = [0x4b, 2, 0x20, 0x67, 0x24, 1, 7, 0, 0, 0, 0, 0, 0, 0x0f, 0, 1, 0, 0xaa];
        [&head[..], &[numbers.len() as u8, file, kind, element, 0], &numbers].concat()
    });
    prop_oneof![4 => plain, 1 => pccc]
}

fn asked(policy: &Policy, adu: &[u8]) -> bool {
    let login = Asker::person(0).login("u", &["a".to_owned()], &[]);
    let tables = policy.compile(&[login], year::time(0), 1).unwrap().tables;
    let door = trial::door(&tables, wicketgate_engine::AssetId(0), Protocol::Enip, None).unwrap();
    let request = Request::Pdu(adu.into());
    trial::ask(&tables, Asker::person(0), door, &request, year::time(0)).is_allowed()
}

/// Whether the policy lets the witness of a part pass.
fn lets_pass(policy: &Policy, kind: &Kind, witness: &Witness) -> bool {
    let login = Asker::person(0).login("u", &["a".to_owned()], &[]);
    let tables = policy.compile(&[login], year::time(0), 1).unwrap().tables;
    let door = trial::door(&tables, wicketgate_engine::AssetId(0), Protocol::Enip, None).unwrap();
    let grant = tables.grant_for(PortId(0), [0; 6], Ipv4Addr::new(127, 0, 0, 1), door);
    let Some(grant) = grant.and_then(|id| tables.grant(id)) else { return false };
    let target = Target::read(&witness.path).unwrap();
    let (space, start) = match kind.space {
        Space::Object { .. } => {
            let space = Space::Object { class: target.class.unwrap(), attribute: target.attribute };
            (space, target.instance.unwrap_or(0))
        }
        Space::DataFile { .. } => {
            let (file, number) = ((witness.file >> 16) as u8, witness.file as u16);
            (Space::DataFile { kind: file, number }, witness.start)
        }
        space => (space, witness.start),
    };
    let bytes: Vec<u8> = witness.typed.iter().flat_map(|number| number.to_le_bytes()).collect();
    let values = match (kind.writes, bytes.as_slice()) {
        (Writes::Typed, [_, ..]) => Values::Scalars(Scalar::Lreal, &bytes),
        _ => Values::None,
    };
    let code = Some((kind.code, kind.sub));
    let count = witness.count;
    let item =
        Item { space, start, count, values, code, path: target.path, ..Item::bare(kind.class) };
    grant.matcher.judge(&kind.command(Items::one(item)), Time::EPOCH).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A command that is judged differently is said.
    #[test]
    fn no_difference_is_missed(
        (before, after) in (elements(), elements()),
        messages in prop::collection::vec(message(), 40),
    ) {
        let (Some(old), Some(new)) = (read(&before.join(", ")), read(&after.join(", "))) else { return Ok(()) };
        let difference = diff(&old, &new);
        for message in &messages {
            let pdu = pdu(message);
            let (was, is) = (asked(&old, &pdu), asked(&new, &pdu));
            if was == is {
                continue;
            }
            let said = difference.rights.first();
            let lines = said.map_or(&[][..], |change| if is { &change.gains } else { &change.loses });
            prop_assert!(!lines.is_empty(), "{message:02x?}: {was} -> {is}, but {difference}\n{before:?}\n{after:?}");
        }
    }

    /// Whatever is said to be proven is shown by a command that is judged differently.
    #[test]
    fn everything_that_is_proven_is_shown((before, after) in (elements(), elements())) {
        let (Some(before), Some(after)) = (read(&before.join(", ")), read(&after.join(", "))) else { return Ok(()) };
        let (old, new) = (side(&before), side(&after));
        for key in old.keys().chain(new.keys()) {
            let gifts = [&old, &new].map(|side| side.get(key).map_or(&[][..], Vec::as_slice));
            let [lost, gained] = compare(Protocol::Enip, gifts, &mut Calendar::default());
            for (parts, has, has_not) in [(lost, &before, &after), (gained, &after, &before)] {
                for part in parts {
                    let Some(witness) = &part.witness else { continue };
                    prop_assert!(lets_pass(has, &part.kind, witness), "{part:?}");
                    prop_assert!(!lets_pass(has_not, &part.kind, witness), "{part:?}");
                }
            }
        }
    }

    #[test]
    fn a_policy_is_the_same_as_itself_in_any_order(elements in elements()) {
        let Some(policy) = read(&elements.join(", ")) else { return Ok(()) };
        prop_assert!(diff(&policy, &policy).is_empty());
        let turned: Vec<String> = elements.iter().rev().cloned().collect();
        let turned = read(&turned.join(", ")).unwrap();
        prop_assert_eq!(diff(&policy, &turned), Difference::default());
    }
}

/// The random elements and messages are not all refused: the tests above see something.
#[test]
fn random_messages_are_commands() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let all = policy("\"read\", \"write\", \"program-write\", \"config\", { service = 0x33 }");
    let mut allowed = 0;
    for _ in 0..200 {
        let message = message().new_tree(&mut runner).unwrap().current();
        allowed += usize::from(asked(&all, &pdu(&message)));
    }
    assert!(allowed > 100, "{allowed} of 200");
}
