//! The program itself, and private keys beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use wicketgate_evidence::facts::{KeyFile, Limits, Looked, Program};
use wicketgate_identity::access::Lifetimes;
use wicketgate_identity::factor::{password, totp};
use wicketgate_identity::throttle;
use wicketgate_tunnel::{authority, tls};

use crate::{identity, logs};

/// What this program is.
pub(super) fn facts() -> Program {
    let tls::Spoken { versions, suites } = tls::spoken();
    Program {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        fips: tls::is_fips(),
        tls: versions,
        suites,
        limits: limits(),
    }
}

fn limits() -> Limits {
    let Lifetimes { login, idle } = Lifetimes::default();
    Limits {
        lock: throttle::USER_LOCK,
        delayed_from: throttle::USER_FREE,
        delay: (throttle::FIRST_DELAY.as_secs(), throttle::MAX_DELAY.as_secs()),
        password: password::MIN_CHARACTERS,
        hash: (password::MEMORY_KIB, password::PASSES),
        code: totp::STEP_SECONDS * (1 + 2 * u64::from(totp::SKEW)),
        idle: idle.as_secs(),
        login: login.as_secs(),
    }
}

/// Private keys that a gate keeps in its `state_dir`, as far as they are there.
pub(super) fn keys(state: Option<&Path>) -> Looked<Vec<KeyFile>> {
    let state = state.ok_or("no state_dir in [gate]: no key is kept")?;
    fs::read_dir(state).map_err(|error| format!("{}: {error}", state.display()))?;
    let (_, identity) = identity::files(state);
    let paths = [state.join(logs::KEY), state.join(authority::KEY), identity];
    let key = |path: &std::path::PathBuf| {
        let mode = fs::symlink_metadata(path).ok()?.permissions().mode() & 0o777;
        Some(KeyFile { path: path.display().to_string(), mode })
    };
    let keys: Vec<KeyFile> = paths.iter().filter_map(key).collect();
    if keys.is_empty() { Err(format!("{}: no key is there", state.display())) } else { Ok(keys) }
}
