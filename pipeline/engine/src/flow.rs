//! Flows: one L4 connection each, found by the addresses of either side.

use core::hash::{BuildHasher, Hasher};
use core::net::Ipv4Addr;
use core::time::Duration;

use foldhash::fast::RandomState;
use wicketgate_dissectors::{Direction, Transport};
use wicketgate_packet::{Headers, L4, Plain, PortId, Time};

use crate::event::{EndCause, Totals};
use crate::index::Index;
use crate::live::Use;
use crate::session::{SessionId, SlotId};
use crate::stream::StreamId;
use crate::tables::{AssetId, EndpointId, GrantId, Mac};
use crate::tcp::Connection;
use crate::translate::Rewrite;

/// How long a flow may be silent.
pub mod timeout {
    use super::{Duration, Transport};

    /// TCP, handshake not complete (RFC 5382 REQ-5: not less than 4 minutes). Stacks wait up to 64 seconds
    /// between two SYNs, or two answers to one.
    pub const OPENING: Duration = Duration::from_secs(4 * 60);
    /// TCP, open (RFC 5382 REQ-5: not less than 2 hours 4 minutes).
    pub const ESTABLISHED: Duration = Duration::from_secs(2 * 3600 + 4 * 60);
    /// TCP, closing (RFC 5382 REQ-5: not less than 4 minutes).
    pub const CLOSING: Duration = Duration::from_secs(4 * 60);
    /// TCP, reset: only so that stragglers are named for what they are.
    pub const CLOSED: Duration = Duration::from_secs(10);
    /// UDP (RFC 4787 REQ-5: 5 minutes or more is recommended).
    pub const UDP: Duration = Duration::from_secs(5 * 60);
    /// ICMP echo (RFC 5508 REQ-2: not less than 60 seconds).
    pub const ICMP: Duration = Duration::from_secs(60);

    /// That of a flow that begins.
    pub(crate) const fn at_first(transport: Transport) -> Duration {
        match transport {
            Transport::Tcp => OPENING,
            Transport::Udp => UDP,
            Transport::Icmp => ICMP,
        }
    }
}

/// The addresses of a flow's frames as they come in on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FlowKey {
    addresses: u64,
    rest: u64,
}

impl FlowKey {
    /// The key of frames that come in by `port` on `vlan` from `src` to `dst`.
    #[inline]
    pub fn new(
        port: PortId,
        vlan: Option<u16>,
        transport: Transport,
        src: (Ipv4Addr, u16),
        dst: (Ipv4Addr, u16),
    ) -> FlowKey {
        FlowKey {
            addresses: u64::from(src.0.to_bits()) << 32 | u64::from(dst.0.to_bits()),
            rest: u64::from(src.1) << 48 | u64::from(dst.1) << 32 | place(port, vlan, transport),
        }
    }

    /// The key of this segment.
    #[inline]
    pub(crate) fn of_plain(port: PortId, plain: &Plain<'_>) -> FlowKey {
        let (addresses, ports) = plain.headers.ends();
        let vlan = plain.tag().map(|tag| tag & 0x0fff);
        FlowKey { addresses, rest: u64::from(ports) << 32 | place(port, vlan, Transport::Tcp) }
    }

    /// The key of this frame.
    #[inline]
    pub fn of(port: PortId, headers: &Headers) -> FlowKey {
        let (src, dst) = headers.ports();
        let transport = transport_of(headers);
        let vlan = headers.link.vlan();
        FlowKey::new(port, vlan, transport, (headers.src, src), (headers.dst, dst))
    }
}

/// Where frames come in, and what carries their payload: the part of a key that is no end's.
#[inline(always)]
fn place(port: PortId, vlan: Option<u16>, transport: Transport) -> u64 {
    u64::from(port.0) << 16 | u64::from(vlan.unwrap_or(0)) << 4 | transport as u64
}

/// What carries this frame's payload.
pub fn transport_of(headers: &Headers) -> Transport {
    match headers.l4 {
        L4::Tcp(_) => Transport::Tcp,
        L4::Udp { .. } => Transport::Udp,
        L4::Icmp { .. } => Transport::Icmp,
    }
}

/// A flow's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowId(u32);

/// One flow. Made only by admission, from a grant and a session.
#[derive(Clone, Debug)]
pub struct Flow {
    /// How its frames are found: by direction.
    pub keys: [FlowKey; 2],
    /// How its frames leave: by direction.
    pub rewrites: [Rewrite; 2],
    /// Its session's place.
    pub slot: SlotId,
    /// Its session.
    pub session: SessionId,
    /// What it may do.
    pub grant: GrantId,
    /// When that ends.
    pub until: Time,
    /// The generation of tables that `grant` counts in.
    pub epoch: u32,
    /// Where it leads.
    pub endpoint: EndpointId,
    /// Whose door that is.
    pub asset: AssetId,
    /// Who asks: address and port.
    pub client: (Ipv4Addr, u16),
    /// The MAC address that the client's frames come from.
    pub client_mac: Mac,
    /// What carries it.
    pub transport: Transport,
    /// Which use of its grant it is part of.
    pub(crate) used: Use,
    /// TCP's state; idle for other transports.
    pub tcp: Connection,
    /// Where its bytes are read; `None` where they are not.
    pub stream: Option<StreamId>,
    /// Why nothing of it passes any more.
    pub dead: Option<EndCause>,
    /// How long it may be silent.
    pub patience: Duration,
    /// When that will have been too long.
    pub idle_at: Time,
    /// What it did.
    pub totals: Totals,
}

/// The flows of one worker: a slab and an index with two entries a flow.
pub struct Flows {
    slab: Box<[Option<Flow>]>,
    /// A bit a place of the slab, set where it is taken: whoever walks over all places reads no more than that.
    taken: Box<[u64]>,
    free: Vec<u32>,
    index: Index,
    hasher: RandomState,
    hand: usize,
}

impl Flows {
    /// A table for `capacity` flows, at most 2^29. The only allocation.
    pub fn new(capacity: usize) -> Flows {
        let capacity = capacity.clamp(1, 1 << 29);
        Flows {
            slab: vec![None; capacity].into(),
            taken: vec![0; capacity.div_ceil(64)].into(),
            free: (0..capacity as u32).rev().collect(),
            index: Index::new(capacity * 2),
            // Seeded per process: nobody outside can choose addresses that collide.
            hasher: RandomState::default(),
            hand: 0,
        }
    }

    /// Bytes that a table for `capacity` flows takes.
    pub(crate) fn bytes(capacity: usize) -> usize {
        let places = capacity * (size_of::<Option<Flow>>() + size_of::<u32>());
        places + capacity.div_ceil(64) * size_of::<u64>() + Index::bytes(capacity * 2)
    }

    /// Flows in the table.
    pub fn len(&self) -> usize {
        self.slab.len() - self.free.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether another flow fits; the last places are kept for essential ones.
    pub fn has_room(&self, essential: bool) -> bool {
        self.free.len() > kept_back(self.slab.len(), essential)
    }

    /// The flow whose frames have this key, and which way they travel.
    #[inline]
    pub fn find(&self, key: &FlowKey) -> Option<(FlowId, Direction)> {
        let entry = self.index.find(self.hash(key), |entry| {
            let (id, direction) = split(entry);
            self.get(id).is_some_and(|flow| flow.keys.get(direction as usize) == Some(key))
        })?;
        Some(split(entry))
    }

    /// Fetches the place in the index where a key's search begins; the key's hash.
    #[inline]
    pub(crate) fn fetch_index(&self, key: &FlowKey) -> u64 {
        let hash = self.hash(key);
        self.index.fetch(hash);
        hash
    }

    /// The flow that a key of this hash most likely belongs to, without asking it.
    #[inline]
    pub(crate) fn guess(&self, hash: u64) -> Option<FlowId> {
        self.index.find(hash, |_| true).map(|entry| split(entry).0)
    }

    /// Adds a flow; `None` where the table is full or one of its keys is taken.
    pub fn insert(&mut self, flow: Flow) -> Option<FlowId> {
        if flow.keys.iter().any(|key| self.find(key).is_some()) {
            return None;
        }
        let id = FlowId(self.free.pop()?);
        for (key, direction) in flow.keys.iter().zip(DIRECTIONS) {
            let hash = self.hash(key);
            // Cannot fail: the index has room for two entries of each slot of the slab.
            let _ = self.index.insert(hash, join(id, direction));
        }
        *self.slab.get_mut(id.0 as usize)? = Some(flow);
        self.mark(id, true);
        Some(id)
    }

    /// Takes a flow out.
    pub fn remove(&mut self, id: FlowId) -> Option<Flow> {
        let flow = self.slab.get_mut(id.0 as usize)?.take()?;
        for (key, direction) in flow.keys.iter().zip(DIRECTIONS) {
            let hash = self.hash(key);
            self.index.remove(hash, join(id, direction));
        }
        self.free.push(id.0);
        self.mark(id, false);
        Some(flow)
    }

    /// The flow of that id.
    #[inline]
    pub fn get(&self, id: FlowId) -> Option<&Flow> {
        self.slab.get(id.0 as usize)?.as_ref()
    }

    /// The same, to be changed.
    #[inline]
    pub fn get_mut(&mut self, id: FlowId) -> Option<&mut Flow> {
        self.slab.get_mut(id.0 as usize)?.as_mut()
    }

    /// Looks at the next few places, round and round; returns a flow there that was silent too long.
    pub fn next_idle(&mut self, now: Time, places: &mut usize) -> Option<FlowId> {
        while *places > 0 {
            *places -= 1;
            let at = self.hand;
            // A comparison, where a remainder would be a division a place.
            self.hand = if at + 1 < self.slab.len() { at + 1 } else { 0 };
            let id = FlowId(at as u32);
            if self.is_taken(id) && self.get(id).is_some_and(|flow| flow.is_idle(now)) {
                return Some(id);
            }
        }
        None
    }

    fn is_taken(&self, id: FlowId) -> bool {
        self.taken.get(id.0 as usize / 64).is_some_and(|word| word >> (id.0 % 64) & 1 == 1)
    }

    fn mark(&mut self, id: FlowId, taken: bool) {
        if let Some(word) = self.taken.get_mut(id.0 as usize / 64) {
            let bit = 1 << (id.0 % 64);
            *word = if taken { *word | bit } else { *word & !bit };
        }
    }

    /// The ids of all places in the table, taken or not.
    pub fn places(&self) -> impl Iterator<Item = FlowId> + use<> {
        (0..self.slab.len() as u32).map(FlowId)
    }

    /// Places in the table.
    pub fn capacity(&self) -> usize {
        self.slab.len()
    }

    fn hash(&self, key: &FlowKey) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(key.addresses);
        hasher.write_u64(key.rest);
        hasher.finish()
    }
}

impl Flow {
    /// How its frames of that direction leave.
    #[inline]
    pub fn rewrite(&self, direction: Direction) -> &Rewrite {
        let [there, back] = &self.rewrites;
        match direction {
            Direction::ToServer => there,
            Direction::ToClient => back,
        }
    }

    /// It was used.
    #[inline]
    pub(crate) fn touch(&mut self, now: Time) {
        self.idle_at = now + self.patience;
    }

    /// Whether it was silent longer than it may be.
    #[inline]
    pub fn is_idle(&self, now: Time) -> bool {
        now > self.idle_at
    }
}

/// How many of a table's `places` stay free for essential flows (DESIGN 5): a sixteenth of them.
pub(crate) const fn kept_back(places: usize, essential: bool) -> usize {
    if essential { 0 } else { places / 16 }
}

const DIRECTIONS: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

const fn join(id: FlowId, direction: Direction) -> u32 {
    id.0 << 1 | direction as u32
}

const fn split(entry: u32) -> (FlowId, Direction) {
    let direction = if entry & 1 == 0 { Direction::ToServer } else { Direction::ToClient };
    (FlowId(entry >> 1), direction)
}
