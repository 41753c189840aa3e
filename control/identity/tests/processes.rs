//! The store among processes: killed after a code was accepted, and wanted by two at once.
//!
//! The other process is this test's own program, told by [`ROLE`] what to do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use common::*;
use wicketgate_identity::authenticate::Cause;
use wicketgate_identity::{SealingKey, Store, StoreError, UserName};

/// What the other process is to do, and with which store, key and code.
const ROLE: &str = "WICKETGATE_TEST_ROLE";

/// How many users each of two processes adds, opening the store for each.
const USERS: usize = 40;

fn start(role: &str, place: &Place, code: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "other_process", "--nocapture"])
        .env(ROLE, role)
        .env("STORE", place.path())
        .env("KEY", place.key())
        .env("CODE", code)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads what the other says, up to the line that begins with `word`.
fn wait_for(child: &mut Child, word: &str) -> String {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.starts_with(word)).unwrap()
}

/// Not a test of its own: what the tests below start. By itself it does nothing.
#[test]
fn other_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let path = |name| PathBuf::from(std::env::var_os(name).unwrap());
    let open = || open(&path("STORE"), &path("KEY"));
    if role == "add" {
        for number in 0..USERS {
            open().add_user(&new_user(&format!("theirs-{number}"), &[]), at(0)).unwrap();
        }
        return;
    }
    let mut gate = authenticator(open());
    let code = std::env::var("CODE").unwrap();
    let outcome = attempt(&mut gate, "alice", GOOD, Some(&code), at(0));
    // The line begins anew: the test runner has printed before.
    println!("\nanswer {}", outcome.answer.is_ok());
    // Until killed: nothing is closed, nothing is flushed.
    loop {
        std::thread::park();
    }
}

#[test]
fn a_code_stays_used_when_the_gate_is_killed() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[]);
    let seed = enrol_totp(&mut store, alice);
    let code = code(&seed, MORNING);
    drop(store);
    let mut child = start("login", &place, &code);
    let answer = wait_for(&mut child, "answer");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(answer, "answer true");
    let mut gate = authenticator(place.open());
    let outcome = attempt(&mut gate, "alice", GOOD, Some(&code), at(1));
    assert_eq!(outcome.event.result, Err(Cause::ReusedCode));
}

#[test]
fn a_store_is_one_processes_at_a_time() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[]);
    let seed = enrol_totp(&mut store, alice);
    drop(store);
    let mut child = start("login", &place, &code(&seed, MORNING));
    assert_eq!(wait_for(&mut child, "answer"), "answer true");
    let key = SealingKey::load(None, &place.key()).unwrap();
    assert!(matches!(Store::open(&place.path(), key), Err(StoreError::InUse)));
    // Nor can SQLite's own tools change it beside.
    let tool = rusqlite::Connection::open(place.path()).unwrap();
    assert!(tool.execute("UPDATE users SET disabled = 1", []).is_err());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!place.open().user(&UserName::new("alice").unwrap()).unwrap().disabled);
}

#[test]
fn who_wants_a_store_waits_for_one_who_is_about_to_be_done() {
    let place = Place::new();
    drop(place.open());
    let mut child = start("add", &place, "");
    for number in 0..USERS {
        place.open().add_user(&new_user(&format!("ours-{number}"), &[]), at(0)).unwrap();
    }
    assert!(child.wait().unwrap().success());
    let store = place.open();
    assert_eq!(store.users().unwrap().len(), 2 * USERS);
    assert!(store.user(&UserName::new("theirs-0").unwrap()).is_ok());
}

#[test]
fn two_that_open_a_new_store_at_once_make_one() {
    let place = Place::new();
    let barrier = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (place, barrier) = (&place, &barrier);
            scope.spawn(move || {
                barrier.wait();
                let mut store = place.open();
                add(&mut store, &format!("user-{number}"), &[]);
            });
        }
    });
    assert_eq!(place.open().users().unwrap().len(), 4);
}
