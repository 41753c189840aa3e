//! Who is let in no more, until other tables are in force.
//!
//! What was taken back is taken back by one store, but the tables that gave it stay in force until others
//! are compiled. Until then they open no flow for whoever stands here.

use core::net::Ipv4Addr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU32, AtomicU64};

/// Sources that can be barred at once; where more are, nobody comes in until tables are made anew.
const PLACES: usize = 64;

/// How many generations a place is kept for: workers take tables over within a turn.
const KEPT: u32 = 2;

/// One source, and the last epoch whose tables let it in no more, in one word.
///
/// Epochs begin with 1: nobody stands in a place that is 0.
#[derive(Debug)]
pub(crate) struct Bars {
    places: [AtomicU64; PLACES],
    /// Tables of this epoch and before let nobody in.
    all: AtomicU32,
}

impl Bars {
    pub(crate) fn new() -> Bars {
        Bars { places: [const { AtomicU64::new(0) }; PLACES], all: AtomicU32::new(0) }
    }

    /// Tables of `epoch` and before let this source in no more. Only control calls this.
    pub(crate) fn set(&self, source: Ipv4Addr, epoch: u32) {
        let its = |word: u64| word >> 32 == u64::from(source.to_bits());
        let over = |word: u64| word == 0 || epoch_of(word).saturating_add(KEPT) <= epoch;
        let word = u64::from(source.to_bits()) << 32 | u64::from(epoch);
        let place =
            |fits: &dyn Fn(u64) -> bool| self.places.iter().find(|place| fits(place.load(Relaxed)));
        match place(&its).or_else(|| place(&over)) {
            Some(place) => place.store(word, Release),
            None => self.all.store(epoch, Release),
        }
    }

    /// Whether tables of `epoch` let this source in no more.
    pub(crate) fn hold(&self, source: Ipv4Addr, epoch: u32) -> bool {
        let holds = |place: &AtomicU64| {
            let word = place.load(Acquire);
            word >> 32 == u64::from(source.to_bits()) && epoch_of(word) >= epoch
        };
        self.all.load(Acquire) >= epoch || self.places.iter().any(holds)
    }
}

const fn epoch_of(word: u64) -> u32 {
    word as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn source(n: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(0x0a00_0000 + n)
    }

    #[test]
    fn hold_until_tables_are_others() {
        let bars = Bars::new();
        bars.set(source(1), 7);
        assert!(bars.hold(source(1), 7) && bars.hold(source(1), 6));
        assert!(!bars.hold(source(1), 8) && !bars.hold(source(2), 7));
    }

    #[test]
    fn more_than_there_is_room_for_bar_everybody() {
        let bars = Bars::new();
        (0..64).for_each(|n| bars.set(source(n), 7));
        bars.set(source(0), 7);
        assert!((0..64).all(|n| bars.hold(source(n), 7)) && !bars.hold(source(64), 7));
        bars.set(source(64), 8);
        assert!(bars.hold(source(99), 8) && bars.hold(source(0), 7), "nobody is forgotten");
        bars.set(source(65), 9);
        assert!(bars.hold(source(65), 9) && !bars.hold(source(99), 9), "room again");
    }
}
