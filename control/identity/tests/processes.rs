//! The store among processes: killed after a code was accepted, and open in two at once.
//!
//! The other process is this test's own program, told by [`ROLE`] what to do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use common::*;
use wicketgate_identity::UserName;
use wicketgate_identity::authenticate::Cause;

/// What the other process is to do, and with which store, key and code.
const ROLE: &str = "WICKETGATE_TEST_ROLE";

/// How many users each of two processes adds.
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
    let mut store = open(&path("STORE"), &path("KEY"));
    if role == "add" {
        for number in 0..USERS {
            store.add_user(&new_user(&format!("theirs-{number}"), &[]), at(0)).unwrap();
        }
        return;
    }
    let mut gate = authenticator(store);
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
fn a_code_used_in_another_process_is_used() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[]);
    let seed = enrol_totp(&mut store, alice);
    let code = code(&seed, MORNING);
    let mut gate = authenticator(store);
    let mut child = start("login", &place, &code);
    let answer = wait_for(&mut child, "answer");
    let here = attempt(&mut gate, "alice", GOOD, Some(&code), at(0));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((answer.as_str(), here.event.result), ("answer true", Err(Cause::ReusedCode)));
}

#[test]
fn two_processes_write_one_store() {
    let place = Place::new();
    let mut store = place.open();
    let mut child = start("add", &place, "");
    for number in 0..USERS {
        store.add_user(&new_user(&format!("ours-{number}"), &[]), at(0)).unwrap();
    }
    assert!(child.wait().unwrap().success());
    let users = store.users().unwrap();
    assert_eq!(users.len(), 2 * USERS);
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
