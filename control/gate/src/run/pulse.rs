//! Whether threads turn: workers, and that of tunnels.
//!
//! One that has nothing to do sleeps for a part of a second at most, so that its turns go on. Looks are counted,
//! not time: where the whole machine stands still, no look is made.

/// What is known of threads.
#[derive(Debug)]
pub(super) struct Pulse {
    /// For each, its turns when it was last seen to turn, and looks since then.
    seen: Vec<(u64, u32)>,
    /// Looks in a row that find no turn before a thread is said to stand still.
    silent: u32,
}

impl Pulse {
    /// Of so many threads.
    pub(super) fn of(threads: usize, silent: u32) -> Pulse {
        Pulse { seen: vec![(0, 0); threads], silent }
    }

    /// Looks at how many turns each has done; the first that stands still.
    pub(super) fn look(&mut self, turns: impl Iterator<Item = u64>) -> Option<usize> {
        for ((seen, silent), turns) in self.seen.iter_mut().zip(turns) {
            *silent = if *seen == turns { silent.saturating_add(1) } else { 0 };
            *seen = turns;
        }
        self.seen.iter().position(|(_, silent)| *silent >= self.silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENT: u32 = 3;

    #[test]
    fn any_worker_that_stands_still_is_named() {
        for still in 0..3 {
            let mut pulse = Pulse::of(3, SILENT);
            let mut look = |round: u64| {
                pulse.look((0..3).map(|worker| if worker == still { 7 } else { round }))
            };
            assert_eq!(look(1), None, "it has turned seven times");
            let quiet = u64::from(SILENT);
            assert!((2..=quiet).all(|round| look(round).is_none()), "that may be chance");
            assert_eq!(look(quiet + 1), Some(still));
        }
    }

    #[test]
    fn one_turn_is_enough_to_live() {
        let mut pulse = Pulse::of(1, SILENT);
        let mut look = |turns| pulse.look([turns].into_iter());
        for turns in 1..5 {
            assert!((0..SILENT).all(|_| look(turns).is_none()), "each turn counts once");
        }
        assert_eq!(look(4), Some(0));
    }

    #[test]
    fn who_never_turned_stands_still() {
        let mut pulse = Pulse::of(2, SILENT);
        let found: Vec<_> =
            (1..=u64::from(SILENT)).map(|at| pulse.look([at, 0].into_iter())).collect();
        assert_eq!(found.last(), Some(&Some(1)));
    }
}
