//! EtherNet/IP through the engine: commands judged one by one, connections remembered by flow.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;

use wicketgate_dissectors::{Class, Direction, Protocol, Space};
use wicketgate_engine::objects::{Glob, ObjectRule, Objects};
use wicketgate_engine::{Entry, RangeSet, Reason, ValueRule};
use wicketgate_tests::cut::{Cut, Pdus, captures, connections, play};
use wicketgate_tests::enip::*;
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Plant, Right, Talk, Told};

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
