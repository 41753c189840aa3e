//! Recovery codes: ten, each good once in place of TOTP.
//!
//! SP 800-63B-4, section 3.1.2 (look-up secrets): with 112 bits and more a plain hash suffices; these
//! have 120. So they are found by their hash, and looking one up takes the same time for all.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret::{self, NoRandomness};
use crate::store::UserId;

/// Codes that a user gets at a time.
pub const CODES: usize = 10;

/// Characters of a code, without dashes.
const LENGTH: usize = 24;

/// Characters between two dashes.
const GROUP: usize = 4;

/// Crockford's base 32: no letter that looks like a digit, none that makes a word by chance.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A code as it is shown once: wiped when dropped, `Debug` does not print it.
pub struct RecoveryCode(Zeroizing<String>);

impl RecoveryCode {
    /// A new one.
    pub(crate) fn new() -> Result<RecoveryCode, NoRandomness> {
        let mut random = Zeroizing::new([0; LENGTH]);
        secret::fill(random.as_mut())?;
        // 256 is a multiple of 32: every character is as likely.
        let digit =
            |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied().map_or('0', char::from);
        // Room for all: text that grows would leave copies behind.
        let mut code = Zeroizing::new(String::with_capacity(LENGTH));
        code.extend(random.iter().map(digit));
        Ok(RecoveryCode(code))
    }

    /// A code as someone typed it; `None` if it is none. Case, dashes and spaces do not matter,
    /// nor does O for 0 or I and L for 1.
    pub(crate) fn parse(typed: &str) -> Option<RecoveryCode> {
        let mut code = Zeroizing::new(String::with_capacity(LENGTH));
        for character in typed.chars().filter(|character| !matches!(character, '-' | ' ')) {
            if code.len() == LENGTH {
                return None;
            }
            code.push(digit(character)?);
        }
        (code.len() == LENGTH).then_some(RecoveryCode(code))
    }

    /// What is stored in its place. The user is part of it: nobody's code is another's.
    pub(crate) fn hash(&self, user: UserId) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"wicketgate recovery code 1\0");
        hash.update(user.0.to_be_bytes());
        hash.update(self.0.as_bytes());
        hash.finalize().into()
    }

    /// The code in groups, to be shown once: `7KQF-02MX-…`.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(LENGTH + LENGTH / GROUP));
        for (at, character) in self.0.chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(character);
        }
        text
    }
}

fn digit(character: char) -> Option<char> {
    let digit = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.iter().any(|known| char::from(*known) == digit).then_some(digit)
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_shown_and_as_typed() {
        let code = RecoveryCode::new().unwrap();
        let shown = code.reveal();
        assert_eq!(shown.len(), LENGTH + LENGTH / GROUP - 1);
        for typed in [shown.to_string(), shown.to_lowercase(), shown.replace('-', " ")] {
            let typed = RecoveryCode::parse(&typed).unwrap();
            assert_eq!(typed.hash(UserId(1)), code.hash(UserId(1)));
        }
        assert!(RecoveryCode::parse(shown.get(1..).unwrap()).is_none());
        assert!(RecoveryCode::parse(&format!("{}0", *shown)).is_none());
    }

    #[test]
    fn letters_that_look_like_digits() {
        let typed = RecoveryCode::parse("oOiI-lL00-0000-0000-0000-0000").unwrap();
        assert_eq!(&*typed.reveal(), "0011-1100-0000-0000-0000-0000");
        assert!(RecoveryCode::parse(&"U".repeat(LENGTH)).is_none());
    }

    #[test]
    fn a_code_is_one_users() {
        let code = RecoveryCode::new().unwrap();
        assert_ne!(code.hash(UserId(1)), code.hash(UserId(2)));
        assert_eq!(format!("{code:?}"), "RecoveryCode(..)");
    }
}
