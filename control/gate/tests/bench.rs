//! `wicketgate bench` as people run it: what it says of a capture, not how fast that is.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy.toml lets tests panic, but does not see that helpers are part of one"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pcaps/modbus").join(name)
}

fn bench(name: &str, more: &[&str]) -> Output {
    let case = case(name);
    let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
    command.arg("bench").arg(case.join("capture.pcapng"));
    command.arg("--config").arg(case.join("policy.toml"));
    command.args(["--seconds", "1"]).args(more).output().unwrap()
}

#[test]
fn a_capture_is_measured_and_its_events_are_logged_whole() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let log = log.to_str().unwrap();
    // So slow that a debug build on a busy machine keeps up.
    let output = bench("hmi-poll", &["--json", "--log", log, "--rate", "500"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (said["engine"]["frames"].as_u64(), said["engine"]["commands"].as_u64()),
        (Some(650), Some(320))
    );
    assert!(said["engine"]["ns_a_frame"].as_f64().unwrap() > 0.0);
    assert!(said["frame"]["samples"].as_u64().unwrap() >= 650);
    assert_eq!(said["cycles"].as_array().unwrap().len(), 5);
    let log = &said["log"];
    assert_eq!(
        (&log["whole"], &log["lost"], &log["fault"]),
        (&true.into(), &0.into(), &Value::Null)
    );
    assert!(log["events"].as_u64().unwrap() >= 320, "a whole lap: {log}");
    let left = std::fs::read_dir(folder.path().join("log")).unwrap().count();
    assert_eq!(left, 0, "the log is removed again");
}

#[test]
fn people_get_tables() {
    let output = bench("hmi-poll", &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    for head in
        ["The engine on one core", "Time of a frame by itself", "Share of a controller's cycle"]
    {
        assert!(said.contains(head), "{said}");
    }
    assert!(!said.contains("The audit log"), "nobody asked: {said}");
}

#[test]
fn what_cannot_be_measured_is_bad_usage() {
    let output = bench("nothing-here", &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    // A file is no folder for a log.
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = bench("hmi-poll", &["--log", file.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
