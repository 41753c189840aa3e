//! Records in other forms, held against what the forms demand and what the documentation says.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests assert by panicking"
)]

mod common;

use serde_json::Value;
use wicketgate_audit::export::{csv, ocsf};
use wicketgate_audit::{Act, Alarm, AuditLog, Deed, Format, Syslog, View};

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/AUDIT.md");
    std::fs::read_to_string(path).unwrap()
}

/// All examples, and one record of each deed and alarm with nothing but its name.
fn records() -> Vec<String> {
    let mut log = AuditLog::new(Vec::new(), common::GATE, 7, common::START).unwrap();
    for deed in Deed::ALL {
        log.act(common::START, 7, &Act::new(deed)).unwrap();
    }
    for alarm in Alarm::ALL {
        log.alarm(common::START, 7, alarm, true).unwrap();
    }
    let bare = String::from_utf8(log.finish().unwrap().0).unwrap();
    let examples = [include_str!("examples.jsonl"), include_str!("examples-files.jsonl"), &bare];
    examples.iter().flat_map(|text| text.lines()).map(str::to_owned).collect()
}

fn told(format: Format, line: &str) -> String {
    let mut out = Vec::new();
    format.record(line.as_bytes(), &View::read(line.as_bytes()).unwrap(), &mut out);
    String::from_utf8(out).unwrap()
}

fn event(line: &str) -> Value {
    serde_json::from_str(&told(Format::Ocsf, line)).unwrap()
}

/// The attributes that a class requires, those of all classes beside it, and of which one must be there.
fn required(class: u64) -> (&'static [&'static str], &'static [&'static str]) {
    match class {
        2004 => (&["/finding_info/title", "/finding_info/uid"], &[]),
        3001 => (&["/user/name"], &[]),
        3002 => (&["/user/name"], &["/service/name", "/dst_endpoint"]),
        3004 => (&["/entity/name"], &[]),
        3005 => (&["/user/name", "/privileges/0"], &[]),
        4001 => (&[], &["/dst_endpoint", "/src_endpoint"]),
        6002 => (&["/app/vendor_name", "/app/name"], &[]),
        6003 => (&["/actor/user/name", "/api/operation", "/src_endpoint"], &[]),
        class => panic!("{class} is no class that is mapped to"),
    }
}

const OF_ALL: [&str; 9] = [
    "/class_uid",
    "/category_uid",
    "/activity_id",
    "/type_uid",
    "/time",
    "/severity_id",
    "/metadata/version",
    "/metadata/product/name",
    "/metadata/product/vendor_name",
];

#[test]
fn each_record_becomes_an_event_with_all_that_its_class_requires() {
    for line in records() {
        let event = event(&line);
        let class = event["class_uid"].as_u64().unwrap();
        let (all, some) = required(class);
        for attribute in OF_ALL.iter().chain(all) {
            assert!(
                event.pointer(attribute).is_some_and(|it| !it.is_null()),
                "{attribute}: {event}"
            );
        }
        let one = some.iter().any(|attribute| event.pointer(attribute).is_some());
        assert!(one || some.is_empty(), "{some:?}: {event}");
        let activity = event["activity_id"].as_u64().unwrap();
        assert_eq!(event["type_uid"], class * 100 + activity);
        assert_eq!(event["category_uid"], class / 1000);
        assert!(activity != 99 || event["activity_name"].is_string(), "{event}");
        assert!(event["time"].as_u64().unwrap() > 1_593_000_000_000, "milliseconds: {event}");
        for end in ["src_endpoint", "dst_endpoint"].map(|end| &event[end]) {
            assert!(end.is_null() || end.as_object().is_some_and(|end| !end.is_empty()), "{event}");
        }
    }
}

#[test]
fn nothing_of_a_record_is_lost_in_an_event() {
    for line in records() {
        let (event, record): (_, Value) = (event(&line), serde_json::from_str(&line).unwrap());
        for (key, value) in record.as_object().unwrap() {
            let there = match key.as_str() {
                "time" => &event["metadata"]["original_time"],
                "seq" => &event["metadata"]["sequence"],
                "source" => &event["metadata"]["log_provider"],
                "id" => &event["metadata"]["uid"],
                key => &event["unmapped"][key],
            };
            assert_eq!(there, value, "{key}");
        }
    }
}

#[test]
fn the_document_names_class_and_activity_of_each_type() {
    let document = document();
    let (_, rest) = document.split_once("### OCSF").unwrap();
    let rows: Vec<_> = rest.lines().filter(|line| line.starts_with("| `")).collect();
    for line in records() {
        let event = event(&line);
        let kind = event["unmapped"]["type"].as_str().unwrap();
        let quoted = format!("`{kind}`");
        let activity = format!(" {} ", event["activity_id"]);
        let class = event["class_uid"].to_string();
        let is_said = |row: &&&str| {
            row.contains(&quoted)
                && row.contains(&class)
                && row.replace([',', '|'], " ").contains(&activity)
        };
        assert!(rows.iter().find(is_said).is_some(), "{kind}: {class}, {activity}");
    }
    assert!(document.contains(&format!("version {}", ocsf::SCHEMA)));
}

#[test]
fn each_field_of_the_document_has_a_column() {
    let document = document();
    let (_, rest) = document.split_once("## Fields").unwrap();
    let (table, _) = rest.split_once("## Types").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let names = rows.flat_map(|row| {
        let first = row.split('|').nth(1).unwrap();
        first.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    });
    let mut names: Vec<_> = names.collect();
    let mut columns: Vec<_> = csv::COLUMNS.iter().map(|name| (*name).to_owned()).collect();
    for list in [&mut names, &mut columns] {
        list.sort();
        list.dedup();
    }
    assert_eq!(columns, names);
    assert_eq!(columns.len(), csv::COLUMNS.len(), "each once");
}

#[test]
fn the_examples_of_the_document_are_what_is_written() {
    let document = document();
    let line = include_str!("examples.jsonl").lines().nth(4).unwrap();
    for format in [Format::Cef, Format::Ocsf] {
        let told = told(format, line);
        assert!(document.contains(told.trim_end()), "{told}");
    }
    let (syslog, mut frame) = (Syslog { facility: 13, format: Format::Json }, Vec::new());
    syslog.frame(line.as_bytes(), &View::read(line.as_bytes()).unwrap(), &mut frame);
    let frame = String::from_utf8(frame).unwrap();
    assert!(document.contains(&frame), "{frame}");
}

#[test]
fn each_record_is_one_line_in_every_form() {
    let forged = r#"{"time":"2020-06-27T11:50:49.419685000Z","seq":7,"type":"login","category":"login","user":"a\u000a\u000d\u2028=1\",|\\","result":"denied"}"#;
    for line in records().iter().map(String::as_str).chain([forged]) {
        for format in [Format::Json, Format::Csv, Format::Cef, Format::Ocsf] {
            let told = told(format, line);
            assert_eq!(told.matches(['\n']).count(), 1, "{told}");
            assert!(!told.trim_end().contains('\r'), "{told}");
        }
    }
}
