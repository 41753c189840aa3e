//! Dependencies point down (DESIGN 3).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::process::Command;

use serde_json::Value;

/// The floor of each crate; within a folder of one floor nobody knows the other.
const FLOORS: &[(&str, usize)] = &[
    ("wicketgate-packet", 0),
    ("wicketgate-dissectors", 0),
    ("wicketgate-engine", 1),
    ("wicketgate-ports", 1),
    ("wicketgate-netlink", 1),
    // Namespaces for tests: knows nothing of the gate, so any floor's tests may use it.
    ("wicketgate-lab", 0),
    ("wicketgate-worker", 2),
    ("wicketgate-xdp", 2),
    ("wicketgate-tunnel", 2),
    ("wicketgate-policy", 2),
    ("wicketgate-identity", 2),
    ("wicketgate-api", 2),
    ("wicketgate-audit", 2),
    ("wicketgate-evidence", 2),
    ("wicketgate", 3),
    ("wicketgate-perf", 4),
    ("wicketgate-tests", 4),
    ("wicketgate-sim", 4),
];

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().find(|(known, _)| *known == name).map(|(_, floor)| *floor)
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Whether a crate of `upper` may depend on one of `lower`. The floor of tests and benchmarks is the
/// only one whose crates share: benchmarks run the tests' inputs.
fn may_know(upper: usize, lower: usize, development: bool) -> bool {
    lower < upper || lower == upper && (development || upper == 4)
}

/// The dependencies of `package` within the workspace: name, and whether only its tests have it.
fn inner(package: &Value) -> Vec<(String, bool)> {
    let all = package["dependencies"].as_array().unwrap().iter();
    let mine = all.filter(|dependency| !dependency["path"].is_null());
    let pair = |dependency: &Value| {
        (dependency["name"].as_str().unwrap().to_owned(), dependency["kind"] == "dev")
    };
    mine.map(pair).collect()
}

#[test]
fn dependencies_point_down() {
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let upper =
            floor(name).unwrap_or_else(|| panic!("{name} has no floor: say which in FLOORS"));
        for (dependency, development) in inner(&package) {
            let lower = floor(&dependency).unwrap();
            assert!(may_know(upper, lower, development), "{name} depends on {dependency}: up");
        }
    }
}

#[test]
fn the_pipeline_does_not_know_control() {
    for package in packages() {
        let place = package["manifest_path"].as_str().unwrap();
        let low = place.contains("/pipeline/") || place.contains("/dissectors/");
        for dependency in package["dependencies"].as_array().unwrap() {
            let path = dependency["path"].as_str().unwrap_or_default();
            assert!(!(low && path.contains("/control/")), "{place} depends on {path}");
        }
    }
}

/// `unproven` makes logins of nothing: tests alone may have it.
#[test]
fn nothing_that_ships_believes_the_unproven() {
    let mut tests = 0;
    for package in packages() {
        for dependency in package["dependencies"].as_array().unwrap() {
            let features = dependency["features"].as_array().unwrap();
            if features.iter().any(|feature| feature == "unproven") {
                assert_eq!(dependency["kind"], "dev", "{}", package["name"]);
                tests += 1;
            }
        }
        if package["name"] == "wicketgate-identity" {
            assert_eq!(package["features"]["default"], Value::Null);
        }
    }
    assert!(tests > 0, "nobody has it: this test proves nothing");
}

#[test]
fn up_is_refused() {
    assert!(!may_know(0, 1, false) && !may_know(1, 2, true) && !may_know(1, 1, false));
    assert!(may_know(1, 1, true) && may_know(4, 4, false) && may_know(3, 2, false));
}
