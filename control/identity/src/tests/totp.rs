//! TOTP against the RFC's vectors, and steps around now.

use super::*;

/// The seed of RFC 6238, appendix B, for SHA-1.
fn seed() -> Seed {
    Seed::from_secret(Secret::new(b"12345678901234567890".to_vec()))
}

/// RFC 6238, appendix B: seconds, and the last six of the eight digits given there.
const VECTORS: [(u64, &str); 6] = [
    (59, "287082"),
    (1_111_111_109, "081804"),
    (1_111_111_111, "050471"),
    (1_234_567_890, "005924"),
    (2_000_000_000, "279037"),
    (20_000_000_000, "353130"),
];

#[test]
fn the_vectors_of_the_rfc() {
    for (seconds, code) in VECTORS {
        assert_eq!(seed().step_of(code, seconds), Some(seconds / STEP_SECONDS), "{seconds}");
    }
}

#[test]
fn one_step_before_and_after_and_no_more() {
    let (at, code) = (1_234_567_890, "005924");
    let step = at / STEP_SECONDS;
    for (offset, accepted) in [(-2_i64, false), (-1, true), (0, true), (1, true), (2, false)] {
        let now = at.saturating_add_signed(offset * 30);
        assert_eq!(seed().step_of(code, now), accepted.then_some(step), "{offset}");
    }
}

#[test]
fn what_is_no_code() {
    for bad in ["", "00592", "0059244", "00592a", "abcdef", "００５９２４", "-05924"] {
        assert_eq!(seed().step_of(bad, 1_234_567_890), None, "{bad}");
    }
}

#[test]
fn the_beginning_of_time_does_not_panic() {
    assert_eq!(seed().step_of("000000", 0), None);
}

#[test]
fn base32_as_in_rfc_4648() {
    // Section 10, without padding.
    for (bytes, text) in [
        ("f", "MY"),
        ("fo", "MZXQ"),
        ("foo", "MZXW6"),
        ("foob", "MZXW6YQ"),
        ("fooba", "MZXW6YTB"),
        ("foobar", "MZXW6YTBOI"),
    ] {
        let seed = Seed::from_secret(Secret::new(bytes.as_bytes().to_vec()));
        assert_eq!(&*seed.base32(), text);
    }
}

#[test]
fn an_enrolment_is_a_uri_and_a_picture() {
    let user = UserName::new("j.doe@plant-2").unwrap();
    let enrolment = Enrolment::new(&seed(), &user);
    assert_eq!(
        enrolment.uri(),
        "otpauth://totp/Wicketgate:j.doe%40plant-2?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
         &issuer=Wicketgate&algorithm=SHA1&digits=6&period=30"
    );
    assert!(enrolment.uri().contains(enrolment.secret()));
    let (dark, light) = (enrolment.qr(false), enrolment.qr(true));
    assert!(dark.lines().count() > 20 && *dark != *light);
    assert_eq!(format!("{enrolment:?}"), "Enrolment(..)");
}
