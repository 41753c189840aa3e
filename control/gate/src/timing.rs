//! The gate's own time per frame, as `stats` and `replay` tell it.

use std::time::Duration;

use hdrhistogram::Histogram;
use wicketgate_engine::tables::Cycle;

use crate::api::reply::{AssetLatency, BOUNDS, Percentiles};
use crate::table::Table;
use crate::words::nanos;

/// All in one walk over the histogram.
pub(crate) fn percentiles(nanos: &Histogram<u64>) -> Percentiles {
    let frames = nanos.len();
    // The lowest value that this many frames did not exceed.
    let rank = |parts: u64| (frames * parts).div_ceil(10_000).max(1);
    let mut found = Percentiles { frames, max: nanos.max(), ..Percentiles::default() };
    let Percentiles { p50, p90, p99, p999, p9999, sum, classes, .. } = &mut found;
    let mut wanted = [(5_000, p50), (9_000, p90), (9_900, p99), (9_990, p999), (9_999, p9999)]
        .map(|(parts, place)| (rank(parts), place));
    let mut seen = 0;
    for bucket in nanos.iter_recorded() {
        let before = seen;
        let (nanos, count) = (bucket.value_iterated_to(), bucket.count_at_value());
        seen += count;
        *sum = sum.saturating_add(nanos.saturating_mul(count));
        // What is in no class is above all of them.
        if let Some(class) = classes.get_mut(BOUNDS.partition_point(|bound| *bound < nanos)) {
            *class += count;
        }
        for (rank, place) in &mut wanted {
            if (before + 1..=seen).contains(rank) {
                **place = nanos;
            }
        }
    }
    accumulate(classes);
    found
}

/// Has each class include those before it.
fn accumulate(classes: &mut [u64]) {
    let mut below = 0;
    for class in classes {
        below += *class;
        *class = below;
    }
}

/// What there is to say of one asset; of no budget that is breached.
pub(crate) fn asset(
    asset: String,
    worker: u32,
    latency: Percentiles,
    cycle: Option<Cycle>,
    over_budget: u64,
) -> AssetLatency {
    let whole = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    let (cycle, budget) =
        cycle.map(|Cycle { length, budget }| (whole(length), whole(budget))).unzip();
    AssetLatency {
        asset,
        latency,
        share_of_cycle: cycle.map(|cycle| latency.p999 as f64 / cycle as f64),
        worker,
        cycle,
        budget,
        over_budget,
        budget_breached: false,
        shares: latency.shares(cycle),
    }
}

/// The heads of what [`cells`] makes, behind a name.
pub(crate) const PERCENTILES: [&str; 7] =
    [">frames", ">p50", ">p90", ">p99", ">p99.9", ">p99.99", ">max"];

/// One row of percentiles.
pub(crate) fn cells(name: &str, latency: &Percentiles) -> [String; 8] {
    let Percentiles { frames, p50, p90, p99, p999, p9999, max, .. } = *latency;
    let [p50, p90, p99, p999, p9999, max] = [p50, p90, p99, p999, p9999, max].map(nanos);
    [name.to_owned(), frames.to_string(), p50, p90, p99, p999, p9999, max]
}

/// One row for each asset.
pub(crate) fn assets(assets: &[AssetLatency]) -> Table {
    let heads = ["asset"].into_iter().chain(PERCENTILES).collect::<Vec<_>>();
    let mut table = Table::new("The gate's own time per frame, by asset", &heads);
    assets.iter().for_each(|asset| table.row(cells(&asset.asset, &asset.latency)));
    table
}

/// Of assets that have a cycle; in JSON the others are held against some that controllers have. `floor` is p99.99
/// of the machine itself on the core of a worker.
pub(crate) fn cycles(assets: &[AssetLatency], floor: impl Fn(u32) -> Option<u64>) -> Table {
    let heads = [
        "asset",
        ">cycle",
        ">p99 of it",
        ">p99.9",
        ">p99.99",
        ">max",
        ">floor's p99.99",
        ">budget",
        ">frames over it",
        "",
    ];
    let mut table = Table::new("Share of the cycle that one frame spends in the gate", &heads);
    for asset in assets {
        let Some((share, budget)) = asset.shares.first().zip(asset.budget) else { continue };
        let floor = floor(asset.worker).map(|floor| percent(floor as f64 / share.cycle as f64));
        let shares = [share.p99, share.p999, share.p9999, share.max].map(percent);
        let note = if asset.budget_breached { "BREACHED" } else { "" };
        let rest = [nanos(budget), asset.over_budget.to_string(), note.to_owned()];
        let head = [asset.asset.clone(), nanos(share.cycle)];
        table.row(head.into_iter().chain(shares).chain([floor.unwrap_or_default()]).chain(rest));
    }
    table
}

fn percent(share: f64) -> String {
    format!("{:.4} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, 1_000_000_000, 3).unwrap();
        values.into_iter().for_each(|value| histogram.saturating_record(value));
        histogram
    }

    #[test]
    fn one_walk_finds_what_many_would() {
        for count in [1, 2, 3, 9, 10, 999, 1000, 1001, 5000, 20_001] {
            let histogram = histogram((1..=count).map(|n| n * n));
            let found = percentiles(&histogram);
            let asked = |quantile| histogram.value_at_quantile(quantile);
            assert_eq!(found.p50, asked(0.5), "{count}");
            assert_eq!(found.p90, asked(0.9), "{count}");
            assert_eq!(found.p99, asked(0.99), "{count}");
            assert_eq!(found.p999, asked(0.999), "{count}");
            assert_eq!(found.p9999, asked(0.9999), "{count}");
            assert_eq!((found.frames, found.max), (count, histogram.max()));
        }
    }

    #[test]
    fn each_class_has_the_frames_that_took_at_most_its_bound() {
        let found = percentiles(&histogram([400, 900, 900, 3_000, 50_000_000, 500_000_000]));
        assert_eq!(found.classes[..4], [1, 3, 3, 4], "0.5, 1, 2, 5 us");
        assert_eq!(found.classes[13..], [4, 5], "10 and 100 ms; one took longer");
        let exact = 400.0 + 2.0 * 900.0 + 3_000.0 + 550_000_000.0;
        assert!((found.sum as f64 / exact - 1.0).abs() < 0.01, "{}", found.sum);
    }

    #[test]
    fn without_frames_all_is_zero() {
        assert_eq!(percentiles(&histogram([])), Percentiles::default());
    }

    #[test]
    fn an_asset_without_a_cycle_is_held_against_those_that_controllers_have() {
        let latency = percentiles(&histogram([20_000]));
        let free = asset("a".to_owned(), 0, latency, None, 0);
        let cycles: Vec<u64> = free.shares.iter().map(|share| share.cycle / 1_000_000).collect();
        assert_eq!((cycles, free.share_of_cycle), (vec![1, 2, 4, 10, 100], None));
        assert!((free.shares[0].max - 0.02).abs() < 1e-4, "{:?}", free.shares[0]);
        let [length, budget] = [10_000, 100].map(Duration::from_micros);
        let held = asset("b".to_owned(), 0, latency, Some(Cycle { length, budget }), 0);
        assert_eq!((held.shares.len(), held.shares[0].cycle), (1, 10_000_000));
        assert_eq!(held.budget, Some(100_000));
    }
}
