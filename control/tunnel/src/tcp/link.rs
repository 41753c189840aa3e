//! A connection over TCP, as the rest of the tunnel sees it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Notify, watch};

use super::frame::{put_end, put_packet, put_words};
use crate::end::{Code, End};
use crate::transport::WAITING;

/// Packets that have come and were not taken; beyond it the other end is not read, and TCP has it wait.
const COME: usize = 64;

/// Pieces of words that have come and were not taken, likewise.
const HEARD: usize = 8;

/// Messages that wait to be sent; beyond it whoever says one waits.
const SAID: usize = 64;

/// A connection; clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Link(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    peer: SocketAddr,
    certificate: Option<Vec<u8>>,
    outbox: Mutex<Outbox>,
    /// Something is in the outbox.
    work: Notify,
    /// There is room in it for words.
    room: Notify,
    packets: tokio::sync::Mutex<Receiver<Bytes>>,
    words: tokio::sync::Mutex<Receiver<Bytes>>,
    /// How it ended, once it has, and whose doing that was.
    over: watch::Sender<Option<Over>>,
}

#[derive(Clone, Debug)]
struct Over {
    end: End,
    here: bool,
}

/// What waits to be sent.
#[derive(Debug, Default)]
struct Outbox {
    words: VecDeque<Bytes>,
    packets: VecDeque<Bytes>,
    /// Bytes of these packets.
    waiting: usize,
}

/// Where what has come goes.
#[derive(Debug)]
pub(super) struct Inlet {
    pub(super) packets: Sender<Bytes>,
    pub(super) words: Sender<Bytes>,
}

impl Link {
    pub(super) fn new(peer: SocketAddr, certificate: Option<Vec<u8>>) -> (Link, Inlet) {
        let (to_packets, packets) = channel(COME);
        let (to_words, words) = channel(HEARD);
        let inlet = Inlet { packets: to_packets, words: to_words };
        let shared = Shared {
            peer,
            certificate,
            outbox: Mutex::default(),
            work: Notify::new(),
            room: Notify::new(),
            packets: packets.into(),
            words: words.into(),
            over: watch::Sender::new(None),
        };
        (Link(Arc::new(shared)), inlet)
    }

    /// The other end's address.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// The certificate that it has shown, in DER.
    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        self.0.certificate.clone()
    }

    /// The next packet, with its context in front. May be given up on at any time.
    pub(crate) async fn packet(&self) -> Result<Bytes, End> {
        self.next(&self.0.packets).await
    }

    /// What the other end says next, likewise.
    pub(crate) async fn hear(&self) -> Result<Bytes, End> {
        self.next(&self.0.words).await
    }

    async fn next(&self, queue: &tokio::sync::Mutex<Receiver<Bytes>>) -> Result<Bytes, End> {
        let mut queue = queue.lock().await;
        // What came before an end is heard before it.
        tokio::select! {
            biased;
            Some(come) = queue.recv() => Ok(come),
            end = self.closed() => Err(end),
        }
    }

    /// Sends a packet that has its context in front: how many older ones that makes lost.
    pub(crate) fn send(&self, framed: Bytes) -> u64 {
        let mut outbox = self.outbox();
        let lost = outbox.put(framed);
        drop(outbox);
        self.0.work.notify_one();
        lost
    }

    /// Says something, once there is room for it.
    pub(crate) async fn say(&self, words: &[u8]) -> Result<(), End> {
        while !self.outbox().say(words) {
            tokio::select! {
                () = self.0.room.notified() => {}
                end = self.closed() => return Err(end),
            }
        }
        self.0.work.notify_one();
        Ok(())
    }

    /// Ends it: what was said still goes out, packets do not. It has ended but once.
    pub(crate) fn close(&self, end: &End) {
        self.over(end.clone(), true);
    }

    /// It has ended, by no word of this end.
    pub(super) fn lost(&self, end: End) {
        self.over(end, false);
    }

    fn over(&self, end: End, here: bool) {
        self.0.over.send_if_modified(|over| {
            let first = over.is_none();
            over.get_or_insert(Over { end, here });
            first
        });
        self.0.work.notify_one();
    }

    /// How it ended, once it has.
    pub(crate) async fn closed(&self) -> End {
        let mut over = self.0.over.subscribe();
        match over.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(over)) => over.end.clone(),
            // The other half is this link's own.
            _ => End::new(Code::Over, "gone"),
        }
    }

    /// The end that is to be told to the other end, where it was this one's.
    pub(super) fn parting(&self) -> Option<End> {
        let over = self.0.over.borrow();
        over.as_ref().filter(|over| over.here).map(|over| over.end.clone())
    }

    /// Moves what waits to the wire, `most` bytes or a little more; true where the end is with it.
    pub(super) fn fill(&self, wire: &mut BytesMut, most: usize) -> bool {
        let parting = self.parting();
        let mut outbox = self.outbox();
        outbox.words.drain(..).for_each(|words| put_words(&words, wire));
        while parting.is_none()
            && wire.len() < most
            && let Some(packet) = outbox.packets.pop_front()
        {
            outbox.waiting -= packet.len();
            put_packet(&packet, wire);
        }
        drop(outbox);
        self.0.room.notify_one();
        parting.iter().for_each(|end| put_end(end, wire));
        parting.is_some()
    }

    /// Waits until there is something to send.
    pub(super) async fn work(&self) {
        self.0.work.notified().await;
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        // Held for a few lines that cannot panic.
        self.0.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox {
    /// Room is made by what has waited longest: a late packet is worth less than a new one.
    fn put(&mut self, packet: Bytes) -> u64 {
        let mut lost = 0;
        while self.waiting + packet.len() > WAITING
            && let Some(oldest) = self.packets.pop_front()
        {
            self.waiting -= oldest.len();
            lost += 1;
        }
        self.waiting += packet.len();
        self.packets.push_back(packet);
        lost
    }

    fn say(&mut self, words: &[u8]) -> bool {
        let room = self.words.len() < SAID;
        if room {
            self.words.push_back(Bytes::copy_from_slice(words));
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Frame, take};
    use super::*;

    fn link() -> Link {
        Link::new(([127, 0, 0, 1], 1).into(), None).0
    }

    #[test]
    fn what_waits_is_bounded_and_the_oldest_is_lost() {
        let link = link();
        let packet = |number: u8| Bytes::from(vec![number; 1000]);
        let lost: u64 = (0..=255).cycle().take(600).map(|n: u8| link.send(packet(n))).sum();
        assert_eq!(lost, 600 - (WAITING / 1000) as u64);
        let mut wire = BytesMut::new();
        link.fill(&mut wire, usize::MAX);
        let first = wire.get(2..3).unwrap();
        assert_eq!(first, [lost as u8], "the oldest are those that are missing");
    }

    #[test]
    fn the_end_comes_behind_words_and_in_place_of_packets() {
        let link = link();
        link.send(Bytes::from_static(&[0, 0x45]));
        let say = link.say(b"denied");
        futures_ready(say).unwrap();
        let end = End::new(Code::Over, "revoked");
        link.close(&end);
        link.close(&End::new(Code::Over, "a second end is none"));
        let mut wire = BytesMut::new();
        assert!(link.fill(&mut wire, usize::MAX));
        let mut next = || take(&mut wire).unwrap();
        assert_eq!(next(), Some(Frame::Words(Bytes::from_static(b"denied"))));
        assert_eq!(next(), Some(Frame::End(end)));
        assert_eq!(next(), None);
    }

    #[test]
    fn what_came_before_an_end_is_heard_before_it() {
        for _ in 0..100 {
            let (link, inlet) = Link::new(([127, 0, 0, 1], 1).into(), None);
            inlet.words.try_send(Bytes::from_static(b"refused")).unwrap();
            link.lost(End::new(Code::Over, "enough"));
            assert_eq!(futures_ready(link.hear()).unwrap(), "refused");
            assert_eq!(futures_ready(link.hear()).unwrap_err().why, "enough");
        }
    }

    /// What a future comes to that has nothing to wait for.
    fn futures_ready<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(future)
    }
}
