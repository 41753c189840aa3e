//! Records as sealed lines in a buffer: no I/O, no clock.

use std::io;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Serialize;
use wicketgate_engine::event::PAYLOAD;
use wicketgate_packet::Time;

use crate::Summary;
use crate::ascii::Ascii;
use crate::chain::{self, Hash};
use crate::record::{self, Entry, Record};
use crate::signature::Signer;

/// RFC 3339 with nine digits, so that times sort as text.
const TIME_FORMAT: DateTimePrinter = DateTimePrinter::new().precision(Some(9));

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
    /// The record's time as text; kept, so that nothing is allocated for it.
    time: String,
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
        let record = Record { time, seq, source, start, entry, payload, prev };
        record.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Ascii))?;
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
        self.time.clear();
        Timestamp::from_nanosecond(i128::from(time.as_nanos()))
            .and_then(|time| TIME_FORMAT.print_timestamp(&time, &mut self.time))
            .map_err(io::Error::other)
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
