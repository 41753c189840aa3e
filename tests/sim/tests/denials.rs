//! The harness and the gate agree on what is denied, and in which words.

#![allow(clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::time::Duration;

use wicketgate_packet::PortId;
use wicketgate_sim::Modbus;
use wicketgate_sim::chance::Chance;
use wicketgate_sim::gate::{Gate, compile};
use wicketgate_sim::protocol::{Exchange, Protocol, exchanges};
use wicketgate_sim::relay::Relay;
use wicketgate_tests::frame::{Packet, Seen};
use wicketgate_tests::gate::START;
use wicketgate_tests::plant::{GATE_MAC, HMI, LINE, OFFICE, OFFICE_MAC, PRESS_3};

/// What becomes of a request in a datagram: the port that something leaves by, and what it carries.
fn ask(gate: &mut Gate, at: u64, exchange: &Exchange) -> (PortId, Vec<u8>) {
    let packet = Packet::udp((HMI, 40_000), (PRESS_3, 502), &exchange.request);
    let frame = Packet { macs: (GATE_MAC[0], OFFICE_MAC), ..packet }.bytes();
    let (now, mut left) = (START + Duration::from_millis(at), Vec::new());
    assert_eq!(gate.arrive(now, OFFICE, &frame), Ok(()));
    gate.turn(now, &mut left);
    assert_eq!(left.len(), 1, "{exchange:02x?}");
    (left[0].0, Seen::read(&left[0].1).payload)
}

/// Over UDP, where a denial needs no stream: every kind of request, allowed and denied.
#[test]
fn the_gate_denies_what_the_plan_says() {
    let mut gate = Gate::new(compile(Modbus::POLICY), Duration::from_millis(1));
    let plan = exchanges::<Modbus>(7, 400, 500, &mut Chance::new(7));
    for (exchange, at) in plan.iter().zip(0..) {
        let (port, payload) = ask(&mut gate, at, exchange);
        let (due, content) = match exchange.allowed {
            true => (LINE, &exchange.request),
            false => (OFFICE, &exchange.answer),
        };
        assert_eq!((port, &payload), (due, content), "{:02x?}", exchange.request);
    }
    let denied = gate.told().into_iter().flatten().filter(|(_, denied)| *denied).count();
    assert!((150..250).contains(&denied), "{denied}");
}
