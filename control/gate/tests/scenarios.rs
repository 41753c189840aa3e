//! Every folder of `pcaps/<protocol>/<case>/`: the capture through the gate, against what is expected.
//!
//! `WICKETGATE_BLESS=1 cargo test -p wicketgate --test scenarios` writes the expected files anew;
//! look at the difference before you commit it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test: clippy.toml knows only the functions marked as one"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `pcaps/`.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pcaps")
}

/// The folders that hold a capture.
fn cases() -> Vec<PathBuf> {
    let folders = |path: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(path).expect("pcaps/ is part of the project");
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
    };
    let mut cases: Vec<PathBuf> = folders(&root()).iter().flat_map(|path| folders(path)).collect();
    cases.retain(|case| case.join("capture.pcapng").exists());
    cases.sort();
    cases
}

/// What happened, line by line, and what became of the frames.
fn transcript(case: &Path) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    let arguments = fs::read_to_string(case.join("replay.args")).unwrap_or_default();
    let output = Command::new(env!("CARGO_BIN_EXE_wicketgate"))
        .arg("replay")
        .arg(case.join("capture.pcapng"))
        .arg("--config")
        .arg(case.join("policy.toml"))
        .args(arguments.split_whitespace())
        .arg("--json")
        .arg("--transcript")
        .arg(file.path())
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {complaints}", case.display());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let frames = serde_json::to_string_pretty(&report["frames"]).unwrap();
    format!("{}\nframes {frames}\n", fs::read_to_string(file.path()).unwrap())
}

#[test]
fn every_case_gives_what_is_expected() {
    let cases = cases();
    assert!(!cases.is_empty(), "there are bundled captures");
    let bless = std::env::var_os("WICKETGATE_BLESS").is_some();
    let mut wrong = Vec::new();
    for case in &cases {
        let (got, file) = (transcript(case), case.join("expected.txt"));
        if bless {
            fs::write(&file, &got).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if let Some(difference) = first_difference(&expected, &got) {
            wrong.push(format!("{}: {difference}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn first_difference(expected: &str, got: &str) -> Option<String> {
    if expected == got {
        return None;
    }
    let pairs = expected.lines().zip(got.lines());
    let at = pairs.take_while(|(expected, got)| expected == got).count();
    let line = |text: &str| text.lines().nth(at).unwrap_or("(nothing)").to_owned();
    Some(format!("line {}: expected\n  {}\ngot\n  {}", at + 1, line(expected), line(got)))
}

#[test]
fn every_case_says_where_it_comes_from() {
    for case in cases() {
        let readme = fs::read_to_string(case.join("README.md"));
        assert!(readme.is_ok_and(|text| text.len() > 200), "{}: README.md", case.display());
    }
}

/// The tests of whoever looks at a failing case should not depend on chance.
#[test]
fn two_runs_are_the_same() {
    let case = root().join("modbus/maintenance-writes");
    assert_eq!(transcript(&case), transcript(&case));
}
