//! OPC UA through the engine: commands judged one by one, chunks numbered without a gap.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

mod long;

use std::net::Ipv4Addr;
use std::time::Duration;

use wicketgate_dissectors::opcua::services::{CALL, OPAQUE, OPEN_SECURED};
use wicketgate_dissectors::{Class, Direction, Protocol, Space};
use wicketgate_engine::node_set::NodeSet;
use wicketgate_engine::nodes::{NamePattern, NodePattern, NodeRule};
use wicketgate_engine::objects::ObjectRule;
use wicketgate_engine::{CodeSet, Entry, RangeSet, Reason, ValueRule};
use wicketgate_tests::cut::{Cut, Pdus, captures, connections, play};
use wicketgate_tests::frame::flag;
use wicketgate_tests::opcua::*;
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Plant, Right, Talk, Told};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);
/// Press 3 speaks OPC UA where it else has its web page.
const DOOR: (Ipv4Addr, u16) = (PRESS_3, 80);

fn plant(entries: Vec<Entry>) -> Plant {
    let rights = vec![Right::new(ALICE, WEB, entries)];
    Plant { web: Protocol::Opcua, ..Plant::with(rights) }
}

fn named(name: &str) -> NodeSet {
    let name = NamePattern::Text(name.as_bytes().into());
    [NodePattern { namespace: 2, name }].into()
}

fn only(rule: NodeRule) -> ObjectRule {
    ObjectRule::Nodes(Box::new(rule))
}

/// Sessions and reads, writes to `Set*` up to 1500, and the method `Lamp`.
fn rights() -> Plant {
    let looks = [Class::Session, Class::Auth, Class::Discover, Class::Read, Class::Subscribe];
    let writes = Entry {
        objects: only(NodeRule { nodes: named("Set*"), ..NodeRule::default() }),
        values: ValueRule::In(RangeSet::of(vec![(0, 1500)])),
        ..entry(&[Class::Write])
    };
    let calls = Entry {
        functions: CodeSet::Codes([CALL].into()),
        objects: only(NodeRule { methods: named("Lamp"), ..NodeRule::default() }),
        ..entry(&[])
    };
    plant(vec![entry(&looks), writes, calls])
}

/// A gate and a connection through it, whose ends say what they would say without a gate.
fn opened_gate(plant: &Plant) -> (Gate, Talk) {
    let mut gate = Gate::new(plant);
    gate.engine.set_captured(true);
    let talk = Talk::open_to(&mut gate, CLIENT, DOOR);
    (gate, talk)
}

/// The same with a channel: the client goes on with chunk 2, the asset with chunk 52.
fn opened_channel(plant: &Plant) -> (Gate, Talk) {
    let (mut gate, mut talk) = opened_gate(plant);
    open_channel(&mut gate, &mut talk);
    (gate, talk)
}

fn open_channel(gate: &mut Gate, talk: &mut Talk) {
    for (request, answer) in [(hello(), acknowledge()), (open("None", 0, 1), open("None", 5, 51))] {
        assert_eq!(talk.send(gate, &request).payload_on(LINE), request, "as it came");
        assert_eq!(talk.answer(gate, &answer).payload_on(OFFICE), answer);
    }
}

/// What becomes of one request on a channel of its own.
fn verdict(plant: &Plant, request: &[u8]) -> Option<Reason> {
    let (mut gate, mut talk) = opened_channel(plant);
    talk.send(&mut gate, request);
    gate.last_command().denied
}

#[test]
fn nodes_are_judged_by_name_and_value() {
    let plant = rights();
    let ask = |request: &[u8]| verdict(&plant, request);
    assert_eq!(ask(&read(2, "Level")), None);
    assert_eq!(ask(&write(2, "Setpoint", 1500)), None);
    assert_eq!(ask(&write(2, "Setpoint", 1501)), Some(Reason::ValueDenied));
    assert_eq!(ask(&write(2, "Setpoint", -1)), Some(Reason::ValueDenied));
    assert_eq!(ask(&write(2, "setpoint", 1)), Some(Reason::AddressDenied), "case matters");
    assert_eq!(ask(&call(2, "Lamp")), None);
    assert_eq!(ask(&call(2, "Reset")), Some(Reason::AddressDenied));
    assert_eq!(ask(&service(2, 500, &[1, 0, 0, 0, 0, 85, 1])), Some(Reason::CommandDenied));
    assert_eq!(ask(&service(2, 999, &[])), Some(Reason::CommandDenied), "unknown");
}

#[test]
fn the_audit_names_the_node_and_the_method() {
    let (mut gate, mut talk) = opened_channel(&rights());
    talk.send(&mut gate, &write(2, "Setpoint", 1));
    let told = gate.last_command();
    assert_eq!((told.name, told.tag.as_str()), ("write", "ns=2;s=Setpoint"));
    assert_eq!(told.object, (Space::Node, 13, 1));
    talk.send(&mut gate, &call(3, "Reset"));
    assert_eq!(gate.last_command().tag.as_str(), "ns=2;s=Press ns=2;s=Reset");
}

/// Both ends see chunks without a gap, whatever stays behind and is put in.
#[test]
fn chunks_are_numbered_anew_both_ways() {
    let (mut gate, mut talk) = opened_channel(&rights());
    let denied = talk.send(&mut gate, &call(2, "Reset"));
    assert_eq!(denied.payload_on(LINE), [], "it stays behind");
    let refused = denied.payload_on(OFFICE);
    assert_eq!(
        refused[16..24],
        [52, 0, 0, 0, 2, 0, 0, 0],
        "the asset's next, and the request's own"
    );
    let passed = talk.send(&mut gate, &read(3, "Level")).payload_on(LINE);
    let mut expected = read(3, "Level");
    expected[16] = 2;
    assert_eq!(passed, expected, "nothing else is changed");
    let answered = talk.answer(&mut gate, &response(52, 3, 634)).payload_on(OFFICE);
    assert_eq!(answered, response(53, 3, 634));
    talk.send(&mut gate, &service(4, 999, &[]));
    let passed = talk.send(&mut gate, &open("None", 5, 5)).payload_on(LINE);
    assert_eq!(passed, open("None", 5, 3), "a renewal too");
    let answered = talk.answer(&mut gate, &open("None", 5, 53)).payload_on(OFFICE);
    assert_eq!(answered, open("None", 5, 55));
    assert_eq!(gate.flow_ends(), []);
}

#[test]
fn a_service_that_is_not_granted_fails_as_a_whole() {
    let (mut gate, mut talk) = opened_channel(&rights());
    let denied = talk.send(&mut gate, &service(2, 999, &[]));
    assert_eq!(denied.payload_on(OFFICE), fault(52, 2));
}

/// What came before comes again as it came; what left before leaves again.
#[test]
fn what_is_sent_again_keeps_its_new_number() {
    let (mut gate, mut talk) = opened_channel(&rights());
    talk.send(&mut gate, &call(2, "Reset"));
    let before = talk;
    let first = talk.send(&mut gate, &read(3, "Level")).payload_on(LINE);
    let mut again = before;
    let second = again.send(&mut gate, &read(3, "Level"));
    assert_eq!(second.payload_on(LINE), first);
    assert_eq!(gate.commands().len(), 4, "judged once: hello, open, call, read");
    // In the same bytes, something else: what left first is what leaves.
    let mut other = before;
    let conflict = other.send(&mut gate, &read(3, "LEVEL")).payload_on(LINE);
    assert!(conflict.is_empty() || conflict == first);
}

/// Of a response of many kilobytes the front is judged; the rest passes as it comes.
#[test]
fn a_long_response_passes_and_nothing_is_put_into_it() {
    let (mut gate, mut talk) = opened_channel(&rights());
    talk.send(&mut gate, &read(2, "Recipe"));
    let long = message("MSGC", 52, 2, &vec![7; 30_000]);
    let (first, rest) = long.split_at(1000);
    let mut left = talk.answer(&mut gate, first).payload_on(OFFICE);
    // A client that waits for nothing: its refusal must not come in between.
    let denied = talk.send(&mut gate, &service(3, 999, &[]));
    left.extend(denied.payload_on(OFFICE));
    for piece in rest.chunks(1000) {
        gate.wait(Duration::from_millis(5));
        left.extend(talk.answer(&mut gate, piece).payload_on(OFFICE));
        gate.office(&talk.from_client(talk.client_next, flag::ACK, &[]));
    }
    assert!(left == long, "nothing but the chunk, and all of it");
    let last = message("MSGF", 53, 2, &[7; 100]);
    let behind = talk.answer(&mut gate, &last).payload_on(OFFICE);
    assert_eq!(behind, [last, fault(54, 3)].concat());
    let next = talk.answer(&mut gate, &response(54, 9, 634));
    assert_eq!(next.payload_on(OFFICE), [], "nobody asked that");
}

#[test]
fn an_error_passes_though_nobody_asked() {
    let (mut gate, mut talk) = opened_channel(&rights());
    let error = chunk("ERRF", &[0, 0, 0x84, 0x80, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(talk.answer(&mut gate, &error).payload_on(OFFICE), error);
}

#[test]
fn one_thing_comes_after_the_other() {
    let (mut gate, mut talk) = opened_gate(&rights());
    talk.send(&mut gate, &read(2, "Level"));
    assert_eq!(gate.last_command().denied, Some(Reason::NotOpened));
    let (mut gate, mut talk) = opened_channel(&rights());
    talk.send(&mut gate, &hello());
    assert_eq!(gate.last_command().denied, Some(Reason::NotOpened));
}

/// What is encrypted is refused: nobody can tell what it does.
#[test]
fn a_secured_channel_needs_a_rule_of_its_own() {
    let secured = |plant: &Plant| {
        let (mut gate, mut talk) = opened_gate(plant);
        talk.send(&mut gate, &hello());
        talk.answer(&mut gate, &acknowledge());
        let opened = talk.send(&mut gate, &open("Basic256Sha256", 0, 1));
        (gate, talk, opened)
    };
    let (gate, _, refused) = secured(&rights());
    assert_eq!(gate.last_command().denied, Some(Reason::CommandDenied));
    let error = chunk("ERRF", &[0, 0, 0x55, 0x80, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(refused.payload_on(OFFICE), error, "BadSecurityPolicyRejected");

    let opaque = |codes: &[u16], objects| Entry {
        functions: CodeSet::Codes(codes.into()),
        objects,
        ..entry(&[])
    };
    let rule = NodeRule { policies: [Box::from("Basic256Sha256")].into(), ..NodeRule::default() };
    let entries = vec![
        entry(&[Class::Session]),
        opaque(&[OPEN_SECURED], only(rule)),
        opaque(&[OPAQUE], ObjectRule::Any),
    ];
    let plant = plant(entries);
    let (mut gate, mut talk, _) = secured(&plant);
    assert_eq!(gate.last_command().denied, None);
    let sealed = message("MSGF", 0x1234, 0x5678, &[0x9a; 200]);
    assert_eq!(talk.send(&mut gate, &sealed).payload_on(LINE), sealed);
    // Signed only: it could be read, and means what the rule says all the same.
    let signed = write(3, "Motor", 1);
    assert_eq!(talk.send(&mut gate, &signed).payload_on(LINE), signed);
    // Longer than what is held, and in several chunks: nobody reads it, so it passes as it comes.
    for kind in ["MSGC", "MSGF"] {
        let sealed = message(kind, 0x1235, 0x5678, &vec![0x9a; 70_000]);
        let mut left = Vec::new();
        for piece in sealed.chunks(1400) {
            left.extend(talk.send(&mut gate, piece).payload_on(LINE));
        }
        assert!(left == sealed, "{kind}");
    }
    let answer = message("MSGF", 0x4321, 0x8765, &[0x5a; 9000]);
    let mut left = Vec::new();
    for piece in answer.chunks(1400) {
        left.extend(talk.answer(&mut gate, piece).payload_on(OFFICE));
    }
    assert!(left == answer, "as it came: what is encrypted has no number to change");

    // The same rights open no other policy, and nothing unreadable without one.
    let (mut gate, mut talk) = opened_gate(&plant);
    talk.send(&mut gate, &hello());
    talk.send(&mut gate, &open("Basic128Rsa15", 0, 1));
    assert_eq!(gate.last_command().denied, Some(Reason::AddressDenied));
    let (mut gate, mut talk) = opened_channel(&plant);
    talk.send(&mut gate, &sealed);
    assert_eq!(gate.last_command().denied, Some(Reason::NotOpened));
}

/// What is told of a connection whose bytes are cut like that.
fn told(pdus: &Pdus, cut: Cut) -> Vec<Told> {
    let (mut gate, mut talk) = opened_gate(&rights());
    play(&mut gate, &mut talk, pdus, cut);
    gate.commands()
}

#[test]
fn real_connections_are_told_alike_however_they_are_cut() {
    let (mut commands, mut denied) = (0, 0);
    for path in captures("opcua") {
        for pdus in connections(&path, Protocol::Opcua, 4840).iter().take(8) {
            let whole = told(pdus, Cut::Whole);
            // A request in several chunks is one command.
            let is_request =
                |(to, pdu): &&(Direction, Vec<u8>)| *to == Direction::ToServer && pdu[3] != b'C';
            let requests = pdus.iter().filter(is_request).count();
            // A refused channel with security ends its connection before its last request.
            let policy = |(_, pdu): &(Direction, Vec<u8>)| {
                pdu.starts_with(b"OPN") && !pdu.windows(5).any(|bytes| bytes == b"#None")
            };
            if !pdus.iter().any(policy) {
                assert_eq!(whole.len(), requests, "{}: one event a command", path.display());
            }
            for cut in [Cut::Bytes, Cut::Merged, Cut::Twice] {
                assert_eq!(told(pdus, cut), whole, "{}", path.display());
            }
            commands += whole.len();
            denied += whole.iter().filter(|told| told.denied.is_some()).count();
        }
    }
    eprintln!("{commands} commands, {denied} of them denied");
    assert!(commands > 100 && denied > 0 && denied < commands);
}
