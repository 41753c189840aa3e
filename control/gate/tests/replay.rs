//! What `replay` writes: the audit log verifies, the frames that left are right.

#![expect(
    clippy::unwrap_used,
    reason = "a test: clippy.toml knows only the functions marked as one"
)]

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use wicketgate_packet::{FrameBuf, Headers, PortId, Time};
use wicketgate_ports::{CaptureReader, CaptureWriter, Pool};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pcaps/modbus").join(name)
}

/// The report of a case, with these arguments added.
fn replay(name: &str, more: &[&str]) -> Value {
    let folder = case(name);
    let arguments = fs::read_to_string(folder.join("replay.args")).unwrap_or_default();
    let output = Command::new(env!("CARGO_BIN_EXE_wicketgate"))
        .arg("replay")
        .arg(folder.join("capture.pcapng"))
        .arg("--config")
        .arg(folder.join("policy.toml"))
        .args(arguments.split_whitespace())
        .arg("--json")
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_command_has_exactly_one_audit_record() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let report = replay("maintenance-writes", &["--audit", file.path().to_str().unwrap()]);
    let log = fs::read_to_string(file.path()).unwrap();
    let records: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let commands = records.iter().filter(|record| record["type"] == "command").count() as u64;
    let counted: u64 = counts(&report["commands"]);
    assert_eq!((commands, counted), (656, 656));
    let denied = records.iter().filter(|r| r["type"] == "command" && r["result"] == "denied");
    assert_eq!(denied.count() as u64, counts(&report["denied"]));
    let summary = wicketgate_audit::verify(BufReader::new(File::open(file.path()).unwrap()));
    assert_eq!(summary.unwrap().records, records.len() as u64);
}

#[test]
fn a_changed_record_is_named_by_its_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    replay("udp", &["--audit", path]);
    let verify = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
        command.args(["audit", "verify", path]).output().unwrap()
    };
    assert!(verify().status.success());
    let log = fs::read_to_string(file.path()).unwrap();
    let forged: Vec<String> =
        log.lines().map(|line| line.replacen("denied", "success", 1)).collect();
    let changed = log.lines().zip(&forged).position(|(old, new)| old != new).unwrap() + 1;
    fs::write(file.path(), forged.join("\n") + "\n").unwrap();
    let output = verify();
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(
        complaint.contains(&format!("line {changed} (record {changed}): changed")),
        "{complaint}"
    );
}

fn counts(lines: &Value) -> u64 {
    lines.as_array().unwrap().iter().map(|line| line["count"].as_u64().unwrap()).sum()
}

/// No frame that left holds a denied command, addresses of the wrong side, or a wrong checksum.
#[test]
fn frames_that_left_are_right() {
    for name in ["maintenance-writes", "pipelined", "udp", "ping-and-unreachable", "unit-ids"] {
        let file = tempfile::NamedTempFile::new().unwrap();
        let report = replay(name, &["--out", file.path().to_str().unwrap()]);
        let mut reader = CaptureReader::open(file.path()).unwrap();
        let mut frame = Pool::new(1).take().unwrap();
        let mut left = 0;
        while let Some(record) = reader.read(&mut frame).unwrap() {
            let headers = Headers::parse(frame.bytes()).unwrap();
            headers.verify(frame.bytes()).unwrap();
            let port = reader.interfaces()[record.interface].name.clone().unwrap();
            let overlay = port == "office";
            assert_eq!(headers.src.octets()[0] == 100, overlay, "{name} frame {}", record.number);
            assert_eq!(headers.dst.octets()[..3] == [192, 168, 10], !overlay, "{name}");
            assert_eq!(frame.bytes().len(), headers.end as usize, "no padding");
            left += 1;
        }
        let frames = &report["frames"];
        let sent: u64 =
            ["forwarded", "answered", "own"].iter().map(|key| frames[key].as_u64().unwrap()).sum();
        assert_eq!(left, sent, "{name}");
    }
}

/// What left the gate on both sides is a two-sided capture; replayed, its client frames are refused
/// for what they now are: the gate's own.
#[test]
fn a_capture_named_after_the_ports_is_taken_as_it_is() {
    let out = tempfile::NamedTempFile::new().unwrap();
    replay("hmi-poll", &["--out", out.path().to_str().unwrap()]);
    let policy = case("hmi-poll").join("policy.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_wicketgate"))
        .args(["replay", out.path().to_str().unwrap(), "--json", "--config"])
        .arg(policy)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["frames"]["forwarded"], 0);
    let reasons = report["frames"]["dropped"].as_array().unwrap();
    assert_eq!(reasons.len(), 1);
    assert_eq!(reasons[0]["reason"], "not-for-the-gate");
    assert_eq!(report["supplied"]["handshakes"], 0, "nothing is supplied");
}

/// What there is no room to read is refused, and room can be had.
#[test]
fn a_connection_too_many_is_refused() {
    let refused = |connections| {
        let report = replay("maintenance-writes", &["--inspected", connections]);
        let lines = report["refused"].as_array().unwrap().clone();
        lines.iter().filter(|line| line["reason"] == "streams-used-up").count()
    };
    assert_eq!(refused("64"), 0);
    assert_ne!(refused("1"), 0);
}

/// Without a config any capture can be looked at, and nothing is refused.
#[test]
fn observing_forwards_everything() {
    let output = Command::new(env!("CARGO_BIN_EXE_wicketgate"))
        .args(["replay", case("maintenance-writes").join("capture.pcapng").to_str().unwrap()])
        .arg("--json")
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["observed"], true);
    let commands = report["commands"].as_array().unwrap();
    assert!(commands.iter().all(|line| line["verdict"] == "observed"));
    assert_eq!(counts(&report["commands"]), 659);
}

/// A capture that was rotated while connections ran is judged as if it were whole, even where a
/// segment in the first file waits for one in the second.
#[test]
fn a_capture_in_pieces_is_judged_as_the_whole() {
    for name in ["maintenance-writes", "pipelined", "unit-ids"] {
        let frames = read_all(&case(name).join("capture.pcapng"));
        let folder = tempfile::tempdir().unwrap();
        for at in [50, frames.len() / 3, frames.len() / 2, frames.len() * 2 / 3] {
            let mut swapped = frames.clone();
            swapped.swap(at - 1, at);
            for frames in [&frames, &swapped] {
                let write = |name, frames| write_all(folder.path(), name, frames);
                let whole = transcript(name, &[write("0", &frames[..])], folder.path());
                let pieces = [write("1", &frames[..at]), write("2", &frames[at..])];
                assert_eq!(transcript(name, &pieces, folder.path()), whole, "{name} cut at {at}");
            }
        }
    }
}

/// The same first segment, from this many ports: source port and the low half of its number change by as much, so
/// that the checksum stays right.
fn openings(syn: &(Time, Vec<u8>), count: u16) -> Vec<(Time, Vec<u8>)> {
    let change = |frame: &mut Vec<u8>, at: usize, by: i16| {
        let field: &mut [u8; 2] = frame.get_mut(at..at + 2).unwrap().try_into().unwrap();
        *field = u16::from_be_bytes(*field).checked_add_signed(by).unwrap().to_be_bytes();
    };
    let opening = |by: u16| {
        let (time, mut frame) = syn.clone();
        change(&mut frame, 34, by.cast_signed());
        change(&mut frame, 40, -by.cast_signed());
        (time, frame)
    };
    (0..count).map(opening).collect()
}

/// A replay has as much room as the live gate, and is full where that would be.
#[test]
fn a_replay_has_the_room_that_its_config_says() {
    let folder = tempfile::tempdir().unwrap();
    let frames = read_all(&case("hmi-poll").join("capture.pcapng"));
    let syn = frames.iter().find(|(_, frame)| frame.get(12..14) == Some(&[8, 0])).unwrap();
    let capture = write_all(folder.path(), "capture", &openings(syn, 100));
    let policy = fs::read_to_string(case("hmi-poll").join("policy.toml")).unwrap();
    for (keys, refused) in [("", 0), ("inspected = 64\n", 36)] {
        let config = folder.path().join("policy.toml");
        fs::write(&config, policy.replace("[gate]\n", &format!("[gate]\n{keys}"))).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_wicketgate"))
            .args(["replay", "--json", "--config"])
            .args([&config, &capture])
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(counts(&report["refused"]), refused, "{report:#}");
    }
}

/// The frames of a capture with their times.
fn read_all(capture: &Path) -> Vec<(Time, Vec<u8>)> {
    let mut reader = CaptureReader::open(capture).unwrap();
    let mut frame = Pool::new(1).take().unwrap();
    let mut frames = Vec::new();
    while let Some(record) = reader.read(&mut frame).unwrap() {
        frames.push((record.time, frame.bytes().to_vec()));
    }
    frames
}

fn write_all(folder: &Path, name: &str, frames: &[(Time, Vec<u8>)]) -> PathBuf {
    let path = folder.join(name);
    let mut writer = CaptureWriter::create(&path, &["tap"]).unwrap();
    for (time, bytes) in frames {
        writer.write(PortId(0), *time, bytes).unwrap();
    }
    writer.finish().unwrap();
    path
}

/// What happened in these captures, under the policy of a case.
fn transcript(name: &str, captures: &[PathBuf], folder: &Path) -> String {
    let (arguments, file) = (case(name).join("replay.args"), folder.join("transcript"));
    let output = Command::new(env!("CARGO_BIN_EXE_wicketgate"))
        .arg("replay")
        .args(captures)
        .args(["--config".as_ref(), case(name).join("policy.toml").as_os_str()])
        .args(fs::read_to_string(arguments).unwrap_or_default().split_whitespace())
        .args(["--transcript".as_ref(), file.as_os_str()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(file).unwrap()
}

/// Report, transcript and audit log are three views of one thing.
#[test]
fn report_transcript_and_audit_agree() {
    for name in ["maintenance-writes", "udp", "ping-and-unreachable", "every-function"] {
        let folder = tempfile::tempdir().unwrap();
        let (audit, lines) = (folder.path().join("audit"), folder.path().join("transcript"));
        let [audit, lines] = [&audit, &lines].map(|path| path.to_str().unwrap());
        let report = replay(name, &["--audit", audit, "--transcript", lines]);
        let [audit, lines] = [audit, lines].map(|path| fs::read_to_string(path).unwrap());
        let times = |text: &str, word: &str| text.matches(word).count() as u64;
        let starts = times(&audit, r#""type":"session-start""#);
        let refused = times(&audit, r#""type":"access-refused""#);
        let denied = times(&audit, r#""type":"command","#) - times(&lines, ": forwarded");
        assert_eq!(audit.lines().count(), lines.lines().count() + 1, "{name}: and log-start");
        assert_eq!(report["sessions"], starts, "{name}");
        assert_eq!(counts(&report["refused"]), refused, "{name}");
        assert_eq!(times(&lines, ": REFUSED "), refused, "{name}");
        assert_eq!(counts(&report["denied"]), denied, "{name}");
        assert_eq!(times(&lines, ": DENIED "), denied, "{name}");
    }
}
