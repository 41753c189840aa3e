//! Links that lose, repeat and reorder: the gate adds no trouble of its own.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;
use std::time::Duration;

use wicketgate_tests::frame::{Seen, flag};
use wicketgate_tests::modbus::{read, values, write};
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Packet, Plant, Talk};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);
const ACK: u8 = flag::ACK;
const FIN: u8 = flag::ACK | flag::FIN;

fn open() -> (Gate, Talk) {
    let mut gate = Gate::new(&Plant::usual());
    let talk = Talk::open(&mut gate, CLIENT);
    (gate, talk)
}

/// Its value, and an echo that nobody reads.
fn stamped(packet: Packet, value: u8) -> Packet {
    Packet { tcp_options: vec![1, 1, 8, 10, 0, 0, 0, value, 0, 0, 0, 0], ..packet }
}

/// Both ends have timestamps, at 1.
fn open_stamped() -> (Gate, Talk) {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk {
        client: CLIENT,
        overlay: (PRESS_3, 502),
        nat: 0,
        client_next: 101,
        asset_next: 501,
        withheld: 0,
        injected: 0,
    };
    let syn = gate.office(&stamped(talk.from_client(100, flag::SYN, &[]), 1));
    talk.nat = syn.seen().src.1;
    gate.line(&stamped(talk.from_asset(500, flag::SYN | ACK, &[]), 1));
    assert!(gate.office(&stamped(talk.from_client(101, ACK, &[]), 1)).left_by(LINE));
    (gate, talk)
}

/// What was sent on is answered by who gets it. An acknowledgement of the gate's that says nothing new is
/// one duplicate too many: the third has a stack take something for lost, and smoltcp then forgets its FIN
/// (simulation, seed 300574).
#[test]
fn a_fin_that_is_sent_on_again_is_answered_by_the_asset_alone() {
    let (mut gate, talk) = open();
    let fin = talk.from_client(talk.client_next, FIN, &[]);
    assert!(gate.office(&fin).left_by(LINE));
    let again = gate.office(&fin);
    assert_eq!((again.seen_on(LINE).len(), again.seen_on(OFFICE).len()), (1, 0));
}

/// The same with bytes; those that have arrived are acknowledged at once.
#[test]
fn bytes_that_are_sent_on_again_are_answered_by_the_asset_alone() {
    let (mut gate, mut talk) = open();
    talk.send(&mut gate, &read(1, 0, 1));
    let again = talk.from_client(talk.client_next.wrapping_sub(12), ACK, &read(1, 0, 1));
    let under_way = gate.office(&again);
    assert_eq!(under_way.payload_on(LINE), read(1, 0, 1));
    assert_eq!(under_way.seen_on(OFFICE).len(), 0);
    gate.line(&talk.from_asset(talk.asset_next, ACK, &[]));
    let arrived = gate.office(&again);
    assert_eq!(arrived.payload_on(LINE), []);
    assert_eq!(arrived.seen_on(OFFICE)[0].numbers.1, talk.client_next);
}

/// RFC 7323 section 4.3: an acknowledgement that overtakes a FIN does not make that one old (simulation,
/// seed 302322).
#[test]
fn a_segment_that_was_overtaken_by_a_later_one_is_not_old() {
    let (mut gate, talk) = open_stamped();
    let next = talk.asset_next;
    gate.line(&stamped(talk.from_asset(next + 1, ACK, &[]), 9));
    let fin = gate.line(&stamped(talk.from_asset(next, FIN, &[]), 5));
    assert!(fin.seen_on(OFFICE)[0].flags & flag::FIN != 0);
    gate.line(&stamped(talk.from_asset(next + 1, ACK, &[]), 9));
    let old = gate.line(&stamped(talk.from_asset(next, FIN, &[]), 5));
    assert_eq!(old.seen_on(OFFICE).len(), 0, "it is now");
}

/// The rest of an answer was lost, and with it each try of half a minute: its sender waits longer from try
/// to try, for the link has lost some before (simulation, seed 301050).
#[test]
fn the_rest_of_a_pdu_is_waited_for_where_bytes_were_lost_before() {
    let (mut gate, mut talk) = open();
    talk.send(&mut gate, &read(1, 0, 1));
    let (first, answer) = (talk.asset_next, values(1, &[7]));
    talk.answer(&mut gate, &answer);
    gate.line(&talk.from_asset(first, ACK, &answer));
    talk.send(&mut gate, &read(2, 0, 1));
    let (first, answer) = (talk.asset_next, values(2, &[7]));
    talk.answer(&mut gate, &answer[..4]);
    let sent = gate.pass(Duration::from_secs(900));
    assert!(!sent.iter().any(|(_, frame)| Seen::read(frame).flags & flag::RST != 0));
    let rest = gate.line(&talk.from_asset(first + 4, ACK, &answer[4..]));
    assert_eq!(rest.payload_on(OFFICE), answer);
}

/// A denied command that comes again is acknowledged, for nobody else gets it.
#[test]
fn a_denied_command_that_comes_again_is_acknowledged() {
    let (mut gate, mut talk) = open();
    talk.send(&mut gate, &write(1, 5, 5));
    let again = talk.from_client(talk.client_next.wrapping_sub(12), ACK, &write(1, 5, 5));
    let again = gate.office(&again);
    assert_eq!(again.payload_on(LINE), []);
    assert_eq!(again.seen_on(OFFICE)[0].numbers.1, talk.client_next);
}
