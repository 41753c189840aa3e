//! Differences of OPC UA in words.

use super::*;
use crate::parse;

const PLANT: &str = r#"
[[port]]
name = "line"
side = "underlay"
address = "192.168.10.1/24"

[[asset]]
name = "press"
zone = "line"
port = "line"
overlay = "100.64.10.20"
underlay = "192.168.10.20"
protocols = ["opcua"]

[[rule]]
name = "r"
roles = ["a"]
assets = ["press"]
protocol = "opcua"
"#;

#[track_caller]
fn policy(allow: &str) -> Policy {
    let read = parse(&format!("{PLANT}allow = [{allow}]\n"), "p.toml");
    read.unwrap_or_else(|errors| {
        panic!("{allow}\n{}", errors.iter().map(ToString::to_string).collect::<String>())
    })
}

/// Gains and losses between two lists, and whether each was shown.
fn between(before: &str, after: &str) -> (Vec<String>, Vec<String>, bool) {
    let difference = diff(&policy(before), &policy(after));
    match difference.rights.as_slice() {
        [] => (Vec::new(), Vec::new(), true),
        [change] => (change.gains.clone(), change.loses.clone(), change.exact),
        more => panic!("{more:#?}"),
    }
}

#[track_caller]
fn gains(before: &str, after: &str, lines: &[&str]) {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    assert_eq!(between(before, after), (lines.clone(), vec![], true), "{before} -> {after}");
    assert_eq!(between(after, before), (vec![], lines, true), "{after} -> {before}");
}

#[track_caller]
fn same(before: &str, after: &str) {
    assert_eq!(between(before, after), (vec![], vec![], true), "{before} -> {after}");
    assert_eq!(between(after, before), (vec![], vec![], true), "{after} -> {before}");
}

#[test]
fn what_is_written_otherwise_is_no_difference() {
    same(
        "{ class = \"write\", node = \"ns=2;s=A\" }",
        "{ class = \"write\", node = [\"ns=2;s=A\"] }",
    );
    let (one, both) = ("node = \"ns=2;s=A*\"", "node = [\"ns=2;s=A*\", \"ns=2;s=AB\"]");
    same(&format!("{{ class = \"read\", {one} }}"), &format!("{{ class = \"read\", {both} }}"));
    same("\"read\"", "\"read\", { class = \"read\", node = \"ns=2;*\" }");
}

#[test]
fn nodes_methods_and_channels() {
    gains(
        "\"read\"",
        "\"read\", { class = \"write\", node = \"ns=2;s=A\", value = \"0-5\" }",
        &["write (write): node ns=2;s=A, value 0-5"],
    );
    gains(
        "\"read\"",
        "\"read\", { service = \"call\", method = \"ns=2;s=M\" }",
        &["mode, file-read, file-write, alarm, call, call (discover), call (subscribe), \
             call (config): method ns=2;s=M"],
    );
    gains(
        "\"read\"",
        "\"read\", { opaque = true, security = \"Basic256Sha256\" }",
        &["open-secured-channel: security Basic256Sha256", "opaque"],
    );
    gains("\"read\"", "\"read\", \"auth\"", &["auth"]);
}

/// Of patterns there is no complement: what cannot be shown is said to be undecided, and nothing is missed.
#[test]
fn a_wider_pattern_gives_more_and_loses_nothing() {
    let of = |node: &str| format!("{{ class = \"write\", node = \"{node}\", value = \"0-5\" }}");
    let (gained, lost, exact) = between(&of("ns=2;s=A.B"), &of("ns=2;s=A.*"));
    assert_eq!(gained, ["write (write): node ns=2;s=A.*, not node ns=2;s=A.B, value 0-5"]);
    assert_eq!((lost.len(), exact), (0, false));
    let (gained, lost, _) = between(&of("ns=3;i=5"), &of("ns=3;i=1-9"));
    assert_eq!((gained.len(), lost.len()), (1, 0));
}
