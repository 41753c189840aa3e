//! Denials that wait for the answers to earlier requests.
//!
//! Their words lie one behind the other, oldest first, in one room that all of a connection share: the
//! longest of them is a hundred times as long as most.

use core::time::Duration;

use wicketgate_dissectors::enip;
use wicketgate_packet::Time;

/// Longest denial of any protocol, in bytes.
pub const LONGEST: usize = enip::denial::LONGEST;

/// Bytes of all denials that wait: two of the longest, or as many ordinary ones as may wait.
const ROOM: usize = 4096;

/// Denials that wait at a time; a connection that needs more, or more [room](ROOM), is reset.
const WAITING: usize = 32;

/// How long a denial waits for the answers to earlier requests: as long as a receiver that delays its
/// acknowledgement, longer than most devices take. Behind one that never answers, or a slow one, a client
/// that sends on without waiting tells answers apart by what the protocol numbers them with.
pub const PATIENCE: Duration = Duration::from_millis(40);

const _: () = assert!(2 * LONGEST <= ROOM, "the longest fits, whatever lies in front of it");

/// When the protocol's own refusal of one request is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial {
    len: usize,
    /// The number that the next request got: those before it are to be answered first.
    pub before: u32,
    /// When it waits no longer.
    pub until: Time,
}

/// Why a denial does not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdded {
    /// The protocol has no words for it.
    NoWords,
    /// Too many wait.
    Full,
}

/// Those of one connection, oldest first.
#[derive(Clone, Debug)]
pub struct Denials {
    waiting: [Denial; WAITING],
    len: usize,
    words: [u8; ROOM],
    /// Bytes of [`Denials::words`] that are in use.
    used: usize,
}

impl Denials {
    /// None.
    pub const EMPTY: Denials = Denials {
        waiting: [Denial { len: 0, before: 0, until: Time::EPOCH }; WAITING],
        len: 0,
        words: [0; ROOM],
        used: 0,
    };

    /// Whether none waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        (self.len, self.used) = (0, 0);
    }

    /// Adds one, whose words `write` writes to the front of the room that it gets, which is `None`
    /// where it has none. Request number `before` is the first that it does not wait for.
    ///
    /// # Errors
    /// It was not added.
    pub fn push(
        &mut self,
        before: u32,
        now: Time,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> Result<(), NotAdded> {
        let mut words = [0; LONGEST];
        let len = write(&mut words).ok_or(NotAdded::NoWords)?;
        let words = words.get(..len).filter(|words| !words.is_empty()).ok_or(NotAdded::NoWords)?;
        let place = self.waiting.get_mut(self.len).ok_or(NotAdded::Full)?;
        let room = self.words.get_mut(self.used..self.used + len).ok_or(NotAdded::Full)?;
        room.copy_from_slice(words);
        *place = Denial { len, before, until: now + PATIENCE };
        (self.len, self.used) = (self.len + 1, self.used + len);
        Ok(())
    }

    /// The oldest, and its words.
    pub fn first(&self) -> Option<(Denial, &[u8])> {
        let first = self.waiting.first().copied().filter(|_| self.len > 0)?;
        Some((first, self.words.get(..first.len)?))
    }

    /// The words of the oldest, to be changed.
    pub fn first_words_mut(&mut self) -> &mut [u8] {
        let len = self.first().map_or(0, |(first, _)| first.len);
        self.words.get_mut(..len).unwrap_or_default()
    }

    /// Takes the oldest out.
    pub fn skip(&mut self) {
        let Some(len) = self.first().map(|(first, _)| first.len) else { return };
        self.words.copy_within(len..self.used, 0);
        self.waiting.copy_within(1..self.len, 0);
        (self.len, self.used) = (self.len - 1, self.used - len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(denials: &mut Denials, n: u32, len: usize) -> Result<(), NotAdded> {
        denials.push(n, Time::EPOCH, |to| {
            to.get_mut(..len)?.fill(n as u8);
            Some(len)
        })
    }

    #[test]
    fn come_out_in_order_and_are_bounded() {
        let mut denials = Denials::EMPTY;
        for round in 0..3 {
            for n in 0..WAITING as u32 {
                assert_eq!(push(&mut denials, n, 1 + n as usize), Ok(()), "{round}");
            }
            assert_eq!(push(&mut denials, 0, 1), Err(NotAdded::Full));
            for n in 0..WAITING as u32 {
                let (first, words) = denials.first().unwrap();
                assert_eq!((first.before, words), (n, &[n as u8].repeat(1 + n as usize)[..]));
                denials.skip();
            }
            assert!(denials.is_empty() && denials.first().is_none());
        }
    }

    #[test]
    fn long_ones_share_a_room_that_is_bounded() {
        let mut denials = Denials::EMPTY;
        assert_eq!(push(&mut denials, 1, LONGEST), Ok(()));
        assert_eq!(push(&mut denials, 2, LONGEST), Ok(()));
        assert_eq!(push(&mut denials, 3, LONGEST), Err(NotAdded::Full));
        denials.skip();
        assert_eq!(push(&mut denials, 3, LONGEST), Ok(()));
        assert_eq!(denials.first().unwrap().1, [2; LONGEST]);
        denials.skip();
        assert_eq!(denials.first().unwrap().1, [3; LONGEST]);
    }

    #[test]
    fn no_words_no_denial() {
        let mut denials = Denials::EMPTY;
        assert_eq!(denials.push(0, Time::EPOCH, |_| None), Err(NotAdded::NoWords));
        assert_eq!(push(&mut denials, 0, 0), Err(NotAdded::NoWords));
        assert_eq!(push(&mut denials, 0, LONGEST + 1), Err(NotAdded::NoWords));
    }
}
