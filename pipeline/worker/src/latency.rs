//! How long the gate held each frame.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use hdrhistogram::Histogram;
use wicketgate_engine::WorkerId;
use wicketgate_engine::tables::{Asset, AssetId, Cycle, Tables};

/// Longest time that is told apart: one second. Longer ones count as this.
const LONGEST: u64 = 1_000_000_000;

/// Most assets of a worker that have a histogram of their own, of some 24 KiB.
const MOST_ASSETS: usize = 1024;

/// Most assets of a policy that are looked up; those beyond count among all.
const MOST_IDS: usize = 1 << 16;

/// What of a frame's time in the gate is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Deciding on it alone: for captures, where frames that are read together did not come together.
    Decision,
    /// From being taken from the rx ring until the tx rings were handed over, also by way of another
    /// worker.
    Transit,
}

/// The gate's own time per frame, over all and for each asset of a worker.
///
/// Assets are known by their overlay address: what was counted stays with an asset when a policy is
/// loaded anew. One that comes later counts among all only, because nothing is allocated then.
#[derive(Clone, Debug)]
pub struct Latency {
    all: Histogram<u64>,
    assets: Vec<AssetLatency>,
    places: HashMap<Ipv4Addr, u16>,
    /// By asset id of the tables in force, the place in `assets`.
    by_id: Vec<Option<u16>>,
}

/// The gate's own time on the frames of one asset.
#[derive(Clone, Debug)]
pub struct AssetLatency {
    /// The asset's overlay address.
    pub overlay: Ipv4Addr,
    /// The cycle that it is held against, if the asset has one by the tables in force.
    pub cycle: Option<Cycle>,
    /// Nanoseconds per frame.
    pub nanos: Histogram<u64>,
}

impl Latency {
    /// Empty histograms for the assets of `tables` that `owner` owns. The only allocation.
    pub fn new(tables: &Tables, owner: WorkerId) -> Latency {
        let mine = tables.assets().iter().filter(|asset| asset.owner == owner).take(MOST_ASSETS);
        let assets: Vec<AssetLatency> = mine.map(AssetLatency::new).collect();
        let places = assets.iter().zip(0..).map(|(asset, at)| (asset.overlay, at)).collect();
        let by_id = Vec::with_capacity(MOST_IDS);
        let mut latency = Latency { all: histogram(3), assets, places, by_id };
        latency.follow(tables);
        latency
    }

    /// Counts by the asset ids of these tables from now on, and holds against their cycles.
    pub fn follow(&mut self, tables: &Tables) {
        self.assets.iter_mut().for_each(|asset| asset.cycle = None);
        for asset in tables.assets() {
            let place = self.places.get(&asset.overlay).map(|place| usize::from(*place));
            if let Some(measured) = place.and_then(|place| self.assets.get_mut(place)) {
                measured.cycle = asset.cycle;
            }
        }
        let place = |asset: &Asset| self.places.get(&asset.overlay).copied();
        self.by_id.clear();
        self.by_id.extend(tables.assets().iter().take(MOST_IDS).map(place));
    }

    /// Notes one frame.
    #[inline]
    pub fn record(&mut self, nanos: u64, asset: Option<AssetId>) {
        self.all.saturating_record(nanos);
        if let Some(place) = asset.and_then(|asset| self.place(asset))
            && let Some(asset) = self.assets.get_mut(place)
        {
            asset.nanos.saturating_record(nanos);
        }
    }

    fn place(&self, asset: AssetId) -> Option<usize> {
        self.by_id.get(asset.0 as usize).copied().flatten().map(usize::from)
    }

    /// All frames.
    pub fn all(&self) -> &Histogram<u64> {
        &self.all
    }

    /// The frames of each asset.
    pub fn assets(&self) -> &[AssetLatency] {
        &self.assets
    }

    /// The frames of one asset.
    pub fn of(&self, asset: AssetId) -> Option<&AssetLatency> {
        self.assets.get(self.place(asset)?)
    }

    /// Adds what another worker has measured. An asset has one owner, so the assets of two workers are
    /// two sets.
    pub fn merge(&mut self, other: &Latency) {
        // Cannot fail: all have the same bounds.
        let _ = self.all.add(&other.all);
        self.assets.extend(other.assets.iter().cloned());
    }
}

impl AssetLatency {
    fn new(asset: &Asset) -> AssetLatency {
        AssetLatency { overlay: asset.overlay, cycle: asset.cycle, nanos: histogram(2) }
    }

    /// What share of the cycle the frame at this quantile (0 to 1) takes: 0.01 is one per cent. `None`
    /// where the asset has no cycle.
    pub fn share(&self, quantile: f64) -> Option<f64> {
        let cycle = self.cycle?.length.as_nanos() as f64;
        Some(self.nanos.value_at_quantile(quantile) as f64 / cycle)
    }

    /// Frames since the start that took longer than the budget of the cycle, to one per cent of it; 0 where
    /// the asset has no cycle.
    pub fn over_budget(&self) -> u64 {
        let Some(cycle) = self.cycle else { return 0 };
        // What took longer than the histogram tells apart counts as its longest.
        let budget = (cycle.budget.as_nanos() as u64).min(LONGEST - 1);
        self.nanos.count_between(budget + 1, LONGEST)
    }
}

/// A histogram from 1 ns to one second.
pub(crate) fn histogram(digits: u8) -> Histogram<u64> {
    #[expect(
        clippy::expect_used,
        reason = "at start, with constants: 1 <= LONGEST / 2, digits <= 5"
    )]
    Histogram::new_with_bounds(1, LONGEST, digits).expect("constant bounds")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wicketgate_engine::TablesBuilder;
    use wicketgate_engine::tables::{Port, Side};
    use wicketgate_packet::PortId;

    use super::*;

    /// Assets with these last bytes of their overlay addresses; even ones are worker 0's.
    fn tables(last: &[u8]) -> Tables {
        tables_with_budget(last, Duration::from_nanos(100))
    }

    fn tables_with_budget(last: &[u8], budget: Duration) -> Tables {
        let mut tables = TablesBuilder::default();
        let address = Ipv4Addr::new(10, 0, 0, 1);
        let (name, side) = ("line".into(), Side::Underlay);
        tables.add_port(Port { name, side, mac: [2; 6], address, mtu: 1500 });
        for n in last {
            tables.add_asset(Asset {
                name: format!("a{n}").into(),
                zone: "line".into(),
                port: PortId(0),
                vlan: None,
                overlay: Ipv4Addr::new(100, 64, 0, *n),
                underlay: Ipv4Addr::new(10, 0, 0, *n),
                mac: None,
                pinned: false,
                cycle: Some(Cycle { length: Duration::from_nanos(1000), budget }),
                owner: WorkerId(u16::from(n % 2)),
            });
        }
        tables.build(1).unwrap()
    }

    #[test]
    fn what_was_counted_stays_with_its_asset() {
        let mut latency = Latency::new(&tables(&[10, 11, 12]), WorkerId(0));
        assert_eq!(latency.assets().len(), 2, "its own");
        latency.record(10, Some(AssetId(2)));
        latency.follow(&tables(&[14, 12]));
        latency.record(10, Some(AssetId(1)));
        latency.record(10, Some(AssetId(0)));
        latency.record(10, None);
        let counts: Vec<u64> = latency.assets().iter().map(|asset| asset.nanos.len()).collect();
        assert_eq!((counts, latency.all().len()), (vec![0, 2], 4));
        assert_eq!(latency.of(AssetId(1)).unwrap().share(1.0), Some(0.01));
        assert!(latency.of(AssetId(0)).is_none(), "it came later");
    }

    #[test]
    fn frames_over_the_budget_are_counted_by_the_budget_in_force() {
        let mut latency = Latency::new(&tables(&[10]), WorkerId(0));
        for nanos in [1, 99, 150, 5_000, u64::MAX] {
            latency.record(nanos, Some(AssetId(0)));
        }
        assert_eq!(latency.assets()[0].over_budget(), 3);
        latency.follow(&tables_with_budget(&[10], Duration::from_nanos(200)));
        assert_eq!(latency.assets()[0].over_budget(), 2);
        latency.follow(&tables_with_budget(&[10], Duration::from_secs(100)));
        assert_eq!(latency.assets()[0].over_budget(), 1, "longer than is told apart");
        latency.follow(&tables(&[12]));
        assert_eq!(latency.assets()[0].over_budget(), 0, "the asset is gone");
    }

    #[test]
    fn workers_are_merged() {
        let tables = tables(&[10, 11]);
        let [mut even, mut odd] = [0, 1].map(|owner| Latency::new(&tables, WorkerId(owner)));
        even.record(10, Some(AssetId(0)));
        odd.record(1000, Some(AssetId(1)));
        even.merge(&odd);
        assert_eq!((even.all().len(), even.all().max(), even.assets().len()), (2, 1000, 2));
    }
}
