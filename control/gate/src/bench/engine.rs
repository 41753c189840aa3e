//! The engine alone: frames in memory, one core.

use std::hint::black_box;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use wicketgate_engine::EventRing;
use wicketgate_worker::{Floor, Laps, Machine, Spectator};

/// Longest time that is told apart, in nanoseconds: one second.
const LONGEST: u64 = 1_000_000_000;

/// What was measured.
pub(super) struct Measured {
    /// Nanoseconds a frame, of each lap.
    pub(super) laps: Vec<f64>,
    /// Nanoseconds of each frame by itself, with one look at the clock.
    pub(super) own: Histogram<u64>,
    /// The same of a loop without a gate.
    pub(super) floor: Histogram<u64>,
    /// Commands a lap, and those that were denied.
    pub(super) commands: u64,
    pub(super) denied: u64,
}

/// Takes all events out.
struct Drain;

impl Spectator for Drain {
    fn burst(&mut self, events: &mut EventRing) {
        events.drain(|event| _ = black_box(event));
    }
}

/// Takes all events out, and the time of each frame.
struct Timer {
    before: Instant,
    nanos: Histogram<u64>,
}

impl Spectator for Timer {
    fn frame(&mut self) {
        let now = clock();
        self.nanos.saturating_record(nanos(now - self.before));
        self.before = now;
    }

    fn burst(&mut self, events: &mut EventRing) {
        Drain.burst(events);
        self.before = clock();
    }
}

/// Measures for so long: a whole lap, one frame by frame, and the floor take turns, so that what disturbs the
/// machine hits all of them alike.
pub(super) fn measure(laps: &mut Laps, length: Duration) -> Measured {
    let (commands, denied) = first_lap(laps);
    let mut timer = Timer { before: clock(), nanos: histogram() };
    let mut floor = Floor::new(Machine::start());
    let mut measured =
        Measured { laps: Vec::new(), own: histogram(), floor: histogram(), commands, denied };
    let start = clock();
    while start.elapsed() < length {
        measured.laps.push(lap(laps, &mut Drain).as_nanos() as f64 / laps.frames() as f64);
        timer.before = clock();
        let took = lap(laps, &mut timer);
        sample(&mut floor, took);
    }
    (measured.own, measured.floor) = (timer.nanos, floor.nanos().clone());
    measured
}

/// One lap warms the caches, and counts what does not change.
fn first_lap(laps: &mut Laps) -> (u64, u64) {
    lap(laps, &mut Drain);
    let before = laps.commands();
    lap(laps, &mut Drain);
    let after = laps.commands();
    (after.0 - before.0, after.1 - before.1)
}

fn lap(laps: &mut Laps, spectator: &mut impl Spectator) -> Duration {
    laps.fill();
    let start = clock();
    laps.lap(spectator);
    start.elapsed()
}

fn sample(floor: &mut Floor<Machine>, length: Duration) {
    let start = clock();
    while start.elapsed() < length {
        floor.sample();
    }
}

/// An empty histogram of nanoseconds.
fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "the bounds are constants that are in order")]
    Histogram::new_with_bounds(1, LONGEST, 3).expect("constant bounds")
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn clock() -> Instant {
    Instant::now()
}
