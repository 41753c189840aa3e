//! Where the lines go.

use std::io::{self, BufWriter, Write};

use super::json::Json;
use super::pdu::Pdu;
use super::summary::Kinds;
use super::table::{self, Table};

/// Bytes gathered before they are written.
const BUFFER: usize = 1 << 16;

/// Writes one line per PDU. The first error is kept, and nothing is written after it.
pub(super) struct Output<W: Write> {
    out: BufWriter<W>,
    form: Form,
    /// The frame that the last PDU was of, and how many PDUs of it there were.
    frame: (u64, u32),
    kinds: Kinds,
    error: Option<io::Error>,
}

enum Form {
    Json(Json),
    Table(Table),
}

impl<W: Write> Output<W> {
    pub(super) fn new(out: W, json: bool) -> Output<W> {
        let form = if json { Form::Json(Json::default()) } else { Form::Table(Table::default()) };
        let out = BufWriter::with_capacity(BUFFER, out);
        Output { out, form, frame: (0, 0), kinds: Kinds::default(), error: None }
    }

    /// The next capture: times and frame numbers begin anew.
    pub(super) fn begin(&mut self) {
        self.frame = (0, 0);
        self.kinds = Kinds::default();
        if let Form::Table(table) = &mut self.form {
            *table = Table::default();
            let written = self.out.write_all(table::HEAD.as_bytes());
            self.note(written);
        }
    }

    pub(super) fn pdu(&mut self, pdu: &Pdu<'_>) {
        let index = if self.frame.0 == pdu.stamp.frame { self.frame.1 } else { 0 };
        self.frame = (pdu.stamp.frame, index + 1);
        self.kinds.count(pdu);
        let line = match &mut self.form {
            Form::Json(json) => json.line(pdu, index),
            Form::Table(table) => table.line(pdu),
        };
        if self.error.is_none() {
            let written = self.out.write_all(line.as_bytes());
            self.note(written);
        }
    }

    /// The PDUs of this capture by kind.
    pub(super) fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// Writes what is gathered.
    pub(super) fn flush(&mut self) {
        let written = self.out.flush();
        self.note(written);
    }

    /// Whether nothing can be written any more.
    pub(super) fn is_closed(&self) -> bool {
        self.error.is_some()
    }

    /// Tells what went wrong, if anything did.
    pub(super) fn finish(self) {
        crate::output::note(self.error.map_or(Ok(()), Err));
    }

    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.error.get_or_insert(error);
        }
    }
}
