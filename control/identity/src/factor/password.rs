//! Passwords: what is accepted, how it is stored, how it is checked.
//!
//! Rules after NIST SP 800-63B-4, section 3.1.1: length counts, composition does not, nothing
//! expires, and what is commonly used is refused. Stored as argon2id in a PHC string, which
//! carries its own parameters.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::common;
use crate::secret::{self, NoRandomness};

/// Fewest characters. A rule may ask for the password alone, and then SP 800-63B-4 asks for 15.
pub const MIN_CHARACTERS: usize = 15;

/// Most bytes. SP 800-63B-4 asks for room for 64 characters at least; this is 256 of four bytes.
pub const MAX_BYTES: usize = 1024;

/// Memory of argon2id, in KiB: OWASP's Password Storage Cheat Sheet, 19 MiB with two passes.
pub const MEMORY_KIB: u32 = 19 * 1024;

/// Passes of argon2id over that memory.
pub const PASSES: u32 = 2;

/// Lanes of argon2id.
pub const LANES: u32 = 1;

/// Length of a salt, in bytes (RFC 9106, section 3.1: 16 are recommended).
const SALT_LENGTH: usize = 16;

/// A password as it was typed: wiped when dropped, never printed.
pub struct Password(Zeroizing<String>);

/// Why a password is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// Fewer than [`MIN_CHARACTERS`] characters.
    Short,
    /// More than [`MAX_BYTES`] bytes.
    Long,
    /// The same few characters again and again, or a run along the keyboard or the alphabet.
    Pattern,
    /// Made of nothing but commonly used passwords, the user's name or the gate's, and digits.
    Common,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Weakness::Short => write!(
                f,
                "at least {MIN_CHARACTERS} characters: four unrelated words make a good password"
            ),
            Weakness::Long => write!(f, "at most {MAX_BYTES} bytes"),
            Weakness::Pattern => f.write_str("repeats or counts: easily guessed"),
            Weakness::Common => {
                f.write_str("made of commonly used passwords, names and digits: easily guessed")
            }
        }
    }
}

impl std::error::Error for Weakness {}

impl Password {
    /// Takes the text over; the string given is the one that will be wiped.
    pub fn new(text: String) -> Password {
        Password(Zeroizing::new(text))
    }

    /// Whether it may become someone's password. `names` are what an attacker would try with it:
    /// the user's name and full name.
    ///
    /// # Errors
    /// [`Weakness`].
    pub fn check(&self, names: &[&str]) -> Result<(), Weakness> {
        if self.0.chars().count() < MIN_CHARACTERS {
            return Err(Weakness::Short);
        }
        if self.0.len() > MAX_BYTES {
            return Err(Weakness::Long);
        }
        let plain = Zeroizing::new(self.0.to_lowercase());
        if common::is_pattern(&plain) {
            Err(Weakness::Pattern)
        } else if common::is_common(&plain, names) {
            Err(Weakness::Common)
        } else {
            Ok(())
        }
    }

    /// Its hash under the parameters of today and a new salt, as a PHC string.
    pub(crate) fn hash(&self) -> Result<String, NoRandomness> {
        let mut salt = [0; SALT_LENGTH];
        secret::fill(&mut salt)?;
        let hash = argon2id().hash_password_with_salt(self.bytes(), &salt);
        // The parameters are constants and tested; what is left is no memory.
        hash.map(|hash| hash.to_string()).map_err(|_| NoRandomness)
    }

    /// Whether it is the password that `stored` was made of, under the parameters stored with it.
    pub(crate) fn verify(&self, stored: &str) -> bool {
        let Ok(stored) = PasswordHash::new(stored) else { return false };
        let same = argon2id().verify_password(self.bytes(), &stored).is_ok();
        same && self.0.len() <= MAX_BYTES
    }

    /// What is hashed: no more than [`MAX_BYTES`], whatever someone sends.
    fn bytes(&self) -> &[u8] {
        self.0.as_bytes().get(..MAX_BYTES).unwrap_or(self.0.as_bytes())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Whether a stored hash is weaker than today's in any parameter, and is to be made anew.
pub(crate) fn is_outdated(stored: &str) -> bool {
    let Ok(hash) = PasswordHash::new(stored) else { return true };
    let Ok(params) = Params::try_from(&hash) else { return true };
    hash.algorithm != Algorithm::Argon2id.ident()
        || hash.version != Some(Version::V0x13.into())
        || params.m_cost() < MEMORY_KIB
        || params.t_cost() < PASSES
        || params.p_cost() < LANES
}

fn argon2id() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
#[path = "../tests/password.rs"]
mod tests;
