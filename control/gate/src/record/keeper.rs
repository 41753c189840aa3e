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
use super::file::RecordFile;
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
    fault: Option<String>,
    /// Frames that are in no record though they should be, of sessions that have ended.
    missing: u64,
}

impl Keeper {
    /// Of records in `folder`, each of `session_size` bytes at most.
    pub(crate) fn new(folder: PathBuf, session_size: u64) -> Keeper {
        let (open, ended) = (HashMap::new(), Vec::new());
        Keeper { folder, session_size, open, ended, fault: None, missing: 0 }
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
        let missing = file.missing() + lost.saturating_sub(lost_before);
        file.end(ending.time, missing, &comments::of_end(ending, missing));
        self.missing += missing;
        self.ended.push(file);
    }

    /// Brings to the disk what waits for it.
    pub(crate) fn flush(&mut self) {
        let ended = self.ended.iter_mut();
        let files = self.open.values_mut().map(|open| &mut open.file).chain(ended);
        let outcomes: Vec<io::Result<()>> = files.map(RecordFile::flush).collect();
        self.ended.retain(|file| !file.is_written());
        let tried = outcomes.into_iter().find_map(Result::err);
        // Where people are refused because of it, no frame comes that could be written.
        let tried = tried.or_else(|| self.fault.as_ref().and_then(|_| self.probe().err()));
        self.fault = None;
        if let Some(error) = tried {
            self.fail(&error);
        }
    }

    fn fail(&mut self, error: &io::Error) {
        let name = self.folder.display();
        self.fault = Some(format!("{name}: sessions are not recorded: {error}"));
    }

    /// What is wrong, as long as the disk takes nothing.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Records that are open.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    /// Frames that are in no record though they should be, `lost` of them for want of room.
    pub(crate) fn missing(&self) -> u64 {
        self.missing + self.open.values().map(|open| open.file.missing()).sum::<u64>()
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
