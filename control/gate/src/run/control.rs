//! The control thread: whatever is not a frame.

use std::io;
use std::sync::Arc;
use std::thread::{ScopedJoinHandle, sleep};
use std::time::Duration;

use wicketgate_netlink::{Change, Netlink, Watch};

use super::audit::Audit;
use super::clock;
use super::data::{Outcome, Shared};
use super::interfaces::Interfaces;
use super::neighbours::Neighbours;
use super::policy::Generations;
use super::signals::Signals;
use crate::exit::{Exit, complain};

/// Between two looks at queues and signals.
const TICK: Duration = Duration::from_millis(5);
/// Ticks in a second.
const SECOND: u32 = 200;
/// Ticks between two generations of tables for what the kernel or workers have seen, so that somebody who
/// changes MAC addresses all the time does not keep control from everything else.
const DAMPING: u32 = 10;

/// Everything that control holds.
pub(super) struct Control {
    pub(super) shared: Arc<Shared>,
    pub(super) signals: Signals,
    pub(super) audit: Audit,
    pub(super) generations: Generations,
    pub(super) interfaces: Interfaces,
    pub(super) neighbours: Neighbours,
    pub(super) kernel: Netlink,
    /// `None` once it has failed.
    pub(super) watch: Option<Watch>,
}

impl Control {
    /// Serves until the gate is to stop, or its worker has.
    pub(super) fn run(&mut self, worker: &ScopedJoinHandle<'_, Outcome>) {
        let (mut seen, mut changed, mut quiet) = (0, false, 0);
        for tick in 1_u32.. {
            sleep(TICK);
            self.log();
            if self.signals.stop() || worker.is_finished() {
                return;
            }
            if self.signals.reload() {
                self.reload();
            }
            changed |= self.follow();
            if tick.is_multiple_of(SECOND) {
                self.watch(&mut seen);
                changed |= self.refresh();
            }
            if changed && tick >= quiet {
                (changed, quiet) = (false, tick + DAMPING);
                self.try_publish();
            }
        }
    }

    /// Ends the worker and logs what it has to tell; `None` where it panicked.
    pub(super) fn wind_up(&mut self, worker: ScopedJoinHandle<'_, Outcome>) -> Option<Outcome> {
        self.shared.stop();
        while !worker.is_finished() {
            self.log_all();
            sleep(TICK);
        }
        self.log_all();
        worker.join().ok()
    }

    /// Logs what has happened, as long as the log takes it.
    fn log(&mut self) {
        while self.audit.is_open()
            && let Some((epoch, event)) = self.shared.event()
        {
            if let Some(tables) = self.generations.tables(epoch) {
                self.audit.record(tables, &event);
            }
        }
        self.audit.flush();
    }

    /// The same; what the log does not take is thrown away, because the worker waits for room.
    fn log_all(&mut self) {
        self.log();
        while !self.audit.is_open() && self.shared.event().is_some() {}
    }

    /// Reads the policy again. On an error nothing changes.
    fn reload(&mut self) {
        match self.try_reload() {
            Ok(()) => {
                complain(format_args!("config read again, epoch {}", self.generations.epoch()))
            }
            Err(what) => {
                let epoch = self.generations.epoch();
                complain(format_args!("config not taken, epoch {epoch} stays:\n{what}"));
            }
        }
    }

    fn try_reload(&mut self) -> Result<(), String> {
        let before = self.generations.reload()?;
        let outcome = self.follow_policy();
        if outcome.is_err() {
            self.generations.restore(before);
            // It held before.
            let _ = self.follow_policy();
        }
        outcome
    }

    fn follow_policy(&mut self) -> Result<(), String> {
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
        or_say(links) | or_say(neighbours) | self.generations.is_due(clock::now())
    }

    fn try_publish(&mut self) {
        if let Err(what) = self.publish() {
            complain(what);
        }
    }

    fn publish(&mut self) -> Result<(), String> {
        let Control { interfaces, neighbours, .. } = self;
        let tables = self.generations.compile(clock::now(), interfaces, neighbours)?;
        self.shared.install(tables);
        Ok(())
    }

    /// A worker that has not turned for a second will not: it cannot be waited for, so the gate ends
    /// here, and the kernel detaches the program.
    fn watch(&mut self, seen: &mut u64) {
        let turns = self.shared.turns();
        if turns == *seen {
            complain("the worker has stood still for a second; the gate stops at once");
            self.audit.flush();
            std::process::exit(Exit::Finding as i32);
        }
        *seen = turns;
    }
}
