//! `wicketgate evidence`: facts from real files, pages, exit status; and the example of docs/EVIDENCE.md.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test: clippy.toml knows only the functions marked as one"
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Exit status, standard output and standard error of `wicketgate ARGUMENTS`.
fn wicketgate(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_wicketgate")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder with the demo's policy, perhaps changed, and its audit log.
struct Room(tempfile::TempDir);

impl Room {
    fn new(more: &str) -> Room {
        let room = Room(tempfile::tempdir().unwrap());
        let demo = project().join("pcaps/modbus/maintenance-writes");
        let text = fs::read_to_string(demo.join("policy.toml")).unwrap();
        let capture = demo.join("capture.pcapng");
        let (policy, log) = (room.path("policy.toml"), room.path("audit.jsonl"));
        fs::write(&policy, &text).unwrap();
        let login = "192.168.20.7=alice:maintenance";
        let capture = capture.to_str().unwrap();
        let replay = ["replay", capture, "--config", &policy, "--login", login, "--audit", &log];
        assert_eq!(wicketgate(&replay).0, 0);
        fs::write(&policy, text.replace("[gate]", &format!("{more}\n[gate]"))).unwrap();
        room
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Its folder of state, named in the policy.
    fn with_state(self) -> Room {
        let policy = self.path("policy.toml");
        let text = fs::read_to_string(&policy).unwrap();
        let state = format!("[gate]\nstate_dir = {:?}", self.path("state"));
        fs::write(&policy, text.replace("[gate]", &state)).unwrap();
        self
    }

    fn evidence(&self, more: &[&str]) -> (i32, String, String) {
        let (policy, log) = (self.path("policy.toml"), self.path("audit.jsonl"));
        wicketgate(&[&["evidence", "--config", &policy, "--audit", &log], more].concat())
    }

    /// How one check stands, and what it has seen.
    fn finding(&self, check: &str) -> (String, String) {
        let (status, out, complaint) = self.evidence(&["--format", "json"]);
        assert_eq!(status, 1, "{complaint}");
        let report: Value = serde_json::from_str(&out).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let found = findings.iter().find(|found| found["check"] == check).unwrap();
        let text = |key: &str| found[key].as_str().unwrap().to_owned();
        (text("outcome"), text("seen"))
    }
}

#[test]
fn a_log_is_verified_and_counted() {
    let room = Room::new("");
    let (outcome, seen) = room.finding("log-complete");
    assert_eq!(outcome, "satisfied");
    assert!(seen.starts_with("656 commands in the log; 0 events"), "{seen}");
    let forged =
        fs::read_to_string(room.path("audit.jsonl")).unwrap().replacen("alice", "bobby", 1);
    fs::write(room.path("audit.jsonl"), forged).unwrap();
    let (outcome, seen) = room.finding("log-whole");
    assert_eq!(outcome, "not-satisfied");
    assert!(seen.contains("records hold; then ") && seen.contains("audit.jsonl: line "), "{seen}");
}

#[test]
fn tables_are_asked_and_not_only_read() {
    let deny = Room::new("").finding("deny-by-default");
    assert_eq!(deny.0, "satisfied", "{}", deny.1);
    const BETWEEN: &str = "[[conduit]]\nname = \"press-3 tells press-4\"\nasset = \"press-4\"\n\
        from = { address = \"192.168.10.20\" }\nprotocol = \"modbus\"\nallow = [\"read\"]\n";
    let (_, seen) = Room::new(BETWEEN).finding("segments");
    let wanted = "2 ways from an asset to a door of another, 1 open by a conduit (press-3 to modbus of press-4)";
    assert_eq!(seen, wanted);
    let (outcome, seen) = Room::new("").finding("two-factors");
    assert_eq!(outcome, "not-satisfied");
    assert!(seen.contains("with a password alone 2 of 2 doors"), "{seen}");
}

#[test]
fn a_door_that_nobody_may_use_is_named() {
    const SSH: &str = "[[asset]]\nname = \"press-5\"\nzone = \"other\"\nport = \"press-line\"\n\
        overlay = \"100.64.10.22\"\nunderlay = \"192.168.10.22\"\nprotocols = { tcp = 22 }\n";
    let (outcome, seen) = Room::new(SSH).finding("least-functions");
    assert_eq!(outcome, "partly");
    assert!(seen.ends_with("; not: tcp of press-5"), "{seen}");
}

#[test]
fn looking_makes_nothing() {
    let room = Room::new("").with_state();
    let (outcome, seen) = room.finding("accounts");
    assert_eq!(outcome, "not-looked");
    assert!(seen.contains("no identity store is there"), "{seen}");
    assert!(!Path::new(&room.path("state")).exists());
    assert!(room.finding("gate-runs").1.starts_with("no gate runs at "));
}

#[test]
fn people_are_looked_up_in_the_store_and_no_secret_is_shown() {
    const PASSWORD: &str = "a strange horse with 7 batteries";
    let room = Room::new("").with_state();
    let add = ["user", "add", "anna", "--no-totp", "--role", "maintenance", "--state-dir"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
    let mut child =
        command.args(add).arg(room.path("state")).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let (outcome, seen) = room.finding("accounts");
    assert_eq!((outcome.as_str(), &seen[..22]), ("partly", "1 user in the identity"), "{seen}");
    assert_eq!(room.finding("keys").0, "satisfied");
    let (_, page, _) = room.evidence(&["--format", "json"]);
    assert!(!page.contains("horse") && !page.contains("$argon2id$"), "{page}");
}

#[test]
fn each_form_is_written_to_a_file_too() {
    let room = Room::new("");
    for (form, begins) in [
        ("text", "Evidence of "),
        ("md", "# Evidence of "),
        ("html", "<!doctype html>"),
        ("json", "{"),
    ] {
        let (status, out, _) = room.evidence(&["--format", form]);
        assert!(status == 1 && out.starts_with(begins), "{form}: {out}");
        let file = room.path("evidence");
        let (status, out, _) = room.evidence(&["--format", form, "-o", &file]);
        assert_eq!((status, out.as_str()), (1, ""));
        assert!(fs::read_to_string(&file).unwrap().starts_with(begins), "{form}");
    }
}

#[test]
fn what_cannot_be_is_bad_usage_and_destroys_nothing() {
    let room = Room::new("");
    let (policy, log) = (room.path("policy.toml"), room.path("audit.jsonl"));
    let before = (fs::read(&policy).unwrap(), fs::read(&log).unwrap());
    for input in [&policy, &log] {
        let (status, _, complaint) = room.evidence(&["-o", input]);
        assert!(status == 2 && complaint.contains("that is read"), "{complaint}");
    }
    assert_eq!((fs::read(&policy).unwrap(), fs::read(&log).unwrap()), before);
    // The log that is not named is spared, too.
    let room = room.with_state();
    let kept = room.path("state/audit/00000001-2026-01-01.jsonl");
    fs::create_dir_all(room.path("state/audit")).unwrap();
    fs::write(&kept, &before.1).unwrap();
    let unnamed = ["evidence", "--config", &policy, "-o", &kept];
    assert!(wicketgate(&unnamed).2.contains("that is read"));
    assert_eq!(fs::read(&kept).unwrap(), before.1);
    assert_eq!(wicketgate(&["evidence"]).0, 2);
    assert_eq!(wicketgate(&["evidence", "--config", "/no/such/policy.toml"]).0, 2);
    assert_eq!(room.evidence(&["--format", "pdf"]).0, 2);
    assert_eq!(room.evidence(&["-o", "/no/such/folder/file"]).0, 2);
}

/// Each line of the example is one of the output.
#[test]
fn the_example_of_the_page_is_true() {
    let page = fs::read_to_string(project().join("docs/EVIDENCE.md")).unwrap();
    let example = page.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let out = Room::new("").evidence(&[]).1;
    let lines: Vec<&str> = out.lines().collect();
    let shown = example.lines().filter(|line| !line.is_empty() && *line != "...");
    let mut count = 0;
    for line in shown {
        count += 1;
        assert!(lines.contains(&line), "not in the output: {line}\n{out}");
    }
    assert!(count > 20, "{count} lines");
}
