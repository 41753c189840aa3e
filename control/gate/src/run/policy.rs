//! The policy in force, and the generations of tables made of it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wicketgate_engine::Tables;
use wicketgate_packet::Time;
use wicketgate_policy::{Gate, Holder, Policy};

use super::clock;
use super::interfaces::Interfaces;
use super::neighbours::Neighbours;
use super::owners::Owners;
use crate::config;

/// Generations kept: a worker never frees tables, and events of older ones are long logged.
const KEPT: usize = 8;

/// The policy and its latest generations of tables.
pub(super) struct Generations {
    policy: Policy,
    path: PathBuf,
    epoch: u32,
    owners: Owners,
    latest: VecDeque<Arc<Tables>>,
    next_change: Option<Time>,
}

impl Generations {
    pub(super) fn new(policy: Policy, path: &Path) -> Generations {
        let (path, owners) = (path.to_owned(), Owners::new(policy.gate().tuning.workers));
        Generations { policy, path, epoch: 0, owners, latest: VecDeque::new(), next_change: None }
    }

    /// The policy in force.
    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The file it was read from.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The latest epoch.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The tables of an epoch; the latest where it is long gone.
    pub(super) fn tables(&self, epoch: u32) -> Option<&Arc<Tables>> {
        let found = self.latest.iter().find(|tables| tables.epoch() == epoch);
        found.or_else(|| self.latest.back())
    }

    /// The latest tables.
    pub(super) fn latest(&self) -> Option<&Arc<Tables>> {
        self.latest.back()
    }

    /// Whether some window has opened or closed since the tables were made.
    pub(super) fn is_due(&self, now: Time) -> bool {
        self.next_change.is_some_and(|change| change <= now)
    }

    /// The next generation, for what these logins hold, with what is known of interfaces and neighbours
    /// now.
    pub(super) fn compile(
        &mut self,
        holders: &[Holder],
        interfaces: &Interfaces,
        neighbours: &Neighbours,
    ) -> Result<Arc<Tables>, String> {
        let epoch = self.epoch + 1;
        let compiled = self.policy.compile_live(holders, clock::clocks(), epoch);
        let compiled = compiled.map_err(|error| error.to_string())?;
        let mut tables = compiled.tables;
        tables.fill_ports(|port| interfaces.link(port));
        tables.fill_neighbours(|asset| neighbours.mac(asset.next_hop()));
        self.owners.assign(self.policy.assets());
        tables.fill_owners(|asset| self.owners.of(asset.overlay));
        let tables = Arc::new(tables);
        (self.epoch, self.next_change) = (epoch, compiled.next_change);
        self.latest.push_back(tables.clone());
        if self.latest.len() > KEPT {
            self.latest.pop_front();
        }
        Ok(tables)
    }

    /// Reads the policy again and returns the one before. Its assertions must hold, and what the
    /// gate stands on (ports, overlay, places of files, and how it uses the machine) must be the same; on
    /// an error everything is.
    pub(super) fn reload(&mut self) -> Result<Policy, String> {
        let policy = config::load_tested(&self.path)?;
        let changed = fixed(&self.policy, &policy);
        if !changed.is_empty() {
            let (path, what) = (self.path.display(), changed.join("; "));
            return Err(format!("{path}: changed: {what}: that needs a restart"));
        }
        Ok(std::mem::replace(&mut self.policy, policy))
    }

    /// Puts back a policy that was in force.
    pub(super) fn restore(&mut self, policy: Policy) {
        self.policy = policy;
    }
}

/// What a gate stands on as long as it runs, and has changed: as the policy file calls it.
fn fixed(old: &Policy, new: &Policy) -> Vec<&'static str> {
    let (old_gate, new_gate) = (old.gate(), new.gate());
    let socket = |gate: &Gate| (gate.control_socket.clone(), gate.control_group.clone());
    let kept = [
        ("[[port]]", old.ports() == new.ports()),
        ("[tunnel]", old.tunnel() == new.tunnel()),
        ("[metrics]", old.metrics() == new.metrics()),
        ("[record]", old.record() == new.record()),
        ("[audit]", old.log() == new.log()),
        ("overlay", old_gate.overlay == new_gate.overlay),
        ("state_dir", old_gate.state_dir == new_gate.state_dir),
        ("control_socket or control_group", socket(old_gate) == socket(new_gate)),
        ("workers, cores, rings, frames or tables", old_gate.tuning == new_gate.tuning),
    ];
    kept.into_iter().filter_map(|(what, kept)| (!kept).then_some(what)).collect()
}
