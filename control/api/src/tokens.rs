//! Tokens: who shows one acts by its login.
//!
//! The number of a login stands in lists and logs, so it proves nothing. A login is answered with a token
//! besides, 256 random bits, which whoever acts by the login has to show, and from the same user of the
//! machine. What is kept here of a token is its hash.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::model::{Fault, LoginNumber};
use crate::secret::Secret;

/// Most tokens kept. Beyond it the oldest goes: numbers of logins grow.
pub(crate) const MOST: usize = 16_384;

/// Bytes of a token; it is written in hexadecimal.
const LENGTH: usize = 32;

/// The tokens of all logins.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    by_login: BTreeMap<LoginNumber, Kept>,
}

#[derive(Debug)]
struct Kept {
    hash: [u8; 32],
    /// Whose it is, on the machine.
    uid: u32,
}

impl Tokens {
    /// A token for a new login.
    ///
    /// # Errors
    /// The machine gives no randomness.
    pub(crate) fn make(&mut self, login: LoginNumber, uid: u32) -> Result<Secret, Fault> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        getrandom::fill(bytes.as_mut())
            .map_err(|error| Fault::unavailable(format_args!("no randomness: {error}")))?;
        let token = hexadecimal(bytes.as_ref());
        let kept = Kept { hash: hash(token.expose()), uid };
        if self.by_login.len() >= MOST {
            self.by_login.pop_first();
        }
        self.by_login.insert(login, kept);
        Ok(token)
    }

    /// The login that a token is of, shown by this user. Hashes are compared, so how long it takes says
    /// nothing of a token.
    pub(crate) fn login(&self, token: &str, uid: u32) -> Option<LoginNumber> {
        let hash = hash(token);
        let found = self.by_login.iter().find(|(_, kept)| kept.hash == hash && kept.uid == uid);
        found.map(|(login, _)| *login)
    }

    /// The login is over.
    pub(crate) fn forget(&mut self, login: LoginNumber) {
        self.by_login.remove(&login);
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn hexadecimal(bytes: &[u8]) -> Secret {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
    Secret::new(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_logins_and_its_users_alone() {
        let mut tokens = Tokens::default();
        let (a, b) = (tokens.make(1, 1000).unwrap(), tokens.make(2, 1000).unwrap());
        assert_eq!(a.expose().len(), 2 * LENGTH);
        assert_eq!(tokens.login(a.expose(), 1000), Some(1));
        assert_eq!(tokens.login(b.expose(), 1000), Some(2));
        assert_eq!(tokens.login(b.expose(), 1001), None, "another user's");
        assert_eq!(tokens.login("", 1000), None);
        tokens.forget(1);
        assert_eq!(tokens.login(a.expose(), 1000), None);
    }

    #[test]
    fn the_oldest_of_too_many_goes() {
        let mut tokens = Tokens::default();
        let all: Vec<_> = (0..=MOST as u64).map(|n| tokens.make(n, 0).unwrap()).collect();
        assert_eq!(tokens.by_login.len(), MOST);
        assert_eq!(tokens.login(all[0].expose(), 0), None);
        assert_eq!(tokens.login(all[MOST].expose(), 0), Some(MOST as u64));
    }
}
