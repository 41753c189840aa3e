//! `wicketgate policy`: outputs and exit status.

#![expect(
    clippy::unwrap_used,
    reason = "a test: clippy.toml knows only the functions marked as one"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Exit status, standard output and standard error of `wicketgate ARGUMENTS`.
fn wicketgate(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_wicketgate")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A folder for one test, with the demo's policy in it, changed and with these tests.
struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Room {
        Room(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.0.path().join(name), text).unwrap();
        self.path(name)
    }

    fn policy(&self, name: &str, change: (&str, &str), tests: &str) -> String {
        let text = fs::read_to_string(demo("policy.toml")).unwrap();
        assert!(text.contains(change.0));
        self.file(name, &format!("{}{tests}", text.replace(change.0, change.1)))
    }

    /// The demo's audit log.
    fn log(&self) -> String {
        let log = self.path("audit.jsonl");
        let (capture, config) = (demo("capture.pcapng"), demo("policy.toml"));
        let login = "192.168.20.7=alice:maintenance";
        let arguments = [
            "replay",
            path(&capture),
            "--config",
            path(&config),
            "--login",
            login,
            "--audit",
            &log,
        ];
        assert_eq!(wicketgate(&arguments).0, 0);
        log
    }
}

fn demo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pcaps/modbus/maintenance-writes").join(name)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

const SAME: (&str, &str) = ("[gate]", "[gate]");
const WIDER: (&str, &str) = ("value = \"0-1500\"", "value = \"0-2000\"");
const NO_WRITES: (&str, &str) =
    ("{ class = \"write\", function = 6, address = \"0-99\" }", "\"discover\"");
const TRUE: &str = "\n[tests]\npeople = { alice = { roles = [\"maintenance\"] } }\nassert = [\n  \
    \"alice may write HR 105 = 900 on press-3; may not write HR 105 = 1501 because value-denied\",\n]\n";

#[test]
fn assertions_that_hold() {
    let room = Room::new();
    let policy = room.policy("p.toml", SAME, TRUE);
    let (status, out, complaint) = wicketgate(&["policy", "test", &policy]);
    assert_eq!(
        (status, out.as_str(), complaint.as_str()),
        (0, &*format!("{policy}: 2 assertions hold\n"), "")
    );
    assert_eq!(wicketgate(&["check", "--config", &policy]).0, 0);
    let (_, out, _) = wicketgate(&["policy", "test", &policy, "--json"]);
    assert_eq!(json(&out), serde_json::json!({ "assertions": 2, "failed": [] }));
}

#[test]
fn an_assertion_that_does_not_hold_says_why() {
    let room = Room::new();
    let policy = room.policy("p.toml", WIDER, TRUE);
    let (status, out, _) = wicketgate(&["policy", "test", &policy]);
    assert_eq!(status, 1);
    for words in [
        ":67:45: the policy allows this at Mon 2026-01-05 00:00 UTC",
        "1 of 2 assertions do not hold",
    ] {
        assert!(out.contains(words), "{out}");
    }
    let denied = TRUE.replace("900", "9000");
    let policy = room.policy("q.toml", SAME, &denied);
    let (status, out, complaint) = wicketgate(&["check", "--config", &policy]);
    assert_eq!(status, 1);
    assert!(out.contains("press-3 (press-line)"), "the explanation is printed: {out}");
    let legend = "\n  value-denied: the nearest rule gives other values; if it is needed, widen";
    assert!(complaint.contains(legend), "{complaint}");
    let (_, out, _) = wicketgate(&["policy", "test", &policy, "--json"]);
    let failed = &json(&out)["failed"][0];
    assert_eq!((&failed["line"], &failed["reason"]), (&67.into(), &"value-denied".into()));
    assert_eq!(failed["rule"], "maintenance reads the press line, sets the speeds");
}

#[test]
fn what_is_no_assertion_is_bad_usage() {
    let room = Room::new();
    let bad = room.policy("p.toml", SAME, &TRUE.replace("alice may", "alcie may"));
    for arguments in [&["policy", "test", &bad][..], &["check", "--config", &bad]] {
        let (status, _, complaint) = wicketgate(arguments);
        assert_eq!(status, 2, "{complaint}");
        assert!(complaint.contains("p.toml:67:4: `alcie` is neither"), "{complaint}");
    }
    let (status, _, complaint) = wicketgate(&["policy", "test", path(&demo("policy.toml"))]);
    assert!(status == 2 && complaint.contains("there is no [tests]"), "{complaint}");
}

#[test]
fn a_file_of_its_own() {
    let room = Room::new();
    let (policy, tests) = (room.policy("p.toml", SAME, ""), room.file("tests.toml", TRUE));
    let (status, out, _) = wicketgate(&["policy", "test", &tests, "--config", &policy]);
    assert_eq!((status, out), (0, format!("{tests}: 2 assertions hold\n")));
    assert_eq!(wicketgate(&["policy", "test", &policy, "--config", &policy]).0, 2);
}

/// The live gate refuses such a policy before it looks at any interface.
#[test]
fn run_does_not_start_with_an_assertion_that_does_not_hold() {
    let room = Room::new();
    let policy = room.policy("p.toml", WIDER, TRUE);
    let log = room.path("audit.jsonl");
    let (status, _, complaint) = wicketgate(&["run", "--config", &policy, "--audit", &log]);
    assert_eq!(status, 2);
    assert!(complaint.contains("1 of 2 assertions do not hold"), "{complaint}");
    assert!(!Path::new(&log).exists());
}

#[test]
fn diff_is_like_diff() {
    let room = Room::new();
    let (same, wider) = (room.policy("a.toml", SAME, TRUE), room.policy("b.toml", WIDER, ""));
    let demo = demo("policy.toml");
    assert_eq!(
        wicketgate(&["policy", "diff", path(&demo), &same]),
        (0, String::new(), String::new())
    );
    let (status, out, _) = wicketgate(&["policy", "diff", &same, &wider]);
    assert_eq!(status, 1);
    let expected = "\
role maintenance on press-3, press-4 (modbus)
  gains  write-single-register: address 100-119, value 1501-2000
  gains  write-multiple-registers, read-write-multiple-registers (write): address 100-119, value 1501-2000 (and others of 0-2000)
";
    assert_eq!(out, expected);
    let (_, out, _) = wicketgate(&["policy", "diff", &wider, &same, "--json"]);
    let change = &json(&out)["rights"][0];
    assert_eq!((&change["who"], &change["exact"]), (&"maintenance".into(), &true.into()));
    assert_eq!(
        (change["gains"].as_array().unwrap().len(), change["loses"].as_array().unwrap().len()),
        (0, 2)
    );
    assert_eq!(wicketgate(&["policy", "diff", &same, "/nowhere"]).0, 2);
}

#[test]
fn show_can_be_limited() {
    let demo = demo("policy.toml");
    let demo = path(&demo);
    let (status, out, _) = wicketgate(&["policy", "show", demo, "--asset", "press-4"]);
    assert!(
        status == 0 && out.contains("the HMI runs press-4") && !out.contains("press-3 ("),
        "{out}"
    );
    let (_, out, _) = wicketgate(&["policy", "show", demo, "--role", "maintenance"]);
    assert!(out.contains("press-3 (") && !out.contains("HMI"), "{out}");
    let whole = wicketgate(&["policy", "show", demo]);
    assert_eq!(whole, wicketgate(&["check", "--config", demo]));
    for wrong in [["--asset", "press-9"], ["--role", "nobody"]] {
        assert_eq!(wicketgate(&["policy", "show", demo, wrong[0], wrong[1]]).0, 2);
    }
}

const ALICE: [&str; 2] = ["--user", "alice:maintenance"];

#[test]
fn a_log_is_judged_again() {
    let room = Room::new();
    let log = room.log();
    let same = room.policy("a.toml", SAME, "");
    let (status, out, complaint) =
        wicketgate(&["policy", "replay", &same, &log, ALICE[0], ALICE[1]]);
    let all = "656 commands: 656 judged the same, 0 now forwarded, 0 now denied\n";
    assert_eq!((status, out.as_str(), complaint.as_str()), (0, all, ""));

    let wider = room.policy("b.toml", WIDER, "");
    let (status, out, _) =
        wicketgate(&["policy", "replay", &wider, &log, ALICE[0], ALICE[1], "--json"]);
    let report = json(&out);
    assert_eq!(
        (status, &report["now_forwarded"], &report["now_denied"]),
        (1, &3.into(), &0.into())
    );
    let change = &report["changes"][0];
    assert_eq!(change["before"]["reason"], "value-denied");
    assert_eq!(change["after"]["rule"], "maintenance reads the press line, sets the speeds");

    let none = room.policy("c.toml", NO_WRITES, "");
    let (_, out, _) = wicketgate(&["policy", "replay", &none, &log, ALICE[0], ALICE[1]]);
    assert!(
        out.starts_with("656 commands: 626 judged the same, 0 now forwarded, 30 now denied"),
        "{out}"
    );
    // Nobody says that alice maintains.
    let (_, out, _) = wicketgate(&["policy", "replay", &same, &log]);
    assert!(out.contains("denied: no-grant"), "{out}");
}

#[test]
fn a_broken_log_is_judged_to_the_break() {
    let room = Room::new();
    let log = room.log();
    let text = fs::read_to_string(&log).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let forged = lines[100].replace("\"unit\":1", "\"unit\":2");
    assert_ne!(forged, lines[100]);
    lines[100] = &forged;
    let log = room.file("forged.jsonl", &format!("{}\n", lines.join("\n")));
    let policy = room.policy("a.toml", SAME, "");
    let (status, out, complaint) =
        wicketgate(&["policy", "replay", &policy, &log, ALICE[0], ALICE[1]]);
    assert_eq!(status, 1);
    assert!(
        complaint.contains("the log is broken at line 101 (record 101): changed"),
        "{complaint}"
    );
    let commands = lines[..100].iter().filter(|line| line.contains("\"type\":\"command\"")).count();
    assert!(out.starts_with(&format!("{commands} commands: {commands} judged the same")), "{out}");
}

/// The audit log of a gate is a folder (docs/AUDIT.md); what else lies in it is none of it.
#[test]
fn a_folder_of_a_log_is_judged_and_its_broken_file_named() {
    let room = Room::new();
    let log = fs::read_to_string(room.log()).unwrap();
    let folder = room.path("audit");
    fs::create_dir(&folder).unwrap();
    fs::write(room.path("audit/notes.txt"), "not a log").unwrap();
    let policy = room.policy("a.toml", SAME, "");
    let replay = || wicketgate(&["policy", "replay", &policy, &folder, ALICE[0], ALICE[1]]);
    let (status, _, complaint) = replay();
    assert!(status == 2 && complaint.contains("there is no log in this folder"), "{complaint}");
    let file = room.file("audit/00000001-2026-01-01.jsonl", &log);
    let (status, out, _) = replay();
    assert_eq!(status, 0);
    assert!(out.starts_with("656 commands: 656 judged the same"), "{out}");
    fs::write(&file, log.replacen("\"unit\":1", "\"unit\":2", 1)).unwrap();
    let (status, _, complaint) = replay();
    assert_eq!(status, 1);
    assert!(complaint.contains(&format!("broken at {file}: line ")), "{complaint}");
}

/// The capture shows three commands more than the log: a stranger's, whose connection was refused.
#[test]
fn a_capture_is_judged_by_two_policies() {
    let room = Room::new();
    let (demo_policy, capture) = (demo("policy.toml"), demo("capture.pcapng"));
    let (old, capture) = (path(&demo_policy), path(&capture));
    let wider = room.policy("b.toml", WIDER, "");
    let login = ["--login", "192.168.20.7=alice:maintenance"];
    let ask = |policy: &str| {
        wicketgate(&["policy", "replay", policy, capture, "--against", old, login[0], login[1]])
    };
    let (status, out, _) = ask(&wider);
    assert_eq!(status, 1);
    assert!(
        out.starts_with("659 commands: 656 judged the same, 3 now forwarded, 0 now denied"),
        "{out}"
    );
    assert_eq!(ask(old).0, 0);
    let (status, _, complaint) = wicketgate(&["policy", "replay", old, capture]);
    assert!(status == 2 && complaint.contains("--against"), "{complaint}");
}

/// A log judged by the policy that it was recorded under never differs: the two ways agree.
#[test]
fn every_case_judged_again_is_the_same() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pcaps/modbus");
    let mut judged = 0;
    for case in fs::read_dir(cases).unwrap() {
        let case = case.unwrap().path();
        let arguments = fs::read_to_string(case.join("replay.args")).unwrap_or_default();
        let (room, policy) = (Room::new(), case.join("policy.toml"));
        let (log, capture) = (room.path("audit.jsonl"), case.join("capture.pcapng"));
        let mut replay = vec!["replay", path(&capture), "--config", path(&policy), "--audit", &log];
        replay.extend(arguments.split_whitespace());
        assert_eq!(wicketgate(&replay).0, 0);
        let logins = arguments.split_whitespace().filter_map(|word| word.split_once('='));
        let users: Vec<&str> = logins.map(|(_, user)| user).filter(|u| u.contains(':')).collect();
        let mut again = vec!["policy", "replay", path(&policy), &log, "--json"];
        again.extend(users.iter().flat_map(|user| ["--user", user]));
        let (status, out, complaint) = wicketgate(&again);
        assert_eq!(status, 0, "{}: {out}{complaint}", case.display());
        judged += json(&out)["commands"].as_u64().unwrap();
    }
    assert!(judged > 1000, "{judged} commands");
}
