//! A log of many files on a disk that fails: what was acknowledged stays.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests assert by panicking")]

mod common;
mod disk;

use std::time::Duration;

use common::{GATE, START, event, plant, write_register};
use disk::{Dice, Faults, Memory};
use wicketgate_audit::{
    Act, Block, Committer, Deed, Fault, Keeping, LogWriter, Origin, State, Trust, Verified,
    VerifyError, WorkerSums, find, verify_log,
};
use wicketgate_engine::{EventKind, Tables};
use wicketgate_packet::Time;

/// A gate's log: writer, committer, and what was acknowledged.
struct Gate {
    log: LogWriter,
    committer: Committer<Memory>,
    tables: Tables,
    now: Time,
    events: u64,
    /// Blocks that are not on the disk.
    waiting: Vec<Block>,
    acknowledged: Vec<Vec<u8>>,
}

fn small() -> Keeping {
    Keeping { file_size: 8 << 10, ..Keeping::default() }
}

impl Gate {
    /// Starts on whatever is on the disk.
    fn start(disk: &Memory, now: Time, keeping: Keeping) -> std::io::Result<Gate> {
        let log = match find(&mut disk.clone())? {
            None => LogWriter::begin(GATE, (now, 7), keeping, None)?,
            Some(found) => LogWriter::resume(found, GATE, (now, 7), keeping, None)?,
        };
        let committer = Committer::new(disk.clone());
        let (tables, waiting, acknowledged) = (plant(), Vec::new(), Vec::new());
        Ok(Gate { log, committer, tables, now, events: 0, waiting, acknowledged })
    }

    fn on(disk: &Memory) -> Gate {
        Gate::start(disk, START, small()).unwrap()
    }

    fn command(&mut self) {
        self.events += 1;
        let command = event(0, EventKind::Command(write_register()));
        let event = wicketgate_engine::Event { time: self.now, ..command };
        let origin = Origin { worker: 0, event: self.events };
        self.log.record(&self.tables, &event, origin).unwrap();
    }

    fn commands(&mut self, count: usize) {
        (0..count).for_each(|_| self.command());
    }

    fn pass(&mut self, span: Duration) {
        self.now = self.now + span;
        self.log.tick(self.now).unwrap();
    }

    /// Tries once to get everything to the disk.
    fn commit(&mut self) -> std::io::Result<()> {
        self.waiting.extend(std::iter::from_fn(|| self.log.take()));
        let (done, outcome) = self.committer.commit(&self.waiting);
        for block in self.waiting.drain(..done) {
            let lines = block.lines.split_inclusive(|byte| *byte == b'\n');
            self.acknowledged.extend(lines.map(<[u8]>::to_vec));
            self.log.give_back(block);
        }
        outcome
    }

    fn end(mut self) {
        let sums =
            WorkerSums { worker: 0, events: self.events, lost: 0, judged: Some(self.events) };
        self.log.end(self.now, &[sums]).unwrap();
        self.commit().unwrap();
    }
}

fn checked(disk: &Memory) -> Result<Verified, VerifyError> {
    let (pieces, trust) = (disk.pieces(), Trust { all_files: true, ..Trust::default() });
    verify_log(pieces.iter().map(Vec::as_slice), &trust, |_| ())
}

#[test]
fn a_log_goes_on_over_files_days_and_starts() {
    let disk = Memory::new(1);
    let mut gate = Gate::on(&disk);
    gate.commands(40);
    gate.commit().unwrap();
    let files = disk.names().len();
    assert!(files > 2, "{files} files of 8 KiB");
    gate.pass(Duration::from_hours(24));
    gate.commit().unwrap();
    assert_eq!(disk.names().len(), files + 1, "a new day");
    assert!(disk.names()[files].ends_with("-2020-06-28.jsonl"), "{:?}", disk.names());
    gate.end();
    let before = checked(&disk).unwrap();
    assert_eq!((before.first, before.crashes, before.lost), (1, 0, 0));

    let mut again = Gate::on(&disk);
    again.commands(3);
    again.end();
    let after = checked(&disk).unwrap();
    assert_eq!(after.summary.records, before.summary.records + 5, "resume, commands, end");
    assert_eq!(after.crashes, 0);
}

#[test]
fn a_torn_record_is_kept_in_a_side_file_and_told() {
    let disk = Memory::new(1);
    let mut gate = Gate::on(&disk);
    gate.commands(2);
    gate.commit().unwrap();
    let name = disk.names().remove(0);
    let whole = disk.take(&name);
    let torn = b"{\"time\":\"2020-06-27T11:50:49";
    disk.put(&name, &[&whole[..], torn].concat());
    assert!(matches!(checked(&disk).unwrap_err().fault, Fault::Cut));

    let found = find(&mut disk.clone()).unwrap().unwrap();
    assert_eq!((found.resumed().state, found.resumed().torn), (State::Crashed, 28));
    assert_eq!(disk.read(&format!("{name}.torn")), torn);
    assert_eq!(disk.read(&name), whole);
    disk.take(&name);
    disk.put(&name, &[&whole[..], torn].concat());
    Gate::on(&disk).end();
    let verified = checked(&disk).unwrap();
    assert_eq!((verified.crashes, verified.torn), (1, 28));
}

#[test]
fn a_crash_right_behind_a_checkpoint_is_one() {
    let disk = Memory::new(1);
    let mut gate = Gate::on(&disk);
    gate.command();
    gate.pass(Duration::from_secs(11));
    gate.commit().unwrap();
    assert_eq!(checked(&disk).unwrap().unsigned_tail, 0);
    Gate::on(&disk).end();
    assert_eq!(checked(&disk).unwrap().crashes, 1);
}

#[test]
fn records_behind_a_wrong_one_are_not_cut_off() {
    let disk = Memory::new(1);
    let mut gate = Gate::on(&disk);
    gate.commands(6);
    gate.commit().unwrap();
    let name = disk.names().remove(0);
    let mut bytes = disk.take(&name);
    bytes[1000] ^= 1;
    disk.put(&name, &bytes);
    let found = find(&mut disk.clone()).unwrap().unwrap();
    assert_eq!((found.resumed().state, found.records()), (State::Damaged, 7));
    assert_eq!(disk.read(&name), bytes, "evidence is left as it is");
}

#[test]
fn old_files_are_deleted_and_the_log_says_so() {
    let disk = Memory::new(1);
    let keeping = Keeping { keep_size: Some(30 << 10), ..small() };
    let mut gate = Gate::start(&disk, START, keeping).unwrap();
    gate.commands(200);
    gate.commit().unwrap();
    assert!(disk.removed().len() > 5, "{:?}", disk.removed());
    let left: usize = disk.pieces().iter().map(Vec::len).sum();
    assert!(left <= 40 << 10, "{left} bytes are left");
    let verified = checked(&disk).unwrap();
    assert!(verified.first > 1 && verified.told_deleted);

    let oldest = disk.names().remove(0);
    disk.take(&oldest);
    assert!(matches!(checked(&disk).unwrap_err().fault, Fault::Headless), "nobody told of that");
}

#[test]
fn files_are_deleted_after_their_time() {
    let disk = Memory::new(1);
    let keeping = Keeping { keep_for: Some(Duration::from_hours(48)), ..small() };
    let mut gate = Gate::start(&disk, START, keeping).unwrap();
    for _ in 0..5 {
        gate.command();
        gate.pass(Duration::from_hours(24));
        gate.commit().unwrap();
    }
    assert_eq!(disk.removed().len(), 2, "older than two days: {:?}", disk.removed());
    assert!(checked(&disk).unwrap().told_deleted);
}

#[test]
fn a_file_that_cannot_be_deleted_is_no_record_twice() {
    let disk = Memory::new(1);
    let keeping = Keeping { keep_size: Some(20 << 10), ..small() };
    let mut gate = Gate::start(&disk, START, keeping).unwrap();
    gate.commands(20);
    gate.commit().unwrap();
    gate.commands(60);
    let mut failed = 0;
    disk.set_faults(Faults { other: 3, ..Faults::default() });
    while gate.commit().is_err() {
        failed += 1;
    }
    assert!(failed > 0);
    disk.set_faults(Faults::default());
    assert!(checked(&disk).unwrap().told_deleted);
}

#[test]
fn a_folder_that_is_gone_takes_nothing_and_one_that_is_back_takes_all() {
    let disk = Memory::new(1);
    let mut gate = Gate::on(&disk);
    gate.commands(3);
    gate.commit().unwrap();
    disk.set_gone(true);
    gate.commands(3);
    assert!(gate.commit().is_err());
    assert_eq!(gate.committer.through(), 4, "nothing is acknowledged that is nowhere");
    disk.set_gone(false);
    gate.commit().unwrap();
    gate.end();
    assert_eq!(checked(&disk).unwrap().summary.records, 8);
}

#[test]
fn a_file_that_is_gone_is_begun_anew_and_what_is_missing_shows() {
    let disk = Memory::new(1);
    let mut gate = Gate::on(&disk);
    gate.commands(3);
    gate.commit().unwrap();
    let name = disk.names().remove(0);
    let lost = disk.take(&name);
    gate.commands(2);
    assert!(gate.commit().is_err(), "once, so that somebody hears of it");
    gate.commit().unwrap();
    assert!(matches!(checked(&disk).unwrap_err().fault, Fault::NoStart));
    let rest = disk.take(&name);
    disk.put(&name, &[lost, rest].concat());
    assert_eq!(checked(&disk).unwrap().summary.records, 6, "the two halves are the log");
}

#[test]
fn another_file_in_the_place_of_the_log_is_not_written_to() {
    let disk = Memory::new(1);
    let mut gate = Gate::on(&disk);
    gate.commands(3);
    gate.commit().unwrap();
    let name = disk.names().remove(0);
    let whole = disk.take(&name);
    disk.put(&name, &whole.repeat(2).iter().rev().copied().collect::<Vec<u8>>());
    gate.command();
    assert!(gate.commit().is_err());
    assert!(gate.commit().unwrap_err().to_string().contains("replaced"));
    disk.put(&name, &whole);
    gate.commit().unwrap();
    assert_eq!(checked(&disk).unwrap().summary.records, 5);
}

#[test]
fn people_have_room_where_events_have_none() {
    let disk = Memory::new(1);
    let mut gate = Gate::start(&disk, START, Keeping::default()).unwrap();
    while gate.log.has_room() {
        gate.command();
    }
    let before = gate.log.summary().records;
    gate.log.act(START, 7, &Act::new(Deed::PolicyReload)).unwrap();
    assert_eq!(gate.log.summary().records, before + 1);
    gate.commit().unwrap();
    assert!(gate.log.has_room());
}

/// One start of a gate on a failing disk, to its end or to a cut of the power.
fn live(disk: &Memory, dice: &mut Dice, now: Time, acknowledged: &mut Vec<Vec<u8>>) -> bool {
    let keeping = Keeping { keep_size: Some(48 << 10), ..small() };
    let mut gate = loop {
        if let Ok(gate) = Gate::start(disk, now, keeping.clone()) {
            break gate;
        }
        if dice.once_in(8) {
            return false;
        }
    };
    for _ in 0..dice.below(30) {
        let count = dice.below(8);
        gate.commands(count);
        gate.pass(Duration::from_secs(dice.below(30) as u64));
        // Whoever fails tries again later.
        let _ = gate.commit();
    }
    let ends = dice.once_in(3);
    if ends {
        let sums =
            WorkerSums { worker: 0, events: gate.events, lost: 0, judged: Some(gate.events) };
        gate.log.end(gate.now, &[sums]).unwrap();
        disk.set_faults(Faults::default());
        gate.commit().unwrap();
    }
    acknowledged.append(&mut gate.acknowledged);
    ends
}

#[test]
fn what_was_acknowledged_is_there_after_a_thousand_rounds_of_faults() {
    let mut crashes = 0;
    for seed in 0..1000 {
        let (disk, mut dice) = (Memory::new(seed), Dice::of(seed + 5000));
        let mut acknowledged = Vec::new();
        for start in 0..4 {
            disk.set_faults(Faults { space: 20, write: 20, sync: 10, other: 40 });
            let now = START + Duration::from_hours(start);
            crashes += usize::from(!live(&disk, &mut dice, now, &mut acknowledged));
            disk.crash();
        }
        disk.set_faults(Faults::default());
        let mut last = Gate::start(&disk, START + Duration::from_hours(5), small()).unwrap();
        last.commands(1);
        last.end();
        let verified = checked(&disk).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let log = disk.pieces().concat();
        let there: std::collections::HashSet<_> = log.split_inclusive(|b| *b == b'\n').collect();
        for line in &acknowledged {
            let seq = serde_json::from_slice::<serde_json::Value>(line).unwrap()["seq"].as_u64();
            let kept = there.contains(line.as_slice()) || seq.unwrap() < verified.first;
            assert!(kept, "seed {seed}: record {seq:?} was acknowledged");
        }
    }
    assert!(crashes > 1000, "{crashes}");
}
