//! EtherNet/IP through the engine: commands judged one by one, connections remembered by flow.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;

use wicketgate_dissectors::{Class, Direction, Protocol, Space};
use wicketgate_engine::objects::{Glob, ObjectRule, Objects};
use wicketgate_engine::{Entry, RangeSet, Reason, ValueRule};
use wicketgate_tests::cut::{Cut, Pdus, captures, connections, play};
use wicketgate_tests::enip::*;
use wicketgate_tests::frame::flag;
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Packet, Plant, Right, Talk, Told};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);
/// Press 3 speaks EtherNet/IP where it else has its web page.
const DOOR: (Ipv4Addr, u16) = (PRESS_3, 80);

fn plant(entries: Vec<Entry>) -> Plant {
    let rights = vec![Right::new(ALICE, WEB, entries)];
    Plant { web: Protocol::Enip, ..Plant::with(rights) }
}

/// Sessions and reads, and writes to `Set*` up to 1500.
fn setpoints() -> Plant {
    let tags = [Glob::new("Set*")].into();
    let writes = Entry {
        objects: ObjectRule::Only(Box::new(Objects { tags, ..Objects::default() })),
        values: ValueRule::In(RangeSet::of(vec![(0, 1500)])),
        ..entry(&[Class::Write])
    };
    plant(vec![entry(&[Class::Session, Class::Discover, Class::Read]), writes])
}

/// A gate and a connection through it, whose ends say what they would say without a gate.
fn opened_gate(plant: &Plant) -> (Gate, Talk) {
    let mut gate = Gate::new(plant);
    gate.engine.set_captured(true);
    let talk = Talk::open_to(&mut gate, CLIENT, DOOR);
    (gate, talk)
}

/// The same, whose ends hear what the gate says.
fn live_gate(plant: &Plant) -> (Gate, Talk) {
    let mut gate = Gate::new(plant);
    let talk = Talk::open_to(&mut gate, CLIENT, DOOR);
    (gate, talk)
}

/// What becomes of one request on a connection of its own.
fn verdict(plant: &Plant, request: &[u8]) -> Option<Reason> {
    let (mut gate, mut talk) = opened_gate(plant);
    talk.send(&mut gate, request);
    gate.last_command().denied
}

#[test]
fn tags_are_judged_by_name_and_value() {
    let plant = setpoints();
    let ask = |message: &[u8]| verdict(&plant, &unconnected(message));
    assert_eq!(ask(&read_tag("Level")), None);
    assert_eq!(ask(&write_tag("Setpoint", 1500)), None);
    assert_eq!(ask(&write_tag("SETPOINT", 0)), None, "case is no difference");
    assert_eq!(ask(&write_tag("Setpoint", 1501)), Some(Reason::ValueDenied));
    assert_eq!(ask(&write_tag("Setpoint", -1)), Some(Reason::ValueDenied));
    assert_eq!(ask(&write_tag("Motor", 1)), Some(Reason::AddressDenied));
    assert_eq!(ask(&object(0x05, 1, 1, 0)), Some(Reason::CommandDenied));
}

#[test]
fn every_service_of_a_packet_must_be_allowed() {
    let plant = setpoints();
    let (read, write, other) = (read_tag("A"), write_tag("Set", 1), write_tag("Motor", 1));
    let ask = |all: &[&[u8]]| verdict(&plant, &unconnected(&multiple(all)));
    assert_eq!(ask(&[&read, &write, &read]), None);
    assert_eq!(ask(&[&read, &other, &read]), Some(Reason::AddressDenied));
    assert_eq!(ask(&[&other, &read, &write]), Some(Reason::AddressDenied));
}

#[test]
fn the_audit_names_the_tag() {
    let (mut gate, mut talk) = opened_gate(&setpoints());
    let packet = multiple(&[&read_tag("Level"), &write_tag("Line.Motor", 1)]);
    talk.send(&mut gate, &unconnected(&packet));
    let told = gate.last_command();
    assert_eq!((told.name, told.tag.as_str()), ("write-tag", "Line.Motor"));
    assert_eq!(told.object, (Space::Tag, 0, 1));
}

#[test]
fn a_connected_message_needs_a_connection_opened_in_its_flow() {
    let (mut gate, mut talk) = opened_gate(&setpoints());
    let read = |sequence| connected(0x1000, sequence, &read_tag("Level"));
    talk.send(&mut gate, &read(1));
    assert_eq!(gate.last_command().denied, Some(Reason::NotOpened));

    let (mut gate, mut talk) = opened_gate(&setpoints());
    talk.send(&mut gate, &unconnected(&forward_open(7)));
    talk.answer(&mut gate, &unconnected(&opened(0x1000, 7)));
    talk.send(&mut gate, &read(1));
    assert_eq!(gate.last_command().denied, None);
    let back = talk.answer(&mut gate, &connected(7, 1, &reply(0x4c, 0)));
    assert!(back.left_by(OFFICE), "{:?}", back.verdict);
    talk.send(&mut gate, &unconnected(&forward_close()));
    talk.send(&mut gate, &read(2));
    assert_eq!(gate.last_command().denied, Some(Reason::NotOpened));
}

/// Another flow's connection is nobody else's.
#[test]
fn flows_do_not_share_connections() {
    let (mut gate, mut talk) = opened_gate(&setpoints());
    talk.send(&mut gate, &unconnected(&forward_open(7)));
    talk.answer(&mut gate, &unconnected(&opened(0x1000, 7)));
    let mut other = Talk::open_to(&mut gate, (ALICE, 51001), DOOR);
    other.send(&mut gate, &connected(0x1000, 1, &read_tag("Level")));
    assert_eq!(gate.last_command().denied, Some(Reason::NotOpened));
}

/// A refused Forward Open opens nothing, whatever the asset is made to say.
#[test]
fn a_refused_opening_opens_nothing() {
    let (mut gate, mut talk) = opened_gate(&plant(vec![entry(&[Class::Read])]));
    talk.send(&mut gate, &unconnected(&forward_open(7)));
    assert_eq!(gate.last_command().denied, Some(Reason::CommandDenied));
    talk.answer(&mut gate, &unconnected(&opened(0x1000, 7)));
    talk.send(&mut gate, &connected(0x1000, 1, &read_tag("Level")));
    assert_eq!(gate.last_command().denied, Some(Reason::NotOpened));
}

/// A request of this length in all: an attribute is set to many bytes.
fn of_length(length: usize) -> Vec<u8> {
    let front = object(0x10, 4, 1, 3);
    let rest = length - unconnected(&front).len();
    unconnected(&[front, vec![0; rest]].concat())
}

/// Sends it in segments, in vain; what the client heard and the asset did.
fn in_vain(gate: &mut Gate, talk: &mut Talk, request: &[u8]) -> [Vec<u8>; 2] {
    let pieces = request.chunks(1400).map(|piece| talk.send_in_vain(gate, piece));
    let pieces: Vec<_> = pieces.collect();
    [OFFICE, LINE].map(|port| pieces.iter().flat_map(|piece| piece.payload_on(port)).collect())
}

#[test]
fn a_longer_packet_than_the_gate_holds_ends_its_connection() {
    const LONGEST: usize = Protocol::Enip.max_pdu();
    let everything = plant(vec![entry(Class::ALL)]);
    let (mut gate, mut talk) = live_gate(&everything);
    let request = of_length(LONGEST);
    let pieces = request.chunks(1400).map(|piece| talk.send(&mut gate, piece).payload_on(LINE));
    assert!(pieces.flatten().eq(request.iter().copied()), "the longest passes");
    assert_eq!(gate.flow_ends(), []);

    for to in [Direction::ToServer, Direction::ToClient] {
        let (mut gate, mut talk) = live_gate(&everything);
        let front = &of_length(LONGEST + 1)[..1400];
        let (outcome, other) = match to {
            Direction::ToServer => (talk.send(&mut gate, front), LINE),
            Direction::ToClient => (talk.answer(&mut gate, front), OFFICE),
        };
        assert_eq!(outcome.reason(), Some(Reason::PduTooLong), "{to:?}");
        assert_eq!(outcome.payload_on(other), [], "{to:?}: not a byte of it leaves");
        for port in [OFFICE, LINE] {
            let resets =
                outcome.seen_on(port).into_iter().filter(|seen| seen.flags & flag::RST != 0);
            assert_ne!(resets.count(), 0, "{to:?}: both ends are told");
        }
    }
}

/// Up to 1,582 bytes, which no segment holds.
#[test]
fn the_longest_refusals_arrive_whole_and_the_connection_goes_on() {
    let (mut gate, mut talk) = live_gate(&setpoints());
    let reset = object(0x05, 1, 1, 0);
    // The packet itself counts: with 256 services in it, it is one more than the gate judges.
    for (count, why) in [(255, Reason::CommandDenied), (256, Reason::MalformedCommand)] {
        let packet = unconnected(&multiple(&vec![&reset[..]; count]));
        let [heard, reached] = in_vain(&mut gate, &mut talk, &packet);
        assert_eq!((gate.last_command().denied, reached), (Some(why), vec![]));
        let failed = [&reply(0x0a, 0x1e)[..], &(count as u16).to_le_bytes()].concat();
        let offsets =
            (0..count).flat_map(|number| ((2 + 2 * count + 4 * number) as u16).to_le_bytes());
        let each = reply(0x05, 0x0f).repeat(count);
        let words = unconnected(&[failed, offsets.collect(), each].concat());
        assert_eq!(words.len(), 24 + 16 + 6 + count * (2 + 4));
        assert!(heard == words, "{heard:02x?}");
    }
    let read = unconnected(&read_tag("Level"));
    assert_eq!(talk.send(&mut gate, &read).payload_on(LINE), read);
    let answer = unconnected(&reply(0x4c, 0));
    assert_eq!(talk.answer(&mut gate, &answer).payload_on(OFFICE), answer);
}

/// What it carries is not opened up: it is none of the classes, and refused in PCCC's words.
#[test]
fn pccc_execute_multiple_is_denied_to_who_may_do_all_that_is_known() {
    const REQUESTOR: [u8; 7] = [7, 0x4d, 0, 1, 2, 3, 4];
    let pccc = |rest: &[u8]| [&[0x4b, 2, 0x20, 0x67, 0x24, 1], &REQUESTOR[..], rest].concat();
    let known = Class::ALL.iter().copied().filter(|class| *class != Class::Unknown);
    let (mut gate, mut talk) = live_gate(&plant(vec![entry(&known.collect::<Vec<_>>())]));
    let echo = unconnected(&pccc(&[0x06, 0, 1, 0, 0]));
    assert_eq!(talk.send(&mut gate, &echo).payload_on(LINE), echo);
    talk.answer(
        &mut gate,
        &unconnected(&[&[0xcb, 0, 0, 0], &REQUESTOR[..], &[0x46, 0, 1, 0]].concat()),
    );

    let several = unconnected(&pccc(&[0x0f, 0, 2, 0, 0x88, 1, 4, 0x0f, 0x80, 6, 0]));
    let [heard, reached] = in_vain(&mut gate, &mut talk, &several);
    assert_eq!(gate.last_command().denied, Some(Reason::CommandDenied));
    let refused = [&[0xcb, 0, 0, 0], &REQUESTOR[..], &[0x4f, 0xf0, 2, 0, 0x0b]].concat();
    assert_eq!((heard, reached), (unconnected(&refused), vec![]));
}

const DISCOVERS: [Class; 3] = [Class::Session, Class::Discover, Class::Read];

/// Cut in any way, and come again, who a device is arrives with the address that the client knows.
#[test]
fn an_identity_arrives_with_the_overlay_address() {
    let [told, arrives] = [PRESS_3_UNDERLAY, PRESS_3].map(|ip| identity(ip.octets()));
    for length in [1, 7, told.len()] {
        let (mut gate, mut talk) = live_gate(&plant(vec![entry(&DISCOVERS)]));
        talk.send(&mut gate, &packet(0x63, &[]));
        let first = talk.asset_next;
        let pieces = told.chunks(length).map(|piece| talk.answer(&mut gate, piece));
        let heard: Vec<u8> = pieces.flat_map(|came| came.payload_on(OFFICE)).collect();
        assert_eq!(heard, arrives, "in pieces of {length}");
        let again = gate.line(&talk.from_asset(first, flag::ACK | flag::PSH, &told));
        assert_eq!(again.payload_on(OFFICE), arrives, "what comes again is what left");
        talk.send(&mut gate, &unconnected(&read_tag("Level")));
        let answer = unconnected(&reply(0x4c, 0));
        assert_eq!(talk.answer(&mut gate, &answer).payload_on(OFFICE), answer);
    }
}

#[test]
fn an_identity_arrives_with_the_overlay_address_by_udp() {
    let right = Right::new(ALICE, ENIP_UDP, vec![entry(&DISCOVERS)]);
    let mut gate = Gate::new(&Plant { web: Protocol::Enip, ..Plant::with(vec![right]) });
    let (client, overlay) = ((ALICE, 51000), (PRESS_3, 44818));
    let asked = gate.office(&Packet::udp(client, overlay, &packet(0x63, &[])));
    let (asset, nat) = (asked.seen().dst, asked.seen().src);
    let told = identity(PRESS_3_UNDERLAY.octets());
    let came = gate.line(&Packet::udp(asset, nat, &told)).seen();
    assert_eq!((came.src, came.dst), (overlay, client));
    assert_eq!(came.payload, identity(PRESS_3.octets()));
}

/// Each end is told of the other by the address that it knows, whatever the other wrote: nobody has data sent to a third.
#[test]
fn socket_address_items_are_translated_both_ways() {
    let (mut gate, mut talk) = live_gate(&plant(vec![entry(&[Class::Session, Class::Write])]));
    let io = Io::new(1, 7);
    let items = |there: Ipv4Addr, back: Ipv4Addr| {
        [(0x8000, there.octets(), 2222), (0x8001, back.octets(), 2222)]
    };
    let asked = talk.send(&mut gate, &with_sockets(&io.open(), &items(PRESS_3, STRANGER)));
    let arrives = with_sockets(&io.open(), &items(PRESS_3_UNDERLAY, NAT));
    assert_eq!(asked.payload_on(LINE), arrives);
    let opened = with_sockets(&io.opened(9), &items(PRESS_3_UNDERLAY, NAT));
    let arrives = with_sockets(&io.opened(9), &items(PRESS_3, ALICE));
    assert_eq!(talk.answer(&mut gate, &opened).payload_on(OFFICE), arrives);
}

/// What is told of a connection whose bytes are cut like that.
fn told(pdus: &Pdus, cut: Cut) -> Vec<Told> {
    let (mut gate, mut talk) = opened_gate(&setpoints());
    play(&mut gate, &mut talk, pdus, cut);
    gate.commands()
}

#[test]
fn real_connections_are_told_alike_however_they_are_cut() {
    let (mut commands, mut denied) = (0, 0);
    for path in captures("enip") {
        for pdus in connections(&path, Protocol::Enip, 44818).iter().take(8) {
            let whole = told(pdus, Cut::Whole);
            let requests = pdus.iter().filter(|(to, _)| *to == Direction::ToServer).count();
            assert_eq!(whole.len(), requests, "{}: one event a command", path.display());
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
