//! The control thread: whatever is not a frame.

use std::sync::Arc;
use std::thread::{ScopedJoinHandle, sleep};
use std::time::Duration;

use wicketgate_audit::{Act, Alarm, Deed};
use wicketgate_engine::Event;
use wicketgate_netlink::{Change, Watch};

use super::accounts::Accounts;
use super::alarms::{Alarms, Tell};
use super::audit::Audit;
use super::barriers::Barriers;
use super::budgets::Budgets;
use super::census::Books;
use super::classes::Classes;
use super::clock::{self, Drift};
use super::data::{Outcome, Shared, Told};
use super::desk::Gatherer;
use super::due::Due;
use super::interfaces::Interfaces;
use super::journal::{AT_ONCE, Journal};
use super::neighbours::Neighbours;
use super::netlink::Kernel;
use super::notify::Notifier;
use super::people::People;
use super::policy::Generations;
use super::pulse::Pulse;
use super::record::Records;
use super::signals::Signals;
use super::syslog::Syslog;
use super::tunnel::Tunnels;
use crate::api::desk::Inbox;
use crate::api::peers::Admission;
use crate::exit::{Exit, complain};

/// Between two looks at queues and signals.
pub(super) const TICK: Duration = Duration::from_millis(5);
/// Ticks in a second.
const SECOND: u32 = 200;
/// Ticks between two looks whether workers turn: longer than an idle one sleeps, and
/// so short that three of them and the load of the machine are less than a second.
const BEAT: u32 = 30;
/// Such looks in a row that find no turn before a worker is said to stand still: one is chance.
const SILENT: u32 = 3;
/// Ticks that a worker has to finish its turn and tell what it has to tell.
const PATIENCE: u32 = 3 * SECOND;

/// Ticks between two generations of tables for what the kernel or workers have seen, so that somebody who
/// changes MAC addresses all the time does not keep control from everything else.
const DAMPING: u32 = 10;

/// The thread of a worker.
pub(super) type Thread<'s> = ScopedJoinHandle<'s, Outcome>;

/// Everything that control holds.
pub(super) struct Control {
    pub(super) shared: Vec<Arc<Shared>>,
    pub(super) journal: Journal,
    pub(super) signals: Signals,
    pub(super) inbox: Inbox,
    pub(super) people: People,
    pub(super) due: Due,
    /// `None`: nobody comes from afar.
    pub(super) tunnels: Option<Tunnels>,
    pub(super) drift: Drift,
    pub(super) gatherer: Gatherer,
    pub(super) accounts: Accounts,
    pub(super) admission: Admission,
    pub(super) audit: Audit,
    /// `None`: no session is recorded.
    pub(super) records: Option<Records>,
    pub(super) classes: Classes,
    pub(super) generations: Generations,
    pub(super) interfaces: Interfaces,
    pub(super) neighbours: Neighbours,
    pub(super) barriers: Barriers,
    pub(super) alarms: Alarms,
    pub(super) books: Books,
    pub(super) budgets: Budgets,
    pub(super) notifier: Notifier,
    pub(super) kernel: Kernel,
    /// `None` once it has failed.
    pub(super) watch: Option<Watch>,
}

impl Control {
    /// Serves until the gate is to stop, or one of its workers has.
    pub(super) fn run(&mut self, workers: &[Thread<'_>]) {
        let mut pulse = Pulse::of(workers.len(), SILENT);
        let (mut changed, mut quiet) = (false, 0);
        for tick in 1_u32.. {
            self.work(TICK);
            self.mind_people(tick, TICK);
            if self.signals.stop() || workers.iter().any(Thread::is_finished) {
                return;
            }
            if self.signals.reload() {
                // It has said why.
                let _ = self.reload();
            }
            changed |= self.follow();
            if tick.is_multiple_of(BEAT)
                && let Some(worker) = pulse.look(self.shared.iter().map(|shared| shared.turns()))
            {
                self.abandon(worker, "stands still");
            }
            if tick.is_multiple_of(SECOND) {
                self.notifier.alive();
                self.look();
                self.mind_budgets();
                self.mind_tunnels();
                self.people.see(clock::both());
                self.tell_refusals(clock::since_boot());
                changed |= self.refresh() | self.drift.has_moved(clock::clocks());
            }
            if changed && tick >= quiet {
                (changed, quiet) = (false, tick + DAMPING);
                self.try_publish();
            }
        }
    }

    /// Ends the workers and logs what they have to tell; `None` where one panicked.
    pub(super) fn wind_up(&mut self, workers: Vec<Thread<'_>>) -> Option<Vec<Outcome>> {
        self.notifier.stopping();
        self.shared.iter().for_each(|shared| shared.stop());
        for tick in 1_u32.. {
            if workers.iter().all(Thread::is_finished) {
                break;
            }
            self.log_all();
            sleep(TICK);
            if tick == PATIENCE {
                let last = workers.iter().position(|worker| !worker.is_finished());
                self.abandon(last.unwrap_or_default(), "does not stop");
            }
        }
        self.log_all();
        self.tell_refusals(Duration::MAX);
        workers.into_iter().map(|worker| worker.join().ok()).collect()
    }

    /// Logs what has happened, as long as the log takes it, [`AT_ONCE`] events at most; true where there may
    /// be more.
    pub(super) fn log(&mut self) -> bool {
        let Control {
            journal, generations, people, tunnels, drift, audit, records, classes, ..
        } = self;
        let mut logged = 0;
        let mut batch = journal.batch();
        while audit.is_open()
            && let Some((origin, Told { epoch, event, .. })) = batch.next()
        {
            logged += 1;
            classes.count(&event.kind);
            if let Some(tables) = generations.tables(epoch) {
                people.note(tables, &event);
                people.tell_denied(tunnels.as_mut(), tables, generations.policy(), &event);
                let time = drift.wall(event.time);
                records.iter().for_each(|records| records.note(&event, time));
                audit.record(tables, &Event { time, ..event }, origin);
            }
        }
        audit.flush();
        let unrecorded = records.as_ref().is_some_and(Records::refuses_people);
        let fails = audit.fault().is_some() || unrecorded;
        self.shared.iter().for_each(|shared| shared.close_to_people(fails));
        logged == AT_ONCE
    }

    /// All of it; what the log does not take is thrown away, because workers wait for room. The numbers of
    /// events say so.
    fn log_all(&mut self) {
        while self.log() {}
        if !self.audit.is_open() {
            self.audit.settle();
        }
        while !self.audit.is_open() && self.journal.next().is_some() {}
    }

    /// Reads the policy again. On an error nothing changes.
    pub(super) fn reload(&mut self) -> Result<(), String> {
        self.notifier.reloading();
        let outcome = self.try_reload();
        let epoch = self.generations.epoch();
        let said = match &outcome {
            Ok(()) => format!("config read again, epoch {epoch}"),
            Err(what) => format!("config not taken, epoch {epoch} stays:\n{what}"),
        };
        complain(&said);
        self.notifier.status(&said);
        self.notifier.ready();
        self.tell_reload(epoch, outcome.is_err());
        outcome
    }

    fn tell_reload(&mut self, epoch: u32, refused: bool) {
        let actor = self.people.acting().unwrap_or("signal");
        let act = Act { refused, actor: Some(actor), ..Act::new(Deed::PolicyReload) };
        self.audit.act(epoch, &act);
    }

    fn try_reload(&mut self) -> Result<(), String> {
        let before = self.generations.reload()?;
        let peers = self.accounts.peers(self.generations.policy().control());
        let outcome = peers.and_then(|peers| self.follow_policy().map(|()| peers));
        if outcome.is_err() {
            self.generations.restore(before);
            // It held before.
            let _ = self.follow_policy();
        }
        self.admission.set(outcome?);
        if let Some(tunnels) = &self.tunnels {
            tunnels.renew(self.generations.policy())?;
        }
        Ok(())
    }

    /// People first: what the policy no longer gives them is cut before tables are made, and these number
    /// rules as the new policy does.
    fn follow_policy(&mut self) -> Result<(), String> {
        self.people.follow(self.generations.policy(), clock::both());
        self.take_effect();
        self.neighbours.want(self.generations.policy(), &self.interfaces);
        self.interfaces.set_assets(self.generations.policy())?;
        self.publish()
    }

    /// Takes over what the kernel tells and workers see, and has the kernel asked; true where tables have to
    /// follow.
    fn follow(&mut self) -> bool {
        let changed = self.neighbours.listen() | self.hear_kernel() | self.take_answer();
        self.kernel.ask(self.neighbours.take_unresolved());
        changed
    }

    /// Takes over what the kernel tells by itself.
    fn hear_kernel(&mut self) -> bool {
        let Control { interfaces, neighbours, kernel, watch, .. } = self;
        let Some(told) = watch else { return false };
        let (mut changed, mut overtakes) = (false, false);
        let told = told.changes(|change| {
            overtakes |= concerns(&change, interfaces);
            match change {
                Change::Neighbour(found) => changed |= neighbours.learn_from_kernel(&found),
                Change::Link(link) => changed |= interfaces.note_link(&link),
                Change::LinkGone(index) => interfaces.note_gone(index),
                Change::Address(index, address) => interfaces.note_address(index, address, true),
                Change::AddressGone(index, address) => {
                    interfaces.note_address(index, address, false);
                }
                Change::Lost => kernel.look_again(),
            }
        });
        if changed || overtakes {
            kernel.overtake();
        }
        if let Err(error) = told {
            complain(format_args!("changes are followed once a second only: {error}"));
            *watch = None;
        }
        changed
    }

    /// Takes over what the kernel has answered, if it has.
    fn take_answer(&mut self) -> bool {
        match self.kernel.answer() {
            Some(Ok(known)) => {
                let links = self.interfaces.note_all(&known.links, &known.addresses);
                links | self.neighbours.learn_all(&known.neighbours)
            }
            Some(Err(error)) => {
                complain(format_args!("links and neighbours are not followed: {error}"));
                false
            }
            None => false,
        }
    }

    /// Has everything looked at anew; true where a window has opened or closed.
    fn refresh(&mut self) -> bool {
        self.neighbours.refresh();
        self.kernel.look_again();
        self.generations.is_due(clock::wall())
    }

    pub(super) fn try_publish(&mut self) {
        if let Err(what) = self.publish() {
            complain(what);
        }
    }

    /// Looks whether the kernel still does not forward, and answers, and whether no frame was lost.
    fn look(&mut self) {
        let (forwards, silent) = (self.barriers.fault(), self.kernel.fault());
        let unwritten = self.audit.fault();
        self.report(Alarm::KernelForwards, forwards);
        self.report(Alarm::AuditFails, unwritten);
        self.report(Alarm::CheckpointsFail, self.audit.checkpoints_fault());
        let unrecorded = self.records.as_mut().and_then(Records::fault);
        self.report(Alarm::RecordsFail, unrecorded);
        self.report(Alarm::SyslogFails, self.audit.syslog().and_then(Syslog::fault));
        self.report(Alarm::NetlinkSilent, silent);
        self.report(Alarm::CycleBudget, self.budgets.fault());
        if let Some(fault) = self.count() {
            self.report(Alarm::FramesLost, fault);
        }
    }

    /// What does not add up of the frames; `None` where some worker has not counted yet.
    fn count(&mut self) -> Option<Option<String>> {
        let counts: Vec<_> = self.shared.iter().map(|shared| shared.census.next()).collect();
        let counts: Option<Vec<_>> = counts.into_iter().collect();
        Some(self.books.fault(&counts?))
    }

    /// Tells an alarm to people, to the log and to systemd, when there is something new to tell of it.
    fn report(&mut self, alarm: Alarm, fault: Option<String>) {
        let Some(tell) = self.alarms.look(alarm, fault.is_some()) else { return };
        let said = match fault {
            Some(what) => format!("ALARM: {what}"),
            None => format!("alarm is over: {}", alarm.code()),
        };
        complain(&said);
        self.notifier.status(said);
        if tell != Tell::GoesOn {
            self.audit.alarm(self.generations.epoch(), alarm, tell == Tell::Begins);
        }
    }

    /// Without its thread nobody comes in by a tunnel, and whoever came by one is out: what nobody watches over
    /// lets nobody pass. Machines are not concerned.
    fn mind_tunnels(&mut self) {
        if self.tunnels.as_mut().is_some_and(|tunnels| tunnels.is_dead()) {
            self.tunnels = None;
            self.people.lose_tunnels(clock::both());
            self.settle();
            self.conclude();
        }
        let down = self.tunnels.is_none() && self.generations.policy().tunnel().is_some();
        let what = "[tunnel]: there is no tunnel thread, or it stands still: logins by tunnels have ended, and \
                    nobody can come by one until the gate starts again";
        self.report(Alarm::TunnelsDown, down.then(|| what.to_owned()));
    }

    fn publish(&mut self) -> Result<(), String> {
        let Control { interfaces, neighbours, people, .. } = self;
        let tables =
            self.generations.compile(&people.holders(clock::both()), interfaces, neighbours)?;
        people.in_force(tables.epoch());
        self.records.iter().for_each(|records| records.follow(&tables));
        self.shared.iter().for_each(|shared| shared.install(tables.clone()));
        self.due.have_tables();
        Ok(())
    }

    /// A worker that stands still cannot be waited for: the gate ends here, and the kernel detaches the
    /// program.
    fn abandon(&mut self, worker: usize, does: &str) {
        let alarm = Alarm::WorkerStalled(u32::try_from(worker).unwrap_or(u32::MAX));
        self.report(alarm, Some(format!("worker {worker} {does}; the gate stops at once")));
        self.audit.settle();
        std::process::exit(Exit::Finding as i32);
    }
}

/// Whether a change is of the settings of an interface of the gate's.
fn concerns(change: &Change, interfaces: &Interfaces) -> bool {
    match change {
        Change::Link(link) => interfaces.has(link.index),
        Change::LinkGone(index) | Change::Address(index, _) | Change::AddressGone(index, _) => {
            interfaces.has(*index)
        }
        Change::Neighbour(_) | Change::Lost => false,
    }
}
