//! Bytes as lower-case hex, and back.

/// Bytes that [`append`] turns into digits at a time.
const CHUNK: usize = 16;

/// The digits of so many bytes. Without a table: the compiler makes vectors of it.
#[inline]
pub(crate) fn digits<const N: usize>(bytes: &[u8; N]) -> [[u8; 2]; N] {
    let mut digits = [[0; 2]; N];
    for (pair, byte) in digits.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    digits
}

/// Appends `bytes` to a line.
pub(crate) fn append(bytes: &[u8], line: &mut Vec<u8>) {
    let (chunks, rest) = bytes.as_chunks::<CHUNK>();
    chunks.iter().for_each(|chunk| line.extend_from_slice(digits(chunk).as_flattened()));
    // The rest as a whole chunk too, of which what is not meant is taken off again: a length that is always
    // the same is copied without a call.
    let mut last = [0; CHUNK];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let end = line.len() + 2 * rest.len();
    line.extend_from_slice(digits(&last).as_flattened());
    line.truncate(end);
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

const fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_bytes_is_written_and_no_more() {
        for count in 0..3 * CHUNK {
            let bytes: Vec<u8> = (0..=255).rev().take(count).collect();
            let mut line = b"before".to_vec();
            append(&bytes, &mut line);
            let told: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(line, format!("before{told}").into_bytes());
        }
    }

    #[test]
    fn every_byte_comes_back() {
        let (bytes, mut line) = ((0..=255).collect::<Vec<u8>>(), Vec::new());
        append(&bytes, &mut line);
        assert!(line.starts_with(b"000102") && line.ends_with(b"fdfeff"));
        assert_eq!(read(&line), Some(bytes));
    }
}
