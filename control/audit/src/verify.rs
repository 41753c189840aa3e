//! Checking a log.
//!
//! The input is not trusted: it may be any bytes of any length. One line at a time is held.

use std::io::BufRead;

use crate::Summary;
use crate::check::Check;
use crate::fault::VerifyError;
use crate::links::Pieces;
use crate::tampering::diagnose;
use crate::trust::Trust;

/// What a log that is whole says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it amounts to.
    pub summary: Summary,
    /// Its first record here; those before were deleted, or are in other files.
    pub first: u64,
    /// Whether a `log-delete` tells of those before.
    pub told_deleted: bool,
    /// How often the gate started on it again without having ended it.
    pub crashes: u64,
    /// Bytes behind the last whole record that were cut off then.
    pub torn: u64,
    /// Checkpoints in it.
    pub checkpoints: u64,
    /// Those of them that the given key has signed.
    pub signed: u64,
    /// Those that were kept elsewhere, and are these.
    pub matched: u64,
    /// Events that workers could not tell.
    pub lost: u64,
    /// Records after the last checkpoint: nothing vouches for them yet.
    pub unsigned_tail: u64,
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
pub fn verify_each<R: BufRead>(reader: R, each: impl FnMut(&[u8])) -> Result<Summary, VerifyError> {
    verify_log(std::iter::once(reader), &Trust::default(), each).map(|found| found.summary)
}

/// Checks a log in several pieces, in their order, and against what is known of it from elsewhere; shows each
/// record that is right.
///
/// # Errors
/// The first record that is wrong, or that is missing; those before it were shown.
pub fn verify_log<R: BufRead>(
    pieces: impl Iterator<Item = R>,
    trust: &Trust,
    mut each: impl FnMut(&[u8]),
) -> Result<Verified, VerifyError> {
    let mut pieces = Pieces::new(pieces);
    let (mut log, mut line, mut piece) = (Check::new(trust), Vec::new(), 0);
    loop {
        let (number, fault) = match pieces.next(&mut line) {
            Ok(Some(number)) => {
                piece += usize::from(number == 1);
                match log.line(&line, number == 1) {
                    Ok(()) => {
                        each(&line);
                        continue;
                    }
                    Err(fault) => (number, fault),
                }
            }
            Ok(None) => match log.end() {
                Ok(verified) => return Ok(verified),
                Err(fault) => (0, fault),
            },
            Err((number, fault)) => {
                piece += usize::from(number == 1);
                (number, fault)
            }
        };
        let seq = log.next_seq();
        let tampering = diagnose(&fault, &line, log.last(), &mut pieces);
        return Err(VerifyError {
            piece: piece.max(1) - 1,
            line: number.max(1),
            seq,
            fault,
            tampering,
        });
    }
}
