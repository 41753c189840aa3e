//! The store: who may read it, what is on the disk, older and newer schemas, damage, two processes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use common::*;
use rusqlite::Connection;
use wicketgate_identity::store::{ADMIN, MAX_CERTIFICATES, VERSION};
use wicketgate_identity::{
    Factor, Password, Role, SealingKey, Store, StoreError, Thumbprint, UserName,
};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn try_open(place: &Place) -> Result<Store, StoreError> {
    Store::open(&place.path(), SealingKey::load(None, &place.key()).unwrap())
}

#[test]
fn files_are_the_owners_alone() {
    let place = Place::new();
    let mut store = place.open();
    add(&mut store, "alice", &[]);
    let folder = place.path().parent().unwrap().to_owned();
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 2, "the write-ahead log too: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn what_others_may_read_is_not_opened() {
    let place = Place::new();
    drop(place.open());
    let folder = place.path().parent().unwrap().to_owned();
    for (path, open, good) in [(place.path(), 0o640, 0o600), (folder, 0o750, 0o700)] {
        set_mode(&path, open);
        assert!(matches!(try_open(&place), Err(StoreError::File(_))), "{}", path.display());
        set_mode(&path, good);
        try_open(&place).unwrap();
    }
}

#[test]
fn a_link_is_not_followed() {
    let place = Place::new();
    drop(place.open());
    let elsewhere = place.folder().join("elsewhere.db");
    // Nor is one with a second name: whoever has the other folder has the store.
    fs::hard_link(place.path(), &elsewhere).unwrap();
    assert!(matches!(try_open(&place), Err(StoreError::File(_))));
    fs::remove_file(place.path()).unwrap();
    symlink(&elsewhere, place.path()).unwrap();
    assert!(matches!(try_open(&place), Err(StoreError::File(_))));
}

#[test]
fn another_key_is_told_from_damage() {
    let place = Place::new();
    drop(place.open());
    let other = SealingKey::create(&place.folder().join("other")).unwrap();
    assert!(matches!(Store::open(&place.path(), other), Err(StoreError::WrongKey)));
}

#[test]
fn no_secret_is_on_the_disk_in_clear() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[]);
    let seed = enrol_totp(&mut store, alice);
    let codes = store.new_recovery_codes(alice).unwrap();
    let files = fs::read_dir(place.path().parent().unwrap()).unwrap();
    for file in files.map(|file| file.unwrap().path()) {
        let bytes = fs::read(&file).unwrap();
        let has = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
        assert!(has(b"alice") || !file.ends_with("store.db-wal"), "looked in the right place");
        assert!(!has(&seed) && !has(GOOD.as_bytes()), "{}", file.display());
        for code in &codes {
            let code = code.reveal();
            assert!(!has(code.as_bytes()) && !has(code.replace('-', "").as_bytes()));
        }
    }
}

#[test]
fn a_seed_does_not_open_in_another_row() {
    let place = Place::new();
    let mut store = place.open();
    let (alice, bob) = (add(&mut store, "alice", &[]), add(&mut store, "bob", &[]));
    enrol_totp(&mut store, alice);
    let seed = enrol_totp(&mut store, bob);
    drop(store);
    // Someone who can write the file puts bob's seed, whose codes he has, in alice's place.
    Connection::open(place.path())
        .unwrap()
        .execute(
            "UPDATE totp SET sealed = (SELECT sealed FROM totp WHERE user = ?2) WHERE user = ?1",
            (alice.0, bob.0),
        )
        .unwrap();
    let mut gate = authenticator(place.open());
    let code = code(&seed, MORNING);
    let outcome = attempt(&mut gate, "alice", GOOD, Some(&code), at(0));
    assert!(matches!(outcome.event.error, Some(StoreError::Tampered)), "{:?}", outcome.event);
    assert!(outcome.answer.is_err());
    // Exchanging the rows' owners does not help either.
    drop(gate);
    let db = Connection::open(place.path()).unwrap();
    db.execute_batch("UPDATE totp SET user = user + 1000; UPDATE totp SET user = CASE user WHEN 1001 THEN 2 ELSE 1 END;")
        .unwrap_or_default();
    drop(db);
    let mut gate = authenticator(place.open());
    assert!(attempt(&mut gate, "alice", GOOD, Some(&code), at(1)).answer.is_err());
}

#[test]
fn a_store_of_another_gate_is_another_store() {
    let (one, two) = (Place::new(), Place::new());
    fs::copy(one.key(), two.key()).unwrap();
    let (mut first, mut second) = (one.open(), two.open());
    let alice = add(&mut first, "alice", &[]);
    let mallory = add(&mut second, "mallory", &[]);
    enrol_totp(&mut first, alice);
    enrol_totp(&mut second, mallory);
    drop((first, second));
    // Same key, same user number, same row: still not the same store.
    let read = Connection::open(two.path()).unwrap();
    let sealed: Vec<u8> = read.query_row("SELECT sealed FROM totp", [], |r| r.get(0)).unwrap();
    Connection::open(one.path()).unwrap().execute("UPDATE totp SET sealed = ?1", [sealed]).unwrap();
    let mut gate = authenticator(one.open());
    let outcome = attempt(&mut gate, "alice", GOOD, Some("123456"), at(0));
    assert!(matches!(outcome.event.error, Some(StoreError::Tampered)));
}

#[test]
fn older_stores_are_brought_forward() {
    // One file for each version there was; a release that adds one adds its dump here.
    let dumps = [include_str!("schemas/1.sql"), include_str!("schemas/2.sql")];
    assert_eq!(dumps.len() as i64, VERSION);
    for dump in dumps {
        let place = Place::new();
        fs::write(place.key(), [7; 32]).unwrap();
        drop(place.open());
        for end in ["", "-wal", "-shm"] {
            fs::remove_file(format!("{}{end}", place.path().display())).unwrap_or_default();
        }
        fs::write(place.path(), "").unwrap();
        set_mode(&place.path(), 0o600);
        // A dump has its tables in the order of the alphabet, not of their references.
        let load = format!("PRAGMA foreign_keys = OFF;\n{dump}");
        Connection::open(place.path()).unwrap().execute_batch(&load).unwrap();
        let store = place.open();
        let alice = store.user(&UserName::new("alice").unwrap()).unwrap();
        assert_eq!((alice.person.as_str(), alice.display_name.as_str()), ("alice", "Alice"));
        assert_eq!(alice.roles, [Role::new("admin").unwrap(), Role::new("maintenance").unwrap()]);
        assert!(alice.has_password && alice.has_totp && alice.recovery_codes == 1);
        let mut gate = authenticator(store);
        // The seed of RFC 6238 was sealed into the dump; its vector for 1234567890 is 005924.
        let now = wicketgate_identity::Now {
            wall: wicketgate_packet::Time::from_nanos(1_234_567_890 * 1_000_000_000),
            ..at(0)
        };
        assert!(attempt(&mut gate, "alice", GOOD, Some("005924"), now).answer.is_ok());
        drop(gate);
        let version = Connection::open(place.path()).unwrap();
        let version: i64 = version.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, VERSION);
    }
}

#[test]
fn a_newer_store_is_left_alone() {
    let place = Place::new();
    drop(place.open());
    let db = Connection::open(place.path()).unwrap();
    db.pragma_update(None, "user_version", VERSION + 1).unwrap();
    drop(db);
    let error = try_open(&place).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found, known } if found == known + 1), "{error}");
    assert!(error.to_string().contains("install the program that wrote it"), "{error}");
    let db = Connection::open(place.path()).unwrap();
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, VERSION + 1);
}

#[test]
fn another_programs_database_is_left_alone() {
    let place = Place::new();
    drop(place.open());
    fs::remove_file(place.path()).unwrap();
    let db = Connection::open(place.path()).unwrap();
    db.execute_batch("CREATE TABLE theirs (a)").unwrap();
    set_mode(&place.path(), 0o600);
    let before = fs::read(place.path()).unwrap();
    assert!(matches!(try_open(&place), Err(StoreError::NotAStore)));
    assert_eq!(fs::read(place.path()).unwrap(), before);
    drop(db);
    fs::write(place.path(), vec![b'x'; 8192]).unwrap();
    assert!(try_open(&place).is_err(), "not a database at all");
}

#[test]
fn damage_is_found_on_opening() {
    let place = Place::new();
    let mut store = place.open();
    for number in 0..50 {
        store.add_user(&new_user(&format!("user-{number}"), &["role"]), at(0)).unwrap();
    }
    drop(store);
    let mut bytes = fs::read(place.path()).unwrap();
    // All but the first page, which holds the schema.
    bytes.iter_mut().skip(4096).for_each(|byte| *byte ^= 0x55);
    fs::write(place.path(), bytes).unwrap();
    let error = try_open(&place).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_) | StoreError::Sqlite(_)), "{error}");
}

#[test]
fn users_come_and_go() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &["maintenance", "admin", "admin"]);
    let taken = store.add_user(&new_user("ALICE", &[]), at(0));
    assert!(matches!(taken, Err(StoreError::NameTaken)));
    let bob = add(&mut store, "bob", &[]);
    let names: Vec<_> = store.users().unwrap().iter().map(|user| user.name.to_string()).collect();
    assert_eq!(names, ["alice", "bob"]);
    assert_eq!(store.user_by_id(alice).unwrap().roles.len(), 2);
    store.set_roles(bob, &[Role::new("viewer").unwrap()]).unwrap();
    assert_eq!(store.user_by_id(bob).unwrap().roles, [Role::new("viewer").unwrap()]);
    enrol_totp(&mut store, bob);
    store.remove_user(bob).unwrap();
    assert!(matches!(store.user_by_id(bob), Err(StoreError::NoSuchUser)));
    assert!(matches!(store.remove_user(bob), Err(StoreError::NoSuchUser)));
    // The number is not given again, and nothing of the old user is left to the new one.
    let again = store.add_user(&new_user("bob", &[]), at(0)).unwrap();
    let user = store.user_by_id(again).unwrap();
    assert!(again != bob && !user.has_totp && !user.has_password && user.roles.is_empty());
}

#[test]
fn a_new_user_has_no_factor_and_no_password_that_anyone_knows() {
    let place = Place::new();
    let mut store = place.open();
    store.add_user(&new_user("admin", &[ADMIN]), at(0)).unwrap();
    let mut gate = authenticator(store);
    for guess in ["", "admin", "password", "wicketgate", "changeme"] {
        assert!(attempt(&mut gate, "admin", guess, None, at(0)).answer.is_err(), "{guess}");
    }
}

#[test]
fn the_last_admin_stays() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[ADMIN]);
    let bob = add(&mut store, "bob", &[ADMIN]);
    store.set_disabled(bob, true).unwrap();
    assert!(matches!(store.set_disabled(alice, true), Err(StoreError::LastAdmin)));
    assert!(matches!(store.set_roles(alice, &[]), Err(StoreError::LastAdmin)));
    assert!(matches!(store.remove_user(alice), Err(StoreError::LastAdmin)));
    assert!(!store.user_by_id(alice).unwrap().disabled, "nothing was changed");
    store.set_disabled(bob, false).unwrap();
    store.remove_user(alice).unwrap();
}

#[test]
fn a_factor_is_replaced_by_reset_alone() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[]);
    enrol_totp(&mut store, alice);
    store.new_recovery_codes(alice).unwrap();
    let new = Password::new("heron on tall stilts".to_owned());
    let refused = store.enrol_password(alice, &new, at(0));
    assert!(matches!(refused, Err(StoreError::AlreadyEnrolled)));
    assert!(matches!(store.enrol_totp(alice), Err(StoreError::AlreadyEnrolled)));
    assert!(store.reset_factor(alice, Factor::Password).unwrap());
    assert!(store.reset_factor(alice, Factor::Totp).unwrap());
    assert!(!store.reset_factor(alice, Factor::Certificate).unwrap());
    let user = store.user_by_id(alice).unwrap();
    assert!(!user.has_password && !user.has_totp && user.recovery_codes == 0);
    store.enrol_password(alice, &new, at(0)).unwrap();
    enrol_totp(&mut store, alice);
}

#[test]
fn an_enrolment_counts_from_its_first_right_code() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[]);
    let lost = store.enrol_totp(alice).unwrap().secret().to_owned();
    let seed = store.enrol_totp(alice).unwrap().secret().to_owned();
    assert_ne!(lost, seed, "one that was not confirmed is replaced");
    let code_of = |seed: &str| code(&base32(seed), MORNING);
    assert!(matches!(
        store.confirm_totp(alice, &code_of(&lost), at(0)),
        Err(StoreError::WrongCode)
    ));
    assert!(!store.user_by_id(alice).unwrap().has_totp);
    store.confirm_totp(alice, &code_of(&seed), at(0)).unwrap();
    let again = store.confirm_totp(alice, &code_of(&seed), at(0));
    assert!(matches!(again, Err(StoreError::NotEnrolled)));
}

#[test]
fn weak_passwords_and_odd_texts_are_refused() {
    let place = Place::new();
    let mut store = place.open();
    let alice = store.add_user(&new_user("alice", &[]), at(0)).unwrap();
    for weak in ["short", "passwordpassword", "AlicePlant2026!!"] {
        let weak = store.enrol_password(alice, &password(weak), at(0));
        assert!(matches!(weak, Err(StoreError::Weak(_))));
    }
    for odd in ["a\nb", "\u{202e}abc", &"x".repeat(257)] {
        let mut user = new_user("bob", &[]);
        user.display_name = odd.to_owned();
        assert!(matches!(store.add_user(&user, at(0)), Err(StoreError::BadText)), "{odd:?}");
    }
}

#[test]
fn certificates_are_bounded() {
    let place = Place::new();
    let mut store = place.open();
    let alice = add(&mut store, "alice", &[]);
    for number in 0..MAX_CERTIFICATES {
        let thumbprint = Thumbprint::of(&number.to_be_bytes());
        store.enrol_certificate(alice, thumbprint, "card", at(0)).unwrap();
    }
    let more = store.enrol_certificate(alice, Thumbprint::of(b"more"), "card", at(0));
    assert!(matches!(more, Err(StoreError::Full)));
}
