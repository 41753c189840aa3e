//! `wicketgate audit`: logs read, counted and exported, as a person runs it.

#![expect(
    clippy::unwrap_used,
    reason = "a test: clippy.toml knows only the functions marked as one"
)]

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The log of docs/AUDIT.md: 27 records.
fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../audit/tests/examples.jsonl")
}

fn wicketgate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
    command.arg("audit").args(arguments);
    command
}

/// Exit status, standard output and standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = wicketgate(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn good(arguments: &[&str]) -> String {
    let (status, out, error) = run(arguments);
    assert_eq!((status, &*error), (0, ""), "{arguments:?}");
    out
}

/// The examples as a log of two files, of which the second ends in half a record.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(examples()).unwrap();
    let (first, second) = text.split_at(text.match_indices('\n').nth(9).unwrap().0 + 1);
    fs::write(folder.path().join("00000001-2020-06-27.jsonl"), first).unwrap();
    fs::write(folder.path().join("00000002-2020-06-27.jsonl"), format!("{second}{{\"ti")).unwrap();
    folder
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn tail_shows_the_last_records_that_are_wanted_over_files() {
    let folder = folder();
    let log = path(folder.path());
    let last = good(&["tail", log]);
    assert_eq!(last.lines().count(), 10);
    assert!(last.lines().last().unwrap().contains("#27 success  budget-recovered -> press-3"));
    let denied = good(&["tail", log, "-n", "3", "--user", "alice", "--verdict", "denied"]);
    let expected = "2020-06-27 11:50:49.423 #5 denied   command alice -> press-3 restart-communications (mode) \
                    session=1 client=192.168.20.31 client_port=51000 protocol=modbus function=8 sub=1 unit=1 \
                    reason=command-denied";
    assert_eq!(denied.lines().next(), Some(expected));
    assert_eq!(denied.lines().count(), 2);
    let json = good(&["tail", log, "-n", "1", "--type", "alarm", "--json"]);
    assert_eq!(fs::read_to_string(examples()).unwrap().lines().nth(13), Some(json.trim_end()));
    assert_eq!(good(&["tail", log, "--since", "1h"]), "", "all of it is older");
}

#[test]
fn tail_follows_over_files_and_shows_whole_records_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(examples()).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let append = |file: &str, text: &str| {
        let path = folder.path().join(file);
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    append("00000001-2020-06-27.jsonl", &lines[..3].concat());
    let follow = ["tail", path(folder.path()), "-f", "-n", "1", "--category", "session,", "--json"];
    let follow: Vec<&str> = follow.iter().map(|it| it.trim_end_matches(',')).collect();
    let mut child = wicketgate(&follow).stdout(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || format!("{}\n", shown.next().unwrap().unwrap());
    assert_eq!(next(), lines[2]);
    // A command, which is not wanted, and a flow's end, in two halves and on two files.
    append("00000001-2020-06-27.jsonl", lines[3]);
    append("00000002-2020-06-28.jsonl", &lines[8][..100]);
    append("00000002-2020-06-28.jsonl", &lines[8][100..]);
    assert_eq!(next(), lines[8]);
    append("00000003-2020-06-29.jsonl", lines[9]);
    assert_eq!(next(), lines[9]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn show_finds_a_record_by_number_and_id_and_says_what_its_reason_means() {
    let folder = folder();
    let log = path(folder.path());
    let shown = good(&["show", "5", log]);
    assert!(
        shown.contains("restart-communications") && shown.contains("command-denied"),
        "{shown}"
    );
    assert!(shown.contains("What the reasons mean"), "{shown}");
    let json = good(&["show", "161c644cd9fa9c88-15", log, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["seq"], 15);
    for (record, says) in [("28", "no record 28"), ("0000000000000000-5", "no record 0000")] {
        let (status, _, error) = run(&["show", record, log]);
        assert_eq!(status, 1);
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(run(&["show", "five", log]).0, 2);
}

#[test]
fn show_says_of_a_changed_record_that_it_was_changed() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = fs::read_to_string(examples()).unwrap();
    fs::write(file.path(), text.replacen("\"result\":\"denied\"", "\"result\":\"success\"", 1))
        .unwrap();
    let (status, out, error) = run(&["show", "5", path(file.path())]);
    assert_eq!(status, 1);
    assert!(out.contains("restart-communications") && error.contains("was changed"), "{error}");
}

#[test]
fn stats_count_what_there_is() {
    let folder = folder();
    let stats = good(&["stats", path(folder.path()), "--json"]);
    let stats: Value = serde_json::from_str(&stats).unwrap();
    assert_eq!((&stats["records"], &stats["types"]["command"]), (&27.into(), &3.into()));
    assert_eq!(stats["bytes"], fs::metadata(examples()).unwrap().len());
    assert_eq!(stats["first"], "2020-06-27T11:50:49.419685000Z");
    assert_eq!(stats["results"]["observed"], 1);
    let table = good(&["stats", path(folder.path()), "--verdict", "denied"]);
    assert!(table.starts_with("6 records") && table.contains("no-such-asset"), "{table}");
}

#[test]
fn export_writes_each_form_to_a_new_file_or_standard_output() {
    let folder = folder();
    let log = path(folder.path());
    assert_eq!(good(&["export", "--format", "json", log]), fs::read_to_string(examples()).unwrap());
    let csv = good(&["export", "--format", "csv", log, "--session", "2"]);
    let rows: Vec<_> = csv.split("\r\n").collect();
    assert!(rows[0].starts_with("time,seq,source,") && rows[1].contains("\"hmi-1 runs press-3\""));
    assert_eq!(rows.len(), 5, "head, records, and nothing behind the last end of line");
    let file = folder.path().join("out.cef");
    let export = ["export", "--format", "cef", log, "-o", path(&file)];
    assert_eq!(good(&export), "");
    assert_eq!(fs::read_to_string(&file).unwrap().matches("CEF:0|Wicketgate|").count(), 27);
    let (status, _, error) = run(&export);
    assert_eq!(status, 2, "it is there already");
    assert!(error.contains("cannot be made"), "{error}");
    for line in good(&["export", "--format", "ocsf", log]).lines() {
        assert!(serde_json::from_str::<Value>(line).unwrap()["class_uid"].is_u64());
    }
}

#[test]
fn lines_that_are_no_records_are_counted_and_passed_over() {
    let folder = folder();
    let first = folder.path().join("00000001-2020-06-27.jsonl");
    let text = fs::read_to_string(&first).unwrap();
    fs::write(&first, text.replacen("{\"time\"", "{{\"time\"", 2)).unwrap();
    for command in [&["stats"][..], &["export", "--format", "cef"], &["tail", "-n", "30"]] {
        let (status, _, error) = run(&[command, &[path(folder.path())]].concat());
        assert_eq!(status, 1, "{command:?}");
        assert!(error.contains("2 lines are no records"), "{error}");
    }
}

#[test]
fn the_log_of_a_config_is_that_in_its_state_dir() {
    let state = tempfile::tempdir().unwrap();
    let config = state.path().join("policy.toml");
    fs::write(&config, format!("[gate]\nstate_dir = {:?}\n", path(state.path()))).unwrap();
    fs::create_dir(state.path().join("audit")).unwrap();
    fs::copy(examples(), state.path().join("audit/00000001-2020-06-27.jsonl")).unwrap();
    let shown = good(&["tail", "-n", "30", "--config", path(&config)]);
    assert_eq!(shown.lines().count(), 27);
    let (status, _, error) = run(&["stats", "/nowhere/at/all"]);
    assert!(status == 2 && error.contains("/nowhere/at/all: cannot be read"), "{error}");
    let (status, _, error) = run(&["stats", path(&examples()), "--since", "tomorrow"]);
    assert!(status == 2 && error.contains("2h"), "{error}");
}
