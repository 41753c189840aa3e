//! `make demo`, live: it shows what it says, and leaves nothing behind however it ends.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test asserts by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use wicketgate_lab::skip;

/// The exit status of a demo that is not possible here.
const CANNOT: i32 = 3;

/// Starts the demo with its files in `folder`, so that its processes are known by that.
fn start(folder: &Path) -> Child {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/demo/live.sh");
    Command::new(script)
        .arg(env!("CARGO_BIN_EXE_wicketgate"))
        .env("TMPDIR", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Processes that have the folder in their command line.
fn processes(folder: &Path) -> usize {
    let folder = folder.to_str().unwrap();
    let is_one = |entry: std::io::Result<fs::DirEntry>| {
        let words = fs::read(entry.unwrap().path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).contains(folder)
    };
    fs::read_dir("/proc").unwrap().map(is_one).filter(|is| *is).count()
}

/// The kernel ends a namespace's processes in its own time.
fn assert_gone(folder: &Path) {
    for _ in 0..500 {
        if processes(folder) == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{} processes are left", processes(folder));
}

/// Whether the demo is possible here; said aloud where it is not.
fn is_possible(test: &str, child: &mut Child) -> bool {
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    if status.code() == Some(CANNOT) {
        skip(test, said.trim());
        return false;
    }
    assert!(status.success(), "{status}: {said}");
    true
}

#[test]
fn it_shows_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path());
    let mut shown = String::new();
    child.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
    if !is_possible("it_shows_what_it_says", &mut child) {
        return;
    }
    println!("{shown}");
    let parts: Vec<&str> = shown.split("\n== ").collect();
    let part = |title: &str| *parts.iter().find(|part| part.starts_with(title)).unwrap();
    assert!(part("The HMI reads").contains("[50]:  500"));
    assert!(part("It writes where it may,").contains("[50]:  1200"));
    let denied = part("It writes where it may not");
    assert!(denied.contains("failed") && denied.contains("[150]:  1500"), "{denied}");
    assert!(part("It writes a value").contains("failed"));
    for title in ["No way to paint-1", "No way around", "No way from one asset", "Without the gate"]
    {
        assert!(part(title).contains("failed") && !part(title).contains("\n     ["), "{title}");
    }
    assert!(part("Three seconds").contains(", 0 without"));
    assert!(part("The gate stops").contains("The gate's own time: p50"));
    let audit = part("The audit log");
    for reason in ["address-denied", "value-denied", "no-grant", "opened-by-asset", "whole:"] {
        assert!(audit.contains(reason), "{reason}: {audit}");
    }
    assert_gone(folder.path());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no file is left");
}

#[test]
fn interrupted_it_leaves_nothing() {
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = start(folder.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let runs = lines.any(|line| line.unwrap().contains("The HMI reads"));
        if !runs {
            assert!(!is_possible("interrupted_it_leaves_nothing", &mut child));
            return;
        }
        assert!(processes(folder.path()) > 3, "gate and devices run");
        kill_process(Pid::from_child(&child), signal).unwrap();
        child.wait().unwrap();
        assert_gone(folder.path());
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
        // Nobody cleans up after SIGKILL but the kernel: the mount is gone, its empty folder is not.
        let empty = left.iter().all(|entry| fs::remove_dir(entry.path()).is_ok());
        assert!(empty && (left.is_empty() || signal == Signal::KILL), "{signal:?}: {left:?}");
    }
}
