//! Records of sessions: what our dissectors and Wireshark's read in them is what the audit log tells.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test: clippy.toml knows only the functions marked as one"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

mod wireshark;

fn wicketgate(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_wicketgate")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The cases of `pcaps/`.
fn cases(protocol: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pcaps").join(protocol);
    let mut cases: Vec<_> = fs::read_dir(root).unwrap().map(|case| case.unwrap().path()).collect();
    cases.retain(|case| case.join("capture.pcapng").exists());
    cases.sort();
    cases
}

/// A case replayed: its records and its audit log's lines.
fn replay(case: &Path, into: &Path, more: &[&str]) -> Vec<Value> {
    let said = fs::read_to_string(case.join("replay.args")).unwrap_or_default();
    let (capture, policy) = (case.join("capture.pcapng"), case.join("policy.toml"));
    let (records, audit) = (into.join("records"), into.join("audit.jsonl"));
    let path = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let mut arguments = vec!["replay".to_owned(), path(&capture), "--json".to_owned()];
    arguments.extend(["--config".to_owned(), path(&policy)]);
    arguments.extend(["--record".to_owned(), path(&records), "--audit".to_owned(), path(&audit)]);
    arguments.extend(said.split_whitespace().chain(more.iter().copied()).map(str::to_owned));
    wicketgate(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let log = fs::read_to_string(audit).unwrap();
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// All records, by session.
fn records(folder: &Path) -> BTreeMap<u64, PathBuf> {
    let mut records = BTreeMap::new();
    for day in fs::read_dir(folder.join("records")).unwrap() {
        for record in fs::read_dir(day.unwrap().path()).unwrap() {
            let record = record.unwrap().path();
            assert_eq!(fs::metadata(&record).unwrap().permissions().mode() & 0o777, 0o600);
            let session = record.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            assert!(records.insert(session, record).is_none());
        }
    }
    records
}

fn commands(log: &[Value], session: u64) -> Vec<&Value> {
    let of = |record: &&Value| record["type"] == "command" && record["session"] == session;
    log.iter().filter(of).collect()
}

fn sessions(log: &[Value]) -> Vec<u64> {
    let starts = log.iter().filter(|record| record["type"] == "session-start");
    starts.map(|record| record["session"].as_u64().unwrap()).collect()
}

/// Function codes of the requests that our dissectors find.
fn requests(record: &Path) -> Vec<u64> {
    let out = wicketgate(&["dissect", "--json", record.to_str().unwrap()]);
    let lines = String::from_utf8(out).unwrap();
    let pdus = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let requests = pdus.filter(|pdu| pdu["dir"] == "c2s");
    requests.map(|pdu| pdu["fields"]["func"].as_u64().unwrap()).collect()
}

#[test]
fn every_record_holds_the_commands_of_its_session() {
    let (mut count, mut denied) = (0, 0);
    for case in cases("modbus") {
        let folder = tempfile::tempdir().unwrap();
        let log = replay(&case, folder.path(), &[]);
        let records = records(folder.path());
        assert_eq!(records.keys().copied().collect::<Vec<_>>(), {
            let mut sessions = sessions(&log);
            sessions.sort_unstable();
            sessions
        });
        for (session, record) in &records {
            let commands = commands(&log, *session);
            let told = commands.iter().map(|command| command["function"].as_u64().unwrap());
            assert_eq!(requests(record), told.collect::<Vec<_>>(), "{}", record.display());
            count += commands.len();
            denied += commands.iter().filter(|command| command["result"] == "denied").count();
        }
    }
    assert!(count > 1000 && denied > 20, "{count} {denied}");
}

#[test]
fn wireshark_reads_the_same_commands_and_their_verdicts() {
    let (mut count, mut denied) = (0, 0);
    // Not `pipelined`: of a request that comes byte by byte tshark finds nothing in the capture itself either.
    for name in ["maintenance-writes", "every-function", "reconnects", "unit-ids"] {
        let case = cases("modbus").into_iter().find(|case| case.ends_with(name)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let log = replay(&case, folder.path(), &[]);
        for (session, record) in records(folder.path()) {
            let commands = commands(&log, session);
            let requests = wireshark::values(&record, "tcp.dstport == 502", "modbus.func_code");
            let Some(requests) = requests else { return };
            let function = |command: &&Value| command["function"].to_string();
            let told: Vec<String> = commands.iter().map(function).collect();
            assert_eq!(requests.concat(), told, "{name} {session}");
            let comments = wireshark::values(&record, "frame.comment", "frame.comment").unwrap();
            let comments = comments.concat();
            assert_eq!(comments.len(), commands.len(), "{name} {session}: {comments:?}");
            for (comment, command) in comments.iter().zip(commands) {
                assert!(comment.starts_with(command["command"].as_str().unwrap()), "{comment}");
                let verdict = match command["reason"].as_str() {
                    None => ": forwarded".to_owned(),
                    Some(reason) => format!(": DENIED {reason}"),
                };
                assert!(comment.contains(&verdict), "{comment}: {command}");
                count += 1;
                denied += usize::from(command["result"] == "denied");
            }
        }
    }
    assert!(count > 700 && denied > 10, "{count} {denied}");
}

#[test]
fn a_record_says_whose_it_is_and_how_it_ended() {
    let case = cases("modbus").into_iter().find(|case| case.ends_with("maintenance-writes"));
    let folder = tempfile::tempdir().unwrap();
    let log = replay(&case.unwrap(), folder.path(), &[]);
    let started = |record: &&Value| record["type"] == "session-start" && record["user"] == "alice";
    let session = log.iter().find(started).unwrap()["session"].as_u64().unwrap();
    let record = fs::read(&records(folder.path())[&session]).unwrap();
    let text = String::from_utf8_lossy(&record);
    for part in [
        format!("session: {session}\nuser: alice\nclient: 192.168.20.7\nasset: press-"),
        "start: 2026-03-02T08:00:".to_owned(),
        format!("Wicketgate {}", env!("CARGO_PKG_VERSION")),
        "session ends: shutdown;".to_owned(),
        "the record is complete".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}");
    }
}

#[test]
fn whose_sessions_are_recorded_the_config_says() {
    let case = cases("modbus").into_iter().find(|case| case.ends_with("maintenance-writes"));
    let case = case.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for file in ["capture.pcapng", "replay.args"] {
        fs::copy(case.join(file), folder.path().join(file)).unwrap();
    }
    let policy = fs::read_to_string(case.join("policy.toml")).unwrap();
    for (record, users) in [
        ("folder = \"/nowhere\"", &["alice"][..]),
        (
            "folder = \"/nowhere\"\nconduits = [\"the HMI runs press-4\"]",
            &["alice", "the HMI runs press-4"],
        ),
        ("folder = \"/nowhere\"\nassets = [\"zone:press-line\"]", &["alice"]),
        ("folder = \"/nowhere\"\nroles = [\"maintenance\"]", &["alice"]),
    ] {
        let into = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("policy.toml"), format!("{policy}\n[record]\n{record}\n"))
            .unwrap();
        let log = replay(folder.path(), into.path(), &[]);
        let user = |session: &u64| {
            let of = |line: &&Value| line["session"] == *session;
            log.iter().find(of).unwrap()["user"].as_str().unwrap().to_owned()
        };
        let mut found: Vec<String> = records(into.path()).keys().map(user).collect();
        found.sort();
        found.dedup();
        assert_eq!(found, users, "{record}");
    }
}

/// Alice's session on press 3, replayed: where log and records are.
fn of_alice() -> (tempfile::TempDir, u64) {
    let case = cases("modbus").into_iter().find(|case| case.ends_with("maintenance-writes"));
    let folder = tempfile::tempdir().unwrap();
    let log = replay(&case.unwrap(), folder.path(), &[]);
    let is_hers = |record: &&Value| record["type"] == "session-start" && record["user"] == "alice";
    let session = log.iter().find(is_hers).unwrap()["session"].as_u64().unwrap();
    (folder, session)
}

fn session(what: &str, folder: &Path, session: u64, more: &[&str]) -> Vec<u8> {
    let (session, log) = (session.to_string(), folder.join("audit.jsonl"));
    let records = folder.join("records");
    let of = ["session", what, &session, "--log", log.to_str().unwrap()];
    wicketgate(&[&of[..], &["--records", records.to_str().unwrap()], more].concat())
}

#[test]
fn a_session_is_told_with_what_its_writes_replaced() {
    let (folder, alice) = of_alice();
    let told: Value =
        serde_json::from_slice(&session("show", folder.path(), alice, &["--json"])).unwrap();
    assert_eq!((&told["user"], &told["why"]), (&"alice".into(), &"shutdown".into()));
    let rows = told["transcript"].as_array().unwrap();
    assert_eq!((rows.len() as u64, &told["commands"]), (22, &22.into()));
    let denied = rows.iter().filter(|row| row["verdict"].as_str().unwrap().starts_with("DENIED"));
    assert_eq!((denied.count() as u64, &told["denied"]), (12, &12.into()));
    let row = |object: &str, written: &str| {
        let is_it = |row: &&Value| row["object"] == object && row["written"] == written;
        rows.iter().find(is_it).unwrap()["before"].as_str().unwrap().to_owned()
    };
    // The device holds ten times the number of a register until somebody writes it.
    assert_eq!(row("holding-registers 103", "1200"), "1030", "read before");
    assert_eq!(row("holding-registers 103", "1501"), "1200", "read since");
    assert_eq!(row("holding-registers 104-106", "700 1600 700"), "800 900 1000", "written since");
    assert_eq!(row("holding-registers 118-120", "700 700 700"), "1180 1500 ?", "one never seen");
    assert_eq!(row("holding-registers 99", "1200"), "", "refused, and never read");
}

#[test]
fn without_its_record_a_session_is_told_without_what_was_before() {
    let (folder, alice) = of_alice();
    fs::remove_dir_all(folder.path().join("records")).unwrap();
    let told: Value =
        serde_json::from_slice(&session("show", folder.path(), alice, &["--json"])).unwrap();
    let rows = told["transcript"].as_array().unwrap();
    assert!(rows.len() == 22 && rows.iter().all(|row| row["before"] == ""));
    assert_eq!(told["record"], Value::Null);
}

#[test]
fn an_exported_record_and_its_transcript_tell_the_same_commands() {
    let (folder, alice) = of_alice();
    let (record, transcript) = (folder.path().join("a.pcapng"), folder.path().join("a.txt"));
    let more = ["-o", record.to_str().unwrap(), "--transcript", transcript.to_str().unwrap()];
    session("export", folder.path(), alice, &more);
    let text = fs::read_to_string(&transcript).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("2026-")).collect();
    assert_eq!(requests(&record).len(), rows.len());
    let Some(comments) = wireshark::values(&record, "frame.comment", "frame.comment") else {
        return;
    };
    let comments = comments.concat();
    assert_eq!(comments.len(), rows.len());
    for (comment, row) in comments.iter().zip(rows) {
        let (asked, verdict) = comment.split_once(": ").unwrap();
        assert!(row.contains(asked) && row.ends_with(verdict), "{row}: {comment}");
    }
    let requests = wireshark::values(&record, "tcp.dstport == 502 && modbus", "modbus.func_code");
    assert_eq!(requests.unwrap().concat().len(), comments.len());
}

#[test]
fn a_session_that_is_in_no_log_is_a_finding() {
    let (folder, _) = of_alice();
    let log = folder.path().join("audit.jsonl");
    let arguments = ["session", "show", "99", "--log", log.to_str().unwrap()];
    let output = Command::new(env!("CARGO_BIN_EXE_wicketgate")).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("there is no session 99"));
}
