//! Sets of numbers.

use wicketgate_engine::RangeSet;

/// A set of numbers as inclusive ranges: sorted, apart from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(Vec<(u32, u32)>);

impl Set {
    /// All numbers from `first` to `last`.
    pub(super) fn span(first: u32, last: u32) -> Set {
        Set(vec![(first, last)])
    }

    /// The set of these ranges, in any order.
    pub(super) fn of(mut ranges: Vec<(u32, u32)>) -> Set {
        ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last)
                }
                _ => joined.push((first, last)),
            }
        }
        Set(joined)
    }

    /// Those of the numbers up to `most` that a matcher's set holds.
    pub(super) fn of_ranges(set: &RangeSet, most: u32) -> Set {
        match set {
            RangeSet::Any => Set::span(0, most),
            RangeSet::Ranges(ranges) => Set::of(ranges.to_vec()).intersect(&Set::span(0, most)),
        }
    }

    pub(super) fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest number.
    pub(super) fn first(&self) -> Option<u32> {
        self.0.first().map(|(first, _)| *first)
    }

    /// The numbers of both sets.
    pub(super) fn intersect(&self, other: &Set) -> Set {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some((a, b)), Some((c, d))) = (left.peek(), right.peek()) {
            if a.max(c) <= b.min(d) {
                both.push((*a.max(c), *b.min(d)));
            }
            if b < d {
                left.next()
            } else {
                right.next()
            };
        }
        Set(both)
    }

    /// The numbers that `other` does not have.
    pub(super) fn minus(&self, other: &Set) -> Set {
        self.intersect(&other.complement())
    }

    /// Whether each number is in `other`.
    pub(super) fn is_within(&self, other: &Set) -> bool {
        self.minus(other).is_empty()
    }

    fn complement(&self) -> Set {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut next = Some(0);
        for (first, last) in &self.0 {
            if let (Some(from), Some(to)) = (next, first.checked_sub(1))
                && from <= to
            {
                gaps.push((from, to));
            }
            next = last.checked_add(1);
        }
        gaps.extend(next.map(|from| (from, u32::MAX)));
        Set(gaps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(set: &Set) -> Vec<u32> {
        (0..20).filter(|n| set.ranges().iter().any(|(a, b)| (a..=b).contains(&n))).collect()
    }

    /// Against lists of numbers, for every pair of subsets of a small universe cut into ranges.
    #[test]
    fn sets_are_what_lists_of_numbers_are() {
        let subset = |bits: u32| {
            let of_bits = (0..8).filter(|bit| bits >> bit & 1 == 1);
            Set::of(of_bits.map(|bit| (bit * 2, bit * 2 + u32::from(bit % 3 == 0))).collect())
        };
        for a in 0..256 {
            for b in (0..256).step_by(3) {
                let (left, right) = (subset(a), subset(b));
                let (l, r) = (members(&left), members(&right));
                let both: Vec<u32> = l.iter().copied().filter(|n| r.contains(n)).collect();
                let only: Vec<u32> = l.iter().copied().filter(|n| !r.contains(n)).collect();
                assert_eq!(members(&left.intersect(&right)), both);
                assert_eq!(members(&left.minus(&right)), only);
                assert_eq!(left.is_within(&right), only.is_empty());
            }
        }
        let all = Set::span(0, u32::MAX);
        assert!(all.minus(&all).is_empty());
        assert_eq!(all.minus(&Set::span(0, 7)).ranges(), [(8, u32::MAX)]);
        assert_eq!(Set::of(vec![(3, 4), (0, 2)]), Set::span(0, 4));
    }
}
