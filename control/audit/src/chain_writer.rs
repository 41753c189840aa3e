//! Records as sealed lines in a buffer: no I/O, no clock.

use std::io;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use wicketgate_engine::event::PAYLOAD;
use wicketgate_packet::Time;

use crate::Summary;
use crate::chain::{self, Hash};
use crate::record::{self, Entry, Record};
use crate::signature::Signer;

/// RFC 3339 with nine digits, so that times sort as text.
const TIME_FORMAT: DateTimePrinter = DateTimePrinter::new().precision(Some(9));

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// Letters of a time behind its point.
const FRACTION: usize = "419685000Z".len();

/// The end of a chain, and how the next record is put behind it.
#[derive(Debug)]
pub(crate) struct ChainWriter {
    source: Box<str>,
    /// When the gate started, in nanoseconds since 1970: makes an `id` unique.
    start: u64,
    records: u64,
    last: Hash,
    signer: Option<Signer>,
    /// Bytes of a command's PDU that its record holds.
    payload: usize,
    /// The record's time as text; kept, so that nothing is allocated for it, and that only what is behind the point
    /// is written anew within a second.
    time: String,
    /// The second that `time` is in, since 1970.
    second: Option<u64>,
}

impl ChainWriter {
    /// The chain behind `records` records, of which the last has the hash `last`.
    pub(crate) fn behind(
        (records, last): (u64, Hash),
        source: &str,
        start: Time,
        signer: Option<Signer>,
    ) -> ChainWriter {
        ChainWriter {
            source: record::cut(source).into(),
            start: start.as_nanos(),
            records,
            last,
            signer,
            payload: PAYLOAD,
            time: String::with_capacity("2020-06-27T11:50:49.419685000Z".len()),
            second: None,
        }
    }

    /// Has records hold no more than so many bytes of a command's PDU.
    pub(crate) const fn set_payload(&mut self, payload: usize) {
        self.payload = payload;
    }

    /// Appends a record to `out`, as a line; on an error `out` is as it was.
    pub(crate) fn append(
        &mut self,
        time: Time,
        entry: Entry<'_>,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let start = out.len();
        let written = self.try_append(time, entry, out);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn try_append(&mut self, time: Time, entry: Entry<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        self.set_time(time)?;
        let (at, seq) = (out.len(), self.records + 1);
        let ChainWriter { start, payload, last: prev, .. } = *self;
        let (time, source) = (&self.time, &self.source);
        Record { time, seq, source, start, entry, payload, prev }.write(out);
        if let (Some(signer), Entry::Mark(_, mark)) = (&self.signer, entry)
            && mark.is_signed()
        {
            signer.sign(out, at);
        }
        let hash = chain::seal(out, at);
        (self.records, self.last) = (seq, hash);
        Ok(())
    }

    fn set_time(&mut self, time: Time) -> io::Result<()> {
        let (second, nanos) = (time.as_nanos() / SECOND, time.as_nanos() % SECOND);
        if self.second == Some(second) {
            self.set_fraction(nanos);
            return Ok(());
        }
        self.second = None;
        self.time.clear();
        Timestamp::from_nanosecond(i128::from(time.as_nanos()))
            .and_then(|time| TIME_FORMAT.print_timestamp(&time, &mut self.time))
            .map_err(io::Error::other)?;
        self.second = Some(second);
        Ok(())
    }

    /// The same second, with these nine digits behind the point.
    fn set_fraction(&mut self, nanos: u64) {
        self.time.truncate(self.time.len() - FRACTION);
        let mut unit = SECOND;
        while unit > 1 {
            unit /= 10;
            self.time.push(char::from(b'0' + (nanos / unit % 10) as u8));
        }
        self.time.push('Z');
    }

    /// The log so far.
    pub(crate) fn summary(&self) -> Summary {
        Summary { source: self.source.clone(), records: self.records, last: self.last }
    }

    /// The last record's number and hash.
    pub(crate) const fn end(&self) -> (u64, Hash) {
        (self.records, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_by_a_calendar() {
        let mut chain = ChainWriter::behind((0, Hash::ZERO), "gate", Time::EPOCH, None);
        let around =
            |second: u64| [0, 1, 419_685_000, SECOND - 1].map(|nanos| second * SECOND + nanos);
        // A second seen again, a leap, a step back, the end of a year.
        for nanos in
            [7, 7, 1_593_258_649, 1_593_258_648, 1_609_459_199].into_iter().flat_map(around)
        {
            chain.set_time(Time::from_nanos(nanos)).unwrap();
            let time = Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
            assert_eq!(chain.time, TIME_FORMAT.timestamp_to_string(&time));
        }
    }
}
