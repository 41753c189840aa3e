//! The session slab: what control and workers share.
//!
//! A fixed slab of atomic slots. A worker claims a slot when a grant comes into use, keeps its index
//! in every flow, and asks the slot on each frame with one relaxed load. Control revokes with one
//! compare-and-swap: the very next frame is refused. Counters have one writer, the worker that owns
//! the asset, so they are plain loads and stores. Any worker may claim any slot; who did owns it until
//! it ends the session.

use core::net::Ipv4Addr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU64, AtomicUsize};

use wicketgate_packet::Time;

use crate::bars::Bars;
use crate::event::Totals;
use crate::flow::kept_back;
use crate::tables::Rate;

/// The number of a session, growing in the order of their start. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// A session's place in the slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotId(u32);

/// Set in a slot's word beside the id when the session was revoked.
const REVOKED: u64 = 1 << 63;

/// Set when what the session rests on is over, but for operations of several steps that are under way.
const DRAINING: u64 = 1 << 62;

/// A slot, alone on its cache line: the word that is read per frame never shares a line with
/// counters of another session.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Slot {
    /// 0: free. Else the session's id, with [`REVOKED`] or [`DRAINING`] where it may no longer be used.
    live: AtomicU64,
    frames: AtomicU64,
    bytes: AtomicU64,
    commands: AtomicU64,
    denied: AtomicU64,
    /// When the bucket of its rate is full again: nanoseconds of the engine's clock.
    full: AtomicU64,
}

/// Whether a session may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Yes.
    Live,
    /// Only by flows in which an operation is under way.
    Draining,
    /// No: control took it back.
    Revoked,
    /// No: it ended, the slot is free or another's.
    Gone,
}

/// The slab.
#[derive(Debug)]
pub struct Sessions {
    slots: Box<[Slot]>,
    /// Slots that are claimed, or about to be.
    used: AtomicUsize,
    last_id: AtomicU64,
    bars: Bars,
}

impl Sessions {
    /// Sessions of a gate where nobody says how many.
    pub const DEFAULT: usize = 1 << 12;

    /// Bytes that a slab of `capacity` slots takes.
    pub const fn bytes(capacity: usize) -> usize {
        capacity * size_of::<Slot>()
    }

    /// A slab of `capacity` slots. The only allocation.
    pub fn new(capacity: usize) -> Sessions {
        let capacity = capacity.min(u32::MAX as usize);
        Sessions {
            slots: (0..capacity).map(|_| Slot::default()).collect(),
            used: AtomicUsize::new(0),
            last_id: AtomicU64::new(0),
            bars: Bars::new(),
        }
    }

    /// Slots in all.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Whether another session fits; the last slots are kept for essential ones.
    pub fn has_room(&self, essential: bool) -> bool {
        self.used.load(Relaxed) < self.most(essential)
    }

    /// Claims a free slot, looking from `hint` on; `None` where all are taken, or the rest is kept for
    /// essential sessions. At most one walk over the slab, and only when a session starts.
    pub fn claim(&self, hint: usize, essential: bool) -> Option<(SlotId, SessionId)> {
        // Counted first: workers that claim at once must not share out the reserve.
        if self.used.fetch_add(1, Relaxed) >= self.most(essential) {
            self.used.fetch_sub(1, Relaxed);
            return None;
        }
        let claimed = self.claim_free(hint);
        if claimed.is_none() {
            self.used.fetch_sub(1, Relaxed);
        }
        claimed
    }

    fn claim_free(&self, hint: usize) -> Option<(SlotId, SessionId)> {
        let count = self.slots.len();
        let start = hint.checked_rem(count)?;
        for at in (start..count).chain(0..start) {
            let slot = self.slots.get(at)?;
            if slot.live.load(Relaxed) != 0 {
                continue;
            }
            let id = SessionId(self.last_id.fetch_add(1, Relaxed) + 1);
            // Pairs with the release in `end`: whoever had the slot has read its counters.
            if slot.live.compare_exchange(0, id.0, Acquire, Relaxed).is_ok() {
                slot.clear();
                return Some((SlotId(at as u32), id));
            }
        }
        None
    }

    /// How many sessions there may be before another of this standing is refused.
    fn most(&self, essential: bool) -> usize {
        self.slots.len() - kept_back(self.slots.len(), essential)
    }

    /// What the session of that slot and id may do. One relaxed load.
    #[inline]
    pub fn state(&self, slot: SlotId, id: SessionId) -> SessionState {
        match self.slot(slot).map_or(0, |slot| slot.live.load(Relaxed)) {
            word if word == id.0 => SessionState::Live,
            word if word == id.0 | REVOKED => SessionState::Revoked,
            word if word == id.0 | DRAINING => SessionState::Draining,
            _ => SessionState::Gone,
        }
    }

    /// Reads a slot's line; what it read.
    #[inline]
    pub(crate) fn line(&self, slot: SlotId) -> u64 {
        self.slot(slot).map_or(0, |slot| slot.live.load(Relaxed))
    }

    /// Takes a session back: every frame after this call is refused. False where it has ended.
    pub fn revoke(&self, id: SessionId) -> bool {
        self.mark(id.0 | DRAINING, id.0 | REVOKED) || self.mark(id.0, id.0 | REVOKED)
    }

    /// Lets only those flows of a session go on in which an operation is under way. False where it is
    /// not live.
    pub fn drain(&self, id: SessionId) -> bool {
        self.mark(id.0, id.0 | DRAINING)
    }

    fn mark(&self, before: u64, after: u64) -> bool {
        let mark =
            |slot: &Slot| slot.live.compare_exchange(before, after, Relaxed, Relaxed).is_ok();
        self.slots.iter().any(mark)
    }

    /// Lets nobody but machines in from this source any more, by tables of `epoch` or before: whoever's
    /// sessions are taken back begins no other until tables say what is left. Only control calls this.
    pub fn bar(&self, source: Ipv4Addr, epoch: u32) {
        self.bars.set(source, epoch);
    }

    /// Whether tables of `epoch` let nobody but machines in from this source any more.
    pub(crate) fn is_barred(&self, source: Ipv4Addr, epoch: u32) -> bool {
        self.bars.hold(source, epoch)
    }

    /// Ends a session and frees its slot; returns what it did. Only its worker calls this.
    pub fn end(&self, slot: SlotId) -> Totals {
        let Some(slot) = self.slot(slot) else { return Totals::default() };
        let totals = slot.totals();
        slot.live.store(0, Release);
        self.used.fetch_sub(1, Relaxed);
        totals
    }

    /// Adds to a session's counters. Only its worker calls this.
    #[inline(always)]
    pub fn count(&self, slot: SlotId, more: Totals) {
        if let Some(slot) = self.slot(slot) {
            add(&slot.frames, more.frames);
            add(&slot.bytes, more.bytes);
            add(&slot.commands, more.commands);
            add(&slot.denied, more.denied);
        }
    }

    /// Whether one more passes at this rate. Only the session's worker calls this.
    pub(crate) fn spend(&self, slot: SlotId, rate: Rate, now: Time) -> bool {
        let Some(slot) = self.slot(slot) else { return false };
        let (passes, full) = rate.spend(Time::from_nanos(slot.full.load(Relaxed)), now);
        slot.full.store(full.as_nanos(), Relaxed);
        passes
    }

    /// The sessions that are live or revoked but not ended, with their counters.
    pub fn list(&self) -> impl Iterator<Item = (SessionId, SessionState, Totals)> {
        self.slots.iter().filter_map(|slot| {
            let word = slot.live.load(Relaxed);
            let state = match word {
                word if word & REVOKED != 0 => SessionState::Revoked,
                word if word & DRAINING != 0 => SessionState::Draining,
                _ => SessionState::Live,
            };
            let id = SessionId(word & !(REVOKED | DRAINING));
            (word != 0).then(|| (id, state, slot.totals()))
        })
    }

    fn slot(&self, slot: SlotId) -> Option<&Slot> {
        self.slots.get(slot.0 as usize)
    }
}

impl Slot {
    fn totals(&self) -> Totals {
        Totals {
            frames: self.frames.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            commands: self.commands.load(Relaxed),
            denied: self.denied.load(Relaxed),
        }
    }

    fn clear(&self) {
        for counter in [&self.frames, &self.bytes, &self.commands, &self.denied, &self.full] {
            counter.store(0, Relaxed);
        }
    }
}

/// One writer: no locked instruction is needed.
fn add(counter: &AtomicU64, more: u64) {
    if more != 0 {
        counter.store(counter.load(Relaxed).wrapping_add(more), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revoking_is_seen_by_the_next_look() {
        let sessions = Sessions::new(2);
        let (slot, id) = sessions.claim(0, true).unwrap();
        assert_eq!(sessions.state(slot, id), SessionState::Live);
        assert!(sessions.revoke(id));
        assert_eq!(sessions.state(slot, id), SessionState::Revoked);
        assert!(!sessions.revoke(id), "only once");
    }

    #[test]
    fn a_reused_slot_does_not_serve_the_old_session() {
        let sessions = Sessions::new(1);
        let (slot, old) = sessions.claim(0, true).unwrap();
        assert!(sessions.claim(0, true).is_none(), "full");
        sessions.count(slot, Totals { frames: 3, ..Totals::default() });
        assert_eq!(sessions.end(slot).frames, 3);
        let (again, new) = sessions.claim(0, true).unwrap();
        assert_eq!((again, new.0), (slot, old.0 + 1));
        assert_eq!(sessions.state(slot, old), SessionState::Gone);
        assert!(!sessions.revoke(old));
        assert_eq!(sessions.end(slot), Totals::default(), "counters start anew");
    }

    #[test]
    fn threads_claim_every_slot_once() {
        let sessions = Sessions::new(64);
        let claim = || {
            (0..32).filter_map(|n| sessions.claim(n, true)).map(|(_, id)| id).collect::<Vec<_>>()
        };
        let (a, b) = std::thread::scope(|scope| {
            let (a, b) = (scope.spawn(claim), scope.spawn(claim));
            (a.join().unwrap(), b.join().unwrap())
        });
        assert_eq!(a.len() + b.len(), 64);
        assert_eq!(sessions.list().count(), 64);
    }
    #[test]
    fn the_reserve_is_one_for_all_who_claim() {
        let sessions = Sessions::new(32);
        let people = || (0..32).filter_map(|n| sessions.claim(n, false)).count();
        let claimed = std::thread::scope(|scope| {
            let (a, b) = (scope.spawn(people), scope.spawn(people));
            a.join().unwrap() + b.join().unwrap()
        });
        assert_eq!(claimed, 30, "a sixteenth is kept back, whoever asks");
        assert!(sessions.has_room(true) && sessions.claim(0, true).is_some());
    }
}
