//! Flows: one L4 connection each, found by the addresses of either side.

use core::hash::{BuildHasher, Hasher};
use core::net::Ipv4Addr;
use core::time::Duration;

use foldhash::fast::RandomState;
use wicketgate_dissectors::{Direction, Transport};
use wicketgate_packet::wire::Ipv4Tcp;
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

    /// None is shorter than that of what is reset: ageing relies on it.
    const _: () = {
        let shortest = CLOSED.as_secs();
        assert!(shortest <= OPENING.as_secs() && shortest <= ESTABLISHED.as_secs());
        assert!(shortest <= CLOSING.as_secs() && shortest <= UDP.as_secs());
        assert!(shortest <= ICMP.as_secs());
    };

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
        let place = u64::from(port.0) << 16 | u64::from(vlan.unwrap_or(0)) << 4 | transport as u64;
        FlowKey {
            addresses: u64::from(src.0.to_bits()) << 32 | u64::from(dst.0.to_bits()),
            rest: u64::from(src.1) << 48 | u64::from(dst.1) << 32 | place,
        }
    }

    /// The key of this segment.
    #[inline]
    pub(crate) fn of_plain(port: PortId, plain: &Plain<'_>) -> FlowKey {
        let Ipv4Tcp { ip, tcp } = plain.headers;
        let vlan = plain.tag.map(|tag| tag & 0x0fff);
        let (src, dst) = (tcp.src_port.get(), tcp.dst_port.get());
        FlowKey::new(port, vlan, Transport::Tcp, (ip.src.into(), src), (ip.dst.into(), dst))
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
///
/// Of a million flows none is in a cache when its frame comes, and each line of it is waited for. So fields lie in
/// this order: what an ordinary frame asks or changes fills the first four lines, and no line is begun in vain.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Flow {
    /// How its frames are found: by direction.
    pub keys: [FlowKey; 2],
    /// Its session.
    pub session: SessionId,
    /// When what it may do ends.
    pub until: Time,
    /// When it will have been silent too long.
    pub idle_at: Time,
    /// The generation of tables that `grant` counts in.
    pub epoch: u32,
    /// Its session's place.
    pub slot: SlotId,

    /// Where its bytes are read; `None` where they are not.
    pub stream: Option<StreamId>,
    /// What it did.
    pub totals: Totals,
    /// What it may do.
    pub grant: GrantId,
    /// Where it leads.
    pub endpoint: EndpointId,
    /// Whose door that is.
    pub asset: AssetId,
    /// Who asks: address and port.
    pub client: (Ipv4Addr, u16),
    /// Why nothing of it passes any more.
    pub dead: Option<EndCause>,
    /// What carries it.
    pub transport: Transport,

    /// TCP's state; idle for other transports.
    pub tcp: Connection,
    /// How its frames leave: by direction.
    pub rewrites: [Rewrite; 2],
    /// How long it may be silent.
    pub patience: Duration,

    /// Which use of its grant it is part of.
    pub(crate) used: Use,
    /// The MAC address that the client's frames come from.
    pub client_mac: Mac,
}

/// Bytes that a processor fetches at a time.
#[cfg(test)]
pub(crate) const LINE: usize = 64;

/// How long a place of the table is not looked at once it was. No flow's patience is shorter, so by then none that
/// was used or shortened since is overdue, and nothing has to be noted in the meantime.
const LOOK_AGAIN: Duration = timeout::CLOSED;

/// The flows of one worker: a slab and an index with two entries a flow.
pub struct Flows {
    slab: Box<[Option<Flow>]>,
    /// By place: when to look whether its flow was silent too long, never before it was; [`Time::NEVER`] where the
    /// place is free. Whoever walks over all places reads this, and a flow only when it is due.
    look_at: Box<[Time]>,
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
            look_at: vec![Time::NEVER; capacity].into(),
            free: (0..capacity as u32).rev().collect(),
            index: Index::new(capacity * 2),
            // Seeded per process: nobody outside can choose addresses that collide.
            hasher: RandomState::default(),
            hand: 0,
        }
    }

    /// Bytes that a table for `capacity` flows takes.
    pub(crate) fn bytes(capacity: usize) -> usize {
        let place = size_of::<Option<Flow>>() + size_of::<Time>() + size_of::<u32>();
        capacity * place + Index::bytes(capacity * 2)
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

    /// Reads the place in the index where the search for a key of this hash begins; what it read.
    #[inline]
    pub(crate) fn index_line(&self, hash: u64) -> u64 {
        self.index.line(hash).into()
    }

    /// The flow that a key of this hash most likely belongs to, without looking at it.
    #[inline]
    pub(crate) fn guess(&self, hash: u64) -> Option<(FlowId, Direction)> {
        self.index.find(hash, |_| true).map(split)
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
        let begun = flow.idle_at - flow.patience;
        *self.slab.get_mut(id.0 as usize)? = Some(flow);
        self.set_look_at(id, begun + LOOK_AGAIN);
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
        self.set_look_at(id, Time::NEVER);
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
            let ahead = self.look_at.get(self.hand..).unwrap_or_default();
            let run = ahead.len().min(*places);
            let due = ahead.iter().take(run).position(|due| now > *due);
            let passed = due.map_or(run, |at| at + 1);
            let next = self.hand + passed;
            *places -= passed;
            self.hand = if next < self.slab.len() { next } else { 0 };
            if due.is_some() && self.is_idle(next - 1, now) {
                return Some(FlowId(next as u32 - 1));
            }
        }
        None
    }

    /// Looks whether the flow at a place was silent too long; where it was not, the place is left alone for a while.
    #[inline(never)]
    fn is_idle(&mut self, at: usize, now: Time) -> bool {
        let id = FlowId(at as u32);
        let Some(flow) = self.get(id) else { return false };
        let (idle, due) = (flow.is_idle(now), flow.idle_at.min(now + LOOK_AGAIN));
        if !idle {
            self.set_look_at(id, due);
        }
        idle
    }

    fn set_look_at(&mut self, id: FlowId, due: Time) {
        if let Some(place) = self.look_at.get_mut(id.0 as usize) {
            *place = due;
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

    #[inline]
    pub(crate) fn hash(&self, key: &FlowKey) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(key.addresses);
        hasher.write_u64(key.rest);
        hasher.finish()
    }
}

impl Flow {
    /// Reads each line that an ordinary frame needs; what it read.
    #[inline]
    pub(crate) fn lines(&self) -> u64 {
        let [there, back] = &self.rewrites;
        let (far, near) = (there.egress.0 ^ back.egress.0, self.epoch ^ self.grant.0);
        u64::from(far) ^ u64::from(near) ^ self.session.0
    }

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

#[cfg(test)]
mod tests {
    use core::mem::offset_of;

    use super::*;

    /// Where a field lies: the line that it begins in, and the one that it ends in.
    macro_rules! lines {
        ($field:ident, $of:ty) => {
            (
                offset_of!(Flow, $field) / LINE,
                (offset_of!(Flow, $field) + size_of::<$of>() - 1) / LINE,
            )
        };
    }

    #[test]
    fn an_ordinary_frame_needs_four_lines_of_its_flow() {
        assert_eq!((align_of::<Flow>(), size_of::<Option<Flow>>()), (LINE, 5 * LINE));
        assert_eq!((lines!(keys, [FlowKey; 2]), lines!(slot, SlotId)), ((0, 0), (0, 0)));
        assert_eq!((lines!(stream, StreamId), lines!(transport, Transport)), ((1, 1), (1, 1)));
        assert_eq!((lines!(tcp, Connection), lines!(rewrites, [Rewrite; 2])), ((1, 2), (2, 3)));
        assert_eq!((lines!(patience, Duration), lines!(used, Use)), ((3, 3), (4, 4)));
        let there = offset_of!(Flow, rewrites);
        let lines_read = [there, there + size_of::<Rewrite>()].map(|at| at / LINE);
        assert_eq!(lines_read, [2, 3], "the frame's own and the other");
    }
}
