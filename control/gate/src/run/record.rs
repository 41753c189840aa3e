//! Records of sessions while the gate runs (ADR 19).
//!
//! ```text
//!   workers --copies, a bounded ring each--> record thread --> FOLDER/DAY/SESSION.pcapng
//!   control --tables, ends of sessions-----------^
//! ```
//!
//! Nothing waits for this thread. A disk that hangs or is full costs records, not frames: what then finds no room is
//! counted, said at the end of the records that it may be missing from, and alarmed. Where the policy says that
//! records are required, people are refused until they can be written again; machines never are.

use std::collections::VecDeque;
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, UNIX_EPOCH};

use wicketgate_engine::{Copied, Copies, Event, Tables};
use wicketgate_packet::Time;
use wicketgate_policy::Policy;

use super::audit::Place;
use super::clock::{self, Drift};
use super::sandbox::User;
use crate::api::reply;
use crate::exit::complain;
use crate::record::retention::{Retention, tidy};
use crate::record::{Ending, Keeper, Missing};

/// Copies that wait for the thread, of each worker: a quarter of a second at 8,000 frames a second; 12 MiB.
const COPIES: usize = 2048;
/// Generations of tables that copies may still count in.
const KEPT: usize = 8;
/// Ends of sessions that wait for the thread.
const ENDED: usize = 1 << 14;
/// Between two looks at the rings.
const TICK: Duration = Duration::from_millis(5);
/// Between two writes to the disk.
const FLUSH: Duration = Duration::from_secs(1);
/// Between two looks at what is too old, or too much.
const TIDY: Duration = Duration::from_secs(60);
/// Longest that a disk may take before that is alarmed.
const SILENT: Duration = Duration::from_secs(5);
/// How long the gate waits for the disk at its end.
const PATIENCE: Duration = Duration::from_secs(5);

/// What control and the thread tell each other.
#[derive(Default)]
struct Desk {
    tables: VecDeque<Arc<Tables>>,
    ended: Vec<Ending>,
    fault: Option<String>,
    missing: Missing,
    /// When the thread was seen last, since boot.
    seen: Duration,
    stop: bool,
}

/// Control's end.
pub(super) struct Records {
    folder: PathBuf,
    rings: Vec<Arc<Copies>>,
    desk: Arc<Mutex<Desk>>,
    required: bool,
    /// Until it serves.
    scribe: Option<Scribe>,
    thread: Option<JoinHandle<()>>,
    /// Copies that had found no room at the last look.
    lost: u64,
}

/// The thread's end.
struct Scribe {
    folder: PathBuf,
    rings: Vec<Arc<Copies>>,
    desk: Arc<Mutex<Desk>>,
    keeper: Keeper,
    retention: Retention,
    drift: Drift,
    /// When to write and when to tidy up next, since boot.
    flush: Duration,
    tidy: Duration,
}

impl Records {
    /// Where the policy says that sessions are recorded: with a folder that can be written.
    ///
    /// # Errors
    /// It cannot.
    pub(super) fn open(
        policy: &Policy,
        workers: usize,
        user: Option<&User>,
    ) -> Result<Option<Records>, String> {
        let Some(settings) = policy.record() else { return Ok(None) };
        let folder = settings.folder.clone();
        let keeper = Keeper::new(folder.clone(), settings.session_size);
        let told = |error| format!("{}: records cannot be written: {error}", folder.display());
        keeper.probe().map_err(told)?;
        user.map_or(Ok(()), |user| Place::Tree(folder.clone()).give_to(user)).map_err(told)?;
        let rings: Vec<_> = (0..workers).map(|_| Arc::new(Copies::new(COPIES))).collect();
        let desk = Arc::new(Mutex::new(Desk { seen: clock::since_boot(), ..Desk::default() }));
        let scribe = Scribe {
            folder: folder.clone(),
            rings: rings.clone(),
            desk: desk.clone(),
            keeper,
            retention: Retention { size: settings.keep_size, age: settings.keep_for },
            drift: Drift::at(clock::clocks()),
            flush: Duration::ZERO,
            tidy: Duration::ZERO,
        };
        let (required, scribe) = (settings.required, Some(scribe));
        Ok(Some(Records { folder, rings, desk, required, scribe, thread: None, lost: 0 }))
    }

    /// Where the engine of this worker puts copies.
    pub(super) fn ring(&self, worker: usize) -> Option<Arc<Copies>> {
        self.rings.get(worker).cloned()
    }

    /// Where records are.
    pub(super) fn place(&self) -> Place {
        Place::Tree(self.folder.clone())
    }

    /// Writes on a thread of its own from now on.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn serve(&mut self) -> Result<(), String> {
        let Some(scribe) = self.scribe.take() else { return Ok(()) };
        let thread = thread::Builder::new().name("record".to_owned()).spawn(move || scribe.run());
        let thread = thread.map_err(|error| format!("no thread for records: {error}"))?;
        self.thread = Some(thread);
        Ok(())
    }

    /// These tables will be in force: copies are to be named by them.
    pub(super) fn follow(&self, tables: &Arc<Tables>) {
        let mut desk = lock(&self.desk);
        desk.tables.push_back(tables.clone());
        if desk.tables.len() > KEPT {
            desk.tables.pop_front();
        }
    }

    /// Takes note of an event that happened at `time` by the wall clock.
    pub(super) fn note(&self, event: &Event, time: Time) {
        if let Some(ending) = Ending::of(event, time) {
            let mut desk = lock(&self.desk);
            // Where the thread stands still, records have no end.
            if desk.ended.len() < ENDED {
                desk.ended.push(ending);
            }
        }
    }

    /// Whether people are refused now, because what they do would not be recorded.
    pub(super) fn refuses_people(&self) -> bool {
        self.required && self.disk_fault().is_some()
    }

    /// What is wrong, as it was seen by a look a second.
    pub(super) fn fault(&mut self) -> Option<String> {
        let lost = lost(&self.rings);
        let more = lost - mem::replace(&mut self.lost, lost);
        let full = || {
            format!(
                "{more} frames of recorded sessions found no room: records of them are incomplete"
            )
        };
        self.disk_fault().or_else(|| (more > 0).then(full))
    }

    /// What is missing from records since the start.
    pub(super) fn stands(&self) -> reply::Records {
        let Missing { beyond, unwritten, deleted } = lock(&self.desk).missing;
        reply::Records { ring_full: lost(&self.rings), unwritten, beyond, deleted }
    }

    fn disk_fault(&self) -> Option<String> {
        let desk = lock(&self.desk);
        let silent = clock::since_boot().saturating_sub(desk.seen);
        if silent > SILENT {
            let (folder, seconds) = (self.folder.display(), silent.as_secs());
            return Some(format!("{folder}: the records' disk has not answered for {seconds} s"));
        }
        desk.fault.clone()
    }

    /// Waits, not for long, until all is on the disk.
    pub(super) fn finish(self) {
        lock(&self.desk).stop = true;
        let until = clock::since_boot() + PATIENCE;
        let is_done = || self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        while !is_done() && clock::since_boot() < until {
            thread::sleep(Duration::from_millis(1));
        }
        if let Some(fault) = self.disk_fault() {
            complain(fault);
        }
    }
}

impl Scribe {
    fn run(mut self) {
        while !self.turn() {
            thread::sleep(TICK);
        }
    }

    /// One look at everything; true after the last.
    fn turn(&mut self) -> bool {
        let now = clock::since_boot();
        let (tables, ended, stop) = {
            let mut desk = lock(&self.desk);
            desk.seen = now;
            (desk.tables.clone(), mem::take(&mut desk.ended), desk.stop)
        };
        // Whatever a session that has ended sent was copied before.
        self.take_copies(&tables);
        let lost = self.lost();
        ended.iter().for_each(|ending| self.keeper.end(ending, lost));
        if now >= self.flush || stop {
            self.flush = now + FLUSH;
            self.drift.has_moved(clock::clocks());
            self.keeper.flush();
            let mut desk = lock(&self.desk);
            desk.fault = self.keeper.fault().map(str::to_owned);
            desk.missing = self.keeper.missing();
        }
        if now >= self.tidy {
            self.tidy = now + TIDY;
            self.tidy_up();
        }
        stop
    }

    fn take_copies(&mut self, tables: &VecDeque<Arc<Tables>>) {
        let lost = self.lost();
        let Scribe { rings, keeper, drift, .. } = self;
        let mut keep = |copied: &Copied| {
            let of_epoch = tables.iter().find(|tables| tables.epoch() == copied.whose.epoch);
            if let Some(tables) = of_epoch.or(tables.back()) {
                keeper.keep(tables, copied, drift.wall(copied.time), lost);
            }
        };
        for ring in rings {
            // As many as there are now: a worker that goes on copying does not keep the others.
            (0..ring.waiting()).for_each(|_| _ = ring.take(&mut keep));
        }
    }

    fn lost(&self) -> u64 {
        lost(&self.rings)
    }

    fn tidy_up(&self) {
        let now = UNIX_EPOCH + Duration::from_nanos(clock::wall().as_nanos());
        match tidy(&self.folder, self.retention, now) {
            Ok(0) => {}
            Ok(gone) => complain(format_args!("{gone} records were deleted, as [record] says")),
            // That it cannot be written either is told anyway.
            Err(_) => {}
        }
    }
}

/// Copies that found no room.
fn lost(rings: &[Arc<Copies>]) -> u64 {
    rings.iter().map(|ring| ring.lost()).sum()
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}
