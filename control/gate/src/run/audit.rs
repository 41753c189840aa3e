//! The audit log of a running gate.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use wicketgate_audit::{Act, Alarm, AuditLog, Summary};
use wicketgate_engine::{Event, Tables};
use wicketgate_packet::Time;
use wicketgate_policy::Policy;

use super::clock;
use crate::cli;
use crate::exit::complain;

/// Who speaks in the log where the machine has no name.
const NAMELESS: &str = "wicketgate";

/// A log that is being written. When it breaks off it takes nothing more, events pile up, and the engine
/// refuses what cannot be logged.
pub(super) struct Audit {
    log: AuditLog<BufWriter<fs::File>>,
    path: PathBuf,
    fault: Option<io::Error>,
}

/// What the log amounts to.
pub(super) struct Logged {
    pub(super) summary: Summary,
    pub(super) fault: Option<io::Error>,
}

impl Audit {
    /// A new log, where the arguments or the policy say; a gate without one does not start.
    pub(super) fn create(
        arguments: &cli::Run,
        policy: &Policy,
        tables: &Tables,
    ) -> Result<Audit, String> {
        let start = clock::wall();
        let path = match (&arguments.audit, policy.gate().state_dir()) {
            (Some(path), _) => path.clone(),
            (None, Some(folder)) => file_in(folder, start)?,
            (None, None) => {
                let what = "there is no place for the audit log";
                return Err(format!("{what}: write state_dir in [gate], or give --audit FILE"));
            }
        };
        let source = rustix::system::uname();
        let source = source.nodename().to_str().unwrap_or(NAMELESS);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|file| AuditLog::new(BufWriter::new(file), source, tables.epoch(), start))
            .map(|log| Audit { log, path: path.clone(), fault: None })
            .map_err(|error| format!("{}: cannot be made: {error}", path.display()))
    }

    /// Whether it takes events.
    pub(super) fn is_open(&self) -> bool {
        self.fault.is_none()
    }

    /// Appends an event.
    pub(super) fn record(&mut self, tables: &Tables, event: &Event) {
        let written = self.log.record(tables, event);
        self.note(written);
    }

    /// Appends what somebody did.
    pub(super) fn act(&mut self, epoch: u32, act: &Act<'_>) {
        if self.is_open() {
            let written = self.log.act(clock::wall(), epoch, act);
            self.note(written);
            self.flush();
        }
    }

    /// Appends that an alarm begins (`on`) or is over.
    pub(super) fn alarm(&mut self, epoch: u32, alarm: Alarm, on: bool) {
        let written = self.log.alarm(clock::wall(), epoch, alarm, on);
        self.note(written);
        self.flush();
    }

    /// Writes out what is buffered.
    pub(super) fn flush(&mut self) {
        if self.is_open() {
            let written = self.log.flush();
            self.note(written);
        }
    }

    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written
            && self.is_open()
        {
            let path = self.path.display();
            complain(format_args!(
                "{path}: {error}; the audit log has broken off: commands are refused, make room and \
                 start the gate again"
            ));
            self.fault = Some(error);
        }
    }

    /// Ends the log.
    pub(super) fn finish(mut self) -> Logged {
        self.flush();
        Logged { summary: self.log.summary(), fault: self.fault }
    }
}

/// A file named by the start, in the folder for logs.
fn file_in(folder: &Path, start: Time) -> Result<PathBuf, String> {
    let folder = folder.join("audit");
    fs::create_dir_all(&folder)
        .map_err(|error| format!("{}: cannot be made: {error}", folder.display()))?;
    Ok(folder.join(format!("{}.jsonl", crate::words::time(start))))
}
