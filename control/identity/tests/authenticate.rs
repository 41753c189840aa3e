//! Proving people: factors, delays, one answer for all refusals, codes used once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

mod common;

use std::net::IpAddr;

use common::*;
use wicketgate_identity::authenticate::Cause;
use wicketgate_identity::store::NewUser;
use wicketgate_identity::throttle::{SOURCE_FREE, USER_FREE, USER_LOCK};
use wicketgate_identity::{
    Attempt, Authenticator, Factor, Outcome, Refusal, StoreError, Thumbprint,
};

fn cause(outcome: &Outcome) -> Cause {
    outcome.event.result.unwrap_err()
}

/// An attempt from an address of its own, so that only the user is delayed.
fn from(
    gate: &mut Authenticator,
    number: u8,
    user: &str,
    text: &str,
    code: Option<&str>,
    seconds: u64,
) -> Outcome {
    let (password, source) = (password(text), IpAddr::from([10, 0, 0, number]));
    let attempt = Attempt { user, source, password: Some(&password), code, certificate: None };
    gate.authenticate(&attempt, at(seconds))
}

#[test]
fn password_and_code_prove_two_factors() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &["maintenance"]);
    let seed = enrol_totp(&mut store, alice);
    let mut gate = authenticator(store);
    let outcome = attempt(&mut gate, "Alice", GOOD, Some(&code(&seed, MORNING)), at(0));
    let proven = outcome.answer.unwrap();
    assert_eq!(proven.user().id, alice);
    let factors: Vec<_> = proven.proofs().factors().collect();
    assert_eq!(factors, [Factor::Password, Factor::Totp]);
    assert_eq!(proven.proofs().at(Factor::Totp), Some(at(0).monotonic));
    let user = gate.store().user(&proven.user().name).unwrap();
    assert_eq!(user.last_login, Some(MORNING));
}

#[test]
fn every_refusal_is_the_same_answer() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[]);
    let seed = enrol_totp(&mut store, alice);
    let carol = add(&mut store, "carol", &[]);
    store.set_disabled(carol, true).unwrap();
    store.add_user(&new_user("nofactor", &[]), at(0)).unwrap();
    let right = code(&seed, MORNING);
    let wrong = if right == "123456" { "123457" } else { "123456" };
    let mut gate = authenticator(store);
    let cases = [
        ("nobody", GOOD, None, Cause::UnknownUser),
        ("no such name!", GOOD, Some(wrong), Cause::UnknownUser),
        ("alice", "otter plays late ches", None, Cause::WrongPassword),
        ("alice", GOOD, Some(wrong), Cause::WrongCode),
        ("alice", GOOD, Some("0000-0000-0000-0000-0000-0000"), Cause::WrongCode),
        ("alice", "wrong", Some(&right), Cause::WrongPassword),
        ("carol", GOOD, None, Cause::Disabled),
        ("carol", GOOD, Some(wrong), Cause::Disabled),
        ("nofactor", "", None, Cause::WrongPassword),
        ("nofactor", GOOD, Some(wrong), Cause::WrongPassword),
    ];
    for (user, text, code, expected) in cases {
        let outcome = from(&mut gate, 1, user, text, code, 0);
        assert_eq!(cause(&outcome), expected, "{user} {text} {code:?}");
        assert_eq!(outcome.answer.unwrap_err(), Refusal::Refused);
        // Nothing that was typed is in the event, not even a name that nobody has.
        let event = format!("{:?}", outcome.event);
        for typed in [GOOD, wrong, "no such name", "nobody"] {
            assert!(!event.contains(typed), "{event}");
        }
    }
    // A wrong password did not use up the right code.
    assert!(from(&mut gate, 2, "alice", GOOD, Some(&right), 0).answer.is_ok());
}

#[test]
fn nothing_shown_is_nothing_proven() {
    let place = Place::new();
    let mut store = place.open();
    add(&mut store, "alice", &[]);
    let mut gate = authenticator(store);
    let empty =
        Attempt { user: "alice", source: source(), password: None, code: None, certificate: None };
    assert_eq!(cause(&gate.authenticate(&empty, at(0))), Cause::NothingShown);
}

#[test]
fn a_code_is_accepted_once() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[]);
    let seed = enrol_totp(&mut store, alice);
    let mut gate = authenticator(store);
    let at_step = |step: i64| code(&seed, MORNING.saturating_add_signed(step * 30));
    assert!(attempt(&mut gate, "alice", GOOD, Some(&at_step(0)), at(0)).answer.is_ok());
    let again = attempt(&mut gate, "alice", GOOD, Some(&at_step(0)), at(1));
    assert_eq!(cause(&again), Cause::ReusedCode);
    // An older one that was never used is as bad: whoever saw it may be late.
    let older = attempt(&mut gate, "alice", GOOD, Some(&at_step(-1)), at(2));
    assert_eq!(cause(&older), Cause::ReusedCode);
    assert!(attempt(&mut gate, "alice", GOOD, Some(&at_step(1)), at(3)).answer.is_ok());
    // Nor does it count when the clock is set back to its time, or after a restart.
    drop(gate);
    let mut gate = authenticator(place.open());
    for step in [0, 1] {
        let again = attempt(&mut gate, "alice", GOOD, Some(&at_step(step)), at(0));
        assert_eq!(cause(&again), Cause::ReusedCode);
    }
}

#[test]
fn the_code_that_confirms_an_enrolment_opens_no_login() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[]);
    let seed = base32(store.enrol_totp(alice).unwrap().secret());
    let first = code(&seed, MORNING);
    let mut gate = authenticator(store);
    // Not confirmed yet: no factor.
    assert_eq!(cause(&attempt(&mut gate, "alice", GOOD, Some(&first), at(0))), Cause::WrongCode);
    gate.store().confirm_totp(alice, &first, at(1)).unwrap();
    let used = attempt(&mut gate, "alice", GOOD, Some(&first), at(2));
    assert_eq!(cause(&used), Cause::ReusedCode);
}

#[test]
fn of_attempts_at_once_one_succeeds() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[]);
    let seed = enrol_totp(&mut store, alice);
    let code = code(&seed, MORNING);
    drop(store);
    let barrier = std::sync::Barrier::new(4);
    let one = || {
        barrier.wait();
        let mut gate = authenticator(place.open());
        attempt(&mut gate, "alice", GOOD, Some(&code), at(0)).answer.is_ok()
    };
    let wins = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|won| *won).count()
    });
    assert_eq!(wins, 1);
}

#[test]
fn a_recovery_code_stands_for_totp_once() {
    let place = Place::new();
    let mut store = place.open();
    let (alice, bob) = (add(&mut store, "alice", &[]), add(&mut store, "bob", &[]));
    assert!(matches!(store.new_recovery_codes(alice), Err(StoreError::NotEnrolled)));
    enrol_totp(&mut store, alice);
    enrol_totp(&mut store, bob);
    let codes = store.new_recovery_codes(alice).unwrap();
    assert_eq!(codes.len(), 10);
    let (first, second) = (codes[0].reveal().to_lowercase(), codes[1].reveal().to_string());
    let mut gate = authenticator(store);
    assert_eq!(cause(&attempt(&mut gate, "bob", GOOD, Some(&first), at(0))), Cause::WrongCode);
    let outcome = attempt(&mut gate, "alice", GOOD, Some(&first), at(0));
    assert!(outcome.event.recovery);
    assert!(outcome.answer.unwrap().proofs().at(Factor::Totp).is_some());
    assert_eq!(cause(&attempt(&mut gate, "alice", GOOD, Some(&first), at(1))), Cause::WrongCode);
    assert_eq!(gate.store().user_by_id(alice).unwrap().recovery_codes, 9);
    // New codes void the old ones.
    gate.store().new_recovery_codes(alice).unwrap();
    assert_eq!(cause(&attempt(&mut gate, "alice", GOOD, Some(&second), at(2))), Cause::WrongCode);
}

#[test]
fn a_certificate_is_one_users() {
    let place = Place::new();
    let mut store = place.open();
    let (alice, bob) = (add(&mut store, "alice", &[]), add(&mut store, "bob", &[]));
    let thumbprint = Thumbprint::of(b"a certificate");
    store.enrol_certificate(alice, thumbprint, "laptop 7", at(0)).unwrap();
    let taken = store.enrol_certificate(bob, thumbprint, "laptop 7", at(0));
    assert!(matches!(taken, Err(StoreError::AlreadyEnrolled)));
    let mut gate = authenticator(store);
    let mut try_as = |user| {
        let certificate = Some(thumbprint);
        let attempt = Attempt { user, source: source(), password: None, code: None, certificate };
        gate.authenticate(&attempt, at(0))
    };
    assert!(try_as("alice").answer.unwrap().proofs().at(Factor::Certificate).is_some());
    assert_eq!(cause(&try_as("bob")), Cause::WrongCertificate);
    gate.store().remove_certificate(thumbprint).unwrap();
}

#[test]
fn failures_of_a_user_delay_then_lock() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[]);
    let mut gate = authenticator(store);
    for number in 0..USER_FREE {
        let outcome = from(&mut gate, number as u8, "alice", "wrong", None, 0);
        assert_eq!((cause(&outcome), outcome.event.failures), (Cause::WrongPassword, number + 1));
    }
    // From any address, with the right password too, and the answer is the same.
    let held = from(&mut gate, 99, "alice", GOOD, None, 29);
    assert_eq!((cause(&held), held.answer.unwrap_err()), (Cause::Delayed, Refusal::Refused));
    // Waiting suffices; success forgets the failures.
    assert!(from(&mut gate, 99, "alice", GOOD, None, 30).answer.is_ok());
    assert_eq!(gate.store().user_by_id(alice).unwrap().failures, 0);
}

#[test]
fn a_delay_survives_a_restart_and_cannot_be_restarted_away() {
    let place = Place::new();
    let mut store = place.open();
    add(&mut store, "alice", &[]);
    let mut gate = authenticator(store);
    for number in 0..USER_FREE {
        from(&mut gate, number as u8, "alice", "wrong", None, 0);
    }
    drop(gate);
    let mut gate = Authenticator::new(place.open(), at(20).monotonic).unwrap();
    assert_eq!(cause(&from(&mut gate, 99, "alice", GOOD, None, 49)), Cause::Delayed);
    assert!(from(&mut gate, 99, "alice", GOOD, None, 50).answer.is_ok());
}

#[test]
fn a_hundred_failures_lock_until_an_admin_unlocks() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[]);
    drop(store);
    // Failures of a long time, as the store would have them.
    let db = rusqlite::Connection::open(place.path()).unwrap();
    db.execute("UPDATE attempts SET failures = ?2 WHERE user = ?1", (alice.0, USER_LOCK)).unwrap();
    drop(db);
    let mut gate = authenticator(place.open());
    let year = 365 * 86_400;
    assert_eq!(cause(&from(&mut gate, 1, "alice", GOOD, None, year)), Cause::Locked);
    gate.store().unlock(alice).unwrap();
    assert!(from(&mut gate, 1, "alice", GOOD, None, year + 1).answer.is_ok());
}

#[test]
fn a_source_is_delayed_whomever_it_names() {
    let place = Place::new();
    let mut store = place.open();
    add(&mut store, "alice", &[]);
    let mut gate = authenticator(store);
    for number in 0..SOURCE_FREE {
        let outcome = attempt(&mut gate, &format!("user-{number}"), "wrong", None, at(0));
        assert_eq!(cause(&outcome), Cause::UnknownUser);
    }
    let outcome = attempt(&mut gate, "alice", GOOD, None, at(0));
    assert_eq!(cause(&outcome), Cause::SourceDelayed);
    assert!(matches!(outcome.answer, Err(Refusal::Wait(_))));
    // Alice from elsewhere is not concerned, and was not charged.
    assert!(from(&mut gate, 9, "alice", GOOD, None, 0).answer.is_ok());
}

#[test]
fn a_weaker_hash_is_made_anew_at_login() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[]);
    drop(store);
    let weak = {
        use argon2::password_hash::PasswordHasher;
        let params = argon2::Params::new(8 * 1024, 1, 1, None).unwrap();
        let argon2 = argon2::Argon2::from(params);
        argon2.hash_password_with_salt(GOOD.as_bytes(), b"0123456789abcdef").unwrap().to_string()
    };
    let write = "UPDATE passwords SET phc = ?2 WHERE user = ?1";
    let db = || rusqlite::Connection::open(place.path()).unwrap();
    db().execute(write, (alice.0, &weak)).unwrap();
    let read =
        || -> String { db().query_row("SELECT phc FROM passwords", [], |r| r.get(0)).unwrap() };
    let attempt =
        |text, seconds| attempt(&mut authenticator(place.open()), "alice", text, None, at(seconds));
    assert!(attempt("wrong", 0).answer.is_err());
    assert_eq!(read(), weak, "only the right password is hashed anew");
    assert!(attempt(GOOD, 1).answer.is_ok());
    let raised = read();
    assert!(raised.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{raised}");
    assert!(attempt(GOOD, 2).answer.is_ok());
    assert_eq!(read(), raised, "once");
}

#[test]
fn without_a_store_nobody_is_let_in() {
    let place = Place::new();
    let mut store = place.open();
    add(&mut store, "alice", &[]);
    drop(store);
    let db = rusqlite::Connection::open(place.path()).unwrap();
    db.execute_batch("DROP TABLE attempts").unwrap();
    drop(db);
    let mut gate = authenticator(place.open());
    let outcome = attempt(&mut gate, "alice", GOOD, None, at(0));
    assert_eq!(cause(&outcome), Cause::StoreFailed);
    assert!(outcome.event.error.is_some() && outcome.answer.is_err());
}

#[test]
fn a_person_may_have_two_accounts() {
    let place = Place::new();
    let mut store = place.open();
    let person = Some("p-4711".to_owned());
    let user = NewUser { person, ..new_user("alice-admin", &["admin"]) };
    let id = store.add_user(&user, at(0)).unwrap();
    assert_eq!(store.user_by_id(id).unwrap().person, "p-4711");
    let id = store.add_user(&new_user("alice", &[]), at(0)).unwrap();
    assert_eq!(store.user_by_id(id).unwrap().person, "alice");
}
