//! The manual pages are those of this program.

#![expect(
    clippy::unwrap_used,
    reason = "a test: clippy.toml knows only the functions marked as one"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The pages of a folder, by name.
fn pages(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let page = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(page).collect()
}

#[test]
fn pages_are_up_to_date() {
    let made = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
    assert!(command.arg("man").arg(made.path()).status().unwrap().success());
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/man");
    assert_eq!(pages(&kept), pages(made.path()), "run `target/release/wicketgate man docs/man`");
}
