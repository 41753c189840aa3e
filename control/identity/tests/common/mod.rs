//! A store in a folder of its own, and users to put into it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use totp_rs::{Algorithm, Builder};
use wicketgate_identity::store::NewUser;
use wicketgate_identity::{
    Attempt, Authenticator, Monotonic, Now, Outcome, Password, Role, SealingKey, Store, UserId,
    UserName,
};
use wicketgate_packet::Time;

/// A Monday morning.
pub(crate) const MORNING: u64 = 1_772_442_000;

pub(crate) const GOOD: &str = "otter plays late chess";

/// A folder with a key and, once opened, a store.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        SealingKey::create(&place.key()).unwrap();
        place
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.0.path().join("key")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("identity/store.db")
    }

    pub(crate) fn open(&self) -> Store {
        open(&self.path(), &self.key())
    }
}

pub(crate) fn open(path: &Path, key: &Path) -> Store {
    Store::open(path, SealingKey::load(None, key).unwrap()).unwrap()
}

pub(crate) fn authenticator(store: Store) -> Authenticator {
    Authenticator::new(store, Monotonic::START).unwrap()
}

/// So many seconds after [`MORNING`], on both clocks.
pub(crate) fn at(seconds: u64) -> Now {
    Now {
        monotonic: Monotonic::START + Duration::from_secs(1000 + seconds),
        wall: Time::EPOCH + Duration::from_secs(MORNING + seconds),
    }
}

pub(crate) fn source() -> IpAddr {
    "192.0.2.7".parse().unwrap()
}

pub(crate) fn new_user(name: &str, roles: &[&str]) -> NewUser {
    NewUser {
        name: UserName::new(name).unwrap(),
        display_name: format!("{name} of the plant"),
        person: None,
        roles: roles.iter().map(|role| Role::new(role).unwrap()).collect(),
    }
}

/// A user with the password [`GOOD`].
pub(crate) fn add(store: &mut Store, name: &str, roles: &[&str]) -> UserId {
    let id = store.add_user(&new_user(name, roles), at(0)).unwrap();
    store.enrol_password(id, &password(GOOD), at(0)).unwrap();
    id
}

/// Enrols TOTP, confirmed by the code of an hour ago; returns the seed.
pub(crate) fn enrol_totp(store: &mut Store, user: UserId) -> Vec<u8> {
    let seed = base32(store.enrol_totp(user).unwrap().secret());
    let before = MORNING - 3600;
    let then = Now { wall: Time::EPOCH + Duration::from_secs(before), ..at(0) };
    store.confirm_totp(user, &code(&seed, before), then).unwrap();
    seed
}

pub(crate) fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

/// What the user's app shows.
pub(crate) fn code(seed: &[u8], unix_seconds: u64) -> String {
    let app = Builder::new().with_algorithm(Algorithm::SHA1).with_secret(seed.to_vec());
    app.build().unwrap().generate(unix_seconds).to_string()
}

/// RFC 4648, section 6, bit by bit.
pub(crate) fn base32(text: &str) -> Vec<u8> {
    let digits = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' => byte - b'A',
        _ => byte - b'2' + 26,
    });
    let bits: Vec<u8> = digits.flat_map(|d| (0..5).rev().map(move |bit| d >> bit & 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | bit)).collect()
}

pub(crate) fn attempt(
    authenticator: &mut Authenticator,
    user: &str,
    text: &str,
    code: Option<&str>,
    now: Now,
) -> Outcome {
    let password = password(text);
    let attempt =
        Attempt { user, source: source(), password: Some(&password), code, certificate: None };
    authenticator.authenticate(&attempt, now)
}
