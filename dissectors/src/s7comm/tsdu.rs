//! User data (TSDU, ISO 8073): one run of bytes to who reads it, in one fragment or several.

use super::frame::DATA_HEADER;

/// Some bytes of the user data of a PDU, read from the front.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tsdu<'a> {
    /// What is left of the fragment that is being read.
    run: &'a [u8],
    /// The TPKTs behind it.
    more: &'a [u8],
    /// How many bytes are left to read.
    left: usize,
}

impl<'a> Tsdu<'a> {
    /// The user data of a PDU whose frame is right.
    pub fn read(pdu: &'a [u8]) -> Tsdu<'a> {
        let (run, more) = fragment(pdu).unwrap_or_default();
        let mut rest = more;
        let mut left = run.len();
        while let Some((run, behind)) = fragment(rest) {
            left += run.len();
            rest = behind;
        }
        Tsdu { run, more, left }
    }

    /// Bytes that are left.
    #[inline]
    pub const fn len(&self) -> usize {
        self.left
    }

    /// Whether nothing is left.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// The bytes, if they lie in one fragment.
    #[inline]
    pub fn contiguous(&self) -> Option<&'a [u8]> {
        let mut bytes = *self;
        bytes.turn();
        bytes.run.get(..bytes.left)
    }

    /// The first byte, which stays.
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.clone().byte()
    }

    /// Takes the first byte.
    #[inline]
    pub fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Takes the first word.
    #[inline]
    pub fn word(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Takes the first double word.
    #[inline]
    pub fn double(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Takes the first `N` bytes; nothing, if there are fewer.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let left = self.left.checked_sub(N)?;
        let Some((front, rest)) = self.run.split_first_chunk::<N>() else { return self.gather() };
        (self.run, self.left) = (rest, left);
        Some(*front)
    }

    /// The same across the end of a fragment.
    #[cold]
    fn gather<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            self.turn();
            let (first, rest) = self.run.split_first()?;
            *byte = *first;
            (self.run, self.left) = (rest, self.left.checked_sub(1)?);
        }
        Some(bytes)
    }

    /// Takes the first `length` bytes as a part of their own; nothing, if there are fewer.
    #[inline]
    pub fn part(&mut self, length: usize) -> Option<Tsdu<'a>> {
        let left = self.left.checked_sub(length)?;
        let part = Tsdu { left: length, ..*self };
        self.left = left;
        let mut over = length;
        while over > self.run.len() {
            over -= self.run.len();
            (self.run, self.more) = fragment(self.more)?;
        }
        self.run = self.run.get(over..)?;
        Some(part)
    }

    /// Puts as many of the bytes into `out` as both have, and returns those.
    pub fn copy_to(mut self, out: &mut [u8]) -> &[u8] {
        let length = self.left.min(out.len());
        let Some(out) = out.get_mut(..length) else { return &[] };
        for place in &mut *out {
            *place = self.byte().unwrap_or_default();
        }
        out
    }

    /// Goes on to the fragment that has the next byte.
    #[inline]
    fn turn(&mut self) {
        while self.run.is_empty() && self.left > 0 {
            let Some((run, more)) = fragment(self.more) else { return };
            (self.run, self.more) = (run, more);
        }
    }
}

/// What the first TPKT carries, and what is behind it.
fn fragment(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[_, _, high, low, ..], _) = bytes.split_first_chunk::<DATA_HEADER>()?;
    let (tpkt, more) = bytes.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    Some((tpkt.get(DATA_HEADER..)?, more))
}
