//! S7comm through the engine: commands judged one by one, however their bytes are cut.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;

use wicketgate_dissectors::s7comm::{Area, functions};
use wicketgate_dissectors::{Class, Direction, Protocol, Scalar, Space};
use wicketgate_engine::objects::ObjectRule;
use wicketgate_engine::operands::{Memory, Range};
use wicketgate_engine::{CodeSet, Entry, RangeSet, Reason, ValueRule};
use wicketgate_tests::cut::{Cut, Pdus, captures, connections, play};
use wicketgate_tests::plant::*;
use wicketgate_tests::s7comm::*;
use wicketgate_tests::{Gate, Plant, Right, Talk, Told};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);
/// Press 3 speaks S7comm where it else has its web page.
const DOOR: (Ipv4Addr, u16) = (PRESS_3, 80);

fn plant(entries: Vec<Entry>) -> Plant {
    let rights = vec![Right::new(ALICE, WEB, entries)];
    Plant { web: Protocol::S7comm, ..Plant::with(rights) }
}

/// Sessions and reads, and writes to the word at DB 10, byte 0, up to 1500.
fn setpoints() -> Plant {
    let word = Memory {
        area: Area::DataBlocks,
        blocks: (10, 10),
        bits: (0, 15),
        scalar: Some(Scalar::Uint),
    };
    let writes = Entry {
        objects: ObjectRule::Operands([Range::Memory(word)].into()),
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
fn memory_is_judged_by_address_and_by_the_type_of_the_rule() {
    let plant = setpoints();
    let ask = |db, byte, bytes: &[u8]| verdict(&plant, &write(1, db, byte, bytes));
    assert_eq!(ask(10, 0, &1500_u16.to_be_bytes()), None);
    assert_eq!(ask(10, 0, &1501_u16.to_be_bytes()), Some(Reason::ValueDenied));
    assert_eq!(ask(10, 0, &[0]), Some(Reason::ValueDenied), "half a word");
    assert_eq!(ask(10, 1, &[0]), Some(Reason::ValueDenied), "the other half");
    assert_eq!(ask(10, 0, &[0; 4]), Some(Reason::AddressDenied));
    assert_eq!(ask(11, 0, &[0, 0]), Some(Reason::AddressDenied));
    assert_eq!(verdict(&plant, &stop(1)), Some(Reason::CommandDenied));
    assert_eq!(verdict(&plant, &connect()), None);
}

/// A real in the place of a word is another number to the controller than to who believes the client.
#[test]
fn the_type_that_a_client_names_is_not_believed() {
    let plant = setpoints();
    let one = item((Area::DataBlocks, 10), 5, 1, 0);
    let negative = [&[0, 5, 0, 16][..], &(-1_i16).to_be_bytes()].concat();
    let request = message(1, 1, &[&[5, 1][..], &one].concat(), &negative);
    assert_eq!(verdict(&plant, &request), Some(Reason::ValueDenied), "65535 to the rule");
}

#[test]
fn every_item_must_be_allowed() {
    let memory = |db| (Area::DataBlocks, db);
    let plant = plant(vec![Entry {
        objects: ObjectRule::Operands(
            [Range::Memory(Memory {
                area: Area::DataBlocks,
                blocks: (1, 1),
                bits: (0, u32::MAX),
                scalar: None,
            })]
            .into(),
        ),
        ..entry(&[Class::Read])
    }]);
    let (mine, other) = (item(memory(1), 2, 4, 0), item(memory(2), 2, 4, 0));
    assert_eq!(verdict(&plant, &read(1, &[mine.clone(), mine.clone()])), None);
    assert_eq!(verdict(&plant, &read(1, &[mine, other])), Some(Reason::AddressDenied));
}

/// An item of a syntax that is not known is not what a rule for the function means.
#[test]
fn an_unknown_syntax_is_not_given_with_the_function() {
    let functions = CodeSet::Codes([u16::from(functions::READ_VAR)].into());
    let plant = plant(vec![Entry { functions, ..entry(&[]) }]);
    assert_eq!(verdict(&plant, &read(1, &[item((Area::DataBlocks, 1), 2, 1, 0)])), None);
    let odd = vec![0x12, 5, 0x99, 1, 2, 3, 4];
    assert_eq!(verdict(&plant, &read(1, &[odd])), Some(Reason::CommandDenied));
}

#[test]
fn the_audit_names_the_operand() {
    let (mut gate, mut talk) = opened_gate(&setpoints());
    talk.send(&mut gate, &write(1, 10, 2, &[0, 1]));
    let told = gate.last_command();
    let memory = Space::Memory { area: Area::DataBlocks, db: 10 };
    assert_eq!((told.name, told.object), ("write-var", (memory, 16, 16)));
}

/// What a controller says on its own passes; an answer that nobody asked for does not.
#[test]
fn a_controller_may_speak_without_being_asked() {
    let (mut gate, mut talk) = opened_gate(&setpoints());
    let cyclic = [0, 1, 0x12, 8, 0x12, 0x02, 1, 1, 0, 0, 0, 0];
    let value = [0xff, 9, 0, 2, 0x12, 0x34];
    assert!(talk.answer(&mut gate, &message(7, 9, &cyclic, &value)).left_by(OFFICE));
    assert!(!talk.answer(&mut gate, &message(3, 9, &[4, 1], &[])).left_by(OFFICE));
}

/// Jobs run at once, and their answers come in any order.
#[test]
fn answers_are_paired_by_reference() {
    let (mut gate, mut talk) = opened_gate(&setpoints());
    let one = item((Area::DataBlocks, 1), 2, 2, 0);
    for reference in 1..=3 {
        talk.send(&mut gate, &read(reference, std::slice::from_ref(&one)));
    }
    let value = [0xff, 4, 0, 16, 0, 1];
    for reference in [3, 1, 2] {
        let back = talk.answer(&mut gate, &message(3, reference, &[4, 1], &value));
        assert!(back.left_by(OFFICE), "{reference}: {:?}", back.verdict);
    }
}

/// What is told of a connection whose bytes are cut like that.
fn told(pdus: &Pdus, cut: Cut) -> Vec<Told> {
    let (mut gate, mut talk) = opened_gate(&setpoints());
    play(&mut gate, &mut talk, pdus, cut);
    gate.commands()
}

/// Which way the PDUs go, up to the first that ends the connection: what a client sends of a program that
/// its device fetches has no refusal.
fn until_the_end(pdus: &Pdus) -> impl Iterator<Item = Direction> + '_ {
    let is_answer = |(to, pdu): &(Direction, Vec<u8>)| {
        *to == Direction::ToServer && pdu.get(7..9) == Some(&[0x32, 3])
    };
    let last = pdus.iter().position(is_answer).unwrap_or(pdus.len());
    pdus.iter().take(last + 1).map(|(to, _)| *to)
}

#[test]
fn real_connections_are_told_alike_however_they_are_cut() {
    let (mut commands, mut denied) = (0, 0);
    for path in captures("s7comm") {
        for pdus in connections(&path, Protocol::S7comm, 102).iter().take(8) {
            let whole = told(pdus, Cut::Whole);
            let requests = until_the_end(pdus).filter(|to| *to == Direction::ToServer).count();
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
