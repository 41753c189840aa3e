//! Where the UMEM's chunks are, counted every second while the gate runs.

use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::ArrayQueue;
use wicketgate_xdp::{Accounts, XdpPort};

/// One count, by a worker between two turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Census {
    pub(super) accounts: Accounts,
    pub(super) strays: u64,
    /// Chunks of the UMEM.
    pub(super) frames: u32,
    /// Chunks that the sockets believe are with the kernel: to receive into, to be sent.
    pub(super) rings: (u32, u32),
}

impl Census {
    pub(super) fn of(port: &XdpPort<'_>) -> Census {
        Census {
            accounts: port.accounts(),
            strays: port.strays(),
            frames: port.frames(),
            rings: port.in_rings(),
        }
    }

    /// What does not add up: free + filling + sending + held must be all there are, sockets and ledger
    /// must agree, and nothing stays in anybody's hands.
    pub(super) fn fault(&self) -> Option<String> {
        let Census { accounts, strays, frames, rings } = self;
        let Accounts { free, held, filling, sending } = *accounts;
        let whole = accounts.total() == *frames && (filling, sending) == *rings;
        if whole && held == 0 && *strays == 0 {
            return None;
        }
        let (receive, send) = rings;
        Some(format!(
            "frames do not add up: {frames} in all: {free} free, {filling} to receive into \
             (sockets say {receive}), {sending} to be sent (sockets say {send}), {held} held, {strays} \
             strays"
        ))
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

    fn whole() -> Census {
        let accounts = Accounts { free: 60, held: 0, filling: 30, sending: 10 };
        Census { accounts, strays: 0, frames: 100, rings: (30, 10) }
    }

    #[test]
    fn whole_books_are_no_fault() {
        assert_eq!(whole().fault(), None);
    }

    #[test]
    fn whatever_does_not_add_up_is_a_fault() {
        let accounts = whole().accounts;
        let lost = Accounts { free: 59, ..accounts };
        let kept = Accounts { free: 59, held: 1, ..accounts };
        for wrong in [
            Census { accounts: lost, ..whole() },
            Census { accounts: kept, ..whole() },
            Census { rings: (29, 10), ..whole() },
            Census { rings: (30, 11), ..whole() },
            Census { strays: 1, ..whole() },
            Census { frames: 101, ..whole() },
        ] {
            let said = wrong.fault().unwrap();
            assert!(said.contains("do not add up"), "{said}");
        }
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
