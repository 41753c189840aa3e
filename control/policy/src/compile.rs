//! Policy and logins, compiled into the engine's tables.
//!
//! The cost is linear in logins x endpoints that they may use: every right of one login on one
//! endpoint is one grant, whose matcher holds the entries of all the rules that give it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use wicketgate_dissectors::Protocol;
use wicketgate_engine::matcher::{Entry, Matcher, Operations};
use wicketgate_engine::tables::{
    self, AssetId, DenialStyle, Endpoint, EndpointId, Grant, Mac, Rate, RuleId, Side, Subject,
    SubjectId, Tables, TablesBuilder, TablesError, Window,
};
use wicketgate_packet::{PortId, Time};

use crate::model::{Asset, Conduit, Factor, Policy, Port, Rule};
use crate::tunnel::Tunnel;

/// The gate's MAC address on the port of tunnels, which is on no wire.
pub const TUNNEL_MAC: Mac = [0x02, 0x57, 0x00, 0x00, 0x00, 0x00];

/// A user who proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The address that the user's frames come from.
    pub address: Ipv4Addr,
    /// The user's name.
    pub user: String,
    /// The user's roles.
    pub roles: Vec<String>,
    /// What was proven.
    pub factors: Vec<Factor>,
    /// When the login ends.
    pub until: Time,
}

/// What the wall clock and the engine's own clock say at one moment.
///
/// The engine's never steps. Windows are hours of the wall clock: they are laid out there and brought over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// The wall clock.
    pub wall: Time,
    /// The engine's.
    pub engine: Time,
}

impl Clocks {
    /// Both say the same: in replay, the capture's time.
    pub const fn same(now: Time) -> Clocks {
        Clocks { wall: now, engine: now }
    }

    /// A time of the wall clock on the engine's.
    fn on_engine(self, wall: Time) -> Time {
        if wall == Time::EPOCH || wall == Time::NEVER {
            return wall;
        }
        (wall - self.wall.since(self.engine)) + self.engine.since(self.wall)
    }

    fn window(self, wall: Window) -> Window {
        Window { from: self.on_engine(wall.from), until: self.on_engine(wall.until) }
    }
}

/// A login of the live gate, and what it holds: who has it, control has found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The address that the user's frames come from.
    pub address: Ipv4Addr,
    /// The only port that they may come in by.
    pub port: Option<PortId>,
    /// The only MAC address that they may have: that which stands for the login's tunnel.
    pub mac: Option<Mac>,
    /// The user's name.
    pub user: String,
    /// When the last of what it may use is over, by the engine's clock: with the login, or with an
    /// operation that goes on beyond.
    pub until: Time,
    /// What it may use.
    pub held: Vec<Held>,
    /// The number of its rights: the engine's [`Grant::right`].
    pub right: u64,
    /// Assets on which something was taken back since, so that the number is another.
    pub renewed: BTreeMap<AssetId, u64>,
}

impl Holder {
    fn right_on(&self, asset: AssetId) -> u64 {
        self.renewed.get(&asset).copied().unwrap_or(self.right)
    }
}

/// A rule that a login may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which, in the order of the file.
    pub rule: RuleId,
    /// Only on this asset of the rule's; on all, if there is none.
    pub asset: Option<AssetId>,
    /// Open only then, by the wall clock.
    pub window: Option<Window>,
    /// Over then, by the engine's clock.
    pub until: Time,
    /// What holds for operations of several steps.
    pub operations: Option<Operations>,
}

/// One generation of tables, and when it is to be made anew.
pub struct Compiled {
    /// The tables.
    pub tables: Tables,
    /// When a window of some login opens or closes next. Until tables are compiled after that, what
    /// closed stays closed and does not open again.
    pub next_change: Option<Time>,
    /// What the logins make doubtful: roles that no rule speaks of.
    pub warnings: Vec<String>,
}

impl Policy {
    /// Compiles the tables of epoch `epoch`, as they hold at `now` for these logins.
    ///
    /// Conduits come before logins. A login that is over gets nothing. A policy without ports gets
    /// one, by which nothing can be reached: an empty file is a gate that denies everything.
    ///
    /// # Errors
    /// More than 65,535 ports; whatever else tables refuse, parsing has refused before.
    pub fn compile(
        &self,
        logins: &[Login],
        now: Time,
        epoch: u32,
    ) -> Result<Compiled, TablesError> {
        let mut compiler = Compiler::with_machines(self, Clocks::same(now));
        for login in logins.iter().filter(|login| login.until > now) {
            compiler.add_login(login);
        }
        let tables = compiler.tables.build(epoch)?;
        let warnings = self.unknown_roles(logins);
        Ok(Compiled { tables, next_change: compiler.next_change, warnings })
    }

    /// Compiles the tables of the live gate: conduits, and what these logins hold.
    ///
    /// # Errors
    /// As [`Policy::compile`].
    pub fn compile_live(
        &self,
        holders: &[Holder],
        clocks: Clocks,
        epoch: u32,
    ) -> Result<Compiled, TablesError> {
        let mut compiler = Compiler::with_machines(self, clocks);
        for holder in holders.iter().filter(|holder| holder.until > clocks.engine) {
            compiler.add_holder(holder);
        }
        let tables = compiler.tables.build(epoch)?;
        Ok(Compiled { tables, next_change: compiler.next_change, warnings: Vec::new() })
    }

    fn unknown_roles(&self, logins: &[Login]) -> Vec<String> {
        let known: BTreeSet<&String> = self.rules.iter().flat_map(|rule| &rule.roles).collect();
        let pairs =
            logins.iter().flat_map(|login| login.roles.iter().map(move |role| (login, role)));
        let unknown = pairs.filter(|(_, role)| !known.contains(role));
        let text = |(login, role): (&Login, &String)| {
            format!("no rule is for role `{role}` of user `{}`", login.user)
        };
        unknown.map(text).collect()
    }
}

/// What one subject may do on one endpoint.
#[derive(Default)]
struct Given {
    /// The number of the right.
    right: u64,
    entries: Vec<Entry>,
    /// How the rest is refused. Of several rules the strictest says how.
    denial: DenialStyle,
    /// How much passes. Of several conduits the strictest counts for all.
    rate: Option<Rate>,
    /// Whether sessions by it are recorded. Of several rules one is enough.
    record: bool,
}

impl Given {
    fn add(&mut self, entries: impl Iterator<Item = Entry>, denial: DenialStyle) {
        self.entries.extend(entries);
        self.denial = self.denial.max(denial);
    }
}

/// What one subject may do, by endpoint.
type Rights = BTreeMap<EndpointId, Given>;

struct Compiler<'p> {
    policy: &'p Policy,
    clocks: Clocks,
    tables: TablesBuilder,
    /// The endpoints of each asset.
    doors: Vec<Vec<(EndpointId, Protocol)>>,
    /// The stretch of each rule's window.
    windows: Vec<Option<Window>>,
    next_change: Option<Time>,
}

impl<'p> Compiler<'p> {
    /// With everything that needs no login.
    fn with_machines(policy: &'p Policy, clocks: Clocks) -> Compiler<'p> {
        let mut compiler = Compiler::new(policy, clocks);
        compiler.add_ports();
        compiler.add_assets();
        compiler.add_rules();
        compiler.add_conduits();
        compiler
    }

    fn new(policy: &'p Policy, clocks: Clocks) -> Compiler<'p> {
        let stretch = |rule: &Rule| rule.window.as_ref().map(|weekly| weekly.stretch(clocks.wall));
        Compiler {
            policy,
            clocks,
            tables: TablesBuilder::default(),
            doors: Vec::new(),
            windows: policy.rules.iter().map(stretch).collect(),
            next_change: None,
        }
    }

    fn add_ports(&mut self) {
        for (port, index) in self.policy.ports.iter().zip(0..) {
            self.tables.add_port(engine_port(port, index));
        }
        match &self.policy.tunnel {
            Some(tunnel) => drop(self.tables.add_port(tunnel_port(tunnel))),
            None if self.policy.ports.is_empty() => {
                self.tables.add_port(engine_port(&nowhere(), 0));
            }
            None => {}
        }
    }

    fn add_assets(&mut self) {
        for asset in &self.policy.assets {
            let id = self.tables.add_asset(engine_asset(asset));
            let doors = asset.doors.iter().map(|door| {
                let (protocol, transport, port) = (door.protocol, door.transport, door.port);
                let endpoint = Endpoint { asset: id, protocol, transport, port };
                (self.tables.add_endpoint(endpoint), protocol)
            });
            self.doors.push(doors.collect());
        }
    }

    /// The names, in the order in which parsing numbered them: rules, then conduits.
    fn add_rules(&mut self) {
        let rules = self.policy.rules.iter().map(|rule| &rule.name);
        for name in rules.chain(self.policy.conduits.iter().map(|conduit| &conduit.name)) {
            self.tables.add_rule(name.as_str().into());
        }
    }

    /// One subject a conduit. What several conduits give one machine on one endpoint goes into the
    /// grant of the first of them: the engine asks one subject, and no other.
    fn add_conduits(&mut self) {
        let mut rights = Vec::new();
        let mut holders = BTreeMap::new();
        for (conduit, index) in self.policy.conduits.iter().zip(0..) {
            rights.push(Rights::new());
            let from = &conduit.from;
            let record = self.policy.record.as_ref().is_some_and(|r| r.has_machine(conduit));
            for endpoint in self.endpoints(&conduit.assets, conduit.protocol) {
                let key = (from.address, from.mac, from.port, endpoint);
                let holder: usize = *holders.entry(key).or_insert(index);
                let Some(rights) = rights.get_mut(holder) else { continue };
                let denial = conduit.deny.unwrap_or(self.policy.gate.deny);
                let given = rights.entry(endpoint).or_default();
                given.add(conduit.allow.iter().cloned(), denial);
                let rates = given.rate.into_iter().chain(conduit.rate);
                given.rate = rates.reduce(Rate::stricter);
                given.record |= record;
            }
        }
        for (conduit, rights) in self.policy.conduits.iter().zip(rights) {
            let subject = self.tables.add_subject(machine(conduit));
            self.add_grants(subject, rights, Time::NEVER);
        }
    }

    fn add_login(&mut self, login: &Login) {
        let mut rights = Rights::new();
        let policy = self.policy;
        for (rule, window) in policy.rules.iter().zip(self.windows.clone()) {
            if !rule.is_for(login) {
                continue;
            }
            self.note(window);
            for asset in &rule.assets {
                let record = policy.record.as_ref().is_some_and(|r| r.has_people(rule, *asset));
                for endpoint in self.endpoints(std::slice::from_ref(asset), rule.protocol) {
                    let allow = rule.allow.iter().map(|entry| Entry { window, ..entry.clone() });
                    let denial = rule.deny.unwrap_or(policy.gate.deny);
                    let given = rights.entry(endpoint).or_default();
                    given.add(allow, denial);
                    given.record |= record;
                }
            }
        }
        let subject = self.tables.add_subject(user(login));
        self.add_grants(subject, rights, login.until);
    }

    fn add_holder(&mut self, holder: &Holder) {
        let mut rights = Rights::new();
        let policy = self.policy;
        for held in &holder.held {
            let Some(rule) = policy.rules.get(held.rule.0 as usize) else { continue };
            self.note(held.window);
            let (window, operations) = (self.stretch(held), held.operations);
            let assets = held.asset.as_ref().map_or(&rule.assets[..], std::slice::from_ref);
            for asset in assets.iter().filter(|asset| rule.is_about(**asset)) {
                let record = policy.record.as_ref().is_some_and(|r| r.has_people(rule, *asset));
                for endpoint in self.endpoints(std::slice::from_ref(asset), rule.protocol) {
                    let allow = rule.allow.iter();
                    let allow = allow.map(|entry| Entry { window, operations, ..entry.clone() });
                    let denial = rule.deny.unwrap_or(policy.gate.deny);
                    let right = || Given { right: holder.right_on(*asset), ..Given::default() };
                    let given = rights.entry(endpoint).or_insert_with(right);
                    given.add(allow, denial);
                    given.record |= record;
                }
            }
        }
        let subject = self.tables.add_subject(person(holder));
        self.add_grants(subject, rights, holder.until);
    }

    /// When something held is open, by the engine's clock.
    fn stretch(&self, held: &Held) -> Option<Window> {
        let window = held.window.map(|window| self.clocks.window(window));
        match window {
            None if held.until == Time::NEVER => None,
            None => Some(Window { from: Time::EPOCH, until: held.until }),
            Some(window) => Some(Window { until: window.until.min(held.until), ..window }),
        }
    }

    fn add_grants(&mut self, subject: SubjectId, rights: Rights, until: Time) {
        for (endpoint, Given { right, entries, denial, rate, record }) in rights {
            self.tables.add_grant(Grant {
                subject,
                endpoint,
                matcher: Matcher::new(entries),
                until,
                right,
                denial,
                rate,
                observe: false,
                record,
            });
        }
    }

    /// The doors of these assets where `protocol` is spoken.
    fn endpoints(&self, assets: &[AssetId], protocol: Protocol) -> Vec<EndpointId> {
        let doors = assets.iter().filter_map(|asset| self.doors.get(asset.0 as usize)).flatten();
        doors.filter(|(_, spoken)| *spoken == protocol).map(|(endpoint, _)| *endpoint).collect()
    }

    /// Takes the next edge of a window into account.
    fn note(&mut self, window: Option<Window>) {
        let edges = window.into_iter().flat_map(|window| [window.from, window.until]);
        let next = edges.filter(|edge| *edge > self.clocks.wall && *edge < Time::NEVER).min();
        self.next_change = self.next_change.into_iter().chain(next).min();
    }
}

impl Rule {
    /// Whether the rule is for this login: it has one of the roles and proved all factors.
    pub fn is_for(&self, login: &Login) -> bool {
        self.roles.iter().any(|role| login.roles.contains(role))
            && self.factors.iter().all(|factor| login.factors.contains(factor))
    }
}

fn engine_port(port: &Port, index: u16) -> tables::Port {
    tables::Port {
        name: port.name.as_str().into(),
        side: port.side,
        mac: port.mac.unwrap_or(default_mac(index)),
        address: port.address.map_or(Ipv4Addr::UNSPECIFIED, |net| net.address),
        mtu: tables::ETHERNET_MTU,
    }
}

/// The port by which packets of tunnels come; the gate itself has no address there.
fn tunnel_port(tunnel: &Tunnel) -> tables::Port {
    tables::Port {
        name: "tunnel".into(),
        side: Side::Overlay,
        mac: TUNNEL_MAC,
        address: Ipv4Addr::UNSPECIFIED,
        mtu: tunnel.mtu,
    }
}

/// A locally administered MAC (IEEE 802-2014, 8.2), for replay: `02:00:00:00:00:01` is the first
/// port's.
fn default_mac(index: u16) -> Mac {
    let [high, low] = index.wrapping_add(1).to_be_bytes();
    [2, 0, 0, 0, high, low]
}

/// The port of a policy that has none.
fn nowhere() -> Port {
    let name = "nowhere".to_owned();
    let tuning = crate::tuning::PortTuning::default();
    Port {
        name,
        side: Side::Overlay,
        interface: None,
        address: None,
        mac: None,
        cleartext_logins: false,
        tuning,
    }
}

fn engine_asset(asset: &Asset) -> tables::Asset {
    tables::Asset {
        name: asset.name.as_str().into(),
        zone: asset.zone.as_str().into(),
        port: asset.port,
        vlan: asset.vlan,
        overlay: asset.overlay,
        underlay: asset.underlay,
        mac: asset.mac,
        pinned: asset.mac.is_some(),
        cycle: asset.cycle,
        owner: Default::default(),
    }
}

fn machine(conduit: &Conduit) -> Subject {
    Subject {
        name: conduit.name.as_str().into(),
        essential: true,
        address: conduit.from.address,
        port: conduit.from.port,
        mac: conduit.from.mac,
    }
}

fn user(login: &Login) -> Subject {
    Subject {
        name: login.user.as_str().into(),
        essential: false,
        address: login.address,
        port: None,
        mac: None,
    }
}

fn person(holder: &Holder) -> Subject {
    Subject {
        name: holder.user.as_str().into(),
        essential: false,
        address: holder.address,
        port: holder.port,
        mac: holder.mac,
    }
}
