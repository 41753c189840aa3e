//! What `packaging/` installs is what the programs that read it take.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test asserts by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use wicketgate_lab::{Namespace, skip};

fn packaging(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(packaging(name)).unwrap()
}

/// The unit with the program where it is now, and without the folders and users that installing makes.
fn unit() -> String {
    read("wicketgate.service")
        .replace("/usr/local/bin/wicketgate", env!("CARGO_BIN_EXE_wicketgate"))
}

/// The value of a setting that is there once.
fn setting(text: &str, name: &str) -> String {
    let mut found = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let value = found.next().unwrap_or_else(|| panic!("there is no {name}"));
    assert_eq!(found.next(), None, "{name} twice");
    value.to_owned()
}

#[test]
fn systemd_takes_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wicketgate.service");
    std::fs::write(&path, unit()).unwrap();
    let mut verify = Command::new("systemd-analyze");
    let Ok(output) = verify.args(["verify", "--man=no"]).arg(&path).output() else {
        return skip("systemd_takes_the_unit", "there is no `systemd-analyze` (Debian: systemd)");
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("wicketgate")).collect();
    assert!(output.status.success() && ours.is_empty(), "{said}");
}

/// A start under this unit would be refused what it needs, or keep what it does not.
#[test]
fn the_unit_gives_what_the_gate_needs() {
    let unit = unit();
    let needed = "CAP_NET_ADMIN CAP_NET_RAW CAP_BPF CAP_NET_BIND_SERVICE";
    assert_eq!(setting(&unit, "AmbientCapabilities"), needed);
    assert_eq!(setting(&unit, "CapabilityBoundingSet"), needed);
    assert_eq!(setting(&unit, "LimitMEMLOCK"), "infinity");
    assert_eq!(setting(&unit, "Type"), "notify");
    assert_eq!(setting(&unit, "Restart"), "always");
    let families = setting(&unit, "RestrictAddressFamilies");
    for family in ["AF_XDP", "AF_NETLINK", "AF_UNIX", "AF_INET", "AF_INET6"] {
        assert!(families.contains(family), "{family}");
    }
    assert!(!unit.contains("ProcSubset=pid"), "it reads /proc/sys/net");
}

#[test]
fn the_firewall_takes_the_rules() {
    const TEST: &str = "the_firewall_takes_the_rules";
    if let Err(why) = wicketgate_lab::available() {
        return skip(TEST, &why);
    }
    let namespace = Namespace::new().unwrap();
    if namespace.say("nft", "--version").is_err() {
        return skip(TEST, "there is no `nft` (Debian: nftables)");
    }
    let rules = packaging("wicketgate.nft");
    namespace.say("nft", &format!("-f {}", rules.display())).unwrap();
    let loaded = namespace.say("nft", "list table inet wicketgate").unwrap();
    assert!(loaded.contains("hook forward") && loaded.contains("policy drop"), "{loaded}");
}

#[test]
fn the_kernel_has_the_settings() {
    for line in read("90-wicketgate.conf").lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.split_once(" = ").unwrap();
        assert_eq!(value, "0", "{line}");
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        let ipv6_off = name.contains("ipv6") && !Path::new("/proc/sys/net/ipv6").exists();
        assert!(ipv6_off || Path::new(&path).exists(), "{path}");
    }
}
