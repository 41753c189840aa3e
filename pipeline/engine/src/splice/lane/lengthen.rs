//! A long copy, while a request is held that is longer than the lane's own.

use super::{Lane, MARGIN};
use crate::splice::canon::CAPACITY;
use crate::splice::long::LONGEST_PDU;

impl Lane {
    /// Whether it has a long copy.
    #[inline]
    pub const fn is_long(&self) -> bool {
        self.canon.is_long()
    }

    /// Length of the longest PDU that it can hold, in bytes; `longest` of them every lane can.
    #[inline]
    pub fn room(&self, longest: usize) -> usize {
        if self.is_long() { LONGEST_PDU } else { longest }
    }

    /// How many bytes its sender may have under way.
    #[inline]
    pub(super) fn reach(&self) -> u64 {
        self.canon.capacity() as u64 - MARGIN
    }

    /// Goes on in a long copy. The request will not fit into what its sender was told that it may send: it
    /// waits, and is told at once what has come.
    pub fn lengthen(&mut self, copy: Box<[u8]>) {
        self.canon.lengthen(copy);
        self.vouches |= self.acked == self.end;
    }

    /// Gives the long copy out once nothing needs it any more: nothing is held, and what has left and was not
    /// acknowledged fits the lane's own.
    pub fn shorten(&mut self) -> Option<Box<[u8]>> {
        let fits = self.end - self.acked <= (CAPACITY / 2) as u64;
        let idle = self.is_long() && fits && !self.holds() && self.ahead.is_empty();
        if idle { self.canon.shorten() } else { None }
    }

    /// Gives the long copy out: the connection is over.
    pub(crate) fn end_long(&mut self) -> Option<Box<[u8]>> {
        self.canon.shorten()
    }
}
