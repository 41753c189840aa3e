//! Frames to run through an engine, again and again.

use std::sync::Arc;

use wicketgate_engine::{Counters, EventRing, Tables};
use wicketgate_tests::capture::{Case, Crossing, case, cases};
use wicketgate_worker::{Entering, Laps, Spectator};

use crate::flows;

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
pub(crate) struct Runner {
    laps: Laps,
    drain: Drain,
}

/// Takes all events out and looks at each.
#[derive(Default)]
struct Drain {
    told: u64,
}

impl Spectator for Drain {
    fn burst(&mut self, events: &mut EventRing) {
        events.drain(|event| {
            std::hint::black_box(event);
            self.told += 1;
        });
    }
}

impl Runner {
    pub(crate) fn new(scenario: &Scenario) -> Runner {
        let entering = |Crossing { at, port, bytes }: &Crossing| Entering {
            at: *at,
            port: *port,
            bytes: bytes.as_slice().into(),
        };
        let frames = scenario.frames.iter().map(entering).collect();
        let laps = Laps::new(frames, scenario.tables.clone(), scenario.captured);
        Runner { laps, drain: Drain::default() }
    }

    /// Copies the frames in: a network card's work, not the gate's.
    pub(crate) fn fill(&mut self) {
        self.laps.fill();
    }

    /// One lap over all frames, events drained. What is measured.
    pub(crate) fn lap(&mut self) {
        self.laps.lap(&mut self.drain);
    }

    pub(crate) fn counters(&self) -> &Counters {
        self.laps.counters()
    }

    /// Events taken out of the ring.
    pub(crate) const fn told(&self) -> u64 {
        self.drain.told
    }
}
