//! Frames in memory: a test feeds what arrives and drains what left.

use std::collections::VecDeque;

use wicketgate_packet::{FrameBuf, PortId, Time};

use crate::pool::{HeapFrame, Pool};
use crate::port::{Port, PortError, Received};

/// A frame on its way out.
#[derive(Debug)]
struct Queued {
    frame: HeapFrame,
    egress: PortId,
    at: Time,
}

/// A port made of two bounded rings.
///
/// As with a network card, what is sent can be drained only after `flush`, and nothing moves once
/// a ring or the pool is exhausted.
#[derive(Debug)]
pub struct RingPort {
    pool: Pool,
    incoming: VecDeque<Received<HeapFrame>>,
    outgoing: VecDeque<Queued>,
    /// How many of `outgoing`, from the front, have been flushed.
    flushed: usize,
    capacity: usize,
    fed: u64,
    unsent: u64,
    closed: bool,
}

impl RingPort {
    /// Rings of `capacity` frames each over a pool of `frames`.
    pub fn new(capacity: usize, frames: usize) -> RingPort {
        RingPort::over(capacity, Pool::new(frames))
    }

    /// The same, over this pool.
    pub fn over(capacity: usize, pool: Pool) -> RingPort {
        RingPort {
            pool,
            incoming: VecDeque::with_capacity(capacity),
            outgoing: VecDeque::with_capacity(capacity),
            flushed: 0,
            capacity,
            fed: 0,
            unsent: 0,
            closed: false,
        }
    }

    /// Lets a copy of `bytes` arrive at `port`; false, with nothing done, when the ring is full or
    /// no frame is free.
    #[must_use]
    pub fn feed(&mut self, port: PortId, arrival: Time, bytes: &[u8]) -> bool {
        if self.incoming.len() == self.capacity {
            return false;
        }
        let Some(mut frame) = self.pool.take() else { return false };
        frame.fill(&[], bytes);
        self.fed += 1;
        let original_len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let number = self.fed;
        self.incoming.push_back(Received { frame, port, arrival, number, original_len });
        true
    }

    /// Says that nothing more will be fed: the port is finished when what was fed is received.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Shows every frame that has left, oldest first, and recycles it.
    pub fn drain_with(&mut self, mut see: impl FnMut(PortId, Time, &[u8])) {
        for Queued { frame, egress, at } in self.outgoing.drain(..self.flushed) {
            see(egress, at, frame.bytes());
            self.pool.recycle(frame);
        }
        self.flushed = 0;
    }

    /// The frames that have left, oldest first, as copies.
    pub fn drain(&mut self) -> Vec<(PortId, Time, Vec<u8>)> {
        let mut left = Vec::with_capacity(self.flushed);
        self.drain_with(|egress, at, bytes| left.push((egress, at, bytes.to_vec())));
        left
    }

    /// The frames nobody holds, for tests that look for a leak.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }
}

impl Port for RingPort {
    type Frame = HeapFrame;

    fn receive(
        &mut self,
        burst: &mut Vec<Received<HeapFrame>>,
        max: usize,
    ) -> Result<usize, PortError> {
        let count = max.min(self.incoming.len());
        burst.extend(self.incoming.drain(..count));
        Ok(count)
    }

    fn send(&mut self, leaving: Received<HeapFrame>, egress: PortId) {
        let Received { frame, arrival: at, .. } = leaving;
        if self.outgoing.len() < self.capacity {
            self.outgoing.push_back(Queued { frame, egress, at });
        } else {
            self.unsent += 1;
            self.pool.recycle(frame);
        }
    }

    fn recycle(&mut self, frame: HeapFrame) {
        self.pool.recycle(frame);
    }

    fn take(&mut self) -> Option<HeapFrame> {
        self.pool.take()
    }

    fn flush(&mut self) -> Result<(), PortError> {
        self.flushed = self.outgoing.len();
        Ok(())
    }

    fn is_finished(&self) -> bool {
        self.closed && self.incoming.is_empty()
    }

    fn unsent(&self) -> u64 {
        self.unsent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PortId = PortId(0);
    const B: PortId = PortId(1);

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    #[test]
    fn frames_cross_in_order_and_come_back() {
        let mut ring = RingPort::new(4, 4);
        assert!(ring.feed(A, at(1), b"one"));
        assert!(ring.feed(B, at(2), b"three"));
        let mut burst = Vec::new();
        assert_eq!(ring.receive(&mut burst, 8).unwrap(), 2);
        let seen: Vec<_> = burst.iter().map(|r| (r.number, r.original_len, r.port)).collect();
        assert_eq!(seen, [(1, 3, A), (2, 5, B)]);
        for received in burst.drain(..) {
            let across = PortId(1 - received.port.0);
            ring.send(received, across);
        }
        ring.flush().unwrap();
        let left = [(B, at(1), b"one".to_vec()), (A, at(2), b"three".to_vec())];
        assert_eq!(ring.drain(), left);
        assert_eq!(ring.pool().available(), 4);
    }

    #[test]
    fn what_is_not_flushed_has_not_left() {
        let mut ring = RingPort::new(4, 4);
        let frame = ring.take().unwrap();
        ring.send(Received::own(frame, at(1)), A);
        assert!(ring.drain().is_empty());
        ring.flush().unwrap();
        assert_eq!(ring.drain().len(), 1);
        let frame = ring.take().unwrap();
        ring.send(Received::own(frame, at(2)), A);
        assert!(ring.drain().is_empty(), "the flush before was for the frame before");
    }

    #[test]
    fn a_burst_is_at_most_max() {
        let mut ring = RingPort::new(4, 4);
        (0..4).for_each(|n| assert!(ring.feed(A, at(n), b"x")));
        let mut burst = Vec::new();
        assert_eq!(ring.receive(&mut burst, 3).unwrap(), 3);
        assert_eq!(ring.receive(&mut burst, 3).unwrap(), 1);
        assert_eq!(ring.receive(&mut burst, 3).unwrap(), 0);
    }

    #[test]
    fn full_rings_refuse_and_lose_no_frame() {
        let mut ring = RingPort::new(1, 3);
        assert!(ring.feed(A, at(0), b"x"));
        assert!(!ring.feed(A, at(0), b"y"));
        for _ in 0..2 {
            let frame = ring.take().unwrap();
            ring.send(Received::own(frame, at(0)), B);
        }
        assert_eq!(ring.unsent(), 1);
        assert_eq!(ring.pool().available(), 1, "one came in, one is queued");
    }

    #[test]
    fn an_empty_pool_refuses() {
        let mut ring = RingPort::new(2, 1);
        assert!(ring.feed(A, at(0), b"x"));
        assert!(!ring.feed(A, at(0), b"y"));
        assert!(ring.take().is_none());
    }

    #[test]
    fn finished_means_closed_and_empty() {
        let mut ring = RingPort::new(1, 1);
        assert!(!ring.is_finished());
        assert!(ring.feed(A, at(0), b"x"));
        ring.close();
        assert!(!ring.is_finished());
        ring.receive(&mut Vec::new(), 1).unwrap();
        assert!(ring.is_finished());
    }
}
