//! What `verify` accepts, and all that it does not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests assert by panicking")]

mod common;

use std::io::{self, BufReader, Read, Write};

use common::{GATE, START, event, events, lines, log, log_of, plant};
use wicketgate_audit::{AuditLog, Fault, Hash, MAX_LINE, VerifyError, verify};
use wicketgate_engine::EventKind;

fn fault(log: &[u8]) -> VerifyError {
    verify(log).unwrap_err()
}

/// A log of these lines of another.
fn picked(log: &[u8], pick: &[usize]) -> Vec<u8> {
    pick.iter().flat_map(|nth| lines(log)[*nth].to_vec()).collect()
}

#[test]
fn a_log_is_accepted_and_sums_up_to_what_the_writer_said() {
    let (bytes, written) = log();
    assert_eq!(verify(bytes.as_slice()).unwrap(), written);
    assert_eq!((written.records, &*written.source), (lines(&bytes).len() as u64, GATE));
}

#[test]
fn the_same_events_give_the_same_bytes() {
    assert_eq!(log(), log());
}

#[test]
fn every_flipped_bit_is_refused() {
    let (mut log, _) = log();
    for at in 0..log.len() {
        for bit in 0..8 {
            log[at] ^= 1 << bit;
            assert!(verify(log.as_slice()).is_err(), "bit {bit} of byte {at}");
            log[at] ^= 1 << bit;
        }
    }
}

#[test]
fn every_flipped_bit_is_found_in_its_line() {
    let (mut log, _) = log();
    for at in (0..log.len()).step_by(7) {
        let line = log[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        log[at] ^= 1;
        assert_eq!(fault(&log).line, line, "byte {at}");
        log[at] ^= 1;
    }
}

#[test]
fn a_cut_is_refused_but_between_records() {
    let (log, _) = log();
    for length in 0..log.len() {
        let whole = length > 0 && log[length - 1] == b'\n';
        match verify(&log[..length]) {
            Ok(summary) => {
                assert!(whole, "cut after {length} bytes");
                assert_eq!(summary.records, lines(&log[..length]).len() as u64);
            }
            Err(VerifyError { fault: Fault::Empty, line: 1, .. }) => assert_eq!(length, 0),
            Err(VerifyError { fault: Fault::Cut, line, .. }) => {
                assert!(!whole);
                assert_eq!(line, lines(&log[..length]).len() as u64);
            }
            Err(other) => panic!("cut after {length} bytes: {other}"),
        }
    }
}

#[test]
fn a_cut_between_records_shows_in_the_summary() {
    let (log, written) = log();
    let cut = verify(picked(&log, &[0, 1, 2]).as_slice()).unwrap();
    assert_ne!(cut, written);
    assert_ne!(cut.last, written.last);
}

#[test]
fn each_removed_record_is_missed() {
    let (log, _) = log();
    let count = lines(&log).len();
    for gone in 1..count - 1 {
        let rest: Vec<_> = (0..count).filter(|nth| *nth != gone).collect();
        let VerifyError { line, fault, .. } = fault(&picked(&log, &rest));
        assert_eq!(line, gone as u64 + 1);
        let (expected, found) = (gone as u64 + 1, gone as u64 + 2);
        assert!(
            matches!(fault, Fault::Sequence { expected: e, found: f } if (e, f) == (expected, found))
        );
    }
    assert!(matches!(fault(&picked(&log, &[1, 2])).fault, Fault::NoStart));
}

#[test]
fn each_swap_and_each_duplicate_is_refused() {
    let (log, _) = log();
    let count = lines(&log).len();
    for first in 0..count {
        for second in first + 1..count {
            let mut order: Vec<_> = (0..count).collect();
            order.swap(first, second);
            assert!(verify(picked(&log, &order).as_slice()).is_err(), "{first} and {second}");
        }
        let mut twice: Vec<_> = (0..count).collect();
        twice.insert(first, first);
        let VerifyError { line, fault, .. } = fault(&picked(&log, &twice));
        assert!(line == first as u64 + 2 && matches!(fault, Fault::Sequence { .. }), "{fault}");
    }
}

/// A forger who computes hashes is found at the next record that he did not compute.
#[test]
fn a_record_of_another_log_does_not_fit() {
    let (log, _) = log();
    let mut others = events();
    others[1].source_port += 1;
    let other = log_of(&plant(), &others).0;
    let mixed = [picked(&log, &[0, 1]), picked(&other, &[2]), picked(&log, &[3])].concat();
    let VerifyError { line, fault, .. } = fault(&mixed);
    assert!(line == 4 && matches!(fault, Fault::Unchained), "{fault}");
}

/// A line as the format has it, with whatever fields.
fn sealed(fields: &str, prev: &str) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let object = format!("{{{fields},\"prev\":\"{prev}\"}}");
    let hash = Sha256::digest(object.as_bytes());
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{},\"hash\":\"{hash}\"}}\n", object.strip_suffix('}').unwrap()).into_bytes()
}

fn sealed_first(fields: &str) -> Vec<u8> {
    sealed(fields, &Hash::ZERO.to_string())
}

#[test]
fn faults_are_told_apart() {
    let start = r#""seq":1,"source":"g","type":"log-start","format":1"#;
    assert_eq!(verify(sealed_first(start).as_slice()).unwrap().records, 1);
    assert!(matches!(fault(b"\n").fault, Fault::NotJson));
    assert!(matches!(fault(b"{\n").fault, Fault::NotJson));
    assert!(matches!(fault(b"\xff\xfe\n").fault, Fault::NotJson));
    assert!(matches!(fault(b"{}\n").fault, Fault::NotARecord));
    assert!(matches!(fault(b"[]\n").fault, Fault::NotARecord));
    let plain = br#"{"seq":1,"source":"g","type":"log-start","format":1,"prev":""}"#;
    assert!(matches!(fault(&[plain, b"\n".as_slice()].concat()).fault, Fault::NotARecord));
    let twice = sealed_first(&format!("{start},\"seq\":1"));
    assert!(matches!(fault(&twice).fault, Fault::NotARecord));
    let newer = sealed_first(&start.replace("\"format\":1", "\"format\":2"));
    assert!(matches!(fault(&newer).fault, Fault::Format(2)));
    let without = sealed_first(&start.replace(",\"format\":1", ""));
    assert!(matches!(fault(&without).fault, Fault::NotARecord));
    let event = sealed_first(&start.replace("log-start", "command"));
    assert!(matches!(fault(&event).fault, Fault::NoStart));
    assert!(matches!(fault(&sealed(start, "00")).fault, Fault::Unchained));
    let zeroth = sealed_first(&start.replace("\"seq\":1", "\"seq\":0"));
    assert!(matches!(fault(&zeroth).fault, Fault::Sequence { expected: 1, found: 0 }));
}

#[test]
fn a_record_of_another_source_is_refused() {
    let first = AuditLog::new(Vec::new(), GATE, 7, START).unwrap().finish().unwrap();
    let prev = first.1.last.to_string();
    let second = |gate| sealed(&format!(r#""seq":2,"source":"{gate}","type":"x""#), &prev);
    assert!(verify([first.0.clone(), second(GATE)].concat().as_slice()).is_ok());
    let VerifyError { line, fault, .. } = fault(&[first.0, second("gate-2")].concat());
    assert!(line == 2 && matches!(fault, Fault::Source), "{fault}");
}

#[test]
fn an_endless_line_is_refused_after_its_limit() {
    let mut endless = BufReader::with_capacity(64, io::repeat(b' '));
    assert!(matches!(verify(&mut endless).unwrap_err().fault, Fault::TooLong));
    let just_fits = [vec![b' '; MAX_LINE], vec![b'\n']].concat();
    assert!(matches!(fault(&just_fits).fault, Fault::NotJson));
    let one_more = [vec![b' '; MAX_LINE + 1], vec![b'\n']].concat();
    assert!(matches!(fault(&one_more).fault, Fault::TooLong));
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    for open in ["[", "{\"a\":"] {
        let deep = open.repeat(MAX_LINE / open.len());
        assert!(verify(format!("{deep}\n").as_bytes()).is_err());
        assert!(verify(format!("{{\"x\":{deep}\n").get(..MAX_LINE).unwrap().as_bytes()).is_err());
    }
}

#[test]
fn a_forged_name_is_escaped_where_the_summary_is_printed() {
    let start = r#""seq":1,"source":"\u001b[2J\n","type":"log-start","format":1"#;
    let summary = verify(sealed_first(start).as_slice()).unwrap().to_string();
    assert!(summary.chars().all(|char| matches!(char, ' '..='~')), "{summary:?}");
}

#[test]
fn a_reader_that_fails_is_told_with_its_line() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no disk"))
        }
    }
    let (log, _) = log();
    let two = picked(&log, &[0, 1]);
    let error = verify(BufReader::new(two.as_slice().chain(Fails))).unwrap_err();
    assert_eq!(error.to_string(), "line 3 (record 3): cannot be read: no disk");
}

/// Takes some bytes, then fails once.
struct FullOnce {
    room: usize,
    failed: bool,
    taken: Vec<u8>,
}

impl Write for FullOnce {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = if self.failed { bytes.len() } else { self.room.min(bytes.len()) };
        if room == 0 {
            self.failed = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.room -= room.min(self.room);
        self.taken.extend_from_slice(&bytes[..room]);
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn nothing_is_written_behind_half_a_line() {
    let mut writer = FullOnce { room: 1000, failed: false, taken: Vec::new() };
    let mut log = AuditLog::new(&mut writer, GATE, 7, START).unwrap();
    let start = || event(0, EventKind::SessionStart);
    let results: Vec<_> = (0..5).map(|_| log.record(&plant(), &start()).is_ok()).collect();
    assert!(results.is_sorted_by(|before, after| before >= after), "{results:?}");
    assert!(!results[4]);
    assert!(log.finish().is_err());
    assert_eq!(writer.taken.len(), 1000);
    assert!(matches!(fault(&writer.taken).fault, Fault::Cut));
}

proptest::proptest! {
    /// Any bytes, and any bytes in place of some of a log's: an answer, never a panic.
    #[test]
    fn hostile_bytes_are_answered(
        noise in proptest::collection::vec(proptest::num::u8::ANY, 0..600),
        at in 0_usize..4000,
    ) {
        proptest::prop_assert!(verify(noise.as_slice()).is_err());
        let (mut log, _) = log();
        let untouched = log.clone();
        for (old, new) in log.iter_mut().skip(at).zip(&noise) {
            *old = *new;
        }
        proptest::prop_assert_eq!(verify(log.as_slice()).is_ok(), log == untouched);
    }
}
