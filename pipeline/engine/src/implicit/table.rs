//! The I/O connections of one worker, found by their identifiers.
//!
//! ```text
//!           Forward Open passes          its success           Forward Close's success, the flow's end, silence
//!  (none) -----------------------> asked -------------> open --------------------------------------------------> (none)
//!                                    \-- refused, 10 s without an answer --> (none)
//! ```
//!
//! All devices of a plant send to the gate's one address and port, and two clients may send from one port to one
//! asset: what tells connections apart is the identifier in each datagram. In the keys of this table it stands
//! where flows have their ports.

use core::hash::BuildHasher;
use core::net::Ipv4Addr;

use foldhash::fast::RandomState;
use wicketgate_dissectors::enip::io::{Answered, Asked, Opened, Opening, Outcome, answered, asked};
use wicketgate_dissectors::enip::open::Triad;
use wicketgate_dissectors::{Direction, Transport};
use wicketgate_packet::{Headers, PortId, Time};

use super::changes::{Change, Changes};
use super::connection::{IoConnection, REQUEST};

use crate::event::IoEndCause;
use crate::flow::{Flow, FlowId, FlowKey, kept_back};
use crate::index::Index;
use crate::translate::Rewrite;
use crate::verdict::Reason;

/// Places that one call of [`IoTable::age`] looks at.
const AGE_PLACES: usize = 4;

/// A connection's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IoId(u32);

/// The table: a slab, and an index with two entries a connection.
pub(crate) struct IoTable {
    places: Box<[Option<IoConnection>]>,
    free: Vec<u32>,
    index: Index,
    hasher: RandomState,
    hand: usize,
    pub(super) changes: Changes,
}

/// The key of datagrams that come in by `port` on `vlan` from `src` to `dst` with the identifier `id`.
fn key(port: PortId, vlan: Option<u16>, (src, dst): (Ipv4Addr, Ipv4Addr), id: u32) -> FlowKey {
    let (high, low) = ((id >> 16) as u16, id as u16);
    FlowKey::new(port, vlan, Transport::Udp, (src, high), (dst, low))
}

/// The key of this datagram.
pub(crate) fn key_of(port: PortId, headers: &Headers, id: u32) -> FlowKey {
    key(port, headers.link.vlan(), (headers.src, headers.dst), id)
}

/// The key of datagrams that leave so rewritten, as their receiver sees them.
fn key_left(rewrite: &Rewrite, id: u32) -> FlowKey {
    key(rewrite.egress, rewrite.vlan, (rewrite.src().0, rewrite.dst().0), id)
}

/// The key of datagrams that come from where those that are so rewritten go to.
fn key_back(rewrite: &Rewrite, id: u32) -> FlowKey {
    key(rewrite.egress, rewrite.vlan, (rewrite.dst().0, rewrite.src().0), id)
}

impl IoTable {
    /// A table for `capacity` connections. The only allocation.
    pub(crate) fn new(capacity: usize) -> IoTable {
        let capacity = capacity.clamp(1, 1 << 20);
        IoTable {
            places: vec![None; capacity].into(),
            free: (0..capacity as u32).rev().collect(),
            index: Index::new(capacity * 2),
            hasher: RandomState::default(),
            hand: 0,
            changes: Changes::new(capacity),
        }
    }

    /// Bytes that a table for `capacity` connections takes.
    pub(crate) fn bytes(capacity: usize) -> usize {
        let place = size_of::<Option<IoConnection>>() + size_of::<u32>();
        capacity * place + Index::bytes(capacity * 2)
    }

    /// Connections in it, asked for or open.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether there is none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the request `pdu`, if it opens a connection, may do so.
    ///
    /// # Errors
    /// Data would go to many at once; somebody else's bear the same identifier; or there is no room.
    pub(crate) fn check(
        &self,
        opener: FlowId,
        flow: &Flow,
        pdu: &[u8],
        essential: bool,
        now: Time,
    ) -> Result<(), Reason> {
        let Some(Asked::Open(opening)) = asked(pdu) else { return Ok(()) };
        if opening.is_multicast() {
            return Err(Reason::IoMulticast);
        }
        let back = key_back(flow.rewrite(Direction::ToServer), opening.to_originator);
        let there = self.find(&back).and_then(|(id, _)| self.get(id));
        let named = self.named(opener, opening.triad).and_then(|id| self.get(id));
        let in_the_way = |other: &IoConnection| !other.gives_way(opener, pdu, now);
        if there.is_some_and(in_the_way) || named.is_some_and(|it| !it.is_open() && in_the_way(it))
        {
            return Err(Reason::IoIdInUse);
        }
        let own = there.is_some_and(|it| it.opener == opener);
        let free = self.free.len() + usize::from(there.is_some());
        let room = own || free > kept_back(self.places.len(), essential);
        if room && pdu.len() <= REQUEST { Ok(()) } else { Err(Reason::IoTableFull) }
    }

    /// Notes a request that was let through: it opens a connection, closes one, or neither. What passes only
    /// because its sender is observed takes nothing that others may have.
    pub(crate) fn note_request(
        &mut self,
        opener: FlowId,
        flow: &Flow,
        pdu: &[u8],
        essential: bool,
        now: Time,
    ) {
        match asked(pdu) {
            Some(Asked::Open(opening)) if self.check(opener, flow, pdu, essential, now).is_ok() => {
                self.ask(opener, flow, &opening, pdu, now);
            }
            Some(Asked::Close(triad)) => self.ask_to_close(opener, triad, now),
            _ => {}
        }
    }

    /// A connection is to be closed. The device may refuse to, and goes on with it then; so it is not over before
    /// that has said so.
    fn ask_to_close(&mut self, opener: FlowId, triad: Triad, now: Time) {
        if let Some(connection) = self.named(opener, triad).and_then(|id| self.get_mut(id)) {
            connection.ask_to_close(now);
        }
    }

    fn ask(&mut self, opener: FlowId, flow: &Flow, opening: &Opening, pdu: &[u8], now: Time) {
        let back = key_back(flow.rewrite(Direction::ToServer), opening.to_originator);
        let same = self.find(&back).map(|(id, _)| id);
        if let Some(id) = same.filter(|id| self.is_silent(*id, now)) {
            self.close(id, IoEndCause::Silent, now);
        }
        for id in [same, self.named(opener, opening.triad)].into_iter().flatten() {
            self.close(id, IoEndCause::Replaced, now);
        }
        let Some(at) = self.free.pop() else { return };
        // Cannot fail: the index has room for two entries of each place.
        let _ = self.index.insert(self.hash(&back), join(IoId(at), Direction::ToClient));
        if let Some(place) = self.places.get_mut(at as usize) {
            *place = Some(IoConnection::asked(opener, opening, back, pdu, now));
        }
    }

    /// Notes a response that was let through: it opens what was asked for, or not, or closes it.
    pub(crate) fn note_response(&mut self, opener: FlowId, flow: &Flow, pdu: &[u8], now: Time) {
        if self.is_empty() {
            return;
        }
        let Some(Answered { triad, outcome }) = answered(pdu) else { return };
        let Some(id) = self.named(opener, triad) else { return };
        match (outcome, self.is_open(id)) {
            (Outcome::Opened(opened), false) if self.is_awaited(id, flow, &opened, now) => {
                self.open(id, flow, &opened, now);
            }
            (Outcome::Opened(_) | Outcome::Failed, false) => {
                self.close(id, IoEndCause::Closed, now)
            }
            (Outcome::Closed, true) if self.get(id).is_some_and(|it| it.may_be_closed(now)) => {
                self.close(id, IoEndCause::Closed, now);
            }
            _ => {}
        }
    }

    /// Whether that is what its Forward Open asked for, and not too late.
    fn is_awaited(&self, id: IoId, flow: &Flow, opened: &Opened, now: Time) -> bool {
        let back = key_back(flow.rewrite(Direction::ToServer), opened.ids[1]);
        self.get(id).is_some_and(|it| !it.is_silent(now) && *it.key(Direction::ToClient) == back)
    }

    fn open(&mut self, id: IoId, flow: &Flow, opened: &Opened, now: Time) {
        let there = key_back(flow.rewrite(Direction::ToClient), opened.ids[0]);
        let left = key_left(flow.rewrite(Direction::ToServer), opened.ids[0]);
        // A device that gives an identifier again has forgotten what it stood for, whosever that was: to it, all
        // clients are one.
        self.close_each(IoEndCause::Replaced, now, |old| {
            old.is_open() && (*old.left() == left || *old.key(Direction::ToServer) == there)
        });
        let hash = self.hash(&there);
        let Some(connection) = self.get_mut(id) else { return };
        connection.open(there, left, opened, now);
        let (opener, ids) = (connection.opener, connection.ids());
        self.changes.push(Change { opener, ids, time: now, end: None });
        let _ = self.index.insert(hash, join(id, Direction::ToServer));
    }

    /// The connection whose datagrams have this key, and which way they travel.
    pub(crate) fn find(&self, key: &FlowKey) -> Option<(IoId, Direction)> {
        let entry = self.index.find(self.hash(key), |entry| {
            let (id, direction) = split(entry);
            self.get(id).is_some_and(|it| it.key(direction) == key)
        })?;
        Some(split(entry))
    }

    /// The connection at that place.
    pub(crate) fn get(&self, id: IoId) -> Option<&IoConnection> {
        self.places.get(id.0 as usize)?.as_ref()
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, id: IoId) -> Option<&mut IoConnection> {
        self.places.get_mut(id.0 as usize)?.as_mut()
    }

    fn is_open(&self, id: IoId) -> bool {
        self.get(id).is_some_and(|connection| connection.is_open())
    }

    fn is_silent(&self, id: IoId, now: Time) -> bool {
        self.get(id).is_some_and(|connection| connection.is_silent(now))
    }

    /// Forgets a connection. That one was only asked for and came to nothing is told by its command alone.
    pub(crate) fn close(&mut self, id: IoId, cause: IoEndCause, now: Time) {
        let place = self.places.get_mut(id.0 as usize).and_then(Option::take);
        let Some(connection) = place else { return };
        if connection.is_open() {
            let (opener, ids) = (connection.opener, connection.ids());
            self.changes.push(Change { opener, ids, time: now, end: Some(cause) });
        }
        for direction in [Direction::ToServer, Direction::ToClient] {
            let hash = self.hash(connection.key(direction));
            self.index.remove(hash, join(id, direction));
        }
        self.free.push(id.0);
    }

    /// Forgets all that were opened in a flow: it is over.
    #[inline]
    pub(crate) fn close_all(&mut self, opener: FlowId, cause: IoEndCause, now: Time) {
        self.close_each(cause, now, |connection| connection.opener == opener);
    }

    #[inline]
    fn close_each(&mut self, cause: IoEndCause, now: Time, is_it: impl Fn(&IoConnection) -> bool) {
        let places = if self.is_empty() { 0 } else { self.places.len() as u32 };
        for id in (0..places).map(IoId) {
            if self.get(id).is_some_and(&is_it) {
                self.close(id, cause, now);
            }
        }
    }

    /// The connection of that name in that flow. Few are opened or closed, so all places are looked at.
    fn named(&self, opener: FlowId, triad: Triad) -> Option<IoId> {
        if self.is_empty() {
            return None;
        }
        let is_it = |it: &IoConnection| (it.opener, it.triad()) == (opener, triad);
        let at = self.places.iter().position(|place| place.as_ref().is_some_and(is_it))?;
        Some(IoId(at as u32))
    }

    /// Forgets what was silent too long, looking at the next few places.
    #[inline]
    pub(crate) fn age(&mut self, now: Time) {
        if self.is_empty() {
            return;
        }
        for _ in 0..AGE_PLACES {
            let id = IoId(self.hand as u32);
            self.hand = (self.hand + 1) % self.places.len();
            if self.is_silent(id, now) {
                self.close(id, IoEndCause::Silent, now);
            }
        }
    }

    fn hash(&self, key: &FlowKey) -> u64 {
        self.hasher.hash_one(key)
    }
}

const fn join(id: IoId, direction: Direction) -> u32 {
    id.0 << 1 | direction as u32
}

const fn split(entry: u32) -> (IoId, Direction) {
    let direction = if entry & 1 == 0 { Direction::ToServer } else { Direction::ToClient };
    (IoId(entry >> 1), direction)
}
