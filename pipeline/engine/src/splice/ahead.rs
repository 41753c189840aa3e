//! Which bytes have come ahead of their turn.

use super::number::Offset;

/// Gaps that are remembered; a segment that would make another is dropped and comes again.
const RANGES: usize = 16;

/// Ranges of bytes behind a gap, in order and apart, as the sender numbers them.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Ahead {
    len: usize,
    ranges: [(Offset, Offset); RANGES],
}

impl Ahead {
    /// None.
    pub const EMPTY: Ahead = Ahead { ranges: [(0, 0); RANGES], len: 0 };

    /// Whether none has.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// The ranges, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = (Offset, Offset)> {
        self.ranges.iter().copied().take(self.len)
    }

    /// The parts of `from..to` that have come already.
    pub fn overlaps(&self, from: Offset, to: Offset) -> impl Iterator<Item = (Offset, Offset)> {
        self.iter().map(move |(l, r)| (l.max(from), r.min(to))).filter(|(l, r)| l < r)
    }

    /// Notes that `from..to` has come. False, with nothing noted, where that needs one range too many.
    #[must_use]
    pub fn add(&mut self, from: Offset, to: Offset) -> bool {
        let before = self.iter().take_while(|(_, r)| *r < from).count();
        let joined = self.iter().skip(before).take_while(|(l, _)| *l <= to).count();
        if joined == 0 && self.len == RANGES {
            return false;
        }
        let touched = || self.iter().skip(before).take(joined);
        let from = touched().next().map_or(from, |(l, _)| l.min(from));
        let to = touched().last().map_or(to, |(_, r)| r.max(to));
        self.ranges.copy_within(before + joined..self.len, before + 1);
        self.len = self.len + 1 - joined;
        if let Some(range) = self.ranges.get_mut(before) {
            *range = (from, to);
        }
        true
    }

    /// The stream has come to `next`: where it comes to by the first range, which is then no longer
    /// ahead.
    #[inline]
    pub fn join(&mut self, next: Offset) -> Offset {
        if self.is_empty() { next } else { self.join_ranges(next) }
    }

    fn join_ranges(&mut self, next: Offset) -> Offset {
        let mut end = next;
        let reached =
            self.iter().take_while(|(l, _)| *l <= next).inspect(|(_, r)| end = end.max(*r));
        let count = reached.count();
        self.ranges.copy_within(count..self.len, 0);
        self.len -= count;
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn there_are_only_so_many_gaps() {
        let mut ahead = Ahead::EMPTY;
        assert!((0..RANGES as u64).all(|n| ahead.add(4 * n, 4 * n + 1)));
        assert!(!ahead.add(1000, 1001));
        assert!(ahead.add(1, 4), "closing one is always possible");
        assert!(ahead.add(1000, 1001));
    }

    proptest! {
        #[test]
        fn is_a_set_of_bytes(
            steps in proptest::collection::vec((0u64..300, 1u64..40), 1..40), next in 0u64..300,
        ) {
            let (mut ahead, mut model) = (Ahead::EMPTY, BTreeSet::new());
            for (from, len) in steps {
                if ahead.add(from, from + len) {
                    model.extend(from..from + len);
                }
                let ranges: Vec<_> = ahead.iter().collect();
                prop_assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0), "{ranges:?}");
                let bytes: BTreeSet<_> = ranges.iter().flat_map(|(l, r)| *l..*r).collect();
                prop_assert_eq!(&bytes, &model);
            }
            let overlap: BTreeSet<_> = ahead.overlaps(50, 99).flat_map(|(l, r)| l..r).collect();
            prop_assert_eq!(overlap, model.range(50..99).copied().collect::<BTreeSet<_>>());
            let end = ahead.join(next);
            prop_assert!((next..end).all(|byte| model.contains(&byte) || byte < end));
            prop_assert!(!ahead.iter().any(|(l, _)| l <= next));
        }
    }
}
