//! Numbers out of measurements.

use std::time::Instant;

/// Nanoseconds per frame over several rounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nanos(Vec<f64>);

impl Nanos {
    /// Times one round of `frames` frames.
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
    pub(crate) fn round(&mut self, frames: usize, work: impl FnOnce()) {
        let start = Instant::now();
        work();
        self.0.push(start.elapsed().as_nanos() as f64 / frames as f64);
    }

    /// Adds a round measured elsewhere.
    pub(crate) fn absorb(&mut self, nanos: f64) {
        self.0.push(nanos);
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn min(&self) -> f64 {
        self.sorted().first().copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn max(&self) -> f64 {
        self.sorted().last().copied().unwrap_or(f64::NAN)
    }
}
