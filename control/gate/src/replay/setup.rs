//! What a replay judges by: a config, or nothing yet.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wicketgate_engine::tables::{Asset, AssetId, Mac, Side};
use wicketgate_engine::{Engine, Limits, Sessions, Tables};
use wicketgate_packet::{PortId, Time};
use wicketgate_policy::{Login, Policy, Tuning};
use wicketgate_ports::tap::{Door, Plan};

use super::observe::Inventory;
use super::recorder::Recorder;
use super::{first_time, login, observe};
use crate::exit::complain;
use crate::{cli, config};

/// Stands in for the MAC address of an asset that the config does not pin: a capture replayed needs
/// no neighbour, and a fixed one keeps the output the same. Locally administered.
const NEIGHBOUR: Mac = [2, 0, 0, 0, 1, 0];

/// Where tables come from.
enum Source {
    /// A policy and who is logged in.
    Policy { policy: Box<Policy>, logins: Vec<Login>, next_change: Option<Time> },
    /// The servers that the captures show.
    Observed(Inventory),
}

/// What the gate of a replay is made of.
pub(super) struct Setup {
    source: Source,
    plan: Plan,
    complete_checksums: bool,
    start: Time,
    epoch: u32,
}

impl Setup {
    /// Reads the config; without one, the captures for their servers, until `stop`.
    pub(super) fn new(arguments: &cli::Replay, stop: &AtomicBool) -> Result<Setup, String> {
        let first = arguments.captures.first();
        let start = first.map_or(Ok(Time::EPOCH), |path| named(path, first_time(path)))?;
        let source = match &arguments.config {
            Some(path) => Source::Policy {
                policy: Box::new(policy(path, arguments)?),
                logins: login::logins(&arguments.logins)?,
                next_change: None,
            },
            None => {
                let (captures, decode_as) = (&arguments.captures, &arguments.decode_as);
                Source::Observed(observe::inventory(captures, decode_as, stop)?)
            }
        };
        let complete_checksums = arguments.complete_checksums;
        Ok(Setup { source, plan: Plan::default(), complete_checksums, start, epoch: 0 })
    }

    /// The tables for the captures' beginning.
    pub(super) fn tables(&mut self) -> Result<Arc<Tables>, String> {
        let tables = self.compile(self.start)?;
        let captured = match &self.source {
            Source::Policy { .. } => HashMap::new(),
            Source::Observed(inventory) => inventory.stand_ins(),
        };
        self.plan = plan(&tables, &captured);
        self.plan.complete_checksums = self.complete_checksums || self.observes();
        Ok(tables)
    }

    /// An engine with as much room as the config says.
    pub(super) fn engine(&self, tables: Arc<Tables>, inspected: Option<u32>) -> Engine {
        let tuning = match &self.source {
            Source::Policy { policy, .. } => policy.gate().tuning.clone(),
            Source::Observed(_) => Tuning::default(),
        };
        let limits = tuning.limits();
        let streams = inspected.map_or(limits.streams, |count| count as usize);
        let limits = Limits { streams, flows: limits.flows.max(streams), ..limits };
        Engine::unfilled(limits, tables, Arc::new(Sessions::new(tuning.sessions)))
    }

    /// The tables anew, if a window has opened or closed since they were made.
    pub(super) fn tables_after(&mut self, now: Time) -> Option<Arc<Tables>> {
        match &self.source {
            Source::Policy { next_change: Some(change), .. } if *change <= now => {
                // The same policy compiled before: it compiles again.
                self.compile(now).ok()
            }
            _ => None,
        }
    }

    fn compile(&mut self, now: Time) -> Result<Arc<Tables>, String> {
        self.epoch += 1;
        let mut tables = match &mut self.source {
            Source::Observed(inventory) => inventory.tables(self.epoch)?,
            Source::Policy { policy, logins, next_change } => {
                let compiled =
                    policy.compile(logins, now, self.epoch).map_err(|error| error.to_string())?;
                if self.epoch == 1 {
                    compiled.warnings.iter().for_each(complain);
                }
                *next_change = compiled.next_change;
                compiled.tables
            }
        };
        tables.fill_neighbours(|_| Some(NEIGHBOUR));
        Ok(Arc::new(tables))
    }

    /// Who keeps records, where the arguments say so.
    pub(super) fn recorder(&mut self, arguments: &cli::Replay) -> Result<Option<Recorder>, String> {
        let Some(folder) = &arguments.record else { return Ok(None) };
        let size = match &self.source {
            Source::Policy { policy, .. } => policy.record().map(|record| record.session_size),
            Source::Observed(_) => None,
        };
        Recorder::open(folder, size.unwrap_or(u64::MAX)).map(Some)
    }

    /// Where the gate stands in the captured wire.
    pub(super) fn plan(&self) -> Plan {
        self.plan.clone()
    }

    /// Whether nothing is refused and everything reported.
    pub(super) fn observes(&self) -> bool {
        matches!(self.source, Source::Observed(_))
    }

    /// When the first frame was captured.
    pub(super) fn start(&self) -> Time {
        self.start
    }
}

/// The config; where records are wanted and it does not say of whom, all are.
fn policy(path: &Path, arguments: &cli::Replay) -> Result<Policy, String> {
    let policy = config::load(path)?;
    let says_nothing = arguments.record.is_some() && policy.record().is_none();
    Ok(if says_nothing { policy.recording_all() } else { policy })
}

/// The place of each asset. `captured` tells by which address the capture shows an asset whose
/// underlay address is a stand-in.
fn plan(tables: &Tables, captured: &HashMap<Ipv4Addr, Ipv4Addr>) -> Plan {
    let mut ports = tables.ports().iter().zip((0..).map(PortId));
    let overlay = ports.find(|(port, _)| port.side != Side::Underlay);
    let (overlay_mac, overlay) = overlay.map_or(([0; 6], PortId(0)), |(port, id)| (port.mac, id));
    let doors = tables.assets().iter().zip((0..).map(AssetId)).filter_map(|(asset, id)| {
        let shown = captured.get(&asset.underlay).copied().unwrap_or(asset.underlay);
        Some((shown, door(tables, asset, id)?))
    });
    Plan { overlay, overlay_mac, complete_checksums: false, doors: doors.collect() }
}

fn door(tables: &Tables, asset: &Asset, id: AssetId) -> Option<Door> {
    let gate = tables.port(asset.port)?;
    let ports = tables.endpoints().iter().filter(|door| door.asset == id).map(|door| door.port);
    Some(Door {
        overlay: asset.overlay,
        underlay: asset.underlay,
        port: asset.port,
        vlan: asset.vlan,
        nat: gate.address,
        gate_mac: gate.mac,
        ports: ports.collect(),
    })
}

pub(super) fn named<T, E: std::fmt::Display>(
    path: &Path,
    result: Result<T, E>,
) -> Result<T, String> {
    result.map_err(|error| format!("{}: {error}", path.display()))
}
