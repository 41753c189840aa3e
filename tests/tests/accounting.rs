//! Every frame one verdict, every command one event, every total the sum of its parts.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use proptest::collection::vec;
use proptest::prelude::*;
use wicketgate_engine::{EventKind, Reason};
use wicketgate_tests::capture::cases;
use wicketgate_tests::frame::flag;
use wicketgate_tests::modbus::{read, values, write};
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Packet, Plant, Talk};

/// `Gate::raw` asserts after each frame that the counters grew by one.
#[test]
fn counters_are_the_verdicts() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk::open(&mut gate, (ALICE, 51000));
    talk.send(&mut gate, &read(1, 0, 1));
    talk.answer(&mut gate, &values(1, &[1]));
    talk.send(&mut gate, &[read(2, 0, 1), write(2, 0, 1)].concat());
    talk.send(&mut gate, &write(3, 0, 1)[..5]);
    talk.send(&mut gate, &write(3, 0, 1)[5..]);
    gate.office(&Packet::udp((ALICE, 1), (PRESS_3, 502), &write(4, 0, 1)));
    gate.raw(OFFICE, b"no frame");
    let counters = gate.engine.counters();
    assert_eq!((counters.forwarded, counters.answered, counters.kept), (5, 1, 1));
    assert_eq!((counters.commands, counters.denied), (5, 3));
    assert_eq!(counters.of(Reason::CommandDenied), 3, "by frame: two denied, one answered");
    assert_eq!(counters.of(Reason::Truncated), 1);
    assert_eq!(counters.frames(), 10);
}

#[test]
fn every_capture_adds_up() {
    for case in cases() {
        let run = case.through_file();
        assert_eq!(run.verdicts.len(), run.entered.len(), "{}", case.name);
        let (mut flows, mut sessions, mut commands) = ((0, 0), (0, 0), 0);
        let (mut frames, mut bytes, mut told) = ((0, 0), (0, 0), 0);
        for event in &run.events {
            match &event.kind {
                EventKind::SessionStart => sessions.0 += 1,
                EventKind::FlowStart { .. } => flows.0 += 1,
                EventKind::Command(_) => commands += 1,
                EventKind::Refused { .. }
                | EventKind::OperationStart { .. }
                | EventKind::OperationEnd { .. }
                | EventKind::IoStart { .. }
                | EventKind::IoEnd { .. } => {}
                EventKind::FlowEnd { totals, .. } => {
                    flows.1 += 1;
                    (frames.0, bytes.0) = (frames.0 + totals.frames, bytes.0 + totals.bytes);
                    told += totals.commands;
                }
                EventKind::SessionEnd { totals, .. } => {
                    sessions.1 += 1;
                    (frames.1, bytes.1) = (frames.1 + totals.frames, bytes.1 + totals.bytes);
                }
            }
        }
        assert_eq!(flows.0, flows.1, "{}: every flow that starts ends", case.name);
        assert_eq!(sessions.0, sessions.1, "{}: every session too", case.name);
        assert_eq!((frames.0, bytes.0), (frames.1, bytes.1), "{}", case.name);
        assert_eq!(told, commands, "{}: every command is told once", case.name);
        assert!(frames.0 as usize <= run.left.len(), "{}", case.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever comes, the gate says one thing and lives.
    #[test]
    fn any_bytes_get_one_verdict(
        frames in vec((any::<bool>(), vec(any::<u8>(), 0..100), vec((0usize..120, any::<u8>()), 0..4)), 1..20),
    ) {
        let mut gate = Gate::new(&Plant::usual());
        let talk = Talk::open(&mut gate, (ALICE, 51000));
        for (office, payload, changes) in frames {
            let (mut packet, port) = match office {
                true => (talk.from_client(talk.client_next, flag::ACK, &payload), OFFICE),
                false => (talk.from_asset(talk.asset_next, flag::ACK, &payload), LINE),
            };
            packet.macs = (GATE_MAC[usize::from(port.0)], OFFICE_MAC);
            let mut bytes = packet.bytes();
            for (at, value) in changes {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            gate.raw(port, &bytes);
        }
    }
}
