//! The worker's end.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use wicketgate_packet::{FrameBuf, PortId, Time};

use super::QueuePair;
use crate::pool::HeapFrame;
use crate::port::{Port, PortError, Received};

/// A worker's port, and beside it the packets of tunnels, as frames of one more port of the gate.
///
/// A packet is copied into a frame of the inner port, so that it leaves by a card without another copy.
#[derive(Debug)]
pub struct TunnelPort<P> {
    inner: P,
    tunnels: Option<Tunnels>,
}

#[derive(Debug)]
struct Tunnels {
    port: PortId,
    pair: Arc<QueuePair>,
    clock: fn() -> Time,
    received: u64,
    /// Frames were sent since the bell was last rung.
    sent: bool,
}

impl<P> TunnelPort<P> {
    /// The port alone: there are no tunnels.
    pub const fn without(inner: P) -> TunnelPort<P> {
        TunnelPort { inner, tunnels: None }
    }

    /// The port and the packets of `pair`, which come and go by `port` of the gate. `clock` stamps them as
    /// they are taken from the ring.
    pub const fn with(
        inner: P,
        port: PortId,
        pair: Arc<QueuePair>,
        clock: fn() -> Time,
    ) -> TunnelPort<P> {
        let tunnels = Tunnels { port, pair, clock, received: 0, sent: false };
        TunnelPort { inner, tunnels: Some(tunnels) }
    }

    /// The port without the tunnels.
    pub const fn inner(&self) -> &P {
        &self.inner
    }

    /// Has `wait` sleep until a frame comes to the inner port or, by the bells that it is given, somebody
    /// wakes it.
    ///
    /// # Errors
    /// What `wait` says.
    pub fn sleep(
        &mut self,
        other: Option<BorrowedFd<'_>>,
        wait: impl FnOnce(&mut P, &[BorrowedFd<'_>]) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(tunnels) = &self.tunnels else {
            return wait(&mut self.inner, other.as_slice());
        };
        let bell = tunnels.pair.worker_bell();
        bell.doze();
        let outcome = match (tunnels.pair.has_nothing(), other) {
            (false, _) => Ok(()),
            (true, None) => wait(&mut self.inner, &[bell.as_fd()]),
            (true, Some(other)) => wait(&mut self.inner, &[bell.as_fd(), other]),
        };
        bell.wake();
        outcome
    }
}

impl<P: Port> TunnelPort<P> {
    /// Moves packets of tunnels to the burst.
    fn receive_packets(&mut self, burst: &mut Vec<Received<P::Frame>>, max: usize) {
        let TunnelPort { inner, tunnels: Some(tunnels) } = self else { return };
        if tunnels.pair.has_nothing() {
            return;
        }
        let arrival = (tunnels.clock)();
        for _ in 0..max {
            let Some(frame) = inner.take() else { break };
            let mut frame = Some(frame);
            let copy = |from: &HeapFrame| frame.as_mut().is_some_and(|to| fill(to, from.bytes()));
            let came = tunnels.pair.receive(copy);
            let Some(frame) = frame else { break };
            if !came {
                inner.recycle(frame);
                break;
            }
            tunnels.received += 1;
            let original_len = u32::try_from(frame.bytes().len()).unwrap_or(u32::MAX);
            let (port, number) = (tunnels.port, tunnels.received);
            burst.push(Received { frame, port, arrival, number, original_len });
        }
    }
}

/// Makes `bytes` the frame; false where it has no room for them.
fn fill(frame: &mut impl FrameBuf, bytes: &[u8]) -> bool {
    let fits = frame.resize(bytes.len()) && frame.bytes().len() == bytes.len();
    if fits {
        frame.bytes_mut().copy_from_slice(bytes);
    }
    fits
}

impl<P: Port> Port for TunnelPort<P> {
    type Frame = P::Frame;

    /// Cards first; of what is left of `max` each side has half at least.
    fn receive(
        &mut self,
        burst: &mut Vec<Received<P::Frame>>,
        max: usize,
    ) -> Result<usize, PortError> {
        let before = burst.len();
        let waits = self.tunnels.as_ref().is_some_and(|tunnels| !tunnels.pair.has_nothing());
        let most = if waits { max - max / 2 } else { max };
        let received = self.inner.receive(burst, most);
        let left = max.saturating_sub(burst.len() - before);
        self.receive_packets(burst, left);
        received.map(|_| burst.len() - before)
    }

    fn send(&mut self, leaving: Received<P::Frame>, egress: PortId) {
        match &mut self.tunnels {
            Some(tunnels) if tunnels.port == egress => {
                tunnels.pair.send(leaving.frame.bytes());
                tunnels.sent = true;
                self.inner.recycle(leaving.frame);
            }
            _ => self.inner.send(leaving, egress),
        }
    }

    fn recycle(&mut self, frame: P::Frame) {
        self.inner.recycle(frame);
    }

    fn take(&mut self) -> Option<P::Frame> {
        self.inner.take()
    }

    fn submit(&mut self) {
        self.inner.submit();
    }

    fn flush(&mut self) -> Result<(), PortError> {
        if let Some(tunnels) = &mut self.tunnels
            && std::mem::take(&mut tunnels.sent)
        {
            tunnels.pair.ring_tunnel();
        }
        self.inner.flush()
    }

    fn is_finished(&self) -> bool {
        self.inner.is_finished()
    }

    fn unsent(&self) -> u64 {
        self.inner.unsent()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::RingPort;
    use crate::tunnel::{Sender, mac_of};

    const CARD: PortId = PortId(0);
    const TUNNELS: PortId = PortId(2);

    fn port() -> (TunnelPort<RingPort>, Arc<QueuePair>) {
        let pair = Arc::new(QueuePair::new(4).unwrap());
        let inner = RingPort::new(8, 8);
        (TunnelPort::with(inner, TUNNELS, pair.clone(), || Time::from_nanos(5)), pair)
    }

    #[test]
    fn packets_come_in_beside_frames_of_the_card() {
        let (mut port, pair) = port();
        assert!(port.inner.feed(CARD, Time::from_nanos(1), b"card"));
        assert!(pair.put(Sender { tunnel: 9, place: 1 }, b"packet"));
        let mut burst = Vec::new();
        assert_eq!(port.receive(&mut burst, 8).unwrap(), 2);
        let seen: Vec<_> = burst.iter().map(|r| (r.port, r.arrival.as_nanos())).collect();
        assert_eq!(seen, [(CARD, 1), (TUNNELS, 5)]);
        assert_eq!(burst[1].frame.bytes()[6..12], mac_of(9));
        burst.drain(..).for_each(|received| port.recycle(received.frame));
        assert_eq!(port.inner.pool().available(), 8);
    }

    #[test]
    fn each_side_has_half_of_a_burst() {
        let (mut port, pair) = port();
        for _ in 0..4 {
            assert!(port.inner.feed(CARD, Time::EPOCH, b"card"));
            assert!(pair.put(Sender { tunnel: 9, place: 1 }, b"packet"));
        }
        let mut burst = Vec::new();
        assert_eq!(port.receive(&mut burst, 4).unwrap(), 4);
        let tunnels = burst.iter().filter(|received| received.port == TUNNELS).count();
        assert_eq!(tunnels, 2);
    }

    #[test]
    fn what_leaves_for_a_tunnel_is_not_sent_by_the_card() {
        let (mut port, pair) = port();
        let mut frame = port.take().unwrap();
        assert!(fill(&mut frame, b"answer"));
        port.send(Received::own(frame, Time::EPOCH), TUNNELS);
        port.flush().unwrap();
        assert!(port.inner.drain().is_empty());
        assert_eq!(port.inner.pool().available(), 8);
        let mut seen = Vec::new();
        assert!(pair.take(|bytes| seen = bytes.to_vec()));
        assert_eq!(seen, b"answer");
    }

    #[test]
    fn nobody_sleeps_while_a_packet_waits() {
        let (mut port, pair) = port();
        assert!(pair.put(Sender { tunnel: 9, place: 1 }, b"packet"));
        port.sleep(None, |_, _| panic!("a packet is there")).unwrap();
        port.receive(&mut Vec::new(), 8).unwrap();
        let mut slept = false;
        port.sleep(None, |_, bells| {
            slept = bells.len() == 1;
            Ok(())
        })
        .unwrap();
        assert!(slept);
    }

    #[test]
    fn without_tunnels_it_is_the_port() {
        let mut port = TunnelPort::without(RingPort::new(8, 8));
        assert!(port.inner.feed(CARD, Time::EPOCH, b"card"));
        let mut burst = Vec::new();
        assert_eq!(port.receive(&mut burst, 8).unwrap(), 1);
        port.send(burst.remove(0), PortId(1));
        port.flush().unwrap();
        assert_eq!(port.inner.drain().len(), 1);
    }
}
