//! A conduit's rate: what is too much is refused, and the connection lives on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;
use std::time::Duration;

use proptest::prelude::*;
use wicketgate_dissectors::Class;
use wicketgate_engine::{Rate, Reason};
use wicketgate_tests::frame::flag;
use wicketgate_tests::modbus::{exception, read, values, write};
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Packet, Plant, Right, Talk};

const HMI_END: (Ipv4Addr, u16) = (HMI, 40000);

/// The HMI may read so much, and ping and browse as much.
fn plant(per_second: u32, burst: u32) -> Plant {
    let rate = Some(Rate { per_second, burst });
    let right = |door, classes: &[Class]| Right { rate, ..Right::classes(HMI, door, classes) };
    let doors = [
        right(MODBUS, &[Class::Read]),
        right(ECHO, &[Class::Diag]),
        right(WEB, &[]),
        right(MODBUS_UDP, &[Class::Read]),
    ];
    Plant { rights: doors.into(), ..Plant::closed() }
}

/// Reads once; whether it passed. What passes is answered; what does not, the gate answers.
fn reads(gate: &mut Gate, transaction: u16) -> bool {
    let request = Packet::udp((HMI, 40000), (PRESS_3, 502), &read(transaction, 0, 1));
    let outcome = gate.office(&request);
    if outcome.left_by(LINE) {
        return true;
    }
    // 6: busy, ask again later.
    assert_eq!(outcome.payload_on(OFFICE), exception(transaction, 3, 6));
    assert_eq!(gate.last_command().denied, Some(Reason::RateExceeded));
    false
}

#[test]
fn the_bucket_fills_again_and_never_holds_more_than_the_burst() {
    let mut gate = Gate::new(&plant(10, 3));
    let burst: Vec<bool> = (0..5).map(|n| reads(&mut gate, n)).collect();
    assert_eq!(burst, [true, true, true, false, false]);
    gate.wait(Duration::from_millis(99));
    assert!(!reads(&mut gate, 5));
    gate.wait(Duration::from_millis(1));
    assert!(reads(&mut gate, 6) && !reads(&mut gate, 7));
    gate.wait(Duration::from_secs(250));
    let full: Vec<bool> = (8..12).map(|n| reads(&mut gate, n)).collect();
    assert_eq!(full, [true, true, true, false]);
    assert_eq!(gate.flow_ends(), []);
}

#[test]
fn a_connection_lives_on_with_what_is_within_the_rate() {
    let mut gate = Gate::new(&plant(1, 1));
    let mut talk = Talk::open(&mut gate, HMI_END);
    for n in 0..50 {
        assert!(talk.send(&mut gate, &read(2 * n, 0, 1)).left_by(LINE));
        assert!(talk.answer(&mut gate, &values(2 * n, &[7])).left_by(OFFICE));
        let refused = talk.send_in_vain(&mut gate, &read(2 * n + 1, 0, 1));
        assert_eq!(refused.payload_on(OFFICE), exception(2 * n + 1, 3, 6));
        gate.wait(Duration::from_secs(1));
    }
    assert_eq!(gate.flow_ends(), []);
}

#[test]
fn connecting_anew_gives_no_more() {
    let mut gate = Gate::new(&plant(1, 2));
    let mut passed = 0;
    for n in 0..5 {
        let mut talk = Talk::open(&mut gate, (HMI, 40000 + n));
        passed += usize::from(talk.send(&mut gate, &read(n, 0, 1)).left_by(LINE));
    }
    assert_eq!(passed, 2);
}

#[test]
fn what_no_rule_gives_costs_nothing() {
    let mut gate = Gate::new(&plant(1, 2));
    for n in 0..9 {
        gate.office(&Packet::udp((HMI, 40000), (PRESS_3, 502), &write(n, 0, 1)));
        assert_eq!(gate.last_command().denied, Some(Reason::CommandDenied));
    }
    assert!(reads(&mut gate, 9) && reads(&mut gate, 10) && !reads(&mut gate, 11));
}

#[test]
fn pings_are_counted_too() {
    let mut gate = Gate::new(&plant(1, 2));
    let ping = |n| Packet::icmp(HMI, PRESS_3, (8, 0), (1, n), b"ping");
    let passed: Vec<bool> = (0..4).map(|n| gate.office(&ping(n)).left_by(LINE)).collect();
    assert_eq!(passed, [true, true, false, false]);
    assert_eq!(gate.office(&ping(4)).reason(), Some(Reason::RateExceeded));
}

/// Frames of what is not read; the asset's own are not the machine's.
#[test]
fn frames_are_counted_of_who_asks() {
    let mut gate = Gate::new(&plant(1, 4));
    let mut talk = Talk::open_to(&mut gate, HMI_END, (PRESS_3, 80));
    let request = talk.from_client(talk.client_next, flag::ACK | flag::PSH, b"GET /");
    let passed = (0..9).filter(|_| gate.office(&request).left_by(LINE)).count();
    assert!((1..=4).contains(&passed), "{passed}");
    assert!(talk.answer(&mut gate, b"OK").left_by(OFFICE));
}

#[test]
fn a_clock_that_steps_back_does_not_shut_the_gate() {
    let mut gate = Gate::new(&plant(10, 2));
    assert!(reads(&mut gate, 1) && reads(&mut gate, 2));
    gate.now = gate.now - Duration::from_secs(3600);
    assert!(!reads(&mut gate, 3), "nothing is given for it");
    gate.wait(Duration::from_millis(100));
    assert!(reads(&mut gate, 4), "as of an empty bucket");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Against a bucket that is counted in whole: never more than it, and never less.
    #[test]
    fn is_a_token_bucket(
        per_second in 1u32..200,
        burst in 1u32..30,
        waits in prop::collection::vec(0u64..300, 1..120),
    ) {
        // So that no division is rounded.
        let per_second = [1, 2, 4, 5, 8, 10, 20, 25, 40, 50, 100, 125, 200][per_second as usize % 13];
        let mut gate = Gate::new(&plant(per_second, burst));
        // Tokens, in nanoseconds of their filling.
        let each = 1_000_000_000 / u64::from(per_second);
        let mut tokens = each * u64::from(burst);
        for (wait, n) in waits.into_iter().zip(0..) {
            gate.wait(Duration::from_millis(wait));
            tokens = (tokens + wait * 1_000_000).min(each * u64::from(burst));
            let may = tokens >= each;
            prop_assert_eq!(reads(&mut gate, n), may);
            tokens -= if may { each } else { 0 };
        }
    }
}
