//! What is accepted as a password; how it is kept.

use super::*;

fn check(text: &str) -> Result<(), Weakness> {
    Password::new(text.to_owned()).check(&["alice", "Alice Martin"])
}

#[test]
fn passphrases_pass() {
    for good in [
        "otter plays late chess",
        "my password is a heron on stilts",
        "Zahnrad Kupfer Montag Igel",
        "пять зелёных слонов",
        "kuvZ8-pw2qL-x9Rtt",
        "the admin drinks cold tea",
    ] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
}

#[test]
fn length_counts_characters() {
    assert_eq!(check("kuvZ8-pw2qL-x9"), Err(Weakness::Short));
    assert_eq!(check("ééééééé"), Err(Weakness::Short));
    assert_eq!(check(&"otter ".repeat(MAX_BYTES)), Err(Weakness::Long));
}

#[test]
fn what_is_guessed_first_is_refused() {
    for bad in [
        "aaaaaaaaaaaaaaa",
        "123456789012345",
        "abcdefghijklmnop",
        "qwertyuiopasdfgh",
        "zyxwvutsrqponml",
        "kx7pkx7pkx7pkx7p",
    ] {
        assert_eq!(check(bad), Err(Weakness::Pattern), "{bad}");
    }
    for bad in [
        "passwordpassword1",
        "Password123456!",
        "P@ssw0rd-2026-!!",
        "AliceMartin2026!",
        "welcome-to-".repeat(2).replace("to", "2").as_str(),
        "administrator-2026",
        "Siemens Simatic 2026",
        "wicketgate-admin-1",
    ] {
        assert_eq!(check(bad), Err(Weakness::Common), "{bad}");
    }
}

#[test]
fn a_hash_carries_its_parameters_and_is_of_one_password() {
    let password = Password::new("otter plays late chess".to_owned());
    let (hash, again) = (password.hash().unwrap(), password.hash().unwrap());
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_ne!(hash, again, "salts differ");
    assert!(password.verify(&hash) && password.verify(&again));
    assert!(!Password::new("otter plays late ches".to_owned()).verify(&hash));
    assert!(!Password::new("Otter plays late chess".to_owned()).verify(&hash));
    assert!(!password.verify("") && !password.verify("$argon2id$"));
}

#[test]
fn a_reference_hash_is_verified() {
    // Made with the reference implementation: argon2 "somesalt" -id -t 2 -m 16 -p 1 of "password".
    let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                  CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert!(Password::new("password".to_owned()).verify(stored));
    assert!(!is_outdated(stored));
}

#[test]
fn weaker_parameters_are_outdated() {
    let hash = |m: u32, t: u32| {
        format!(
            "$argon2id$v=19$m={m},t={t},p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        )
    };
    assert!(
        is_outdated(&hash(MEMORY_KIB - 1, PASSES)) && is_outdated(&hash(MEMORY_KIB, PASSES - 1))
    );
    assert!(!is_outdated(&hash(MEMORY_KIB, PASSES)) && !is_outdated(&hash(2 * MEMORY_KIB, PASSES)));
    assert!(is_outdated(&hash(MEMORY_KIB, PASSES).replace("argon2id", "argon2i")));
    assert!(is_outdated("not a hash"));
}

#[test]
fn debug_tells_nothing() {
    assert_eq!(format!("{:?}", Password::new("canary".to_owned())), "Password(..)");
}
