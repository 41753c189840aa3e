//! The loop.

use std::sync::Arc;

use wicketgate_engine::{Engine, EventRing, Tables, Verdict};
use wicketgate_packet::{FrameBuf, Outbox, PortId, Time};
use wicketgate_ports::{Port, PortError, Received};

use crate::latency::Latency;
use crate::stopwatch::Stopwatch;

/// Frames received at a time: enough to spread the cost of a turn, few enough that the first does not
/// wait for the last.
pub const BURST: usize = 32;

/// Events between engine and reader. A burst of ordinary frames makes a few dozen.
const EVENTS: usize = 1 << 13;

/// Deadlines that are kept one by one when time leaps, as it does in a capture; of more, the rest are
/// kept at the end of the leap.
const DEADLINES: usize = 256;

/// Who is told what a turn did.
pub trait Observer {
    /// A frame was decided on.
    fn frame(&mut self, _arrival: Time, _verdict: Verdict) {}

    /// Takes the events out of the ring; names in `tables` are those that the events count in.
    fn events(&mut self, tables: &Tables, events: &mut EventRing);
}

/// A worker: ports, engine, stopwatch.
pub struct Worker<P: Port, S: Stopwatch> {
    port: P,
    engine: Engine,
    events: EventRing,
    burst: Vec<Received<P::Frame>>,
    latency: Latency,
    stopwatch: S,
    now: Time,
}

impl<P: Port, S: Stopwatch> Worker<P, S> {
    /// A worker that moves frames of `port` through `engine`.
    pub fn new(port: P, engine: Engine, stopwatch: S) -> Worker<P, S> {
        Worker {
            latency: Latency::new(engine.tables()),
            port,
            engine,
            events: EventRing::new(EVENTS),
            burst: Vec::with_capacity(BURST),
            stopwatch,
            now: Time::EPOCH,
        }
    }

    /// One turn. How many frames were received; 0 is nothing right now.
    ///
    /// # Errors
    /// A port broke. Frames received before that were decided on.
    pub fn turn(&mut self, observer: &mut impl Observer) -> Result<usize, PortError> {
        let received = self.port.receive(&mut self.burst, BURST);
        let count = self.burst.len();
        let mut before = self.stopwatch.nanos();
        let mut burst = std::mem::take(&mut self.burst);
        for received in burst.drain(..) {
            self.decide(received, observer);
            let after = self.stopwatch.nanos();
            self.latency.record(after - before, self.engine.last_asset());
            before = after;
        }
        self.burst = burst;
        self.keep_deadlines(self.now);
        self.engine.age(self.now, &mut self.events);
        observer.events(self.engine.tables(), &mut self.events);
        self.port.flush()?;
        received.map(|_| count)
    }

    fn decide(&mut self, mut received: Received<P::Frame>, observer: &mut impl Observer) {
        // Captures step back in time; the gate does not.
        let now = self.now.max(received.arrival);
        self.keep_deadlines(now);
        self.now = now;
        let mut out = Own { port: &mut self.port, now };
        let frame = &mut received.frame;
        let verdict = self.engine.process(now, received.port, frame, &mut out, &mut self.events);
        observer.frame(now, verdict);
        match verdict {
            Verdict::Forward(egress) | Verdict::Answer(egress, _) => {
                self.port.send(received, egress);
            }
            Verdict::Kept | Verdict::Deny(_) | Verdict::Drop(_) => {
                self.port.recycle(received.frame);
            }
        }
        if self.events.is_half_full() {
            observer.events(self.engine.tables(), &mut self.events);
        }
    }

    /// It is `now`, though no frame says so: the next turn keeps the deadlines until then, and an idle
    /// worker's flows and sessions age as well.
    pub fn pass(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// When the gate has something to send by itself: to be called again by then, whether a frame
    /// comes or not. [`Time::NEVER`] where it has nothing.
    pub fn next_deadline(&self) -> Time {
        self.engine.next_deadline()
    }

    /// Has the engine do what is due until `now`, each at its own time.
    fn keep_deadlines(&mut self, now: Time) {
        for _ in 0..DEADLINES {
            let due = self.engine.next_deadline();
            if due > now {
                return;
            }
            let mut out = Own { port: &mut self.port, now: due };
            self.engine.expire(due, &mut out, &mut self.events);
        }
        self.engine.expire(now, &mut Own { port: &mut self.port, now }, &mut self.events);
    }

    /// Judges by other tables from the next frame on.
    pub fn install(&mut self, tables: Arc<Tables>, observer: &mut impl Observer) {
        observer.events(self.engine.tables(), &mut self.events);
        self.engine.install(tables);
    }

    /// Ends all flows and sessions.
    pub fn finish(&mut self, observer: &mut impl Observer) {
        let tables = self.engine.tables().clone();
        let drain = |events: &mut EventRing| observer.events(&tables, events);
        self.engine.finish(self.now, &mut self.events, drain);
    }

    /// Whether the port's frames come from a capture of a wire without a gate:
    /// [`Engine::set_captured`].
    pub fn set_captured(&mut self, captured: bool) {
        self.engine.set_captured(captured);
    }

    /// The latest arrival.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The gate's own time so far.
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    /// Events that found no room.
    pub fn events_lost(&self) -> u64 {
        self.events.lost()
    }

    /// The port.
    pub fn port(&self) -> &P {
        &self.port
    }

    /// The same, to be given another capture.
    pub fn port_mut(&mut self) -> &mut P {
        &mut self.port
    }
}

/// The way out for what the engine itself has to say.
struct Own<'a, P> {
    port: &'a mut P,
    now: Time,
}

impl<P: Port> Outbox for Own<'_, P> {
    fn send(&mut self, egress: PortId, bytes: &[u8]) -> bool {
        let Some(mut frame) = self.port.take() else { return false };
        let fits = frame.resize(bytes.len()) && frame.bytes().len() == bytes.len();
        if !fits {
            self.port.recycle(frame);
            return false;
        }
        frame.bytes_mut().copy_from_slice(bytes);
        self.port.send(Received::own(frame, self.now), egress);
        true
    }
}
