//! What a log tells of itself: where it begins, goes on and ends, and what it adds up to.

use serde::{Deserialize, Serialize};
use wicketgate_engine::event::{Event, EventKind};

use crate::FORMAT;
use crate::chain::Hash;
use crate::fields::{Fields, key};
use crate::record::Origin;
use crate::words::Words;

/// One record of the log about itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark<'a> {
    /// A log begins.
    Start,
    /// The gate has started again, and goes on with the log that is there.
    Resume(&'a Resumed),
    /// The log goes on in another file, behind this one.
    Next(&'a str),
    /// A file of the log is deleted, because the settings do not let it be kept longer.
    Delete(&'a Deleted),
    /// All up to here, signed.
    Checkpoint(&'a Sums),
    /// The gate has stopped; signed too.
    End(&'a Sums),
}

/// How a log was found by a gate that starts on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// The file that it ended in.
    pub after: Box<str>,
    /// In which state.
    pub state: State,
    /// Bytes behind its last whole record, which were cut off.
    pub torn: u64,
    /// Where they are kept.
    pub side_file: Option<Box<str>>,
    /// The last whole record.
    pub last: Hash,
}

/// In which state a log was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its last record is a `log-end`.
    Stopped,
    /// It is not: the gate was killed, or the machine went down.
    Crashed,
    /// There are records behind one that is wrong: [`verify()`](crate::verify()) says which.
    Damaged,
}

impl State {
    /// The word for it, `reason` of the record.
    pub const fn name(self) -> &'static str {
        match self {
            State::Stopped => "stopped",
            State::Crashed => "crashed",
            State::Damaged => "damaged",
        }
    }
}

/// A file of the log that is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Its name.
    pub file: Box<str>,
    /// Its length in bytes.
    pub bytes: u64,
    /// The number of its last record; those before are gone with it.
    pub through: u64,
    /// That record's hash: what the next one's `prev` is.
    pub last: Hash,
}

/// What a log adds up to, since the gate's last start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Commands in it.
    pub commands: u64,
    /// What people did that found no room in it.
    pub unlogged: u64,
    /// What each worker told.
    pub workers: Vec<WorkerSums>,
}

/// What one worker told, since the gate's last start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerSums {
    /// The worker, from 0 on.
    pub worker: u32,
    /// Number of its last event; those that were lost are counted.
    pub events: u64,
    /// How many of these the log does not have.
    pub lost: u64,
    /// Commands that the worker judged, by its own count. Only once it has stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged: Option<u64>,
}

impl Mark<'_> {
    pub(crate) const fn words(&self) -> Words {
        let kind = match self {
            Mark::Start => "log-start",
            Mark::Resume(_) => "log-resume",
            Mark::Next(_) => "log-next",
            Mark::Delete(_) => "log-delete",
            Mark::Checkpoint(_) => "checkpoint",
            Mark::End(_) => "log-end",
        };
        let whole = !matches!(self, Mark::Resume(Resumed { state: State::Damaged, .. }));
        Words::of_log(kind, whole)
    }

    /// Whether it is signed, where there is a key.
    pub(crate) const fn is_signed(&self) -> bool {
        matches!(self, Mark::Checkpoint(_) | Mark::End(_))
    }

    pub(crate) fn fields(&self, out: &mut Fields<'_>) {
        match self {
            Mark::Start => out.put(key!("format"), &FORMAT),
            Mark::Next(after) => {
                out.put(key!("format"), &FORMAT);
                out.put(key!("after"), after);
            }
            Mark::Resume(resumed) => resumed.fields(out),
            Mark::Delete(deleted) => deleted.fields(out),
            Mark::Checkpoint(sums) | Mark::End(sums) => sums.fields(out),
        }
    }
}

impl Resumed {
    fn fields(&self, out: &mut Fields<'_>) {
        out.put(key!("format"), &FORMAT);
        out.put(key!("after"), &*self.after);
        out.some(key!("torn"), Some(self.torn).filter(|torn| *torn > 0));
        out.some(key!("side_file"), self.side_file.as_deref());
        out.put(key!("reason"), self.state.name());
    }
}

impl Deleted {
    fn fields(&self, out: &mut Fields<'_>) {
        out.put(key!("bytes"), &self.bytes);
        out.put(key!("log_file"), &*self.file);
        out.put(key!("through"), &self.through);
        out.put(key!("through_hash"), &self.last);
    }
}

impl Sums {
    /// Adds an event of a worker's.
    pub(crate) fn count(&mut self, event: &Event, origin: Origin) {
        self.commands += u64::from(matches!(event.kind, EventKind::Command(_)));
        self.change(origin.worker, |sums| {
            sums.lost += origin.event.saturating_sub(sums.events).saturating_sub(1);
            sums.events = origin.event;
        });
    }

    /// Takes over what workers say at the end: what they had to tell since the last event here is lost.
    pub(crate) fn settle(&mut self, workers: &[WorkerSums]) {
        for said in workers {
            self.change(said.worker, |sums| {
                sums.lost += said.events.saturating_sub(sums.events);
                (sums.events, sums.judged) = (said.events.max(sums.events), said.judged);
            });
        }
    }

    fn change(&mut self, worker: u32, change: impl FnOnce(&mut WorkerSums)) {
        if !self.workers.iter().any(|sums| sums.worker == worker) {
            self.workers.push(WorkerSums { worker, ..WorkerSums::default() });
        }
        self.workers.iter_mut().find(|sums| sums.worker == worker).map(change);
    }

    fn fields(&self, out: &mut Fields<'_>) {
        out.put(key!("commands"), &self.commands);
        out.some(key!("unlogged"), Some(self.unlogged).filter(|count| *count > 0));
        out.put(key!("workers"), self.workers.as_slice());
    }
}
