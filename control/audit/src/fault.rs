//! What can be wrong with a log.

use std::fmt;
use std::io;

use crate::tampering::Tampering;
use crate::{FORMAT, MAX_LINE};

/// The first record that is wrong.
#[derive(Debug)]
pub struct VerifyError {
    /// The piece of the log that it stands in, counted from 0.
    pub piece: usize,
    /// The line of that piece, counted from 1.
    pub line: u64,
    /// The number that a record has there.
    pub seq: u64,
    /// What is wrong with it.
    pub fault: Fault,
    /// What was done to the log, as far as what follows shows.
    pub tampering: Option<Tampering>,
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
    /// The first record of a file is neither a `log-start` nor a `log-resume` or `log-next`.
    NoStart,
    /// The log is of a format that this version does not read.
    Format(u32),
    /// It is of another source than the first record.
    Source,
    /// It is not signed by the key that was given.
    Signature,
    /// It says that there are more or fewer records before it than there are.
    Sums(&'static str, Counted),
    /// A checkpoint that was kept elsewhere is of another record of this number.
    NotTheCheckpoint,
    /// The log ends before a record that a checkpoint was kept of.
    Truncated {
        /// That record's number.
        known: u64,
    },
    /// Records before the first one are missing, and no `log-delete` says so.
    Headless,
}

/// A number that was said and the number that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// By the record.
    pub said: u64,
    /// By the log.
    pub there: u64,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VerifyError { line, seq, fault, tampering, .. } = self;
        write!(f, "line {line} (record {seq}): {fault}")?;
        tampering.as_ref().map_or(Ok(()), |tampering| write!(f, "; {tampering}"))
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
            Fault::NoStart => f.write_str("the first record of a file does not begin one"),
            Fault::Format(format) => write!(f, "format {format}, but this reads {FORMAT}"),
            Fault::Source => f.write_str("a record of another source"),
            Fault::Signature => f.write_str("not signed by this key"),
            Fault::Sums(what, Counted { said, there }) => {
                write!(f, "it says {said} {what}, but there are {there}")
            }
            Fault::NotTheCheckpoint => f.write_str(
                "replaced: a checkpoint kept elsewhere is of another record with this number",
            ),
            Fault::Truncated { known } => write!(
                f,
                "truncated: a checkpoint kept elsewhere is of record {known}, which is missing \
                 with all that was before it"
            ),
            Fault::Headless => {
                f.write_str("records before it are missing, and no log-delete tells of them")
            }
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
