//! The gate: the worker that every other port of it turns, over rings in memory.

use std::sync::Arc;
use std::time::Duration;

use wicketgate_engine::flow::timeout;
use wicketgate_engine::{Engine, EventKind, EventRing, Limits, Sessions, Tables};
use wicketgate_packet::{PortId, Time};
use wicketgate_policy::parse;
use wicketgate_ports::{Port, RingPort};
use wicketgate_tests::frame::{Packet, flag};
use wicketgate_tests::gate::START;
use wicketgate_tests::plant::{GATE_MAC, HMI, OFFICE, OFFICE_MAC, PRESS_3};
use wicketgate_worker::{Observer, Stopwatch, Worker};

use crate::relay::Relay;
use crate::violation::Violation;

/// Frames in the hands of port and engine together.
const FRAMES: usize = 256;

/// A gate that was idle for a second has its next turn within a twentieth of one.
const IDLE: u32 = 20;

/// The gate of one run.
pub struct Gate {
    worker: Worker<RingPort, Frozen>,
    audit: Audit,
    tick: Duration,
    next_tick: Time,
    /// When the last frame came or left.
    busy: Time,
}

/// The gate's own time is none of a simulation's.
struct Frozen;

impl Stopwatch for Frozen {
    fn nanos(&self) -> u64 {
        0
    }
}

/// The commands told.
#[derive(Default)]
struct Audit(Vec<(Vec<u8>, bool)>);

impl Observer for Audit {
    fn events(&mut self, _tables: &Tables, events: &mut EventRing) {
        events.drain(|event| {
            if let EventKind::Command(command) = &event.kind {
                let pdu = &command.payload[..usize::from(command.payload_len)];
                self.0.push((pdu.to_vec(), command.denied.is_some()));
            }
        });
    }
}

/// A policy file, compiled for [`START`].
///
/// # Panics
/// It is not one.
pub fn compile(policy: &str) -> Arc<Tables> {
    let policy = parse(policy, "policy.toml").expect("a policy");
    Arc::new(policy.compile(&[], START, 1).expect("a policy").tables)
}

/// Room for the one connection of a run and hardly more: what is not given back is missed soon.
fn limits(mut limits: Limits) -> Limits {
    (limits.flows, limits.streams, limits.long_requests) = (2, 1, 1);
    limits
}

impl Gate {
    /// A gate that judges by `tables` and has a turn when a frame arrives, when it has something to do by
    /// itself, and each `tick`; less often the longer nothing happens, so that nobody waits for the
    /// simulation where nobody waits for the gate.
    pub fn new(tables: Arc<Tables>, tick: Duration) -> Gate {
        let engine = Engine::new(limits(Limits::default()), tables, Arc::new(Sessions::new(4)));
        let worker = Worker::new(RingPort::new(FRAMES, FRAMES), engine, Frozen);
        Gate { worker, audit: Audit::default(), tick, next_tick: START, busy: START }
    }

    /// Turns until everything that has arrived is decided on.
    fn work(&mut self, now: Time) {
        self.worker.pass(now);
        while self.worker.turn(&mut self.audit).expect("rings do not break") > 0 {}
    }

    /// Lets time pass until no flow is open; when that is.
    ///
    /// # Errors
    /// One still is when its time is over.
    pub fn age(&mut self, from: Time) -> Result<Time, Violation> {
        let patience = timeout::CLOSING + timeout::OPENING;
        for at in (0..=patience.as_secs()).step_by(10) {
            let now = from + Duration::from_secs(at);
            self.work(now);
            if self.worker.engine().flow_count() == 0 {
                return Ok(now);
            }
        }
        Err(left("a flow is still open"))
    }

    /// The one stream there is must be free: another connection gets it.
    fn probe(&mut self, now: Time) -> Result<Time, Violation> {
        let numbers = (1, 0);
        let syn = Packet::tcp((HMI, 1025), (PRESS_3, 502), numbers, flag::SYN, &[]);
        let syn = Packet { macs: (GATE_MAC[0], OFFICE_MAC), ..syn };
        self.arrive(now, OFFICE, &syn.bytes())?;
        self.work(now);
        match self.worker.port_mut().drain().len() {
            1 => self.age(now),
            _ => Err(left("the connection's stream is not free again")),
        }
    }

    fn is_whole(&mut self) -> Result<(), Violation> {
        let lost = self.worker.events_lost();
        let port = self.worker.port_mut();
        if !port.drain().is_empty() {
            return Err(left("frames for a connection that is over"));
        }
        let (free, all, unsent) = (port.pool().available(), port.pool().size(), port.unsent());
        if free != all {
            return Err(left(&format!("{} frames", all - free)));
        }
        if unsent + lost > 0 {
            return Err(left(&format!("{unsent} frames unsent, {lost} events lost")));
        }
        Ok(())
    }
}

fn left(what: &str) -> Violation {
    Violation::Left(what.to_owned())
}

impl Relay for Gate {
    fn arrive(&mut self, now: Time, port: PortId, frame: &[u8]) -> Result<(), Violation> {
        match self.worker.port_mut().feed(port, now, frame) {
            true => {
                self.busy = now;
                Ok(())
            }
            false => Err(left("so many frames that none is free for one that arrives")),
        }
    }

    fn turn(&mut self, now: Time, left: &mut Vec<(PortId, Vec<u8>)>) {
        self.work(now);
        let before = left.len();
        let keep = |port, _at, bytes: &[u8]| left.push((port, bytes.to_vec()));
        self.worker.port_mut().drain_with(keep);
        if left.len() > before {
            self.busy = now;
        }
        self.next_tick = now + self.tick.max(now.since(self.busy) / IDLE);
    }

    fn due(&mut self, _now: Time) -> Time {
        self.next_tick.min(self.worker.next_deadline())
    }

    fn told(&self) -> Option<&[(Vec<u8>, bool)]> {
        Some(&self.audit.0)
    }

    fn settle(&mut self, now: Time) -> Result<(), Violation> {
        let now = self.age(now)?;
        self.is_whole()?;
        self.probe(now)?;
        self.is_whole()
    }
}
