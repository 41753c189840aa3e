//! Keys and who may read them; seals and what they are bound to.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn key() -> SealingKey {
    from_bytes(&[7; KEY_LENGTH]).unwrap()
}

#[test]
fn a_seal_opens_only_where_it_belongs() {
    let sealed = key().seal(b"seed", b"row 1").unwrap();
    assert_eq!(key().open(&sealed, b"row 1").unwrap().expose(), b"seed");
    assert_eq!(key().open(&sealed, b"row 2").unwrap_err(), Sealed);
    let other = from_bytes(&[8; KEY_LENGTH]).unwrap();
    assert_eq!(other.open(&sealed, b"row 1").unwrap_err(), Sealed);
}

#[test]
fn no_bit_of_a_seal_can_be_changed() {
    let sealed = key().seal(b"seed", b"row 1").unwrap();
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert!(key().open(&altered, b"row 1").is_err(), "byte {at}");
        assert!(key().open(&sealed[..at], b"row 1").is_err(), "cut at {at}");
    }
}

#[test]
fn two_seals_of_one_secret_differ() {
    assert_ne!(key().seal(b"seed", b"").unwrap(), key().seal(b"seed", b"").unwrap());
}

#[test]
fn a_key_is_made_once_and_read_again() {
    let folder = folder();
    let path = folder.path().join("key");
    let sealed = SealingKey::create(&path).unwrap().seal(b"seed", b"").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(SealingKey::load(None, &path).unwrap().open(&sealed, b"").is_ok());
    assert!(matches!(SealingKey::create(&path), Err(KeyError::File(Untrusted::Io(..)))));
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let folder = folder();
    let path = folder.path().join("key");
    SealingKey::create(&path).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = SealingKey::load(None, &path).unwrap_err();
        assert!(error.to_string().contains("chmod go="), "{error}");
    }
}

#[test]
fn links_and_odd_lengths_are_refused() {
    let folder = folder();
    let (path, link) = (folder.path().join("key"), folder.path().join("link"));
    SealingKey::create(&path).unwrap();
    symlink(&path, &link).unwrap();
    assert!(SealingKey::load(None, &link).is_err());
    fs::hard_link(&path, folder.path().join("second")).unwrap();
    assert!(matches!(SealingKey::load(None, &path), Err(KeyError::File(Untrusted::Kind(_)))));
    fs::remove_file(folder.path().join("second")).unwrap();
    for length in [0, 31, 33, 4096] {
        fs::write(&path, vec![1; length]).unwrap();
        assert!(matches!(SealingKey::load(None, &path), Err(KeyError::Length(_))), "{length}");
    }
}

#[test]
fn a_credential_goes_before_the_file() {
    let (folder, credentials) = (folder(), folder());
    let file = folder.path().join("key");
    SealingKey::create(&file).unwrap();
    // No credential of that name: the file.
    assert!(SealingKey::load(Some(credentials.path()), &file).is_ok());
    let credential = credentials.path().join(CREDENTIAL);
    let sealed = SealingKey::create(&credential).unwrap().seal(b"seed", b"").unwrap();
    let key = SealingKey::load(Some(credentials.path()), &file).unwrap();
    assert!(key.open(&sealed, b"").is_ok());
    // A bad credential is an error, not a reason to try the file.
    fs::write(&credential, b"short").unwrap();
    assert!(SealingKey::load(Some(credentials.path()), &file).is_err());
}
