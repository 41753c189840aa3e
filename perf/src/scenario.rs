//! Frames to run through an engine, again and again.

use std::sync::Arc;
use std::time::Duration;

use wicketgate_engine::{Counters, Engine, EventRing, Limits, Sessions, Tables};
use wicketgate_packet::{Nowhere, Time};
use wicketgate_ports::{HeapFrame, Pool};
use wicketgate_tests::capture::{Case, Crossing, case, cases};

use crate::flows;

/// Frames between two looks at the clock and at the events, as in a worker.
const BURST: usize = 32;

/// Longer than any flow may be silent: each lap opens its flows anew, so that the engine reads every
/// byte instead of taking the lap for retransmissions.
const LAP: Duration = Duration::from_secs(3 * 3600);

/// One capture as the frames that enter the engine.
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) frames: Vec<Crossing>,
    pub(crate) tables: Arc<Tables>,
    /// It is a capture, whose ends know nothing of the gate.
    pub(crate) captured: bool,
}

/// All bundled captures, and the same conversation on three kinds of flow.
pub(crate) fn all() -> Vec<Scenario> {
    cases().into_iter().map(of).chain(flows::all()).collect()
}

/// The one of that name; the others are not made, which takes callgrind a minute.
pub(crate) fn named(name: &str) -> Option<Scenario> {
    let flow = || flows::all().into_iter().find(|flow| flow.name == name);
    case(name).map(of).or_else(flow)
}

fn of(case: Case) -> Scenario {
    Scenario {
        frames: case.through_file().entered,
        name: case.name,
        tables: case.tables,
        captured: true,
    }
}

/// An engine on its way through a scenario.
pub(crate) struct Runner<'s> {
    scenario: &'s Scenario,
    engine: Engine,
    events: EventRing,
    buffers: Vec<HeapFrame>,
    lap: u32,
    /// Events taken out of the ring.
    pub(crate) told: u64,
}

impl<'s> Runner<'s> {
    pub(crate) fn new(scenario: &'s Scenario) -> Runner<'s> {
        let mut pool = Pool::new(scenario.frames.len());
        let sessions = Arc::new(Sessions::new(1 << 12));
        let mut engine = Engine::new(Limits::default(), scenario.tables.clone(), sessions);
        engine.set_captured(scenario.captured);
        Runner {
            engine,
            events: EventRing::new(1 << 13),
            buffers: std::iter::from_fn(|| pool.take()).collect(),
            lap: 0,
            told: 0,
            scenario,
        }
    }

    /// Copies the frames in: a network card's work, not the gate's.
    pub(crate) fn fill(&mut self) {
        for (buffer, frame) in self.buffers.iter_mut().zip(&self.scenario.frames) {
            buffer.fill(&[], &frame.bytes);
        }
    }

    /// One lap over all frames, events drained. What is measured.
    #[inline(never)]
    pub(crate) fn lap(&mut self) {
        let shift = LAP * self.lap;
        let mut now = Time::EPOCH;
        let frames = self.scenario.frames.iter().zip(&mut self.buffers);
        for (number, (crossing, buffer)) in frames.enumerate() {
            now = crossing.at + shift;
            let verdict =
                self.engine.process(now, crossing.port, buffer, &mut Nowhere, &mut self.events);
            let _ = std::hint::black_box(verdict);
            if number % BURST == BURST - 1 {
                self.engine.age(now, &mut self.events);
                self.told += drain(&mut self.events);
            }
        }
        self.engine.age(now, &mut self.events);
        self.told += drain(&mut self.events);
        self.lap += 1;
    }

    pub(crate) fn counters(&self) -> &Counters {
        self.engine.counters()
    }
}

/// Takes all events out and looks at each.
pub(crate) fn drain(events: &mut EventRing) -> u64 {
    let mut told = 0;
    events.drain(|event| {
        std::hint::black_box(event);
        told += 1;
    });
    told
}
