//! Bytes as lower-case hex, and back.

/// The two digits of each byte.
const DIGITS: [[u8; 2]; 256] = {
    let mut digits = [[0; 2]; 256];
    let mut byte = 0;
    #[expect(clippy::indexing_slicing, reason = "at compile time, below the array's length")]
    while byte < digits.len() {
        digits[byte] = [digit(byte as u8 >> 4), digit(byte as u8 & 15)];
        byte += 1;
    }
    digits
};

/// Writes `bytes` to the front of `digits`, as many as there is room for; returns how many digits.
pub(crate) fn write(bytes: &[u8], digits: &mut [u8]) -> usize {
    let (pairs, _) = digits.as_chunks_mut::<2>();
    let written = pairs.iter_mut().zip(bytes).map(|(pair, byte)| *pair = of(*byte));
    2 * written.count()
}

/// Appends `bytes` to a line.
pub(crate) fn append(bytes: &[u8], line: &mut Vec<u8>) {
    line.extend(bytes.iter().flat_map(|byte| of(*byte)));
}

/// Bytes from digits.
pub(crate) fn read(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let byte = |[high, low]: &[u8; 2]| Some(nibble(*high)? << 4 | nibble(*low)?);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

#[expect(clippy::indexing_slicing, reason = "there is an entry for each byte")]
const fn of(byte: u8) -> [u8; 2] {
    DIGITS[byte as usize]
}

const fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stop_where_room_ends() {
        let mut digits = [b'.'; 5];
        assert_eq!(write(&[0x0f, 0xa9, 0xff], &mut digits), 4);
        assert_eq!(&digits, b"0fa9.");
    }

    #[test]
    fn every_byte_comes_back() {
        let (bytes, mut line) = ((0..=255).collect::<Vec<u8>>(), Vec::new());
        append(&bytes, &mut line);
        assert!(line.starts_with(b"000102") && line.ends_with(b"fdfeff"));
        assert_eq!(read(&line), Some(bytes));
    }
}
