//! The gate's own time.

use std::time::Instant;

/// Says how much time has passed.
pub trait Stopwatch {
    /// Nanoseconds since some moment in the past; never goes backwards.
    fn nanos(&self) -> u64;
}

/// The machine's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Machine(Instant);

impl Machine {
    /// Starts now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one clock of a worker: it measures, and decides nothing"
    )]
    pub fn start() -> Machine {
        Machine(Instant::now())
    }
}

impl Stopwatch for Machine {
    fn nanos(&self) -> u64 {
        // 2^64 ns are 584 years.
        self.0.elapsed().as_nanos() as u64
    }
}
