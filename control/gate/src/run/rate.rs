//! The way of events to the audit log, at a steady rate: a worker's thread that runs an engine, and control's
//! loop, which logs what it tells. For benchmarks: the queues, the log and the waits are the running gate's.

use std::hint::spin_loop;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle, sleep};
use std::time::Duration;

use hdrhistogram::Histogram;
use wicketgate_audit::WorkerSums;
use wicketgate_engine::{Event, EventRing, Tables};
use wicketgate_worker::{Laps, Observer, Spectator};

use super::audit::Audit;
use super::clock;
use super::control::TICK;
use super::cores;
use super::data::{Outbox, Shared};
use super::exchange::Exchange;
use super::journal::{AT_ONCE, Journal};
use crate::exit::complain;

/// The worker's core.
const CORE: usize = 0;

/// Longest time that is told apart, in nanoseconds: ten seconds.
const LONGEST: u64 = 10_000_000_000;

/// Frames at a steady rate.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// From one burst to the next.
    pub(crate) burst: Duration,
    /// For how long.
    pub(crate) length: Duration,
}

/// How it went.
pub(crate) struct Rated {
    /// Commands that were judged, and those of them that were denied.
    pub(crate) commands: u64,
    pub(crate) denied: u64,
    /// Events of the worker, those for which there was no room too.
    pub(crate) events: u64,
    pub(crate) lost: u64,
    /// How long the worker took.
    pub(crate) took: Duration,
    /// From when a burst was due until all of it was decided on, in nanoseconds.
    pub(crate) nanos: Histogram<u64>,
    /// Why the log was not written, if it was not.
    pub(crate) fault: Option<String>,
}

/// Runs the frames at this pace, and logs what happens into `folder`; without one it is thrown away. Nothing ran
/// before: the log begins with the first event.
///
/// # Errors
/// There is no thread to be had, or the log cannot be begun.
pub(crate) fn run(mut laps: Laps, pace: Pace, folder: Option<&Path>) -> Result<Rated, String> {
    let shared = Arc::new(Shared::new(Arc::new(Exchange::new())));
    let tables = laps.tables().clone();
    let mut sink = match folder {
        Some(folder) => Sink::Log(Box::new(Audit::rehearse(folder, &tables)?)),
        None => Sink::Nowhere,
    };
    let mut rated = thread::scope(|scope| {
        let driver = Driver { outbox: Outbox::new(shared.clone()), tables: tables.clone() };
        let worker = thread::Builder::new().name("worker".to_owned());
        let worker = worker.spawn_scoped(scope, || driver.drive(&mut laps, pace));
        let worker = worker.map_err(|error| format!("no thread for the worker: {error}"))?;
        sink.take_all(&shared, &tables, &worker);
        worker.join().map_err(|_| "the worker has panicked".to_owned())
    })?;
    rated.fault = sink.finish(&rated);
    Ok(rated)
}

/// Where events go.
enum Sink {
    Log(Box<Audit>),
    Nowhere,
}

impl Sink {
    /// What control does, for as long as the worker runs.
    fn take_all(
        &mut self,
        shared: &Arc<Shared>,
        tables: &Tables,
        worker: &ScopedJoinHandle<'_, Rated>,
    ) {
        let mut journal = Journal::new(std::slice::from_ref(shared));
        loop {
            let is_over = worker.is_finished();
            while self.take(&mut journal, tables) {}
            if let Sink::Log(audit) = self {
                shared.close_to_people(audit.fault().is_some());
            }
            if is_over {
                return;
            }
            sleep(TICK);
        }
    }

    /// Takes some events; true where there may be more.
    fn take(&mut self, journal: &mut Journal, tables: &Tables) -> bool {
        let Sink::Log(audit) = self else { return journal.batch().count() == AT_ONCE };
        let (mut logged, time) = (0, clock::wall());
        let mut batch = journal.batch();
        while audit.is_open()
            && let Some((origin, told)) = batch.next()
        {
            logged += 1;
            audit.record(tables, &Event { time, ..told.event }, origin);
        }
        audit.flush();
        logged == AT_ONCE
    }

    /// Ends the log; why it was not written.
    fn finish(self, rated: &Rated) -> Option<String> {
        let Sink::Log(audit) = self else { return None };
        let Rated { commands, events, lost, .. } = *rated;
        let sums = WorkerSums { worker: 0, events, lost, judged: Some(commands) };
        audit.finish(Some(&[sums])).fault
    }
}

/// The worker's end.
struct Driver {
    outbox: Outbox,
    tables: Arc<Tables>,
}

impl Spectator for Driver {
    fn burst(&mut self, events: &mut EventRing) {
        self.outbox.events(&self.tables, events);
    }
}

impl Driver {
    fn drive(mut self, laps: &mut Laps, pace: Pace) -> Rated {
        if let Err(error) = cores::pin(CORE) {
            complain(format_args!("the worker runs on any core, not on core {CORE}: {error}"));
        }
        let mut nanos = histogram();
        let start = clock::since_boot();
        let mut due = start;
        while due - start < pace.length {
            for burst in 0..laps.bursts() {
                laps.fill_burst(burst);
                wait_until(due);
                laps.burst(burst, &mut self);
                let late = clock::since_boot().saturating_sub(due);
                nanos.saturating_record(u64::try_from(late.as_nanos()).unwrap_or(u64::MAX));
                due += pace.burst;
            }
            laps.next_lap();
        }
        let took = clock::since_boot() - start;
        self.outbox.be_patient();
        laps.tell(&mut self);
        let ((commands, denied), (events, lost)) = (laps.commands(), laps.told());
        Rated { commands, denied, events, lost, took, nanos, fault: None }
    }
}

fn wait_until(due: Duration) {
    while clock::since_boot() < due {
        spin_loop();
    }
}

fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "the bounds are constants that are in order")]
    Histogram::new_with_bounds(1, LONGEST, 3).expect("constant bounds")
}
