//! A hash index of fixed size: from a hash to small numbers, whose keys lie elsewhere.
//!
//! Linear probing over 8-byte slots; removal shifts entries back, so that there are no tombstones
//! and a probe is as long after a year as after a minute. Never grows, never allocates after
//! [`Index::new`].

/// The index. At most half of its slots are ever in use.
#[derive(Debug)]
pub struct Index {
    slots: Box<[Slot]>,
    mask: usize,
    used: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    value: u32,
}

const EMPTY: Slot = Slot { tag: 0, value: u32::MAX };

impl Index {
    /// An index for up to `entries` entries, at most 2^30.
    pub fn new(entries: usize) -> Index {
        let slots = Index::slots(entries);
        Index { slots: vec![EMPTY; slots].into(), mask: slots - 1, used: 0 }
    }

    /// Bytes that an index for `entries` entries takes.
    pub(crate) fn bytes(entries: usize) -> usize {
        Index::slots(entries) * size_of::<Slot>()
    }

    fn slots(entries: usize) -> usize {
        (entries.clamp(4, 1 << 30) * 2).next_power_of_two()
    }

    /// Entries in use.
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether no entry is in use.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// The value under `hash` for which `is_it` says yes.
    #[inline]
    pub fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = tag_of(hash);
        let mut at = tag as usize & self.mask;
        // Half of the slots are empty, so a probe ends; the bound says so to the reader.
        for _ in 0..self.slots.len() {
            let slot = self.slots.get(at)?;
            if slot.value == EMPTY.value {
                return None;
            }
            if slot.tag == tag && is_it(slot.value) {
                return Some(slot.value);
            }
            at = (at + 1) & self.mask;
        }
        None
    }

    /// Reads the slot where the search for `hash` begins; what it read.
    #[inline]
    pub(crate) fn line(&self, hash: u64) -> u32 {
        self.slots.get(tag_of(hash) as usize & self.mask).map_or(0, |slot| slot.tag)
    }

    /// Adds an entry that is not there yet. False where half of the slots are in use.
    #[must_use]
    pub fn insert(&mut self, hash: u64, value: u32) -> bool {
        if self.used * 2 >= self.slots.len() || value == EMPTY.value {
            return false;
        }
        let tag = tag_of(hash);
        let mut at = tag as usize & self.mask;
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.value == EMPTY.value {
                *slot = Slot { tag, value };
                self.used += 1;
                return true;
            }
            at = (at + 1) & self.mask;
        }
        false
    }

    /// Removes an entry, if it is there.
    pub fn remove(&mut self, hash: u64, value: u32) {
        let tag = tag_of(hash);
        let mut at = tag as usize & self.mask;
        for _ in 0..=self.mask {
            match self.slots.get(at) {
                Some(slot) if slot.value == value && slot.tag == tag => return self.close_gap(at),
                Some(slot) if slot.value != EMPTY.value => at = (at + 1) & self.mask,
                _ => return,
            }
        }
    }

    /// Empties the slot at `gap` and moves back what would be cut off from its home by that
    /// (Knuth, TAOCP 6.4, algorithm R).
    fn close_gap(&mut self, mut gap: usize) {
        self.used -= 1;
        let mut at = gap;
        for _ in 0..=self.mask {
            at = (at + 1) & self.mask;
            let Some(slot) = self.slots.get(at).copied() else { break };
            if slot.value == EMPTY.value {
                break;
            }
            let home = slot.tag as usize & self.mask;
            let stays = (at.wrapping_sub(home) & self.mask) < (at.wrapping_sub(gap) & self.mask);
            if !stays {
                self.put(gap, slot);
                gap = at;
            }
        }
        self.put(gap, EMPTY);
    }

    fn put(&mut self, at: usize, new: Slot) {
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = new;
        }
    }
}

/// 32 bits of the hash serve as home and as first comparison.
const fn tag_of(hash: u64) -> u32 {
    (hash ^ hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[test]
    fn refuses_beyond_half_full() {
        let mut index = Index::new(4);
        assert_eq!((0..20).filter(|n| index.insert(u64::from(*n), *n)).count(), 4);
    }

    proptest! {
        /// Against the standard map, with hashes that collide most of the time.
        #[test]
        fn behaves_like_a_map(steps in proptest::collection::vec((0u32..24, any::<bool>()), 1..400)) {
            let (mut index, mut model) = (Index::new(16), HashMap::new());
            let hash = |n: u32| u64::from(n % 5) << 3;
            for (n, add) in steps {
                if add && !model.contains_key(&n) && model.len() < 16 {
                    prop_assert!(index.insert(hash(n), n));
                    model.insert(n, ());
                } else if !add {
                    index.remove(hash(n), n);
                    model.remove(&n);
                }
                prop_assert_eq!(index.len(), model.len());
                for m in 0..24 {
                    prop_assert_eq!(index.find(hash(m), |v| v == m).is_some(), model.contains_key(&m));
                }
            }
        }
    }
}
