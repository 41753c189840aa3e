//! Assets whose frames the gate holds for longer than the budgets of their cycles, found window by window.
//!
//! Workers count since the start, and are asked once a window; two counts say what was in between. It decides
//! nothing about frames.

use std::collections::HashMap;
use std::time::Duration;

use wicketgate_audit::Budget;

use crate::api::reply::{AssetLatency, Stats};

/// One frame of so many may be over its budget: what is held against it is p99.99.
const ONE_OF: u64 = 10_000;
/// Frames of a window that may be in any case: of fewer than [`ONE_OF`] one says nothing of that quantile.
const LEAST: u64 = 1;
/// Assets that an alarm names.
const NAMED: usize = 3;

/// What was counted last of each asset, and whether its budget is breached.
#[derive(Debug)]
pub(super) struct Budgets {
    /// When this window began, since boot.
    since: Duration,
    assets: HashMap<String, Held>,
}

/// One asset.
#[derive(Debug)]
struct Held {
    frames: u64,
    over: u64,
    budget: Option<u64>,
    /// What the last window found, as long as that is a breach.
    breach: Option<Finding>,
}

/// A budget that is breached, or kept again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) breached: bool,
    asset: String,
    worker: u32,
    frames: u64,
    over: u64,
    window: Duration,
    /// The cycle and its budget.
    cycle: Option<(Duration, Duration)>,
    floor: Option<u64>,
}

impl Budgets {
    /// The first window begins now, when nothing was counted.
    pub(super) fn new(now: Duration) -> Budgets {
        Budgets { since: now, assets: HashMap::new() }
    }

    /// Whether the window is over by `now`.
    pub(super) fn is_due(&self, now: Duration, window: Duration) -> bool {
        now.saturating_sub(self.since) >= window
    }

    /// Ends the window with what all workers have counted until `now`: what is otherwise than in the one before.
    pub(super) fn close(&mut self, now: Duration, stats: &Stats) -> Vec<Finding> {
        let window = now.saturating_sub(self.since);
        self.since = now;
        let mut changes = Vec::new();
        let mut before = std::mem::take(&mut self.assets);
        for asset in &stats.assets {
            let earlier = before.remove(&asset.asset);
            let was = earlier.as_ref().is_some_and(|earlier| earlier.breach.is_some());
            let finding = judge(earlier.as_ref(), asset, window, floor(stats, asset.worker));
            let held = Held::new(asset, finding.breached.then(|| finding.clone()));
            self.assets.insert(asset.asset.clone(), held);
            changes.extend((was != finding.breached).then_some(finding));
        }
        // Those that are gone are over nothing any more.
        let gone = before.into_values().filter_map(|held| held.breach);
        changes.extend(gone.map(|breach| breach.gone(window)));
        changes
    }

    /// Whether the budget of the asset of this name was breached in the last window.
    pub(super) fn is_breached(&self, asset: &str) -> bool {
        self.assets.get(asset).is_some_and(|held| held.breach.is_some())
    }

    /// What is wrong, as long as some budget is breached.
    pub(super) fn fault(&self) -> Option<String> {
        let mut breaches: Vec<_> =
            self.assets.values().filter_map(|held| held.breach.as_ref()).collect();
        breaches.sort_by(|one, other| one.asset.cmp(&other.asset));
        let told: Vec<String> = breaches.iter().take(NAMED).map(|breach| breach.told()).collect();
        let more = breaches.len().saturating_sub(NAMED);
        let more = if more > 0 { format!("; and {more} assets more") } else { String::new() };
        (!told.is_empty()).then(|| format!("cycle budget: {}{more}", told.join("; ")))
    }
}

impl Held {
    fn new(asset: &AssetLatency, breach: Option<Finding>) -> Held {
        let AssetLatency { latency, over_budget, budget, .. } = asset;
        Held { frames: latency.frames, over: *over_budget, budget: *budget, breach }
    }
}

/// What one window says of an asset. A budget that is new is judged from the next window on: what was counted
/// before is of another.
fn judge(
    earlier: Option<&Held>,
    asset: &AssetLatency,
    window: Duration,
    floor: Option<u64>,
) -> Finding {
    let (frames, over) = earlier.map_or((0, 0), |earlier| (earlier.frames, earlier.over));
    let frames = asset.latency.frames.saturating_sub(frames);
    let over = asset.over_budget.saturating_sub(over);
    let breached = match earlier {
        _ if asset.budget.is_none() => false,
        Some(earlier) if earlier.budget != asset.budget => earlier.breach.is_some(),
        _ => over > LEAST.max(frames / ONE_OF),
    };
    let cycle = asset.cycle.zip(asset.budget);
    let cycle =
        cycle.map(|(cycle, budget)| (Duration::from_nanos(cycle), Duration::from_nanos(budget)));
    let (asset, worker) = (asset.asset.clone(), asset.worker);
    Finding { breached, asset, worker, frames, over, window, cycle, floor }
}

/// The machine's own p99.99 on the core of a worker.
fn floor(stats: &Stats, worker: u32) -> Option<u64> {
    let floor = stats.workers.get(worker as usize)?.floor;
    (floor.frames > 0).then_some(floor.p9999)
}

impl Finding {
    /// As the audit log has it.
    pub(super) fn record(&self) -> Budget<'_> {
        let Finding { worker, frames, over, window, cycle, floor, .. } = *self;
        Budget { asset: &self.asset, worker, frames, over, window, cycle, floor }
    }

    /// The same asset, without frames or a cycle.
    fn gone(self, window: Duration) -> Finding {
        Finding { breached: false, frames: 0, over: 0, window, cycle: None, ..self }
    }

    fn told(&self) -> String {
        let Finding { asset, frames, over, window, .. } = self;
        let (cycle, budget) = self.cycle.unwrap_or_default();
        let floor = self.floor.map(|floor| format!("; the machine's own p99.99 is {floor} ns"));
        format!(
            "{asset}: {over} of {frames} frames in {} s were in the gate for more than {budget:?} \
             (cycle {cycle:?}{})",
            window.as_secs(),
            floor.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reply::{Percentiles, Worker};

    const WINDOW: Duration = Duration::from_secs(60);

    /// Budgets over time: each look is a window later.
    struct Watch(Budgets, Duration);

    impl Watch {
        fn new() -> Watch {
            Watch(Budgets::new(Duration::ZERO), Duration::ZERO)
        }

        /// Changes after assets have told these frames, and these of them over the budget, since the start.
        fn look(&mut self, assets: &[AssetLatency]) -> Vec<(String, bool, u64, u64)> {
            self.1 += WINDOW;
            assert!(self.0.is_due(self.1, WINDOW));
            let floor = Percentiles { frames: 9, p9999: 1_850, ..Percentiles::default() };
            let workers = vec![Worker { floor, ..Worker::default() }];
            let stats = Stats { assets: assets.to_vec(), workers, ..Stats::default() };
            let changes = self.0.close(self.1, &stats);
            assert!(!self.0.is_due(self.1, WINDOW));
            changes.into_iter().map(|it| (it.asset, it.breached, it.frames, it.over)).collect()
        }
    }

    fn asset(frames: u64, over_budget: u64) -> AssetLatency {
        AssetLatency {
            asset: "press-3".to_owned(),
            latency: Percentiles { frames, ..Percentiles::default() },
            cycle: Some(10_000_000),
            budget: Some(100_000),
            over_budget,
            ..AssetLatency::default()
        }
    }

    fn change(breached: bool, frames: u64, over: u64) -> Vec<(String, bool, u64, u64)> {
        vec![("press-3".to_owned(), breached, frames, over)]
    }

    #[test]
    fn a_breach_is_found_once_and_over_once() {
        let mut watch = Watch::new();
        assert_eq!(watch.look(&[asset(12_000, 0)]), []);
        assert_eq!(watch.look(&[asset(24_000, 300)]), change(true, 12_000, 300));
        assert!(watch.0.is_breached("press-3"));
        assert_eq!(watch.look(&[asset(36_000, 310)]), [], "it goes on");
        assert_eq!(watch.look(&[asset(48_000, 311)]), change(false, 12_000, 1));
        assert_eq!((watch.look(&[asset(60_000, 311)]), watch.0.fault()), (vec![], None));
        assert_eq!(watch.look(&[asset(72_000, 400)]), change(true, 12_000, 89), "again");
        assert_eq!(watch.look(&[asset(72_000, 400)]), change(false, 0, 0), "no frame, no breach");
    }

    #[test]
    fn one_frame_of_ten_thousand_may_be_over_and_a_single_one() {
        for (frames, over, breached) in [
            (1, 1, false),
            (2, 2, true),
            (9_999, 1, false),
            (20_000, 2, false),
            (20_000, 3, true),
            (1_000_000, 100, false),
            (1_000_000, 101, true),
        ] {
            let changes = Watch::new().look(&[asset(frames, over)]);
            assert_eq!(!changes.is_empty(), breached, "{over} of {frames}");
        }
    }

    #[test]
    fn without_a_cycle_nothing_is_judged() {
        let free = AssetLatency { cycle: None, budget: None, ..asset(100, 100) };
        assert_eq!(Watch::new().look(&[free]), []);
    }

    #[test]
    fn a_budget_that_is_new_is_judged_from_the_next_window_on() {
        let mut watch = Watch::new();
        let narrow = |frames, over| AssetLatency { budget: Some(1_000), ..asset(frames, over) };
        assert_eq!(watch.look(&[asset(100, 0)]), []);
        assert_eq!(watch.look(&[narrow(200, 200)]), [], "over counts what was before");
        assert_eq!(watch.look(&[narrow(300, 300)]), change(true, 100, 100));
        let free = AssetLatency { cycle: None, budget: None, ..asset(400, 0) };
        assert_eq!(watch.look(&[free]), change(false, 100, 0), "its cycle is no more");
    }

    #[test]
    fn an_asset_that_is_gone_breaches_nothing() {
        let mut watch = Watch::new();
        assert_eq!(watch.look(&[asset(100, 100)]), change(true, 100, 100));
        assert_eq!(watch.look(&[]), change(false, 0, 0));
        assert_eq!((watch.look(&[]), watch.0.fault()), (vec![], None));
    }

    #[test]
    fn an_alarm_names_some_assets_and_what_the_machine_does_itself() {
        let mut watch = Watch::new();
        let named = |name: &str| AssetLatency { asset: name.to_owned(), ..asset(100, 7) };
        watch.look(&["e", "d", "c", "b", "a"].map(named));
        let fault = watch.0.fault().unwrap();
        let one = "a: 7 of 100 frames in 60 s were in the gate for more than 100µs (cycle 10ms; \
                   the machine's own p99.99 is 1850 ns)";
        assert!(fault.contains(one), "{fault}");
        assert!(fault.contains("; c: ") && !fault.contains("; d: "), "{fault}");
        assert!(fault.ends_with("; and 2 assets more"), "{fault}");
    }
}
