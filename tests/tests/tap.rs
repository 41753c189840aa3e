//! The tap: what a capture lacks is supplied, and counted.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;
use std::time::Duration;

use wicketgate_dissectors::Class;
use wicketgate_engine::{EventKind, Verdict};
use wicketgate_packet::PortId;
use wicketgate_ports::tap::{LOOPBACK_CLIENT, Plan, Supplied};
use wicketgate_ports::{RingPort, Tap};
use wicketgate_tests::capture::{Run, plan, run};
use wicketgate_tests::frame::flag;
use wicketgate_tests::gate::START;
use wicketgate_tests::modbus::{read, values};
use wicketgate_tests::plant::*;
use wicketgate_tests::{Packet, Plant, Right, Seen};

const DATA: u8 = flag::ACK | flag::PSH;
type End = (Ipv4Addr, u16);

/// A connection as the plant's wire shows it, client's numbers from 101 on, the asset's from 501.
#[derive(Clone, Copy)]
struct Wire(End, End);

const USUAL: Wire = Wire((ALICE, 51000), (PRESS_3_UNDERLAY, 502));

impl Wire {
    fn client(self, (seq, ack): (u32, u32), flags: u8, payload: &[u8]) -> Packet {
        Packet::tcp(self.0, self.1, (seq, ack), flags, payload)
    }

    fn asset(self, numbers: (u32, u32), flags: u8, payload: &[u8]) -> Packet {
        Packet::tcp(self.1, self.0, numbers, flags, payload)
    }

    fn handshake(self) -> Vec<Packet> {
        vec![
            self.client((100, 0), flag::SYN, &[]),
            self.asset((500, 101), flag::SYN | flag::ACK, &[]),
            self.client((101, 501), flag::ACK, &[]),
        ]
    }

    /// Request and answer number `n` of a connection that has nothing else.
    fn poll(self, n: u16) -> [Packet; 2] {
        let (seq, ack) = (101 + 12 * u32::from(n), 501 + 11 * u32::from(n));
        [
            self.client((seq, ack), DATA, &read(n, 0, 1)),
            self.asset((ack, seq + 12), DATA, &values(n, &[n])),
        ]
    }

    fn polls(self, numbers: std::ops::Range<u16>) -> Vec<Packet> {
        numbers.flat_map(|n| self.poll(n)).collect()
    }
}

fn bytes(packet: &Packet) -> Vec<u8> {
    Packet { macs: ([2, 0, 0, 0, 9, 9], [2, 0, 0, 0, 8, 8]), ..packet.clone() }.bytes()
}

fn tapped(frames: &[Vec<u8>], plant: &Plant, change: impl FnOnce(&mut Plan)) -> (Run, Supplied) {
    let tables = plant.tables(1);
    let mut ring = RingPort::new(1024, 1024);
    for (frame, n) in frames.iter().zip(0..) {
        let at = START + Duration::from_millis(10 * n);
        assert!(ring.feed(PortId(0), at, frame));
    }
    ring.close();
    let mut plan = plan(&tables);
    change(&mut plan);
    let mut tap = Tap::new(ring, plan);
    let run = run(&mut tap, tables);
    tap.inner_mut().drain_with(|_, _, _| {});
    assert_eq!(tap.inner().pool().available(), 1024, "no frame is lost");
    (run, tap.supplied())
}

fn replay(packets: &[Packet]) -> (Run, Supplied) {
    let frames: Vec<_> = packets.iter().map(bytes).collect();
    tapped(&frames, &Plant::usual(), |_| {})
}

fn commands(run: &Run) -> usize {
    run.events.iter().filter(|event| matches!(event.kind, EventKind::Command(_))).count()
}

fn all_pass(run: &Run) {
    for (verdict, entered) in run.verdicts.iter().zip(&run.entered) {
        let passed = matches!(verdict, Verdict::Forward(_) | Verdict::Kept);
        assert!(passed, "{verdict:?}: {:?}", Seen::read(&entered.bytes));
    }
}

#[test]
fn a_whole_connection_needs_nothing() {
    let packets = [USUAL.handshake(), USUAL.polls(0..5)].concat();
    let (run, supplied) = replay(&packets);
    all_pass(&run);
    assert_eq!(supplied, Supplied::default());
    assert_eq!((run.entered.len(), commands(&run)), (13, 5));
    let first = Seen::read(&run.entered[0].bytes);
    assert_eq!((first.dst, first.ttl), ((PRESS_3, 502), 65), "the gate is one hop more");
    let answer = Seen::read(&run.entered[1].bytes);
    assert_eq!((answer.src, answer.dst), ((PRESS_3_UNDERLAY, 502), (NAT, 51000)));
    let left = Seen::read(&run.left[0].bytes);
    assert_eq!((left.src, left.dst.0), ((NAT, 51000), PRESS_3_UNDERLAY));
}

#[test]
fn a_capture_from_the_middle_gets_a_handshake() {
    for first in [0, 1] {
        let packets = USUAL.polls(3..8);
        let (run, supplied) = replay(&packets[first..]);
        assert_eq!(supplied, Supplied { handshakes: 1, ..Supplied::default() });
        assert_eq!(commands(&run), 5 - first);
        assert_eq!(run.entered.len(), 3 + 10 - first);
        let refused = run.verdicts.iter().filter(|v| !matches!(v, Verdict::Forward(_))).count();
        assert_eq!(refused, first, "only the answer whose question was not captured");
    }
}

#[test]
fn segments_out_of_order_are_put_in_order() {
    let mut packets = [USUAL.handshake(), USUAL.polls(0..6)].concat();
    packets.swap(5, 7);
    packets.swap(9, 10);
    let (run, supplied) = replay(&packets);
    all_pass(&run);
    assert!(supplied.reordered > 0 && supplied.gaps == 0, "{supplied:?}");
    assert_eq!(commands(&run), 6);
}

#[test]
fn behind_a_gap_the_connection_opens_anew() {
    let packets = [USUAL.handshake(), USUAL.polls(0..3), USUAL.polls(5..9)].concat();
    let (run, supplied) = replay(&packets);
    assert_eq!(supplied.gaps, 1, "{supplied:?}");
    assert_eq!(commands(&run), 7);
    let starts = run.events.iter().filter(|e| matches!(e.kind, EventKind::FlowStart { .. }));
    assert_eq!(starts.count(), 2);
    all_pass(&run);
}

#[test]
fn a_port_used_again_without_a_close_is_another_connection() {
    let again: Vec<Packet> = USUAL
        .handshake()
        .into_iter()
        .chain(USUAL.polls(0..3))
        .map(|mut packet| {
            let wicketgate_tests::Layer4::Tcp { seq, ack, flags, .. } = &mut packet.l4 else {
                panic!()
            };
            *seq = seq.wrapping_add(1_000_000);
            *ack = if *flags & flag::ACK != 0 { ack.wrapping_add(1_000_000) } else { 0 };
            packet
        })
        .collect();
    let (run, _) = replay(&[USUAL.handshake(), USUAL.polls(0..3), again].concat());
    all_pass(&run);
    assert_eq!(commands(&run), 6);
    assert_eq!(run.entered.len(), 9 + 1 + 9, "one reset was supplied");
}

/// A sender that leaves checksums to its card writes the sum of the pseudo-header alone.
#[test]
fn partial_checksums_are_completed_and_wrong_ones_are_not() {
    let mut frames: Vec<_> =
        [USUAL.handshake(), USUAL.polls(0..2)].concat().iter().map(bytes).collect();
    let at = 14 + 20 + 16;
    for frame in &mut frames {
        frame[at..at + 2].fill(0);
    }
    let (run, supplied) = tapped(&frames, &Plant::usual(), |_| {});
    all_pass(&run);
    assert_eq!(supplied.checksums, 7);
    frames[3][at] ^= 0x55;
    let (run, supplied) = tapped(&frames, &Plant::usual(), |_| {});
    assert_eq!(supplied.checksums, 6);
    assert!(run.verdicts.iter().any(|verdict| !matches!(verdict, Verdict::Forward(_))));
}

#[test]
fn two_assets_that_talk_are_client_and_asset_by_who_asks() {
    let wire = Wire((PRESS_3_UNDERLAY, 40000), (PRESS_4_UNDERLAY, 502));
    let reads = Right::classes(PRESS_3_UNDERLAY, MODBUS_4, &[Class::Read]);
    let plant = Plant::with(vec![reads]);
    let whole = [wire.handshake(), wire.polls(0..3)].concat();
    for packets in [whole, wire.polls(0..3)] {
        let frames: Vec<_> = packets.iter().map(bytes).collect();
        let (run, _) = tapped(&frames, &plant, |_| {});
        all_pass(&run);
        assert_eq!(commands(&run), 3);
        let answers = run.entered.iter().filter(|entered| entered.port == LINE);
        assert!(answers.clone().count() >= 3);
        answers.for_each(|answer| assert_eq!(Seen::read(&answer.bytes).tag, Some(VLAN)));
    }
}

#[test]
fn a_loopback_capture_gets_ends_that_a_wire_can_have() {
    let here = Ipv4Addr::LOCALHOST;
    let wire = Wire((here, 51000), (here, 502));
    let plant = Plant::with(vec![Right::classes(LOOPBACK_CLIENT, MODBUS, &[Class::Read])]);
    let packets = [wire.handshake(), wire.polls(0..3)].concat();
    let frames: Vec<_> = packets
        .iter()
        .map(|packet| Packet { macs: ([0; 6], [0; 6]), ..packet.clone() }.bytes())
        .collect();
    let (run, _) = tapped(&frames, &plant, |plan| {
        let door = plan.doors.remove(&PRESS_3_UNDERLAY).unwrap();
        plan.doors.insert(here, door);
    });
    all_pass(&run);
    assert_eq!(commands(&run), 3);
    assert_eq!(Seen::read(&run.entered[0].bytes).src, (LOOPBACK_CLIENT, 51000));
}

#[test]
fn what_no_asset_has_part_in_is_shown_to_the_gate_and_refused() {
    let elsewhere = Wire((ALICE, 51000), (Ipv4Addr::new(10, 9, 9, 9), 443));
    let (run, _) = replay(&elsewhere.handshake());
    assert_eq!(run.verdicts.len(), 3);
    assert!(run.verdicts.iter().all(|verdict| matches!(verdict, Verdict::Drop(_))));
}
