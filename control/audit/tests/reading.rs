//! A log that is read while it is written.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests assert by panicking")]

mod common;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use wicketgate_audit::{FileName, Lines, MAX_LINE, reading};
use wicketgate_packet::Time;

fn name(number: u32) -> String {
    FileName::new(number, Time::EPOCH).to_string()
}

fn append(folder: &Path, number: u32, text: &str) {
    let path = folder.join(name(number));
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// All that there is now.
fn rest(lines: &mut Lines) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(line) = lines.read().unwrap() {
        all.push(String::from_utf8(line.to_vec()).unwrap());
    }
    all
}

#[test]
fn whole_lines_alone_are_read_and_files_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    append(folder, 1, "a\nb");
    let mut lines = Lines::open(folder).unwrap();
    assert_eq!(rest(&mut lines), ["a"]);
    append(folder, 1, "b\n");
    assert_eq!(rest(&mut lines), ["bb"]);
    append(folder, 1, "c\n");
    append(folder, 2, "d\ne\n");
    assert_eq!(rest(&mut lines), ["c", "d", "e"], "the end of the first file before the second");
    append(folder, 4, "f\n");
    assert_eq!(rest(&mut lines), ["f"]);
    assert_eq!(lines.passed(), 13);
}

#[test]
fn a_place_is_kept_and_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    append(folder, 1, "a\nb\n");
    append(folder, 2, "c\nd\n");
    let mut lines = Lines::open(folder).unwrap();
    for expected in ["a", "b", "c"] {
        assert_eq!(lines.read().unwrap().unwrap(), expected.as_bytes());
        let mut again = Lines::open_at(folder, lines.position()).unwrap();
        let after: Vec<_> =
            ["a", "b", "c", "d"].into_iter().skip_while(|it| *it != expected).collect();
        assert_eq!(rest(&mut again), after[1..]);
    }
}

#[test]
fn a_file_that_is_deleted_is_read_to_its_end_where_it_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    append(folder, 1, "a\nb\n");
    append(folder, 2, "c\n");
    append(folder, 3, "d\n");
    let mut lines = Lines::open(folder).unwrap();
    assert_eq!(lines.read().unwrap().unwrap(), b"a");
    let at = lines.position();
    fs::remove_file(folder.join(name(1))).unwrap();
    fs::remove_file(folder.join(name(2))).unwrap();
    assert_eq!(rest(&mut lines), ["b", "d"]);
    assert_eq!(
        rest(&mut Lines::open_at(folder, at).unwrap()),
        ["d"],
        "from the first that is left"
    );
}

#[test]
fn a_file_that_was_taken_away_and_made_anew_is_read_from_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    append(folder, 1, "a\nb\n");
    let mut lines = Lines::open(folder).unwrap();
    assert_eq!(rest(&mut lines), ["a", "b"]);
    fs::remove_file(folder.join(name(1))).unwrap();
    assert_eq!(rest(&mut lines), [""; 0]);
    append(folder, 1, "c\n");
    assert_eq!(rest(&mut lines), ["c"]);
}

#[test]
fn a_line_that_never_ends_needs_no_memory_and_hides_nothing() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let long = "x".repeat(MAX_LINE * 3 + 5);
    fs::write(file.path(), format!("a\n{long}\nb\n")).unwrap();
    let read = rest(&mut Lines::open(file.path()).unwrap());
    assert_eq!((read.first().unwrap(), read.last().unwrap()), (&"a".to_owned(), &"b".to_owned()));
    assert_eq!(read[1..read.len() - 1].concat(), long);
}

#[test]
fn an_empty_folder_has_no_lines_until_there_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = Lines::open(folder.path()).unwrap();
    assert_eq!(rest(&mut lines), [""; 0]);
    append(folder.path(), 7, "a\n");
    assert_eq!(rest(&mut lines), ["a"]);
    assert!(Lines::open(&folder.path().join("nowhere")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The last lines are those that reading all of it ends with, wherever files and chunks are cut.
    #[test]
    fn the_last_lines_are_the_last_of_all(
        files in prop::collection::vec(prop::collection::vec(0_usize..40_000, 0..12), 1..4),
        most in 0_usize..20,
        torn in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut number = 0;
        for (file, lengths) in files.iter().enumerate() {
            let text: String = lengths.iter().map(|length| {
                number += 1;
                format!("{number}:{}\n", "x".repeat(length % MAX_LINE / 2))
            }).collect();
            append(folder.path(), file as u32 + 1, &text);
        }
        if torn {
            append(folder.path(), files.len() as u32, "half a rec");
        }
        let mut lines = Lines::open(folder.path()).unwrap();
        let all = rest(&mut lines);
        let odd = |line: &[u8]| line[0] % 2 == 1;
        let expected: Vec<_> = all.iter().filter(|line| odd(line.as_bytes())).collect();
        let expected = &expected[expected.len().saturating_sub(most)..];
        let (found, end) = reading::last(folder.path(), most, odd).unwrap();
        let found: Vec<_> = found.into_iter().map(|line| String::from_utf8(line).unwrap()).collect();
        prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        prop_assert_eq!(rest(&mut Lines::open_at(folder.path(), end).unwrap()), [""; 0]);
    }
}
