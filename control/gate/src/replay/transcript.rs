//! The transcript: one plain line for each thing that happened, the same on every run.

use std::fs::File;
use std::io::{self, BufWriter, Write, stdout};
use std::path::Path;

use wicketgate_engine::event::{Event, EventKind, Totals};
use wicketgate_engine::tables::{EndpointId, Tables};

use super::tally::who;
use crate::transcript::{Row, asset};
use crate::words;

/// Where the lines go.
pub(super) struct Transcript(BufWriter<Box<dyn Write>>);

impl Transcript {
    /// Writes to `path`; to standard output where that is `-`.
    pub(super) fn create(path: &Path) -> Result<Transcript, String> {
        let out: Box<dyn Write> = if path.as_os_str() == "-" {
            Box::new(stdout())
        } else {
            let file = File::create(path);
            let name = path.display();
            Box::new(file.map_err(|error| format!("{name}: cannot be written: {error}"))?)
        };
        Ok(Transcript(BufWriter::new(out)))
    }

    /// One line.
    pub(super) fn record(&mut self, tables: &Tables, event: &Event) -> io::Result<()> {
        let out = &mut self.0;
        let who = who(tables, event).and_then(|who| tables.subject(who.subject));
        let who = who.map_or("-", |subject| &*subject.name);
        write!(out, "{} {} {who}", words::time(event.time), event.source)?;
        match &event.kind {
            EventKind::SessionStart => writeln!(out, " session {} starts", event.session),
            EventKind::SessionEnd { cause, totals } => {
                let (cause, totals) = (cause.name(), total_words(totals));
                writeln!(out, " session {} ends: {cause}; {totals}", event.session)
            }
            EventKind::FlowStart { endpoint, nat_port } => {
                let door = door(tables, *endpoint);
                writeln!(out, " port {} -> {door} as port {nat_port}", event.source_port)
            }
            EventKind::FlowEnd { endpoint, cause, totals } => {
                let (door, cause) = (door(tables, *endpoint), cause.name());
                let totals = total_words(totals);
                writeln!(out, " port {} -> {door} ends: {cause}; {totals}", event.source_port)
            }
            EventKind::OperationStart { .. } => {
                writeln!(out, " port {} begins an operation", event.source_port)
            }
            EventKind::OperationEnd { .. } => {
                writeln!(out, " port {} is done with its operation", event.source_port)
            }
            EventKind::IoStart { ids } => {
                writeln!(
                    out,
                    " port {} begins implicit I/O: {}",
                    event.source_port,
                    words::ids(*ids)
                )
            }
            EventKind::IoEnd { ids, cause } => {
                let (ids, cause) = (words::ids(*ids), cause.name());
                writeln!(out, " port {} ends implicit I/O: {cause}; {ids}", event.source_port)
            }
            EventKind::Refused { destination, port, reason, .. } => {
                writeln!(out, " -> {destination} port {port}: REFUSED {reason}")
            }
            EventKind::Command(command) => {
                let row = Row::of_event(tables, command);
                writeln!(out, " -> {}: {row}", asset(tables, command.endpoint))
            }
        }
    }

    /// Writes out what is buffered.
    pub(super) fn finish(mut self) -> io::Result<()> {
        match self.0.flush() {
            // Whoever read it has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome,
        }
    }
}

fn door(tables: &Tables, endpoint: EndpointId) -> String {
    let asset = asset(tables, endpoint);
    match tables.endpoint(endpoint) {
        Some(door) => format!("{asset} {}", words::door(door)),
        None => asset.to_owned(),
    }
}

pub(crate) fn total_words(totals: &Totals) -> String {
    let Totals { frames, bytes, commands, denied } = totals;
    format!("{frames} frames, {bytes} bytes, {commands} commands, {denied} denied")
}
