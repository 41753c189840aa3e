//! Time-based one-time passwords (RFC 6238): six digits, thirty seconds, SHA-1.
//!
//! SHA-1 because authenticator apps know nothing else reliably; HMAC-SHA-1 does not suffer from
//! SHA-1's collisions (RFC 6238, section 1.2 and RFC 4226, appendix B.2).

use std::fmt;

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use crate::name::UserName;
use crate::secret::{NoRandomness, Secret};

/// Digits of a code (RFC 4226, section 5.3: at least six).
pub const DIGITS: u8 = 6;

/// Length of a step in seconds (RFC 6238, section 4.1).
pub const STEP_SECONDS: u64 = 30;

/// Steps before and after that are accepted too (RFC 6238, section 5.2: at most one for the way).
pub const SKEW: u16 = 1;

/// Length of a seed in bytes (RFC 4226, section 4, R6: 160 bits are recommended).
pub const SEED_LENGTH: usize = 20;

/// Who issues the codes, as authenticator apps show it.
const ISSUER: &str = "Wicketgate";

/// The alphabet of RFC 4648, section 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What codes are made of: shared by the gate and the user's app. Wiped when dropped.
#[derive(Debug)]
pub struct Seed(Secret);

impl Seed {
    /// A new one.
    pub(crate) fn new() -> Result<Seed, NoRandomness> {
        Secret::random(SEED_LENGTH).map(Seed)
    }

    /// One that was stored.
    pub(crate) fn from_secret(secret: Secret) -> Seed {
        Seed(secret)
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }

    /// The step that `code` is of, if that is the step of `unix_seconds` or within [`SKEW`] of it.
    pub(crate) fn step_of(&self, code: &str, unix_seconds: u64) -> Option<u64> {
        self.generator().check(code, unix_seconds)
    }

    /// `build` would refuse what the constants above cannot be.
    fn generator(&self) -> Totp {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_skew(SKEW)
            .with_step_duration(STEP_SECONDS)
            .with_secret(self.0.expose().to_vec())
            .build_noncompliant()
    }

    /// In base 32 without padding, as apps take it by hand.
    fn base32(&self) -> Zeroizing<String> {
        let bytes = self.0.expose();
        let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 8 / 5 + 1));
        for group in bytes.chunks(5) {
            let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            let bits = bits << (8 * (5 - group.len()));
            let digits = (group.len() * 8).div_ceil(5);
            let digit = |at: usize| BASE32.get((bits >> (35 - 5 * at)) as usize & 31).copied();
            text.extend((0..digits).filter_map(digit).map(char::from));
        }
        text
    }
}

/// A seed on its way to the user's app; it counts from its first right code on.
pub struct Enrolment {
    secret: Zeroizing<String>,
    uri: Zeroizing<String>,
}

impl Enrolment {
    pub(crate) fn new(seed: &Seed, user: &UserName) -> Enrolment {
        let secret = seed.base32();
        let user = user.as_str().replace('@', "%40");
        let issuer = format!("&issuer={ISSUER}");
        let form = format!("&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}");
        let label = format!("otpauth://totp/{ISSUER}:{user}?secret=");
        let parts = [label.as_str(), &secret, &issuer, &form];
        // `concat` takes all the room first: text that grows would leave copies of the seed behind.
        Enrolment { uri: Zeroizing::new(parts.concat()), secret }
    }

    /// The seed in base 32, to be typed into an app.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// `otpauth://totp/…`, as apps read it from a QR code. A [`UserName`] needs no other escape than
    /// that of `@`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// A QR code of the URI for a terminal, two rows a line, dark on light where `inverted` says that
    /// the terminal is light.
    pub fn qr(&self, inverted: bool) -> Zeroizing<String> {
        let (dark, light) = match inverted {
            true => (Dense1x2::Dark, Dense1x2::Light),
            false => (Dense1x2::Light, Dense1x2::Dark),
        };
        let text = QrCode::new(self.uri.as_bytes())
            .map(|code| code.render::<Dense1x2>().dark_color(dark).light_color(light).build());
        // A URI of this length always fits into a QR code.
        Zeroizing::new(text.unwrap_or_default())
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(..)")
    }
}

#[cfg(test)]
#[path = "../tests/totp.rs"]
mod tests;
