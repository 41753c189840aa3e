//! The Internet checksum: whole (RFC 1071) and by difference (RFC 1624).

use core::net::Ipv4Addr;

/// The one's complement sum of `bytes`, added to `start`; an odd last byte is the high half of a
/// word (RFC 1071 section 1). Not yet folded.
#[inline]
pub fn sum(start: u64, bytes: &[u8]) -> u64 {
    sum_from(start, bytes, 0)
}

/// The same of `bytes` from `from` on, an even number. Where that is 8 or more, a short rest is as cheap as a
/// long one: there is something before it to read with it.
#[inline(always)]
pub fn sum_from(start: u64, bytes: &[u8], from: usize) -> u64 {
    // Carries are counted in the upper half of 128 bits, so that no addition waits for another's carry.
    let mut sum = u128::from(start);
    let (blocks, rest) = bytes.get(from..).unwrap_or_default().as_chunks::<32>();
    for block in blocks {
        block.as_chunks().0.iter().for_each(|word| sum += word_of(word));
    }
    // What most segments have is looked at without a loop, which would be made ready for a long one.
    let (pairs, rest) = rest.as_chunks::<16>();
    if let [pair, ..] = pairs {
        pair.as_chunks().0.iter().for_each(|word| sum += word_of(word));
    }
    let (words, tail) = rest.as_chunks();
    if let [word, ..] = words {
        sum += word_of(word);
    }
    if !tail.is_empty() {
        sum += u128::from(last_word(bytes, tail));
    }
    add(sum as u64, (sum >> 64) as u64)
}

/// A word in the machine's own byte order: that comes last, since one's complement sums commute with byte swapping
/// (RFC 1071 section 2 B).
#[inline(always)]
fn word_of(bytes: &[u8; 8]) -> u128 {
    u128::from(u64::from_ne_bytes(*bytes))
}

/// One's complement sum of two words, each four of 16 bits.
#[inline(always)]
pub const fn add(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    // The carry of a sum is never that of another: there is room for it.
    sum.wrapping_add(carry as u64)
}

/// The tail of `bytes`, one to seven of them, as the front of a word: what is before it is shifted out.
#[inline(always)]
fn last_word(bytes: &[u8], tail: &[u8]) -> u64 {
    let Some(last) = bytes.last_chunk::<8>() else { return short_word(tail) };
    let word = u64::from_le_bytes(*last).wrapping_shr(64 - 8 * tail.len() as u32);
    u64::from_ne_bytes(word.to_le_bytes())
}

#[cold]
fn short_word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    u64::from_ne_bytes(word)
}

/// Whether a sum made by [`sum`] over bytes with a right checksum in place says so. They are not all zero, and so
/// neither is it.
#[inline(always)]
pub const fn is_right(sum: u64) -> bool {
    // One's complement counts modulo 0xffff. An odd number divides just those that its inverse takes to the lowest
    // (Granlund and Montgomery 1994, section 9): one multiplication, where folding is ten steps.
    const INVERSE: u64 = (u64::MAX / 0xffff).wrapping_neg();
    sum.wrapping_mul(INVERSE) <= u64::MAX / 0xffff
}

/// Folds a sum made by [`sum`] into 16 bits of network order, not complemented.
#[inline]
pub const fn fold(sum: u64) -> u16 {
    let (sum, carry) = (sum as u32).overflowing_add((sum >> 32) as u32);
    u16::from_be(halves(sum + carry as u32))
}

/// The one's complement sum of both halves: added to itself with the halves exchanged, a number has it in
/// its upper half, and the lower halves' carry is already in it.
#[inline]
const fn halves(sum: u32) -> u16 {
    (sum.wrapping_add(sum.rotate_left(16)) >> 16) as u16
}

/// The checksum of `bytes`, to be stored; over bytes with a right checksum in place it is 0.
#[inline]
pub fn checksum(bytes: &[u8]) -> u16 {
    !fold(sum(0, bytes))
}

/// The sum of the TCP/UDP pseudo-header (RFC 9293 3.1, RFC 768), to start [`sum`] with.
#[inline]
pub fn pseudo_header(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, length: u16) -> u64 {
    let [high, low] = length.to_be_bytes();
    let words = [src.octets(), dst.octets(), [0, protocol, high, low]];
    words.into_iter().map(|word| u64::from(u32::from_ne_bytes(word))).sum()
}

/// The change that some replaced words make to a checksum, whatever the rest of the bytes.
///
/// Made once per flow for its addresses and ports, applied to each packet. In the machine's own byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta(u32);

impl Delta {
    /// No change.
    pub const NONE: Delta = Delta(0);

    /// A 16-bit word at an even offset becomes `new`.
    #[must_use]
    pub const fn word(self, old: u16, new: u16) -> Delta {
        // RFC 1624 eqn. 3: HC' = ~(~HC + ~m + m').
        Delta(self.0 + (!old).to_be() as u32 + new.to_be() as u32).folded()
    }

    /// A 32-bit word at an even offset becomes `new`.
    #[must_use]
    pub const fn long(self, old: u32, new: u32) -> Delta {
        self.word((old >> 16) as u16, (new >> 16) as u16).word(old as u16, new as u16)
    }

    /// An address becomes `new`.
    #[must_use]
    pub const fn address(self, old: Ipv4Addr, new: Ipv4Addr) -> Delta {
        self.long(old.to_bits(), new.to_bits())
    }

    /// Both changes.
    #[must_use]
    pub const fn and(self, other: Delta) -> Delta {
        Delta(self.0 + other.0).folded()
    }

    /// The checksum `before` after the change.
    #[inline]
    pub const fn apply(self, before: u16) -> u16 {
        u16::from_be(!halves(!before.to_be() as u32 + self.0))
    }

    /// The same where, besides, two words of the machine's own byte order at even offsets become others: old and new
    /// of each.
    #[inline(always)]
    pub const fn apply_with(self, before: u16, one: (u64, u64), two: (u64, u64)) -> u16 {
        let start = !before.to_be() as u64 + self.0 as u64;
        let sum = add(add(start, !one.0), add(one.1, !two.0));
        !fold(add(sum, two.1))
    }

    #[inline]
    const fn folded(self) -> Delta {
        Delta(halves(self.0) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, word by word (RFC 1071 section 4.1).
    fn slow(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    #[test]
    fn example_of_rfc_1071_section_3() {
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }

    proptest! {
        #[test]
        fn whole_sum_is_the_definition(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(checksum(&bytes), slow(&bytes));
            let all = sum(0, &bytes);
            prop_assert!(all == 0 || is_right(all) == (fold(all) == 0xffff));
            if bytes.len() % 2 == 0 && all != 0 {
                prop_assert!(is_right(add(all, u64::from((!fold(all)).to_be()))));
            }
        }

        #[test]
        fn difference_equals_recomputation(
            mut bytes in proptest::collection::vec(any::<u8>(), 24..80),
            at in 0usize..10,
            new: u32,
            port: u16,
        ) {
            let before = checksum(&bytes);
            let at = at * 2;
            let old = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
            bytes[at..at + 4].copy_from_slice(&new.to_be_bytes());
            let delta = Delta::NONE.long(old, new);
            let old_port = u16::from_be_bytes(bytes[..2].try_into().unwrap());
            bytes[..2].copy_from_slice(&port.to_be_bytes());
            let word = (u64::from(old.to_be()), u64::from(new.to_be()));
            prop_assert_eq!(delta.apply(before), Delta::NONE.apply_with(before, word, (7, 7)));
            prop_assert_eq!(delta.apply(before), Delta::NONE.apply_with(before, (7, 7), word));
            let delta = delta.and(Delta::NONE.word(old_port, port));
            let (quick, whole) = (delta.apply(before), checksum(&bytes));
            // 0x0000 and 0xffff are the same number; all-zero data has only the second.
            prop_assert!(quick == whole || quick.wrapping_add(whole) == 0xffff && (quick == 0 || whole == 0));
        }
    }
}
