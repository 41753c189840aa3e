//! Long copies: where a request is held that is longer than a connection's own copy.
//!
//! There are few of them, for all connections of a worker. A connection takes one when a request's header says
//! that it will not fit, and gives it back when the request was judged and has arrived, or stays behind.
//! Nothing is allocated then: a copy is moved.

use crate::flow::kept_back;
use crate::splice::canon::LONG_CAPACITY;

/// Length of the longest PDU that is held, in bytes: as long as a chunk of OPC UA that stacks offer (65,535).
pub const LONGEST_PDU: usize = 1 << 16;

/// The long copies of one worker.
pub struct LongCopies {
    free: Vec<Box<[u8]>>,
    count: usize,
    /// Where a PDU is joined that came in several chunks, while it is judged.
    joined: Box<[u8]>,
}

impl LongCopies {
    /// So many, of [`LONG_CAPACITY`] bytes each. The only allocation.
    pub fn new(count: usize) -> LongCopies {
        let copy = |_| vec![0; LONG_CAPACITY].into_boxed_slice();
        let joined = vec![0; LONGEST_PDU].into_boxed_slice();
        LongCopies { free: (0..count).map(copy).collect(), count, joined }
    }

    /// Bytes that so many take.
    pub(crate) const fn bytes(count: usize) -> usize {
        count * LONG_CAPACITY + LONGEST_PDU
    }

    /// One of them; `None` where all are in use, or kept back for essential flows.
    pub fn take(&mut self, essential: bool) -> Option<Box<[u8]>> {
        if self.free.len() <= kept_back(self.count, essential) {
            return None;
        }
        self.free.pop()
    }

    /// Takes one back.
    pub fn give_back(&mut self, copy: Box<[u8]>) {
        self.free.push(copy);
    }

    /// How many are free.
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// Where a PDU may be joined.
    pub fn joined(&mut self) -> &mut Box<[u8]> {
        &mut self.joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_only_so_many_and_the_last_are_for_machines() {
        let mut copies = LongCopies::new(32);
        let people: Vec<_> = core::iter::from_fn(|| copies.take(false)).collect();
        let machines: Vec<_> = core::iter::from_fn(|| copies.take(true)).collect();
        assert_eq!((people.len(), machines.len(), copies.free()), (30, 2, 0));
        people.into_iter().chain(machines).for_each(|copy| copies.give_back(copy));
        assert_eq!(copies.free(), 32);
        assert!(copies.take(false).is_some_and(|copy| copy.len() == LONG_CAPACITY));
    }
}
