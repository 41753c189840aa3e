//! Ways to prove who one is.

mod common;
pub mod password;
pub mod recovery;
pub mod totp;

use std::fmt;

use crate::time::Monotonic;

pub use password::{Password, Weakness};
pub use recovery::RecoveryCode;
pub use totp::{Enrolment, Seed};

/// A way to prove who one is; the words are those of the policy file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Factor {
    /// Something known.
    Password,
    /// A time-based one-time password (RFC 6238), or a recovery code in its place.
    Totp,
    /// A client certificate.
    Certificate,
    /// A passkey (WebAuthn): known to policies, not yet provable.
    Passkey,
}

impl Factor {
    /// All factors.
    pub const ALL: [Factor; 4] =
        [Factor::Password, Factor::Totp, Factor::Certificate, Factor::Passkey];

    /// The word used in policy files.
    pub const fn name(self) -> &'static str {
        match self {
            Factor::Password => "password",
            Factor::Totp => "totp",
            Factor::Certificate => "certificate",
            Factor::Passkey => "passkey",
        }
    }

    /// The factor of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Factor> {
        Factor::ALL.into_iter().find(|factor| factor.name() == name)
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which factors were proven, and when last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proofs {
    password: Option<Monotonic>,
    totp: Option<Monotonic>,
    certificate: Option<Monotonic>,
    passkey: Option<Monotonic>,
}

impl Proofs {
    /// When `factor` was proven last; `None` if it never was.
    pub const fn at(&self, factor: Factor) -> Option<Monotonic> {
        match factor {
            Factor::Password => self.password,
            Factor::Totp => self.totp,
            Factor::Certificate => self.certificate,
            Factor::Passkey => self.passkey,
        }
    }

    /// The factors that were proven.
    pub fn factors(&self) -> impl Iterator<Item = Factor> + '_ {
        Factor::ALL.into_iter().filter(|factor| self.at(*factor).is_some())
    }

    /// Notes that `factor` was proven at `at`. Only whoever checked it calls this.
    pub(crate) fn add(&mut self, factor: Factor, at: Monotonic) {
        let slot = match factor {
            Factor::Password => &mut self.password,
            Factor::Totp => &mut self.totp,
            Factor::Certificate => &mut self.certificate,
            Factor::Passkey => &mut self.passkey,
        };
        *slot = Some(at).max(*slot);
    }

    /// Adds what `newer` proves.
    pub(crate) fn merge(&mut self, newer: &Proofs) {
        for factor in Factor::ALL {
            if let Some(at) = newer.at(factor) {
                self.add(factor, at);
            }
        }
    }
}

/// SHA-256 of a client certificate's DER encoding (RFC 8705, section 3.1: `x5t#S256`).
///
/// It names a certificate whose chain and possession TLS has checked; it proves nothing by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// The thumbprint of a certificate in DER.
    pub fn of(der: &[u8]) -> Thumbprint {
        use sha2::Digest;
        Thumbprint(sha2::Sha256::digest(der).into())
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From the 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Thumbprint {
        Thumbprint(bytes)
    }
}

/// What is not 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAThumbprint;

impl fmt::Display for NotAThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a thumbprint is 64 hex digits: the SHA-256 of the certificate in DER")
    }
}

impl std::error::Error for NotAThumbprint {}

impl std::str::FromStr for Thumbprint {
    type Err = NotAThumbprint;

    /// As `Display` writes it, in either case.
    fn from_str(text: &str) -> Result<Thumbprint, NotAThumbprint> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAThumbprint);
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2).ok_or(NotAThumbprint)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NotAThumbprint)?;
        }
        Ok(Thumbprint(bytes))
    }
}

impl fmt::Display for Thumbprint {
    /// Lower-case hex, as certificate tools print it without colons.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_read_as_it_is_written() {
        let print = Thumbprint::of(b"a certificate");
        let text = print.to_string();
        assert_eq!(text.parse(), Ok(print));
        assert_eq!(text.to_uppercase().parse(), Ok(print));
        let signed = format!("+{}", &text[1..]);
        for wrong in ["", &text[1..], &format!("{text}0"), &text.replace(&text[..1], "g"), &signed]
        {
            assert_eq!(wrong.parse::<Thumbprint>(), Err(NotAThumbprint), "{wrong}");
        }
    }

    #[test]
    fn the_words_are_those_of_the_policy_file() {
        let policy: Vec<_> =
            wicketgate_policy::Factor::ALL.iter().map(|factor| factor.name()).collect();
        assert_eq!(Factor::ALL.map(Factor::name).as_slice(), policy);
        for factor in Factor::ALL {
            assert_eq!(Factor::from_name(factor.name()), Some(factor));
        }
    }

    #[test]
    fn a_later_proof_counts_and_an_earlier_does_not() {
        let at = Monotonic::from_nanos;
        let mut proofs = Proofs::default();
        proofs.add(Factor::Totp, at(5));
        proofs.add(Factor::Totp, at(3));
        assert_eq!(proofs.at(Factor::Totp), Some(at(5)));
        assert_eq!(proofs.factors().collect::<Vec<_>>(), [Factor::Totp]);
    }

    #[test]
    fn a_thumbprint_is_sha_256() {
        // FIPS 180-4, "abc".
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Thumbprint::of(b"abc").to_string(), expected);
    }
}
