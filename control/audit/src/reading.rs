//! Reading a log while a gate may be writing it.
//!
//! Files are opened for reading alone, nothing is locked, and half a record at the end is left for later: the gate
//! does not notice who reads. A file is followed by the next one once that is there, which the gate makes only
//! when the one before has its last record.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::MAX_LINE;
use crate::files::{Disk, FileName, of_log};

/// Bytes asked for at a time.
const CHUNK: usize = 1 << 18;

/// A place in a log: behind a whole record, or at the beginning of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The file; `None` where the log is one file, or nothing was read.
    pub file: Option<FileName>,
    /// Bytes before it in that file.
    pub offset: u64,
}

/// The lines of a log, from a place on, over all its files; one chunk of it is held.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    is_folder: bool,
    at: Position,
    open: Option<Open>,
    /// Bytes passed in all files.
    passed: u64,
}

/// The file that is being read.
#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    buffer: Vec<u8>,
    /// Where the next line begins in the buffer.
    start: usize,
    /// Where the buffer begins in the file.
    base: u64,
}

impl Lines {
    /// A log from its beginning: a file, or the folder of many.
    ///
    /// # Errors
    /// There is no such log.
    pub fn open(path: &Path) -> io::Result<Lines> {
        Lines::open_at(path, Position::default())
    }

    /// From a place on. Where that file is gone, from the first on that is after it.
    ///
    /// # Errors
    /// There is no such log.
    pub fn open_at(path: &Path, at: Position) -> io::Result<Lines> {
        let is_folder = fs::metadata(path)?.is_dir();
        let mut lines = Lines { path: path.to_owned(), is_folder, at, open: None, passed: 0 };
        if !is_folder {
            lines.open = Some(Open::at(path, lines.at.offset)?);
        } else if let Some(name) = lines.at.file {
            let there = Open::at(&path.join(name.to_string()), lines.at.offset);
            lines.open = present(there)?;
        }
        Ok(lines)
    }

    /// The next whole line, without its newline; `None` where there is none yet.
    ///
    /// Of a line that is longer than any record a part is returned, which is none either.
    ///
    /// # Errors
    /// What the disk says.
    pub fn read(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            if let Some(range) = self.open.as_mut().map_or(Ok(None), Open::find)? {
                let Some(open) = &self.open else { return Ok(None) };
                self.at.offset = open.base + open.start as u64;
                self.passed += range.len() as u64 + 1;
                return Ok(open.buffer.get(range));
            }
            if !self.advance()? {
                return Ok(None);
            }
        }
    }

    /// The place behind the last line.
    pub fn position(&self) -> Position {
        self.at.clone()
    }

    /// Bytes of all lines so far.
    pub const fn passed(&self) -> u64 {
        self.passed
    }

    /// Opens the file after this one, or this one anew where another lies in its place; false where there is none.
    fn advance(&mut self) -> io::Result<bool> {
        if !self.is_folder {
            return Ok(false);
        }
        let after = self.at.file;
        let Some(next) = self.names()?.into_iter().find(|name| after.is_none_or(|at| *name > at))
        else {
            return self.renew();
        };
        // The file may have grown since it was at its end, and until the next one was there.
        if self.open.as_mut().is_some_and(|open| open.has_more()) {
            return Ok(true);
        }
        // Deleted in between: the next look finds the one after.
        let Some(open) = present(Open::at(&self.path.join(next.to_string()), 0))? else {
            return Ok(false);
        };
        (self.at, self.open) = (Position { file: Some(next), offset: 0 }, Some(open));
        Ok(true)
    }

    /// A file that was taken away is made anew by the gate, under its old name.
    fn renew(&mut self) -> io::Result<bool> {
        let Some(open) = &mut self.open else { return Ok(false) };
        if open.is_in_place()? {
            return Ok(false);
        }
        let Some(again) = present(Open::at(&open.path, 0))? else { return Ok(false) };
        *open = again;
        self.at.offset = 0;
        Ok(true)
    }

    fn names(&self) -> io::Result<Vec<FileName>> {
        of_log(&mut Disk::new(&self.path))
    }
}

impl Open {
    fn at(path: &Path, offset: u64) -> io::Result<Open> {
        let file = File::open(path)?;
        Ok(Open { file, path: path.to_owned(), buffer: Vec::new(), start: 0, base: offset })
    }

    /// The next whole line in the buffer, which is filled where there is none.
    fn find(&mut self) -> io::Result<Option<std::ops::Range<usize>>> {
        let mut seen = self.start;
        loop {
            let rest = self.buffer.get(seen..).unwrap_or_default();
            if let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                let line = self.start..seen + at;
                self.start = line.end + 1;
                return Ok(Some(line));
            }
            if self.buffer.len() - self.start > MAX_LINE {
                let line = self.start..self.start + MAX_LINE;
                self.start = line.end;
                return Ok(Some(line));
            }
            seen = self.buffer.len() - self.start;
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Reads on, behind what is left of the buffer; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.base += self.start as u64;
        self.start = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + CHUNK, 0);
        let read = match self.buffer.get_mut(before..) {
            Some(room) => read_at(&self.file, room, self.base + before as u64),
            None => Ok(0),
        };
        self.buffer.truncate(before + *read.as_ref().unwrap_or(&0));
        read.map(|count| count > 0)
    }

    /// Whether there are bytes behind the buffer.
    fn has_more(&mut self) -> bool {
        let end = self.base + self.buffer.len() as u64;
        self.file.metadata().is_ok_and(|data| data.len() > end)
    }

    fn is_in_place(&self) -> io::Result<bool> {
        let id = |data: fs::Metadata| (data.dev(), data.ino());
        match present(fs::metadata(&self.path))? {
            Some(there) => Ok(id(there) == id(self.file.metadata()?)),
            None => Ok(true),
        }
    }
}

fn read_at(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(room, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

/// `None` where it is not there.
fn present<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        outcome => outcome.map(Some),
    }
}

/// The last records that `wanted` says yes to, `most` at most, in their order; and the place behind all that was
/// there. What is before them is not read.
///
/// # Errors
/// There is no such log, or what the disk says.
pub fn last(
    path: &Path,
    most: usize,
    wanted: impl Fn(&[u8]) -> bool,
) -> io::Result<(Vec<Vec<u8>>, Position)> {
    let mut found = Vec::new();
    let mut end = None;
    let files: Vec<_> = if fs::metadata(path)?.is_dir() {
        let names = of_log(&mut Disk::new(path))?;
        names.into_iter().rev().map(|name| (Some(name), path.join(name.to_string()))).collect()
    } else {
        vec![(None, path.to_owned())]
    };
    for (name, path) in files {
        // Deleted meanwhile: so are all before it.
        let Some(file) = present(File::open(path))? else { break };
        let whole = whole_until(&file)?;
        end.get_or_insert(Position { file: name, offset: whole });
        back(&file, whole, &mut found, most, &wanted)?;
        if found.len() >= most {
            break;
        }
    }
    found.reverse();
    Ok((found, end.unwrap_or_default()))
}

/// Where the last whole line of a file ends.
fn whole_until(file: &File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(MAX_LINE as u64);
    let mut tail = vec![0; (length - from) as usize];
    let count = read_at(file, &mut tail, from)?;
    tail.truncate(count);
    Ok(tail.iter().rposition(|byte| *byte == b'\n').map_or(from, |at| from + at as u64 + 1))
}

/// The lines of a file from `end` backwards; the last comes first.
fn back(
    file: &File,
    mut end: u64,
    found: &mut Vec<Vec<u8>>,
    most: usize,
    wanted: &impl Fn(&[u8]) -> bool,
) -> io::Result<()> {
    let mut rest = Vec::new();
    while end > 0 && found.len() < most {
        let from = end.saturating_sub(CHUNK as u64);
        let mut chunk = vec![0; (end - from) as usize];
        file.read_exact_at(&mut chunk, from)?;
        chunk.append(&mut rest);
        let body = chunk.strip_suffix(b"\n").unwrap_or(&chunk);
        let mut lines = body.rsplit(|byte| *byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            // The first of the chunk may begin before it.
            if lines.peek().is_none() && from > 0 {
                let kept = line.get(..line.len().min(MAX_LINE)).unwrap_or_default();
                rest = [kept, b"\n"].concat();
            } else if found.len() < most && wanted(line) {
                found.push(line.to_vec());
            }
        }
        end = from;
    }
    Ok(())
}
