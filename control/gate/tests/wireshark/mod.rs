//! What tshark reads in a capture, where it is installed (Debian: tshark).

use std::path::Path;
use std::process::Command;

/// The values of `field` in the packets that `filter` lets through, one list a packet; `None` where there is no
/// tshark, which is said.
pub(crate) fn values(capture: &Path, filter: &str, field: &str) -> Option<Vec<Vec<String>>> {
    let output = Command::new("tshark")
        .args(["-T", "fields", "-E", "aggregator=|", "-e", field, "-Y", filter, "-r"])
        .arg(capture)
        .output();
    let Ok(output) = output else {
        eprintln!("SKIPPED: {} is not read by tshark, which is not installed", capture.display());
        return None;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", capture.display());
    let text = String::from_utf8(output.stdout).unwrap();
    let list = |line: &str| line.split('|').filter(|v| !v.is_empty()).map(str::to_owned).collect();
    Some(text.lines().map(list).collect())
}
