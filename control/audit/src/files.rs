//! The files of a log: what they are called, and the few things that are done to them.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rustix::fs::{AtFlags, CWD};
use wicketgate_packet::Time;

/// The mode of a file: its group may read it.
const MODE: u32 = 0o640;

/// Bytes written at a time: a few microseconds in the kernel, which on many systems is left for nobody else
/// meanwhile.
const PIECE: usize = 16 << 10;

/// Bytes with which a write is in no hurry: others may have the core meanwhile.
const UNHURRIED: usize = 1 << 20;

/// Pieces after which they may: on a core that is never idle that may take several milliseconds.
const BREATH: usize = 4;

/// What can be done to a log's files, each named within one folder. The log's writer does nothing else, so that
/// whatever a disk can do to it can be tried without one.
pub trait Files {
    /// An open file.
    type File;

    /// The names of all files that are there.
    ///
    /// # Errors
    /// What the disk says; so too for all that follows.
    fn list(&mut self) -> io::Result<Vec<String>>;

    /// Makes a file that is not there.
    ///
    /// # Errors
    /// It is there.
    fn create(&mut self, name: &str) -> io::Result<Self::File>;

    /// Opens a file that is there.
    ///
    /// # Errors
    /// It is not.
    fn open(&mut self, name: &str) -> io::Result<Self::File>;

    /// Its length in bytes.
    ///
    /// # Errors
    /// What the disk says.
    fn length(&mut self, file: &Self::File) -> io::Result<u64>;

    /// Reads from `offset` on, as much as `into` takes; less only at the file's end.
    ///
    /// # Errors
    /// What the disk says.
    fn read(&mut self, file: &Self::File, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Writes all of it from `offset` on.
    ///
    /// # Errors
    /// What the disk says; any part of it may have been written.
    fn write(&mut self, file: &Self::File, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file.
    ///
    /// # Errors
    /// What the disk says.
    fn truncate(&mut self, file: &Self::File, length: u64) -> io::Result<()>;

    /// Waits until all that was written is on the disk (fdatasync(2)).
    ///
    /// # Errors
    /// What the disk says; nothing that was written since the last success can be relied on.
    fn sync(&mut self, file: &Self::File) -> io::Result<()>;

    /// Waits until the folder has the names of its files on the disk.
    ///
    /// # Errors
    /// What the disk says.
    fn sync_folder(&mut self) -> io::Result<()>;

    /// Whether the name still leads to this file: one that was deleted or moved away takes every write and keeps
    /// none.
    ///
    /// # Errors
    /// What the disk says.
    fn is_in_place(&mut self, name: &str, file: &Self::File) -> io::Result<bool>;

    /// Deletes a file; one that is not there is no error.
    ///
    /// # Errors
    /// What the disk says.
    fn remove(&mut self, name: &str) -> io::Result<()>;
}

/// The files of a folder on the disk.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// The files of this folder.
    pub fn new(folder: &Path) -> Disk {
        Disk { folder: folder.to_owned() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Files for Disk {
    type File = File;

    fn list(&mut self) -> io::Result<Vec<String>> {
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().into_string().ok());
        fs::read_dir(&self.folder)?.filter_map(|entry| name(entry).transpose()).collect()
    }

    fn create(&mut self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(MODE).open(self.path(name))
    }

    fn open(&mut self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(self.path(name))
    }

    fn length(&mut self, file: &File) -> io::Result<u64> {
        file.metadata().map(|data| data.len())
    }

    fn read(&mut self, file: &File, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while let Some(room) = into.get_mut(done..).filter(|room| !room.is_empty()) {
            match file.read_at(room, offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write(&mut self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        for (number, piece) in bytes.chunks(PIECE).enumerate() {
            if number > 0 && number.is_multiple_of(BREATH) && bytes.len() < UNHURRIED {
                thread::yield_now();
            }
            file.write_all_at(piece, offset + (number * PIECE) as u64)?;
        }
        Ok(())
    }

    fn truncate(&mut self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn sync(&mut self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn is_in_place(&mut self, name: &str, file: &File) -> io::Result<bool> {
        let id = |data: fs::Metadata| (data.dev(), data.ino());
        match fs::symlink_metadata(self.path(name)) {
            Ok(there) => Ok(id(there) == id(file.metadata()?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        // By descriptor, which has the same number of a system call on every machine.
        match rustix::fs::unlinkat(CWD, self.path(name), AtFlags::empty()) {
            Err(rustix::io::Errno::NOENT) => Ok(()),
            other => other.map_err(io::Error::from),
        }
    }
}

/// A file, read from its beginning in pieces.
pub(crate) struct Reading<'f, F: Files> {
    files: &'f mut F,
    file: &'f F::File,
    offset: u64,
}

impl<'f, F: Files> Reading<'f, F> {
    /// From this offset on.
    pub(crate) fn from(files: &'f mut F, file: &'f F::File, offset: u64) -> Reading<'f, F> {
        Reading { files, file, offset }
    }
}

impl<F: Files> Read for Reading<'_, F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.files.read(self.file, self.offset, into)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// The name of a log's file: its number among all, and the day (UTC) on which it was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileName {
    number: u32,
    day: Date,
}

impl FileName {
    /// The file of that number, begun at `now`.
    pub fn new(number: u32, now: Time) -> FileName {
        FileName { number, day: day(now) }
    }

    /// Its number: files are in the order of their numbers.
    pub const fn number(self) -> u32 {
        self.number
    }

    /// The day on which it was begun, UTC.
    pub const fn day(self) -> Date {
        self.day
    }

    /// The file after this one, begun at `now`.
    #[must_use]
    pub fn next(self, now: Time) -> FileName {
        FileName::new(self.number.saturating_add(1), now)
    }

    /// Whether `now` is another day.
    pub(crate) fn is_of_another_day(self, now: Time) -> bool {
        self.day != day(now)
    }

    /// `00000012-2026-11-23.jsonl`.
    pub fn parse(name: &str) -> Option<FileName> {
        let (number, day) = name.strip_suffix(".jsonl")?.split_once('-')?;
        let found = FileName { number: number.parse().ok()?, day: day.parse().ok()? };
        (found.to_string() == name).then_some(found)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}-{}.jsonl", self.number, self.day)
    }
}

/// The day, UTC.
fn day(time: Time) -> Date {
    let stamp = Timestamp::from_nanosecond(i128::from(time.as_nanos()));
    stamp.unwrap_or_default().to_zoned(TimeZone::UTC).date()
}

/// The files of a log in the order of their numbers; what else lies in the folder is none.
///
/// # Errors
/// What the disk says.
pub fn of_log<F: Files>(files: &mut F) -> io::Result<Vec<FileName>> {
    let mut found: Vec<_> = files.list()?.iter().filter_map(|name| FileName::parse(name)).collect();
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_numbers_and_others_are_none() {
        let name = FileName::new(12, Time::from_nanos(1_593_258_649_419_685_000));
        assert_eq!(name.to_string(), "00000012-2020-06-27.jsonl");
        assert_eq!(FileName::parse("00000012-2020-06-27.jsonl"), Some(name));
        assert!(name < name.next(Time::EPOCH));
        for other in ["12-2020-06-27.jsonl", "00000012-2020-06-27.torn", "audit.jsonl"] {
            assert_eq!(FileName::parse(other), None, "{other}");
        }
        // What gates before wrote beside each other: logs of their own.
        assert_eq!(FileName::parse("2020-06-27T11:50:49.419685000Z.jsonl"), None);
    }
}
