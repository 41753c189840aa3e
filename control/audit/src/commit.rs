//! Blocks of a log to the disk: written, waited for, acknowledged.

use std::io;

use crate::files::Files;
use crate::writer::Block;

/// Bytes that are remembered of what was written last: the newline, the brace, and a hash.
const TAIL: usize = 67;

/// Writes blocks to files. A block is acknowledged when all of it is on the disk, and not before; where that
/// fails it is tried again, as a whole, from the place where it belongs.
#[derive(Debug)]
pub struct Committer<F: Files> {
    files: F,
    /// Where the next line goes: all before is on the disk.
    place: Option<Place>,
    /// The file of that place, open; `None` after a failure.
    file: Option<F::File>,
    /// The number of the last record that is on the disk.
    through: u64,
    /// Files that the log says are deleted, and that are still there.
    deletes: Vec<Box<str>>,
}

/// A place in the files.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    name: Box<str>,
    offset: u64,
    /// What stands right before it, [`TAIL`] bytes at most: another file of this name is not written to.
    tail: Vec<u8>,
    /// The file was made by this committer, so it may be there already when it is tried again.
    made: bool,
}

impl<F: Files> Committer<F> {
    /// Nothing is written yet: the first block begins a file.
    pub fn new(files: F) -> Committer<F> {
        Committer { files, place: None, file: None, through: 0, deletes: Vec::new() }
    }

    /// The number of the last record that is on the disk.
    pub const fn through(&self) -> u64 {
        self.through
    }

    /// Writes these blocks and waits until they are on the disk: one wait for all of them that are in one file.
    /// Then files are deleted that the blocks say are deleted, those included that could not be before.
    ///
    /// # Errors
    /// What the disk says. How many of the blocks are on the disk is what is returned; those, and no others, must
    /// not be given again.
    pub fn commit(&mut self, blocks: &[Block]) -> (usize, io::Result<()>) {
        let mut done = 0;
        for chunk in blocks.chunk_by(|_, next| next.begins.is_none()) {
            if let Err(error) = self.commit_in_one_file(chunk) {
                // What a failed fdatasync leaves of a file's pages nobody knows: it is opened and written anew.
                self.file = None;
                return (done, Err(error));
            }
            done += chunk.len();
            self.deletes.extend(chunk.iter().flat_map(|block| block.deletes.iter().cloned()));
        }
        (done, self.delete())
    }

    fn commit_in_one_file(&mut self, blocks: &[Block]) -> io::Result<()> {
        let Some(first) = blocks.first() else { return Ok(()) };
        if let Some(name) = &first.begins {
            self.begin(name);
        }
        self.open()?;
        let (Some(file), Some(place)) = (&self.file, &self.place) else {
            return Err(io::Error::other("a log begins with a file"));
        };
        let mut next = place.clone();
        for block in blocks {
            self.files.write(file, next.offset, &block.lines)?;
            next.pass(&block.lines);
        }
        self.files.sync(file)?;
        if place.offset == 0 {
            self.files.sync_folder()?;
        }
        if !self.files.is_in_place(&place.name, file)? {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the file is gone"));
        }
        self.place = Some(next);
        self.through = blocks.last().map_or(self.through, |block| block.through);
        Ok(())
    }

    /// The next line is the first of this file; that it is tried again changes nothing.
    fn begin(&mut self, name: &str) {
        let again = self.place.as_ref().is_some_and(|place| *place.name == *name);
        if !again {
            let (offset, tail, made) = (0, Vec::new(), false);
            self.place = Some(Place { name: name.into(), offset, tail, made });
            self.file = None;
        }
    }

    /// Opens the file of the place, where it is not. One that was taken away is made anew: what follows begins
    /// in the middle of the chain, which says what is missing.
    fn open(&mut self) -> io::Result<()> {
        let (None, Some(place)) = (&self.file, &mut self.place) else { return Ok(()) };
        let there = if place.made { self.files.open(&place.name) } else { not_there() };
        self.file = Some(match there {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = self.files.create(&place.name)?;
                (place.offset, place.made) = (0, true);
                place.tail.clear();
                file
            }
            there => {
                let file = there?;
                place.check(&mut self.files, &file)?;
                file
            }
        });
        Ok(())
    }

    fn delete(&mut self) -> io::Result<()> {
        while let Some(name) = self.deletes.last() {
            self.files.remove(name)?;
            self.deletes.pop();
        }
        Ok(())
    }
}

fn not_there<T>() -> io::Result<T> {
    Err(io::ErrorKind::NotFound.into())
}

impl Place {
    /// These lines are before it now.
    fn pass(&mut self, lines: &[u8]) {
        self.offset += lines.len() as u64;
        self.tail.extend_from_slice(lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or(lines));
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
    }

    /// Whether what stands before it in this file is what was written there.
    fn check<F: Files>(&self, files: &mut F, file: &F::File) -> io::Result<()> {
        let mut tail = vec![0; self.tail.len()];
        let from = self.offset.saturating_sub(tail.len() as u64);
        let count = files.read(file, from, &mut tail)?;
        if count == tail.len() && tail == self.tail {
            return Ok(());
        }
        let what = "the file is not what was written: it has been cut or replaced";
        Err(io::Error::new(io::ErrorKind::InvalidData, what))
    }
}
