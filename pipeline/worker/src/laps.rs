//! The same frames through one engine, lap after lap: what a benchmark measures.

use std::sync::Arc;
use std::time::Duration;

use wicketgate_engine::{Counters, Engine, EventRing, Limits, Sessions, Tables};
use wicketgate_packet::{FrameBuf, Nowhere, PortId, Time};
use wicketgate_ports::{HeapFrame, Pool};

/// Frames between two looks at events and timers, as in a worker's turn.
pub const BURST: usize = 32;

/// Longer than any flow may be silent: each lap opens its flows anew, so that the engine reads every
/// byte instead of taking the lap for retransmissions.
const LAP: Duration = Duration::from_secs(3 * 3600);

/// Laps of one engine: 34 years of its time. The next one begins in the year of the first.
const LAPS: u32 = 100_000;

/// Sessions open at a time.
const SESSIONS: usize = 1 << 12;

/// Events between two drains.
const EVENTS: usize = 1 << 13;

/// A frame as it enters the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entering {
    /// When, in the first lap.
    pub at: Time,
    /// By which port.
    pub port: PortId,
    /// The whole frame.
    pub bytes: Box<[u8]>,
}

/// Who looks on.
pub trait Spectator {
    /// Another frame was decided on.
    #[inline]
    fn frame(&mut self) {}

    /// A burst is over: these are its events, to be taken out.
    fn burst(&mut self, events: &mut EventRing);
}

/// An engine, and the frames that it gets again and again.
pub struct Laps {
    engine: Engine,
    tables: Arc<Tables>,
    captured: bool,
    events: EventRing,
    frames: Vec<Entering>,
    buffers: Vec<HeapFrame>,
    lap: u32,
    /// Commands judged by engines before this one, and how many of them were denied.
    before: (u64, u64),
}

impl Laps {
    /// An engine of these tables. `captured`: the frames are a capture's, whose ends know nothing of the gate
    /// ([`Engine::set_captured`]).
    pub fn new(frames: Vec<Entering>, tables: Arc<Tables>, captured: bool) -> Laps {
        let engine = engine(&tables, captured);
        let mut pool = Pool::new(frames.len());
        let buffers = std::iter::from_fn(|| pool.take()).collect();
        let events = EventRing::new(EVENTS);
        Laps { engine, tables, captured, events, frames, buffers, lap: 0, before: (0, 0) }
    }

    /// Frames of a lap.
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    /// Bursts of a lap; the last one may be shorter than [`BURST`] frames.
    pub fn bursts(&self) -> usize {
        self.frames.len().div_ceil(BURST)
    }

    /// The tables that it judges by.
    pub const fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }

    /// The number of the last event, and how many of all there was no room for.
    pub fn told(&self) -> (u64, u64) {
        (self.events.number(), self.events.lost())
    }

    /// Commands judged so far, and how many of them were denied.
    pub fn commands(&self) -> (u64, u64) {
        let Counters { commands, denied, .. } = *self.engine.counters();
        (self.before.0 + commands, self.before.1 + denied)
    }

    /// What this engine has counted: a new one is made every 100,000 laps.
    pub fn counters(&self) -> &Counters {
        self.engine.counters()
    }

    /// Copies the frames in for the next lap: a network card's work, not the gate's.
    pub fn fill(&mut self) {
        (0..self.bursts()).for_each(|burst| self.fill_burst(burst));
    }

    /// The same for the burst of this number alone.
    pub fn fill_burst(&mut self, burst: usize) {
        let frames = self.buffers.iter_mut().zip(&self.frames);
        for (buffer, frame) in frames.skip(burst * BURST).take(BURST) {
            buffer.fill(&[], &frame.bytes);
        }
    }

    /// One lap over all frames.
    #[inline(never)]
    pub fn lap(&mut self, spectator: &mut impl Spectator) {
        (0..self.bursts()).for_each(|burst| self.burst(burst, spectator));
        self.next_lap();
    }

    /// Shows what events are left.
    pub fn tell(&mut self, spectator: &mut impl Spectator) {
        spectator.burst(&mut self.events);
    }

    /// The burst of this number, from 0 on.
    #[inline]
    pub fn burst(&mut self, burst: usize, spectator: &mut impl Spectator) {
        let Laps { engine, events, frames, buffers, lap, .. } = self;
        let frames = frames.chunks(BURST).nth(burst).unwrap_or_default();
        let buffers = buffers.chunks_mut(BURST).nth(burst).unwrap_or_default();
        let entering = frames.iter().zip(&*buffers);
        engine.prefetch(entering.map(|(frame, buffer)| (frame.port, buffer.bytes())));
        let mut now = Time::EPOCH;
        for (Entering { at, port, .. }, buffer) in frames.iter().zip(buffers) {
            let arrival = *at + LAP * *lap;
            let verdict = engine.process(arrival, *port, buffer, &mut Nowhere, events);
            let _ = std::hint::black_box(verdict);
            spectator.frame();
            now = arrival;
        }
        engine.age(now, events);
        spectator.burst(events);
    }

    /// The frames come anew, three hours later.
    pub fn next_lap(&mut self) {
        self.lap += 1;
        if self.lap == LAPS {
            (self.before, self.lap) = (self.commands(), 0);
            self.engine = engine(&self.tables, self.captured);
        }
    }
}

fn engine(tables: &Arc<Tables>, captured: bool) -> Engine {
    let sessions = Arc::new(Sessions::new(SESSIONS));
    let mut engine = Engine::new(Limits::default(), tables.clone(), sessions);
    engine.set_captured(captured);
    engine
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use wicketgate_engine::tables::{Port, Side, TablesBuilder};

    use super::*;

    fn tables() -> Arc<Tables> {
        let mut tables = TablesBuilder::default();
        let (name, side, address) = ("line".into(), Side::Underlay, Ipv4Addr::new(10, 0, 0, 1));
        tables.add_port(Port { name, side, mac: [2; 6], address, mtu: 1500 });
        Arc::new(tables.build(1).unwrap())
    }

    /// How often each was called.
    #[derive(Default)]
    struct Calls(usize, usize);

    impl Spectator for Calls {
        fn frame(&mut self) {
            self.0 += 1;
        }

        fn burst(&mut self, events: &mut EventRing) {
            self.1 += 1;
            events.drain(|_| ());
        }
    }

    #[test]
    fn every_frame_of_every_lap_is_decided_on() {
        let frame = Entering { at: Time::EPOCH, port: PortId(0), bytes: vec![0; 60].into() };
        let mut laps = Laps::new(vec![frame; BURST + 1], tables(), true);
        let mut calls = Calls::default();
        for _ in 0..3 {
            laps.fill();
            laps.lap(&mut calls);
        }
        assert_eq!((calls.0, calls.1), (3 * (BURST + 1), 3 * 2));
        assert_eq!(laps.counters().frames(), 3 * (BURST as u64 + 1));
    }
}
