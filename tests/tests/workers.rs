//! Several workers decide as one does: the same verdicts, bytes and events, whichever worker a frame
//! comes in at; and no frame is lost between them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};

use proptest::collection::vec;
use proptest::prelude::*;
use wicketgate_engine::owner::{asset_of, owner_of};
use wicketgate_engine::{
    AssetId, Engine, Event, EventRing, Limits, Reason, Sessions, Tables, Verdict, WorkerId,
};
use wicketgate_packet::{FrameBuf, Nowhere, PortId, Time};
use wicketgate_ports::{Pool, RingPort};
use wicketgate_tests::capture::cases;
use wicketgate_tests::frame::flag;
use wicketgate_tests::gate::START;
use wicketgate_tests::modbus::{read, values, write};
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Packet, Plant, Step, Talk};
use wicketgate_worker::{HandOver, Machine, Observer, Worker, handover};

/// Frames of each worker's pool.
const FRAMES: usize = 2048;
const UNREACHABLE: (u8, u8) = (3, 1);

/// Press 3 is worker 0's, press 4 worker 1's.
fn tables() -> Arc<Tables> {
    let mut tables = Plant::usual().tables(1);
    let owner =
        |asset: &wicketgate_engine::tables::Asset| WorkerId((asset.overlay == PRESS_4).into());
    Arc::get_mut(&mut tables).unwrap().fill_owners(owner);
    tables
}

/// What a worker said.
#[derive(Default)]
struct Notes {
    verdicts: Vec<Verdict>,
    events: Vec<Event>,
}

impl Observer for Notes {
    fn frame(&mut self, _: Time, verdict: Verdict) {
        self.verdicts.push(verdict);
    }

    fn events(&mut self, _: &Tables, events: &mut EventRing) {
        self.events.extend(std::iter::from_fn(|| events.pop()));
    }
}

/// A worker over rings in memory.
struct Bench {
    worker: Worker<RingPort, Machine>,
    notes: Notes,
}

fn benches() -> [Bench; 2] {
    let (sessions, stopwatch) = (Arc::new(Sessions::new(64)), Machine::start());
    let bench = |end| {
        let engine = Engine::new(LIMITS, tables(), sessions.clone());
        let port = RingPort::over(FRAMES, Pool::among(FRAMES, 2 * FRAMES));
        Bench { worker: Worker::live(port, engine, stopwatch, Some(end)), notes: Notes::default() }
    };
    let ends: [HandOver<_>; 2] = HandOver::among(2).unwrap().try_into().unwrap();
    ends.map(bench)
}

const LIMITS: Limits = Limits { flows: 256, streams: 64, long_requests: 4, io_connections: 16 };

impl Bench {
    fn feed(&mut self, port: PortId, bytes: &[u8]) {
        assert!(self.worker.port_mut().feed(port, START, bytes));
    }

    fn turn(&mut self) -> usize {
        let before = self.notes.verdicts.len();
        self.worker.turn(&mut self.notes).unwrap();
        self.notes.verdicts.len() - before
    }

    fn finish(&mut self) {
        self.worker.finish(&mut self.notes);
    }

    fn free(&self) -> usize {
        self.worker.port().pool().available()
    }
}

/// What leaves in a round, sorted: of one flow there is one frame at most.
type Left = Vec<(u16, Vec<u8>)>;

/// One flow's life, frame by frame.
#[derive(Clone, Copy, Debug)]
enum Life {
    /// A connection to press 3 or 4; what its ends do, in order.
    Connection { of_press_4: bool, acts: u64 },
    /// Datagrams to press 3, and their answers.
    Datagrams(u8),
    /// Datagrams to press 3, and an error about them from a router on the line.
    Unreachable,
    /// Echoes.
    Echo(u8),
    /// To nobody, from nobody, or no frame at all.
    Noise(u8),
}

fn life() -> impl Strategy<Value = Life> {
    prop_oneof![
        4 => (any::<bool>(), any::<u64>())
            .prop_map(|(of_press_4, acts)| Life::Connection { of_press_4, acts }),
        1 => (1..6_u8).prop_map(Life::Datagrams),
        1 => Just(Life::Unreachable),
        1 => (1..4_u8).prop_map(Life::Echo),
        1 => any::<u8>().prop_map(Life::Noise),
    ]
}

impl Life {
    /// Lives it through one gate alone; what came and what became of it.
    fn live(self, gate: &mut Gate, number: u16) -> Vec<Step> {
        gate.trail = Some(Vec::new());
        let client = (ALICE, 51_000 + number);
        match self {
            Life::Connection { of_press_4, acts } => {
                let asset = if of_press_4 { PRESS_4 } else { PRESS_3 };
                connection(gate, client, asset, acts);
            }
            Life::Datagrams(count) => (0..count).for_each(|n| datagram(gate, client, n)),
            Life::Unreachable => unreachable_port(gate, client),
            Life::Echo(count) => (0..count).for_each(|n| echo(gate, number, n)),
            Life::Noise(which) => noise(gate, number, which),
        }
        gate.trail.take().unwrap()
    }
}

fn connection(gate: &mut Gate, client: (Ipv4Addr, u16), asset: Ipv4Addr, acts: u64) {
    let mut talk = Talk::open_to(gate, client, (asset, 502));
    for act in (0..16).map(|at| acts >> (4 * at) & 15) {
        let number = act as u16;
        match act {
            0..=6 => {
                talk.send(gate, &read(number, number, 2));
                talk.answer(gate, &values(number, &[1, 2]));
            }
            7 => drop(talk.send(gate, &read(7, 0, 1)[..5])),
            8 => drop(talk.answer(gate, &values(9, &[7]))),
            9 => drop(talk.send(gate, &write(9, 0, 1))),
            10 => drop(talk.send(gate, b"no modbus at all")),
            11 => {
                gate.office(&talk.from_client(talk.client_next, flag::FIN | flag::ACK, &[]));
                gate.line(&talk.from_asset(talk.asset_next, flag::FIN | flag::ACK, &[]));
            }
            _ => {}
        }
    }
}

fn datagram(gate: &mut Gate, client: (Ipv4Addr, u16), number: u8) {
    let number = u16::from(number);
    let asked = if number % 3 == 2 { write(number, 0, 1) } else { read(number, 0, 1) };
    gate.office(&Packet::udp(client, (PRESS_3, 502), &asked));
    let answer = values(number, &[number]);
    gate.line(&Packet::udp((PRESS_3_UNDERLAY, 502), (NAT, client.1), &answer));
}

fn unreachable_port(gate: &mut Gate, client: (Ipv4Addr, u16)) {
    let left = gate.office(&Packet::udp(client, (PRESS_3, 502), &read(1, 0, 1))).left.unwrap();
    let router = Ipv4Addr::new(192, 168, 10, 1);
    let quote = &left[14..left.len()];
    assert!(gate.line(&Packet::icmp(router, NAT, UNREACHABLE, (0, 0), quote)).left_by(OFFICE));
}

fn echo(gate: &mut Gate, id: u16, number: u8) {
    let words = (51_000 + id, number.into());
    gate.office(&Packet::icmp(ALICE, PRESS_3, (8, 0), words, b"ping"));
    gate.line(&Packet::icmp(PRESS_3_UNDERLAY, NAT, (0, 0), words, b"ping"));
}

fn noise(gate: &mut Gate, number: u16, which: u8) {
    let (from, nobody) = ((STRANGER, number), Ipv4Addr::new(100, 64, 99, 99));
    match which % 6 {
        0 => gate.office(&Packet::udp(from, (nobody, 502), b"?")),
        1 => gate.office(&Packet::udp(from, (PRESS_4, 502), b"?")),
        2 => gate.line(&Packet::udp((PRESS_3_UNDERLAY, number), (ALICE, 9), b"?")),
        3 => gate.raw(LINE, b"no frame"),
        4 => gate.office(&Packet::tcp(from, (PRESS_3, 502), (1, 1), 16, b"midstream")),
        _ => gate.line(&Packet::icmp(NAT, ALICE, UNREACHABLE, (0, 0), b"no quote")),
    };
}

/// All lives, one after the other, through one gate; its events too.
fn alone(lives: &[Life]) -> (Vec<Vec<Step>>, Vec<Event>) {
    let mut gate = Gate::new(&Plant::usual());
    let steps = lives.iter().zip(0..).map(|(life, n)| life.live(&mut gate, n)).collect();
    let Gate { engine, events, log, .. } = &mut gate;
    engine.finish(START, events, |ring| log.extend(std::iter::from_fn(|| ring.pop())));
    (steps, gate.log)
}

/// Of each round, what comes in at each worker: flow by flow in its order, all flows at once.
fn rounds<'s>(flows: &'s [Vec<Step>], starts: &[usize], lanes: &[u8]) -> Vec<[Vec<&'s Step>; 2]> {
    let mut rounds: Vec<[Vec<&Step>; 2]> = Vec::new();
    for (flow, steps) in flows.iter().enumerate() {
        for (at, step) in steps.iter().enumerate() {
            let round = starts[flow % starts.len()] + at;
            rounds.resize_with(rounds.len().max(round + 1), Default::default);
            // As a card does it: by addresses, so each direction of a flow has its queue.
            let lane = lanes[flow % lanes.len()] >> step.port.0 & 1;
            rounds[round][usize::from(lane)].push(step);
        }
    }
    rounds
}

fn expected(round: &[Vec<&Step>; 2]) -> (Left, Vec<String>) {
    let steps = || round.iter().flatten();
    let egress = |verdict| match verdict {
        Verdict::Forward(port) | Verdict::Answer(port, _) => port.0,
        Verdict::Kept | Verdict::Deny(_) | Verdict::Drop(_) => u16::MAX,
    };
    let left = |step: &&Step| Some((egress(step.outcome.verdict), step.outcome.left.clone()?));
    let own = |step: &&Step| step.outcome.own.clone().into_iter().map(|(port, own)| (port.0, own));
    let mut all: Left = steps().filter_map(left).chain(steps().flat_map(own)).collect();
    let mut verdicts: Vec<String> =
        steps().map(|step| format!("{:?}", step.outcome.verdict)).collect();
    all.sort();
    verdicts.sort();
    (all, verdicts)
}

fn said(benches: &mut [Bench; 2], from: [usize; 2]) -> (Left, Vec<String>) {
    let (mut left, mut verdicts) = (Left::new(), Vec::new());
    for (bench, from) in benches.iter_mut().zip(from) {
        bench.worker.port_mut().drain_with(|port, _, bytes| left.push((port.0, bytes.to_vec())));
        verdicts.extend(bench.notes.verdicts[from..].iter().map(|verdict| format!("{verdict:?}")));
    }
    left.sort();
    verdicts.sort();
    (left, verdicts)
}

/// What is told of each flow, in its order; of sessions, whose ends come in any order, sorted.
fn told(events: &[Event]) -> BTreeMap<(Ipv4Addr, u16), Vec<String>> {
    let mut told: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for event in events {
        let what = format!("{:?} {:?}", event.grant, event.kind);
        told.entry((event.source, event.source_port)).or_default().push(what);
    }
    told.iter_mut().filter(|((_, port), _)| *port == 0).for_each(|(_, events)| events.sort());
    told
}

/// No frame and no event is lost, and the sum of two is what one has seen.
fn assert_whole(benches: &[Bench; 2], frames: usize) {
    assert_eq!(benches.iter().map(Bench::free).sum::<usize>(), 2 * FRAMES);
    let counted = benches.iter().map(|bench| bench.worker.engine().counters().frames());
    assert_eq!(counted.sum::<u64>(), frames as u64);
    assert!(benches.iter().all(|bench| bench.worker.events_lost() == 0));
    let timed = benches.iter().map(|bench| bench.worker.latency().all().len());
    assert_eq!(timed.sum::<u64>(), frames as u64, "each frame's time is noted once");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn two_workers_decide_as_one(
        lives in vec(life(), 1..24),
        starts in vec(0..20_usize, 1..24),
        lanes in vec(0..4_u8, 1..24),
    ) {
        let (flows, events) = alone(&lives);
        let mut benches = benches();
        let mut frames = 0;
        for round in rounds(&flows, &starts, &lanes) {
            let from = [0, 1].map(|at: usize| benches[at].notes.verdicts.len());
            for (bench, steps) in benches.iter_mut().zip(&round) {
                steps.iter().for_each(|step| bench.feed(step.port, &step.came));
            }
            let count = round.iter().map(Vec::len).sum::<usize>();
            // Everything is decided in two turns: where it came in, or where it was handed to.
            let decided: usize = (0..2)
                .map(|_| benches.iter_mut().map(Bench::turn).sum::<usize>())
                .sum();
            prop_assert_eq!(decided, count);
            prop_assert_eq!(said(&mut benches, from), expected(&round));
            frames += count;
        }
        benches.iter_mut().for_each(Bench::finish);
        let both: Vec<Event> = benches.iter().flat_map(|bench| bench.notes.events.clone()).collect();
        prop_assert_eq!(told(&both), told(&events));
        assert_whole(&benches, frames);
    }
}

/// The same on two threads, each turning at its own pace within a round.
#[test]
fn two_threads_decide_as_one() {
    let lives: Vec<Life> = (0..40)
        .map(|n| Life::Connection {
            of_press_4: n % 2 == 1,
            acts: 0x0123_4560_1237_8912 << (n % 5),
        })
        .collect();
    let (flows, events) = alone(&lives);
    let rounds = rounds(&flows, &[0, 1, 2, 3], &[0, 1, 2, 3, 2, 1]);
    let frames: usize = rounds.iter().flatten().map(Vec::len).sum();
    let (decided, barrier) = (AtomicUsize::new(0), Barrier::new(2));
    let mut benches = benches();
    std::thread::scope(|scope| {
        for (at, bench) in benches.iter_mut().enumerate() {
            let (rounds, decided, barrier) = (&rounds, &decided, &barrier);
            scope.spawn(move || {
                let mut wanted = 0;
                for round in rounds {
                    round[at].iter().for_each(|step| bench.feed(step.port, &step.came));
                    wanted += round.iter().map(Vec::len).sum::<usize>();
                    while decided.load(SeqCst) < wanted {
                        decided.fetch_add(bench.turn(), SeqCst);
                        std::thread::yield_now();
                    }
                    barrier.wait();
                }
                bench.worker.leave();
                while !bench.worker.settle(&mut bench.notes).unwrap() {
                    std::thread::yield_now();
                }
                bench.finish();
            });
        }
    });
    let mut wanted: Left = rounds.iter().flat_map(|round| expected(round).0).collect();
    wanted.sort();
    assert_eq!(said(&mut benches, [0, 0]).0, wanted);
    let both: Vec<Event> = benches.iter().flat_map(|bench| bench.notes.events.clone()).collect();
    assert_eq!(told(&both), told(&events));
    assert_whole(&benches, frames);
    let handed = |bench: &Bench| bench.worker.others().unwrap().handed();
    assert!(benches.iter().all(|bench| handed(bench) > 0));
}

#[test]
fn a_full_ring_is_counted_and_loses_no_frame() {
    const TOO_MANY: usize = handover::RING + 88;
    let mut benches = benches();
    let frame = Packet::udp((ALICE, 1), (PRESS_4, 502), b"?");
    let macs = (GATE_MAC[0], OFFICE_MAC);
    let bytes = Packet { macs, ..frame }.bytes();
    (0..TOO_MANY).for_each(|_| benches[0].feed(OFFICE, &bytes));
    let [first, second] = &mut benches;
    let dropped: usize = (0..TOO_MANY).map(|_| first.turn()).sum();
    assert_eq!(dropped, 88);
    assert_eq!(first.worker.engine().counters().of(Reason::HandOverFull), 88);
    assert_eq!(first.worker.others().unwrap().refused(), 88);
    assert!(first.notes.verdicts.iter().all(|v| *v == Verdict::Drop(Reason::HandOverFull)));
    let decided: usize = (0..TOO_MANY).map(|_| second.turn()).sum();
    assert_eq!(decided, handover::RING);
    assert_eq!(second.worker.engine().counters().of(Reason::NoEndpoint), 512);
    assert_eq!(benches.iter().map(Bench::free).sum::<usize>(), 2 * FRAMES);
    benches[0].feed(OFFICE, &bytes);
    benches[0].turn();
    assert_eq!(benches[1].turn(), 1, "and goes on");
}

/// Nothing is allocated on the way from worker to worker, whether the ring has room or not.
#[test]
fn handing_over_allocates_nothing() {
    struct Deaf;
    impl Observer for Deaf {
        fn events(&mut self, _: &Tables, events: &mut EventRing) {
            events.drain(|_| {});
        }
    }
    let macs = (GATE_MAC[0], OFFICE_MAC);
    let bytes = Packet { macs, ..Packet::udp((ALICE, 1), (PRESS_4, 502), b"?") }.bytes();
    let [mut first, mut second] = benches();
    (0..2 * handover::RING).for_each(|_| first.feed(OFFICE, &bytes));
    let counted = allocation_counter::measure(|| {
        (0..2 * handover::RING).for_each(|_| drop(first.worker.turn(&mut Deaf)));
        (0..2 * handover::RING).for_each(|_| drop(second.worker.turn(&mut Deaf)));
    });
    assert_eq!(second.worker.engine().counters().frames(), handover::RING as u64);
    assert_eq!(counted.count_total, 0);
}

#[test]
fn what_is_under_way_at_the_end_is_decided() {
    let mut benches = benches();
    let macs = (GATE_MAC[0], OFFICE_MAC);
    let frame = Packet { macs, ..Packet::udp((ALICE, 1), (PRESS_4, 502), b"?") }.bytes();
    (0..100).for_each(|_| benches[0].feed(OFFICE, &frame));
    (0..4).for_each(|_| assert_eq!(benches[0].turn(), 0, "all handed over"));
    let [first, second] = &mut benches;
    second.worker.leave();
    assert!(!second.worker.settle(&mut second.notes).unwrap(), "the other has not left yet");
    first.worker.leave();
    let settles =
        |bench: &mut Bench| (0..10).any(|_| bench.worker.settle(&mut bench.notes).unwrap());
    assert!(settles(first) && settles(second));
    assert_eq!(second.notes.verdicts.len(), 100);
    assert_eq!(benches.iter().map(Bench::free).sum::<usize>(), 2 * FRAMES);
}

/// Whatever an engine finds a flow for, the owner is found for: over all captures.
#[test]
fn the_owner_of_a_frame_is_that_of_its_flow() {
    let mut forwarded = 0;
    for case in cases() {
        let mut engine = Engine::new(LIMITS, case.tables.clone(), Arc::new(Sessions::new(64)));
        let (mut events, mut pool) = (EventRing::new(4096), Pool::new(1));
        let mut frame = pool.take().unwrap();
        for entered in case.through_file().entered {
            frame.fill(&[], &entered.bytes);
            let found = asset_of(&case.tables, entered.port, frame.bytes());
            let verdict =
                engine.process(entered.at, entered.port, &mut frame, &mut Nowhere, &mut events);
            events.drain(|_| {});
            if let (Verdict::Forward(_), Some(asset)) = (verdict, engine.last_asset()) {
                assert_eq!(found, Some(asset), "{}", case.name);
                forwarded += 1;
            }
        }
    }
    assert!(forwarded > 100, "{forwarded}");
}

#[test]
fn owners_by_address_and_by_quote() {
    let tables = tables();
    let of = |port, packet: &Packet| owner_of(&tables, port, &packet.bytes()).map(|owner| owner.0);
    let to_press_4 = Packet::udp((ALICE, 1), (PRESS_4, 502), b"?");
    assert_eq!(of(OFFICE, &to_press_4), Some(1));
    let from_press_4 = Packet::udp((PRESS_4_UNDERLAY, 502), (NAT, 1), b"!").tagged(VLAN);
    assert_eq!(of(LINE, &from_press_4), Some(1));
    assert_eq!(of(OFFICE, &from_press_4), None, "its address on another port is nobody's");
    assert_eq!(of(OFFICE, &Packet::udp((ALICE, 1), (NAT, 502), b"?")), None);
    let router = Ipv4Addr::new(192, 168, 10, 1);
    let sent_to_press_4 = Packet::udp((NAT, 1), (PRESS_4_UNDERLAY, 502), b"?").ip_bytes();
    let error = Packet::icmp(router, NAT, UNREACHABLE, (0, 0), &sent_to_press_4);
    assert_eq!(of(LINE, &error), Some(1), "by what it quotes");
    let sent_by_press_4 = Packet::udp((PRESS_4, 502), (ALICE, 1), b"!").ip_bytes();
    let error = Packet::icmp(ALICE, PRESS_3, UNREACHABLE, (0, 0), &sent_by_press_4);
    assert_eq!(of(OFFICE, &error), Some(1), "not by whom it is for");
    assert_eq!(asset_of(&tables, OFFICE, b"no frame"), None);
    assert_eq!(asset_of(&tables, OFFICE, &to_press_4.bytes()), Some(AssetId(1)));
}
