//! A worker thread.

use std::ffi::CStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use rustix::thread::set_name;
use wicketgate_engine::{Counters, Event, EventRing, NextHop, Sighting, Tables};
use wicketgate_packet::PortId;
use wicketgate_ports::{Port, PortError, TunnelPort};
use wicketgate_worker::{Floor, HandOver, HoldCounters, Latency, Machine, Observer, Worker};
use wicketgate_xdp::{Accounts, Queue, Statistics, XdpPort};

use super::census::{Census, Desk};
use super::clock;
use super::cores;
use super::exchange::Exchange;
use super::stats::{StatsDesk, Teller};
use crate::exit::complain;

/// Events between worker and audit log, beyond those in the engine's own ring.
const EVENTS: usize = 1 << 13;

/// The thread's name.
const NAME: &CStr = c"worker";

/// Turns without a frame before the worker sleeps: some 50 microseconds.
const SPINS: u32 = 256;
/// Turns without a frame between two samples of the machine's floor: some 100 ns of them in a microsecond or two.
const SAMPLE: u32 = 8;
/// Longest sleep; a frame or a deadline ends it.
const NAP: Duration = Duration::from_millis(100);
/// Milliseconds at most that a worker waits for the others at the end.
const SETTLE: u32 = 1000;
/// The same while frames wait for a MAC address, which control brings.
const SHORT_NAP: Duration = Duration::from_millis(1);

/// An event on its way to the log.
pub(super) struct Told {
    /// Of the tables whose numbers are in it.
    pub(super) epoch: u32,
    /// Its number among those of its worker.
    pub(super) number: u64,
    pub(super) event: Event,
}

/// What one worker and control share: two bounded queues, a flag, a counter, a desk for counts.
pub(super) struct Shared {
    stop: AtomicBool,
    turns: AtomicU64,
    tables: ArrayQueue<Arc<Tables>>,
    events: ArrayQueue<Told>,
    /// What people do cannot be logged now.
    closed_to_people: AtomicBool,
    pub(super) census: Desk,
    pub(super) stats: StatsDesk,
    neighbours: Arc<Exchange>,
}

impl Shared {
    pub(super) fn new(neighbours: Arc<Exchange>) -> Shared {
        Shared {
            stop: AtomicBool::new(false),
            turns: AtomicU64::new(0),
            tables: ArrayQueue::new(1),
            events: ArrayQueue::new(EVENTS),
            closed_to_people: AtomicBool::new(false),
            census: Desk::new(),
            stats: StatsDesk::new(),
            neighbours,
        }
    }

    /// Of so many workers, for tests.
    #[cfg(test)]
    pub(super) fn among(workers: usize) -> Vec<Arc<Shared>> {
        let exchange = Arc::new(Exchange::new());
        (0..workers).map(|_| Arc::new(Shared::new(exchange.clone()))).collect()
    }

    /// Has the worker stop after its turn.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Has the worker judge by these tables from its next turn on; of several the last counts.
    pub(super) fn install(&self, tables: Arc<Tables>) {
        self.tables.force_push(tables);
    }

    /// Whether another event has room.
    fn has_room(&self) -> bool {
        !self.events.is_full()
    }

    /// Has the worker refuse what people ask for (`true`), because the log does not take it.
    pub(super) fn close_to_people(&self, closed: bool) {
        self.closed_to_people.store(closed, Ordering::Relaxed);
    }

    /// Tells control of an event. Only the worker does.
    pub(super) fn tell(&self, told: Told) {
        // One thread alone pushes, and it has asked for room.
        let _ = self.events.push(told);
    }

    /// The oldest event that nobody has taken.
    pub(super) fn event(&self) -> Option<Told> {
        self.events.pop()
    }

    /// Events that nobody has taken, and how many there is room for.
    pub(super) fn events_waiting(&self) -> (usize, usize) {
        (self.events.len(), self.events.capacity())
    }

    /// Turns since the start: they go on also where no frame comes.
    pub(super) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Another turn was done.
    pub(super) fn turned(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What a worker did.
pub(super) struct Outcome {
    pub(super) counters: Counters,
    pub(super) latency: Latency,
    /// Nanoseconds in turns that had a frame.
    pub(super) busy: u64,
    pub(super) held: HoldCounters,
    pub(super) accounts: Accounts,
    pub(super) strays: u64,
    pub(super) unsent: u64,
    /// Frames handed to other workers.
    pub(super) handed_over: u64,
    pub(super) events_lost: u64,
    /// Events that it had to tell, those that were lost too.
    pub(super) events: u64,
    pub(super) sockets: io::Result<Vec<(PortId, Queue, Statistics)>>,
    /// Why it stopped by itself.
    pub(super) fault: Option<PortError>,
}

/// The ports of a worker: its sockets, and the packets of tunnels beside them.
pub(super) type WorkerPort<'u> = TunnelPort<XdpPort<'u>>;

/// A worker and how it turns.
pub(super) struct DataPath<'u> {
    worker: Worker<WorkerPort<'u>, Machine>,
    shared: Arc<Shared>,
    outbox: Outbox,
    /// The only core that it may have.
    core: Option<usize>,
    spin: bool,
    teller: Teller,
    floor: Floor<Machine>,
    /// Turns without a frame.
    idle: u32,
}

impl<'u> DataPath<'u> {
    pub(super) fn new(
        worker: Worker<WorkerPort<'u>, Machine>,
        shared: Arc<Shared>,
        core: Option<usize>,
        spin: bool,
    ) -> DataPath<'u> {
        let outbox = Outbox::new(shared.clone());
        let (teller, floor) = (Teller::default(), Floor::new(Machine::start()));
        DataPath { worker, shared, outbox, core, spin, teller, floor, idle: 0 }
    }

    /// Turns until it is told to stop, or a socket fails.
    pub(super) fn run(mut self) -> Outcome {
        // For whoever looks at threads, as by `top -H`; without it nothing is lost.
        let _ = set_name(NAME);
        self.pin();
        let mut fault = None;
        while fault.is_none() && !self.shared.is_stopping() {
            fault = self.turn().err();
        }
        self.outbox.be_patient();
        self.worker.leave();
        // Who broke does not wait: control hears of it by the end of this thread, and ends the others.
        if fault.is_none() {
            fault = self.settle().err();
        }
        self.worker.finish(&mut self.outbox);
        self.outcome(fault)
    }

    fn turn(&mut self) -> Result<(), PortError> {
        self.obey();
        let count = self.worker.turn(&mut self.outbox)?;
        self.shared.turned();
        self.shared.census.answer(|| Census::of(&self.worker));
        let more = self.tell_figures();
        if count > 0 || more {
            self.idle = 0;
            return Ok(());
        }
        self.rest()
    }

    /// Tells a piece of what it has counted, where that was asked for; true while there is more.
    fn tell_figures(&mut self) -> bool {
        let DataPath { worker, shared, teller, floor, .. } = self;
        let counts = || (worker.engine().counters().clone(), worker.busy());
        let port = worker.port().inner();
        let socket = |number| port.statistics_of(number);
        teller.tell(&shared.stats, counts, worker.latency(), floor.nanos(), socket)
    }

    /// Does what control has asked for. Before the turn: the frame that ends a sleep is judged by what came
    /// while the worker slept.
    fn obey(&mut self) {
        // An event must not be named by tables that it does not count in.
        if !self.outbox.behind
            && let Some(tables) = self.shared.tables.pop()
        {
            self.worker.install(tables, &mut self.outbox);
        }
        while let Some(hop) = self.shared.neighbours.asked() {
            // No frame is free, or the asset is gone: control asks again.
            let _ = self.worker.solicit(hop);
        }
    }

    /// Spins for a while after the last frame, then sleeps until the next.
    fn rest(&mut self) -> Result<(), PortError> {
        self.idle = self.idle.saturating_add(1);
        if self.idle < SPINS {
            self.wait_a_little();
            return Ok(());
        }
        self.worker.pass(clock::now());
        if self.spin {
            self.idle = 0;
            return Ok(());
        }
        let nap = if self.worker.waiting() > 0 { SHORT_NAP } else { NAP };
        let nap = nap.min(self.worker.next_deadline().since(clock::now()));
        let wait = |port: &mut XdpPort<'u>, bells: &[BorrowedFd<'_>]| port.wait_with(bells, nap);
        self.worker.sleep(|port, bell| port.sleep(bell, wait)).map_err(PortError::Socket)
    }

    /// Where there is nothing to do the machine's floor is sampled: no frame pays for it.
    fn wait_a_little(&mut self) {
        if self.idle.is_multiple_of(SAMPLE) {
            self.floor.sample();
        } else {
            std::hint::spin_loop();
        }
    }

    /// Waits, not for ever, until no other worker hands over anything more.
    fn settle(&mut self) -> Result<(), PortError> {
        for _ in 0..SETTLE {
            if self.worker.settle(&mut self.outbox)? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn pin(&self) {
        let Some(core) = self.core else { return };
        if let Err(error) = cores::pin(core) {
            complain(format_args!("a worker runs on any core, not on core {core}: {error}"));
        }
    }

    fn outcome(self, fault: Option<PortError>) -> Outcome {
        let port = self.worker.port().inner();
        Outcome {
            counters: self.worker.engine().counters().clone(),
            latency: self.worker.latency().clone(),
            busy: self.worker.busy(),
            held: self.worker.held(),
            accounts: port.accounts(),
            strays: port.strays(),
            unsent: port.unsent(),
            handed_over: self.worker.others().map_or(0, HandOver::handed),
            events_lost: self.worker.events_lost(),
            events: self.worker.events(),
            sockets: port.statistics(),
            fault,
        }
    }
}

/// Takes events from the engine to the queue that control reads.
///
/// Where the queue is full they stay in the engine's ring; where that is full too, the engine refuses
/// what could not be logged.
pub(super) struct Outbox {
    shared: Arc<Shared>,
    /// Events were left in the ring.
    behind: bool,
    /// Waits for control: at the end, when no frame waits for this thread.
    patient: bool,
}

impl Outbox {
    pub(super) const fn new(shared: Arc<Shared>) -> Outbox {
        Outbox { shared, behind: false, patient: false }
    }

    /// Waits for control from now on: no frame waits for this thread any more.
    pub(super) const fn be_patient(&mut self) {
        self.patient = true;
    }
}

impl Observer for Outbox {
    fn events(&mut self, tables: &Tables, events: &mut EventRing) {
        events.close_to_people(self.shared.closed_to_people.load(Ordering::Relaxed));
        loop {
            while self.patient && !self.shared.has_room() {
                std::thread::sleep(Duration::from_millis(1));
            }
            self.behind = !self.shared.has_room();
            if self.behind {
                return;
            }
            let Some((number, event)) = events.pop_numbered() else { return };
            self.shared.tell(Told { epoch: tables.epoch(), number, event });
        }
    }

    fn wanted(&mut self, hop: NextHop) {
        self.shared.neighbours.want(hop);
    }

    fn seen(&mut self, sighting: Sighting) {
        self.shared.neighbours.see(sighting);
    }
}
