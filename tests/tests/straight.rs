//! The straight way does what the stages do: two engines, one of which has only the stages, are given the same
//! frames, and nothing that can be seen of them may differ.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use wicketgate_engine::{Engine, EventRing, Limits, Sessions, Tables, Verdict};
use wicketgate_packet::{FrameBuf, Headers, PortId, Time, rewrite};
use wicketgate_ports::{HeapFrame, Pool};
use wicketgate_tests::capture::{Crossing, cases};
use wicketgate_tests::gate::{START, Sent};
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Plant, Talk, modbus};

/// Events that fit: so few that there is sometimes no room for one.
const EVENTS: usize = 128;

/// One of the two.
struct Side {
    engine: Engine,
    sessions: Arc<Sessions>,
    events: EventRing,
    frame: HeapFrame,
    own: Sent,
}

/// What can be seen of one step.
#[derive(Debug, PartialEq)]
struct Seen {
    verdict: Option<Verdict>,
    left: Option<Vec<u8>>,
    own: Vec<(PortId, Vec<u8>)>,
    events: Vec<String>,
    asset: Option<u32>,
    deadline: Time,
}

impl Side {
    fn new(tables: &Arc<Tables>, captured: bool, straight: bool) -> Side {
        let sessions = Arc::new(Sessions::new(64));
        let limits = Limits { flows: 256, streams: 64, long_requests: 2, io_connections: 32 };
        let mut engine = Engine::new(limits, tables.clone(), sessions.clone());
        engine.set_captured(captured);
        engine.set_straight(straight);
        let (events, frame) = (EventRing::new(EVENTS), Pool::new(1).take().unwrap());
        Side { engine, sessions, events, frame, own: Sent::default() }
    }

    fn frame(&mut self, crossing: &Crossing, reads: bool) -> Seen {
        self.frame.fill(&[], &crossing.bytes);
        let Side { engine, events, frame, own, .. } = self;
        let verdict = engine.process(crossing.at, crossing.port, frame, own, events);
        let left = matches!(verdict, Verdict::Forward(_) | Verdict::Answer(..));
        let left = left.then(|| self.frame.bytes().to_vec());
        Seen { verdict: Some(verdict), left, ..self.seen(reads) }
    }

    fn pass(&mut self, now: Time) -> Seen {
        self.engine.expire(now, &mut self.own, &mut self.events);
        self.engine.age(now, &mut self.events);
        self.seen(true)
    }

    fn seen(&mut self, reads: bool) -> Seen {
        let events = std::iter::from_fn(|| reads.then(|| self.events.pop()).flatten());
        Seen {
            verdict: None,
            left: None,
            own: std::mem::take(&mut self.own.0),
            events: events.map(|event| format!("{event:?}")).collect(),
            asset: self.engine.last_asset().map(|asset| asset.0),
            deadline: self.engine.next_deadline(),
        }
    }
}

/// Both, and what is done to what they get.
struct Pair {
    sides: [Side; 2],
    steps: usize,
}

impl Pair {
    fn new(tables: &Arc<Tables>, captured: bool) -> Pair {
        Pair {
            sides: [true, false].map(|straight| Side::new(tables, captured, straight)),
            steps: 0,
        }
    }

    fn frame(&mut self, crossing: &Crossing, reads: bool) {
        let [straight, stages] = &mut self.sides;
        let seen = [straight.frame(crossing, reads), stages.frame(crossing, reads)];
        assert_eq!(seen[0], seen[1], "step {}: {:02x?}", self.steps, crossing.bytes);
        self.steps += 1;
    }

    fn pass(&mut self, now: Time) {
        let [straight, stages] = &mut self.sides;
        assert_eq!(straight.pass(now), stages.pass(now), "time");
    }

    /// Takes every session back.
    fn revoke(&mut self) {
        for side in &self.sides {
            side.sessions.list().for_each(|(id, ..)| {
                side.sessions.revoke(id);
            });
        }
    }

    fn install(&mut self, tables: &Arc<Tables>) {
        self.sides.iter_mut().for_each(|side| side.engine.install(tables.clone()));
    }

    /// What is counted in the end; how many went the straight way.
    fn end(&mut self) -> u64 {
        let counted = |side: &Side| {
            let mut sessions: Vec<_> =
                side.sessions.list().map(|(id, _, totals)| (id, totals)).collect();
            sessions.sort_by_key(|(id, _)| *id);
            (side.engine.counters().clone(), sessions, side.events.lost())
        };
        assert_eq!(counted(&self.sides[0]), counted(&self.sides[1]));
        assert_eq!(self.sides[1].engine.went_straight(), 0);
        self.sides[0].engine.went_straight()
    }
}

#[test]
fn captures_are_the_same_either_way() {
    for case in cases() {
        let entered = case.through_file().entered;
        let mut pair = Pair::new(&case.tables, true);
        entered.iter().for_each(|crossing| pair.frame(crossing, true));
        let straight = pair.end();
        println!("{}: {straight} of {}", case.name, entered.len());
        let most = ["hmi-poll", "maintenance-writes"].contains(&case.name.as_str());
        assert!(!most || straight * 10 > entered.len() as u64 * 8, "{}: {straight}", case.name);
    }
}

/// The usual one; all that comes from its line comes from one MAC address.
fn plant() -> Plant {
    Plant { press_4_mac: Some(PRESS_MAC), ..Plant::usual() }
}

/// Three conversations as frames that enter: one with a denial in it, one that nobody reads, and one with an asset
/// behind a VLAN tag.
fn conversations() -> Vec<Crossing> {
    let mut gate = Gate::new(&plant());
    gate.trail = Some(Vec::new());
    for (client, door) in [(51000, (PRESS_3, 502)), (51001, (PRESS_3, 80)), (51002, (PRESS_4, 502))]
    {
        let mut talk = Talk::open_to(&mut gate, (ALICE, client), door);
        for n in 0..30u16 {
            if n == 15 && door == (PRESS_3, 502) {
                talk.send_in_vain(&mut gate, &modbus::write(n, 110, 700));
            }
            talk.send(&mut gate, &modbus::read(n, 100, 1 + n % 9));
            talk.answer(&mut gate, &modbus::values(n, &vec![n; usize::from(1 + n % 9)]));
        }
    }
    let at = |n: usize| START + Duration::from_millis(n as u64);
    let steps = gate.trail.take().unwrap().into_iter().enumerate();
    steps.map(|(n, step)| Crossing { at: at(n), port: step.port, bytes: step.came }).collect()
}

/// What is done to one frame.
#[derive(Clone, Copy, Debug)]
enum Harm {
    /// Another byte from some place on, checksums made right.
    Byte(usize, u8),
    /// The same, checksums left wrong.
    Damage(usize, u8),
    /// TCP's number, acknowledgement or window changed by so much.
    Number(usize, i16),
    /// Fewer bytes, the headers saying so.
    Cut(usize),
    /// Bytes behind the packet.
    Pad(usize),
    Lose,
    Repeat,
    /// After the one behind it.
    Late,
    /// Time passes, in seconds.
    Wait(u64),
    /// Nobody reads events for a while.
    Deaf,
    Revoke,
    Install,
}

fn harm() -> impl Strategy<Value = Harm> {
    let byte = || (0usize..120, any::<u8>());
    prop_oneof![
        6 => byte().prop_map(|(at, value)| Harm::Byte(at, value)),
        2 => byte().prop_map(|(at, value)| Harm::Damage(at, value)),
        6 => (0usize..3, -40i16..40).prop_map(|(which, by)| Harm::Number(which, by)),
        2 => (1usize..40).prop_map(Harm::Cut),
        1 => (1usize..9).prop_map(Harm::Pad),
        2 => Just(Harm::Lose),
        2 => Just(Harm::Repeat),
        2 => Just(Harm::Late),
        1 => prop_oneof![Just(1), Just(100), Just(10_000)].prop_map(Harm::Wait),
        1 => Just(Harm::Deaf),
        1 => Just(Harm::Revoke),
        1 => Just(Harm::Install),
    ]
}

fn complete(bytes: &mut [u8]) {
    if let Ok(headers) = Headers::parse(bytes) {
        rewrite::complete_checksums(bytes, &headers);
    }
}

fn harmed(bytes: &mut Vec<u8>, harm: Harm) {
    let len = bytes.len();
    match harm {
        Harm::Byte(at, value) | Harm::Damage(at, value) => {
            bytes[at % len] = value;
            if matches!(harm, Harm::Byte(..)) {
                complete(bytes);
            }
        }
        Harm::Number(which, by) => {
            let at = [38, 42, 48][which];
            let width = if which == 2 { 2 } else { 4 };
            let number = bytes[at..at + width].iter().fold(0u32, |n, b| n << 8 | u32::from(*b));
            let changed = number.wrapping_add_signed(by.into()).to_be_bytes();
            bytes[at..at + width].copy_from_slice(&changed[4 - width..]);
            complete(bytes);
        }
        Harm::Cut(by) => {
            bytes.truncate(len.saturating_sub(by).max(54));
            let total = (bytes.len() - 14) as u16;
            bytes[16..18].copy_from_slice(&total.to_be_bytes());
            complete(bytes);
        }
        Harm::Pad(by) => bytes.extend(std::iter::repeat_n(0, by)),
        _ => {}
    }
}

fn run(frames: &[Crossing], harms: &[(usize, Harm)], captured: bool) -> u64 {
    let tables = plant().tables(1);
    let mut pair = Pair::new(&tables, captured);
    let (mut frames, mut later, mut deaf) = (frames.to_vec(), Duration::ZERO, 0);
    let mut at = 0;
    while at < frames.len() {
        let mut crossing = frames[at].clone();
        let mut times = 1;
        for (_, harm) in harms.iter().filter(|(which, _)| *which == at) {
            harmed(&mut crossing.bytes, *harm);
            match harm {
                Harm::Lose => times = 0,
                Harm::Repeat => times = 2,
                Harm::Late if at + 1 < frames.len() => {
                    crossing.bytes.clone_from(&frames[at + 1].bytes);
                    crossing.port = frames[at + 1].port;
                    let (this, next) = (frames[at].clone(), &mut frames[at + 1]);
                    (next.port, next.bytes) = (this.port, this.bytes);
                }
                Harm::Wait(seconds) => later += Duration::from_secs(*seconds),
                Harm::Deaf => deaf = at + 100,
                Harm::Revoke => pair.revoke(),
                Harm::Install => pair.install(&plant().tables(2)),
                _ => {}
            }
        }
        crossing.at = crossing.at + later;
        for _ in 0..times {
            pair.frame(&crossing, at >= deaf);
        }
        if at.is_multiple_of(8) {
            pair.pass(crossing.at);
        }
        at += 1;
    }
    pair.end()
}

#[test]
fn most_of_unharmed_conversations_goes_straight() {
    let frames = conversations();
    let straight = run(&frames, &[], false);
    assert!(straight * 10 > frames.len() as u64 * 9, "{straight} of {}", frames.len());
}

/// Its frames come from another MAC address than theirs go to: a standby, or a capture.
#[test]
fn an_asset_by_another_mac_address_goes_straight_unless_it_is_pinned() {
    for pinned in [false, true] {
        let plant = Plant { pinned, press_3_mac: Some([2, 0, 0, 0, 7, 7]), ..plant() };
        let mut pair = Pair::new(&plant.tables(1), false);
        let frames = conversations();
        frames.iter().for_each(|crossing| pair.frame(crossing, true));
        let straight = pair.end();
        assert_eq!(straight * 10 > frames.len() as u64 * 9, !pinned, "{straight}, {pinned}");
    }
}

#[test]
fn what_comes_from_a_group_is_refused_either_way() {
    let mut frames = conversations();
    let (_, after) = frames.split_at_mut(40);
    after.iter_mut().filter(|crossing| crossing.port == LINE).for_each(|it| it.bytes[6] |= 1);
    run(&frames, &[], false);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn whatever_is_done_to_frames(
        harms in proptest::collection::vec((0usize..190, harm()), 1..8), captured: bool,
    ) {
        run(&conversations(), &harms, captured);
    }
}
