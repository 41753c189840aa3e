//! A log of many files, as control writes it: what goes into which file, and in which order. Nothing here
//! waits for a disk; [`Committer`](crate::Committer) does.
//!
//! ```text
//!   events, acts, alarms --> LogWriter --Block--> Committer --> files, fdatasync
//!                                ^                    |
//!                                '---- block back ----'   what it held is on the disk
//! ```

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::time::Duration;

use wicketgate_engine::event::PAYLOAD;
use wicketgate_engine::{Event, Tables};
use wicketgate_packet::Time;

use crate::act::Act;
use crate::alarm::Alarm;
use crate::budget::Budget;
use crate::chain::Hash;
use crate::chain_writer::ChainWriter;
use crate::files::FileName;
use crate::mark::{Deleted, Mark, Sums, WorkerSums};
use crate::record::{Entry, Origin};
use crate::resume::Found;
use crate::signature::Signer;
use crate::{MAX_LINE, Summary};

/// Bytes of a block, about: one write.
const BLOCK: usize = 1 << 20;

/// Bytes at most that are not on the disk yet: some 120,000 commands.
pub const PENDING: usize = 64 << 20;

/// Bytes of these that events leave free, for what people do and for alarms.
const RESERVE: usize = 4 << 20;

/// Buffers kept for blocks to come.
const SPARE: usize = 8;

/// How a log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Bytes after which a new file is begun.
    pub file_size: u64,
    /// Bytes of all files together; the oldest are deleted.
    pub keep_size: Option<u64>,
    /// How long a file is kept after its last record.
    pub keep_for: Option<Duration>,
    /// Between two checkpoints, where anything was recorded.
    pub checkpoint: Duration,
    /// Bytes of a command's PDU that its record holds.
    pub payload: usize,
}

impl Default for Keeping {
    fn default() -> Keeping {
        Keeping {
            file_size: 256 << 20,
            keep_size: None,
            keep_for: None,
            checkpoint: Duration::from_secs(10),
            payload: PAYLOAD,
        }
    }
}

/// Lines that go to the disk together, in this order: a new file, the lines, then deletions.
#[derive(Debug, Default)]
pub struct Block {
    /// The file that they begin; else they go behind those of the block before.
    pub begins: Option<Box<str>>,
    /// Whole lines.
    pub lines: Vec<u8>,
    /// Where in them checkpoints are.
    pub checkpoints: Vec<Range<usize>>,
    /// Files to be deleted once the lines are on the disk: they say so.
    pub deletes: Vec<Box<str>>,
    /// The number of the last record in it.
    pub through: u64,
}

/// A file that nothing more goes into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) name: Box<str>,
    pub(crate) bytes: u64,
    /// Number and hash of its last record.
    pub(crate) end: (u64, Hash),
    /// When its last record was written.
    pub(crate) newest: Time,
}

/// The file that is being written.
#[derive(Debug)]
struct Current {
    /// `None`: it has a name of its own, and nothing comes after it.
    name: Option<FileName>,
    text: Box<str>,
    bytes: u64,
}

/// A log that is being written. Each record is in a block, in order; none is ever taken out again.
#[derive(Debug)]
pub struct LogWriter {
    chain: ChainWriter,
    keeping: Keeping,
    closed: VecDeque<Closed>,
    current: Current,
    open: Block,
    ready: VecDeque<Block>,
    spare: Vec<Vec<u8>>,
    /// Bytes of blocks that were taken and have not come back.
    out: usize,
    sums: Sums,
    now: Time,
    epoch: u32,
    /// The last checkpoint: when, and behind which record.
    checkpoint: (Time, u64),
}

impl LogWriter {
    /// A new log in numbered files.
    ///
    /// # Errors
    /// `now` is no time that a calendar knows.
    pub fn begin(
        source: &str,
        (now, epoch): (Time, u32),
        keeping: Keeping,
        signer: Option<Signer>,
    ) -> io::Result<LogWriter> {
        let chain = ChainWriter::behind((0, Hash::ZERO), source, now, signer);
        let current = Current::new(FileName::new(1, now));
        let mut log = LogWriter::of(chain, current, keeping, (now, epoch));
        log.mark(Mark::Start)?;
        Ok(log)
    }

    /// A new log in one file of this name, which grows.
    ///
    /// # Errors
    /// As [`begin`](LogWriter::begin).
    pub fn begin_single(
        file: &str,
        source: &str,
        (now, epoch): (Time, u32),
        keeping: Keeping,
        signer: Option<Signer>,
    ) -> io::Result<LogWriter> {
        let chain = ChainWriter::behind((0, Hash::ZERO), source, now, signer);
        let current = Current { name: None, text: file.into(), bytes: 0 };
        let mut log = LogWriter::of(chain, current, keeping, (now, epoch));
        log.mark(Mark::Start)?;
        Ok(log)
    }

    /// The log that was found, in a new file.
    ///
    /// # Errors
    /// As [`begin`](LogWriter::begin).
    pub fn resume(
        found: Found,
        source: &str,
        (now, epoch): (Time, u32),
        keeping: Keeping,
        signer: Option<Signer>,
    ) -> io::Result<LogWriter> {
        let chain = ChainWriter::behind(found.end, source, now, signer);
        let current = Current::new(found.last.next(now));
        let mut log = LogWriter::of(chain, current, keeping, (now, epoch));
        log.closed = found.closed.into();
        log.mark(Mark::Resume(&found.resumed))?;
        log.forget_old()?;
        Ok(log)
    }

    fn of(
        mut chain: ChainWriter,
        current: Current,
        keeping: Keeping,
        (now, epoch): (Time, u32),
    ) -> LogWriter {
        chain.set_payload(keeping.payload);
        let begins = Some(current.text.clone());
        let lines = Vec::with_capacity(BLOCK + MAX_LINE);
        let checkpoint = (now, chain.end().0);
        LogWriter {
            chain,
            keeping,
            closed: VecDeque::new(),
            current,
            open: Block { begins, lines, ..Block::default() },
            ready: VecDeque::new(),
            spare: Vec::new(),
            out: 0,
            sums: Sums::default(),
            now,
            epoch,
            checkpoint,
        }
    }

    /// Whether another event may be recorded: behind [`PENDING`] bytes that wait for the disk it may not.
    pub fn has_room(&self) -> bool {
        self.pending() < PENDING - RESERVE
    }

    /// Bytes that are not on the disk yet.
    pub fn pending(&self) -> usize {
        let ready: usize = self.ready.iter().map(|block| block.lines.len()).sum();
        self.out + ready + self.open.lines.len()
    }

    /// Appends what happened. `tables` are those under which it did: they give its numbers names, and the record
    /// its epoch. Two tables of one log never have the same epoch: names are kept by it.
    ///
    /// # Errors
    /// The event's time is none that a calendar knows.
    pub fn record(&mut self, tables: &Tables, event: &Event, origin: Origin) -> io::Result<()> {
        self.epoch = tables.epoch();
        self.append(event.time, Entry::Event(tables, event, Some(origin)))?;
        self.sums.count(event, origin);
        Ok(())
    }

    /// Appends what somebody did, under the policy of `epoch`; where even the reserve is used up, that is counted.
    ///
    /// # Errors
    /// As [`record`](LogWriter::record).
    pub fn act(&mut self, time: Time, epoch: u32, act: &Act<'_>) -> io::Result<()> {
        self.epoch = epoch;
        self.append_in_reserve(time, Entry::Act(epoch, act))
    }

    /// Appends that an alarm begins (`on`) or is over, under the policy of `epoch`.
    ///
    /// # Errors
    /// As [`record`](LogWriter::record).
    pub fn alarm(&mut self, time: Time, epoch: u32, alarm: Alarm, on: bool) -> io::Result<()> {
        self.epoch = epoch;
        self.append_in_reserve(time, Entry::Alarm(epoch, alarm, on))
    }

    /// Appends that a cycle budget is breached (`true`) or kept again, under the policy of `epoch`.
    ///
    /// # Errors
    /// As [`record`](LogWriter::record).
    pub fn budget(
        &mut self,
        time: Time,
        epoch: u32,
        budget: &Budget<'_>,
        breached: bool,
    ) -> io::Result<()> {
        self.epoch = epoch;
        self.append_in_reserve(time, Entry::Budget(epoch, budget, breached))
    }

    /// Writes a checkpoint where one is due, and begins a new file with a new day.
    ///
    /// # Errors
    /// `now` is no time that a calendar knows.
    pub fn tick(&mut self, now: Time) -> io::Result<()> {
        self.now = now;
        if self.current.name.is_some_and(|name| name.is_of_another_day(now)) {
            return self.next_file();
        }
        let (at, behind) = self.checkpoint;
        if self.chain.end().0 > behind && now.since(at) >= self.keeping.checkpoint {
            self.write_checkpoint()?;
        }
        Ok(())
    }

    /// Ends the log. `judged` are the commands that each worker judged, by its own count; `lost` and told those
    /// that each had to tell.
    ///
    /// # Errors
    /// As [`tick`](LogWriter::tick).
    pub fn end(&mut self, now: Time, workers: &[WorkerSums]) -> io::Result<()> {
        self.now = now;
        self.sums.settle(workers);
        let sums = self.sums.clone();
        self.signed(Mark::End(&sums))
    }

    /// The next block for the disk; `None` where all was taken.
    pub fn take(&mut self) -> Option<Block> {
        let block = self.ready.pop_front().or_else(|| self.close_block())?;
        self.out += block.lines.len();
        Some(block)
    }

    /// Whether a block is full, and should not wait for more.
    pub fn is_block_full(&self) -> bool {
        !self.ready.is_empty() || self.open.lines.len() >= BLOCK
    }

    /// Takes a block back whose lines are on the disk.
    pub fn give_back(&mut self, block: Block) {
        self.out = self.out.saturating_sub(block.lines.len());
        let mut lines = block.lines;
        lines.clear();
        if self.spare.len() < SPARE {
            self.spare.push(lines);
        }
    }

    /// The log so far, on the disk or not.
    pub fn summary(&self) -> Summary {
        self.chain.summary()
    }

    fn append(&mut self, time: Time, entry: Entry<'_>) -> io::Result<()> {
        if self.current.name.is_some() && self.current.bytes >= self.keeping.file_size {
            self.next_file()?;
        }
        self.append_here(time, entry)
    }

    fn append_in_reserve(&mut self, time: Time, entry: Entry<'_>) -> io::Result<()> {
        if self.pending() + MAX_LINE > PENDING {
            self.sums.unlogged += 1;
            return Ok(());
        }
        self.append(time, entry)
    }

    fn append_here(&mut self, time: Time, entry: Entry<'_>) -> io::Result<()> {
        if self.open.lines.len() >= BLOCK {
            let full = self.close_block();
            self.ready.extend(full);
        }
        let before = self.open.lines.len();
        self.chain.append(time, entry, &mut self.open.lines)?;
        self.current.bytes += (self.open.lines.len() - before) as u64;
        self.open.through = self.chain.end().0;
        Ok(())
    }

    fn mark(&mut self, mark: Mark<'_>) -> io::Result<()> {
        self.append_here(self.now, Entry::Mark(self.epoch, mark))
    }

    fn write_checkpoint(&mut self) -> io::Result<()> {
        let sums = self.sums.clone();
        self.signed(Mark::Checkpoint(&sums))
    }

    /// A mark that is kept off the box too.
    fn signed(&mut self, mark: Mark<'_>) -> io::Result<()> {
        if self.open.lines.len() >= BLOCK {
            let full = self.close_block();
            self.ready.extend(full);
        }
        let start = self.open.lines.len();
        self.mark(mark)?;
        self.open.checkpoints.push(start..self.open.lines.len());
        self.checkpoint = (self.now, self.chain.end().0);
        Ok(())
    }

    /// The open block, where there is anything in it; another one is open then.
    fn close_block(&mut self) -> Option<Block> {
        if self.open.lines.is_empty() {
            return None;
        }
        let fresh = || Vec::with_capacity(BLOCK + MAX_LINE);
        let lines = self.spare.pop().unwrap_or_else(fresh);
        Some(std::mem::replace(&mut self.open, Block { lines, ..Block::default() }))
    }

    /// Goes on in another file; the last record of this one is a checkpoint.
    fn next_file(&mut self) -> io::Result<()> {
        let Some(name) = self.current.name else { return Ok(()) };
        self.write_checkpoint()?;
        let (full, end) = (self.close_block(), self.chain.end());
        self.ready.extend(full);
        let next = Current::new(name.next(self.now));
        self.open.begins = Some(next.text.clone());
        let Current { text, bytes, .. } = std::mem::replace(&mut self.current, next);
        self.mark(Mark::Next(&text))?;
        self.closed.push_back(Closed { name: text, bytes, end, newest: self.now });
        self.forget_old()
    }

    /// Has files deleted that are too many or too old, and says so first.
    fn forget_old(&mut self) -> io::Result<()> {
        while let Some(oldest) = self.closed.front().filter(|oldest| self.is_enough_without(oldest))
        {
            let deleted = Deleted {
                file: oldest.name.clone(),
                bytes: oldest.bytes,
                through: oldest.end.0,
                last: oldest.end.1,
            };
            self.mark(Mark::Delete(&deleted))?;
            self.open.deletes.push(deleted.file);
            self.closed.pop_front();
        }
        Ok(())
    }

    fn is_enough_without(&self, oldest: &Closed) -> bool {
        let total = self.current.bytes + self.closed.iter().map(|file| file.bytes).sum::<u64>();
        let age = self.now.since(oldest.newest);
        self.keeping.keep_size.is_some_and(|most| total > most)
            || self.keeping.keep_for.is_some_and(|longest| age > longest)
    }
}

impl Current {
    fn new(name: FileName) -> Current {
        Current { name: Some(name), text: name.to_string().into(), bytes: 0 }
    }
}
