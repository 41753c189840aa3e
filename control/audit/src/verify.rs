//! Checking a log.
//!
//! The input is not trusted: it may be any bytes of any length. One line at a time is held.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead};

use crate::chain::Hash;
use crate::links::{Link, Links, Pieces, link};
use crate::signature::{PublicKey, Signed};
use crate::tampering::{Tampering, diagnose};
use crate::{FORMAT, MAX_LINE, Summary};

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

/// What is known of a log from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The gate's public key.
    pub key: Option<PublicKey>,
    /// Checkpoints that were kept where the gate's machine cannot change them.
    pub kept: Checkpoints,
    /// All files of the log are here: what is missing before the first record must have been deleted by the gate.
    pub all_files: bool,
}

/// Checkpoints that were kept elsewhere: number and hash of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoints(BTreeMap<u64, Hash>);

impl Checkpoints {
    /// Reads a file of checkpoints, one a line as in the log. With a `key`, each must be signed by it.
    ///
    /// # Errors
    /// The first line that is no such checkpoint. A last line without an end is left out.
    pub fn read<R: BufRead>(reader: R, key: Option<PublicKey>) -> Result<Checkpoints, VerifyError> {
        let mut kept = Checkpoints::default();
        let mut pieces = Pieces::new(std::iter::once(reader));
        let (mut line, mut seq) = (Vec::new(), 0);
        let at = |line, seq, fault| VerifyError { piece: 0, line, seq, fault, tampering: None };
        loop {
            let number = match pieces.next(&mut line) {
                Ok(Some(number)) => number,
                Ok(None) | Err((_, Fault::Cut | Fault::Empty)) => return Ok(kept),
                Err((number, fault)) => return Err(at(number, seq, fault)),
            };
            let found = kept.take(&line, key);
            seq = found.map_err(|fault| at(number, seq.saturating_add(1), fault))?;
        }
    }

    fn take(&mut self, line: &[u8], key: Option<PublicKey>) -> Result<u64, Fault> {
        let Link { links, hash, object } = link(line)?;
        if !links.is_checkpoint() {
            return Err(Fault::NotARecord);
        }
        if key.is_some_and(|key| key.check(object) != Signed::Rightly) {
            return Err(Fault::Signature);
        }
        match self.0.insert(links.seq, hash) {
            // Two histories of one log: the gate went on from an older state of it.
            Some(other) if other != hash => Err(Fault::NotTheCheckpoint),
            _ => Ok(links.seq),
        }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

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

/// A log that is being checked.
struct Check<'t> {
    trust: &'t Trust,
    log: Option<Verified>,
    /// What there is since the gate's last start.
    commands: u64,
    /// For each worker: number of its last event, and how many are lost.
    workers: BTreeMap<u32, (u64, u64)>,
    /// The gate's last start is in what was read.
    since_start: bool,
    /// The last record was a `log-end`, or is not here.
    ended: bool,
    /// The number and the `prev` of the first record, where that is not 1.
    head: Option<(u64, Option<Hash>)>,
}

impl<'t> Check<'t> {
    fn new(trust: &'t Trust) -> Check<'t> {
        Check {
            trust,
            log: None,
            commands: 0,
            workers: BTreeMap::new(),
            since_start: false,
            ended: true,
            head: None,
        }
    }

    fn next_seq(&self) -> u64 {
        self.log.as_ref().map_or(1, |log| log.summary.records.saturating_add(1))
    }

    /// Number and hash of the last record that is right.
    fn last(&self) -> Option<(u64, Hash)> {
        self.log.as_ref().map(|log| (log.summary.records, log.summary.last))
    }

    /// The log with one more record.
    ///
    /// The record's own hash comes first: where it holds, what the record says of itself was written
    /// so, and a number or `prev` that does not fit tells of records that were moved or removed.
    fn line(&mut self, line: &[u8], begins: bool) -> Result<(), Fault> {
        let link = link(line)?;
        let mut log = match self.log.take() {
            Some(log) => log,
            None => self.begin(&link.links)?,
        };
        let checked = self.follow(&mut log, &link, begins);
        self.log = Some(log);
        checked
    }

    /// The log before its first record here.
    fn begin(&mut self, links: &Links<'_>) -> Result<Verified, Fault> {
        match links.format {
            _ if !links.begins_file() => return Err(Fault::NoStart),
            None => return Err(Fault::NotARecord),
            Some(FORMAT) => {}
            Some(other) => return Err(Fault::Format(other)),
        }
        let first = if links.kind == "log-start" { 1 } else { links.seq.max(1) };
        if first > 1 {
            self.head = Some((first, links.prev()));
        }
        let last = if first > 1 { links.prev().ok_or(Fault::NotARecord)? } else { Hash::ZERO };
        let source = (*links.source).into();
        Ok(Verified {
            summary: Summary { source, records: first.saturating_sub(1), last },
            first,
            told_deleted: false,
            crashes: 0,
            torn: 0,
            checkpoints: 0,
            signed: 0,
            matched: 0,
            lost: 0,
            unsigned_tail: 0,
        })
    }

    fn follow(&mut self, log: &mut Verified, link: &Link<'_>, begins: bool) -> Result<(), Fault> {
        let links = &link.links;
        in_order(&log.summary, links)?;
        if begins && !links.begins_file() {
            return Err(Fault::NoStart);
        }
        if *links.source != *log.summary.source && links.kind != "log-resume" {
            return Err(Fault::Source);
        }
        self.known(log, links.seq, link.hash)?;
        self.sums(log, link)?;
        log.summary.source = (*links.source).into();
        log.summary.records = links.seq;
        log.summary.last = link.hash;
        Ok(())
    }

    /// Whether it is the record that a checkpoint was kept of.
    fn known(&self, log: &mut Verified, seq: u64, hash: Hash) -> Result<(), Fault> {
        match self.trust.kept.0.get(&seq) {
            Some(known) if *known != hash => Err(Fault::NotTheCheckpoint),
            known => {
                log.matched += u64::from(known.is_some());
                Ok(())
            }
        }
    }

    /// Adds up what there is, and compares it with what the log says.
    fn sums(&mut self, log: &mut Verified, link: &Link<'_>) -> Result<(), Fault> {
        let links = &link.links;
        log.unsigned_tail += 1;
        match &*links.kind {
            "log-start" | "log-resume" => self.started(log, links),
            "log-delete" => self.deleted(log, links),
            "checkpoint" | "log-end" => {
                self.checkpoint(log, link)?;
                log.unsigned_tail = 0;
            }
            kind => self.count(log, links, kind == "command"),
        }
        self.ended = links.kind == "log-end";
        Ok(())
    }

    /// Workers count anew with each start of the gate.
    fn started(&mut self, log: &mut Verified, links: &Links<'_>) {
        self.commands = 0;
        self.workers.clear();
        log.crashes += u64::from(links.kind == "log-resume" && !self.ended);
        self.since_start = true;
        log.torn += links.torn.unwrap_or(0);
    }

    fn deleted(&mut self, log: &mut Verified, links: &Links<'_>) {
        let told = |(first, prev): (u64, Option<Hash>)| {
            let hash = links.through_hash.as_deref().and_then(|text| Hash::parse(text.as_bytes()));
            links.through == Some(first - 1) && prev.is_some() && prev == hash
        };
        log.told_deleted |= self.head.is_some_and(told);
    }

    fn count(&mut self, log: &mut Verified, links: &Links<'_>, is_command: bool) {
        if let (Some(worker), Some(event)) = (links.worker, links.event) {
            let (last, lost) = self.workers.entry(worker).or_default();
            let gap = event.saturating_sub(*last).saturating_sub(1);
            (*last, *lost) = (event, *lost + gap);
            log.lost += gap;
            self.commands += u64::from(is_command);
        }
    }

    fn checkpoint(&mut self, log: &mut Verified, link: &Link<'_>) -> Result<(), Fault> {
        log.checkpoints += 1;
        if let Some(key) = &self.trust.key {
            if key.check(link.object) != Signed::Rightly {
                return Err(Fault::Signature);
            }
            log.signed += 1;
        }
        // Where the gate's last start is in a file that is not here, there is nothing to compare with.
        if self.since_start { self.compare(log, &link.links) } else { Ok(()) }
    }

    fn compare(&self, log: &mut Verified, links: &Links<'_>) -> Result<(), Fault> {
        let equal = |what, said: u64, there: u64| {
            let wrong = Fault::Sums(what, Counted { said, there });
            if said == there { Ok(()) } else { Err(wrong) }
        };
        equal("commands", links.commands.unwrap_or(0), self.commands)?;
        let mut judged = 0;
        for said in &links.workers {
            let (last, lost) = self.workers.get(&said.worker).copied().unwrap_or_default();
            // What was told last is lost where the worker has ended.
            let tail = if said.judged.is_some() { said.events.saturating_sub(last) } else { 0 };
            equal("events of a worker", said.events, last + tail)?;
            equal("lost events of a worker", said.lost, lost + tail)?;
            log.lost += tail;
            judged += said.judged.unwrap_or(0);
        }
        let lost: u64 = links.workers.iter().map(|said| said.lost).sum();
        // What was judged is in the log; of events that are lost, some may have been commands.
        if links.kind == "log-end" && judged.saturating_sub(self.commands) > lost {
            let counted = Counted { said: judged, there: self.commands };
            return Err(Fault::Sums("judged commands", counted));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Verified, Fault> {
        let log = self.log.clone().ok_or(Fault::Empty)?;
        if self.trust.all_files && log.first > 1 && !log.told_deleted {
            return Err(Fault::Headless);
        }
        match self.trust.kept.0.last_key_value() {
            Some((known, _)) if *known > log.summary.records => {
                Err(Fault::Truncated { known: *known })
            }
            _ => Ok(log),
        }
    }
}

fn in_order(log: &Summary, links: &Links<'_>) -> Result<(), Fault> {
    let expected = log.records.saturating_add(1);
    if links.seq != expected {
        return Err(Fault::Sequence { expected, found: links.seq });
    }
    if links.prev.as_bytes() != log.last.hex() {
        return Err(Fault::Unchained);
    }
    Ok(())
}
