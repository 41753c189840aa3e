//! The records that are open, by session.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::io;
use std::path::PathBuf;

use wicketgate_engine::event::{Event, EventKind, Totals};
use wicketgate_engine::{Copied, Tables};
use wicketgate_packet::Time;

use super::comments;
use super::file::{Missing, RecordFile};
use crate::words;

/// What is written to find out whether a disk takes something again.
const PROBE: &str = ".probe";

/// How a session ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) session: u64,
    pub(crate) time: Time,
    /// Why.
    pub(crate) cause: &'static str,
    pub(crate) totals: Totals,
}

impl Ending {
    /// What an event says, if it is a session's end.
    pub(crate) fn of(event: &Event, time: Time) -> Option<Ending> {
        match event.kind {
            EventKind::SessionEnd { cause, totals } => {
                Some(Ending { session: event.session, time, cause: cause.name(), totals })
            }
            _ => None,
        }
    }
}

/// A record, and how many copies had been lost when it began.
struct Open {
    file: RecordFile,
    lost_before: u64,
}

/// Writes records into a folder.
pub(crate) struct Keeper {
    folder: PathBuf,
    session_size: u64,
    open: HashMap<u64, Open>,
    /// Ended, and not yet on the disk.
    ended: Vec<RecordFile>,
    /// Frames that are missing from those that are there, and over.
    missing: Missing,
    fault: Option<String>,
}

impl Keeper {
    /// Of records in `folder`, each of `session_size` bytes at most.
    pub(crate) fn new(folder: PathBuf, session_size: u64) -> Keeper {
        let (open, ended, missing) = (HashMap::new(), Vec::new(), Missing::default());
        Keeper { folder, session_size, open, ended, missing, fault: None }
    }

    /// Adds a copy to its session's record. It was taken at `time` by the wall clock; `lost` copies found no room
    /// so far.
    pub(crate) fn keep(&mut self, tables: &Tables, copied: &Copied, time: Time, lost: u64) {
        let open = match self.open.entry(copied.whose.session) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => {
                let comment = comments::of_session(tables, copied, time);
                let folder = self.folder.join(day(time));
                let (session, size) = (copied.whose.session, self.session_size);
                // To begin one in memory does not fail.
                let Ok(file) = RecordFile::new(folder, session, &comment, size) else { return };
                place.insert(Open { file, lost_before: lost })
            }
        };
        open.file.frame(time, copied, &comments::of_frame(tables, copied));
        if open.file.is_due()
            && self.fault.is_none()
            && let Err(error) = open.file.flush()
        {
            self.fail(&error);
        }
    }

    /// Ends a session's record, if it has one.
    pub(crate) fn end(&mut self, ending: &Ending, lost: u64) {
        let Some(Open { mut file, lost_before }) = self.open.remove(&ending.session) else {
            return;
        };
        // Whose copies found no room nobody knows: it is said of all that were recorded then.
        let missing = file.missing().all() + lost.saturating_sub(lost_before);
        file.end(ending.time, missing, &comments::of_end(ending, missing));
        self.ended.push(file);
    }

    /// Brings to the disk what waits for it.
    pub(crate) fn flush(&mut self) {
        let ended = self.ended.iter_mut();
        let files = self.open.values_mut().map(|open| &mut open.file).chain(ended);
        let outcomes: Vec<io::Result<()>> = files.map(RecordFile::flush).collect();
        self.ended
            .iter()
            .filter(|file| file.is_written())
            .for_each(|file| self.missing.add(file.missing()));
        self.ended.retain(|file| !file.is_written());
        let tried = outcomes.into_iter().find_map(Result::err);
        // Where people are refused because of it, no frame comes that could be written.
        let tried = tried.or_else(|| self.fault.as_ref().and_then(|_| self.probe().err()));
        self.fault = None;
        if let Some(error) = tried {
            self.fail(&error);
        }
    }

    /// Frames that are missing from all records so far, but for those that found no room on their way here.
    pub(crate) fn missing(&self) -> Missing {
        let mut sum = self.missing;
        let files = self.open.values().map(|open| &open.file).chain(&self.ended);
        files.for_each(|file| sum.add(file.missing()));
        sum
    }

    fn fail(&mut self, error: &io::Error) {
        let name = self.folder.display();
        self.fault = Some(format!("{name}: sessions are not recorded: {error}"));
    }

    /// What is wrong, as long as the disk takes nothing.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Makes the folder, and sees whether something can be written there.
    ///
    /// # Errors
    /// It cannot.
    pub(crate) fn probe(&self) -> io::Result<()> {
        let path = self.folder.join(PROBE);
        fs::create_dir_all(&self.folder)?;
        fs::write(&path, [0; 4096])?;
        fs::remove_file(&path)
    }
}

/// `2026-03-02`, UTC: the folder of a day.
fn day(time: Time) -> String {
    words::time(time).chars().take_while(|letter| *letter != 'T').collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::path::Path;
    use std::sync::OnceLock;

    use wicketgate_dissectors::Direction;
    use wicketgate_engine::{GrantId, Whose};
    use wicketgate_packet::FrameBuf;
    use wicketgate_ports::{CaptureReader, Pool};

    use super::*;

    /// 2026-03-02 08:00:00 UTC.
    const START: Time = Time::from_nanos(1_772_438_400_000_000_000);

    /// Of nobody.
    static TABLES: OnceLock<Tables> = OnceLock::new();

    fn keep(keeper: &mut Keeper, frame: u8, lost: u64) {
        let client = (Ipv4Addr::new(192, 168, 20, 7), 50_000);
        let whose = Whose { session: 7, epoch: 1, grant: GrantId(0), client };
        let copied = Copied::new(whose, START, Direction::ToServer, &[frame; 100]);
        let tables = TABLES.get_or_init(|| {
            let nothing = wicketgate_policy::parse("", "policy.toml").unwrap();
            nothing.compile(&[], START, 1).unwrap().tables
        });
        keeper.keep(tables, &copied, START, lost);
    }

    fn end(keeper: &mut Keeper, lost: u64) {
        let totals = Totals::default();
        keeper.end(&Ending { session: 7, time: START, cause: "closed", totals }, lost);
        keeper.flush();
    }

    /// The frames of a record by their first byte; and all of it as text.
    fn read(record: &Path) -> (Vec<u8>, String) {
        let (mut frame, mut frames) = (Pool::new(1).take().unwrap(), Vec::new());
        let mut reader = CaptureReader::open(record).unwrap();
        while reader.read(&mut frame).unwrap().is_some() {
            frames.push(frame.bytes()[0]);
        }
        (frames, String::from_utf8_lossy(&fs::read(record).unwrap()).into_owned())
    }

    fn record(folder: &tempfile::TempDir, name: &str) -> PathBuf {
        folder.path().join("2026-03-02").join(name)
    }

    fn keeper(folder: &tempfile::TempDir, size: u64) -> Keeper {
        Keeper::new(folder.path().to_owned(), size)
    }

    #[test]
    fn a_record_of_a_number_that_is_there_is_another_file() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["7.pcapng", "7-2.pcapng"] {
            let mut keeper = keeper(&folder, u64::MAX);
            keep(&mut keeper, 1, 0);
            keep(&mut keeper, 2, 0);
            end(&mut keeper, 0);
            let (frames, text) = read(&record(&folder, name));
            assert_eq!(frames, [1, 2]);
            assert!(text.contains("the record is complete"), "{text}");
        }
    }

    #[test]
    fn what_is_beyond_the_size_or_found_no_room_is_said_to_be_missing() {
        for (size, lost) in [(u64::MAX, 0), (1500, 0), (u64::MAX, 3), (1500, 3)] {
            let folder = tempfile::tempdir().unwrap();
            let mut keeper = keeper(&folder, size);
            // Whatever was lost before it began is none of its frames.
            (0..20).for_each(|frame| keep(&mut keeper, frame, 5));
            end(&mut keeper, 5 + lost);
            let (frames, text) = read(&record(&folder, "7.pcapng"));
            assert_eq!(frames.len() < 20, size == 1500);
            let missing = 20 - frames.len() as u64 + lost;
            let told = match missing {
                0 => "the record is complete".to_owned(),
                missing => format!("INCOMPLETE: up to {missing} frames are missing"),
            };
            assert!(text.contains(&told), "{told}: {text}");
            let beyond = 20 - frames.len() as u64;
            assert_eq!(keeper.missing(), Missing { beyond, ..Missing::default() });
        }
    }

    #[test]
    fn a_record_that_was_taken_away_begins_anew_and_says_what_went() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(&folder, u64::MAX);
        keep(&mut keeper, 1, 0);
        keeper.flush();
        fs::remove_dir_all(folder.path().join("2026-03-02")).unwrap();
        keep(&mut keeper, 2, 0);
        keeper.flush();
        end(&mut keeper, 0);
        let (frames, text) = read(&record(&folder, "7.pcapng"));
        assert_eq!((frames, keeper.fault()), (vec![2], None));
        assert_eq!(keeper.missing(), Missing { deleted: 1, ..Missing::default() });
        assert!(
            text.contains("session: 7") && text.contains("up to 1 frames are missing"),
            "{text}"
        );
    }

    #[test]
    fn half_a_write_is_cut_off_before_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(&folder, u64::MAX);
        keep(&mut keeper, 1, 0);
        keeper.flush();
        let path = record(&folder, "7.pcapng");
        let torn = [fs::read(&path).unwrap(), vec![6, 0, 0, 0, 200]].concat();
        fs::write(&path, torn).unwrap();
        keep(&mut keeper, 2, 0);
        end(&mut keeper, 0);
        assert_eq!(read(&path).0, [1, 2]);
    }

    #[test]
    fn what_cannot_be_written_waits_and_what_is_too_much_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("records");
        // No folder can be made where a file is.
        fs::write(&place, []).unwrap();
        let mut keeper = Keeper::new(place.clone(), u64::MAX);
        (0..20_000).for_each(|frame| keep(&mut keeper, frame as u8, 0));
        keeper.flush();
        assert!(keeper.fault().is_some_and(|fault| fault.contains("sessions are not recorded")));
        fs::remove_file(&place).unwrap();
        end(&mut keeper, 0);
        assert_eq!(keeper.fault(), None, "it can be written again");
        let (frames, text) = read(&place.join("2026-03-02/7.pcapng"));
        assert!((1000..20_000).contains(&frames.len()), "bounded by memory: {}", frames.len());
        assert!(text.contains(&format!("up to {} frames are missing", 20_000 - frames.len())));
    }
}
