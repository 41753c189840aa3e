//! Where the UMEM's chunks are, counted every second while the gate runs.

use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::ArrayQueue;
use wicketgate_worker::{Stopwatch, Worker};
use wicketgate_xdp::Accounts;

use super::data::WorkerPort;

/// Looks in a row after which a difference among several workers is no longer one in time.
const SETTLED: u32 = 10;

/// One worker's count, between two turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Census {
    /// The ledger.
    pub(super) accounts: Accounts,
    pub(super) strays: u64,
    /// Free chunks of the UMEM that were no worker's then.
    pub(super) in_common: u32,
    /// Chunks that the sockets believe are with the kernel: to receive into, to be sent.
    pub(super) rings: (u32, u32),
    /// Chunks of frames that wait for a MAC address.
    pub(super) waiting: usize,
}

impl Census {
    pub(super) fn of<S: Stopwatch>(worker: &Worker<WorkerPort<'_>, S>) -> Census {
        let port = worker.port().inner();
        Census {
            waiting: worker.waiting(),
            accounts: port.accounts(),
            strays: port.strays(),
            in_common: port.in_common(),
            rings: port.in_rings(),
        }
    }

    /// Sockets and ledger agree, and nothing came back that was not given.
    fn agrees(&self) -> bool {
        let Accounts { filling, sending, .. } = self.accounts;
        (filling, sending) == (self.rings.0.into(), self.rings.1.into()) && self.strays == 0
    }
}

/// Whether all workers' counts add up to the frames there are.
///
/// Workers count at moments of their own, and frames go from one to another meanwhile. What is missing
/// because of that changes from look to look; what is lost stays lost.
#[derive(Debug)]
pub(super) struct Books {
    frames: u32,
    /// Frames missing and frames in somebody's hands at the last look, and for how many looks so.
    off: (i64, i64),
    looks: u32,
}

impl Books {
    /// Books of a UMEM of so many frames.
    pub(super) fn new(frames: u32) -> Books {
        Books { frames, off: (0, 0), looks: 0 }
    }

    /// What does not add up: free + filling + sending + held must be all there are, sockets and ledger
    /// must agree, and nothing stays in anybody's hands
    /// but what waits.
    pub(super) fn fault(&mut self, counts: &[Census]) -> Option<String> {
        let sum: Accounts = counts.iter().map(|census| census.accounts).sum();
        let in_common = counts.last().map_or(0, |census| census.in_common);
        let waiting: usize = counts.iter().map(|census| census.waiting).sum();
        let missing = i64::from(self.frames) - sum.total() - i64::from(in_common);
        let off = (missing, sum.held - waiting as i64);
        self.looks = if off == self.off { self.looks.saturating_add(1) } else { 1 };
        self.off = off;
        let settled = counts.len() == 1 || self.looks >= SETTLED;
        let lost = off != (0, 0) && settled;
        let whole = !lost && counts.iter().all(Census::agrees);
        (!whole).then(|| self.words(counts, sum, in_common))
    }

    fn words(&self, counts: &[Census], sum: Accounts, in_common: u32) -> String {
        let Accounts { free, held, filling, sending } = sum;
        let strays: u64 = counts.iter().map(|census| census.strays).sum();
        let receive: u32 = counts.iter().map(|census| census.rings.0).sum();
        let send: u32 = counts.iter().map(|census| census.rings.1).sum();
        format!(
            "frames do not add up: {} in all: {} free, {filling} to receive into (sockets say \
             {receive}), {sending} to be sent (sockets say {send}), {held} held, {strays} strays",
            self.frames,
            free + i64::from(in_common)
        )
    }
}

/// Where control asks for a count and a worker leaves it.
#[derive(Debug)]
pub(super) struct Desk {
    asked: AtomicBool,
    answer: ArrayQueue<Census>,
}

impl Desk {
    pub(super) fn new() -> Desk {
        Desk { asked: AtomicBool::new(false), answer: ArrayQueue::new(1) }
    }

    /// Takes the latest count and asks for the next.
    pub(super) fn next(&self) -> Option<Census> {
        let latest = self.answer.pop();
        self.asked.store(true, Ordering::Relaxed);
        latest
    }

    /// Counts, if somebody has asked.
    pub(super) fn answer(&self, count: impl FnOnce() -> Census) {
        if self.asked.load(Ordering::Relaxed) {
            self.asked.store(false, Ordering::Relaxed);
            self.answer.force_push(count());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: u32 = 100;

    fn whole() -> Census {
        let accounts = Accounts { free: 60, held: 0, filling: 30, sending: 10 };
        Census { accounts, strays: 0, in_common: 0, rings: (30, 10), waiting: 0 }
    }

    #[test]
    fn whole_books_are_no_fault() {
        assert_eq!(Books::new(FRAMES).fault(&[whole()]), None);
    }

    #[test]
    fn a_frame_that_waits_is_no_fault() {
        let accounts = Accounts { free: 59, held: 1, ..whole().accounts };
        let waits = Census { accounts, waiting: 1, ..whole() };
        assert_eq!(Books::new(FRAMES).fault(&[waits]), None);
    }

    #[test]
    fn whatever_does_not_add_up_is_a_fault_at_once() {
        let accounts = whole().accounts;
        let lost = Accounts { free: 59, ..accounts };
        let kept = Accounts { free: 59, held: 1, ..accounts };
        for wrong in [
            Census { accounts: lost, ..whole() },
            Census { accounts: kept, ..whole() },
            Census { rings: (29, 10), ..whole() },
            Census { rings: (30, 11), ..whole() },
            Census { strays: 1, ..whole() },
            Census { in_common: 1, ..whole() },
        ] {
            let said = Books::new(FRAMES).fault(&[wrong]).unwrap();
            assert!(said.contains("do not add up"), "{said}");
        }
    }

    /// Two workers: the first has given `given` frames to the second, which has sent them.
    fn two(given: i64, in_common: u32) -> [Census; 2] {
        let second = Accounts { free: given, held: -given, filling: 0, sending: 0 };
        let first = Accounts { held: given, free: 60 - given, ..whole().accounts };
        let second = Census { accounts: second, rings: (0, 0), in_common, ..whole() };
        [Census { accounts: first, ..whole() }, second]
    }

    #[test]
    fn what_one_worker_gave_the_other_has() {
        let mut books = Books::new(FRAMES + 64);
        (0..2 * SETTLED).for_each(|_| assert_eq!(books.fault(&two(7, 64)), None));
    }

    #[test]
    fn among_several_workers_only_what_stays_missing_is_lost() {
        let mut books = Books::new(FRAMES);
        let short = |by: i64| {
            let [first, mut second] = two(7, 0);
            second.accounts.free -= by;
            [first, second]
        };
        for by in (1..=3).cycle().take(100) {
            assert_eq!(books.fault(&short(by)), None, "frames are under way");
        }
        let faults = (0..SETTLED).filter(|_| books.fault(&short(5)).is_some()).count();
        assert_eq!(faults, 1, "at the last look");
        assert_eq!(books.fault(&two(7, 0)), None, "it is back");
    }

    #[test]
    fn a_socket_that_disagrees_is_a_fault_at_once_also_among_several() {
        let [first, second] = two(0, 0);
        let wrong = [first, Census { rings: (1, 0), ..second }];
        assert!(Books::new(FRAMES).fault(&wrong).is_some());
    }

    #[test]
    fn a_count_is_made_once_it_is_asked_for() {
        let desk = Desk::new();
        desk.answer(|| panic!("nobody asked"));
        assert_eq!(desk.next(), None);
        desk.answer(whole);
        desk.answer(|| panic!("asked once"));
        assert_eq!(desk.next(), Some(whole()));
    }
}
