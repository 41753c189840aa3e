//! People, policy, tables and engine as control has them, without its thread: frames in, verdicts out.

mod edges;
mod grants;
mod latency;
mod model;
mod operations;
mod plant;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use wicketgate_engine::{Engine, EventRing, Limits, Sessions, Tables, Verdict};
use wicketgate_identity::{Factor, Monotonic, Role, User};
use wicketgate_packet::checksum::checksum;
use wicketgate_packet::frame::Nowhere;
use wicketgate_packet::{PortId, Time};
use wicketgate_policy::{Clocks, parse};
use wicketgate_ports::{HeapFrame, Pool};

use super::effects::Step;
use super::*;
use clock::Drift;

/// Seconds of a day.
const DAY: u64 = 24 * 3600;

/// Where tests begin: a Monday, 09:00 UTC; the machine has run for an hour.
const MORNING: u64 = 1_772_442_000;

/// What both clocks say, in seconds: since the machine started, since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    mono: u64,
    wall: u64,
}

impl Moment {
    const START: Moment = Moment { mono: 3600, wall: MORNING };

    /// As identity has it.
    fn now(self) -> Now {
        let (mono, wall) = (Duration::from_secs(self.mono), Duration::from_secs(self.wall));
        Now { monotonic: Monotonic::START + mono, wall: Time::EPOCH + wall }
    }

    /// As the engine has it.
    fn engine(self) -> Time {
        clock::of(self.now().monotonic)
    }

    fn clocks(self) -> Clocks {
        Clocks { wall: self.now().wall, engine: self.engine() }
    }
}

/// The gate, but for its threads, files and sockets.
struct Bench {
    people: People,
    policy: Policy,
    engine: Engine,
    events: EventRing,
    tables: Arc<Tables>,
    next_change: Option<Time>,
    drift: Drift,
    at: Moment,
    frame: HeapFrame,
}

impl Bench {
    fn new(policy: &str) -> Bench {
        let (policy, at) = (read(policy), Moment::START);
        let sessions = Arc::new(Sessions::new(512));
        let mut people = People::open(&policy, sessions.clone());
        // Windows and durations end first.
        people.in_force(1);
        people.access = Access::new(Lifetimes { idle: plant::IDLE, ..Lifetimes::default() });
        let compiled = policy.compile_live(&[], at.clocks(), 1).unwrap();
        let tables = Arc::new(compiled.tables);
        Bench {
            people,
            policy,
            engine: Engine::new(
                Limits { flows: 1024, streams: 1024, ..Limits::default() },
                tables.clone(),
                sessions,
            ),
            events: EventRing::new(4096),
            tables,
            next_change: compiled.next_change,
            drift: Drift::at(at.clocks()),
            at,
            frame: Pool::new(1).take().unwrap(),
        }
    }

    /// Takes note of what the engine has to tell, as control does before anything else.
    fn log(&mut self) {
        while let Some(event) = self.events.pop() {
            self.people.note(&self.tables, &event);
        }
    }

    /// The cuts: what access wants done, but for new tables; true where these are due.
    fn cut(&mut self) -> bool {
        self.log();
        let mut compile = false;
        while let Some(step) = self.people.step() {
            match step {
                Step::Tell(event, _) => drop(self.people.told(&event)),
                Step::Compile => compile = true,
            }
        }
        compile
    }

    fn publish(&mut self) {
        // Events name what they tell of by the tables that were in force.
        self.log();
        let (now, epoch) = (self.at.now(), self.tables.epoch() + 1);
        let holders = self.people.holders(now);
        let compiled = self.policy.compile_live(&holders, self.at.clocks(), epoch).unwrap();
        self.tables = Arc::new(compiled.tables);
        self.next_change = compiled.next_change;
        self.people.in_force(epoch);
        self.engine.install(self.tables.clone());
    }

    /// What control does all the time.
    fn mind(&mut self) {
        self.log();
        self.people.tick(self.at.now());
        let mut due = self.cut() | self.drift.has_moved(self.at.clocks());
        due |= self.next_change.is_some_and(|change| change <= self.at.now().wall);
        if due {
            self.publish();
        }
        self.people.see(self.at.now());
        self.engine.age(self.at.engine(), &mut self.events);
    }

    /// The policy is read again; its cuts only.
    fn reload(&mut self, policy: &str) {
        self.policy = read(policy);
        self.people.follow(&self.policy, self.at.now());
    }

    /// Whether a datagram of this client to this asset, with this PDU of Modbus, gets there.
    fn passes(&mut self, from: (Ipv4Addr, u16), asset: Ipv4Addr, pdu: &[u8]) -> bool {
        let macs = (plant::GATE_MAC[0], plant::OFFICE_MAC);
        let frame = datagram(macs, from, (asset, 502), pdu);
        self.takes(PortId(0), &frame) == Verdict::Forward(PortId(1))
    }

    /// Whether the answer of the first asset to this port of a client gets there.
    fn answers(&mut self, port: u16, pdu: &[u8]) -> bool {
        let macs = (plant::GATE_MAC[1], plant::PRESS_MAC);
        let (asset, gate) = ([192, 168, 10, 20], [192, 168, 10, 2]);
        let frame = datagram(macs, (asset.into(), 502), (gate.into(), port), pdu);
        self.takes(PortId(1), &frame) == Verdict::Forward(PortId(0))
    }

    fn takes(&mut self, port: PortId, frame: &[u8]) -> Verdict {
        self.frame.fill(&[], frame);
        let (frame, now) = (&mut self.frame, self.at.engine());
        self.engine.process(now, port, frame, &mut Nowhere, &mut self.events)
    }

    /// Time passes, with control awake.
    fn pass(&mut self, seconds: u64) {
        self.at.mono += seconds;
        self.at.wall += seconds;
        self.mind();
    }
}

fn read(policy: &str) -> Policy {
    let say = |errors: Vec<_>| format!("{errors:#?}\n{policy}");
    parse(policy, "policy.toml").map_err(say).unwrap()
}

/// A user that has all that a user may have.
fn user(id: i64, name: &str, roles: &[&str]) -> User {
    User {
        id: UserId(id),
        name: UserName::new(name).unwrap(),
        display_name: name.to_owned(),
        person: name.to_owned(),
        roles: roles.iter().map(|role| Role::new(role).unwrap()).collect(),
        disabled: false,
        last_login: None,
        failures: 0,
        has_password: true,
        has_totp: true,
        recovery_codes: 0,
        certificates: 0,
    }
}

fn factors(totp: bool) -> &'static [Factor] {
    if totp { &[Factor::Password, Factor::Totp] } else { &[Factor::Password] }
}

/// A datagram with a PDU of Modbus behind its header (TCP 3.1.3).
fn datagram(
    macs: ([u8; 6], [u8; 6]),
    from: (Ipv4Addr, u16),
    to: (Ipv4Addr, u16),
    pdu: &[u8],
) -> Vec<u8> {
    let words =
        |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
    let length = (pdu.len() + 1) as u16;
    let adu = [&words(&[1, 0, length]), &[1][..], pdu].concat();
    let udp = [&words(&[from.1, to.1, 8 + adu.len() as u16, 0]), &adu[..]].concat();
    let mut ip = words(&[0x4500, 20 + udp.len() as u16, 0, 0x4000, 0x4011, 0]);
    ip.extend(from.0.octets().into_iter().chain(to.0.octets()));
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    [&macs.0[..], &macs.1, &[8, 0], &ip, &udp].concat()
}
