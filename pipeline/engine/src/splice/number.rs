//! Sequence numbers as offsets that do not wrap.

/// A place in a stream, in bytes. The SYN lies at 2^32 and the first byte behind it; so nothing that
/// arithmetic on 32-bit numbers can reach lies below zero.
pub type Offset = u64;

/// Where the first byte of a stream lies.
pub const FIRST: Offset = (1 << 32) + 1;

/// How the offsets of one stream are written on the wire (RFC 9293 section 3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbering {
    isn: u32,
}

impl Numbering {
    /// The numbering of a stream whose SYN has this number.
    pub const fn new(isn: u32) -> Numbering {
        Numbering { isn }
    }

    /// The number of the byte at `offset`.
    #[inline]
    pub const fn wire(self, offset: Offset) -> u32 {
        self.isn.wrapping_add(offset as u32)
    }

    /// The offset nearest to `near` that has this number: right for whatever lies within 2^31 of it.
    #[inline]
    pub const fn offset(self, number: u32, near: Offset) -> Offset {
        let distance = number.wrapping_sub(self.wire(near)) as i32;
        near.wrapping_add_signed(distance as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_byte_follows_the_syn() {
        assert_eq!(Numbering::new(u32::MAX).wire(FIRST), 0);
        assert_eq!(Numbering::new(7).offset(8, FIRST), FIRST);
    }

    proptest! {
        #[test]
        fn numbers_come_back_as_their_offsets(isn: u32, far in 0u64..1 << 40, near in -(1i64 << 31)..1 << 31) {
            let (numbering, offset) = (Numbering::new(isn), FIRST + far);
            let near = offset.saturating_add_signed(-near).max(FIRST);
            prop_assume!(offset.abs_diff(near) < 1 << 31);
            prop_assert_eq!(numbering.offset(numbering.wire(offset), near), offset);
        }
    }
}
