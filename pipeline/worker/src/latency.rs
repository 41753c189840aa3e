//! How long the gate held each frame.

use std::time::Duration;

use hdrhistogram::Histogram;
use wicketgate_engine::tables::{AssetId, Tables};

/// Longest time that is told apart: one second. Longer ones count as this.
const LONGEST: u64 = 1_000_000_000;

/// The gate's own time per frame, over all and for each asset that has a cycle.
#[derive(Clone, Debug)]
pub struct Latency {
    all: Histogram<u64>,
    assets: Vec<Option<AssetLatency>>,
}

/// The gate's own time on the frames of one asset, against its cycle.
#[derive(Clone, Debug)]
pub struct AssetLatency {
    /// The cycle that it is held against.
    pub cycle: Duration,
    /// Nanoseconds per frame.
    pub nanos: Histogram<u64>,
}

impl Latency {
    /// Empty histograms for the assets of `tables`. The only allocation.
    pub fn new(tables: &Tables) -> Latency {
        let of_asset = |cycle: Duration| AssetLatency { cycle, nanos: histogram(2) };
        Latency {
            all: histogram(3),
            assets: tables.assets().iter().map(|asset| asset.cycle.map(of_asset)).collect(),
        }
    }

    /// Notes one frame.
    #[inline]
    pub fn record(&mut self, nanos: u64, asset: Option<AssetId>) {
        self.all.saturating_record(nanos);
        let place = asset.and_then(|asset| self.assets.get_mut(asset.0 as usize));
        if let Some(Some(asset)) = place {
            asset.nanos.saturating_record(nanos);
        }
    }

    /// All frames.
    pub fn all(&self) -> &Histogram<u64> {
        &self.all
    }

    /// The frames of one asset, if it has a cycle.
    pub fn of(&self, asset: AssetId) -> Option<&AssetLatency> {
        self.assets.get(asset.0 as usize)?.as_ref()
    }
}

impl AssetLatency {
    /// What share of the cycle the frame at this quantile (0 to 1) takes: 0.01 is one per cent.
    pub fn share(&self, quantile: f64) -> f64 {
        self.nanos.value_at_quantile(quantile) as f64 / self.cycle.as_nanos() as f64
    }
}

/// A histogram from 1 ns to one second.
fn histogram(digits: u8) -> Histogram<u64> {
    #[expect(
        clippy::expect_used,
        reason = "at start, with constants: 1 <= LONGEST / 2, digits <= 5"
    )]
    Histogram::new_with_bounds(1, LONGEST, digits).expect("constant bounds")
}
