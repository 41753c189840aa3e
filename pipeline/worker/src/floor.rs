//! The machine's own floor: what a loop sees that has no gate in it.
//!
//! Whatever interrupts the machine (timers, other programs, the hypervisor) is in the gate's own time too. A
//! piece of work that never takes longer by itself, on the same core, says how much of it is not the gate's.

use std::hint::black_box;

use hdrhistogram::Histogram;

use crate::latency::histogram;
use crate::stopwatch::Stopwatch;

/// What one sample is made of: about as long as a gate needs for a frame, some 100 ns.
const SPINS: u32 = 200;

/// Samples of the machine's floor, some 24 KiB.
#[derive(Clone, Debug)]
pub struct Floor<S> {
    stopwatch: S,
    nanos: Histogram<u64>,
}

impl<S: Stopwatch> Floor<S> {
    /// Without a sample. The only allocation.
    pub fn new(stopwatch: S) -> Floor<S> {
        Floor { stopwatch, nanos: histogram(2) }
    }

    /// Takes one sample: on the core, and at the moment, that it is called.
    #[inline]
    pub fn sample(&mut self) {
        let before = self.stopwatch.nanos();
        (0..SPINS).for_each(|spin| _ = black_box(spin));
        let after = self.stopwatch.nanos();
        self.nanos.saturating_record(after.saturating_sub(before));
    }

    /// Nanoseconds per sample.
    pub fn nanos(&self) -> &Histogram<u64> {
        &self.nanos
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Each look comes some nanoseconds after the one before; every other step is the next of these.
    struct Steps(Cell<u64>, [u64; 2]);

    impl Stopwatch for Steps {
        fn nanos(&self) -> u64 {
            let look = self.0.get();
            self.0.set(look + 1);
            // A look before and one after each sample.
            let sample = look / 2;
            sample * 1_000 + (look % 2) * self.1[sample as usize % 2]
        }
    }

    #[test]
    fn a_sample_is_the_time_between_its_two_looks() {
        let mut floor = Floor::new(Steps(Cell::new(0), [100, 700]));
        (0..10).for_each(|_| floor.sample());
        let nanos = floor.nanos();
        assert_eq!((nanos.len(), nanos.min(), nanos.count_at(100)), (10, 100, 5));
        assert!((700..=707).contains(&nanos.max()), "{}: to one per cent", nanos.max());
    }
}
