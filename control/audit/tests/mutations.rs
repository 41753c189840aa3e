//! Whatever is done to a log in many files is found, given its key and the checkpoints that were kept elsewhere.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests assert by panicking")]

mod common;
mod disk;

use std::sync::OnceLock;
use std::time::Duration;

use common::{GATE, START, event, plant, write_register};
use disk::Memory;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use wicketgate_audit::{
    Checkpoints, Committer, Keeping, LogWriter, Origin, PublicKey, Signer, Tampering, Trust,
    Verified, VerifyError, WorkerSums, find, verify_log,
};
use wicketgate_engine::{Event, EventKind};

/// The files of a log, each as its lines.
type Pieces = Vec<Vec<Vec<u8>>>;

/// A log, and what was kept of it elsewhere.
struct Kept {
    log: Pieces,
    /// The same, as it was half-way.
    old: Pieces,
    key: PublicKey,
    checkpoints: Checkpoints,
}

fn kept() -> &'static Kept {
    static KEPT: OnceLock<Kept> = OnceLock::new();
    KEPT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = Signer::create(&path).unwrap().public();
        let signer = || Signer::load(&path).unwrap();
        let disk = Memory::new(1);
        live(&disk, signer(), 20);
        let old = pieces(&disk);
        live(&disk, signer(), 25);
        let log = pieces(&disk);
        let lines = log.concat();
        let ends = [&b"\"type\":\"checkpoint\""[..], b"\"type\":\"log-end\""];
        let holds = |line: &[u8], what: &[u8]| line.windows(what.len()).any(|part| part == what);
        let signed = lines.into_iter().filter(|line| ends.iter().any(|end| holds(line, end)));
        let signed: Vec<u8> = signed.flatten().collect();
        let checkpoints = Checkpoints::read(signed.as_slice(), Some(key)).unwrap();
        assert!(checkpoints.count() > 4);
        Kept { log, old, key, checkpoints }
    })
}

/// A start of the gate to its end: some commands, a checkpoint now and then.
fn live(disk: &Memory, signer: Signer, commands: u64) {
    let keeping = Keeping { file_size: 8 << 10, ..Keeping::default() };
    let found = find(&mut disk.clone()).unwrap();
    let start = START + Duration::from_secs(found.as_ref().map_or(0, |found| found.records() * 5));
    let mut log = match found {
        None => LogWriter::begin(GATE, (start, 7), keeping, Some(signer)).unwrap(),
        Some(found) => LogWriter::resume(found, GATE, (start, 7), keeping, Some(signer)).unwrap(),
    };
    for number in 1..=commands {
        let time = start + Duration::from_secs(number);
        let event = Event { time, ..event(0, EventKind::Command(write_register())) };
        log.record(&plant(), &event, Origin { worker: 0, event: number }).unwrap();
        log.tick(time).unwrap();
    }
    let sums = WorkerSums { worker: 0, events: commands, lost: 0, judged: Some(commands) };
    log.end(start + Duration::from_secs(commands), &[sums]).unwrap();
    let blocks: Vec<_> = std::iter::from_fn(|| log.take()).collect();
    Committer::new(disk.clone()).commit(&blocks).1.unwrap();
}

fn pieces(disk: &Memory) -> Pieces {
    let lines =
        |piece: Vec<u8>| piece.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    disk.pieces().into_iter().map(lines).collect()
}

fn verify(log: &Pieces) -> Result<Verified, VerifyError> {
    let Kept { key, checkpoints, .. } = kept();
    let trust = Trust { key: Some(*key), kept: checkpoints.clone(), all_files: true };
    let files: Vec<Vec<u8>> = log.iter().map(|piece| piece.concat()).collect();
    verify_log(files.iter().map(Vec::as_slice), &trust, |_| ())
}

/// Where the line of this number stands, of all.
fn place(log: &Pieces, nth: usize) -> (usize, usize) {
    let places = log.iter().enumerate();
    let mut places = places.flat_map(|(piece, lines)| (0..lines.len()).map(move |at| (piece, at)));
    places.nth(nth).unwrap()
}

fn count(log: &Pieces) -> usize {
    log.iter().map(Vec::len).sum()
}

/// The same log with hashes that fit what is in it, as somebody makes them who has no key.
fn chained_anew(log: &Pieces) -> Pieces {
    let mut prev = "0".repeat(64);
    let mut anew = |line: &Vec<u8>| {
        let text = str::from_utf8(line).unwrap();
        let body = &text[..text.rfind(",\"prev\":\"").unwrap()];
        let object = format!("{body},\"prev\":\"{prev}\"}}");
        let digest = Sha256::digest(object.as_bytes());
        prev = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{},\"hash\":\"{prev}\"}}\n", &object[..object.len() - 1]).into_bytes()
    };
    log.iter().map(|piece| piece.iter().map(&mut anew).collect()).collect()
}

fn tampering(log: &Pieces) -> (u64, Option<Tampering>) {
    let error = verify(log).unwrap_err();
    (error.seq, error.tampering)
}

#[test]
fn the_log_itself_is_whole() {
    let verified = verify(&kept().log).unwrap();
    assert_eq!(verified.summary.records as usize, count(&kept().log));
    assert_eq!(verified.matched as usize, kept().checkpoints.count());
    assert_eq!((verified.unsigned_tail, verified.crashes, verified.lost), (0, 0, 0));
    assert!(kept().log.len() > 4, "{} files", kept().log.len());
    assert!(verify(&chained_anew(&kept().log)).is_ok(), "nothing was changed");
}

#[test]
fn an_old_log_put_back_and_gone_on_with_is_found() {
    let error = verify(&kept().old).unwrap_err();
    assert!(error.to_string().contains("truncated"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let disk = Memory::new(1);
    for (number, piece) in kept().old.iter().enumerate() {
        disk.put(&format!("{:08}-2020-06-27.jsonl", number + 1), &piece.concat());
    }
    let signer = Signer::create(&folder.path().join("one")).unwrap();
    live(&disk, signer, 60);
    assert!(verify(&pieces(&disk)).is_err(), "another key");
}

#[test]
fn a_judged_command_that_is_nowhere_is_missed() {
    let mut log = kept().log.clone();
    let end = log.last_mut().unwrap().last_mut().unwrap();
    let text = String::from_utf8(end.clone()).unwrap();
    *end = text.replace("\"judged\":25", "\"judged\":26").into_bytes();
    let files: Vec<Vec<u8>> = chained_anew(&log).iter().map(|piece| piece.concat()).collect();
    let unsigned = Trust::default();
    let error = verify_log(files.iter().map(Vec::as_slice), &unsigned, |_| ()).unwrap_err();
    assert!(error.to_string().contains("26 judged commands, but there are 25"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_flipped_bit_is_found_in_its_record(at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut log = kept().log.clone();
        let nth = at.index(count(&log));
        let (piece, line) = place(&log, nth);
        let line = &mut log[piece][line];
        let byte = at.index(line.len() - 1);
        line[byte] ^= 1_u8 << bit;
        let (seq, _) = tampering(&log);
        prop_assert_eq!(seq, nth as u64 + 1);
    }

    #[test]
    fn a_changed_record_is_told_from_an_inserted_one(at in any::<prop::sample::Index>()) {
        let mut log = kept().log.clone();
        let nth = at.index(count(&log) - 1);
        let (piece, line) = place(&log, nth);
        let known = nth > 0;
        let changed = String::from_utf8(log[piece][line].clone()).unwrap();
        log[piece][line] = changed.replace("\"epoch\":7", "\"epoch\":8").into_bytes();
        let told = known.then_some(Tampering::Changed);
        prop_assert_eq!(tampering(&log), (nth as u64 + 1, told));

        let mut log = kept().log.clone();
        log[piece].insert(line + 1, b"{\"type\":\"command\"}\n".to_vec());
        prop_assert_eq!(tampering(&log), (nth as u64 + 2, Some(Tampering::Inserted)));
    }

    #[test]
    fn removed_records_are_named(at in any::<prop::sample::Index>(), many in 1_usize..5) {
        let mut log = kept().log.clone();
        let nth = 1 + at.index(count(&log) - 2);
        let (piece, line) = place(&log, nth);
        let until = (line + many).min(log[piece].len());
        let removed: Vec<_> = log[piece].drain(line..until).collect();
        let is_last = nth + removed.len() == count(&kept().log);
        let (first, last) = (nth as u64 + 1, (nth + removed.len()) as u64);
        let empties = log[piece].is_empty();
        let (seq, told) = tampering(&log);
        if !is_last && !empties {
            prop_assert_eq!((seq, told), (first, Some(Tampering::Removed(first, last))));
        }
    }

    #[test]
    fn records_that_change_places_are_found(
        one in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
    ) {
        let mut log = kept().log.clone();
        let (one, other) = (one.index(count(&log)), other.index(count(&log)));
        let (first, second) = (place(&log, one), place(&log, other));
        let line = std::mem::take(&mut log[first.0][first.1]);
        let line = std::mem::replace(&mut log[second.0][second.1], line);
        log[first.0][first.1] = if one == other { kept().log[first.0][first.1].clone() } else { line };
        if one != other {
            let (seq, _) = tampering(&log);
            // Without its first record a log seems to begin where another file does.
            prop_assert!(seq == one.min(other) as u64 + 1 || one.min(other) == 0);
        }
    }

    #[test]
    fn a_cut_at_any_byte_is_found(at in any::<prop::sample::Index>()) {
        let mut log = kept().log.clone();
        let (piece, line) = place(&log, at.index(count(&log)));
        log.truncate(piece + 1);
        log[piece].truncate(line + 1);
        let last = log[piece].last_mut().unwrap();
        last.truncate(at.index(last.len()));
        prop_assert!(verify(&log).is_err());
    }

    #[test]
    fn a_record_that_comes_again_is_found(
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let mut log = kept().log.clone();
        let from = place(&log, from.index(count(&log)));
        let to = place(&log, to.index(count(&log)));
        let line = log[from.0][from.1].clone();
        log[to.0].insert(to.1 + 1, line);
        prop_assert!(verify(&log).is_err());
    }

    /// A forger who computes every hash anew, but has no key.
    #[test]
    fn a_chain_computed_anew_is_found(at in any::<prop::sample::Index>(), removes in any::<bool>()) {
        let mut log = kept().log.clone();
        let (piece, line) = place(&log, at.index(count(&log)));
        if removes {
            log[piece].remove(line);
        } else {
            let text = String::from_utf8(log[piece][line].clone()).unwrap();
            log[piece][line] = text.replace("\"epoch\":7", "\"epoch\":8").into_bytes();
        }
        prop_assert!(verify(&chained_anew(&log)).is_err());
    }
}
