//! The gate's own time on the frames of a capture: each of the first is measured, of a long one a sample.

#![allow(clippy::unwrap_used, reason = "a test asserts by panicking")]

use std::sync::Arc;

use wicketgate_engine::{Engine, EventRing, Limits, Sessions, Tables};
use wicketgate_ports::RingPort;
use wicketgate_tests::Plant;
use wicketgate_tests::gate::START;
use wicketgate_tests::plant::OFFICE;
use wicketgate_worker::worker::BURST;
use wicketgate_worker::{Observer, Stopwatch, Worker};

/// Measures nothing.
struct Stopped;

impl Stopwatch for Stopped {
    fn nanos(&self) -> u64 {
        0
    }
}

/// Listens to nobody.
struct Deaf;

impl Observer for Deaf {
    fn events(&mut self, _tables: &Tables, events: &mut EventRing) {
        events.drain(|_| ());
    }
}

/// How many of so many frames were measured.
fn measured(frames: usize) -> u64 {
    let limits = Limits { flows: 256, streams: 64, ..Limits::default() };
    let engine = Engine::new(limits, Plant::usual().tables(1), Arc::new(Sessions::new(64)));
    let mut worker = Worker::new(RingPort::new(BURST, BURST), engine, Stopped);
    for _ in 0..frames {
        assert!(worker.port_mut().feed(OFFICE, START, &[0; 60]));
        worker.turn(&mut Deaf).unwrap();
    }
    assert_eq!(worker.engine().counters().frames(), frames as u64);
    worker.latency().all().len()
}

#[test]
fn of_a_long_capture_one_frame_of_sixty_one_is_measured() {
    assert_eq!(measured(1000), 1000);
    assert_eq!(measured(10_000), 10_000);
    assert_eq!(measured(16_100), 10_100);
}
