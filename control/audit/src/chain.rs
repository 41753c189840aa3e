//! How lines are chained.
//!
//! A record without its hash is the JSON object `{...,"prev":"P"}`. Its hash `H` is the SHA-256 of
//! exactly these bytes, and the line is `{...,"prev":"P","hash":"H"}` and a newline. `P` is the hash
//! of the record before, so each hash stands for the whole log up to it.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::hex;

/// What stands between the object's last field and the digits of its hash.
const HASH_KEY: &[u8] = b",\"hash\":\"";
/// What follows the digits.
const LINE_END: &[u8] = b"\"}";
/// The same, and the newline.
const LAST: &[u8] = b"\"}\n";

/// A SHA-256 (FIPS 180-4); in text 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first record has for `prev`.
    pub const ZERO: Hash = Hash([0; 32]);

    /// The hash of an object, given without its closing brace.
    fn of_open_object(object: &[u8]) -> Hash {
        Hash(Sha256::new().chain_update(object).chain_update(b"}").finalize().into())
    }

    /// Its digits.
    pub(crate) fn hex(&self) -> [[u8; 2]; 32] {
        hex::digits(&self.0)
    }
}

impl Hash {
    /// The hash of 64 lower-case hex digits.
    pub(crate) fn parse(digits: &[u8]) -> Option<Hash> {
        hex::read(digits)?.try_into().ok().map(Hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes a line of the object at the end of `line`, from `start` on, that has all its fields but the hash;
/// returns the hash.
pub(crate) fn seal(line: &mut Vec<u8>, start: usize) -> Hash {
    let hash = Hash(Sha256::digest(line.get(start..).unwrap_or_default()).into());
    line.pop();
    line.extend_from_slice(HASH_KEY);
    line.extend_from_slice(hash.hex().as_flattened());
    line.extend_from_slice(LAST);
    hash
}

/// Whether a line, its newline already taken off, is a record that is what was hashed.
pub fn is_sealed(line: &[u8]) -> bool {
    open(line).is_some_and(|opened| opened.holds())
}

/// A line, its newline already taken off. `None` where no hash stands at its end.
pub(crate) fn open(line: &[u8]) -> Option<Opened<'_>> {
    let (rest, digits) = line.strip_suffix(LINE_END)?.split_last_chunk()?;
    let object = rest.strip_suffix(HASH_KEY)?;
    Some(Opened { object, hash: Hash::of_open_object(object), digits })
}

/// A line taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened<'a> {
    /// The object without its hash and its closing brace.
    pub(crate) object: &'a [u8],
    /// The hash that it should have.
    pub(crate) hash: Hash,
    /// The digits of the one that it has.
    digits: &'a [u8; 64],
}

impl Opened<'_> {
    /// Whether it is what was hashed.
    pub(crate) fn holds(&self) -> bool {
        self.hash.hex().as_flattened() == self.digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_sha_256_of_the_object_without_it() {
        let mut line = b"{}".to_vec();
        let hash = seal(&mut line, 0);
        // sha256sum of the two bytes "{}".
        let known = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(hash.to_string(), known);
        assert_eq!(line, format!("{{,\"hash\":\"{known}\"}}\n").into_bytes());
        let opened = open(line.trim_ascii_end()).unwrap();
        assert_eq!((opened.object, opened.hash, opened.holds()), (&b"{"[..], hash, true));
    }

    #[test]
    fn a_line_without_a_hash_does_not_open() {
        for line in ["", "{}", "\"}", "{\"hash\":\"00\"}"] {
            assert_eq!(open(line.as_bytes()), None, "{line}");
        }
    }
}
