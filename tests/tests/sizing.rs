//! docs/SIZING.md says what perf/sizing.py makes of its figures, and those of the program are the program's.

#![allow(clippy::unwrap_used, reason = "a test asserts by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use wicketgate_engine::Event;
use wicketgate_worker::handover;
use wicketgate_worker::worker::BURST;

fn perf() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../perf")
}

/// What the script says; `None` where there is no Python.
fn sizing(arguments: &[&str]) -> Option<Output> {
    let script = perf().join("sizing.py");
    match Command::new("python3").arg("-B").arg(script).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: python3: {error}");
            None
        }
    }
}

#[test]
fn the_page_says_what_the_script_says() {
    let Some(output) = sizing(&["--check"]) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn tables_take_what_the_script_says() {
    for [workers, sessions, inspected] in
        [["1", "4096", "4096"], ["3", "32000", "11000"], ["16", "65536", "65536"]]
    {
        let Some(output) = sizing(&["--tables", workers, sessions, inspected]) else { return };
        let said: usize = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
        let keys = format!("workers = {workers}\nsessions = {sessions}\ninspected = {inspected}\n");
        let policy = wicketgate_policy::parse(&format!("[gate]\n{keys}"), "policy.toml").unwrap();
        let taken = policy.gate().tuning.room().mib;
        assert!(said.abs_diff(taken) * 100 <= taken, "{keys}said {said}, taken {taken}");
    }
}

#[test]
fn what_the_simulation_is_of_is_as_built() {
    let script = |name: &str| fs::read_to_string(perf().join(name)).unwrap();
    let rings = format!("\nBURST, RING = {BURST}, {}\n", handover::RING);
    assert!(script("rings.py").contains(&rings), "{rings}");
    let lines = format!("\nEVENT = {}\n", size_of::<Event>().div_ceil(64));
    assert!(script("sizing.py").contains(&lines), "{lines}");
}
