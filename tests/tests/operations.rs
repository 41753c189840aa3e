//! Operations of several steps: a program download is not cut in half, and does not begin where it could
//! not be done.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;
use std::time::Duration;

use wicketgate_dissectors::Class;
use wicketgate_engine::event::EndCause;
use wicketgate_engine::{Entry, EventKind, Operations, Reason, SessionId, Window};
use wicketgate_packet::Time;
use wicketgate_tests::frame::flag;
use wicketgate_tests::gate::START;
use wicketgate_tests::modbus::{adu, read, values, write};
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Packet, Plant, Right, Talk};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);
const MINUTE: Duration = Duration::from_secs(60);
/// Control's number of the grant.
const GRANT: u64 = 7;

/// A request of UMAS: function 90, no session key.
fn umas(transaction: u16, code: u8) -> Vec<u8> {
    adu(transaction, &[90, 0, code, 1, 2, 3])
}

fn done(transaction: u16) -> Vec<u8> {
    adu(transaction, &[90, 0, 0xfe])
}

fn begin(transaction: u16) -> Vec<u8> {
    umas(transaction, 0x33)
}

fn block(transaction: u16) -> Vec<u8> {
    umas(transaction, 0x34)
}

fn end(transaction: u16) -> Vec<u8> {
    umas(transaction, 0x35)
}

/// Programs may be downloaded for an hour, which takes ten minutes and drains for five.
fn granted(classes: &[Class]) -> Entry {
    Entry {
        window: Some(Window { from: Time::EPOCH, until: START + 60 * MINUTE }),
        operations: Some(Operations { grant: GRANT, takes: 10 * MINUTE, drain: 5 * MINUTE }),
        ..entry(classes)
    }
}

fn plant() -> Plant {
    let all = granted(&[Class::ProgramWrite, Class::Write, Class::Read]);
    Plant { rights: vec![Right::new(ALICE, MODBUS, vec![all])], ..Plant::closed() }
}

/// A gate, and a connection of it.
fn opened() -> (Gate, Talk) {
    let mut gate = Gate::new(&plant());
    let talk = Talk::open(&mut gate, CLIENT);
    (gate, talk)
}

/// Asks, and is answered.
fn ask(gate: &mut Gate, talk: &mut Talk, request: &[u8], answer: &[u8]) -> bool {
    let passed = talk.send(gate, request).left_by(LINE);
    passed && talk.answer(gate, answer).left_by(OFFICE)
}

/// Operations that began and ended.
fn told(gate: &Gate) -> Vec<(bool, u64)> {
    let told = gate.log.iter().filter_map(|event| match event.kind {
        EventKind::OperationStart { grant } => Some((true, grant)),
        EventKind::OperationEnd { grant } => Some((false, grant)),
        _ => None,
    });
    told.collect()
}

/// Why the last command was refused.
fn refused(gate: &mut Gate, talk: &mut Talk, request: &[u8]) -> Option<Reason> {
    let before = gate.commands().len();
    let outcome = talk.send_in_vain(gate, request);
    assert!(!outcome.left_by(LINE));
    let told = gate.commands();
    if told.len() > before { told.last().unwrap().denied } else { outcome.reason() }
}

#[test]
fn a_download_is_told_from_its_first_step_to_the_answer_to_its_last() {
    let (mut gate, mut talk) = opened();
    assert!(ask(&mut gate, &mut talk, &begin(1), &done(1)));
    assert!(ask(&mut gate, &mut talk, &block(2), &done(2)));
    assert_eq!(told(&gate), [(true, GRANT)]);
    assert!(talk.send(&mut gate, &end(3)).left_by(LINE));
    assert_eq!(told(&gate), [(true, GRANT)], "not before it is answered");
    assert!(talk.answer(&mut gate, &done(3)).left_by(OFFICE));
    assert_eq!(told(&gate), [(true, GRANT), (false, GRANT)]);
}

#[test]
fn a_download_under_way_goes_on_when_the_window_closes() {
    let (mut gate, mut talk) = opened();
    assert!(ask(&mut gate, &mut talk, &begin(1), &done(1)));
    gate.wait(60 * MINUTE);
    assert!(ask(&mut gate, &mut talk, &block(2), &done(2)));
    assert!(ask(&mut gate, &mut talk, &read(3, 0, 1), &values(3, &[7])), "it looks");
    assert_eq!(refused(&mut gate, &mut talk, &write(4, 0, 1)), Some(Reason::Draining));
    assert_eq!(refused(&mut gate, &mut talk, &begin(5)), Some(Reason::Draining));
    assert!(ask(&mut gate, &mut talk, &end(6), &done(6)));
    assert_eq!(refused(&mut gate, &mut talk, &read(7, 0, 1)), Some(Reason::Draining), "it is over");
}

#[test]
fn draining_has_a_deadline() {
    let (mut gate, mut talk) = opened();
    assert!(ask(&mut gate, &mut talk, &begin(1), &done(1)));
    gate.wait(65 * MINUTE - Duration::from_nanos(1));
    assert!(ask(&mut gate, &mut talk, &block(2), &done(2)));
    gate.wait(Duration::from_nanos(1));
    let reason = refused(&mut gate, &mut talk, &block(3));
    assert_eq!(reason, Some(Reason::CommandOutsideWindow));
}

#[test]
fn a_download_that_cannot_be_done_does_not_begin() {
    let (mut gate, mut talk) = opened();
    gate.wait(50 * MINUTE);
    assert!(ask(&mut gate, &mut talk, &begin(1), &done(1)), "just enough is left");
    let (mut gate, mut talk) = opened();
    gate.wait(50 * MINUTE + Duration::from_nanos(1));
    assert_eq!(refused(&mut gate, &mut talk, &begin(1)), Some(Reason::OperationTooLate));
    assert!(talk.send(&mut gate, &write(2, 0, 1)).left_by(LINE), "all else goes on");
    assert!(told(&gate).is_empty());
}

#[test]
fn no_new_flow_while_draining() {
    let (mut gate, mut talk) = opened();
    let mut other = Talk::open(&mut gate, (ALICE, 51001));
    assert!(ask(&mut gate, &mut talk, &begin(1), &done(1)));
    gate.wait(60 * MINUTE);
    let syn = Packet::tcp((ALICE, 51002), (PRESS_3, 502), (100, 0), flag::SYN, &[]);
    gate.office(&syn).refused(Reason::Draining);
    assert_eq!(refused(&mut gate, &mut other, &block(1)), Some(Reason::Draining), "not its own");
    assert!(ask(&mut gate, &mut talk, &block(2), &done(2)));
}

/// Logged out: control drains the session before there are other tables.
#[test]
fn a_session_that_drains_leaves_only_the_flow_of_the_operation() {
    let (mut gate, mut talk) = opened();
    let mut other = Talk::open(&mut gate, (ALICE, 51001));
    assert!(ask(&mut gate, &mut talk, &begin(1), &done(1)));
    assert!(gate.sessions.drain(SessionId(1)));
    other.send(&mut gate, &read(1, 0, 1)).refused(Reason::Draining);
    let syn = Packet::tcp((ALICE, 51002), (PRESS_3, 502), (100, 0), flag::SYN, &[]);
    gate.office(&syn).refused(Reason::Draining);
    assert!(ask(&mut gate, &mut talk, &block(2), &done(2)));
    assert!(gate.sessions.revoke(SessionId(1)), "what drains can be taken back");
    talk.send(&mut gate, &block(3)).refused(Reason::Revoked);
    assert_eq!(gate.flow_ends(), [EndCause::Expired, EndCause::Revoked]);
    assert_eq!(told(&gate), [(true, GRANT), (false, GRANT)]);
}

/// Tables in which only draining is left end the flows that have nothing under way.
#[test]
fn other_tables_let_an_operation_go_on_and_nothing_else() {
    let (mut gate, mut talk) = opened();
    let mut other = Talk::open(&mut gate, (ALICE, 51001));
    assert!(ask(&mut gate, &mut talk, &begin(1), &done(1)));
    let mut after = plant();
    after.rights[0].entries[0].window = Some(Window { from: Time::EPOCH, until: START });
    gate.engine.install(after.tables(2));
    assert!(ask(&mut gate, &mut talk, &block(2), &done(2)));
    other.send(&mut gate, &read(1, 0, 1)).refused(Reason::Revoked);
    // Another grant's operation is not this one.
    after.rights[0].entries[0].operations.as_mut().unwrap().grant += 1;
    gate.engine.install(after.tables(3));
    talk.send(&mut gate, &block(3)).refused(Reason::Revoked);
}

#[test]
fn an_operation_ends_with_its_connection() {
    let (mut gate, mut talk) = opened();
    assert!(ask(&mut gate, &mut talk, &begin(1), &done(1)));
    talk.close(&mut gate);
    gate.wait(5 * MINUTE);
    gate.age();
    assert_eq!(told(&gate), [(true, GRANT), (false, GRANT)]);
    let (mut gate, mut talk) = opened();
    assert!(ask(&mut gate, &mut talk, &begin(1), &done(1)));
    talk.send(&mut gate, b"this is not Modbus at all");
    assert_eq!(told(&gate), [(true, GRANT), (false, GRANT)]);
}

#[test]
fn without_anything_said_of_operations_nothing_is_told_and_nothing_drains() {
    let mut plant = plant();
    plant.rights[0].entries[0].operations = None;
    let mut gate = Gate::new(&plant);
    let mut talk = Talk::open(&mut gate, CLIENT);
    assert!(ask(&mut gate, &mut talk, &begin(1), &done(1)));
    gate.wait(60 * MINUTE);
    let reason = refused(&mut gate, &mut talk, &block(2));
    assert_eq!(reason, Some(Reason::CommandOutsideWindow));
    assert!(told(&gate).is_empty());
}
