//! SHA-1 (FIPS 180-4), by which OPC UA names certificates (OPC 10000-4, 7.2; part 6, 6.2.2).
//!
//! A name, not a proof: that the client has the key is for the server to check. Two certificates of the same
//! name can be made on purpose, but not a second one for a given first, and policy names the first.

/// The digest of `message`.
pub fn sha1(message: &[u8]) -> [u8; 20] {
    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let (blocks, rest) = message.as_chunks::<64>();
    blocks.iter().for_each(|block| compress(&mut state, block));
    // One bit, zeros, and the length in bits: one block more, or two.
    let mut last = [0; 128];
    let ends = [(rest, 0), (&[0x80], rest.len())];
    for (bytes, at) in ends {
        last.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
    }
    let bits = (message.len() as u64).wrapping_mul(8).to_be_bytes();
    let length = if rest.len() < 56 { 64 } else { 128 };
    last.iter_mut().skip(length - 8).zip(bits).for_each(|(to, from)| *to = from);
    last.as_chunks::<64>().0.iter().take(length / 64).for_each(|block| compress(&mut state, block));
    let mut digest = [0; 20];
    digest
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .zip(state)
        .for_each(|(to, word)| *to = word.to_be_bytes());
    digest
}

fn compress(state: &mut [u32; 5], block: &[u8; 64]) {
    // The last 16 words of the schedule, oldest first.
    let mut words = [0_u32; 16];
    words
        .iter_mut()
        .zip(block.as_chunks::<4>().0)
        .for_each(|(to, from)| *to = u32::from_be_bytes(*from));
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for round in 0..80 {
        let [word, ..] = words;
        let (mixed, constant) = match round {
            0..20 => (b & c | !b & d, 0x5a82_7999),
            20..40 => (b ^ c ^ d, 0x6ed9_eba1),
            40..60 => (b & c | b & d | c & d, 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let sum = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e);
        let sum = sum.wrapping_add(constant).wrapping_add(word);
        (a, b, c, d, e) = (sum, a, b.rotate_left(30), c, d);
        advance(&mut words);
    }
    for (total, word) in state.iter_mut().zip([a, b, c, d, e]) {
        *total = total.wrapping_add(word);
    }
}

/// The schedule by one word: it is made of those 3, 8, 14 and 16 before it.
const fn advance(words: &mut [u32; 16]) {
    let [w16, _, w14, _, _, _, _, _, w8, _, _, _, _, w3, _, _] = *words;
    let next = (w3 ^ w8 ^ w14 ^ w16).rotate_left(1);
    let [_, rest @ ..] = *words;
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = rest;
    *words = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, next];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: [u8; 20]) -> String {
        bytes.map(|byte| format!("{byte:02x}")).concat()
    }

    /// FIPS 180-4's examples, and lengths around the end of a block.
    #[test]
    fn digests() {
        for (message, digest) in [
            (Vec::new(), "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            (b"abc".to_vec(), "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".to_vec(),
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
            ),
            (vec![b'a'; 1_000_000], "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
            (vec![b'a'; 55], "c1c8bbdc22796e28c0e15163d20899b65621d65a"),
            (vec![b'a'; 63], "03f09f5b158a7a8cdad920bddc29b81c18a551f5"),
            (vec![b'a'; 64], "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
        ] {
            assert_eq!(hex(sha1(&message)), digest, "{} bytes", message.len());
        }
    }
}
