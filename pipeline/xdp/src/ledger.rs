//! Who holds which chunk, and the chunks that nobody holds.
//!
//! Several workers share one UMEM. Each place in the ledger says by whom it may be changed, so that plain
//! loads and stores do:
//!
//! | place | changed by |
//! |---|---|
//! | free | whoever has its number in a list: one pool, or none while it is in the depot |
//! | held | whoever has its frame, a linear token |
//! | filling, sending | the worker whose sockets it was given to |
//!
//! What goes from worker to worker goes by a queue, which orders memory.

use std::iter::Sum;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;

use crossbeam_queue::ArrayQueue;

/// Chunks that a pool takes from the depot, or gives to it, at a time.
pub(crate) const BATCH: usize = 64;

/// Workers that a ledger can tell apart.
pub const MOST_WORKERS: usize = 64;

/// Where a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nobody's.
    Free,
    /// A [`Frame`](crate::Frame) of it exists.
    Held,
    /// With the kernel, to receive into: by sockets of this worker.
    Filling(u8),
    /// With the kernel, to be sent.
    Sending(u8),
}

impl Place {
    /// Two bits for what, six for whom.
    const fn code(self) -> u8 {
        match self {
            Place::Free => 0,
            Place::Held => 1,
            Place::Filling(worker) => 2 | worker << 2,
            Place::Sending(worker) => 3 | worker << 2,
        }
    }
}

/// The place of each chunk.
#[derive(Debug)]
pub(crate) struct Ledger(Box<[AtomicU8]>);

impl Ledger {
    /// All free.
    pub(crate) fn new(chunks: u32) -> Ledger {
        Ledger((0..chunks).map(|_| AtomicU8::new(Place::Free.code())).collect())
    }

    /// Whether there is such a chunk.
    pub(crate) fn has(&self, index: usize) -> bool {
        index < self.0.len()
    }

    /// Notes that a chunk goes from one place to another. False, with nothing changed, where it is not
    /// at `from`.
    #[inline]
    pub(crate) fn transfer(&self, index: u32, from: Place, to: Place) -> bool {
        match self.0.get(index as usize) {
            Some(place) if place.load(Relaxed) == from.code() => {
                place.store(to.code(), Relaxed);
                true
            }
            _ => false,
        }
    }
}

/// How many frames are where, as one worker has counted them. Where a UMEM has one worker, the sum is
/// that of the UMEM; where it has several, the sum of all accounts and of [what is in common](crate::Umem::in_common).
///
/// A worker that gave frames away has a negative count of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Nobody's.
    pub free: i64,
    /// In somebody's hands; between two turns of all workers there must be none.
    pub held: i64,
    /// With the kernel, to receive into.
    pub filling: i64,
    /// With the kernel, to be sent.
    pub sending: i64,
}

impl Accounts {
    /// All of them.
    pub fn total(&self) -> i64 {
        self.free + self.held + self.filling + self.sending
    }

    pub(crate) fn of(&mut self, place: Place) -> &mut i64 {
        match place {
            Place::Free => &mut self.free,
            Place::Held => &mut self.held,
            Place::Filling(_) => &mut self.filling,
            Place::Sending(_) => &mut self.sending,
        }
    }
}

impl Sum for Accounts {
    fn sum<I: Iterator<Item = Accounts>>(all: I) -> Accounts {
        all.fold(Accounts::default(), |sum, one| Accounts {
            free: sum.free + one.free,
            held: sum.held + one.held,
            filling: sum.filling + one.filling,
            sending: sum.sending + one.sending,
        })
    }
}

/// Free chunks between workers: one that receives more than it sends takes from here, one that sends
/// more gives. In batches, so that they meet here once in [`BATCH`] frames.
#[derive(Debug)]
pub(crate) struct Depot(ArrayQueue<[u32; BATCH]>);

impl Depot {
    /// Room for all of `chunks`.
    pub(crate) fn new(chunks: u32) -> Depot {
        Depot(ArrayQueue::new((chunks as usize / BATCH).max(1)))
    }

    /// The last batch of `free`. Where there is no whole one, or no room (there is room for all), it
    /// stays.
    pub(crate) fn give(&self, free: &mut Vec<u32>) -> bool {
        let Some((rest, batch)) = free.split_last_chunk::<BATCH>() else { return false };
        let given = self.0.push(*batch).is_ok();
        let rest = rest.len();
        if given {
            free.truncate(rest);
        }
        given
    }

    /// A batch, added to `free`; false where there is none.
    pub(crate) fn take(&self, free: &mut Vec<u32>) -> bool {
        let batch = self.0.pop();
        free.extend(batch.into_iter().flatten());
        batch.is_some()
    }

    /// Chunks in it.
    pub(crate) fn chunks(&self) -> usize {
        self.0.len() * BATCH
    }
}
