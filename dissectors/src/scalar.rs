//! Numbers of a type that the protocol names.

/// The type of a number on the wire (IEC 61131-3 names).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// One byte, 0 or anything else.
    Bool,
    /// 8 bits, signed.
    Sint,
    /// 16 bits, signed.
    Int,
    /// 32 bits, signed.
    Dint,
    /// 8 bits.
    Usint,
    /// 16 bits.
    Uint,
    /// 32 bits.
    Udint,
    /// 32 bits, IEEE 754.
    Real,
    /// 64 bits, IEEE 754.
    Lreal,
}

impl Scalar {
    /// Bytes of one number.
    pub const fn size(self) -> usize {
        match self {
            Scalar::Bool | Scalar::Sint | Scalar::Usint => 1,
            Scalar::Int | Scalar::Uint => 2,
            Scalar::Dint | Scalar::Udint | Scalar::Real => 4,
            Scalar::Lreal => 8,
        }
    }

    /// The little-endian numbers in `bytes`, one behind the other. Each of these types fits a 64-bit float exactly.
    pub fn numbers(self, bytes: &[u8]) -> impl Iterator<Item = f64> + '_ {
        bytes.chunks_exact(self.size()).map(move |number| self.number(number))
    }

    /// The same, big-endian. Bytes that are not a whole number give one that is none.
    pub fn numbers_be(self, bytes: &[u8]) -> impl Iterator<Item = f64> + '_ {
        bytes.chunks(self.size()).map(move |number| {
            let mut turned = [0; 8];
            for (to, from) in turned.iter_mut().zip(number.iter().rev()) {
                *to = *from;
            }
            self.number(turned.get(..number.len()).unwrap_or_default())
        })
    }

    fn number(self, bytes: &[u8]) -> f64 {
        match (self, bytes) {
            (Scalar::Bool, [byte]) => f64::from(u8::from(*byte != 0)),
            (Scalar::Sint, [byte]) => f64::from(i8::from_le_bytes([*byte])),
            (Scalar::Usint, [byte]) => f64::from(*byte),
            (Scalar::Int, &[a, b]) => f64::from(i16::from_le_bytes([a, b])),
            (Scalar::Uint, &[a, b]) => f64::from(u16::from_le_bytes([a, b])),
            (Scalar::Dint, &[a, b, c, d]) => f64::from(i32::from_le_bytes([a, b, c, d])),
            (Scalar::Udint, &[a, b, c, d]) => f64::from(u32::from_le_bytes([a, b, c, d])),
            (Scalar::Real, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
            (Scalar::Lreal, &[a, b, c, d, e, f, g, h]) => {
                f64::from_le_bytes([a, b, c, d, e, f, g, h])
            }
            // Of another length than its type has: not a number, and so none that a rule allows.
            _ => f64::NAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_by_their_type() {
        let one = |scalar: Scalar, bytes: &[u8]| scalar.numbers(bytes).collect::<Vec<_>>();
        assert_eq!(one(Scalar::Bool, &[0, 1, 0xff]), [0.0, 1.0, 1.0]);
        assert_eq!(one(Scalar::Sint, &[0xff]), [-1.0]);
        assert_eq!(one(Scalar::Int, &[0xfe, 0xff, 2, 1]), [-2.0, 258.0]);
        assert_eq!(one(Scalar::Uint, &[0xfe, 0xff]), [65534.0]);
        assert_eq!(one(Scalar::Dint, &[0, 0, 0, 0x80]), [f64::from(i32::MIN)]);
        assert_eq!(one(Scalar::Udint, &[0, 0, 0, 0x80]), [2_147_483_648.0]);
        assert_eq!(one(Scalar::Real, &12.5_f32.to_le_bytes()), [12.5]);
        assert_eq!(one(Scalar::Lreal, &(-0.25_f64).to_le_bytes()), [-0.25]);
        assert_eq!(one(Scalar::Dint, &[1, 2, 3]), [0.0; 0], "not whole");
    }

    #[test]
    fn numbers_are_read_from_the_other_end() {
        let one = |scalar: Scalar, bytes: &[u8]| scalar.numbers_be(bytes).collect::<Vec<_>>();
        assert_eq!(one(Scalar::Int, &[0xff, 0xfe, 1, 2]), [-2.0, 258.0]);
        assert_eq!(one(Scalar::Udint, &[0x80, 0, 0, 0]), [2_147_483_648.0]);
        assert_eq!(one(Scalar::Real, &12.5_f32.to_be_bytes()), [12.5]);
        assert!(one(Scalar::Uint, &[1, 2, 3])[1].is_nan(), "not whole");
    }
}
