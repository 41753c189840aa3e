//! The key that secrets are sealed with.
//!
//! XChaCha20-Poly1305 (RFC 8439 with the 192-bit nonce of draft-irtf-cfrg-xchacha): a nonce may be
//! random, and a nonce that repeats does not occur. What a sealed secret belongs to is bound to it
//! as associated data, so that one row's secret in another row's place does not open.

use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::files::{self, Untrusted};
use crate::secret::{self, NoRandomness, Secret};

/// Length of a key, in bytes.
pub const KEY_LENGTH: usize = 32;

/// The credential's name under systemd: `LoadCredentialEncrypted=wicketgate.identity-key:…`.
pub const CREDENTIAL: &str = "wicketgate.identity-key";

/// Length of the nonce that stands before what is sealed, in bytes.
const NONCE_LENGTH: usize = 24;

/// Seals and opens secrets. Wiped when dropped, never printed.
pub struct SealingKey(XChaCha20Poly1305);

/// Why there is no key.
#[derive(Debug)]
pub enum KeyError {
    /// The file, or who may read it, is not as it must be.
    File(Untrusted),
    /// It does not hold [`KEY_LENGTH`] bytes.
    Length(PathBuf),
    /// No new key could be made.
    NoRandomness(NoRandomness),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::File(error) => write!(f, "key of the identity store: {error}"),
            KeyError::Length(path) => {
                write!(f, "{}: a key is exactly {KEY_LENGTH} bytes", path.display())
            }
            KeyError::NoRandomness(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KeyError {}

/// A sealed secret did not open: another key, another row, or altered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sealed;

impl SealingKey {
    /// From the credentials folder of systemd (`$CREDENTIALS_DIRECTORY`) if one is given and has
    /// the key, else from `file`, which belongs to this user alone (mode 0600).
    ///
    /// # Errors
    /// [`KeyError`]. A credential that is there but bad is an error; the file is not tried then.
    pub fn load(credentials: Option<&Path>, file: &Path) -> Result<SealingKey, KeyError> {
        let credential = credentials.map(|folder| folder.join(CREDENTIAL));
        let credential = credential.filter(|path| path.symlink_metadata().is_ok());
        match credential {
            Some(path) => read(&path, files::credential(&path)),
            None => read(file, files::private_file(file)),
        }
    }

    /// Makes a key and writes it to `file`, which does not exist yet, on the disk before it returns.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn create(file: &Path) -> Result<SealingKey, KeyError> {
        let key = Secret::random(KEY_LENGTH).map_err(KeyError::NoRandomness)?;
        let mut out = files::new_private_file(file).map_err(KeyError::File)?;
        let failed = |error| KeyError::File(Untrusted::Io(file.to_owned(), error));
        out.write_all(key.expose()).and_then(|()| out.sync_all()).map_err(failed)?;
        from_bytes(key.expose()).ok_or_else(|| KeyError::Length(file.to_owned()))
    }

    /// Seals `secret`, bound to `belongs`.
    pub(crate) fn seal(&self, secret: &[u8], belongs: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let mut nonce = [0; NONCE_LENGTH];
        secret::fill(&mut nonce)?;
        let payload = Payload { msg: secret, aad: belongs };
        // It fails only beyond 256 GB.
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).map_err(|_| NoRandomness)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`SealingKey::seal`] sealed for the same `belongs`.
    pub(crate) fn open(&self, sealed: &[u8], belongs: &[u8]) -> Result<Secret, Sealed> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE_LENGTH>().ok_or(Sealed)?;
        let payload = Payload { msg, aad: belongs };
        self.0.decrypt(&XNonce::from(*nonce), payload).map(Secret::new).map_err(|_| Sealed)
    }
}

fn read(path: &Path, file: Result<File, Untrusted>) -> Result<SealingKey, KeyError> {
    let file = file.map_err(KeyError::File)?;
    // Room for all: a buffer that grows would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * KEY_LENGTH));
    let limit = KEY_LENGTH as u64 + 1;
    let failed = |error| KeyError::File(Untrusted::Io(path.to_owned(), error));
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    from_bytes(&bytes).ok_or_else(|| KeyError::Length(path.to_owned()))
}

fn from_bytes(bytes: &[u8]) -> Option<SealingKey> {
    let key = Zeroizing::new(<[u8; KEY_LENGTH]>::try_from(bytes).ok()?);
    Some(SealingKey(XChaCha20Poly1305::new(&Key::from(*key))))
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

#[cfg(test)]
#[path = "tests/key.rs"]
mod tests;
