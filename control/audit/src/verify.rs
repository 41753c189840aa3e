//! Checking a log.
//!
//! The input is not trusted: it may be any bytes of any length. One line at a time is held.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, Read};

use serde::Deserialize;
use serde_json::error::Category;

use crate::chain::{self, Hash};
use crate::{FORMAT, MAX_LINE, Summary};

/// The first record that is wrong.
#[derive(Debug)]
pub struct VerifyError {
    /// The line it stands in, counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a record.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// It could not be read.
    Read(io::Error),
    /// There is none: a log has at least its `log-start`.
    Empty,
    /// It ends without a newline.
    Cut,
    /// It is longer than [`MAX_LINE`].
    TooLong,
    /// It is not JSON.
    NotJson,
    /// It is JSON, but not a record: a field is missing, twice or of another type, or the hash is
    /// not at the end.
    NotARecord,
    /// It is not what was hashed.
    Changed,
    /// Its number is not the next.
    Sequence {
        /// The number that comes next.
        expected: u64,
        /// The number it has.
        found: u64,
    },
    /// Its `prev` is not the hash of the record before.
    Unchained,
    /// The first record is not a `log-start`.
    NoStart,
    /// The log is of a format that this version does not read.
    Format(u32),
    /// It is of another source than the first record.
    Source,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.fault)
    }
}

impl fmt::Display for Fault {
    /// Nothing of the line itself is printed: it may hold anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Read(error) => write!(f, "cannot be read: {error}"),
            Fault::Empty => f.write_str("empty: a log begins with a log-start record"),
            Fault::Cut => f.write_str("cut: the last line does not end"),
            Fault::TooLong => write!(f, "longer than {MAX_LINE} bytes"),
            Fault::NotJson => f.write_str("not JSON"),
            Fault::NotARecord => f.write_str("not a record: a field is missing or wrong"),
            Fault::Changed => f.write_str("changed: the record does not have its hash"),
            Fault::Sequence { expected, found } => sequence(f, *expected, *found),
            Fault::Unchained => f.write_str("prev is not the hash of the record before"),
            Fault::NoStart => f.write_str("the first record is not a log-start"),
            Fault::Format(format) => write!(f, "format {format}, but this reads {FORMAT}"),
            Fault::Source => f.write_str("a record of another source"),
        }
    }
}

fn sequence(f: &mut fmt::Formatter<'_>, expected: u64, found: u64) -> fmt::Result {
    let what = if found > expected { "records are missing" } else { "out of order or twice" };
    write!(f, "{what}: seq {found} where {expected} comes next")
}

impl std::error::Error for VerifyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            Fault::Read(error) => Some(error),
            _ => None,
        }
    }
}

/// Reads a whole log and checks every record, in memory of one line.
///
/// An `Ok` says that these records, from the first to the last one here, are those that were
/// chained. It cannot say that none followed: compare [`Summary`] with what was kept elsewhere.
///
/// # Errors
/// The first record that is wrong.
pub fn verify<R: BufRead>(reader: R) -> Result<Summary, VerifyError> {
    verify_each(reader, |_line| ())
}

/// The same, and shows each record that is right, as its line without the newline.
///
/// # Errors
/// The first record that is wrong; those before it were shown.
pub fn verify_each<R: BufRead>(
    mut reader: R,
    mut each: impl FnMut(&[u8]),
) -> Result<Summary, VerifyError> {
    let mut line = Vec::new();
    let mut log: Option<Summary> = None;
    loop {
        let number = log.as_ref().map_or(0, |log| log.records).saturating_add(1);
        let at_line = |fault| VerifyError { line: number, fault };
        if !read_line(&mut reader, &mut line).map_err(at_line)? {
            return log.ok_or(at_line(Fault::Empty));
        }
        log = Some(check(log, &line).map_err(at_line)?);
        each(&line);
    }
}

/// Reads a line without its newline; `false` at the end.
fn read_line<R: BufRead>(reader: &mut R, line: &mut Vec<u8>) -> Result<bool, Fault> {
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

/// The fields that the chain is made of.
#[derive(Deserialize)]
struct Links<'a> {
    seq: u64,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    format: Option<u32>,
    #[serde(borrow)]
    prev: Cow<'a, str>,
}

/// The log with one more record.
///
/// The record's own hash comes first: where it holds, what the record says of itself was written
/// so, and a number or `prev` that does not fit tells of records that were moved or removed.
fn check(log: Option<Summary>, line: &[u8]) -> Result<Summary, Fault> {
    let links: Links<'_> = serde_json::from_slice(line).map_err(|error| json_fault(&error))?;
    let (hash, digits) = chain::open(line).ok_or(Fault::NotARecord)?;
    if hash.hex() != *digits {
        return Err(Fault::Changed);
    }
    let log = log.map_or_else(|| begin(&links), Ok)?;
    follow(log, &links, hash)
}

fn json_fault(error: &serde_json::Error) -> Fault {
    match error.classify() {
        Category::Data => Fault::NotARecord,
        Category::Syntax | Category::Eof | Category::Io => Fault::NotJson,
    }
}

/// The log before its first record.
fn begin(links: &Links<'_>) -> Result<Summary, Fault> {
    match links.format {
        _ if links.kind != "log-start" => Err(Fault::NoStart),
        None => Err(Fault::NotARecord),
        Some(FORMAT) => {
            Ok(Summary { source: (*links.source).into(), records: 0, last: Hash::ZERO })
        }
        Some(other) => Err(Fault::Format(other)),
    }
}

fn follow(log: Summary, links: &Links<'_>, hash: Hash) -> Result<Summary, Fault> {
    let expected = log.records.saturating_add(1);
    if links.seq != expected {
        return Err(Fault::Sequence { expected, found: links.seq });
    }
    if links.prev.as_bytes() != log.last.hex() {
        return Err(Fault::Unchained);
    }
    if *links.source != *log.source {
        return Err(Fault::Source);
    }
    Ok(Summary { records: expected, last: hash, ..log })
}
