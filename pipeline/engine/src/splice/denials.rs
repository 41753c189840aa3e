//! Denials that wait for the answers to earlier requests.

use core::time::Duration;

use wicketgate_packet::Time;

/// Longest denial of any protocol, in bytes.
pub const LONGEST: usize = 64;

/// Denials that wait at a time; a connection that needs more is reset.
const WAITING: usize = 32;

/// How long a denial waits for the answers to earlier requests: longer than a device takes, and
/// shorter than the shortest timeout of a client in use (500 ms).
pub const PATIENCE: Duration = Duration::from_millis(200);

/// The protocol's own refusal of one request.
#[derive(Clone, Copy, Debug)]
pub struct Denial {
    bytes: [u8; LONGEST],
    len: u8,
    /// The number that the next request got: those before it are to be answered first.
    pub before: u32,
    /// When it waits no longer.
    pub until: Time,
}

impl Denial {
    const EMPTY: Denial = Denial { bytes: [0; LONGEST], len: 0, before: 0, until: Time::EPOCH };

    /// One whose words `write` writes; `None` where it has none.
    pub fn new(
        before: u32,
        now: Time,
        write: impl FnOnce(&mut [u8; LONGEST]) -> Option<usize>,
    ) -> Option<Denial> {
        let mut denial = Denial { before, until: now + PATIENCE, ..Denial::EMPTY };
        let len = write(&mut denial.bytes).filter(|len| (1..=LONGEST).contains(len))?;
        denial.len = len as u8;
        Some(denial)
    }

    /// Its words.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// Those of one connection, oldest first.
#[derive(Clone, Debug)]
pub struct Denials {
    waiting: [Denial; WAITING],
    first: usize,
    len: usize,
}

impl Denials {
    /// None.
    pub const EMPTY: Denials = Denials { waiting: [Denial::EMPTY; WAITING], first: 0, len: 0 };

    /// Whether none waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds one; false where too many wait.
    #[must_use]
    pub fn push(&mut self, denial: Denial) -> bool {
        let at = (self.first + self.len) % WAITING;
        let full = self.len == WAITING;
        if let Some(place) = self.waiting.get_mut(at).filter(|_| !full) {
            *place = denial;
            self.len += 1;
        }
        !full
    }

    /// The oldest.
    pub fn first(&self) -> Option<Denial> {
        self.waiting.get(self.first).copied().filter(|_| self.len > 0)
    }

    /// Takes the oldest out.
    pub fn skip(&mut self) {
        if self.len > 0 {
            self.first = (self.first + 1) % WAITING;
            self.len -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn come_out_in_order_and_are_bounded() {
        let mut denials = Denials::EMPTY;
        for round in 0..3u32 {
            for n in 0..WAITING as u32 {
                let denial = Denial::new(n, Time::EPOCH, |to| {
                    to[0] = n as u8;
                    Some(1)
                })
                .unwrap();
                assert!(denials.push(denial), "{round}");
            }
            assert!(!denials.push(Denial::EMPTY));
            for n in 0..WAITING as u32 {
                let first = denials.first().unwrap();
                assert_eq!((first.before, first.bytes()), (n, &[n as u8][..]));
                denials.skip();
            }
            assert!(denials.is_empty() && denials.first().is_none());
        }
    }

    #[test]
    fn no_words_no_denial() {
        assert!(Denial::new(0, Time::EPOCH, |_| None).is_none());
        assert!(Denial::new(0, Time::EPOCH, |_| Some(LONGEST + 1)).is_none());
    }
}
