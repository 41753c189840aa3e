//! What a replay counts while it runs. Bounded: by assets, users and reasons, not by the capture.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, BufWriter};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use wicketgate_audit::AuditLog;
use wicketgate_dissectors::{Class, Space};
use wicketgate_engine::event::{CommandEvent, Event, EventKind, EventRing, Label, Totals};
use wicketgate_engine::tables::{AssetId, EndpointId, RuleId, SubjectId, Tables};
use wicketgate_engine::{Copies, Reason};
use wicketgate_packet::Time;
use wicketgate_ports::tap::Map;
use wicketgate_worker::Observer;

use super::recorder::Recorder;
use super::transcript::Transcript;
use crate::cli;

/// Kinds of refusals that are told apart; of more, only the number is kept.
const KINDS: usize = 10_000;

/// Who asked: the subject and its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who {
    pub(super) subject: SubjectId,
    pub(super) address: Ipv4Addr,
}

/// Somebody at a door.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Talk {
    pub(super) flows: u64,
    pub(super) totals: Totals,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Forwarded,
    Denied,
    Observed,
}

/// Commands that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) asset: AssetId,
    pub(super) who: Who,
    pub(super) class: Class,
    pub(super) outcome: Outcome,
}

/// As two numbers, which a hasher takes at once: each command is looked up.
impl Hash for Kind {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Kind { asset, who, class, outcome } = *self;
        let what = u64::from(class as u8) << 8 | u64::from(outcome as u8);
        state.write_u64(u64::from(asset.0) << 32 | u64::from(who.subject.0));
        state.write_u64(u64::from(who.address.to_bits()) << 16 | what);
    }
}

/// A refused command, with everything that makes it the same as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Denial {
    pub(super) asset: AssetId,
    pub(super) who: Who,
    pub(super) name: &'static str,
    pub(super) function: u16,
    pub(super) sub: Option<u16>,
    pub(super) unit: u8,
    pub(super) object: (Space, u32, u32),
    pub(super) tag: Label,
    pub(super) reason: Reason,
    pub(super) rule: Option<RuleId>,
}

/// A refused flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Refusal {
    pub(super) source: Ipv4Addr,
    /// Who that is, where it is known.
    pub(super) subject: Option<SubjectId>,
    /// The asset, where the address asked for is one's.
    pub(super) asset: Option<AssetId>,
    pub(super) destination: Ipv4Addr,
    pub(super) port: u16,
    pub(super) reason: Reason,
}

/// The counts, the audit log and the transcript.
pub(super) struct Tally {
    pub(super) talks: BTreeMap<(AssetId, EndpointId, Who), Talk>,
    /// In no order: each command is looked up here.
    pub(super) commands: Map<Kind, u64>,
    pub(super) denials: Counted<Denial>,
    pub(super) refusals: Counted<Refusal>,
    pub(super) sessions: u64,
    audit: Option<AuditLog<BufWriter<File>>>,
    transcript: Option<Transcript>,
    recorder: Option<Recorder>,
    /// The first thing that could not be written: which, and why.
    failed: Option<String>,
}

/// Things counted by kind, up to [`KINDS`] of them.
#[derive(Debug)]
pub(super) struct Counted<K> {
    pub(super) kinds: BTreeMap<K, u64>,
    pub(super) others: u64,
}

impl<K: Ord> Counted<K> {
    const fn new() -> Counted<K> {
        Counted { kinds: BTreeMap::new(), others: 0 }
    }

    fn add(&mut self, kind: K) {
        let full = self.kinds.len() >= KINDS;
        match self.kinds.entry(kind) {
            Entry::Vacant(_) if full => self.others += 1,
            entry => *entry.or_insert(0) += 1,
        }
    }
}

impl Tally {
    pub(super) fn new(
        arguments: &cli::Replay,
        tables: &Tables,
        start: Time,
        recorder: Option<Recorder>,
    ) -> Result<Tally, String> {
        let audit = arguments.audit.as_deref().map(|path| open_audit(path, tables, start));
        let transcript = arguments.transcript.as_deref().map(Transcript::create);
        Ok(Tally {
            talks: BTreeMap::new(),
            commands: Map::default(),
            denials: Counted::new(),
            refusals: Counted::new(),
            sessions: 0,
            audit: audit.transpose()?,
            transcript: transcript.transpose()?,
            recorder,
            failed: None,
        })
    }

    /// Where engines put copies of the frames of recorded sessions.
    pub(super) fn copies(&self) -> Option<Arc<Copies>> {
        self.recorder.as_ref().map(Recorder::copies)
    }

    /// Writes out what is buffered.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        let audit = self.audit.take().map(AuditLog::finish).transpose();
        let transcript = self.transcript.take().map(Transcript::finish).transpose();
        let failed = self.failed.take().map_or(Ok(()), Err);
        let records = self.recorder.take().map_or(Ok(()), Recorder::finish);
        failed
            .and(records)
            .and(audit.map(drop).map_err(no_audit))
            .and(transcript.map(drop).map_err(no_transcript))
    }

    fn count(&mut self, tables: &Tables, event: &Event) {
        match &event.kind {
            EventKind::SessionStart => self.sessions += 1,
            EventKind::SessionEnd { .. }
            | EventKind::FlowStart { .. }
            | EventKind::OperationStart { .. }
            | EventKind::OperationEnd { .. }
            | EventKind::IoStart { .. }
            | EventKind::IoEnd { .. } => {}
            EventKind::FlowEnd { endpoint, totals, .. } => {
                let asset = tables.endpoint(*endpoint).map(|door| door.asset);
                if let (Some(asset), Some(who)) = (asset, who(tables, event)) {
                    let talk = self.talks.entry((asset, *endpoint, who)).or_default();
                    talk.flows += 1;
                    talk.totals.add(*totals);
                }
            }
            EventKind::Refused { subject, asset, destination, port, reason } => {
                self.refusals.add(Refusal {
                    source: event.source,
                    subject: *subject,
                    asset: *asset,
                    destination: *destination,
                    port: *port,
                    reason: *reason,
                })
            }
            EventKind::Command(command) => self.count_command(tables, event, command),
        }
    }

    fn count_command(&mut self, tables: &Tables, event: &Event, command: &CommandEvent) {
        let asset = tables.endpoint(command.endpoint).map(|door| door.asset);
        let (Some(asset), Some(who)) = (asset, who(tables, event)) else { return };
        let outcome = match command.denied {
            _ if command.observed => Outcome::Observed,
            None => Outcome::Forwarded,
            Some(_) => Outcome::Denied,
        };
        let kind = Kind { asset, who, class: command.class, outcome };
        *self.commands.entry(kind).or_insert(0) += 1;
        if let Some(reason) = command.denied {
            self.denials.add(Denial {
                asset,
                who,
                name: command.name,
                function: command.function,
                sub: command.sub,
                unit: command.unit,
                object: command.object,
                tag: command.tag,
                reason,
                rule: command.rule,
            });
        }
    }

    fn write(&mut self, tables: &Tables, event: &Event) -> Result<(), String> {
        if let Some(audit) = &mut self.audit {
            audit.record(tables, event).map_err(no_audit)?;
        }
        match self.transcript.as_mut().map(|transcript| transcript.record(tables, event)) {
            // Whoever read it has seen enough.
            Some(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => self.transcript = None,
            Some(Err(error)) => return Err(no_transcript(error)),
            Some(Ok(())) | None => {}
        }
        Ok(())
    }
}

impl Observer for Tally {
    fn events(&mut self, tables: &Tables, events: &mut EventRing) {
        // Before the ends of sessions.
        if let Some(recorder) = &mut self.recorder {
            recorder.keep(tables);
        }
        events.drain(|event| {
            self.count(tables, event);
            if let Some(recorder) = &mut self.recorder {
                recorder.note(event);
            }
            if self.failed.is_none() {
                self.failed = self.write(tables, event).err();
            }
        });
    }
}

/// Who the event is about.
pub(super) fn who(tables: &Tables, event: &Event) -> Option<Who> {
    let subject = match event.kind {
        EventKind::Refused { subject, .. } => subject?,
        _ => tables.grant(event.grant?)?.subject,
    };
    Some(Who { subject, address: event.source })
}

fn no_audit(error: io::Error) -> String {
    format!("the audit log cannot be written: {error}")
}

fn no_transcript(error: io::Error) -> String {
    format!("the transcript cannot be written: {error}")
}

fn open_audit(
    path: &Path,
    tables: &Tables,
    start: Time,
) -> Result<AuditLog<BufWriter<File>>, String> {
    File::create(path)
        .map(|file| BufWriter::with_capacity(BUFFER, file))
        .and_then(|file| AuditLog::new(file, SOURCE, tables.epoch(), start))
        .map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}

/// Bytes of the audit log that are written at a time: a capture is judged faster than a system call is made
/// for every dozen records.
const BUFFER: usize = 256 * 1024;

/// Who speaks in the audit log of a replay.
const SOURCE: &str = "replay";
