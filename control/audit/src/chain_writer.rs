//! Records as sealed lines in a buffer: no I/O, no clock.

use std::io;

use wicketgate_engine::event::PAYLOAD;
use wicketgate_packet::Time;

use crate::Summary;
use crate::chain::{self, Hash};
use crate::fields::{Fields, key};
use crate::flow_fields::FlowFields;
use crate::record::{self, Entry, Record};
use crate::signature::Signer;
use crate::stamp::Stamp;

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
    /// The field with the gate's name.
    source_field: Vec<u8>,
    time: Stamp,
    flows: FlowFields,
}

impl ChainWriter {
    /// The chain behind `records` records, of which the last has the hash `last`.
    pub(crate) fn behind(
        (records, last): (u64, Hash),
        source: &str,
        start: Time,
        signer: Option<Signer>,
    ) -> ChainWriter {
        let source = record::cut(source);
        let mut source_field = Vec::new();
        Fields::behind(&mut source_field).put(key!("source"), source);
        ChainWriter {
            source: source.into(),
            start: start.as_nanos(),
            records,
            last,
            signer,
            payload: PAYLOAD,
            source_field,
            time: Stamp::new(),
            flows: FlowFields::new(),
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
        self.time.set(time)?;
        let (at, seq) = (out.len(), self.records + 1);
        let ChainWriter { start, payload, last: prev, .. } = *self;
        let (time, source) = (&self.time, &self.source_field);
        let record = Record { time, seq, source, start, entry, payload, prev };
        record.write(&mut self.flows, out);
        if let (Some(signer), Entry::Mark(_, mark)) = (&self.signer, entry)
            && mark.is_signed()
        {
            signer.sign(out, at);
        }
        let hash = chain::seal(out, at);
        (self.records, self.last) = (seq, hash);
        Ok(())
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
