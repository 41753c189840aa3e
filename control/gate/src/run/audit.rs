//! The audit log of a running gate: where it is, and when it goes to the disk.
//!
//! ```text
//!   control: record, act, alarm -> LogWriter --blocks--> audit thread: write, fdatasync
//!                                      ^                       |
//!                                      '---- on the disk ------'  or what is wrong
//! ```
//!
//! As long as the disk takes nothing, people are refused, and machines go on for as long as there is memory
//! set aside for what they do (DESIGN 5). Once it takes something again all of that is written.

use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use wicketgate_audit::{
    Act, Alarm, Budget, Disk, Keeping, LogWriter, Origin, Signer, Summary, WorkerSums, find,
};
use wicketgate_engine::{Event, Tables};
use wicketgate_policy::{Log, Policy};

use super::clock;
use super::commit::{Commits, Committed, Scribe};
use super::courier::Courier;
use super::sandbox::User;
use super::syslog::Syslog;
use crate::api::reply;
use crate::cli;
use crate::exit::complain;
use crate::logs::{FOLDER, KEY, PUBLIC};

/// Who speaks in the log where the machine has no name.
const NAMELESS: &str = "wicketgate";
/// The mode of the folder.
const FOLDER_MODE: u32 = 0o750;
/// Bytes that a log keeps that is written to see how fast that goes.
const REHEARSED: u64 = 4 << 30;
/// Between two tries to write what could not be written.
const RETRY: Duration = Duration::from_secs(1);
/// Longest that a disk may take before that is alarmed.
const SILENT: Duration = Duration::from_secs(5);
/// How long the gate waits for the disk at its end.
const PATIENCE: Duration = Duration::from_secs(5);

/// A log that is being written.
pub(super) struct Audit {
    log: LogWriter,
    commits: Commits,
    /// Until it serves.
    scribe: Option<Scribe>,
    /// Blocks that could not be written, before those of the log.
    rest: Vec<wicketgate_audit::Block>,
    /// How long events wait for others.
    interval: Duration,
    /// Where checkpoints are kept off the box, if they are; and who brings them there, once the log serves.
    checkpoints: Option<PathBuf>,
    courier: Option<Courier>,
    /// Who sends records to a syslog server, if somebody does.
    syslog: Option<Syslog>,
    /// When the next blocks are sent, since boot.
    due: Duration,
    fault: Option<String>,
    place: Place,
}

/// Where a log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In many files of a folder.
    Folder(PathBuf),
    /// In one file, which grows.
    File(PathBuf),
    /// In folders of a folder; of records, which are no log.
    Tree(PathBuf),
}

/// What the log amounts to.
pub(super) struct Logged {
    pub(super) summary: Summary,
    pub(super) fault: Option<String>,
}

impl Audit {
    /// The log where the arguments or the policy say, with its first record on the disk: one that is there
    /// already goes on. A gate without one does not start.
    pub(super) fn open(
        arguments: &cli::Run,
        policy: &Policy,
        tables: &Tables,
        user: Option<&User>,
    ) -> Result<Audit, String> {
        let state = policy.gate().state_dir();
        let place = place(arguments, state)?;
        let name = place.path().display().to_string();
        let signer = state.map(signer).transpose()?;
        let mut audit = Audit::open_at(place, policy.log(), tables.epoch(), signer, user)
            .map_err(|error| format!("{name}: cannot be made: {error}"))?;
        let syslog = policy.log().syslog.as_ref();
        audit.syslog = syslog.map(|to| Syslog::open(to, &audit.place, state)).transpose()?;
        Ok(audit)
    }

    /// A log as any, in a folder of its own, which serves at once. It keeps [`REHEARSED`] bytes.
    pub(super) fn rehearse(folder: &Path, tables: &Tables) -> Result<Audit, String> {
        let (place, settings) = (
            Place::Folder(folder.to_owned()),
            Log { keep_size: Some(REHEARSED), ..Log::default() },
        );
        let opened = Audit::open_at(place, &settings, tables.epoch(), None, None);
        let named = |error| format!("{}: {error}", folder.display());
        let mut audit = opened.map_err(named)?;
        audit.serve()?;
        Ok(audit)
    }

    fn open_at(
        place: Place,
        settings: &Log,
        epoch: u32,
        signer: Option<Signer>,
        user: Option<&User>,
    ) -> io::Result<Audit> {
        if let Place::Folder(folder) = &place {
            fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
        }
        let log = begin(&place, settings, epoch, signer)?;
        let (commits, scribe) = Commits::open(Disk::new(place.folder()));
        let (scribe, rest, due, fault) = (Some(scribe), Vec::new(), Duration::ZERO, None);
        let (interval, checkpoints, courier) =
            (settings.commit, settings.checkpoints.clone(), None);
        let mut audit = Audit {
            log,
            commits,
            scribe,
            rest,
            interval,
            checkpoints,
            courier,
            syslog: None,
            due,
            fault,
            place,
        };
        audit.begin()?;
        user.map_or(Ok(()), |user| audit.place.give_to(user))?;
        Ok(audit)
    }

    /// Writes the first records, so that a place that takes nothing is found before the start.
    fn begin(&mut self) -> io::Result<()> {
        let blocks = std::iter::from_fn(|| self.log.take()).collect();
        let Some(scribe) = &mut self.scribe else { return Ok(()) };
        let Committed { done, outcome, .. } = scribe.commit(blocks);
        done.into_iter().for_each(|block| self.log.give_back(block));
        outcome
    }

    /// Goes to the disk on a thread of its own from now on.
    pub(super) fn serve(&mut self) -> Result<(), String> {
        self.courier = self.checkpoints.as_deref().map(Courier::serve).transpose()?;
        self.syslog.as_mut().map_or(Ok(()), Syslog::serve)?;
        self.scribe.take().map_or(Ok(()), Scribe::serve)
    }

    /// What is still written while it serves.
    pub(super) fn written(&self) -> Vec<Place> {
        let beside = self.checkpoints.as_deref().map(|path| Place::Folder(folder_of(path).into()));
        [self.place.clone()].into_iter().chain(beside).collect()
    }

    /// Whether it takes events.
    pub(super) fn is_open(&self) -> bool {
        self.log.has_room()
    }

    /// What is wrong, as long as the disk takes nothing, or does not say.
    pub(super) fn fault(&self) -> Option<String> {
        let waiting = self.commits.waiting(clock::since_boot());
        if waiting > SILENT {
            let (place, seconds) = (self.place.path().display(), waiting.as_secs());
            return Some(format!("{place}: the audit log's disk has not answered for {seconds} s"));
        }
        self.fault.clone()
    }

    /// Why checkpoints are not kept off the box, where they should be.
    pub(super) fn checkpoints_fault(&self) -> Option<String> {
        self.courier.as_ref()?.fault()
    }

    /// Who sends records to a syslog server.
    pub(super) const fn syslog(&self) -> Option<&Syslog> {
        self.syslog.as_ref()
    }

    /// How far the log is behind.
    pub(super) fn stands(&self) -> reply::AuditLog {
        reply::AuditLog {
            records: self.log.summary().records,
            waiting_bytes: self.log.pending() as u64,
            waiting_seconds: self.commits.waiting(clock::since_boot()).as_secs_f64(),
        }
    }

    /// How its way to the syslog server stands.
    pub(super) fn syslog_told(&self) -> Option<reply::Syslog> {
        Some(self.syslog()?.stands(self.log.summary().records))
    }

    /// Appends an event.
    pub(super) fn record(&mut self, tables: &Tables, event: &Event, origin: Origin) {
        let written = self.log.record(tables, event, origin);
        unwritten(written);
    }

    /// Appends what somebody did.
    pub(super) fn act(&mut self, epoch: u32, act: &Act<'_>) {
        unwritten(self.log.act(clock::wall(), epoch, act));
    }

    /// Appends that an alarm begins (`on`) or is over.
    pub(super) fn alarm(&mut self, epoch: u32, alarm: Alarm, on: bool) {
        unwritten(self.log.alarm(clock::wall(), epoch, alarm, on));
    }

    /// Appends that a cycle budget is breached (`true`) or kept again.
    pub(super) fn budget(&mut self, epoch: u32, budget: &Budget<'_>, breached: bool) {
        unwritten(self.log.budget(clock::wall(), epoch, budget, breached));
    }

    /// Sends what is due to the disk, and hears what has become of what was sent.
    pub(super) fn flush(&mut self) {
        self.hear(Duration::ZERO);
        unwritten(self.log.tick(clock::wall()));
        let is_full = self.log.is_block_full() && self.fault.is_none();
        if self.commits.is_idle() && (is_full || clock::since_boot() >= self.due) {
            self.send();
        }
    }

    fn send(&mut self) {
        let mut blocks = std::mem::take(&mut self.rest);
        blocks.extend(std::iter::from_fn(|| self.log.take()));
        // After a fault also nothing is asked for: what is left to delete is tried again.
        if !blocks.is_empty() || self.fault.is_some() {
            let now = clock::since_boot();
            self.due = now + self.interval;
            if !self.commits.ask(blocks, now) {
                self.fault = Some("the audit log's thread has ended".to_owned());
            }
        }
    }

    fn hear(&mut self, patience: Duration) {
        let Some(Committed { done, rest, outcome }) = self.commits.answer(patience) else { return };
        for block in done {
            let Audit { log, courier, .. } = self;
            let lines = block.checkpoints.iter().filter_map(|at| block.lines.get(at.clone()));
            lines.for_each(|line| courier.iter().for_each(|courier| courier.send(line)));
            log.give_back(block);
        }
        self.rest = rest;
        self.fault = outcome.err().map(|error| {
            self.due = clock::since_boot() + RETRY;
            format!("{}: the audit log is not written: {error}", self.place.path().display())
        });
    }

    /// Waits until everything is on the disk, for a while, and not where that fails.
    pub(super) fn settle(&mut self) {
        let until = clock::since_boot() + PATIENCE;
        loop {
            self.hear(until.saturating_sub(clock::since_boot()));
            let is_done = self.log.pending() == 0 || self.fault.is_some();
            if is_done || !self.commits.is_idle() {
                return;
            }
            self.send();
        }
    }

    /// Ends the log. `workers` are what each of them has told, and judged.
    pub(super) fn finish(mut self, workers: Option<&[WorkerSums]>) -> Logged {
        if let Some(workers) = workers {
            unwritten(self.log.end(clock::wall(), workers));
        }
        self.settle();
        // Once more, if it failed before.
        if self.fault.is_some() {
            self.send();
            self.settle();
        }
        self.courier.take().into_iter().for_each(Courier::finish);
        self.syslog.take().into_iter().for_each(Syslog::finish);
        let late = || "the audit log's disk does not answer".to_owned();
        let fault = self.fault.take().or_else(|| (self.log.pending() > 0).then(late));
        if let Some(fault) = &fault {
            complain(format_args!("{fault}; {} bytes of the log are lost", self.log.pending()));
        }
        Logged { summary: self.log.summary(), fault }
    }
}

impl Place {
    /// What people call it.
    pub(super) fn path(&self) -> &Path {
        match self {
            Place::Folder(path) | Place::File(path) | Place::Tree(path) => path,
        }
    }

    fn folder(&self) -> &Path {
        match self {
            Place::Folder(path) | Place::Tree(path) => path,
            Place::File(path) => folder_of(path),
        }
    }

    /// The gate goes on as that user: the folder, and what is in it, are to be its own.
    pub(super) fn give_to(&self, user: &User) -> io::Result<()> {
        let (uid, gid) = user.ids();
        let give = |path: &Path| chown(path, Some(uid), Some(gid));
        if !matches!(self, Place::File(_)) {
            fs::read_dir(self.path())?.try_for_each(|entry| give(&entry?.path()))?;
        }
        give(self.path())
    }
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn place(arguments: &cli::Run, state: Option<&Path>) -> Result<Place, String> {
    match (&arguments.audit, state) {
        (Some(path), _) => Ok(Place::File(path.clone())),
        (None, Some(folder)) => Ok(Place::Folder(folder.join(FOLDER))),
        (None, None) => {
            let what = "there is no place for the audit log";
            Err(format!("{what}: write state_dir in [gate], or give --audit FILE"))
        }
    }
}

/// The gate's own key, made at the first start, with its public half beside it.
fn signer(state: &Path) -> Result<Signer, String> {
    let (path, public) = (state.join(KEY), state.join(PUBLIC));
    let signer = match Signer::load(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Signer::create(&path),
        loaded => loaded,
    };
    let signer = signer.map_err(|error| format!("{}: {error}", path.display()))?;
    let told = |error| format!("{}: cannot be made: {error}", public.display());
    fs::write(&public, format!("{}\n", signer.public())).map_err(told)?;
    Ok(signer)
}

fn begin(
    place: &Place,
    settings: &Log,
    epoch: u32,
    signer: Option<Signer>,
) -> io::Result<LogWriter> {
    let source = rustix::system::uname();
    let source = source.nodename().to_str().unwrap_or(NAMELESS);
    let (start, keeping) = ((clock::wall(), epoch), keeping(settings));
    let folder = match place {
        Place::Folder(folder) | Place::Tree(folder) => folder,
        Place::File(path) => {
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.ok_or(io::ErrorKind::InvalidFilename)?;
            return LogWriter::begin_single(name, source, start, keeping, signer);
        }
    };
    let Some(found) = find(&mut Disk::new(folder))? else {
        return LogWriter::begin(source, start, keeping, signer);
    };
    let resumed = found.resumed();
    complain(format_args!(
        "audit log: {} after record {}, {}; {} torn bytes put aside",
        folder.display(),
        found.records(),
        resumed.state.name(),
        resumed.torn
    ));
    LogWriter::resume(found, source, start, keeping, signer)
}

fn keeping(settings: &Log) -> Keeping {
    let Log { file_size, keep_size, keep_for, checkpoint, payload, .. } = *settings;
    Keeping { file_size, keep_size, keep_for, checkpoint, payload }
}

/// A record is refused for one thing alone: a clock that stands where no calendar goes.
fn unwritten(written: io::Result<()>) {
    if let Err(error) = written {
        complain(format_args!("a record is not in the audit log: {error}"));
    }
}
