//! Process values in a PDU, one by one.

/// 16-bit big-endian registers.
pub(crate) fn registers(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair))
}

/// `count` bits, eight to a byte, least significant first.
pub(crate) fn bits(bytes: &[u8], count: usize) -> impl Iterator<Item = u16> {
    let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| u16::from(byte >> bit & 1)));
    bits.take(count)
}
