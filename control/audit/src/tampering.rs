//! What was done to a log, told from what follows the first record that is wrong.

use std::fmt;
use std::io::BufRead;

use crate::chain::Hash;
use crate::fault::Fault;
use crate::links::{Link, Links, Pieces, link};

/// What was done to a log. It is the simplest that explains what there is: whoever knows the format can make one
/// look like another, and cannot make any look like none where checkpoints were kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tampering {
    /// The record was changed; the next one follows the original.
    Changed,
    /// A line was put in that is not the log's; the next one follows the record before it.
    Inserted,
    /// These records were removed, the first and the last of them by number.
    Removed(u64, u64),
    /// The record that belongs here stands further down.
    Moved,
    /// An older record of this number stands here again.
    Repeated(u64),
    /// The rest was cut off in the middle of this record.
    CutOff,
    /// From here on it is another history: of an older copy of the log, or of another one.
    Replaced,
}

impl fmt::Display for Tampering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tampering::Changed => f.write_str("this record was changed"),
            Tampering::Inserted => f.write_str("this line was inserted"),
            Tampering::Removed(first, last) if first == last => {
                write!(f, "record {first} was removed")
            }
            Tampering::Removed(first, last) => write!(f, "records {first} to {last} were removed"),
            Tampering::Moved => f.write_str("the order was changed: the record is further down"),
            Tampering::Repeated(seq) => write!(f, "record {seq} stands here a second time"),
            Tampering::CutOff => f.write_str("the log was cut off here"),
            Tampering::Replaced => f.write_str("what follows is of another copy of the log"),
        }
    }
}

/// What the line that is wrong, and those behind it, show. `last` is the last record that is right.
pub(crate) fn diagnose<R: BufRead, I: Iterator<Item = R>>(
    fault: &Fault,
    line: &[u8],
    last: Option<(u64, Hash)>,
    rest: &mut Pieces<I>,
) -> Option<Tampering> {
    let (seq, hash) = last?;
    let goes_on = |links: &Links<'_>| links.follows(seq, hash);
    match fault {
        Fault::Cut => Some(Tampering::CutOff),
        Fault::Changed | Fault::NotJson | Fault::NotARecord | Fault::TooLong => {
            let mut buffer = Vec::new();
            let next = next_whole(rest, &mut buffer);
            let inserted = next.is_some_and(|link| goes_on(&link.links));
            Some(if inserted { Tampering::Inserted } else { Tampering::Changed })
        }
        Fault::Sequence { expected, found } if found > expected => {
            let moved = is_further_down(rest, seq, hash);
            let removed = Tampering::Removed(*expected, found.saturating_sub(1));
            Some(if moved { Tampering::Moved } else { removed })
        }
        Fault::Sequence { found, .. } => Some(Tampering::Repeated(*found)),
        Fault::Unchained => {
            let original = link(line).ok().map(|link| link.hash);
            let further = is_further_down(rest, seq, hash);
            // The same number with another past.
            original.map(|_| if further { Tampering::Inserted } else { Tampering::Replaced })
        }
        _ => None,
    }
}

/// The next line, where it is whole.
fn next_whole<'b, R: BufRead, I: Iterator<Item = R>>(
    rest: &mut Pieces<I>,
    buffer: &'b mut Vec<u8>,
) -> Option<Link<'b>> {
    rest.next(buffer).ok()??;
    link(buffer).ok()
}

/// Whether the record that belongs behind the last one comes later.
fn is_further_down<R: BufRead, I: Iterator<Item = R>>(
    rest: &mut Pieces<I>,
    seq: u64,
    hash: Hash,
) -> bool {
    let mut line = Vec::new();
    while let Ok(Some(_)) = rest.next(&mut line) {
        if link(&line).is_ok_and(|link| link.links.follows(seq, hash)) {
            return true;
        }
    }
    false
}
