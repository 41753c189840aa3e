//! Where the gate's certificate comes from: files that somebody else keeps, or an authority of its own.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::tls::{Identity, OWN_NAME};

/// The authority's certificate in the gate's folder.
const CERTIFICATE: &str = "tunnel-ca.pem";
/// Its key beside it.
pub const KEY: &str = "tunnel-ca.key";

/// Bits of a mode by which others read or write.
const OTHERS: u32 = 0o077;

/// The certificate's years. A plant's clock may be wrong, and the pin, not the date, is what is trusted: so
/// they are wide. 99991231 has no well-defined end (RFC 5280 section 4.1.2.5).
const FIRST_YEAR: i32 = 2020;
const LAST_YEAR: i32 = 2099;

/// Why there is no certificate.
#[derive(Debug)]
pub enum Fault {
    /// The file cannot be read or made.
    Io(PathBuf, io::Error),
    /// The key's mode lets others read it.
    Exposed(PathBuf, u32),
    /// It is not what it should be.
    Form(PathBuf, String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Fault::Exposed(path, mode) => {
                let path = path.display();
                write!(f, "{path}: mode {mode:04o} lets others read the key; do `chmod go= {path}`")
            }
            Fault::Form(path, what) => write!(f, "{}: {what}", path.display()),
        }
    }
}

impl std::error::Error for Fault {}

/// The certificate and key of files in PEM: the gate's own first, then those that lead to its authority.
///
/// # Errors
/// [`Fault`].
pub fn from_files(certificate: &Path, key: &Path) -> Result<Identity, Fault> {
    let chain = certificates(certificate)?;
    let parsed = PrivateKeyDer::from_pem_slice(&read_secret(key)?);
    let wrong = |error| Fault::Form(key.to_owned(), format!("no private key in PEM: {error}"));
    Ok(Identity { chain, key: parsed.map_err(wrong)? })
}

/// The certificates of a file in PEM: one at least.
///
/// # Errors
/// [`Fault`].
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let bytes = read(path)?;
    let form = |what: String| Fault::Form(path.to_owned(), what);
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| form(format!("not PEM: {error}")))?;
    if found.is_empty() { Err(form("there is no certificate in it".to_owned())) } else { Ok(found) }
}

/// A certificate of the gate's own authority, whose files are in `folder`; they are made where they are
/// missing. The key of the certificate itself is new each time, and on no disk.
///
/// # Errors
/// [`Fault`].
pub fn own(folder: &Path) -> Result<Identity, Fault> {
    let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
    if !certificate.exists() && !key.exists() {
        make(&certificate, &key)?;
    }
    let form = |what: rcgen::Error| Fault::Form(key.clone(), what.to_string());
    let pem = read(&certificate)?;
    let anchor = CertificateDer::from_pem_slice(&pem)
        .map_err(|error| Fault::Form(certificate.clone(), format!("not PEM: {error}")))?;
    let secret = read_secret(&key)?;
    let secret = str::from_utf8(&secret)
        .map_err(|_| Fault::Form(key.clone(), "not PEM".to_owned()))
        .and_then(|text| KeyPair::from_pem(text).map_err(form))?;
    let issuer = Issuer::new(authority(), secret);
    let leaf_key = KeyPair::generate().map_err(form)?;
    let leaf = leaf().and_then(|leaf| leaf.signed_by(&leaf_key, &issuer)).map_err(form)?;
    let key = PrivatePkcs8KeyDer::from(leaf_key.serialize_der()).into();
    Ok(Identity { chain: vec![leaf.der().clone(), anchor.into_owned()], key })
}

fn make(certificate: &Path, key: &Path) -> Result<(), Fault> {
    let form = |what: rcgen::Error| Fault::Form(key.to_owned(), what.to_string());
    let pair = KeyPair::generate().map_err(form)?;
    let made = authority().self_signed(&pair).map_err(form)?;
    // The key first: a certificate without one would be taken for a fault.
    write_new(key, pair.serialize_pem().as_bytes(), 0o600)?;
    write_new(certificate, made.pem().as_bytes(), 0o644)
}

fn dated(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(FIRST_YEAR, 1, 1);
    params.not_after = date_time_ymd(LAST_YEAR, 12, 31);
    params
}

/// What the authority's certificate says. Its name must stay what it was: what is signed later names it.
fn authority() -> CertificateParams {
    let mut params = dated("Wicketgate tunnel authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf() -> Result<CertificateParams, rcgen::Error> {
    let mut params = dated(OWN_NAME);
    params.subject_alt_names = CertificateParams::new(vec![OWN_NAME.to_owned()])?.subject_alt_names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    fs::read(path).map_err(|error| Fault::Io(path.to_owned(), error))
}

fn read_secret(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Fault> {
    let metadata = fs::metadata(path).map_err(|error| Fault::Io(path.to_owned(), error))?;
    let mode = metadata.mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(Fault::Exposed(path.to_owned(), mode));
    }
    read(path).map(zeroize::Zeroizing::new)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Fault> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| Fault::Io(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_authority_stays_and_the_certificate_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = [(); 2].map(|()| own(folder.path()).unwrap());
        assert_eq!(first.fingerprint(), second.fingerprint());
        assert_ne!(first.chain[0], second.chain[0]);
        let mode = fs::metadata(folder.path().join(KEY)).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }

    #[test]
    fn a_key_that_others_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        own(folder.path()).unwrap();
        let key = folder.path().join(KEY);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(own(folder.path()).unwrap_err().to_string().contains("chmod go="));
    }

    #[test]
    fn half_an_authority_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        own(folder.path()).unwrap();
        fs::remove_file(folder.path().join(CERTIFICATE)).unwrap();
        assert!(matches!(own(folder.path()), Err(Fault::Io(..))));
    }

    #[test]
    fn files_are_read_and_their_faults_told() {
        let folder = tempfile::tempdir().unwrap();
        own(folder.path()).unwrap();
        let (certificate, key) = (folder.path().join(CERTIFICATE), folder.path().join(KEY));
        assert_eq!(from_files(&certificate, &key).unwrap().chain.len(), 1);
        let said = from_files(&key, &key).unwrap_err().to_string();
        assert!(said.contains("no certificate"), "{said}");
        let said = from_files(&certificate, &folder.path().join("none")).unwrap_err().to_string();
        assert!(said.contains("No such file"), "{said}");
    }
}
