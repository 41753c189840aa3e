//! When to come back to which stream.
//!
//! A wheel of [`SLOTS`] slots, [`TICK`] each. A stream waits in the slot of its deadline, or in the
//! farthest one where that lies beyond the wheel, and is then put in again. Setting, clearing and
//! finding the next deadline take the same few steps however many streams wait.
//!
//! Invariant: a stream waits in at most one slot, and a slot's bit is set exactly if a stream waits
//! there.

use core::time::Duration;

use wicketgate_packet::Time;

/// Slots of the wheel.
const SLOTS: usize = 256;

/// What one slot spans. Deadlines are kept to this.
const TICK: Duration = Duration::from_millis(10);

/// Nobody's number.
const NONE: u32 = u32::MAX;

/// One stream's place in a slot's list.
#[derive(Clone, Copy, Debug)]
struct Place {
    deadline: Time,
    before: u32,
    behind: u32,
    slot: u16,
    waits: bool,
}

/// The deadlines of the streams of one engine.
pub(crate) struct Timers {
    places: Box<[Place]>,
    first: [u32; SLOTS],
    /// One bit a slot: whether a stream waits there.
    taken: [u64; SLOTS / 64],
    /// The tick that is looked at next; those before it are over.
    hand: u64,
    waiting: usize,
}

impl Timers {
    /// Room for `capacity` streams. The only allocation.
    pub(crate) fn new(capacity: usize) -> Timers {
        let place =
            Place { deadline: Time::NEVER, before: NONE, behind: NONE, slot: 0, waits: false };
        Timers {
            places: vec![place; capacity].into(),
            first: [NONE; SLOTS],
            taken: [0; SLOTS / 64],
            hand: 0,
            waiting: 0,
        }
    }

    /// Bytes that the deadlines of `capacity` streams take.
    pub(crate) const fn bytes(capacity: usize) -> usize {
        capacity * size_of::<Place>()
    }

    /// Has stream `id` come up at `deadline`, and not at another time; `None`: not at all. It is `now`.
    pub(crate) fn set(&mut self, id: usize, deadline: Option<Time>, now: Time) {
        let Some(place) = self.places.get(id) else { return };
        if place.waits {
            self.take_out(id);
        }
        if self.waiting == 0 {
            self.hand = self.hand.max(tick_of(now));
        }
        if let Some(deadline) = deadline {
            self.put_in(id, deadline);
        }
    }

    /// When to call [`Timers::due`] next: no stream is due before; [`Time::NEVER`] where none waits.
    pub(crate) fn next(&self) -> Time {
        if self.waiting == 0 {
            return Time::NEVER;
        }
        let ahead = (0..=self.taken.len()).find_map(|step| self.taken_from(step));
        ahead.map_or(Time::NEVER, |ahead| start_of(self.hand + ahead + 1))
    }

    /// A stream whose deadline is over, taken out. To be called until there is none.
    pub(crate) fn due(&mut self, now: Time) -> Option<usize> {
        let tick = tick_of(now);
        while self.waiting > 0 && self.hand < tick {
            let slot = (self.hand % SLOTS as u64) as usize;
            let Some(id) = self.first.get(slot).copied().filter(|id| *id != NONE) else {
                self.turn(tick);
                continue;
            };
            let id = id as usize;
            self.take_out(id);
            match self.places.get(id).map(|place| place.deadline) {
                Some(deadline) if deadline > now => self.put_in(id, deadline),
                _ => return Some(id),
            }
        }
        None
    }

    /// On to the next slot where somebody waits, at most to `tick`.
    fn turn(&mut self, tick: u64) {
        let ahead = (0..=self.taken.len()).find_map(|step| self.taken_from(step));
        self.hand = tick.min(self.hand + ahead.unwrap_or(SLOTS as u64));
    }

    /// How many ticks ahead of the hand the first taken slot is, looking at one word of bits.
    fn taken_from(&self, step: usize) -> Option<u64> {
        let at = (self.hand % SLOTS as u64) as usize;
        let (word, bit) = ((at / 64 + step) % self.taken.len(), at % 64);
        let bits = self.taken.get(word)?;
        let seen = match step {
            0 => bits >> bit << bit,
            // Once round: what lies before the hand in its own word.
            _ if step == self.taken.len() => bits & !(u64::MAX << bit),
            _ => *bits,
        };
        let slot = word * 64 + seen.trailing_zeros() as usize;
        (seen != 0).then(|| ((slot + SLOTS - at) % SLOTS) as u64)
    }

    fn put_in(&mut self, id: usize, deadline: Time) {
        let last = self.hand + SLOTS as u64 - 1;
        let tick = tick_of(deadline).clamp(self.hand, last);
        let slot = (tick % SLOTS as u64) as usize;
        let behind = self.first.get(slot).copied().unwrap_or(NONE);
        if let Some(next) = self.places.get_mut(behind as usize) {
            next.before = id as u32;
        }
        if let Some(place) = self.places.get_mut(id) {
            *place = Place { deadline, before: NONE, behind, slot: slot as u16, waits: true };
        }
        self.set_first(slot, id as u32);
        self.waiting += 1;
    }

    fn take_out(&mut self, id: usize) {
        let Some(place) = self.places.get_mut(id) else { return };
        let Place { before, behind, slot, .. } = *place;
        place.waits = false;
        self.waiting -= 1;
        if let Some(next) = self.places.get_mut(behind as usize) {
            next.before = before;
        }
        match self.places.get_mut(before as usize) {
            Some(previous) => previous.behind = behind,
            None => self.set_first(usize::from(slot), behind),
        }
    }

    fn set_first(&mut self, slot: usize, id: u32) {
        if let Some(first) = self.first.get_mut(slot) {
            *first = id;
        }
        if let Some(bits) = self.taken.get_mut(slot / 64) {
            let bit = 1 << (slot % 64);
            *bits = if id == NONE { *bits & !bit } else { *bits | bit };
        }
    }
}

/// The tick in which `time` lies.
const fn tick_of(time: Time) -> u64 {
    time.as_nanos() / TICK.as_nanos() as u64
}

/// When a tick begins.
const fn start_of(tick: u64) -> Time {
    Time::from_nanos(tick.saturating_mul(TICK.as_nanos() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn at(ms: u64) -> Time {
        Time::from_nanos(1_772_438_400_000_000_000 + ms * 1_000_000)
    }

    fn all_due(timers: &mut Timers, now: Time) -> Vec<usize> {
        let mut due: Vec<usize> = std::iter::from_fn(|| timers.due(now)).collect();
        due.sort_unstable();
        due
    }

    #[test]
    fn nobody_waits_at_first() {
        let mut timers = Timers::new(4);
        assert_eq!((timers.next(), timers.due(at(0))), (Time::NEVER, None));
        timers.set(9, Some(at(0)), at(0));
        assert_eq!(timers.next(), Time::NEVER, "no such stream");
    }

    #[test]
    fn a_stream_comes_up_once_and_not_before_its_time() {
        let mut timers = Timers::new(4);
        timers.set(2, Some(at(200)), at(0));
        timers.set(1, Some(at(30_000)), at(0));
        assert_eq!(timers.due(at(199)), None);
        assert!(timers.next() > at(199) && timers.next() <= at(210));
        assert_eq!(all_due(&mut timers, at(215)), [2]);
        assert_eq!(all_due(&mut timers, at(29_990)), []);
        assert_eq!(all_due(&mut timers, at(30_010)), [1]);
        assert_eq!(timers.next(), Time::NEVER);
    }

    #[test]
    fn the_last_deadline_counts() {
        let mut timers = Timers::new(4);
        timers.set(0, Some(at(100)), at(0));
        timers.set(0, Some(at(500)), at(0));
        timers.set(1, Some(at(100)), at(0));
        timers.set(1, None, at(0));
        assert_eq!(all_due(&mut timers, at(400)), []);
        assert_eq!(all_due(&mut timers, at(510)), [0]);
    }

    proptest! {
        /// Against a list that is searched whole.
        #[test]
        fn is_a_list_of_deadlines(
            steps in proptest::collection::vec((0usize..8, prop::option::of(0u64..40_000), 0u64..5_000), 1..80),
        ) {
            let (mut timers, mut model, mut now) = (Timers::new(8), BTreeMap::new(), 0);
            for (id, deadline, passes) in steps {
                let deadline = deadline.map(|ms| at(now + ms));
                timers.set(id, deadline, at(now));
                match deadline {
                    Some(deadline) => { model.insert(id, deadline); }
                    None => { model.remove(&id); }
                }
                let earliest = model.values().min().copied();
                prop_assert!(earliest.is_none_or(|due| timers.next() <= due + TICK));
                prop_assert_eq!(earliest.is_none(), timers.next() == Time::NEVER);
                now += passes;
                let due = all_due(&mut timers, at(now));
                let over = |deadline: &Time| tick_of(*deadline) < tick_of(at(now));
                prop_assert!(due.iter().all(|id| model.remove(id).is_some_and(|d| d <= at(now))));
                prop_assert!(!model.values().any(over), "{:?} at {}", model, now);
            }
        }
    }
}
