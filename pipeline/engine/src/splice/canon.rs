//! The one canonical copy of what a receiver is to get.
//!
//! ```text
//!        start          acked         end              behind the end
//!          |-- history ---|-- in flight --|-- held, and ahead --|
//! ```
//!
//! Bytes lie as the receiver numbers them. What is behind the end is not decided yet: it may still be
//! taken out, or have something put in before it, and its place moves then.
//!
//! Invariant: bytes before the end never change.
//!
//! Invariant: what is forgotten is forgotten from the front, and only to make room.

use super::number::{FIRST, Offset};

/// Bytes kept of one direction.
pub const CAPACITY: usize = 8192;

/// Bytes kept of one direction while it has a long copy ([`super::long`]).
pub const LONG_CAPACITY: usize = super::long::LONGEST_PDU + CAPACITY;

/// What may be forgotten to make room.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    /// All before this, at once: nobody asks for it again.
    pub first: Offset,
    /// Then, as little as needed, what is before this.
    pub last: Offset,
}

impl Floor {
    /// What lies before `at`.
    pub const fn at(at: Offset) -> Floor {
        Floor { first: at, last: at }
    }
}

/// How bytes sent again compare with those sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// They are the same, as far as they are still known.
    Same,
    /// They differ.
    Differ,
}

/// Room in the copy that was reserved.
#[derive(Debug)]
pub struct Room {
    from: usize,
}

/// The copy.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Canon {
    short: [u8; CAPACITY],
    /// Where bytes lie instead while a long PDU is held.
    long: Option<Box<[u8]>>,
    /// The offset of the first byte kept.
    start: Offset,
    /// How many are kept, decided or not. Those in a gap are whatever lay there.
    len: usize,
}

impl Canon {
    /// Nothing, of a stream that begins.
    pub const EMPTY: Canon = Canon { short: [0; CAPACITY], long: None, start: FIRST, len: 0 };

    /// Forgets everything; the next byte is that at `start`.
    pub fn clear(&mut self, start: Offset) {
        (self.start, self.len) = (start, 0);
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        self.long.as_deref().unwrap_or(&self.short)
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.long.as_deref_mut().unwrap_or(&mut self.short)
    }

    /// How many bytes it can keep.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.bytes().len()
    }

    /// Whether it has a long copy.
    #[inline]
    pub const fn is_long(&self) -> bool {
        self.long.is_some()
    }

    /// Goes on in a long copy.
    pub fn lengthen(&mut self, mut long: Box<[u8]>) {
        if let (Some(room), Some(kept)) = (long.get_mut(..self.len), self.bytes().get(..self.len)) {
            room.copy_from_slice(kept);
            self.long = Some(long);
        }
    }

    /// Goes on without the long copy, which comes out; what does not fit is forgotten from the front.
    pub fn shorten(&mut self) -> Option<Box<[u8]>> {
        self.forget((self.start + self.len as u64).saturating_sub(CAPACITY as u64));
        let long = self.long.take()?;
        if let (Some(room), Some(kept)) = (self.short.get_mut(..self.len), long.get(..self.len)) {
            room.copy_from_slice(kept);
        }
        Some(long)
    }

    /// Where the kept bytes begin.
    pub fn start(&self) -> Offset {
        self.start
    }

    /// Reads the last byte that is kept, behind which the next one comes; what it read.
    #[inline]
    pub fn line(&self) -> u8 {
        self.bytes().get(self.len.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// Reads the byte that lies `len` bytes behind; what it read.
    #[inline]
    pub fn line_behind(&self, len: usize) -> u8 {
        self.bytes().get(self.len + len).copied().unwrap_or_default()
    }

    /// The kept bytes from `from` to `to`; fewer or none where they are not kept.
    #[inline]
    pub fn slice(&self, from: Offset, to: Offset) -> &[u8] {
        let at = |offset: Offset| (offset.saturating_sub(self.start) as usize).min(self.len);
        self.bytes().get(at(from)..at(to)).unwrap_or_default()
    }

    /// The same, to be changed: bytes that wait for a verdict.
    pub fn slice_mut(&mut self, from: Offset, to: Offset) -> &mut [u8] {
        let at = |offset: Offset| (offset.saturating_sub(self.start) as usize).min(self.len);
        let range = at(from)..at(to);
        self.bytes_mut().get_mut(range).unwrap_or_default()
    }

    /// Writes `new` at `at`, behind or over what is kept. Bytes before `floor` may be forgotten for
    /// it. False where there is no room.
    #[must_use]
    #[inline]
    pub fn write(&mut self, at: Offset, new: &[u8], floor: Floor) -> bool {
        let room = self.reserve(at, new.len(), floor);
        room.map(|room| self.put(room, new)).is_some()
    }

    /// Where `len` bytes can be written at `at`, when bytes before `floor` are forgotten for it as far as that
    /// needs.
    #[inline(always)]
    pub fn reserve(&mut self, at: Offset, len: usize, floor: Floor) -> Option<Room> {
        let (end, capacity) = (at + len as u64, self.capacity() as u64);
        if end > self.start + capacity {
            self.make_room(end - capacity, floor);
        }
        let fits = self.start <= at && end <= self.start + capacity;
        fits.then(|| Room { from: (at - self.start) as usize })
    }

    /// Writes bytes where room for so many was [reserved](Canon::reserve), nothing having been written since.
    #[inline(always)]
    pub fn put(&mut self, room: Room, new: &[u8]) {
        let to = room.from + new.len();
        if let Some(bytes) = self.bytes_mut().get_mut(room.from..to) {
            bytes.copy_from_slice(new);
        }
        self.len = self.len.max(to);
    }

    /// Compares bytes at `at` with those that are kept there.
    pub fn compare(&self, at: Offset, again: &[u8]) -> Compared {
        let forgotten = (self.start.saturating_sub(at) as usize).min(again.len());
        let (_, again) = again.split_at(forgotten);
        let from = at.max(self.start);
        let kept = self.slice(from, from + again.len() as u64);
        let (again, _) = again.split_at(kept.len());
        if kept == again { Compared::Same } else { Compared::Differ }
    }

    /// Takes out the undecided bytes from `from` to `to`; what is behind them moves up.
    pub fn take_out(&mut self, from: Offset, to: Offset) {
        let at = |offset: Offset| (offset.saturating_sub(self.start) as usize).min(self.len);
        let (from, to) = (at(from), at(to));
        let len = self.len;
        self.bytes_mut().copy_within(to..len, from);
        self.len -= to - from;
    }

    /// Puts `new` in at `at`; what is behind moves down. Bytes before `floor` may be forgotten for it.
    /// False where there is no room.
    #[must_use]
    pub fn put_in(&mut self, at: Offset, new: &[u8], floor: Floor) -> bool {
        let end = self.start + (self.len + new.len()) as u64;
        let capacity = self.capacity();
        if end > self.start + capacity as u64 {
            self.make_room(end - capacity as u64, floor);
        }
        let from = at.wrapping_sub(self.start) as usize;
        let to = from + new.len();
        if from > self.len || self.len + new.len() > capacity {
            return false;
        }
        let len = self.len;
        self.bytes_mut().copy_within(from..len, to);
        if let Some(room) = self.bytes_mut().get_mut(from..to) {
            room.copy_from_slice(new);
        }
        self.len += new.len();
        true
    }

    /// Forgets so much that the kept bytes begin at `start` or behind it, as far as `floor` lets it.
    #[cold]
    fn make_room(&mut self, start: Offset, floor: Floor) {
        self.forget(floor.first);
        self.forget(start.min(floor.last));
    }

    /// Forgets what is before `floor`.
    fn forget(&mut self, floor: Offset) {
        let gone = (floor.saturating_sub(self.start) as usize).min(self.len);
        let len = self.len;
        self.bytes_mut().copy_within(gone..len, 0);
        self.len -= gone;
        self.start += gone as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_what_was_written_until_it_needs_the_room() {
        let mut canon = Canon::EMPTY;
        assert!(canon.write(FIRST, b"abcdef", Floor::at(FIRST)));
        assert_eq!(canon.slice(FIRST + 1, FIRST + 3), b"bc");
        assert_eq!(canon.slice(FIRST + 4, FIRST + 30), b"ef");
        let much = [7; CAPACITY - 6];
        assert!(canon.write(FIRST + 6, &much, Floor::at(FIRST)));
        assert!(
            !canon.write(FIRST + CAPACITY as u64, b"x", Floor::at(FIRST)),
            "nothing may be forgotten"
        );
        assert!(canon.write(FIRST + CAPACITY as u64, b"x", Floor::at(FIRST + 3)));
        assert_eq!((canon.start(), canon.slice(FIRST, FIRST + 1)), (FIRST + 3, &[][..]));
        assert_eq!(canon.slice(FIRST + 3, FIRST + 6), b"def");
    }

    #[test]
    fn what_was_not_acknowledged_is_forgotten_last_and_least() {
        let mut canon = Canon::EMPTY;
        assert!(canon.write(FIRST, &[7; CAPACITY], Floor::at(FIRST)));
        let end = FIRST + CAPACITY as u64;
        let floor = Floor { first: FIRST + 10, last: end };
        assert!(canon.write(end, &[8; 5], floor));
        assert_eq!(canon.start(), FIRST + 10);
        assert!(canon.write(end + 5, &[8; 25], floor));
        assert_eq!(canon.start(), FIRST + 30);
    }

    #[test]
    fn compares_as_far_as_it_knows() {
        let mut canon = Canon::EMPTY;
        assert!(canon.write(FIRST, b"abcdef", Floor::at(FIRST)));
        assert_eq!(canon.compare(FIRST + 1, b"bcd"), Compared::Same);
        assert_eq!(canon.compare(FIRST + 1, b"bxd"), Compared::Differ);
        assert_eq!(canon.compare(FIRST + 4, b"efgh"), Compared::Same);
        canon.forget(FIRST + 3);
        assert_eq!(canon.compare(FIRST, b"xxxdef"), Compared::Same);
        assert_eq!(canon.compare(FIRST, b"xxxdex"), Compared::Differ);
    }

    proptest! {
        #[test]
        fn taking_out_and_putting_in_are_a_vector(
            steps in proptest::collection::vec((0u8..3, 0usize..300, proptest::collection::vec(any::<u8>(), 0..80)), 1..60),
        ) {
            let (mut canon, mut model) = (Canon::EMPTY, Vec::new());
            for (what, at, bytes) in steps {
                let at = at.min(model.len());
                let offset = FIRST + at as u64;
                match what {
                    0 => {
                        prop_assert!(canon.write(FIRST + model.len() as u64, &bytes, Floor::at(FIRST)));
                        model.extend(&bytes);
                    }
                    1 => {
                        prop_assert!(canon.put_in(offset, &bytes, Floor::at(FIRST)));
                        model.splice(at..at, bytes);
                    }
                    _ => {
                        let to = (at + bytes.len()).min(model.len());
                        canon.take_out(offset, FIRST + to as u64);
                        model.drain(at..to);
                    }
                }
                prop_assert_eq!(canon.slice(FIRST, FIRST + CAPACITY as u64), &model[..]);
            }
        }
    }
}
