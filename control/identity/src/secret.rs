//! Bytes that are wiped when dropped and never printed.

use std::fmt;

use zeroize::Zeroizing;

/// A secret. Neither `Clone` nor `Display`; `Debug` says only that it is one.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over; the vector given is the one that will be wiped.
    pub fn new(bytes: Vec<u8>) -> Secret {
        Secret(Zeroizing::new(bytes))
    }

    /// `length` bytes from the kernel's random generator.
    ///
    /// # Errors
    /// The kernel has none to give.
    pub fn random(length: usize) -> Result<Secret, NoRandomness> {
        let mut bytes = Zeroizing::new(vec![0; length]);
        fill(&mut bytes)?;
        Ok(Secret(bytes))
    }

    /// The bytes, for the one place that works with them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The kernel's random generator failed: nothing secret can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRandomness;

impl fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the kernel's random generator gives nothing (getrandom(2) failed)")
    }
}

impl std::error::Error for NoRandomness {}

/// Fills `bytes` from the kernel's random generator.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    getrandom::fill(bytes).map_err(|_| NoRandomness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_nothing() {
        let secret = Secret::new(b"canary".to_vec());
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[test]
    fn two_secrets_differ() {
        let (one, two) = (Secret::random(20).unwrap(), Secret::random(20).unwrap());
        assert!(one.expose().len() == 20 && one.expose() != two.expose());
    }
}
