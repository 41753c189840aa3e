//! A laboratory of network namespaces: tests make a plant of them and leave nothing behind.
//!
//! A [`Namespace`] has no name that two runs could quarrel about. It lives as long as a process in it,
//! and that process is a `cat` that reads a pipe of ours: when the test ends, is interrupted or killed,
//! the pipe closes, `cat` ends, and the kernel takes namespace, interfaces and programs away.
//!
//! `relay.c` is a VLAN switch, which also loses, doubles and reorders frames if told so: kernels without 802.1q and
//! netem can do neither. `clock.c` gives a program a wall clock that a test sets: no namespace has one. Tests compile both.
//!
//! Nothing here knows the gate.

mod namespace;

pub use namespace::{Namespace, Veth, connect, whole};

/// Says aloud, on standard error, that a test does not run here and why.
pub fn skip(test: &str, why: &str) {
    eprintln!("skipped: {test}: {why}");
}

/// Whether this machine allows a laboratory; if not, why.
///
/// # Errors
/// What is missing: root, or a program.
pub fn available() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("network namespaces need root".to_owned());
    }
    for program in ["ip", "unshare", "nsenter", "ethtool"] {
        let found = std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
        });
        if !found {
            return Err(format!("there is no `{program}` (Debian: iproute2 util-linux ethtool)"));
        }
    }
    Namespace::new().map(|_| ()).map_err(|error| format!("no network namespace: {error}"))
}

/// Returns from a test, aloud, where the machine allows no laboratory.
#[macro_export]
macro_rules! need_laboratory {
    ($test:expr) => {
        if let Err(why) = $crate::available() {
            $crate::skip($test, &why);
            return;
        }
    };
}
