//! An asset whose frames the gate holds for longer than its cycle budget allows.

use std::time::Duration;

use crate::alarm::Alarm;
use crate::fields::{Fields, key};
use crate::record::cut;
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

    pub(crate) fn fields(&self, out: &mut Fields<'_>) {
        let (cycle, budget) = self.cycle.unzip();
        out.put(key!("asset"), cut(self.asset));
        out.put(key!("frames"), &self.frames);
        out.put(key!("worker"), &self.worker);
        out.put(key!("times"), &self.over);
        out.put(key!("window_ns"), &nanos(self.window));
        out.some(key!("cycle_ns"), cycle.map(nanos));
        out.some(key!("budget_ns"), budget.map(nanos));
        out.some(key!("floor_ns"), self.floor);
        out.put(key!("reason"), Alarm::CycleBudget.code());
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
