//! SHA-1 (FIPS 180-4), by which OPC UA names certificates (OPC 10000-4, 7.2; part 6, 6.2.2).
//!
//! A name, not a proof: that the client has the key is for the server to check. Two certificates of the same
//! name can be made on purpose, but not a second one for a given first, and policy names the first.

use sha1::{Digest, Sha1};

/// The digest of `message`.
pub fn sha1(message: &[u8]) -> [u8; 20] {
    Sha1::digest(message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4's example.
    #[test]
    fn a_certificate_is_named_by_sha_1() {
        let named: String = sha1(b"abc").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(named, "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
