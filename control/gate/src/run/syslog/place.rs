//! How far records were sent, kept over starts of the gate.
//!
//! The file is open before files are fenced, and written in place: two slots in turn, of which the one with the higher
//! number counts. It is not waited for on the disk: what is lost of it is sent twice.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use wicketgate_audit::{FileName, Position};

/// Bytes of a slot: two numbers of 20 digits, one of them twice, a name, blanks.
const SLOT: usize = 128;
/// The mode of the file.
const MODE: u32 = 0o640;

/// Behind which record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) position: Position,
    /// The record's `seq`; 0 where there is none.
    pub(super) seq: u64,
}

/// The file.
#[derive(Debug)]
pub(super) struct Place {
    file: File,
    turn: u64,
    /// The number that counts.
    seq: u64,
}

impl Place {
    /// Opens the file, made if there is none, with what it says.
    pub(super) fn open(path: &Path) -> io::Result<(Place, Option<Sent>)> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(MODE);
        let file = options.open(path)?;
        let slots = [0, 1].map(|turn| read(&file, turn));
        let sent = slots.into_iter().flatten().max_by_key(|sent| sent.seq);
        let seq = sent.as_ref().map_or(0, |sent| sent.seq);
        Ok((Place { file, turn: 0, seq }, sent))
    }

    /// Writes down how far.
    pub(super) fn keep(&mut self, sent: &Sent) -> io::Result<()> {
        let Some(name) = sent.position.file else { return Ok(()) };
        let text = format!("{} {name} {} {}", sent.seq, sent.position.offset, sent.seq);
        let slot = format!("{text:<width$}\n", width = SLOT - 1);
        // In a log that was begun anew numbers are lower: nothing of the one before may count.
        let slots = if sent.seq < self.seq { 2 } else { 1 };
        self.seq = sent.seq;
        for _ in 0..slots {
            self.turn += 1;
            self.file.write_all_at(slot.as_bytes(), self.turn % 2 * SLOT as u64)?;
        }
        Ok(())
    }
}

/// A slot; one that is half written begins and ends with different numbers.
fn read(file: &File, turn: u64) -> Option<Sent> {
    let mut slot = [0; SLOT];
    file.read_exact_at(&mut slot, turn * SLOT as u64).ok()?;
    let mut words = str::from_utf8(&slot).ok()?.split_whitespace();
    let seq = words.next()?.parse().ok()?;
    let file = FileName::parse(words.next()?);
    let offset = words.next()?.parse().ok()?;
    let same = words.next()?.parse() == Ok(seq);
    (same && file.is_some()).then_some(Sent { position: Position { file, offset }, seq })
}

#[cfg(test)]
mod tests {
    use wicketgate_packet::Time;

    use super::*;

    fn sent(seq: u64) -> Sent {
        let file = Some(FileName::new(u32::MAX, Time::EPOCH));
        Sent { position: Position { file, offset: u64::MAX }, seq }
    }

    #[test]
    fn the_last_place_is_kept_and_half_of_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("place");
        let (mut place, nothing) = Place::open(&path).unwrap();
        assert_eq!(nothing, None);
        for seq in [1, 7, u64::MAX - 1, u64::MAX] {
            place.keep(&sent(seq)).unwrap();
            assert_eq!(Place::open(&path).unwrap().1, Some(sent(seq)));
        }
        // The slot that was written last, torn: the one before counts.
        place.file.write_all_at(b"17 ", place.turn % 2 * SLOT as u64).unwrap();
        assert_eq!(Place::open(&path).unwrap().1, Some(sent(u64::MAX - 1)));
    }

    #[test]
    fn a_place_in_another_log_counts_once_it_is_kept_however_low_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("place");
        let (mut place, _) = Place::open(&path).unwrap();
        [1_000_000, 1_000_001].iter().for_each(|seq| place.keep(&sent(*seq)).unwrap());
        let (mut place, _) = Place::open(&path).unwrap();
        place.keep(&sent(3)).unwrap();
        assert_eq!(Place::open(&path).unwrap().1, Some(sent(3)));
    }
}
