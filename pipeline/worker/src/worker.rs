//! The loop.

use std::sync::Arc;

use wicketgate_engine::{Engine, EventRing, NextHop, Sighting, Tables, Verdict, solicit};
use wicketgate_packet::Time;
use wicketgate_ports::{Port, PortError, Received};

use crate::hold::{Hold, HoldCounters};
use crate::latency::Latency;
use crate::stopwatch::Stopwatch;

/// Frames received at a time: enough to spread the cost of a turn, few enough that the first does not
/// wait for the last.
pub const BURST: usize = 32;

/// Events between engine and reader. A burst of ordinary frames makes a few dozen.
const EVENTS: usize = 1 << 13;

/// Who is told what a turn did.
pub trait Observer {
    /// A frame was decided on.
    fn frame(&mut self, _arrival: Time, _verdict: Verdict) {}

    /// Takes the events out of the ring; names in `tables` are those that the events count in.
    fn events(&mut self, tables: &Tables, events: &mut EventRing);

    /// Frames wait for this asset's MAC address.
    fn wanted(&mut self, _hop: NextHop) {}

    /// Somebody who says to be an asset has shown.
    fn seen(&mut self, _sighting: Sighting) {}
}

/// A worker: ports, engine, stopwatch.
pub struct Worker<P: Port, S: Stopwatch> {
    port: P,
    engine: Engine,
    events: EventRing,
    burst: Vec<Received<P::Frame>>,
    hold: Hold<P::Frame>,
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
            hold: Hold::new(),
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
        self.release(observer);
        while let Some(sighting) = self.engine.sighting() {
            observer.seen(sighting);
        }
        self.engine.age(self.now, &mut self.events);
        observer.events(self.engine.tables(), &mut self.events);
        self.port.flush()?;
        received.map(|_| count)
    }

    fn decide(&mut self, mut received: Received<P::Frame>, observer: &mut impl Observer) {
        // Captures step back in time; the gate does not.
        self.now = self.now.max(received.arrival);
        let frame = &mut received.frame;
        match self.engine.attempt(self.now, received.port, frame, &mut self.events) {
            Ok(verdict) => self.leave(received, verdict, observer),
            Err(hop) => self.wait(received, hop, observer),
        }
    }

    /// Lets a frame wait for its next hop's MAC address, where there is room to wait.
    #[cold]
    fn wait(&mut self, received: Received<P::Frame>, hop: NextHop, observer: &mut impl Observer) {
        match self.hold.put(received, hop, self.now) {
            Ok(true) => observer.wanted(hop),
            Ok(false) => {}
            Err(received) => {
                self.finally(received, observer);
            }
        }
    }

    /// Decides on frames that have waited.
    fn release(&mut self, observer: &mut impl Observer) {
        if self.hold.is_empty() {
            return;
        }
        while let Some(received) = self.hold.take_due(self.now, self.engine.tables()) {
            let forwarded = self.finally(received, observer);
            self.hold.counters.forwarded += u64::from(forwarded);
        }
    }

    /// Decides on a frame that waits no longer; whether it was forwarded.
    fn finally(&mut self, mut received: Received<P::Frame>, observer: &mut impl Observer) -> bool {
        let frame = &mut received.frame;
        let verdict = self.engine.process(self.now, received.port, frame, &mut self.events);
        self.leave(received, verdict, observer);
        matches!(verdict, Verdict::Forward(_))
    }

    fn leave(
        &mut self,
        received: Received<P::Frame>,
        verdict: Verdict,
        observer: &mut impl Observer,
    ) {
        observer.frame(self.now, verdict);
        match verdict {
            Verdict::Forward(egress) | Verdict::Answer(egress, _) => {
                self.port.send(received, egress);
            }
            Verdict::Deny(_) | Verdict::Drop(_) => self.port.recycle(received.frame),
        }
        if self.events.is_half_full() {
            observer.events(self.engine.tables(), &mut self.events);
        }
    }

    /// Asks for an asset's MAC address; false, where the tables know no such asset in a VLAN, or all frames
    /// are in use.
    pub fn solicit(&mut self, hop: NextHop) -> bool {
        let Some(mut frame) = self.port.take() else { return false };
        let asks = solicit(self.engine.tables(), hop, &mut frame);
        if asks {
            self.port.send(Received::own(frame, self.now), hop.port);
        } else {
            self.port.recycle(frame);
        }
        asks
    }

    /// It is `now`, though no frame says so: an idle worker's flows and sessions age as well.
    pub fn pass(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// Judges by other tables from the next frame on.
    pub fn install(&mut self, tables: Arc<Tables>, observer: &mut impl Observer) {
        observer.events(self.engine.tables(), &mut self.events);
        self.engine.install(tables);
    }

    /// Ends all flows and sessions.
    pub fn finish(&mut self, observer: &mut impl Observer) {
        while let Some(received) = self.hold.take() {
            self.finally(received, observer);
        }
        let tables = self.engine.tables().clone();
        let drain = |events: &mut EventRing| observer.events(&tables, events);
        self.engine.finish(self.now, &mut self.events, drain);
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

    /// Whether frames wait for a MAC address.
    pub fn is_holding(&self) -> bool {
        !self.hold.is_empty()
    }

    /// What became of frames that waited for a MAC address.
    pub fn held(&self) -> HoldCounters {
        self.hold.counters
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
