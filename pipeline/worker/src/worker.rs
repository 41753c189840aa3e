//! The loop.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use wicketgate_engine::owner::owner_of;
use wicketgate_engine::tables::AssetId;
use wicketgate_engine::{
    Engine, EventRing, NextHop, Reason, Sighting, Tables, Verdict, WorkerId, solicit,
};
use wicketgate_packet::{FrameBuf, Outbox, PortId, Time};
use wicketgate_ports::{Port, PortError, Received};

use crate::handover::{HandOver, Handed};
use crate::hold::{Hold, HoldCounters};
use crate::latency::{Latency, Span};
use crate::stopwatch::Stopwatch;

/// Frames received at a time: enough to spread the cost of a turn, few enough that the first does not
/// wait for the last.
pub const BURST: usize = 32;

/// Events between engine and reader. A burst of ordinary frames makes a few dozen.
const EVENTS: usize = 1 << 13;

/// Deadlines that are kept one by one when time leaps, as it does in a capture; of more, the rest are
/// kept at the end of the leap.
const DEADLINES: usize = 256;

/// Frames of a capture of which each is measured; of those behind them one of [`SAMPLE`] is. Two looks at the clock and
/// two histograms take as long as some frames do, and a capture has millions of them.
const MEASURED: u64 = 10_000;

/// Prime to [`BURST`]: so that each place of a burst has its turn.
const SAMPLE: u64 = 61;

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
    /// What another worker has handed over; empty between two turns, as `burst` is.
    handed: Vec<Handed<P::Frame>>,
    /// Of the frames decided on in this turn: when they were taken, and whose they were.
    decided: Vec<(u64, Option<AssetId>)>,
    hold: Hold<P::Frame>,
    latency: Latency,
    span: Span,
    /// Frames of a capture decided on so far.
    decisions: u64,
    /// Nanoseconds in turns that had a frame.
    busy: u64,
    stopwatch: S,
    now: Time,
    /// The way to the other workers, where there are any.
    others: Option<HandOver<P::Frame>>,
}

impl<P: Port, S: Stopwatch> Worker<P, S> {
    /// A worker that moves frames of `port` through `engine`, alone.
    pub fn new(port: P, engine: Engine, stopwatch: S) -> Worker<P, S> {
        Worker::with(port, engine, stopwatch, Span::Decision, None)
    }

    /// One of several workers, who hand each other what came in at the wrong one; or one alone, without
    /// `others`. All have the same stopwatch.
    pub fn live(
        port: P,
        engine: Engine,
        stopwatch: S,
        others: Option<HandOver<P::Frame>>,
    ) -> Worker<P, S> {
        Worker::with(port, engine, stopwatch, Span::Transit, others)
    }

    fn with(
        port: P,
        engine: Engine,
        stopwatch: S,
        span: Span,
        others: Option<HandOver<P::Frame>>,
    ) -> Worker<P, S> {
        let me = others.as_ref().map_or(WorkerId(0), HandOver::worker);
        let workers = others.as_ref().map_or(1, HandOver::workers);
        Worker {
            latency: Latency::new(engine.tables(), me),
            port,
            engine,
            events: EventRing::new(EVENTS),
            burst: Vec::with_capacity(BURST),
            handed: Vec::with_capacity(BURST),
            decided: Vec::with_capacity(BURST * workers),
            span,
            decisions: 0,
            busy: 0,
            hold: Hold::new(),
            stopwatch,
            now: Time::EPOCH,
            others,
        }
    }

    /// One turn. How many frames there were, received or handed over by others; 0 is nothing right now.
    ///
    /// # Errors
    /// A port broke. Frames received before that were decided on.
    pub fn turn(&mut self, observer: &mut impl Observer) -> Result<usize, PortError> {
        let taken = self.stopwatch.nanos();
        let received = self.port.receive(&mut self.burst, BURST);
        let mut count = self.burst.len();
        // What was handed over has waited longer.
        count += self.take_handed(observer);
        self.take_burst(taken, observer);
        self.release(observer);
        // Before anything that nobody waits for.
        self.send_off()?;
        while let Some(sighting) = self.engine.sighting() {
            observer.seen(sighting);
        }
        if self.keep_deadlines(self.now) {
            self.send_off()?;
        }
        self.engine.age(self.now, &mut self.events);
        observer.events(self.engine.tables(), &mut self.events);
        if count > 0 {
            self.busy += self.stopwatch.nanos().saturating_sub(taken);
        }
        received.map(|_| count)
    }

    /// Decides on what came in, or hands it to its owner.
    fn take_burst(&mut self, taken: u64, observer: &mut impl Observer) {
        let mut burst = std::mem::take(&mut self.burst);
        self.engine.prefetch(burst.iter().map(|it| (it.port, it.frame.bytes())));
        for received in burst.drain(..) {
            match self.other_owner(&received) {
                Some(owner) => self.hand_over(owner, Handed { received, taken }, observer),
                None => self.measure(received, taken, observer),
            }
        }
        self.burst = burst;
        if let Some(others) = &mut self.others {
            others.ring_bells();
        }
    }

    /// Decides on what other workers have handed over, at most a burst of each. How many there were.
    fn take_handed(&mut self, observer: &mut impl Observer) -> usize {
        let workers = self.others.as_ref().map_or(0, HandOver::workers);
        (0..workers).map(|from| self.take_handed_by(from, observer)).sum()
    }

    /// Who received them has looked ahead in tables of its own: what they ask for here is fetched here.
    fn take_handed_by(&mut self, from: usize, observer: &mut impl Observer) -> usize {
        let mut handed = std::mem::take(&mut self.handed);
        let next = || self.others.as_mut().and_then(|others| others.take(from));
        handed.extend(std::iter::from_fn(next).take(BURST));
        let frames = handed.iter().map(|it| (it.received.port, it.received.frame.bytes()));
        self.engine.prefetch(frames);
        let count = handed.len();
        for Handed { received, taken } in handed.drain(..) {
            self.measure(received, taken, observer);
        }
        self.handed = handed;
        count
    }

    /// The worker that a frame is for, if it is another.
    #[inline]
    fn other_owner(&self, received: &Received<P::Frame>) -> Option<WorkerId> {
        let me = self.others.as_ref()?.worker();
        let owner = owner_of(self.engine.tables(), received.port, received.frame.bytes())?;
        (owner != me).then_some(owner)
    }

    fn hand_over(
        &mut self,
        owner: WorkerId,
        handed: Handed<P::Frame>,
        observer: &mut impl Observer,
    ) {
        self.now = self.now.max(handed.received.arrival);
        let outcome = match &mut self.others {
            Some(others) => others.give(owner, handed),
            None => Err(handed),
        };
        if let Err(Handed { received, .. }) = outcome {
            let reason = Reason::HandOverFull;
            self.engine.count_dropped(reason);
            observer.frame(self.now, Verdict::Drop(reason));
            self.port.recycle(received.frame);
        }
    }

    /// Decides on a frame and notes how long that took, or notes it for the end of the turn.
    #[inline(always)]
    fn measure(&mut self, received: Received<P::Frame>, taken: u64, observer: &mut impl Observer) {
        let before = match self.span {
            Span::Transit => Some(taken),
            Span::Decision => self.is_measured().then(|| self.stopwatch.nanos()),
        };
        self.decide(received, observer);
        let Some(before) = before else { return };
        let asset = self.engine.last_asset();
        match self.span {
            Span::Transit => self.decided.push((before, asset)),
            Span::Decision => {
                let after = self.stopwatch.nanos();
                self.latency.record(after.saturating_sub(before), asset);
            }
        }
    }

    /// Whether the next frame of a capture is one of those that are measured.
    fn is_measured(&mut self) -> bool {
        self.decisions += 1;
        self.decisions <= MEASURED || self.decisions.is_multiple_of(SAMPLE)
    }

    /// What was decided on in this turn leaves. Its time ends where the tx rings are handed over; what
    /// the kernel then does on this thread is its own.
    fn send_off(&mut self) -> Result<(), PortError> {
        self.port.submit();
        let left = if self.decided.is_empty() { 0 } else { self.stopwatch.nanos() };
        let outcome = self.port.flush();
        for (taken, asset) in self.decided.drain(..) {
            self.latency.record(left.saturating_sub(taken), asset);
        }
        outcome
    }

    fn decide(&mut self, mut received: Received<P::Frame>, observer: &mut impl Observer) {
        // Captures step back in time; the gate does not.
        let now = self.now.max(received.arrival);
        self.keep_deadlines(now);
        self.now = now;
        let mut out = Own { port: &mut self.port, now };
        let frame = &mut received.frame;
        match self.engine.attempt(now, received.port, frame, &mut out, &mut self.events) {
            // What nearly all frames come to: read by its fields, as it was written.
            Ok(Verdict::Forward(egress)) => self.forward(received, egress, observer),
            Ok(verdict) => self.carry_out(received, verdict, observer),
            Err(hop) => self.wait(received, hop, observer),
        }
    }

    #[inline(always)]
    fn forward(
        &mut self,
        received: Received<P::Frame>,
        egress: PortId,
        observer: &mut impl Observer,
    ) {
        observer.frame(self.now, Verdict::Forward(egress));
        self.port.send(received, egress);
        self.make_room(observer);
    }

    /// Events are taken before the ring is full.
    #[inline]
    fn make_room(&mut self, observer: &mut impl Observer) {
        if self.events.is_half_full() {
            observer.events(self.engine.tables(), &mut self.events);
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
        let (now, frame) = (self.now, &mut received.frame);
        let mut out = Own { port: &mut self.port, now };
        let verdict = self.engine.process(now, received.port, frame, &mut out, &mut self.events);
        self.carry_out(received, verdict, observer);
        matches!(verdict, Verdict::Forward(_))
    }

    fn carry_out(
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
            Verdict::Kept | Verdict::Deny(_) | Verdict::Drop(_) => {
                self.port.recycle(received.frame);
            }
        }
        self.make_room(observer);
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

    /// Has the engine do what is due until `now`, each at its own time; whether something was.
    fn keep_deadlines(&mut self, now: Time) -> bool {
        for number in 0..DEADLINES {
            let due = self.engine.next_deadline();
            if due > now {
                return number > 0;
            }
            let mut out = Own { port: &mut self.port, now: due };
            self.engine.expire(due, &mut out, &mut self.events);
        }
        self.engine.expire(now, &mut Own { port: &mut self.port, now }, &mut self.events);
        true
    }

    /// Judges by other tables from the next frame on.
    pub fn install(&mut self, tables: Arc<Tables>, observer: &mut impl Observer) {
        observer.events(self.engine.tables(), &mut self.events);
        self.latency.follow(&tables);
        self.engine.install(tables);
    }

    /// The first step of the end: hands over nothing more, and receives nothing more.
    pub fn leave(&self) {
        if let Some(others) = &self.others {
            others.leave();
        }
    }

    /// The second: decides on what the others have handed over. True when all of them have left too, and
    /// nothing more will come; then [`finish`](Worker::finish) is the third.
    ///
    /// # Errors
    /// The port broke.
    pub fn settle(&mut self, observer: &mut impl Observer) -> Result<bool, PortError> {
        // Asked first: what was handed over before that is seen below.
        let last = self.others.as_ref().is_none_or(HandOver::all_left);
        let count = self.take_handed(observer);
        self.send_off()?;
        observer.events(self.engine.tables(), &mut self.events);
        Ok(last && count == 0)
    }

    /// Has `wait` sleep until a frame comes to the port or, by the bell that it is given, from another
    /// worker.
    ///
    /// # Errors
    /// What `wait` says.
    pub fn sleep(
        &mut self,
        wait: impl FnOnce(&mut P, Option<BorrowedFd<'_>>) -> io::Result<()>,
    ) -> io::Result<()> {
        let Worker { port, others, .. } = self;
        match others {
            Some(others) => others.sleep(|bell| wait(port, Some(bell))),
            None => wait(port, None),
        }
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

    /// Nanoseconds that turns with a frame in them took, from before it was received until all is done: what the
    /// worker needs of its core. What the kernel does on its thread to send is in it.
    pub fn busy(&self) -> u64 {
        self.busy
    }

    /// The way to the other workers, where there are any.
    pub fn others(&self) -> Option<&HandOver<P::Frame>> {
        self.others.as_ref()
    }

    /// Frames that wait for a MAC address.
    pub fn waiting(&self) -> usize {
        self.hold.len()
    }

    /// What became of frames that waited for a MAC address.
    pub fn held(&self) -> HoldCounters {
        self.hold.counters
    }

    /// Events that there were to tell, with those that found no room.
    pub fn events(&self) -> u64 {
        self.events.number()
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
