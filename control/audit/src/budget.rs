//! An asset whose frames the gate holds for longer than its cycle budget allows.

use std::time::Duration;

use serde::ser::SerializeMap;

use crate::alarm::Alarm;
use crate::record::{Fields, cut};
use crate::words::Words;

/// What control found of one asset over one window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget<'a> {
    /// The asset.
    pub asset: &'a str,
    /// The worker that has it.
    pub worker: u32,
    /// Its frames in the window.
    pub frames: u64,
    /// Of these, those that were in the gate for longer than the budget.
    pub over: u64,
    /// How long the window was.
    pub window: Duration,
    /// The asset's cycle, and how long the gate may hold a frame; `None` where the policy names none any more.
    pub cycle: Option<(Duration, Duration)>,
    /// What a loop without a gate took on the worker's core, since the start: p99.99, in nanoseconds. `None` where
    /// the worker never had the time for one.
    pub floor: Option<u64>,
}

impl Budget<'_> {
    pub(crate) const fn words(breached: bool) -> Words {
        if breached { Words::BUDGET_BREACHED } else { Words::BUDGET_RECOVERED }
    }

    pub(crate) fn fields<M: SerializeMap>(&self, out: &mut Fields<M>) -> Result<(), M::Error> {
        let (cycle, budget) = self.cycle.unzip();
        out.put("asset", cut(self.asset))?;
        out.put("frames", &self.frames)?;
        out.put("worker", &self.worker)?;
        out.put("times", &self.over)?;
        out.put("window_ns", &nanos(self.window))?;
        out.some("cycle_ns", cycle.map(nanos))?;
        out.some("budget_ns", budget.map(nanos))?;
        out.some("floor_ns", self.floor)?;
        out.put("reason", Alarm::CycleBudget.code())
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
