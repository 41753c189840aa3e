//! Appending records.

use std::io::{self, Write};

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Serialize;
use wicketgate_engine::{Event, Tables};
use wicketgate_packet::Time;

use crate::act::Act;
use crate::alarm::Alarm;
use crate::ascii::Ascii;
use crate::chain::{self, Hash};
use crate::record::{self, Entry, Record};
use crate::{MAX_LINE, Summary};

/// RFC 3339 with nine digits, so that times sort as text.
const TIME_FORMAT: DateTimePrinter = DateTimePrinter::new().precision(Some(9));

/// A log that is being written: one chain, from its `log-start` to its last record.
///
/// Each record is one `write_all` of one whole line; a file goes into a [`std::io::BufWriter`].
/// After the first record nothing is allocated.
#[derive(Debug)]
pub struct AuditLog<W> {
    writer: W,
    source: Box<str>,
    start: u64,
    records: u64,
    last: Hash,
    /// A write failed, and half a line may have been written.
    broken: bool,
    time: String,
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
            source: record::cut(source).into(),
            start: start.as_nanos(),
            records: 0,
            last: Hash::ZERO,
            broken: false,
            time: String::with_capacity("2020-06-27T11:50:49.419685000Z".len()),
            line: Vec::with_capacity(MAX_LINE),
        };
        log.append(start, Entry::LogStart(epoch))?;
        Ok(log)
    }

    /// Appends what happened. `tables` are those under which it did: they give its numbers names,
    /// and the record its epoch.
    ///
    /// # Errors
    /// What the writer says. Nothing can be recorded after an error: a record behind half a line
    /// would look like a forgery. What is to be recorded further needs a new log.
    pub fn record(&mut self, tables: &Tables, event: &Event) -> io::Result<()> {
        self.append(event.time, Entry::Event(tables, event))
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
        Summary { source: self.source.clone(), records: self.records, last: self.last }
    }

    fn append(&mut self, time: Time, entry: Entry<'_>) -> io::Result<()> {
        self.check()?;
        self.set_time(time)?;
        let seq = self.records + 1;
        let (start, prev) = (self.start, self.last);
        let record = Record { time: &self.time, seq, source: &self.source, start, entry, prev };
        self.line.clear();
        record.serialize(&mut serde_json::Serializer::with_formatter(&mut self.line, Ascii))?;
        let hash = chain::seal(&mut self.line);
        self.write_line()?;
        (self.records, self.last) = (seq, hash);
        Ok(())
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

    fn set_time(&mut self, time: Time) -> io::Result<()> {
        self.time.clear();
        Timestamp::from_nanosecond(i128::from(time.as_nanos()))
            .and_then(|time| TIME_FORMAT.print_timestamp(&time, &mut self.time))
            .map_err(io::Error::other)
    }
}
