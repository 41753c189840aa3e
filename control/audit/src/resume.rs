//! A log that is there when the gate starts: how far it is whole, and what is behind that.

use std::io::{self, BufRead, BufReader};

use jiff::Timestamp;
use wicketgate_packet::Time;

use crate::MAX_LINE;
use crate::chain::Hash;
use crate::files::{FileName, Files, Reading, of_log};
use crate::links::{Link, Links, link};
use crate::mark::{Resumed, State};
use crate::writer::Closed;

/// A log that can go on.
#[derive(Clone, Debug)]
pub struct Found {
    /// The last file's name; the next one's number is one more.
    pub(crate) last: FileName,
    /// Number and hash of the last whole record.
    pub(crate) end: (u64, Hash),
    /// All files, the oldest first.
    pub(crate) closed: Vec<Closed>,
    /// What the log will say of it.
    pub(crate) resumed: Resumed,
}

impl Found {
    /// In which state it was found.
    pub fn resumed(&self) -> &Resumed {
        &self.resumed
    }

    /// The number of its last whole record.
    pub fn records(&self) -> u64 {
        self.end.0
    }
}

/// Finds the log in these files, and cuts off what stands behind its last whole record: half a line, where the
/// gate was killed while it wrote. That is kept in a side file. `None` where there is no log yet.
///
/// # Errors
/// What the disk says; or that a file is there in which there is no record.
pub fn find<F: Files>(files: &mut F) -> io::Result<Option<Found>> {
    let names = of_log(files)?;
    let Some(last) = names.last().copied() else { return Ok(None) };
    let (mut torn, mut side_file) = (0, None);
    let mut closed = Vec::new();
    // The newest file may have no whole record: the gate was killed while it began it.
    for name in names.iter().rev() {
        let scan = scan(files, *name)?;
        let tail = cut(files, *name, &scan)?;
        torn += tail;
        side_file = if tail > 0 { Some(torn_name(*name).into()) } else { side_file };
        let Some(end) = scan.end else {
            files.remove(&name.to_string())?;
            continue;
        };
        for older in names.iter().take_while(|older| *older < name) {
            closed.extend(old(files, *older)?);
        }
        let after: Box<str> = name.to_string().into();
        let newest = scan.newest;
        closed.push(Closed { name: after.clone(), bytes: scan.whole, end, newest });
        let resumed = Resumed { after, state: scan.state(), torn, side_file, last: end.1 };
        return Ok(Some(Found { last, end, closed, resumed }));
    }
    // Nothing was ever acknowledged of it.
    Ok(None)
}

/// What a file holds.
#[derive(Debug, Default)]
struct Scan {
    /// Bytes up to the end of its last whole record.
    whole: u64,
    /// Bytes in all.
    length: u64,
    /// Number and hash of the last whole record.
    end: Option<(u64, Hash)>,
    newest: Time,
    /// That is a `log-end`.
    ended: bool,
    /// There are whole records behind one that is wrong.
    damaged: bool,
}

impl Scan {
    fn state(&self) -> State {
        match (self.damaged, self.ended && self.whole == self.length) {
            (true, _) => State::Damaged,
            (false, true) => State::Stopped,
            (false, false) => State::Crashed,
        }
    }

    /// Takes over a line that stands at `start`; `true` where it is whole.
    fn line(&mut self, line: &[u8], wrong: &mut bool) -> bool {
        let Some(Link { links, hash, .. }) =
            line.strip_suffix(b"\n").and_then(|line| link(line).ok())
        else {
            *wrong = true;
            return false;
        };
        let follows = self.end.is_none_or(|(seq, last)| links.follows(seq, last));
        self.damaged |= *wrong || !follows;
        self.end = Some((links.seq, hash));
        self.ended = links.kind == "log-end";
        self.newest = time_of(&links).unwrap_or(self.newest);
        true
    }
}

fn time_of(links: &Links<'_>) -> Option<Time> {
    let stamp: Timestamp = links.time.parse().ok()?;
    u64::try_from(stamp.as_nanosecond()).ok().map(Time::from_nanos)
}

fn scan<F: Files>(files: &mut F, name: FileName) -> io::Result<Scan> {
    let file = files.open(&name.to_string())?;
    let mut scan = Scan { length: files.length(&file)?, ..Scan::default() };
    let mut reader = BufReader::with_capacity(1 << 20, Reading::from(files, &file, 0));
    let (mut line, mut at, mut wrong) = (Vec::new(), 0, false);
    loop {
        line.clear();
        // A line may be garbage of any length: it is read in pieces, and none of them is a record.
        let count =
            io::Read::take(&mut reader, MAX_LINE as u64 + 1).read_until(b'\n', &mut line)?;
        if count == 0 {
            return Ok(scan);
        }
        at += count as u64;
        if scan.line(&line, &mut wrong) {
            scan.whole = at;
        }
    }
}

fn torn_name(name: FileName) -> String {
    format!("{name}.torn")
}

/// Moves what stands behind the last whole record to a side file; how many bytes.
fn cut<F: Files>(files: &mut F, name: FileName, scan: &Scan) -> io::Result<u64> {
    let torn = scan.length - scan.whole;
    if torn == 0 {
        return Ok(0);
    }
    let file = files.open(&name.to_string())?;
    let side = torn_name(name);
    // It is there where this was begun before, and not ended.
    let side = files.create(&side).or_else(|_| files.open(&side))?;
    let (mut piece, mut done) = (vec![0; MAX_LINE], 0);
    while done < torn {
        let count = files.read(&file, scan.whole + done, &mut piece)?;
        let Some(bytes) = piece.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        files.write(&side, done, bytes)?;
        done += count as u64;
    }
    files.sync(&side)?;
    files.sync_folder()?;
    files.truncate(&file, scan.whole)?;
    files.sync(&file)?;
    Ok(torn)
}

/// What is known of an older file by its last line. One without a record there is not looked after any more:
/// neither is it deleted.
fn old<F: Files>(files: &mut F, name: FileName) -> io::Result<Option<Closed>> {
    let text = name.to_string();
    let file = files.open(&text)?;
    let bytes = files.length(&file)?;
    let mut tail = vec![0; MAX_LINE];
    let from = bytes.saturating_sub(tail.len() as u64);
    let count = files.read(&file, from, &mut tail)?;
    let tail = tail.get(..count).unwrap_or_default();
    let line = tail.strip_suffix(b"\n").and_then(|tail| tail.rsplit(|byte| *byte == b'\n').next());
    let Some(Ok(Link { links, hash, .. })) = line.map(link) else { return Ok(None) };
    let newest = time_of(&links).unwrap_or_default();
    Ok(Some(Closed { name: text.into(), bytes, end: (links.seq, hash), newest }))
}
