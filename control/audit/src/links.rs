//! What ties a record to the others: the fields of its line that a reader of the whole log needs.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use serde::Deserialize;
use serde_json::error::Category;

use crate::MAX_LINE;
use crate::chain::{self, Hash};
use crate::fault::Fault;
use crate::mark::WorkerSums;

/// The fields that the chain and the sums are made of.
#[derive(Debug, Deserialize)]
pub(crate) struct Links<'a> {
    #[serde(borrow, default)]
    pub(crate) time: Cow<'a, str>,
    pub(crate) seq: u64,
    #[serde(borrow)]
    pub(crate) source: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Cow<'a, str>,
    pub(crate) format: Option<u32>,
    pub(crate) worker: Option<u32>,
    pub(crate) event: Option<u64>,
    pub(crate) commands: Option<u64>,
    #[serde(default)]
    pub(crate) workers: Vec<WorkerSums>,
    pub(crate) through: Option<u64>,
    #[serde(borrow)]
    pub(crate) through_hash: Option<Cow<'a, str>>,
    pub(crate) torn: Option<u64>,
    #[serde(borrow)]
    pub(crate) prev: Cow<'a, str>,
}

impl Links<'_> {
    /// Whether it is the record behind the one of this number and hash.
    pub(crate) fn follows(&self, seq: u64, last: Hash) -> bool {
        self.seq == seq.saturating_add(1) && self.prev.as_bytes() == last.hex().as_flattened()
    }

    /// Whether it can be a file's first.
    pub(crate) fn begins_file(&self) -> bool {
        matches!(&*self.kind, "log-start" | "log-resume" | "log-next")
    }

    /// Whether it is one that is signed.
    pub(crate) fn is_checkpoint(&self) -> bool {
        matches!(&*self.kind, "checkpoint" | "log-end")
    }

    /// The hash of what is before it.
    pub(crate) fn prev(&self) -> Option<Hash> {
        Hash::parse(self.prev.as_bytes())
    }
}

/// A record that is what was hashed.
#[derive(Debug)]
pub(crate) struct Link<'a> {
    pub(crate) links: Links<'a>,
    pub(crate) hash: Hash,
    /// The object without its hash and its closing brace.
    pub(crate) object: &'a [u8],
}

/// A line, without its newline, as a record.
pub(crate) fn link(line: &[u8]) -> Result<Link<'_>, Fault> {
    let links: Links<'_> = serde_json::from_slice(line).map_err(|error| json_fault(&error))?;
    let opened = chain::open(line).ok_or(Fault::NotARecord)?;
    if !opened.holds() {
        return Err(Fault::Changed);
    }
    Ok(Link { links, hash: opened.hash, object: opened.object })
}

fn json_fault(error: &serde_json::Error) -> Fault {
    match error.classify() {
        Category::Data => Fault::NotARecord,
        Category::Syntax | Category::Eof | Category::Io => Fault::NotJson,
    }
}

/// Reads a line without its newline; `false` at the end.
pub(crate) fn read_line<R: BufRead>(reader: &mut R, line: &mut Vec<u8>) -> Result<bool, Fault> {
    line.clear();
    // One byte more than allowed tells a line that is too long from one that just fits.
    let limit = MAX_LINE as u64 + 1;
    reader.by_ref().take(limit).read_until(b'\n', line).map_err(Fault::Read)?;
    match line.pop() {
        None => Ok(false),
        Some(b'\n') => Ok(true),
        Some(_) if line.len() == MAX_LINE => Err(Fault::TooLong),
        Some(_) => Err(Fault::Cut),
    }
}

/// The pieces of a log, read one after the other.
pub(crate) struct Pieces<I: Iterator> {
    rest: I,
    open: Option<Piece<I::Item>>,
}

/// One of them: its number, the line that was read last, and the rest of it.
struct Piece<R> {
    reader: R,
    line: u64,
}

impl<R: BufRead, I: Iterator<Item = R>> Pieces<I> {
    pub(crate) fn new(pieces: I) -> Pieces<I> {
        Pieces { rest: pieces, open: None }
    }

    /// Reads the next line; `None` at the end of the last piece. The number of the line, from 1 on in each
    /// piece.
    pub(crate) fn next(&mut self, line: &mut Vec<u8>) -> Result<Option<u64>, (u64, Fault)> {
        loop {
            let Some(piece) = &mut self.open else {
                match self.rest.next() {
                    Some(reader) => self.open = Some(Piece { reader, line: 0 }),
                    None => return Ok(None),
                }
                continue;
            };
            piece.line += 1;
            match read_line(&mut piece.reader, line) {
                Ok(true) => return Ok(Some(piece.line)),
                Ok(false) if piece.line == 1 => return Err((1, Fault::Empty)),
                Ok(false) => self.open = None,
                Err(fault) => return Err((piece.line, fault)),
            }
        }
    }
}

/// So that `?` serves in readers of whole logs.
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Read(error)
    }
}
