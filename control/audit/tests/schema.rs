//! What a record looks like, and that the documentation says so.

#![allow(clippy::unwrap_used, reason = "tests assert by panicking")]

mod common;
mod disk;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use common::{event, events, lines, log, log_of, plant, tables, write_register};
use disk::Memory;
use proptest::prelude::*;
use serde_json::Value;
use wicketgate_audit::{
    Act, Alarm, AuditLog, Committer, Deed, Keeping, LogWriter, MAX_LINE, MAX_NAME, Origin, Signer,
    Trust, WorkerSums, find, verify, verify_log,
};
use wicketgate_dissectors::enip::Target;
use wicketgate_dissectors::s7comm::Area;
use wicketgate_dissectors::{Class, Item, Space};
use wicketgate_engine::event::{CommandEvent, EventKind, IoEndCause, Label, PAYLOAD};
use wicketgate_engine::{AssetId, EndpointId, Event, GrantId, Reason, RuleId, SubjectId};

fn path(relative: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(relative)
}

fn document() -> String {
    fs::read_to_string(path("../../docs/AUDIT.md")).unwrap()
}

fn parsed(log: &[u8]) -> Vec<Value> {
    lines(log).iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[test]
fn examples_are_what_is_written() {
    let (log, _) = log();
    let expected = fs::read_to_string(path("tests/examples.jsonl")).unwrap();
    assert_eq!(String::from_utf8(log).unwrap(), expected);
}

#[test]
fn a_record_holds_as_much_of_a_pdu_as_settings_say() {
    for (payload, expected) in [(0, ""), (3, "000100"), (260, "0001000000060106006405dc")] {
        let keeping = Keeping { payload, ..Keeping::default() };
        let mut log = LogWriter::begin(common::GATE, (common::START, 7), keeping, None).unwrap();
        let command = common::event(0, EventKind::Command(write_register()));
        log.record(&plant(), &command, Origin { worker: 0, event: 1 }).unwrap();
        let lines = String::from_utf8(log.take().unwrap().lines).unwrap();
        assert!(lines.contains(&format!("\"payload\":\"{expected}\"")), "{payload}: {lines}");
    }
}

/// The key of RFC 8410 section 10.3: of no gate.
const KEY: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20\
    \xd4\xee\x72\xdb\xf9\x13\x58\x4a\xd5\xb6\xd8\xf1\xf7\x69\xf8\xad\
    \x3a\xfe\x7c\x28\xcb\xf1\xd4\xfb\xe0\x97\xa8\x8f\x44\x75\x58\x42";

/// A log over two days, a crash, and the day after: all that a log tells of itself.
fn files() -> Memory {
    let disk = Memory::new(1);
    let hours = |count| common::START + Duration::from_hours(count);
    let keep_for = Some(Duration::from_mins(47 * 60 + 30));
    let keeping = Keeping { keep_for, ..Keeping::default() };
    let signer = || Some(Signer::of(KEY).unwrap());
    let at = |time| (time, 7);
    let command = |time, log: &mut LogWriter, event| {
        let command = common::event(0, EventKind::Command(write_register()));
        log.record(&plant(), &Event { time, ..command }, Origin { worker: 0, event }).unwrap();
    };
    let write = |log: &mut LogWriter, committer: &mut Committer<Memory>| {
        let blocks: Vec<_> = std::iter::from_fn(|| log.take()).collect();
        committer.commit(&blocks).1.unwrap();
    };

    let mut log =
        LogWriter::begin(common::GATE, at(common::START), keeping.clone(), signer()).unwrap();
    let mut committer = Committer::new(disk.clone());
    command(hours(1), &mut log, 1);
    log.tick(hours(24)).unwrap();
    command(hours(25), &mut log, 3);
    log.tick(hours(26)).unwrap();
    write(&mut log, &mut committer);
    let last = disk.names().pop().unwrap();
    let torn = [&disk.take(&last)[..], b"{\"time\":\"2020-06-2"].concat();
    disk.put(&last, &torn);

    let found = find(&mut disk.clone()).unwrap().unwrap();
    let mut log = LogWriter::resume(found, common::GATE, at(hours(72)), keeping, signer()).unwrap();
    command(hours(72), &mut log, 1);
    let workers = [WorkerSums { worker: 0, events: 1, lost: 0, judged: Some(1) }];
    log.end(hours(73), &workers).unwrap();
    write(&mut log, &mut Committer::new(disk.clone()));
    disk
}

#[test]
fn examples_of_files_are_what_is_written_and_hold() {
    let expected = fs::read_to_string(path("tests/examples-files.jsonl")).unwrap();
    let disk = files();
    assert_eq!(disk.removed(), ["00000001-2020-06-27.jsonl"]);
    assert_eq!(String::from_utf8(disk.pieces().concat()).unwrap(), expected);
    let key = Signer::of(KEY).unwrap().public();
    assert_eq!(key.to_string(), "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
    let trust = Trust { key: Some(key), all_files: true, ..Trust::default() };
    let pieces = disk.pieces();
    let verified = verify_log(pieces.iter().map(Vec::as_slice), &trust, |_| ()).unwrap();
    assert_eq!((verified.first, verified.signed, verified.torn), (4, 2, 18));
}

#[test]
fn the_document_shows_these_examples_and_each_type() {
    let examples = fs::read_to_string(path("tests/examples.jsonl")).unwrap();
    let examples = examples + &fs::read_to_string(path("tests/examples-files.jsonl")).unwrap();
    let document = document();
    let shown: Vec<_> = document.lines().filter(|line| line.starts_with("{\"time\"")).collect();
    assert_eq!(shown, examples.lines().collect::<Vec<_>>());
}

#[test]
fn the_document_names_each_field() {
    let document = document();
    for record in parsed(&[log().0, files().pieces().concat()].concat()) {
        for key in record.as_object().unwrap().keys() {
            assert!(document.contains(&format!("| `{key}` |")), "{key} is not in the table");
        }
    }
}

#[test]
fn the_first_seven_fields_and_the_last_two_are_always_the_same() {
    let order = ["time", "seq", "source", "category", "type", "id", "result"];
    for line in lines(&log().0) {
        let line = str::from_utf8(line).unwrap();
        let mut from = 0;
        for (nth, key) in order.iter().enumerate() {
            let opening = if nth == 0 { "{" } else { "," };
            let found = line[from..].find(&format!("{opening}\"{key}\":")).unwrap();
            // Between two of the seven there is one value and no other key.
            let between = &line[from..from + found];
            assert_eq!(between.matches("\":").count(), usize::from(nth > 0), "{line}");
            from += found;
        }
        let end = &line[line.len() - 150..];
        assert!(end.starts_with(",\"prev\":\"") && end[74..].starts_with(",\"hash\":\""), "{end}");
    }
}

#[test]
fn ids_are_unique_in_a_log_and_over_two_starts() {
    let mut ids: Vec<_> = parsed(&log().0).iter().map(|record| record["id"].to_string()).collect();
    let later = common::START + std::time::Duration::from_nanos(1);
    let second = AuditLog::new(Vec::new(), common::GATE, 7, later).unwrap();
    ids.push(parsed(&second.finish().unwrap().0)[0]["id"].to_string());
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn each_reason_and_result_is_told() {
    for reason in Reason::ALL {
        let command = |observed| {
            let denied = Some(*reason);
            let command = CommandEvent { denied, observed, ..write_register() };
            event(0, EventKind::Command(command))
        };
        let records = parsed(&log_of(&plant(), &[command(false), command(true)]).0);
        let results = (records[1]["result"].as_str(), records[2]["result"].as_str());
        assert_eq!(results, (Some("denied"), Some("observed")));
        assert_eq!(records[2]["reason"].as_str(), Some(reason.code()));
    }
}

#[test]
fn objects_of_cip_are_told_by_what_names_them() {
    let path = Target::read(b"\x91\x05Motor\0\x28\x03").unwrap().path;
    let item = Item { space: Space::Tag, path, ..Item::bare(Class::Write) };
    let told = |object, keys: &[&str]| {
        let tag = Label::of(Some(item));
        let command = CommandEvent { object, tag, ..write_register() };
        let log = log_of(&plant(), &[event(0, EventKind::Command(command))]).0;
        let record = parsed(&log).remove(1);
        keys.iter().map(|key| record[*key].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(told((Space::Tag, 0, 2), &["tag", "count", "table"]), ["\"Motor[3]\"", "2", "null"]);
    let object = Space::Object { class: 4, attribute: Some(3) };
    let keys = ["object", "instance", "attribute", "address", "tag"];
    assert_eq!(told((object, 100, 1), &keys), ["4", "100", "3", "null", "null"]);
    let file = Space::DataFile { kind: 0x89, number: 7 };
    assert_eq!(told((file, 5, 2), &["data_file", "address", "count"]), ["\"N7\"", "5", "2"]);
    let memory = Space::Memory { area: Area::DataBlocks, db: 10 };
    assert_eq!(told((memory, 0, 16), &["operand", "address"]), ["\"DB10.DBB0-DBB1\"", "null"]);
    assert_eq!(told((Space::Szl, 0x11, 1), &["operand"]), ["\"szl 0x0011\""]);
    // The same label stands for what OPC UA names.
    let keys = ["node", "attribute", "tag"];
    assert_eq!(told((Space::Node, 13, 1), &keys), ["\"Motor[3]\"", "13", "null"]);
    for (space, key) in
        [(Space::Method, "method"), (Space::Channel, "security"), (Space::Identity, "token")]
    {
        assert_eq!(told((space, 0, 1), &[key, "count"]), ["\"Motor[3]\"", "null"]);
    }
}

#[test]
fn each_alarm_is_documented() {
    for alarm in Alarm::ALL {
        assert!(document().contains(&format!("`{}`", alarm.code())), "{alarm:?}");
    }
}

#[test]
fn a_worker_that_stands_still_is_named() {
    let mut log = AuditLog::new(Vec::new(), common::GATE, 7, common::START).unwrap();
    for alarm in Alarm::ALL.into_iter().chain([Alarm::WorkerStalled(3)]) {
        log.alarm(common::START, 7, alarm, true).unwrap();
    }
    let records = parsed(&log.finish().unwrap().0);
    let workers: Vec<_> = records[1..].iter().map(|record| record["worker"].as_u64()).collect();
    assert_eq!(workers, [None, None, Some(0), None, None, None, None, None, None, None, Some(3)]);
}

#[test]
fn each_end_of_implicit_io_is_documented() {
    for cause in IoEndCause::ALL {
        assert!(document().contains(&format!("`{}`", cause.name())), "{cause:?}");
    }
}

#[test]
fn each_alarm_has_a_place_of_its_own() {
    let places = Alarm::ALL.map(Alarm::place);
    assert_eq!(places, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn each_deed_is_documented_and_has_a_word_of_its_own() {
    let mut names: Vec<_> = Deed::ALL.iter().map(|deed| deed.name()).collect();
    for name in &names {
        assert!(document().contains(&format!("`{name}`")), "{name}");
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Deed::ALL.len());
}

#[test]
fn what_a_person_wrote_is_bounded_and_forges_nothing() {
    let text = "\u{1}".repeat(MAX_NAME * 8);
    let mut log = AuditLog::new(Vec::new(), &text, 7, common::START).unwrap();
    let all = Some(text.as_str());
    let act = Act {
        user: all,
        actor: all,
        asset: all,
        rule: all,
        what: all,
        reason: all,
        text: all,
        ..Act::new(Deed::GrantRequested)
    };
    log.act(common::START, 7, &act).unwrap();
    let (bytes, summary) = log.finish().unwrap();
    assert_eq!(lines(&bytes).len(), 2);
    assert!(lines(&bytes)[1].len() < MAX_LINE, "{}", lines(&bytes)[1].len());
    assert_eq!(verify(bytes.as_slice()).unwrap(), summary);
}

#[test]
fn a_payload_is_bounded_by_its_array() {
    let mut command = write_register();
    command.payload = [0xab; PAYLOAD];
    for (length, digits) in [(0, 0), (1, 2), (260, 520), (u16::MAX, 520)] {
        command.payload_len = length;
        let log = log_of(&plant(), &[event(0, EventKind::Command(command.clone()))]).0;
        assert_eq!(parsed(&log)[1]["payload"], "ab".repeat(digits / 2));
    }
}

#[test]
fn numbers_without_a_name_are_told_as_numbers() {
    let mut command = write_register();
    (command.endpoint, command.rule) = (EndpointId(9), Some(RuleId(9)));
    let command = Event { grant: Some(GrantId(9)), ..event(0, EventKind::Command(command)) };
    let (asset, destination) = (Some(AssetId(9)), [100, 64, 1, 1].into());
    let (subject, reason) = (Some(SubjectId(9)), Reason::NoGrant);
    let refused = EventKind::Refused { subject, asset, destination, port: 1, reason };
    let refused = Event { grant: None, ..event(0, refused) };
    let records = parsed(&log_of(&plant(), &[command, refused]).0);
    assert_eq!(records[2]["user"], "#9");
    assert_eq!((&records[1]["user"], &records[1]["rule"]), (&"#9".into(), &"#9".into()));
    assert_eq!((&records[1]["asset"], &records[2]["asset"]), (&Value::Null, &"#9".into()));
}

#[test]
fn the_longest_record_is_half_of_what_verify_reads() {
    let name = "\u{1}".repeat(2 * MAX_NAME);
    let tables = tables(&name, &name, &name);
    let mut command = write_register();
    command.payload_len = PAYLOAD as u16;
    let mut log = AuditLog::new(Vec::new(), &name, 7, common::START).unwrap();
    log.record(&tables, &event(0, EventKind::Command(command))).unwrap();
    let (bytes, summary) = log.finish().unwrap();
    assert!(lines(&bytes)[1].len() < MAX_LINE / 2, "{}", lines(&bytes)[1].len());
    assert_eq!(verify(bytes.as_slice()).unwrap(), summary);
}

#[test]
fn a_long_name_is_cut_between_characters() {
    let name = format!("x{}", "é".repeat(MAX_NAME));
    let log = log_of(&tables(&name, "a", "r"), &events()).0;
    let user = parsed(&log)[1]["user"].as_str().unwrap().to_owned();
    assert_eq!(user.len(), MAX_NAME - 1);
    assert!(name.starts_with(&user));
}

#[test]
fn the_python_of_the_document_agrees() {
    let document = document();
    let (_, rest) = document.split_once("```python\n").unwrap();
    let (program, _) = rest.split_once("```").unwrap();
    let examples = path("tests/examples.jsonl");
    let verdict = |file: &PathBuf| Command::new("python3").args(["-c", program]).arg(file).output();
    let Ok(good) = verdict(&examples) else {
        eprintln!("skipped: no python3 here");
        return;
    };
    let last = log().1.last.to_string();
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    assert!(String::from_utf8(good.stdout).unwrap().contains(&last));
    let forged = std::env::temp_dir().join(format!("wicketgate-audit-{}", std::process::id()));
    let examples = fs::read_to_string(examples).unwrap();
    fs::write(&forged, examples.replacen("\"denied\"", "\"success\"", 1)).unwrap();
    let bad = verdict(&forged).unwrap();
    fs::remove_file(&forged).unwrap();
    assert!(!bad.status.success());
}

proptest! {
    /// No name makes a second line, a second field, or a byte that a terminal acts on.
    #[test]
    fn names_cannot_forge(
        user in any::<String>(),
        asset in "[\u{0}-\u{20}\"\\\\{},:\u{7f}-\u{9f}\u{2028}\u{202e}]{0,40}",
        rule in any::<String>(),
    ) {
        let (bytes, summary) = log_of(&tables(&user, &asset, &rule), &events());
        prop_assert_eq!(lines(&bytes).len(), events().len() + 1);
        prop_assert!(bytes.iter().all(|byte| matches!(byte, b'\n' | b' '..=b'~')));
        let plain = parsed(&log().0);
        for (record, plain) in parsed(&bytes).iter().zip(&plain) {
            let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            prop_assert_eq!(keys(record), keys(plain));
        }
        let command = &parsed(&bytes)[3];
        prop_assert_eq!(command["asset"].as_str().unwrap(), asset);
        prop_assert!(user.starts_with(command["user"].as_str().unwrap()));
        prop_assert!(rule.starts_with(command["rule"].as_str().unwrap()));
        prop_assert_eq!(verify(bytes.as_slice()).unwrap(), summary);
    }
}
