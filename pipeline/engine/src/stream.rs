//! Streams: what a flow's bytes were, as far back as they may come again.
//!
//! A stream remembers the last bytes of either direction. They serve twice: a PDU cut over several
//! segments is put together from them, and a retransmission must repeat them to pass. Memory is
//! bounded: so many streams, so many bytes each.

use wicketgate_dissectors::{Dialog, Direction, Key};

use crate::flow::kept_back;

/// Bytes remembered of each direction: the longest PDU of any protocol, and what a peer with one
/// request outstanding ever retransmits.
pub const RECENT: usize = 4096;

/// Requests without an answer that are remembered; of more, the oldest is forgotten and its answer
/// then counts as unsolicited.
pub const PENDING: usize = 64;

/// A stream's place in the slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamId(u32);

/// The streams of one worker.
pub struct Streams {
    slab: Box<[Stream]>,
    free: Vec<u32>,
}

/// One inspected connection.
#[derive(Clone, Debug)]
pub struct Stream {
    /// What went towards the asset.
    pub requests: Recent,
    /// What came back.
    pub responses: Recent,
    /// Requests without an answer yet.
    pub pending: Pending,
    /// What was said that later requests depend on.
    pub dialog: Dialog,
}

/// The last bytes of one direction.
#[derive(Clone, Debug)]
pub struct Recent {
    bytes: [u8; RECENT],
    end: usize,
    len: usize,
    /// How many of the last bytes belong to a PDU that is not complete.
    pub partial: usize,
    /// The end of the last PDU that was refused, as a sequence number.
    pub denied_end: Option<u32>,
}

/// How bytes sent again compare with those sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// They are the same.
    Same,
    /// They differ.
    Differ,
    /// Too long ago to say.
    Forgotten,
}

/// Requests without an answer, oldest first.
#[derive(Clone, Debug)]
pub struct Pending {
    keys: [Key; PENDING],
    first: usize,
    len: usize,
}

impl Streams {
    /// A slab for `capacity` streams. The only allocation.
    pub fn new(capacity: usize) -> Streams {
        let capacity = capacity.min(u32::MAX as usize);
        Streams {
            slab: vec![Stream::EMPTY; capacity].into(),
            free: (0..capacity as u32).rev().collect(),
        }
    }

    /// A stream of which nothing is known yet; `None` where all are in use, or kept back for
    /// essential flows.
    pub fn take(&mut self, essential: bool) -> Option<StreamId> {
        if self.free.len() <= kept_back(self.slab.len(), essential) {
            return None;
        }
        let id = StreamId(self.free.pop()?);
        self.get_mut(id)?.clear();
        Some(id)
    }

    /// Gives a stream back.
    pub fn give_back(&mut self, id: StreamId) {
        self.free.push(id.0);
    }

    /// The stream of that id.
    #[inline]
    pub fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.slab.get_mut(id.0 as usize)
    }

    /// Streams in use.
    pub fn in_use(&self) -> usize {
        self.slab.len() - self.free.len()
    }
}

impl Stream {
    const EMPTY: Stream = Stream {
        requests: Recent::EMPTY,
        responses: Recent::EMPTY,
        pending: Pending::EMPTY,
        dialog: Dialog::NEW,
    };

    fn clear(&mut self) {
        self.requests.clear();
        self.responses.clear();
        self.pending.len = 0;
        self.dialog = Dialog::NEW;
    }

    /// The bytes that travel in `direction`.
    pub fn recent(&mut self, direction: Direction) -> &mut Recent {
        match direction {
            Direction::ToServer => &mut self.requests,
            Direction::ToClient => &mut self.responses,
        }
    }
}

impl Recent {
    const EMPTY: Recent =
        Recent { bytes: [0; RECENT], end: 0, len: 0, partial: 0, denied_end: None };

    fn clear(&mut self) {
        self.forget();
        self.denied_end = None;
    }

    /// Forgets all bytes: the next one begins a PDU.
    pub fn forget(&mut self) {
        (self.end, self.len, self.partial) = (0, 0, 0);
    }

    /// Remembers `new` as the bytes that come next.
    #[inline]
    pub fn push(&mut self, new: &[u8]) {
        let (_, new) = new.split_at(new.len().saturating_sub(RECENT));
        let (_, behind) = self.bytes.split_at_mut(self.end);
        let (first, rest) = new.split_at(new.len().min(behind.len()));
        copy(behind, first);
        copy(&mut self.bytes, rest);
        self.end = (self.end + new.len()) % RECENT;
        self.len = (self.len + new.len()).min(RECENT);
    }

    /// Compares `again` with what was sent `behind` bytes before the next one.
    pub fn compare(&self, behind: usize, again: &[u8]) -> Compared {
        if behind > self.len || again.len() > behind {
            return Compared::Forgotten;
        }
        if self.from(behind).zip(again).all(|(before, again)| before == again) {
            Compared::Same
        } else {
            Compared::Differ
        }
    }

    /// Whether the byte at `seq` lies before the end of what was refused.
    pub fn is_denied(&self, seq: u32) -> bool {
        self.denied_end.is_some_and(|end| (end.wrapping_sub(seq) as i32) > 0)
    }

    /// The byte sent last.
    pub fn last(&self) -> Option<u8> {
        self.from(1.min(self.len)).next().copied()
    }

    /// Copies the incomplete PDU at the end to the front of `out`; returns its length.
    pub fn copy_partial(&self, out: &mut [u8]) -> usize {
        let partial = self.partial.min(self.len);
        for (to, from) in out.iter_mut().zip(self.from(partial)) {
            *to = *from;
        }
        partial
    }

    /// The bytes from `behind` before the end on.
    fn from(&self, behind: usize) -> impl Iterator<Item = &u8> {
        let start = (self.end + RECENT - behind) % RECENT;
        let (front, back) = self.bytes.split_at(start);
        back.iter().chain(front).take(behind)
    }
}

fn copy(to: &mut [u8], from: &[u8]) {
    if let Some(to) = to.get_mut(..from.len()) {
        to.copy_from_slice(from);
    }
}

impl Pending {
    const EMPTY: Pending = Pending {
        keys: [Key { transaction: 0, function: 0, answered: false }; PENDING],
        first: 0,
        len: 0,
    };

    /// Remembers a request that went to the asset.
    pub fn push(&mut self, key: Key) {
        if self.len == PENDING {
            self.first = (self.first + 1) % PENDING;
            self.len -= 1;
        }
        if let Some(place) = self.keys.get_mut((self.first + self.len) % PENDING) {
            *place = key;
            self.len += 1;
        }
    }

    /// Takes out the oldest request that `answer` answers; false where there is none.
    pub fn take(&mut self, answer: Key) -> bool {
        let matching =
            |key: Key| key.transaction == answer.transaction && key.function == answer.function;
        let found = (0..self.len).find(|step| self.at(*step).is_some_and(matching));
        let Some(step) = found else { return false };
        // What came before it moves up by one place.
        for step in (0..step).rev() {
            if let (Some(key), Some(place)) =
                (self.at(step), self.keys.get_mut((self.first + step + 1) % PENDING))
            {
                *place = key;
            }
        }
        self.first = (self.first + 1) % PENDING;
        self.len -= 1;
        true
    }

    /// Requests without an answer.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether all are answered.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn at(&self, step: usize) -> Option<Key> {
        self.keys.get((self.first + step) % PENDING).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(transaction: u64) -> Key {
        Key { transaction, function: 3, answered: true }
    }

    /// What an inspected connection costs: said in docs/PROTOCOLS.md.
    #[test]
    fn a_stream_takes_less_than_ten_kilobytes() {
        assert!(size_of::<Stream>() <= 10_000, "{}", size_of::<Stream>());
    }

    #[test]
    fn answers_take_their_own_request_in_any_order() {
        let mut pending = Pending::EMPTY;
        (0..5).for_each(|n| pending.push(key(n)));
        assert!(pending.take(key(3)) && pending.take(key(0)) && pending.take(key(4)));
        assert!(!pending.take(key(3)), "only once");
        assert!(!pending.take(Key { function: 4, ..key(1) }), "another function");
        assert!(pending.take(key(2)) && pending.take(key(1)) && pending.is_empty());
    }

    #[test]
    fn the_oldest_of_too_many_is_forgotten() {
        let mut pending = Pending::EMPTY;
        (0..PENDING as u64 + 1).for_each(|n| pending.push(key(n)));
        assert_eq!(pending.len(), PENDING);
        assert!(!pending.take(key(0)) && pending.take(key(1)) && pending.take(key(PENDING as u64)));
    }

    proptest! {
        #[test]
        fn remembers_the_last_bytes(chunks in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..3000), 1..6), behind in 0usize..3000) {
            let (mut recent, all) = (Recent::EMPTY, chunks.concat());
            chunks.iter().for_each(|chunk| recent.push(chunk));
            let behind = behind.min(all.len());
            let again = &all[all.len() - behind..];
            let expected = if behind > RECENT { Compared::Forgotten } else { Compared::Same };
            prop_assert_eq!(recent.compare(behind, again), expected);
            prop_assert_eq!(recent.last(), all.last().copied());
            if (1..=RECENT).contains(&behind) {
                let mut other = again.to_vec();
                other[behind / 2] ^= 1;
                prop_assert_eq!(recent.compare(behind, &other), Compared::Differ);
            }
        }
    }
}
