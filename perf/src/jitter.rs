//! The machine's own jitter: how long a piece of work takes that never takes longer by itself.
//!
//! A worker needs some 500 ns for a frame. Whatever interrupts the machine meanwhile (timers, other
//! programs, the hypervisor) is in that figure too. This is what a loop without a gate sees of it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// What one sample is made of: as long as a gate needs for a frame, about.
const SPINS: u32 = 1_000;

/// Longest sample that is told apart, in nanoseconds: one second.
const LONGEST: u64 = 1_000_000_000;

/// Samples for so long, on the core it was started on; percentiles in nanoseconds.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub(crate) fn measure(length: Duration) -> Value {
    let mut nanos = Histogram::<u64>::new_with_bounds(1, LONGEST, 3).expect("constant bounds");
    let start = Instant::now();
    let mut before = start;
    while before.duration_since(start) < length {
        (0..SPINS).for_each(|spin| _ = black_box(spin));
        let after = Instant::now();
        nanos.saturating_record(after.duration_since(before).as_nanos() as u64);
        before = after;
    }
    let at = |quantile| nanos.value_at_quantile(quantile);
    json!({
        "samples": nanos.len(), "p50": at(0.5), "p99": at(0.99), "p999": at(0.999),
        "p9999": at(0.9999), "max": nanos.max(),
    })
}
