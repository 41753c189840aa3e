//! Records of the audit log to a syslog server, at least once each, on a thread of its own.
//!
//! ```text
//!   log files --Lines--> batch --Link--> server
//!       ^                  |
//!       '---- place  <-----'  once the connection has outlived its sending by SETTLE
//! ```
//!
//! The thread reads the log's files like anybody else, so a server that is slow or away holds up nothing, and nothing is
//! lost as long as the files are kept. Syslog has no acknowledgement: what is known is that TCP gives a connection
//! up that acknowledges nothing for [`STALL`], and that the kernel holds 256 KiB at most. A connection that is there
//! [`SETTLE`] later has had what was sent before, unless it crept all that while (docs/AUDIT.md).

mod place;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wicketgate_audit::{Disk, Lines, View, files};

use super::audit::Place as LogPlace;
use super::clock;
use crate::api::reply;
use crate::syslog::link::{Link, STALL};
use crate::syslog::{Target, Way};
use place::{Place, Sent};

/// Where it is kept in `state_dir` how far records were sent.
const FILE: &str = "audit.syslog";
/// Bytes that are handed to a connection at a time.
const BATCH: usize = 64 * 1024;
/// How long the gate waits for the server at its end.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a connection must have lived behind what was sent by it: three times [`STALL`].
const SETTLE: Duration = STALL.saturating_mul(3);

/// How long things take; tests have less time.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Between two looks for more.
    look: Duration,
    /// How long a connection must have lived behind what was sent by it.
    settle: Duration,
    /// Between two tries to connect, at first and at most.
    first: Duration,
    most: Duration,
}

const PACE: Pace = Pace {
    look: Duration::from_millis(100),
    settle: SETTLE,
    first: Duration::from_secs(1),
    most: Duration::from_secs(60),
};

/// What the thread tells.
#[derive(Debug, Default)]
struct Told {
    /// `seq` of the record that was sent last.
    sent: AtomicU64,
    /// Records that were deleted before they were sent, and lines that were none.
    dropped: AtomicU64,
    damaged: AtomicU64,
    /// Connections so far, and whether there is one.
    connections: AtomicU64,
    connected: AtomicBool,
    /// What is wrong, and since when; until a connection has lasted.
    fault: Mutex<Option<(String, Duration)>>,
    stop: AtomicBool,
}

/// Control's end.
pub(super) struct Syslog {
    told: Arc<Told>,
    /// How long the server may be out of reach before that is alarmed.
    alarm_after: Duration,
    port: Option<u16>,
    /// Until it serves.
    sender: Option<Sender>,
    thread: Option<JoinHandle<()>>,
}

/// The thread's end.
struct Sender {
    target: Target,
    log: PathBuf,
    place: Option<Place>,
    /// Behind which record it goes on after a fault; and what was sent since, by the time of its sending.
    settled: Sent,
    under_way: VecDeque<(Duration, Sent)>,
    /// Highest `seq` seen.
    seen: u64,
    pace: Pace,
    told: Arc<Told>,
}

impl Syslog {
    /// Finds out what is needed to send, before files and sockets are fenced. `log` has its first file.
    ///
    /// # Errors
    /// The settings, or the file that holds the place.
    pub(super) fn open(
        settings: &wicketgate_policy::Syslog,
        log: &LogPlace,
        state: Option<&Path>,
    ) -> Result<Syslog, String> {
        let target = Target::find(settings)?;
        let port = (!matches!(target.way, Way::Udp)).then_some(settings.port);
        let state = state.filter(|_| matches!(log, LogPlace::Folder(_)));
        let sender = Sender::open(target, log.path(), state, PACE)?;
        let (told, alarm_after) = (sender.told.clone(), settings.alarm_after);
        Ok(Syslog { told, alarm_after, port, sender: Some(sender), thread: None })
    }

    /// The port that the gate connects to by TCP, while it runs.
    pub(super) const fn tcp_port(&self) -> Option<u16> {
        self.port
    }

    /// Serves on a thread of its own.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn serve(&mut self) -> Result<(), String> {
        let Some(sender) = self.sender.take() else { return Ok(()) };
        let thread = thread::Builder::new().name("syslog".to_owned());
        let thread = thread.spawn(move || sender.run());
        self.thread = Some(thread.map_err(|error| format!("no thread for syslog: {error}"))?);
        Ok(())
    }

    /// Why records do not reach the server, once that has lasted for as long as the settings say.
    pub(super) fn fault(&self) -> Option<String> {
        let (what, since) = self.told.fault()?;
        let down = clock::since_boot().saturating_sub(since);
        (down >= self.alarm_after).then(|| format!("syslog: {what}; for {} s", down.as_secs()))
    }

    /// How it stands, in a log of so many records.
    pub(super) fn stands(&self, records: u64) -> reply::Syslog {
        let Told { sent, dropped, damaged, connections, connected, .. } = &*self.told;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        reply::Syslog {
            connected: connected.load(Ordering::Relaxed),
            sent: count(sent),
            waiting: records.saturating_sub(count(sent)),
            dropped: count(dropped),
            damaged: count(damaged),
            connections: count(connections),
            fault: self.told.fault().map(|(what, _)| what),
        }
    }

    /// Waits, not for long, until the server has all of a log that has ended.
    pub(super) fn finish(self) {
        self.told.stop.store(true, Ordering::Relaxed);
        let until = clock::since_boot() + PATIENCE;
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
            && clock::since_boot() < until
        {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Told {
    fn fault(&self) -> Option<(String, Duration)> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A fault that goes on began with its first sign.
    fn set(&self, what: Option<String>) {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let since = fault.as_ref().map_or_else(clock::since_boot, |(_, since)| *since);
        *fault = what.map(|what| (what, since));
    }

    fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Sender {
    fn open(
        target: Target,
        log: &Path,
        state: Option<&Path>,
        pace: Pace,
    ) -> Result<Sender, String> {
        let place = state.map(|folder| {
            let path = folder.join(FILE);
            Place::open(&path).map_err(|error| format!("{}: {error}", path.display()))
        });
        let (mut place, kept) = place.transpose()?.unzip();
        let unreadable = |error| format!("{}: cannot be read: {error}", log.display());
        let settled = begin(log, kept.flatten()).map_err(unreadable)?;
        // At once: a gate that is killed before anything has arrived goes on here, and not with its next file.
        if let Some(place) = &mut place {
            place.keep(&settled).map_err(|error| format!("{FILE}: {error}"))?;
        }
        let (told, seen) = (Arc::new(Told::default()), settled.seq);
        told.sent.store(seen, Ordering::Relaxed);
        let (log, under_way) = (log.to_owned(), VecDeque::new());
        Ok(Sender { target, log, place, settled, under_way, seen, pace, told })
    }

    /// Connects, sends, and connects again, until the gate ends.
    fn run(mut self) {
        let mut wait = self.pace.first;
        while let Err(error) = self.serve() {
            self.told.connected.store(false, Ordering::Relaxed);
            self.under_way.clear();
            if self.told.fault().is_none() {
                wait = self.pace.first;
            }
            self.told.set(Some(format!("{}: {error}", self.target.name)));
            if self.pause(wait) {
                return;
            }
            wait = (wait * 2).min(self.pace.most);
        }
    }

    /// Waits; true where the gate ends meanwhile.
    fn pause(&self, wait: Duration) -> bool {
        let until = clock::since_boot() + wait;
        while clock::since_boot() < until && !self.told.stops() {
            thread::sleep(self.pace.look.min(wait));
        }
        self.told.stops()
    }

    fn serve(&mut self) -> io::Result<()> {
        let link = self.connect()?;
        self.told.connections.fetch_add(1, Ordering::Relaxed);
        self.told.connected.store(true, Ordering::Relaxed);
        self.stream(link)
    }

    /// The first of the server's addresses that answers.
    fn connect(&self) -> io::Result<Link> {
        let unknown = "nobody knew its address when the gate started; it takes a restart";
        let mut last = io::Error::new(io::ErrorKind::NotFound, unknown);
        for address in &self.target.addresses {
            let way = &self.target.way;
            match Link::dial(*address, way).and_then(|link| link.secure(way)) {
                Ok(link) => return Ok(link),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sends what there is and what comes, until the connection ends, or the gate.
    fn stream(&mut self, mut link: Link) -> io::Result<()> {
        let mut lines = Lines::open_at(&self.log, self.settled.position.clone())?;
        let mut batch = Vec::with_capacity(2 * BATCH);
        let begun = clock::since_boot();
        loop {
            batch.clear();
            match self.fill(&mut lines, &link, &mut batch)? {
                Some(sent) => {
                    link.send(&batch)?;
                    self.told.sent.store(sent.seq, Ordering::Relaxed);
                    self.note(clock::since_boot(), sent);
                }
                None if self.told.stops() => return self.end(link),
                None => link.hear(self.pace.look)?,
            }
            let before = clock::since_boot().saturating_sub(self.pace.settle);
            if before >= begun {
                self.told.set(None);
                self.settle(before)?;
            }
        }
    }

    /// Fills a batch, as far as there are records; returns the place behind the last. By UDP each is sent at once.
    fn fill(
        &mut self,
        lines: &mut Lines,
        link: &Link,
        batch: &mut Vec<u8>,
    ) -> io::Result<Option<Sent>> {
        let mut last = None;
        while batch.len() < BATCH && !(matches!(link, Link::Udp(_)) && last.is_some()) {
            let Some(line) = lines.read()? else { break };
            let Some(view) = View::read(line) else {
                self.told.damaged.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            match link {
                Link::Udp(_) => self.target.messages.message(line, &view, batch),
                Link::Tls(..) | Link::Tcp(_) => self.target.messages.frame(line, &view, batch),
            }
            let seq = view.seq();
            self.miss(seq);
            last = Some(Sent { position: lines.position(), seq });
        }
        Ok(last)
    }

    /// Counts what was deleted between the last record and this one.
    fn miss(&mut self, seq: u64) {
        if self.seen > 0 {
            let missing = seq.saturating_sub(self.seen).saturating_sub(1);
            self.told.dropped.fetch_add(missing, Ordering::Relaxed);
        }
        self.seen = self.seen.max(seq);
    }

    /// Takes note of what was sent: of all between two looks, once, by the time of the last.
    fn note(&mut self, at: Duration, sent: Sent) {
        let look = |at: Duration| at.as_nanos() / self.pace.look.as_nanos().max(1);
        match self.under_way.back_mut() {
            Some(last) if look(last.0) == look(at) => *last = (at, sent),
            _ => self.under_way.push_back((at, sent)),
        }
    }

    /// What was sent before that time has arrived.
    fn settle(&mut self, before: Duration) -> io::Result<()> {
        let mut arrived = None;
        while let Some((_, sent)) = self.under_way.pop_front_if(|(at, _)| *at <= before) {
            arrived = Some(sent);
        }
        let Some(sent) = arrived else { return Ok(()) };
        self.settled = sent;
        self.place.as_mut().map_or(Ok(()), |place| place.keep(&self.settled))
    }

    /// All is sent: a server that ends the connection behind it has had it.
    fn end(&mut self, link: Link) -> io::Result<()> {
        if link.close().is_ok() {
            self.settle(Duration::MAX)?;
        }
        Ok(())
    }
}

/// Where sending begins: behind what was sent before; or, the first time, with the file that this start of the gate
/// began. A place behind the last file is one of another log.
fn begin(log: &Path, kept: Option<Sent>) -> io::Result<Sent> {
    if !log.is_dir() {
        return Ok(Sent::default());
    }
    let newest = files::of_log(&mut Disk::new(log))?.last().copied();
    let fits = |sent: &Sent| sent.position.file <= newest;
    let fresh =
        || Sent { position: wicketgate_audit::Position { file: newest, offset: 0 }, seq: 0 };
    Ok(kept.filter(fits).unwrap_or_else(fresh))
}
