//! The mapping between a stream as its sender numbers it and as its receiver does.
//!
//! An `Edit` takes bytes out, puts bytes in, or both, at one place. Before the first edit that is
//! still remembered the two numberings differ by a constant; each edit changes that constant.
//!
//! ```text
//! sender     ....aaaaaa[cut..]bbbbb......
//!                      ^ up    \
//! receiver   ....aaaaaa[put.....]bbbbb...
//!                      ^ down
//! ```
//!
//! Invariant: edits lie in order and do not touch; what touches is one edit.
//!
//! Invariant: `down == up + shift` in front of an edit, with the shift of all edits before it.
//!
//! Invariant: an edit is forgotten only when the receiver has acknowledged all that lies before its
//! end. Its sender may not have heard of that and send again what was before it: such bytes have no
//! place any more, and leave no more.

use super::number::Offset;

/// Edits that the receiver has not acknowledged; a stream that needs more is reset.
pub const MAX_EDITS: usize = 32;

/// One correction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Edit {
    /// Where the bytes taken out begin, as the sender numbers them.
    up: Offset,
    /// How many.
    cut: u64,
    /// Where the bytes put in begin, as the receiver numbers them.
    down: Offset,
    /// How many.
    put: u64,
}

/// Too many edits are outstanding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The edits of one direction.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Edits {
    list: [Edit; MAX_EDITS],
    len: usize,
    /// What the receiver's numbers are ahead of the sender's, in front of the first edit.
    base: i64,
    /// Where the sender's bytes begin for which that holds: behind the last edit that was forgotten.
    since: Offset,
    /// The same, behind the last edit.
    shift: i64,
}

impl Edits {
    /// None.
    pub const EMPTY: Edits = Edits {
        list: [Edit { up: 0, cut: 0, down: 0, put: 0 }; MAX_EDITS],
        len: 0,
        base: 0,
        since: 0,
        shift: 0,
    };

    /// Whether none is outstanding. Their sum stays.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Edits outstanding.
    pub fn len(&self) -> usize {
        self.len
    }

    /// What the receiver's numbers are ahead of the sender's, behind all edits.
    #[inline]
    pub fn shift(&self) -> i64 {
        self.shift
    }

    /// Notes that behind everything seen so far, from the sender's `up` on, `cut` bytes are taken out
    /// and `put` bytes put in.
    ///
    /// # Errors
    /// [`Full`]: nothing was noted.
    pub fn add(&mut self, up: Offset, cut: u64, put: u64) -> Result<(), Full> {
        let down = up.wrapping_add_signed(self.shift);
        match self.list.get_mut(..self.len).and_then(<[Edit]>::last_mut) {
            Some(last) if last.up + last.cut == up && last.down + last.put == down => {
                last.cut += cut;
                last.put += put;
            }
            _ => {
                *self.list.get_mut(self.len).ok_or(Full)? = Edit { up, cut, down, put };
                self.len += 1;
            }
        }
        self.shift += put as i64 - cut as i64;
        Ok(())
    }

    /// Where the receiver has the sender's byte at `up`; `None` if it was taken out.
    pub fn down(&self, up: Offset) -> Option<Offset> {
        let mut shift = self.base;
        for edit in self.iter().take_while(|edit| edit.up <= up) {
            if up < edit.up + edit.cut {
                return None;
            }
            shift = edit.shift_behind();
        }
        Some(up.wrapping_add_signed(shift))
    }

    /// The pieces of the sender's `from..to` that were not taken out: where each begins, where the
    /// receiver has it, and its length. What lies before an edit that was forgotten is left out: where
    /// the receiver had it nobody knows any more.
    pub fn kept(&self, from: Offset, to: Offset) -> impl Iterator<Item = (Offset, Offset, u64)> {
        let first = (self.since, self.base);
        let behind = self.iter().map(|edit| (edit.up + edit.cut, edit.shift_behind()));
        let ends = self.iter().map(|edit| edit.up).chain([Offset::MAX]);
        core::iter::once(first).chain(behind).zip(ends).filter_map(move |((start, shift), end)| {
            let (start, end) = (start.max(from), end.min(to));
            (start < end).then(|| (start, start.wrapping_add_signed(shift), end - start))
        })
    }

    /// How far the sender's stream is dealt with when the receiver has acknowledged all before
    /// `down`: bytes taken out count as soon as everything before them is acknowledged, bytes put in
    /// count for nothing.
    #[inline(always)]
    pub fn acknowledged(&self, down: Offset) -> Offset {
        match self.is_empty() {
            true => down.wrapping_add_signed(-self.shift),
            false => self.acknowledged_by_list(down),
        }
    }

    fn acknowledged_by_list(&self, down: Offset) -> Offset {
        let mut shift = self.base;
        for edit in self.iter().take_while(|edit| edit.down <= down) {
            if down < edit.down + edit.put {
                return edit.up;
            }
            shift = edit.shift_behind();
        }
        down.wrapping_add_signed(-shift)
    }

    /// The other way round: what a receiver that knows of no edits has of the edited stream when it
    /// acknowledges all before the sender's `up`.
    #[inline(always)]
    pub fn acknowledged_down(&self, up: Offset) -> Offset {
        match self.is_empty() {
            true => up.wrapping_add_signed(self.shift),
            false => self.acknowledged_down_by_list(up),
        }
    }

    fn acknowledged_down_by_list(&self, up: Offset) -> Offset {
        let mut shift = self.base;
        for edit in self.iter().take_while(|edit| edit.up <= up) {
            if up < edit.up + edit.cut {
                return edit.down;
            }
            shift = edit.shift_behind();
        }
        up.wrapping_add_signed(shift)
    }

    /// The block of the sender's stream that a selective acknowledgement speaks of (RFC 2018): from
    /// the first byte of the sender's own in it to the last; `None` where it has none.
    pub fn block(&self, left: Offset, right: Offset) -> Option<(Offset, Offset)> {
        let (first, last) = (self.first_from(left), self.last_before(right));
        (left < right && first < last).then_some((first, last))
    }

    /// The sender's offset of the first byte of its own at or behind `down`.
    fn first_from(&self, down: Offset) -> Offset {
        let mut shift = self.base;
        for edit in self.iter().take_while(|edit| edit.down <= down) {
            if down < edit.down + edit.put {
                return edit.up + edit.cut;
            }
            shift = edit.shift_behind();
        }
        down.wrapping_add_signed(-shift)
    }

    /// The sender's offset behind the last byte of its own before `down`.
    fn last_before(&self, down: Offset) -> Offset {
        let mut shift = self.base;
        for edit in self.iter().take_while(|edit| edit.down < down) {
            if down <= edit.down + edit.put {
                return edit.up;
            }
            shift = edit.shift_behind();
        }
        down.wrapping_add_signed(-shift)
    }

    /// The receiver has acknowledged all before `down`: forgets what lies before that.
    #[inline]
    pub fn prune(&mut self, down: Offset) {
        if !self.is_empty() {
            self.prune_list(down);
        }
    }

    fn prune_list(&mut self, down: Offset) {
        let past = |edit: &&Edit| edit.down + edit.put <= down;
        let count = self.iter().take_while(past).count();
        if let Some(last) = count.checked_sub(1).and_then(|at| self.list.get(at)) {
            self.base = last.shift_behind();
            self.since = last.up + last.cut;
            self.list.copy_within(count..self.len, 0);
            self.len -= count;
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Edit> {
        self.list.iter().take(self.len)
    }
}

impl Edit {
    const fn shift_behind(&self) -> i64 {
        (self.down + self.put).wrapping_sub(self.up + self.cut) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sender's bytes 0 to 99: 10 to 19 are cut, 5 are put in before 50, 70 to 79 become 3 others.
    fn example() -> Edits {
        let mut edits = Edits::EMPTY;
        edits.add(10, 10, 0).unwrap();
        edits.add(50, 0, 5).unwrap();
        edits.add(70, 10, 3).unwrap();
        edits
    }

    #[test]
    fn bytes_find_their_place() {
        let edits = example();
        let places = [(9, Some(9)), (10, None), (19, None), (20, Some(10)), (49, Some(39))];
        let behind = [(50, Some(45)), (69, Some(64)), (70, None), (79, None), (80, Some(68))];
        for (up, down) in places.into_iter().chain(behind) {
            assert_eq!(edits.down(up), down, "{up}");
        }
    }

    #[test]
    fn what_was_before_a_forgotten_edit_has_no_place() {
        let mut edits = example();
        edits.prune(50);
        let kept: Vec<_> = edits.kept(5, 85).collect();
        assert_eq!(kept, [(50, 45, 20), (80, 68, 5)]);
    }

    #[test]
    fn pieces_leave_out_what_is_cut() {
        let edits = example();
        let kept: Vec<_> = edits.kept(5, 85).collect();
        assert_eq!(kept, [(5, 5, 5), (20, 10, 30), (50, 45, 20), (80, 68, 5)]);
        assert_eq!(edits.kept(12, 18).count(), 0);
    }

    #[test]
    fn what_is_cut_is_acknowledged_with_what_is_before_it() {
        let edits = example();
        for (down, up) in [(9, 9), (10, 20), (11, 21), (39, 49)] {
            assert_eq!(edits.acknowledged(down), up, "{down}");
        }
    }

    #[test]
    fn what_is_put_in_acknowledges_nothing() {
        let edits = example();
        for (down, up) in [(40, 50), (44, 50), (45, 50), (46, 51), (65, 70), (67, 70), (68, 80)] {
            assert_eq!(edits.acknowledged(down), up, "{down}");
        }
    }

    #[test]
    fn blocks_speak_of_the_senders_bytes_only() {
        let edits = example();
        assert_eq!(edits.block(5, 10), Some((5, 10)), "the cut at its end is not part of it");
        assert_eq!(edits.block(10, 15), Some((20, 25)));
        assert_eq!(edits.block(5, 15), Some((5, 25)), "across a cut");
        assert_eq!(edits.block(40, 45), None, "all of it was put in");
        assert_eq!(edits.block(41, 46), Some((50, 51)));
        assert_eq!(edits.block(38, 42), Some((48, 50)));
        assert_eq!(edits.block(9, 9), None);
    }

    #[test]
    fn edits_that_touch_are_one() {
        let mut edits = Edits::EMPTY;
        for n in 0..1000 {
            edits.add(10 + 12 * n, 12, 9).unwrap();
        }
        assert_eq!(edits.len(), 1);
        assert_eq!(edits.down(10 + 12_000), Some(10 + 9_000));
    }

    #[test]
    fn there_are_only_so_many() {
        let mut edits = Edits::EMPTY;
        for n in 0..MAX_EDITS as u64 {
            assert_eq!(edits.add(10 * n, 5, 0), Ok(()));
        }
        let before = edits.shift();
        assert_eq!(edits.add(1000, 5, 0), Err(Full));
        assert_eq!(edits.shift(), before);
        edits.prune(0);
        assert_eq!(edits.add(1000, 5, 0), Ok(()), "the first was acknowledged");
    }

    /// The mapping by its definition: each byte that the receiver has, and whose it is.
    fn receiver(sender: u64, script: &[(u64, u64, u64)]) -> Vec<Option<u64>> {
        let (mut stream, mut up) = (Vec::new(), 0);
        for (gap, cut, put) in script {
            stream.extend((up..up + gap).map(Some));
            stream.extend((0..*put).map(|_| None));
            up += gap + cut;
        }
        stream.extend((up..sender).map(Some));
        stream
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_definition(
            script in proptest::collection::vec((0u64..20, 0u64..15, 0u64..12), 1..20),
            prune in 0u64..400, l in 0u64..400, n in 1u64..60,
        ) {
            let (mut edits, mut up) = (Edits::EMPTY, 0);
            for (gap, cut, put) in &script {
                up += gap;
                if *cut + *put > 0 {
                    edits.add(up, *cut, *put).unwrap();
                }
                up += cut;
            }
            let stream = receiver(up + 30, &script);
            let len = stream.len() as u64;
            let (prune, l) = (prune.min(len), l.min(len));
            edits.prune(prune);
            for (down, byte) in (0u64..).zip(&stream).skip(prune as usize) {
                if let Some(byte) = byte {
                    prop_assert_eq!(edits.down(*byte), Some(down));
                }
                // All of the sender's bytes before the next one that the receiver lacks.
                let next = stream[down as usize..].iter().flatten().next();
                let inside = byte.is_none() && edits.iter().any(|e| e.down < down && down < e.down + e.put);
                if !inside && byte.is_some() {
                    prop_assert_eq!(Some(&edits.acknowledged(down)), next);
                }
                prop_assert!(edits.acknowledged(down) <= *next.unwrap_or(&u64::MAX));
            }
            let r = (l + n).min(len);
            if l >= prune && l < r {
                let mut own = stream[l as usize..r as usize].iter().flatten();
                let first = own.next();
                let last = own.next_back().or(first);
                let expected = first.zip(last).map(|(first, last)| (*first, last + 1));
                prop_assert_eq!(edits.block(l, r), expected);
            }
        }
    }
}
