//! What workers and control tell each other of neighbours.

use crossbeam_queue::ArrayQueue;
use wicketgate_engine::{NextHop, Sighting};

/// Entries of each queue. What finds no room is lost and comes again: control asks for what is missing
/// every second.
const ENTRIES: usize = 256;

/// Three bounded queues, for any number of workers.
pub(super) struct Exchange {
    /// To control: frames wait for this asset.
    wanted: ArrayQueue<NextHop>,
    /// To control: somebody has shown.
    seen: ArrayQueue<Sighting>,
    /// To a worker: ask for this asset, in its VLAN.
    asked: ArrayQueue<NextHop>,
}

impl Exchange {
    pub(super) fn new() -> Exchange {
        Exchange {
            wanted: ArrayQueue::new(ENTRIES),
            seen: ArrayQueue::new(ENTRIES),
            asked: ArrayQueue::new(ENTRIES),
        }
    }

    /// A worker wants this asset found.
    pub(super) fn want(&self, hop: NextHop) {
        let _ = self.wanted.push(hop);
    }

    /// What a worker wants found.
    pub(super) fn wanted(&self) -> Option<NextHop> {
        self.wanted.pop()
    }

    /// A worker has seen somebody.
    pub(super) fn see(&self, sighting: Sighting) {
        let _ = self.seen.push(sighting);
    }

    /// What a worker has seen.
    pub(super) fn seen(&self) -> Option<Sighting> {
        self.seen.pop()
    }

    /// Has some worker ask.
    pub(super) fn ask(&self, hop: NextHop) {
        let _ = self.asked.push(hop);
    }

    /// What a worker is to ask for.
    pub(super) fn asked(&self) -> Option<NextHop> {
        self.asked.pop()
    }
}
