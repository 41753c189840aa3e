//! What is fetched ahead is decided on as if it were not: two engines are given the same bursts, one of them looks
//! ahead, and nothing that can be seen of them may differ.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use wicketgate_engine::{Engine, EventRing, Limits, Sessions, Tables, Verdict};
use wicketgate_packet::{FrameBuf, Headers, L4, PortId};
use wicketgate_ports::{HeapFrame, Pool};
use wicketgate_tests::Packet;
use wicketgate_tests::capture::{Case, Crossing, cases};
use wicketgate_tests::frame::flag;
use wicketgate_tests::gate::Sent;
use wicketgate_worker::worker::BURST;

/// Each bundled capture, with the frames that enter the gate.
static CASES: LazyLock<Vec<(Case, Vec<Crossing>)>> = LazyLock::new(|| {
    let entered = |case: Case| {
        let entered = case.through_file().entered;
        (case, entered)
    };
    cases().into_iter().map(entered).collect()
});

/// One of the two.
struct Side {
    engine: Engine,
    events: EventRing,
    frame: HeapFrame,
    own: Sent,
    looks_ahead: bool,
}

/// What can be seen of one frame.
#[derive(Debug, PartialEq)]
struct Seen {
    verdict: Verdict,
    left: Vec<u8>,
    own: Vec<(PortId, Vec<u8>)>,
    events: Vec<String>,
}

impl Side {
    fn new(tables: &Arc<Tables>, looks_ahead: bool) -> Side {
        let limits = Limits { flows: 2048, streams: 1024, long_requests: 2, io_connections: 32 };
        let mut engine = Engine::new(limits, tables.clone(), Arc::new(Sessions::new(64)));
        engine.set_captured(true);
        let (events, frame) = (EventRing::new(512), Pool::new(1).take().unwrap());
        Side { engine, events, frame, own: Sent::default(), looks_ahead }
    }

    fn burst(&mut self, burst: &[Crossing]) -> Vec<Seen> {
        if self.looks_ahead {
            self.engine.prefetch(burst.iter().map(|crossing| (crossing.port, &*crossing.bytes)));
        }
        let seen = burst.iter().map(|crossing| self.frame(crossing)).collect();
        let last = burst.last().map(|crossing| crossing.at).unwrap_or_default();
        self.engine.age(last, &mut self.events);
        seen
    }

    fn frame(&mut self, crossing: &Crossing) -> Seen {
        self.frame.fill(&[], &crossing.bytes);
        let Side { engine, events, frame, own, .. } = self;
        let verdict = engine.process(crossing.at, crossing.port, frame, own, events);
        let events = std::iter::from_fn(|| events.pop()).map(|event| format!("{event:?}"));
        Seen {
            verdict,
            left: frame.bytes().to_vec(),
            own: std::mem::take(&mut own.0),
            events: events.collect(),
        }
    }
}

/// The first of `entered` that opens a connection or an exchange of datagrams, and as many more from other ports.
fn openings(tables: &Arc<Tables>, entered: &[Crossing], count: usize) -> Vec<Crossing> {
    let mut alone = Side::new(tables, false);
    let opens = |crossing: &&Crossing| {
        let before = alone.engine.flow_count();
        alone.frame(crossing);
        let transport = Headers::parse(&crossing.bytes).ok().map(|headers| headers.l4);
        alone.engine.flow_count() > before && !matches!(transport, Some(L4::Icmp { .. }) | None)
    };
    let Some(first) = entered.iter().find(opens) else { return Vec::new() };
    let ports = (0..count).map(|n| 2000 + u16::try_from(n).unwrap());
    ports
        .map(|port| Crossing {
            at: entered[0].at,
            port: first.port,
            bytes: from_port(&first.bytes, port),
        })
        .collect()
}

/// A first segment, or the same datagram, from another port.
fn from_port(bytes: &[u8], port: u16) -> Vec<u8> {
    let headers = Headers::parse(bytes).unwrap();
    let (_, to) = headers.ports();
    let (from, to) = ((headers.src, port), (headers.dst, to));
    let mut packet = match headers.l4 {
        L4::Udp { .. } => Packet::udp(from, to, headers.payload(bytes)),
        _ => Packet::tcp(from, to, (100, 0), flag::SYN, &[]),
    };
    packet.macs = (bytes[..6].try_into().unwrap(), bytes[6..12].try_into().unwrap());
    packet.tags = headers.link.vlan().map(|vlan| (0x8100, vlan)).into_iter().collect();
    packet.bytes()
}

/// The frames in bursts of these lengths, each time with one that is cut short behind it.
fn in_bursts(frames: &[Crossing], lengths: &[usize], cut: usize) -> Vec<Vec<Crossing>> {
    let mut rest = frames;
    let mut bursts = Vec::new();
    for length in lengths.iter().cycle() {
        let (burst, behind) = rest.split_at(rest.len().min(*length));
        let Some(last) = burst.last() else { break };
        let bytes = last.bytes[..cut.min(last.bytes.len())].to_vec();
        bursts.push([burst, &[Crossing { bytes, ..last.clone() }]].concat());
        rest = behind;
    }
    bursts
}

/// Both engines through a capture, behind so many connections; how many were open at most.
fn same_either_way(case: usize, others: usize, lengths: &[usize], cut: usize) -> usize {
    let (case, entered) = &CASES[case];
    let mut sides = [true, false].map(|looks_ahead| Side::new(&case.tables, looks_ahead));
    let frames = [&openings(&case.tables, entered, others)[..], entered].concat();
    let mut open = 0;
    for burst in in_bursts(&frames, lengths, cut) {
        let [ahead, behind] = &mut sides;
        assert_eq!(ahead.burst(&burst), behind.burst(&burst), "{}", case.name);
        open = open.max(ahead.engine.flow_count());
    }
    let [ahead, behind] = &sides;
    assert_eq!(ahead.engine.counters(), behind.engine.counters(), "{}", case.name);
    open
}

#[test]
fn every_capture_is_the_same_with_more_open_than_it_begins_at() {
    let open: Vec<usize> =
        (0..CASES.len()).map(|case| same_either_way(case, 600, &[BURST], 40)).collect();
    let many = open.iter().filter(|open| **open >= 600).count();
    println!("{many} of {} captures with 600 open: {open:?}", open.len());
    assert!(many * 10 >= open.len() * 9, "{open:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Bursts of any length, also longer than is looked ahead at; few connections and many, and the number at
    /// which it begins passed in the middle of a burst.
    #[test]
    fn bursts_are_the_same_either_way(
        case in 0..CASES.len(),
        others in prop_oneof![Just(0usize), 490usize..530, 600usize..900],
        lengths in proptest::collection::vec(1usize..2 * BURST, 1..8),
        cut in 0usize..80,
    ) {
        same_either_way(case, others, &lengths, cut);
    }
}
