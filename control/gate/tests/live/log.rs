//! The log of a gate that is killed, and of one whose disk fails.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

use rustix::process::Signal;
use serde_json::Value;

use crate::modbus::{ask, device, register};
use crate::people::within;
use crate::plant::{CONDUIT, Gate, Plant};

/// Reads that are refused because they cannot be logged (Modbus: server device busy).
const BUSY: [u8; 2] = [0x83, 6];

/// Kills of one log at most: it is read as a whole after each.
const OF_ONE_LOG: u32 = 50;

/// Kills; `WICKETGATE_KILLS` says otherwise.
fn kills() -> u32 {
    std::env::var("WICKETGATE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

fn verify(log: &Path, with: &[&str]) -> Output {
    let verify = [&["audit", "verify", log.to_str().unwrap()], with].concat();
    Command::new(env!("CARGO_BIN_EXE_wicketgate")).args(verify).output().unwrap()
}

/// The lines of a log in many files.
pub(crate) fn lines(folder: &Path) -> Vec<String> {
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "jsonl"));
    files.sort();
    files.iter().flat_map(|file| whole_lines(&fs::read_to_string(file).unwrap())).collect()
}

/// A kill may leave half a line at the end, which is put aside at the next start.
fn whole_lines(text: &str) -> Vec<String> {
    let ended = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    ended.map(str::to_owned).collect()
}

fn count(lines: &[String], kind: &str) -> usize {
    lines.iter().filter(|line| line.contains(&format!("\"type\":\"{kind}\""))).count()
}

pub(crate) fn plant_with_state(settings: &str) -> Plant {
    let plant = Plant::new(1);
    let state = plant.file("state");
    plant.write_policy(&format!("{CONDUIT}[gate]\nstate_dir = {state:?}\n{settings}"));
    plant
}

fn started(plant: &Plant) -> Gate {
    let gate = plant.try_start_with(&[]);
    assert!(gate.says("running"));
    gate
}

fn read(stream: &mut TcpStream, number: u8) {
    register(stream, number);
}

#[test]
fn what_is_on_the_disk_survives_kills_and_the_log_goes_on() {
    let (server, _) = need!("what_is_on_the_disk_survives_kills_and_the_log_goes_on");
    let all = kills();
    for done in (0..all).step_by(OF_ONE_LOG as usize) {
        survive(&server, OF_ONE_LOG.min(all - done));
        eprintln!("{} of {all} kills survived", OF_ONE_LOG.min(all - done) + done);
    }
}

/// One log, and a gate that is killed so often at it.
fn survive(server: &Path, kills: u32) {
    let plant = plant_with_state("[audit]\nfile_mib = 1\n");
    let _device = device(&plant, server);
    let folder = plant.file("state/audit");
    let mut safe = 0;
    for kill in 0..kills {
        let gate = started(&plant);
        let mut stream = plant.connect().unwrap();
        (0..100).for_each(|_| read(&mut stream, 1));
        let there = within(|| {
            let there = count(&lines(&folder), "command");
            (there >= safe + 100).then_some(there)
        });
        // These are under way to the disk, each time for another while.
        (0..150 * (kill % 10)).for_each(|_| read(&mut stream, 2));
        gate.kill();
        safe = count(&lines(&folder), "command");
        assert!(safe >= there, "kill {kill}");
    }
    let report = started(&plant).stop();
    let all = lines(&folder);
    assert_eq!(report["audit"]["records"], all.len());
    assert!(count(&all, "command") >= safe);
    assert_eq!((count(&all, "log-start"), count(&all, "log-end")), (1, 1));
    assert_eq!(count(&all, "log-resume"), kills as usize);
    let key = plant.file("state/audit.pub");
    let verified = verify(&folder, &["--key", key.to_str().unwrap()]);
    let said = String::from_utf8(verified.stdout).unwrap();
    eprintln!("{said}");
    assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stderr));
    assert!(said.contains(&format!("{kills} times the gate did not end it")), "{said}");
    let policy = plant.file("policy.toml");
    let replay = ["policy", "replay", policy.to_str().unwrap(), folder.to_str().unwrap()];
    let mut again = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
    let said = String::from_utf8(again.args(replay).output().unwrap().stdout).unwrap();
    let commands = count(&all, "command");
    assert!(
        said.starts_with(&format!("{commands} commands: {commands} judged the same")),
        "{said}"
    );
}

/// What `wicketgate evidence` has seen, by check.
fn evidence(plant: &Plant, check: &str) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
    command.args(["evidence", "--format", "json", "--config"]).arg(plant.file("policy.toml"));
    let report: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|found| found["check"] == check).unwrap();
    let text = |key: &str| found[key].as_str().unwrap().to_owned();
    (text("outcome"), text("seen"))
}

#[test]
fn evidence_of_a_signed_log_and_of_one_that_was_cut_off() {
    let (server, _) = need!("evidence_of_a_signed_log_and_of_one_that_was_cut_off");
    let plant = Plant::new(1);
    let (state, kept) = (plant.file("state"), plant.file("elsewhere/gate.jsonl"));
    fs::create_dir(plant.file("elsewhere")).unwrap();
    let audit = format!("[audit]\ncheckpoints = {kept:?}\ncheckpoint = \"1s\"\n");
    plant.write_policy(&format!("{CONDUIT}[gate]\nstate_dir = {state:?}\n{audit}"));
    let _device = device(&plant, &server);
    let gate = started(&plant);
    let mut stream = plant.connect().unwrap();
    read(&mut stream, 1);
    within(|| fs::read_to_string(&kept).is_ok_and(|text| !text.is_empty()).then_some(()));
    drop(stream);
    drop(gate.stop());
    let (outcome, seen) = evidence(&plant, "log-whole");
    assert_eq!(outcome, "satisfied", "{seen}");
    assert!(seen.starts_with("chain of 1 file, ") && seen.contains("signed by the gate's key"));
    let (outcome, seen) = evidence(&plant, "log-off-box");
    assert_eq!(outcome, "satisfied", "{seen}");
    // The chain of what is left holds: only what was kept elsewhere shows that there was more.
    let folder = plant.file("state/audit");
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let first = lines(&folder).first().map(|line| format!("{line}\n")).unwrap();
    fs::write(file, first).unwrap();
    let (outcome, seen) = evidence(&plant, "log-whole");
    assert_eq!(outcome, "not-satisfied", "{seen}");
}

/// Sets how large a file of the gate's may get: beyond, writes fail as on a full disk.
fn limit(gate: &Gate, bytes: &str) {
    let arguments = [format!("--pid={}", gate.id()), format!("--fsize={bytes}:unlimited")];
    assert!(Command::new("prlimit").args(arguments).status().unwrap().success());
}

#[test]
fn a_full_disk_stops_machines_when_memory_is_used_up_and_not_for_longer_than_it_is_full() {
    let (server, _) = need!("a_full_disk_stops_machines");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let log = plant.file("audit.jsonl");
    let line = format!(
        "trap '' XFSZ; exec {} run --json --config {} --audit {}",
        env!("CARGO_BIN_EXE_wicketgate"),
        plant.file("policy.toml").display(),
        log.display()
    );
    let gate = Gate::spawn(plant.gate.command("bash").args(["-c", &line]));
    assert!(gate.says("running"));
    limit(&gate, "8192");
    let mut stream = plant.connect().unwrap();
    let passes = |stream: &mut _| ask(stream, &[3, 0, 1, 0, 1]).unwrap() != BUSY;
    let asked = (0..400_000).take_while(|_| passes(&mut stream)).count();
    eprintln!("{asked} reads before nothing could be logged any more");
    assert!((50_000..400_000).contains(&asked), "as many as memory holds, then none: {asked}");
    assert!(gate.says("the audit log is not written: File too large"));
    limit(&gate, "unlimited");
    assert!(gate.says("alarm is over: audit-fails"));
    within(|| passes(&mut stream).then_some(()));
    drop(stream);
    let report = gate.stop();
    let verified = verify(&log, &[]);
    let said = String::from_utf8(verified.stdout).unwrap();
    assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stderr));
    let commands = count(
        &fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect::<Vec<_>>(),
        "command",
    );
    assert!(commands > asked, "what waited is there: {commands}");
    eprintln!("{said}{}", report["audit"]);
}

#[test]
fn a_log_whose_folder_was_away_is_whole_when_it_is_back() {
    let (server, _) = need!("a_log_whose_folder_was_away_is_whole_when_it_is_back");
    let plant = plant_with_state("");
    let _device = device(&plant, &server);
    let gate = started(&plant);
    let mut stream = plant.connect().unwrap();
    register(&mut stream, 1);
    let (folder, away) = (plant.file("state/audit"), plant.file("state/away"));
    fs::rename(&folder, &away).unwrap();
    (0..50).for_each(|_| read(&mut stream, 2));
    assert!(gate.says("ALARM"), "and the machine goes on");
    (0..50).for_each(|_| read(&mut stream, 3));
    fs::rename(&away, &folder).unwrap();
    assert!(gate.says("alarm is over: audit-fails"));
    drop(stream);
    drop(gate.stop());
    let all = lines(&folder);
    assert_eq!(count(&all, "command"), 101);
    let of_disk: Vec<String> =
        all.into_iter().filter(|line| line.contains("\"audit-fails\"")).collect();
    assert_eq!((count(&of_disk, "alarm"), count(&of_disk, "alarm-end")), (1, 1));
    assert_eq!(verify(&folder, &[]).status.code(), Some(0));
}

#[test]
fn checkpoints_off_the_box_show_a_log_that_was_cut_or_put_back() {
    let (server, _) = need!("checkpoints_off_the_box_show_a_log_that_was_cut_or_put_back");
    let mount = tempfile::tempdir().unwrap();
    let kept = mount.path().join("checkpoints.jsonl");
    let plant =
        plant_with_state(&format!("[audit]\ncheckpoints = {kept:?}\ncheckpoint = \"1s\"\n"));
    let _device = device(&plant, &server);
    let (folder, old) = (plant.file("state/audit"), plant.file("old"));
    let gate = started(&plant);
    read(&mut plant.connect().unwrap(), 1);
    within(|| (kept.exists() && fs::metadata(&kept).unwrap().len() > 0).then_some(()));
    drop(gate.stop());
    copy(&folder, &old);
    let gate = started(&plant);
    read(&mut plant.connect().unwrap(), 2);
    drop(gate.stop());

    let key = plant.file("state/audit.pub");
    let trust = ["--key", key.to_str().unwrap(), "--checkpoints", kept.to_str().unwrap()];
    let verified = verify(&folder, &trust);
    assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stderr));
    let cut = verify(&old, &trust);
    assert_eq!(cut.status.code(), Some(1), "whole by itself, but not all of it");
    assert!(String::from_utf8_lossy(&cut.stderr).contains("truncated"));
    assert_eq!(verify(&old, &trust[..2]).status.code(), Some(0));

    // The gate goes on from the old state, whoever put it there.
    fs::remove_dir_all(&folder).unwrap();
    copy(&old, &folder);
    let gate = started(&plant);
    (0..100).for_each(|_| read(&mut plant.connect().unwrap(), 3));
    drop(gate.stop());
    assert_eq!(verify(&folder, &trust[..2]).status.code(), Some(0));
    assert_eq!(verify(&folder, &trust).status.code(), Some(1), "two histories");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn a_log_that_cannot_be_ended_ends_the_gate_with_a_finding() {
    let (server, _) = need!("a_log_that_cannot_be_ended_ends_the_gate_with_a_finding");
    let plant = plant_with_state("");
    let _device = device(&plant, &server);
    let gate = started(&plant);
    let mut stream = plant.connect().unwrap();
    register(&mut stream, 1);
    fs::rename(plant.file("state/audit"), plant.file("state/away")).unwrap();
    // Something to log, where all before it is on the disk already.
    register(&mut stream, 2);
    assert!(gate.says("ALARM"));
    gate.signal(Signal::TERM);
    assert_eq!(gate.exit_code(), Some(1));
}
