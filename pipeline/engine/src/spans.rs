//! Ranges of numbers that belong to entries: which entries have a number is one search, however many ranges
//! there are and whosever they are.

/// Entries of a matcher, a bit each.
pub(crate) type Mask = u64;

/// What numbers belong to: from each number on that is named, up to the next, to the same entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Spans(Box<[(u64, Mask)]>);

/// From the first number to the last, and the number of the entry that they belong to.
pub(crate) type Span = (u64, u64, usize);

impl Spans {
    /// Compiles ranges, in any order; those of one entry may meet.
    pub(crate) fn new(ranges: &[Span]) -> Spans {
        let mut ends: Vec<(u64, bool, usize)> = ranges
            .iter()
            .flat_map(|(first, last, entry)| [(*first, true, *entry), (last + 1, false, *entry)])
            .collect();
        ends.sort_unstable();
        // How many ranges of each entry have begun and not ended.
        let mut within = [0_usize; Mask::BITS as usize];
        let mut spans: Vec<(u64, Mask)> = Vec::with_capacity(ends.len());
        for (number, begins, entry) in ends {
            if let Some(count) = within.get_mut(entry) {
                *count = if begins { *count + 1 } else { count.saturating_sub(1) };
            }
            match spans.last_mut() {
                Some(span) if span.0 == number => span.1 = taken(&within),
                _ => spans.push((number, taken(&within))),
            }
        }
        spans.dedup_by_key(|span| span.1);
        Spans(spans.into())
    }

    /// The entries that a number belongs to.
    #[inline]
    pub(crate) fn of(&self, number: u64) -> Mask {
        let after = self.0.partition_point(|span| span.0 <= number);
        after.checked_sub(1).and_then(|at| self.0.get(at)).map_or(0, |span| span.1)
    }
}

fn taken(within: &[usize]) -> Mask {
    within
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .fold(0, |mask, (at, _)| mask | 1 << at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_belongs_to_the_entries_whose_ranges_hold_it(
            ranges in prop::collection::vec((0..30u64, 0..9u64, 0..64usize), 0..12), number in 0..50u64,
        ) {
            let ranges: Vec<Span> =
                ranges.into_iter().map(|(first, more, entry)| (first, first + more, entry)).collect();
            let holds = |range: &&Span| (range.0..=range.1).contains(&number);
            let plainly = ranges.iter().filter(holds).fold(0, |mask, range| mask | 1 << range.2);
            prop_assert_eq!(Spans::new(&ranges).of(number), plainly);
        }
    }
}
