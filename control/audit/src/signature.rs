//! Who vouches for a log: Ed25519 (RFC 8032) over checkpoints.
//!
//! A checkpoint without signature and hash is the JSON object `{...,"prev":"P"}`. `S` signs exactly these
//! bytes, and `,"signature":"S"` is put in before `,"prev":`. Through `prev` it stands for the whole log
//! before. The key is of the gate's alone; its public half is kept where the gate cannot write.

use std::fmt;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::{fs, io};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::hex;

/// What stands between the fields before it and the digits of a signature.
const OPENING: &[u8] = b",\"signature\":\"";
/// Bytes of a signature.
const SIGNATURE: usize = 64;
/// Bytes from `,"prev":"` to the end of an object that has no hash yet.
const PREV: usize = b",\"prev\":\"".len() + 64 + b"\"}".len();

/// The gate's key for checkpoints.
pub struct Signer(Ed25519KeyPair);

/// Nothing of the key.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public())
    }
}

impl Signer {
    /// The key in a file: PKCS #8 (RFC 5958) in DER, as `openssl genpkey -algorithm ed25519 -outform DER` makes it.
    ///
    /// # Errors
    /// The file cannot be read, or is no such key.
    pub fn load(path: &Path) -> io::Result<Signer> {
        let bytes = Zeroizing::new(fs::read(path)?);
        Signer::of(&bytes)
    }

    /// A new key, written to a file that only its owner reads, and that must not be there.
    ///
    /// # Errors
    /// There is no randomness, or the file cannot be made.
    pub fn create(path: &Path) -> io::Result<Signer> {
        let key = Ed25519KeyPair::generate().map_err(|_| io::Error::other("no key was made"))?;
        let document = key.to_pkcs8v1().map_err(|_| io::Error::other("the key has no form"))?;
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o750).create(folder)?;
        }
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(document.as_ref())?;
        file.sync_all()?;
        Ok(Signer(key))
    }

    /// The key of these bytes.
    ///
    /// # Errors
    /// They are none.
    pub fn of(pkcs8: &[u8]) -> io::Result<Signer> {
        let wrong = |error| io::Error::new(io::ErrorKind::InvalidData, format!("no key: {error}"));
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map(Signer).map_err(wrong)
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().try_into().unwrap_or_default())
    }

    /// Signs the object in `out` from `start` on.
    pub(crate) fn sign(&self, out: &mut Vec<u8>, start: usize) {
        let object = out.get(start..).unwrap_or_default();
        let signature = self.0.sign(object);
        let at = out.len().saturating_sub(PREV);
        let mut parts = OPENING.to_vec();
        hex::append(signature.as_ref(), &mut parts);
        parts.push(b'"');
        out.splice(at..at, parts);
    }
}

/// The public half of a gate's key; in text 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key of 64 hex digits, with blanks around.
    pub fn parse(text: &str) -> Option<PublicKey> {
        let bytes = hex::read(text.trim().as_bytes())?;
        bytes.try_into().ok().map(PublicKey)
    }

    /// Whether the object, given without its hash (`{...,"prev":"P"`), is signed, and by this key.
    pub(crate) fn check(&self, open_object: &[u8]) -> Signed {
        let Some((object, signature)) = unsigned(open_object) else { return Signed::Not };
        match UnparsedPublicKey::new(&ED25519, &self.0).verify(&object, &signature) {
            Ok(()) => Signed::Rightly,
            Err(_) => Signed::Wrongly,
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a signature is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    Not,
    Rightly,
    Wrongly,
}

/// An object without its signature, as it was signed; and the signature.
fn unsigned(open_object: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    // The closing brace is not there.
    let (rest, prev) = open_object.split_at_checked(open_object.len().checked_sub(PREV - 1)?)?;
    let (rest, digits) = rest.strip_suffix(b"\"")?.split_last_chunk::<{ 2 * SIGNATURE }>()?;
    let body = rest.strip_suffix(OPENING)?;
    Some(([body, prev, b"}"].concat(), hex::read(digits)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(fields: &str) -> Vec<u8> {
        format!("{{{fields},\"prev\":\"{}\"}}", "0".repeat(64)).into_bytes()
    }

    #[test]
    fn a_signature_is_of_every_byte_and_of_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::create(&folder.path().join("one")).unwrap();
        let other = Signer::create(&folder.path().join("other")).unwrap();
        let mut line = object("\"seq\":1");
        signer.sign(&mut line, 0);
        line.pop();
        assert_eq!(signer.public().check(&line), Signed::Rightly);
        assert_eq!(other.public().check(&line), Signed::Wrongly);
        for at in 0..line.len() {
            line[at] ^= 1;
            assert_ne!(signer.public().check(&line), Signed::Rightly, "byte {at}");
            line[at] ^= 1;
        }
        assert_eq!(signer.public().check(&object("\"seq\":1")), Signed::Not);
    }

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/audit.key");
        let made = Signer::create(&path).unwrap().public();
        assert!(Signer::create(&path).is_err(), "never another in its place");
        assert_eq!(Signer::load(&path).unwrap().public(), made);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(PublicKey::parse(&format!(" {made}\n")), Some(made));
        for wrong in ["", "00", &"g".repeat(64), &"A".repeat(64)] {
            assert_eq!(PublicKey::parse(wrong), None);
        }
    }
}
