//! Frames that wait for a MAC address: few, for a short time, and each ends in one verdict.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use wicketgate_engine::{
    Engine, EventKind, EventRing, Limits, NextHop, Reason, Sessions, Tables, Verdict,
};
use wicketgate_packet::{PortId, Time};
use wicketgate_ports::RingPort;
use wicketgate_tests::gate::START;
use wicketgate_tests::plant::*;
use wicketgate_tests::{Packet, Plant, Seen};
use wicketgate_worker::hold::{FRAMES, FRAMES_OF_ASSET, PATIENCE};
use wicketgate_worker::{Observer, Stopwatch, Worker};

/// Measures nothing.
struct Stopped;

impl Stopwatch for Stopped {
    fn nanos(&self) -> u64 {
        0
    }
}

/// What the worker told.
#[derive(Default)]
struct Told {
    verdicts: Vec<Verdict>,
    wanted: Vec<NextHop>,
    refused: Vec<Reason>,
}

impl Observer for Told {
    fn frame(&mut self, _arrival: Time, verdict: Verdict) {
        self.verdicts.push(verdict);
    }

    fn events(&mut self, _tables: &Tables, events: &mut EventRing) {
        while let Some(event) = events.pop() {
            if let EventKind::Refused { reason, .. } = event.kind {
                self.refused.push(reason);
            }
        }
    }

    fn wanted(&mut self, hop: NextHop) {
        self.wanted.push(hop);
    }
}

/// A worker over rings, with a clock of the test's.
struct Bench {
    worker: Worker<RingPort, Stopped>,
    told: Told,
    now: Time,
}

const POOL: usize = 128;

impl Bench {
    fn new(plant: &Plant) -> Bench {
        let sessions = Arc::new(Sessions::new(64));
        let engine = Engine::new(
            Limits { flows: 256, streams: 64, ..Limits::default() },
            plant.tables(1),
            sessions,
        );
        let worker = Worker::new(RingPort::new(POOL, POOL), engine, Stopped);
        Bench { worker, told: Told::default(), now: START }
    }

    fn feed(&mut self, packet: &Packet) {
        let macs = (GATE_MAC[0], OFFICE_MAC);
        let bytes = Packet { macs, ..packet.clone() }.bytes();
        assert!(self.worker.port_mut().feed(OFFICE, self.now, &bytes));
    }

    fn turn(&mut self) {
        while self.worker.turn(&mut self.told).unwrap() > 0 {}
    }

    fn wait(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.worker.pass(self.now);
        self.turn();
    }

    fn install(&mut self, plant: &Plant, epoch: u32) {
        self.worker.install(plant.tables(epoch), &mut self.told);
        self.turn();
    }

    fn left(&mut self) -> Vec<(PortId, Vec<u8>)> {
        self.worker.port_mut().drain().into_iter().map(|(port, _, bytes)| (port, bytes)).collect()
    }

    /// No frame is lost or in anybody's hands.
    fn assert_whole(&mut self) {
        self.left();
        assert_eq!(self.worker.port().pool().available(), POOL);
    }
}

fn syn(port: u16) -> Packet {
    let flags = wicketgate_tests::frame::flag::SYN;
    Packet::tcp((ALICE, port), (PRESS_3, 502), (1, 0), flags, &[])
}

fn unknown() -> Plant {
    Plant { press_3_mac: None, press_4_mac: None, ..Plant::usual() }
}

const HOP: NextHop = NextHop { port: LINE, vlan: None, address: PRESS_3_UNDERLAY };

#[test]
fn the_first_segment_waits_and_leaves() {
    let mut bench = Bench::new(&unknown());
    bench.feed(&syn(51000));
    bench.turn();
    assert_eq!((bench.told.verdicts.len(), bench.left().len()), (0, 0), "it is not decided on");
    assert_eq!(bench.told.wanted, [HOP]);
    bench.wait(Duration::from_secs(1));
    bench.install(&Plant { press_4_mac: None, ..Plant::usual() }, 2);
    assert_eq!(bench.told.verdicts, [Verdict::Forward(LINE)]);
    let left = bench.left();
    assert_eq!((left.len(), left[0].0), (1, LINE));
    assert_eq!(Seen::read(&left[0].1).macs, (PRESS_MAC, GATE_MAC[1]));
    let counters = bench.worker.held();
    assert_eq!((counters.held, counters.forwarded, counters.refused), (1, 1, 0));
    assert_eq!(bench.told.refused, []);
    bench.assert_whole();
}

#[test]
fn who_waited_too_long_is_refused() {
    let mut bench = Bench::new(&unknown());
    bench.feed(&syn(51000));
    bench.turn();
    bench.wait(PATIENCE - Duration::from_nanos(1));
    assert_eq!(bench.told.verdicts, []);
    bench.wait(Duration::from_nanos(1));
    assert_eq!(bench.told.verdicts, [Verdict::Drop(Reason::NoNeighbour)]);
    assert_eq!(bench.told.refused, [Reason::NoNeighbour], "the audit is told once");
    assert_eq!(bench.worker.engine().counters().of(Reason::NoNeighbour), 1);
    bench.assert_whole();
}

#[test]
fn few_wait_for_one_asset_and_the_others_are_refused() {
    let mut bench = Bench::new(&unknown());
    (0..50).for_each(|number| bench.feed(&syn(51000 + number)));
    bench.turn();
    assert_eq!(bench.told.verdicts.len(), 50 - FRAMES_OF_ASSET);
    assert_eq!(bench.told.wanted, [HOP], "control is asked once");
    bench.install(&Plant::usual(), 2);
    assert_eq!(bench.told.verdicts.len(), 50, "each ends in one verdict");
    assert_eq!(bench.left().len(), FRAMES_OF_ASSET);
    assert_eq!(bench.worker.engine().counters().frames(), 50);
    bench.assert_whole();
}

#[test]
fn few_wait_in_all() {
    const { assert!(FRAMES <= 64 && FRAMES >= 2 * FRAMES_OF_ASSET, "rings keep theirs") };
    let mut bench = Bench::new(&unknown());
    let to_4 = |port| Packet { tags: Vec::new(), ..syn_to(PRESS_4, port) };
    (0..50).for_each(|number| bench.feed(&syn(51000 + number)));
    (0..50).for_each(|number| bench.feed(&to_4(52000 + number)));
    bench.turn();
    assert_eq!(bench.told.wanted.len(), 2, "an asset that floods leaves room for others");
    assert_eq!(bench.worker.held().held as usize, 2 * FRAMES_OF_ASSET);
    bench.wait(PATIENCE);
    bench.assert_whole();
}

fn syn_to(asset: Ipv4Addr, port: u16) -> Packet {
    Packet { dst: asset, ..syn(port) }
}

#[test]
fn who_may_not_does_not_wait() {
    let mut bench = Bench::new(&unknown());
    bench.feed(&Packet { src: STRANGER, ..syn(51000) });
    bench.feed(&Packet::udp((ALICE, 51000), (PRESS_3, 9), b"?"));
    bench.turn();
    let refused = [Reason::NoGrant, Reason::NoEndpoint].map(Verdict::Drop);
    assert_eq!(bench.told.verdicts, refused);
    assert_eq!(bench.told.wanted, []);
}

#[test]
fn a_right_that_goes_while_a_frame_waits_is_gone() {
    let mut bench = Bench::new(&unknown());
    bench.feed(&syn(51000));
    bench.turn();
    bench.install(&Plant::closed(), 2);
    assert_eq!(bench.told.verdicts, [Verdict::Drop(Reason::NoGrant)]);
    bench.assert_whole();
}

#[test]
fn a_question_costs_one_frame_and_none_is_lost() {
    let mut bench = Bench::new(&unknown());
    let hop = NextHop { vlan: Some(VLAN), address: PRESS_4_UNDERLAY, ..HOP };
    assert!(bench.worker.solicit(hop));
    assert!(!bench.worker.solicit(HOP), "without a tag it is the kernel's to ask");
    bench.turn();
    let left = bench.left();
    assert_eq!((left.len(), left[0].0, &left[0].1[..6]), (1, LINE, &[0xff; 6][..]));
    while bench.worker.port().pool().available() > 0 {
        assert!(bench.worker.solicit(hop));
    }
    assert!(!bench.worker.solicit(hop), "no frame is free");
    bench.turn();
    bench.assert_whole();
}

#[test]
fn at_the_end_nobody_waits() {
    let mut bench = Bench::new(&unknown());
    bench.feed(&syn(51000));
    bench.turn();
    bench.worker.finish(&mut bench.told);
    assert_eq!(bench.told.verdicts, [Verdict::Drop(Reason::NoNeighbour)]);
    bench.assert_whole();
}
