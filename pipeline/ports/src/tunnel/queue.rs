//! The rings between the tunnel thread and one worker.

use std::io;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crossbeam_queue::ArrayQueue;
use wicketgate_packet::FrameBuf;

use super::{Bell, GATE_MAC, mac_of};
use crate::pool::HeapFrame;

/// Frames of each ring: 32 bursts.
pub const RING: usize = 1024;

/// Frames of the inbound ring that one tunnel may have in it.
pub const SHARE: u32 = 256;

/// The Ethernet type of IPv4 (RFC 894).
const IPV4: [u8; 2] = [0x08, 0x00];
/// Bytes of an Ethernet header.
const HEADER: usize = 14;

/// A tunnel, as it sends into the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Its number, never used twice.
    pub tunnel: u32,
    /// Its place among those that are open: whose share of the ring it uses.
    pub place: u16,
}

/// Frames on their way, and as many chunks that wait for some.
#[derive(Debug)]
struct Ring {
    full: ArrayQueue<(u16, HeapFrame)>,
    free: ArrayQueue<HeapFrame>,
    /// Frames in it, by the place of their tunnel.
    shares: Box<[AtomicU32]>,
    dropped: AtomicU64,
}

/// Both rings, and a bell for each end.
#[derive(Debug)]
pub struct QueuePair {
    inbound: Ring,
    outbound: Ring,
    worker: Bell,
    tunnel: Bell,
}

/// Frames that were lost to rings that were full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// On their way into the gate.
    pub inbound: u64,
    /// On their way to people.
    pub outbound: u64,
}

impl QueuePair {
    /// Rings for at most `tunnels` tunnels at a time; all memory is allocated now.
    ///
    /// # Errors
    /// The kernel has no doorbell left (EMFILE).
    pub fn new(tunnels: u16) -> io::Result<QueuePair> {
        Ok(QueuePair {
            inbound: Ring::new(RING, tunnels),
            outbound: Ring::new(RING, 0),
            worker: Bell::new()?,
            tunnel: Bell::new()?,
        })
    }

    /// Puts an IP packet of a tunnel on its way to the worker; false where the tunnel's share is used up,
    /// and it is lost.
    pub fn put(&self, from: Sender, packet: &[u8]) -> bool {
        let mut header = [0; HEADER];
        let (macs, kind) = header.split_at_mut(12);
        let (gate, client) = macs.split_at_mut(6);
        gate.copy_from_slice(&GATE_MAC);
        client.copy_from_slice(&mac_of(from.tunnel));
        kind.copy_from_slice(&IPV4);
        self.inbound.put(from.place, &header, packet)
    }

    /// Wakes the worker, where it sleeps: after a few packets were put.
    pub fn ring_worker(&self) {
        self.worker.ring();
    }

    /// Shows the frame that has waited longest for the tunnel thread; false where there is none.
    pub fn take(&self, see: impl FnOnce(&[u8])) -> bool {
        self.outbound.take(|frame| {
            see(frame.bytes());
            true
        })
    }

    /// The tunnel thread's bell. It is rung when a frame waits for it.
    pub fn bell(&self) -> &Bell {
        &self.tunnel
    }

    /// Whether no frame waits for the tunnel thread.
    pub fn is_empty(&self) -> bool {
        self.outbound.full.is_empty()
    }

    /// Frames lost so far.
    pub fn dropped(&self) -> Dropped {
        let [inbound, outbound] = [&self.inbound, &self.outbound].map(|r| r.dropped.load(Relaxed));
        Dropped { inbound, outbound }
    }

    /// Shows the worker the frame that has waited longest; it stays where `see` says false.
    pub(super) fn receive(&self, see: impl FnOnce(&HeapFrame) -> bool) -> bool {
        self.inbound.take(see)
    }

    /// Whether no frame waits for the worker.
    pub(super) fn has_nothing(&self) -> bool {
        self.inbound.full.is_empty()
    }

    /// Puts a frame of the worker on its way to the tunnel thread.
    pub(super) fn send(&self, frame: &[u8]) {
        self.outbound.put(0, &[], frame);
    }

    pub(super) fn ring_tunnel(&self) {
        self.tunnel.ring();
    }

    pub(super) fn worker_bell(&self) -> &Bell {
        &self.worker
    }
}

impl Ring {
    /// A ring of which each of `tunnels` has a share; without any, all of it is for all.
    fn new(size: usize, tunnels: u16) -> Ring {
        let free = ArrayQueue::new(size);
        for _ in 0..size {
            // As many as it has room for.
            let _ = free.push(HeapFrame::new());
        }
        Ring {
            full: ArrayQueue::new(size),
            free,
            shares: (0..tunnels).map(|_| AtomicU32::new(0)).collect(),
            dropped: AtomicU64::new(0),
        }
    }

    /// Puts `head` and `body` in as one frame: in place of the oldest, where there is no room.
    fn put(&self, place: u16, head: &[u8], body: &[u8]) -> bool {
        let share = self.shares.get(usize::from(place));
        if share.is_some_and(|share| share.load(Relaxed) >= SHARE) {
            self.dropped.fetch_add(1, Relaxed);
            return false;
        }
        let Some(mut frame) = self.free.pop().or_else(|| self.drop_oldest()) else { return false };
        frame.fill(head, body);
        if let Some(share) = share {
            share.fetch_add(1, Relaxed);
        }
        match self.full.push((place, frame)) {
            Ok(()) => true,
            Err((place, frame)) => {
                self.give_back(place, frame);
                false
            }
        }
    }

    fn drop_oldest(&self) -> Option<HeapFrame> {
        let (place, frame) = self.full.pop()?;
        self.release(place);
        self.dropped.fetch_add(1, Relaxed);
        Some(frame)
    }

    /// Shows the oldest and takes it out. Where `see` says false it is lost, too: and counted.
    fn take(&self, see: impl FnOnce(&HeapFrame) -> bool) -> bool {
        let Some((place, frame)) = self.full.pop() else { return false };
        let taken = see(&frame);
        if !taken {
            self.dropped.fetch_add(1, Relaxed);
        }
        self.give_back(place, frame);
        taken
    }

    fn give_back(&self, place: u16, frame: HeapFrame) {
        self.release(place);
        // There are as many chunks as places for them.
        let _ = self.free.push(frame);
    }

    fn release(&self, place: u16) {
        if let Some(share) = self.shares.get(usize::from(place)) {
            share.fetch_sub(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Sender = Sender { tunnel: 7, place: 0 };
    const B: Sender = Sender { tunnel: 8, place: 1 };

    fn received(pair: &QueuePair) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let see = |frame: &HeapFrame| {
            bytes = frame.bytes().to_vec();
            true
        };
        pair.receive(see).then_some(bytes)
    }

    #[test]
    fn a_packet_gets_a_header_that_names_its_tunnel() {
        let pair = QueuePair::new(2).unwrap();
        assert!(pair.put(A, b"packet"));
        let frame = received(&pair).unwrap();
        assert_eq!(frame[..6], GATE_MAC);
        assert_eq!(frame[6..12], mac_of(7));
        assert_eq!(&frame[12..], b"\x08\x00packet");
        assert_eq!(received(&pair), None);
    }

    #[test]
    fn who_floods_loses_its_own() {
        let pair = QueuePair::new(2).unwrap();
        let sent = (0..2 * SHARE).filter(|_| pair.put(A, b"flood")).count();
        assert_eq!(sent, SHARE as usize);
        assert!(pair.put(B, b"quiet"), "another tunnel is not slowed");
        assert_eq!(pair.dropped(), Dropped { inbound: u64::from(SHARE), outbound: 0 });
        let all: Vec<_> = std::iter::from_fn(|| received(&pair)).collect();
        assert_eq!(all.len(), SHARE as usize + 1);
        assert!(all.last().unwrap().ends_with(b"quiet"));
        assert!(pair.put(A, b"again"), "what was taken is free again");
    }

    #[test]
    fn what_nobody_takes_makes_room_oldest_first() {
        let pair = QueuePair::new(1).unwrap();
        (0..RING as u32 + 3).for_each(|n| pair.send(&n.to_be_bytes()));
        assert_eq!(pair.dropped().outbound, 3);
        let mut first = Vec::new();
        assert!(pair.take(|frame| first = frame.to_vec()));
        assert_eq!(first, 3_u32.to_be_bytes());
    }

    #[test]
    fn no_chunk_is_lost() {
        let pair = QueuePair::new(1).unwrap();
        for _ in 0..3 * RING {
            pair.send(b"x");
        }
        while pair.take(|_| {}) {}
        assert_eq!(pair.outbound.free.len(), RING);
        assert!(pair.is_empty());
    }
}
