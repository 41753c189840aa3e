//! A tap put in the middle: a capture of a plant's wire, replayed as if the gate had been there.
//!
//! A capture taken on the underlay shows clients and assets talking to each other directly.
//! [`Tap`] wraps the port that reads it and gives each frame the addresses that it would have had on
//! its way to the gate: what goes to an asset enters by the overlay port, addressed to the asset's
//! overlay address; what comes from an asset enters by its underlay port, addressed to the gate's NAT
//! address and to the port that the gate chose, which the tap sees in the frames that leave.
//!
//! A capture is never the whole truth. What it lacks is supplied, and counted:
//!
//! | the capture | the tap |
//! |---|---|
//! | begins in the middle of a connection | supplies the handshake |
//! | has segments in another order than they were sent | holds them until they fit |
//! | lacks segments | resets the connection and opens it anew behind the gap |
//! | was taken on the sender, before the checksum was made | completes the checksum |
//!
//! The engine behind it is as strict as ever; a real gate has seen every connection from its start.

mod connection;
mod connections;
mod craft;
mod ordinary;
mod plan;

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;
use wicketgate_packet::parse::flags;
use wicketgate_packet::quote::Quote;
use wicketgate_packet::wire::protocol;
use wicketgate_packet::{FrameBuf, Headers, L4, Link, PortId};

use crate::port::{Port, PortError, Received};
use connection::{Fit, Role};
use connections::Connections;
use craft::Ends;
use ordinary::Ordinary;
pub use plan::{Door, LOOPBACK_CLIENT, Plan};

/// By a hash that costs little, as each frame is looked up, and is seeded per process, so that
/// no capture can make keys collide.
pub type Map<K, V> = HashMap<K, V, RandomState>;

/// What the tap supplied or repaired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supplied {
    /// Handshakes of connections that the capture shows from the middle on.
    pub handshakes: u64,
    /// Frames held until those before them came.
    pub reordered: u64,
    /// Connections opened anew behind a gap.
    pub gaps: u64,
    /// Checksums completed that the sending host had left to its network card.
    pub checksums: u64,
}

/// The wrapper.
pub struct Tap<P: Port> {
    inner: P,
    plan: Plan,
    connections: Connections<P::Frame>,
    /// Frames read, not looked at yet.
    raw: VecDeque<Received<P::Frame>>,
    /// Frames ready to enter.
    ready: VecDeque<Ready<P::Frame>>,
    /// By frame number: whose NAT port will be seen when the frame leaves.
    asked: Map<u64, Ends>,
    supplied: Supplied,
    /// Frames made here.
    own: u64,
}

/// A frame that still has its captured addresses, and what it is part of.
struct Ready<F> {
    received: Received<F>,
    headers: Headers,
    ends: Ends,
    role: Role,
}

impl<P: Port> Tap<P> {
    /// Puts the gate of `plan` into the wire that `inner` was captured on.
    pub fn new(inner: P, plan: Plan) -> Tap<P> {
        Tap {
            inner,
            plan,
            connections: Connections::new(),
            raw: VecDeque::new(),
            ready: VecDeque::new(),
            asked: Map::default(),
            supplied: Supplied::default(),
            own: 0,
        }
    }

    /// What was supplied or repaired so far.
    pub fn supplied(&self) -> Supplied {
        self.supplied
    }

    /// The port that is wrapped.
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// The same, to be given another capture: what is known of connections stays.
    pub fn inner_mut(&mut self) -> &mut P {
        &mut self.inner
    }

    /// Has the frames of `burst` from `at` on enter where they lie, up to the first that is not ordinary: that one and
    /// those behind it are to be looked at one by one.
    fn put_off(&mut self, burst: &mut Vec<Received<P::Frame>>, at: usize) {
        let read = burst.get_mut(at..).unwrap_or_default();
        let odd = read.iter_mut().position(|received| !self.dress_ordinary(received));
        if let Some(odd) = odd {
            self.raw.extend(burst.drain(at + odd..));
        }
    }

    /// Gives an ordinary frame its addresses, if it is one and need not wait. Nothing may be before it.
    #[inline(always)]
    fn dress_ordinary(&mut self, received: &mut Received<P::Frame>) -> bool {
        let complete = self.plan.complete_checksums;
        if let Some(segment) = Ordinary::read(received.frame.bytes(), complete)
            && let Some(connection) = self.connections.between(&segment.pair)
            && let Some(way) = connection.pass(&segment)
        {
            received.port = way.port;
            way.apply(received.frame.bytes_mut());
            return true;
        }
        false
    }

    /// Looks at one captured frame; what is not for the gate enters as it is.
    fn look(&mut self, mut received: Received<P::Frame>) -> Option<Received<P::Frame>> {
        if self.dress_ordinary(&mut received) {
            return Some(received);
        }
        let headers = match Headers::parse(received.frame.bytes()) {
            Ok(headers) => headers,
            Err(_) => return Some(self.pass(received)),
        };
        if let Some(quote) = craft::quoted(received.frame.bytes(), &headers) {
            return Some(self.pass_error(received, headers, &quote));
        }
        let Some((ends, role)) = self.place(&headers) else { return Some(self.pass(received)) };
        if let Some(nat) = self.at_once(&headers, ends, role) {
            return Some(self.dress(received, headers, role, nat));
        }
        if !matches!(headers.l4, L4::Tcp(_)) {
            self.remember(ends);
            self.ready.push_back(Ready { received, headers, ends, role });
            return None;
        }
        self.follow(Ready { received, headers, ends, role });
        None
    }

    /// A frame that no asset has part in: the gate is to say so, not to overlook it.
    fn pass(&self, mut received: Received<P::Frame>) -> Received<P::Frame> {
        received.port = self.plan.overlay;
        let unicast = Link::parse(received.frame.bytes())
            .is_ok_and(|link| link.dst.first().is_some_and(|first| first & 1 == 0));
        if unicast {
            craft::set_destination_mac(received.frame.bytes_mut(), self.plan.overlay_mac);
        }
        received
    }

    /// An ICMP error: the packet that it quotes gets the ends that it had when the gate sent it.
    fn pass_error(
        &self,
        mut received: Received<P::Frame>,
        headers: Headers,
        quote: &Quote,
    ) -> Received<P::Frame> {
        let sent = Ends::of(quote);
        let nat = |ends: &Ends| self.connections.get(ends).and_then(|connection| connection.nat);
        if let Some(door) = self.plan.door(headers.src).filter(|_| quote.src.0 == headers.dst) {
            let port = nat(&sent).unwrap_or(quote.src.1);
            // An echo has one identifier, which stands for both ports.
            let echo = quote.protocol == protocol::ICMP;
            let dst = (door.underlay, if echo { port } else { quote.dst.1 });
            quote.translate(received.frame.bytes_mut(), (door.nat, port), dst);
            received.port = door.port;
            self.plan.to_underlay(&mut received.frame, headers, 0, true);
        } else if let Some(door) = self.plan.door(headers.dst) {
            let src = (door.overlay, quote.src.1);
            quote.translate(received.frame.bytes_mut(), src, quote.dst);
            received.port = self.plan.overlay;
            self.plan.to_overlay(&mut received.frame, headers, true);
        } else {
            return self.pass(received);
        }
        received
    }

    /// Who is client and who is asset. What is known of the connection counts first, then who says
    /// SYN, then whose port is a door.
    fn place(&self, headers: &Headers) -> Option<(Ends, Role)> {
        let asks = Ends::asking(headers);
        let answers = asks.reverse();
        let (to, from) = (self.plan.door(headers.dst), self.plan.door(headers.src));
        let (to, from) = (to.map(|_| (asks, Role::Client)), from.map(|_| (answers, Role::Asset)));
        let (Some(to), Some(from)) = (to, from) else { return to.or(from) };
        if self.connections.contains(&to.0) {
            return Some(to);
        }
        if self.connections.contains(&from.0) {
            return Some(from);
        }
        let answers = match headers.l4 {
            L4::Tcp(s) if s.flags & flags::SYN != 0 => s.flags & flags::ACK != 0,
            _ => {
                self.plan.speaks(headers.src, headers.ports().0)
                    && !self.plan.speaks(headers.dst, headers.ports().1)
            }
        };
        Some(if answers { from } else { to })
    }

    /// The NAT port of a frame that need not wait, as nearly all need not: nothing is before it, it begins nothing and
    /// fits, and the gate has chosen the port. Its connection is looked up this once.
    fn at_once(&mut self, headers: &Headers, ends: Ends, role: Role) -> Option<u16> {
        let begins = matches!(headers.l4, L4::Tcp(segment) if segment.flags & flags::SYN != 0);
        if begins || !self.ready.is_empty() {
            return None;
        }
        let connection = self.connections.get_mut(&ends)?;
        let nat = connection.nat.filter(|_| connection.held.is_empty())?;
        if connection.fit(headers, role) != Fit::Now {
            return None;
        }
        connection.note(headers, role);
        Some(nat)
    }

    /// Remembers a connection; the oldest one makes room.
    fn remember(&mut self, ends: Ends) {
        if self.connections.contains(&ends) {
            return;
        }
        if let Some(gone) = self.connections.add(ends) {
            gone.held.into_iter().for_each(|ready| self.inner.recycle(ready.received.frame));
        }
    }

    /// Brings a connection's segments into the order in which the gate would have seen them.
    fn follow(&mut self, ready: Ready<P::Frame>) {
        let ends = ready.ends;
        self.remember(ends);
        let Some(connection) = self.connections.get_mut(&ends) else { return };
        match connection.fit(&ready.headers, ready.role) {
            Fit::Now => self.enter(ready),
            Fit::Unknown => {
                self.supplied.handshakes += 1;
                self.supply(&ready, false);
                self.enter(ready);
            }
            Fit::Anew => {
                self.supply(&ready, true);
                self.enter(ready);
            }
            Fit::Later => self.hold(ready),
        }
        self.release(ends);
    }

    fn enter(&mut self, ready: Ready<P::Frame>) {
        if let Some(connection) = self.connections.get_mut(&ready.ends) {
            connection.note(&ready.headers, ready.role);
        }
        self.ready.push_back(ready);
    }

    /// Keeps a segment that does not fit yet; with too many of them, what is missing never comes.
    fn hold(&mut self, ready: Ready<P::Frame>) {
        let (ends, now) = (ready.ends, ready.received.arrival);
        let Some(connection) = self.connections.get_mut(&ends) else { return };
        connection.held.push_back(ready);
        if connection.waited_enough(now) {
            self.give_up(ends);
        } else {
            self.supplied.reordered += 1;
        }
    }

    /// Opens a connection anew at the first segment that waits.
    fn give_up(&mut self, ends: Ends) {
        let connection = self.connections.get_mut(&ends);
        let Some(first) = connection.and_then(|connection| connection.held.pop_front()) else {
            return;
        };
        self.supplied.gaps += 1;
        self.supply(&first, true);
        self.enter(first);
    }

    /// Lets in what fits by now.
    fn release(&mut self, ends: Ends) {
        while let Some(connection) = self.connections.get_mut(&ends) {
            let Some(next) = connection.next_fitting() else { return };
            self.enter(next);
        }
    }

    /// Supplies the segments that put the gate where `ready` fits: a reset of what was before, if
    /// there was something, and a handshake.
    fn supply(&mut self, ready: &Ready<P::Frame>, reset: bool) {
        let Some(connection) = self.connections.get_mut(&ready.ends) else { return };
        let before = if reset { connection.reset() } else { None };
        let segments = connection::handshake(&ready.headers, ready.role);
        for (role, segment) in before.into_iter().chain(segments.into_iter().flatten()) {
            let Some(mut frame) = self.inner.take() else { return };
            let headers = craft::segment(&mut frame, ready, role, segment);
            let arrival = ready.received.arrival;
            let port = ready.received.port;
            let number = self.own_number();
            let received = Received { frame, port, arrival, number, original_len: 54 };
            if let Some(headers) = headers {
                self.enter(Ready { received, headers, ends: ready.ends, role });
            } else {
                self.inner.recycle(received.frame);
            }
        }
    }

    /// A number for a frame of the tap's own, that no captured one has.
    fn own_number(&mut self) -> u64 {
        self.own += 1;
        u64::MAX - self.own
    }

    /// Gives a frame the addresses that it has on its way to the gate. `None`, with the frame left in
    /// front of the queue, where the gate has yet to choose the NAT port.
    fn next_ready(&mut self) -> Option<Received<P::Frame>> {
        let front = self.ready.front()?;
        let nat = self.connections.get(&front.ends).and_then(|connection| connection.nat);
        let waits = front.role == Role::Asset
            && nat.is_none()
            && self.asked.values().any(|asked| *asked == front.ends);
        if waits {
            return None;
        }
        let Ready { received, headers, ends, role } = self.ready.pop_front()?;
        if role == Role::Client && nat.is_none() {
            self.asked.insert(received.number, ends);
        }
        Some(self.dress(received, headers, role, nat.unwrap_or(ends.client.1)))
    }

    /// Gives a frame its addresses; `nat` is the port that the gate chose towards the asset.
    fn dress(
        &mut self,
        mut received: Received<P::Frame>,
        headers: Headers,
        role: Role,
        nat: u16,
    ) -> Received<P::Frame> {
        let repaired = self.plan.needs_checksum(received.frame.bytes(), &headers);
        self.supplied.checksums += u64::from(repaired);
        match role {
            Role::Client => {
                received.port = self.plan.overlay;
                self.plan.to_overlay(&mut received.frame, headers, repaired);
            }
            Role::Asset => {
                received.port = self.plan.port_of(headers.src);
                self.plan.to_underlay(&mut received.frame, headers, nat, repaired);
            }
        }
        received
    }

    /// Whether every frame is in somebody's hands: then none can be read that would fill a gap.
    fn is_out_of_frames(&mut self) -> bool {
        match self.inner.take() {
            Some(frame) => {
                self.inner.recycle(frame);
                false
            }
            None => true,
        }
    }

    /// Where nothing more comes that could fill a gap, everything that waits goes in as it is.
    fn let_all_in(&mut self) {
        // In the order of the connections, so that two runs are the same.
        let waits = self.connections.iter().filter(|connection| !connection.held.is_empty());
        let waiting: Vec<Ends> = waits.map(|connection| connection.ends).collect();
        for ends in waiting {
            while self.connections.get(&ends).is_some_and(|c| !c.held.is_empty()) {
                self.give_up(ends);
                self.release(ends);
            }
        }
    }
}

impl<P: Port> Port for Tap<P> {
    type Frame = P::Frame;

    fn receive(
        &mut self,
        burst: &mut Vec<Received<P::Frame>>,
        max: usize,
    ) -> Result<usize, PortError> {
        // What entered before has left or been recycled by now.
        self.asked.clear();
        let before = burst.len();
        let mut outcome = Ok(0);
        while burst.len() - before < max {
            if let Some(received) = self.next_ready() {
                burst.push(received);
            } else if !self.ready.is_empty() {
                break;
            } else if let Some(received) = self.raw.pop_front() {
                burst.extend(self.look(received));
            } else {
                let read = burst.len();
                outcome = self.inner.receive(burst, max - (read - before));
                let nothing_came = burst.len() == read;
                self.put_off(burst, read);
                if nothing_came && (self.inner.is_finished() || self.is_out_of_frames()) {
                    self.let_all_in();
                }
                if (nothing_came && self.ready.is_empty()) || outcome.is_err() {
                    break;
                }
            }
        }
        outcome.map(|_| burst.len() - before)
    }

    fn send(&mut self, sent: Received<P::Frame>, egress: PortId) {
        if !self.asked.is_empty()
            && egress != self.plan.overlay
            && let Some(ends) = self.asked.remove(&sent.number)
            && let Ok(headers) = Headers::parse(sent.frame.bytes())
            && let Some(connection) = self.connections.get_mut(&ends)
        {
            let nat = headers.ports().0;
            connection.learn(nat, self.plan.ways(&ends, nat));
        }
        self.inner.send(sent, egress);
    }

    fn recycle(&mut self, frame: P::Frame) {
        self.inner.recycle(frame);
    }

    fn take(&mut self) -> Option<P::Frame> {
        self.inner.take()
    }

    fn flush(&mut self) -> Result<(), PortError> {
        self.inner.flush()
    }

    fn is_finished(&self) -> bool {
        self.inner.is_finished()
            && self.raw.is_empty()
            && self.ready.is_empty()
            && self.connections.iter().all(|connection| connection.held.is_empty())
    }

    fn unsent(&self) -> u64 {
        self.inner.unsent()
    }
}
