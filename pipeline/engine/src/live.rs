//! The sessions that this worker has opened: which grant in use is which session.

use core::hash::{BuildHasher, Hasher};
use core::net::Ipv4Addr;
use core::time::Duration;

use foldhash::fast::RandomState;
use wicketgate_dissectors::Transport;
use wicketgate_packet::{PortId, Time};

use crate::index::Index;
use crate::session::{SessionId, Sessions, SlotId};
use crate::tables::GrantId;

/// How long a session without flows stays open: a tool that reconnects for each request is one
/// session, not hundreds.
pub(crate) const LINGER: Duration = Duration::from_secs(60);

/// What makes two uses of a grant the same session: who, from where, at which door. Names and
/// addresses rather than ids, for these stay the same when a policy is loaded anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    /// [`Subject::identity`](crate::tables::Subject::identity).
    pub(crate) who: u64,
    pub(crate) port: PortId,
    pub(crate) source: Ipv4Addr,
    pub(crate) overlay: Ipv4Addr,
    pub(crate) door: (Transport, u16),
}

/// One session of this worker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live {
    pub(crate) id: SessionId,
    pub(crate) slot: SlotId,
    grant: GrantId,
    /// The generation of tables that `grant` counts in.
    epoch: u32,
    of: Use,
    flows: u32,
}

/// The table; as many places as the slab has slots.
pub(crate) struct LiveSessions {
    places: Box<[Option<Live>]>,
    /// By place: when its session's last flow ended; [`Time::NEVER`] where it has flows, or the place is free. Whoever
    /// walks over all places reads no more than this.
    quiet_since: Box<[Time]>,
    free: Vec<u32>,
    index: Index,
    hasher: RandomState,
    hand: usize,
}

impl LiveSessions {
    pub(crate) fn new(capacity: usize) -> LiveSessions {
        let capacity = capacity.clamp(1, 1 << 29);
        LiveSessions {
            places: vec![None; capacity].into(),
            quiet_since: vec![Time::NEVER; capacity].into(),
            free: (0..capacity as u32).rev().collect(),
            index: Index::new(capacity),
            hasher: RandomState::default(),
            hand: 0,
        }
    }

    /// Bytes that a table for `capacity` sessions takes.
    pub(crate) fn bytes(capacity: usize) -> usize {
        let place = size_of::<Option<Live>>() + size_of::<Time>() + size_of::<u32>();
        capacity * place + Index::bytes(capacity)
    }

    /// The session of this use, if there is one.
    pub(crate) fn find(&self, of: &Use) -> Option<Live> {
        self.at(self.place_of(of)?).copied()
    }

    /// The session of this use, with one more flow. `None` where there is none yet.
    pub(crate) fn join(&mut self, of: &Use, right: (GrantId, u32)) -> Option<Live> {
        let at = self.place_of(of)?;
        self.set_quiet_since(at, Time::NEVER);
        let live = self.places.get_mut(at as usize)?.as_mut()?;
        live.flows += 1;
        (live.grant, live.epoch) = right;
        Some(*live)
    }

    /// The session of this use goes on by a grant of another epoch.
    pub(crate) fn rebind(&mut self, of: &Use, right: (GrantId, u32)) {
        if let Some(live) = self.find_mut(of) {
            (live.grant, live.epoch) = right;
        }
    }

    fn place_of(&self, of: &Use) -> Option<u32> {
        self.index.find(self.hash(of), |at| self.at(at).is_some_and(|l| l.of == *of))
    }

    fn find_mut(&mut self, of: &Use) -> Option<&mut Live> {
        let at = self.place_of(of)?;
        self.places.get_mut(at as usize)?.as_mut()
    }

    fn set_quiet_since(&mut self, at: u32, since: Time) {
        if let Some(place) = self.quiet_since.get_mut(at as usize) {
            *place = since;
        }
    }

    /// Opens a session for this use, with one flow; `None` where the slab is full, or what is left of it
    /// kept for essential ones. Each engine has as many places as the slab has slots, so the slab alone
    /// decides, for all workers.
    pub(crate) fn open(
        &mut self,
        of: Use,
        (grant, epoch): (GrantId, u32),
        essential: bool,
        sessions: &Sessions,
    ) -> Option<Live> {
        let at = *self.free.last()?;
        let hash = self.hash(&of);
        // Spread, so that workers do not walk over each other's slots.
        let (slot, id) = sessions.claim(hash as usize, essential)?;
        let live = Live { id, slot, grant, epoch, of, flows: 1 };
        *self.places.get_mut(at as usize)? = Some(live);
        self.free.pop();
        // Cannot fail: the index has room for every place.
        let _ = self.index.insert(hash, at);
        Some(live)
    }

    /// One flow fewer.
    pub(crate) fn release(&mut self, id: SessionId, of: &Use, now: Time) {
        let found = self.index.find(self.hash(of), |at| self.at(at).is_some_and(|l| l.id == id));
        let Some(at) = found else { return };
        let Some(Some(live)) = self.places.get_mut(at as usize) else { return };
        live.flows = live.flows.saturating_sub(1);
        if live.flows == 0 {
            self.set_quiet_since(at, now);
        }
    }

    /// Takes out a session that has had no flow for `linger`, looking at the next few places.
    pub(crate) fn take_quiet(
        &mut self,
        now: Time,
        linger: Duration,
        places: usize,
    ) -> Option<Live> {
        for _ in 0..places.min(self.places.len()) {
            let at = self.hand;
            // A comparison, where a remainder would be a division a place.
            self.hand = if at + 1 < self.places.len() { at + 1 } else { 0 };
            let quiet = |since: &Time| *since != Time::NEVER && now.since(*since) >= linger;
            if self.quiet_since.get(at).is_some_and(quiet) {
                return self.take(at as u32);
            }
        }
        None
    }

    pub(crate) fn capacity(&self) -> usize {
        self.places.len()
    }

    fn take(&mut self, at: u32) -> Option<Live> {
        let live = self.places.get_mut(at as usize)?.take()?;
        let hash = self.hash(&live.of);
        self.index.remove(hash, at);
        self.free.push(at);
        self.set_quiet_since(at, Time::NEVER);
        Some(live)
    }

    fn at(&self, at: u32) -> Option<&Live> {
        self.places.get(at as usize)?.as_ref()
    }

    fn hash(&self, of: &Use) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(u64::from(of.source.to_bits()) << 32 | u64::from(of.overlay.to_bits()));
        let door = u64::from(of.door.1) << 8 | of.door.0 as u64;
        hasher.write_u64(u64::from(of.port.0) << 32 | door);
        hasher.finish()
    }
}

impl Live {
    /// Its grant in the tables of `epoch`, if it was bound to one of them.
    pub(crate) fn grant_in(&self, epoch: u32) -> Option<GrantId> {
        (self.epoch == epoch).then_some(self.grant)
    }

    /// Where it came from.
    pub(crate) fn source(&self) -> Ipv4Addr {
        self.of.source
    }
}
