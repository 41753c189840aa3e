//! Appending records to any writer: a log of one piece, as replay writes it.

use std::io::{self, Write};

use wicketgate_engine::{Event, Tables};
use wicketgate_packet::Time;

use crate::act::Act;
use crate::alarm::Alarm;
use crate::budget::Budget;
use crate::chain::Hash;
use crate::chain_writer::ChainWriter;
use crate::mark::Mark;
use crate::record::Entry;
use crate::{MAX_LINE, Summary};

/// A log that is being written: one chain, from its `log-start` to its last record.
///
/// Each record is one `write_all` of one whole line; a file goes into a [`std::io::BufWriter`].
/// After the first record nothing is allocated.
#[derive(Debug)]
pub struct AuditLog<W> {
    writer: W,
    chain: ChainWriter,
    /// A write failed, and half a line may have been written.
    broken: bool,
    line: Vec<u8>,
}

impl<W: Write> AuditLog<W> {
    /// Starts a log with its `log-start` record.
    ///
    /// `source` is the gate's name, `epoch` that of the tables in use, `start` when: the machine's
    /// time, or in replay the time of the first frame. Two logs of one source need two starts, or
    /// the ids of their records are the same.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(writer: W, source: &str, epoch: u32, start: Time) -> io::Result<AuditLog<W>> {
        let mut log = AuditLog {
            writer,
            chain: ChainWriter::behind((0, Hash::ZERO), source, start, None),
            broken: false,
            line: Vec::with_capacity(MAX_LINE),
        };
        log.append(start, Entry::Mark(epoch, Mark::Start))?;
        Ok(log)
    }

    /// Appends what happened. `tables` are those under which it did: they give its numbers names,
    /// and the record its epoch. Two tables of one log never have the same epoch: names are kept by it.
    ///
    /// # Errors
    /// What the writer says. Nothing can be recorded after an error: a record behind half a line
    /// would look like a forgery. What is to be recorded further needs a new log.
    pub fn record(&mut self, tables: &Tables, event: &Event) -> io::Result<()> {
        self.append(event.time, Entry::Event(tables, event, None))
    }

    /// Appends what somebody did, under the policy of `epoch`.
    ///
    /// # Errors
    /// As [`record`](AuditLog::record).
    pub fn act(&mut self, time: Time, epoch: u32, act: &Act<'_>) -> io::Result<()> {
        self.append(time, Entry::Act(epoch, act))
    }

    /// Appends that an alarm begins (`on`) or is over, under the policy of `epoch`.
    ///
    /// # Errors
    /// As [`record`](AuditLog::record).
    pub fn alarm(&mut self, time: Time, epoch: u32, alarm: Alarm, on: bool) -> io::Result<()> {
        self.append(time, Entry::Alarm(epoch, alarm, on))
    }

    /// Appends that a cycle budget is breached (`true`) or kept again, under the policy of `epoch`.
    ///
    /// # Errors
    /// As [`record`](AuditLog::record).
    pub fn budget(
        &mut self,
        time: Time,
        epoch: u32,
        budget: &Budget<'_>,
        breached: bool,
    ) -> io::Result<()> {
        self.append(time, Entry::Budget(epoch, budget, breached))
    }

    /// Writes out what the writer has buffered: whole lines.
    ///
    /// # Errors
    /// What the writer says, or that an earlier write failed.
    pub fn flush(&mut self) -> io::Result<()> {
        self.check()?;
        self.writer.flush()
    }

    /// Flushes; returns the writer, and what to compare a later [`verify()`](crate::verify()) with.
    ///
    /// # Errors
    /// What the writer says, or that an earlier write failed.
    pub fn finish(mut self) -> io::Result<(W, Summary)> {
        self.check()?;
        self.writer.flush()?;
        let summary = self.summary();
        Ok((self.writer, summary))
    }

    /// The log so far.
    pub fn summary(&self) -> Summary {
        self.chain.summary()
    }

    fn append(&mut self, time: Time, entry: Entry<'_>) -> io::Result<()> {
        self.check()?;
        self.line.clear();
        self.chain.append(time, entry, &mut self.line)?;
        self.write_line()
    }

    fn check(&self) -> io::Result<()> {
        if self.broken { Err(io::Error::other("the audit log broke off earlier")) } else { Ok(()) }
    }

    fn write_line(&mut self) -> io::Result<()> {
        self.broken = true;
        self.writer.write_all(&self.line)?;
        self.broken = false;
        Ok(())
    }
}
