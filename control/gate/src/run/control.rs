//! The control thread: whatever is not a frame.

use std::io;
use std::sync::Arc;
use std::thread::{ScopedJoinHandle, sleep};
use std::time::Duration;

use wicketgate_audit::{Act, Alarm, Deed};
use wicketgate_engine::Event;
use wicketgate_netlink::{Change, Netlink, Watch};

use super::accounts::Accounts;
use super::alarms::{Alarms, Tell};
use super::audit::Audit;
use super::barriers::Barriers;
use super::census::Books;
use super::clock::{self, Drift};
use super::data::{Outcome, Shared};
use super::desk::Gatherer;
use super::interfaces::Interfaces;
use super::journal::Journal;
use super::neighbours::Neighbours;
use super::notify::Notifier;
use super::people::{self, People};
use super::policy::Generations;
use super::signals::Signals;
use super::tunnel::Tunnels;
use crate::api::desk::Inbox;
use crate::api::peers::Admission;
use crate::exit::{Exit, complain};

/// Between two looks at queues and signals.
const TICK: Duration = Duration::from_millis(5);
/// Ticks in a second.
const SECOND: u32 = 200;
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
    /// `None`: nobody comes from afar.
    pub(super) tunnels: Option<Tunnels>,
    pub(super) drift: Drift,
    pub(super) gatherer: Gatherer,
    pub(super) accounts: Accounts,
    pub(super) admission: Admission,
    pub(super) audit: Audit,
    pub(super) generations: Generations,
    pub(super) interfaces: Interfaces,
    pub(super) neighbours: Neighbours,
    pub(super) barriers: Barriers,
    pub(super) alarms: Alarms,
    pub(super) books: Books,
    pub(super) notifier: Notifier,
    pub(super) kernel: Netlink,
    /// `None` once it has failed.
    pub(super) watch: Option<Watch>,
}

impl Control {
    /// Serves until the gate is to stop, or one of its workers has.
    pub(super) fn run(&mut self, workers: &[Thread<'_>]) {
        let mut seen = vec![0; workers.len()];
        let (mut changed, mut quiet) = (false, 0);
        for tick in 1_u32.. {
            self.serve(TICK);
            self.log();
            self.mind_people(tick, TICK);
            if self.signals.stop() || workers.iter().any(Thread::is_finished) {
                return;
            }
            if self.signals.reload() {
                // It has said why.
                let _ = self.reload();
            }
            changed |= self.follow();
            if tick.is_multiple_of(SECOND) {
                self.watch(&mut seen);
                self.notifier.alive();
                self.look();
                self.mind_tunnels();
                self.people.see();
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
                self.abandon("a worker does not stop");
            }
        }
        self.log_all();
        workers.into_iter().map(|worker| worker.join().ok()).collect()
    }

    /// Logs what has happened, as long as the log takes it.
    pub(super) fn log(&mut self) {
        while self.audit.is_open()
            && let Some((epoch, event)) = self.journal.next()
        {
            if let Some(tables) = self.generations.tables(epoch) {
                self.people.note(tables, &event);
                let told = (epoch, &event);
                people::tell_denied(&self.people, self.tunnels.as_mut(), &self.generations, told);
                let time = self.drift.wall(event.time);
                self.audit.record(tables, &Event { time, ..event });
            }
        }
        self.audit.flush();
    }

    /// The same; what the log does not take is thrown away, because workers wait for room.
    fn log_all(&mut self) {
        self.log();
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
        self.people.follow(self.generations.policy());
        self.take_effect();
        self.neighbours.want(self.generations.policy(), &self.interfaces);
        self.interfaces.set_assets(self.generations.policy())?;
        self.publish()
    }

    /// Takes over what the kernel tells and workers see; true where tables have to follow.
    fn follow(&mut self) -> bool {
        let Control { interfaces, neighbours, watch, .. } = self;
        let (mut changed, mut lost) = (neighbours.listen(), false);
        let Some(told) = watch else { return changed };
        let told = told.changes(|change| match change {
            Change::Neighbour(found) => changed |= neighbours.learn_from_kernel(&found),
            Change::Link(link) => changed |= interfaces.note_link(&link),
            Change::LinkGone(index) => interfaces.note_gone(index),
            Change::Address(index, address) => interfaces.note_address(index, address, true),
            Change::AddressGone(index, address) => interfaces.note_address(index, address, false),
            Change::Lost => lost = true,
        });
        if let Err(error) = told {
            complain(format_args!("changes are followed once a second only: {error}"));
            *watch = None;
        }
        changed | (lost && self.refresh())
    }

    /// Looks at everything anew; true where tables have to follow: the kernel's side, or a window.
    fn refresh(&mut self) -> bool {
        let links = self.interfaces.look(&mut self.kernel);
        let neighbours = self.neighbours.refresh();
        let or_say = |outcome: io::Result<bool>| {
            outcome.unwrap_or_else(|error| {
                complain(format_args!("links and neighbours are not followed: {error}"));
                false
            })
        };
        or_say(links) | or_say(neighbours) | self.generations.is_due(clock::wall())
    }

    pub(super) fn try_publish(&mut self) {
        if let Err(what) = self.publish() {
            complain(what);
        }
    }

    /// Looks whether the kernel still does not forward, and whether no frame was lost.
    fn look(&mut self) {
        let forwards = self.barriers.fault();
        self.report(Alarm::KernelForwards, forwards);
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

    /// Without its thread nobody comes in by a tunnel; whoever is in is out. Machines are not concerned.
    fn mind_tunnels(&mut self) {
        if self.tunnels.as_ref().is_some_and(Tunnels::has_ended) {
            complain(
                "ALARM: the tunnel thread has ended: nobody can come by a tunnel until a restart",
            );
            self.tunnels = None;
        }
    }

    fn publish(&mut self) -> Result<(), String> {
        let Control { interfaces, neighbours, people, .. } = self;
        let tables = self.generations.compile(&people.holders(), interfaces, neighbours)?;
        self.shared.iter().for_each(|shared| shared.install(tables.clone()));
        Ok(())
    }

    /// A worker that has not turned for a second will not: it cannot be waited for, so the gate ends
    /// here, and the kernel detaches the program.
    fn watch(&mut self, seen: &mut [u64]) {
        if let Some(worker) = stalled(&self.shared, seen) {
            self.abandon(&format!("worker {worker} has stood still for a second"));
        }
    }

    fn abandon(&mut self, why: &str) {
        self.report(Alarm::WorkerStalled, Some(format!("{why}; the gate stops at once")));
        self.audit.flush();
        std::process::exit(Exit::Finding as i32);
    }
}

/// The first worker that has not turned since it was last seen; notes the turns of all.
fn stalled(workers: &[Arc<Shared>], seen: &mut [u64]) -> Option<usize> {
    let mut turned = workers.iter().zip(seen).map(|(worker, seen)| {
        let turns = worker.turns();
        std::mem::replace(seen, turns) != turns
    });
    let first = turned.by_ref().position(|turned| !turned);
    turned.for_each(drop);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_worker_that_stands_still_is_named() {
        let workers = Shared::among(3);
        let turn = |which: &[usize]| which.iter().for_each(|at| workers[*at].turned());
        let mut seen = [0; 3];
        turn(&[0, 1, 2]);
        assert_eq!(stalled(&workers, &mut seen), None);
        turn(&[0, 2]);
        assert_eq!(stalled(&workers, &mut seen), Some(1));
        turn(&[0, 1]);
        assert_eq!(stalled(&workers, &mut seen), Some(2));
        turn(&[0, 1, 2]);
        assert_eq!(stalled(&workers, &mut seen), None, "each turn counts once");
        assert_eq!(stalled(&workers, &mut seen), Some(0));
    }
}
