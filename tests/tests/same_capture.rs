//! A capture gives the same frames and the same events whatever port it comes through.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use wicketgate_tests::Seen;
use wicketgate_tests::capture::{Run, cases};

fn told(run: &Run) -> Vec<String> {
    run.events.iter().map(|event| format!("{event:?}")).collect()
}

#[test]
fn file_and_rings_agree_byte_for_byte() {
    let cases = cases();
    assert!(cases.len() >= 10, "the bundled captures are there");
    for case in cases {
        let (file, rings) = (case.through_file(), case.through_rings());
        assert!(!file.left.is_empty(), "{}: something passes", case.name);
        assert!(file.entered == rings.entered, "{}: what enters", case.name);
        assert!(file.left == rings.left, "{}: what leaves", case.name);
        assert_eq!(file.verdicts, rings.verdicts, "{}", case.name);
        assert_eq!(told(&file), told(&rings), "{}", case.name);
    }
}

#[test]
fn what_leaves_is_right_by_whole_recomputation() {
    for case in cases() {
        case.through_file().left.iter().for_each(|crossing| {
            Seen::read(&crossing.bytes);
        });
    }
}
