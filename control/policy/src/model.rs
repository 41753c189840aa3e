//! The policy file with every name resolved.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wicketgate_dissectors::{Protocol, Transport};
use wicketgate_engine::Rate;
use wicketgate_engine::matcher::Entry;
use wicketgate_engine::tables::{AssetId, Cycle, DenialStyle, Mac, RuleId, Side};
use wicketgate_packet::PortId;

use crate::assertion::Assertions;
use crate::conditions::Conditions;
use crate::control::{Account, Control};
use crate::diagnostic::Diagnostic;
use crate::doors::transport_name;
use crate::log::Log;
use crate::metrics::Metrics;
pub use crate::namespaces::Namespaces;
use crate::record::Record;
use crate::tuning::{PortTuning, Tuning};
use crate::tunnel::Tunnel;
use crate::value::Prefix;
use crate::window::Weekly;

/// A policy without a known error. Made by [`parse`](crate::parse) alone.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) gate: Gate,
    pub(crate) ports: Vec<Port>,
    pub(crate) tunnel: Option<Tunnel>,
    pub(crate) metrics: Option<Metrics>,
    pub(crate) log: Log,
    pub(crate) record: Option<Record>,
    pub(crate) assets: Vec<Asset>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) conduits: Vec<Conduit>,
    pub(crate) control: Vec<Control>,
    pub(crate) assertions: Assertions,
    pub(crate) warnings: Vec<Diagnostic>,
}

impl Policy {
    /// What concerns the gate as a whole.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The ports, in the order of the file; a [`PortId`] counts them.
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// How the audit log is kept.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Whose sessions are recorded, if some are.
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// The same policy, but all sessions are recorded, those of conduits too.
    #[must_use]
    pub fn recording_all(mut self) -> Policy {
        let conduits = self.conduits.iter().map(|conduit| conduit.name.clone());
        self.record = Some(Record::all(conduits.collect()));
        self
    }

    /// Where people log in from afar, if they do.
    pub fn tunnel(&self) -> Option<&Tunnel> {
        self.tunnel.as_ref()
    }

    /// Where figures are told by TCP, if they are.
    pub fn metrics(&self) -> Option<Metrics> {
        self.metrics
    }

    /// The port by which packets of tunnels come, if there are any: behind those of the file.
    pub fn tunnel_port(&self) -> Option<PortId> {
        let behind = u16::try_from(self.ports.len()).ok().map(PortId);
        behind.filter(|_| self.tunnel.is_some())
    }

    /// The assets, in the order of the file; an [`AssetId`] counts them.
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// The rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The conduits, in the order of the file.
    pub fn conduits(&self) -> &[Conduit] {
        &self.conduits
    }

    /// Who may ask what of the control socket.
    pub fn control(&self) -> &[Control] {
        &self.control
    }

    /// What `[tests]` says of the policy.
    pub fn assertions(&self) -> &Assertions {
        &self.assertions
    }

    /// What holds, but may not be what was meant.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The asset of that id.
    pub fn asset(&self, id: AssetId) -> Option<&Asset> {
        usize::try_from(id.0).ok().and_then(|at| self.assets.get(at))
    }

    /// The rule or conduit of that id: what its name stands for in verdicts.
    pub(crate) fn right(&self, id: RuleId) -> Option<Right<'_>> {
        let at = usize::try_from(id.0).ok()?;
        match at.checked_sub(self.rules.len()) {
            None => self.rules.get(at).map(Right::of_rule),
            Some(at) => self.conduits.get(at).map(Right::of_conduit),
        }
    }

    /// The port of that id.
    pub fn port(&self, id: PortId) -> Option<&Port> {
        self.ports.get(usize::from(id.0))
    }
}

/// What rules and conduits have in common.
pub(crate) struct Right<'p> {
    pub(crate) name: &'p str,
    pub(crate) protocol: Protocol,
    pub(crate) allow: &'p [Entry],
    pub(crate) window: Option<&'p Weekly>,
}

impl<'p> Right<'p> {
    fn of_rule(rule: &'p Rule) -> Right<'p> {
        let (name, protocol, allow) = (&rule.name, rule.protocol, &rule.allow);
        Right { name, protocol, allow, window: rule.window.as_ref() }
    }

    fn of_conduit(conduit: &'p Conduit) -> Right<'p> {
        let (name, protocol, allow) = (&conduit.name, conduit.protocol, &conduit.allow);
        Right { name, protocol, allow, window: None }
    }
}

/// `[gate]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// The network that overlay addresses are taken from.
    pub overlay: Prefix,
    /// Where the gate keeps its state.
    pub state_dir: Option<PathBuf>,
    /// Where its control socket is; in `state_dir`, if the file says nothing.
    pub control_socket: Option<PathBuf>,
    /// The group of the machine that may connect to it.
    pub control_group: Option<Account>,
    /// How it uses the machine.
    pub tuning: Tuning,
    /// Over how long frames are held against the cycle budgets of their assets.
    pub budget_window: Duration,
    /// How commands are refused where a rule or conduit does not say.
    pub deny: DenialStyle,
}

impl Gate {
    /// The window where the file names none.
    pub const DEFAULT_BUDGET_WINDOW: Duration = Duration::from_secs(60);

    /// The overlay network where the file names none: a part of the shared address space of
    /// RFC 6598, which no plant uses for itself.
    pub const DEFAULT_OVERLAY: Prefix =
        Prefix { address: Ipv4Addr::new(100, 64, 0, 0), length: 16 };

    /// Where the gate keeps its state, if the file says so.
    pub fn state_dir(&self) -> Option<&Path> {
        self.state_dir.as_deref()
    }
}

impl Default for Gate {
    fn default() -> Gate {
        Gate {
            overlay: Gate::DEFAULT_OVERLAY,
            state_dir: None,
            control_socket: None,
            control_group: None,
            tuning: Tuning::default(),
            budget_window: Gate::DEFAULT_BUDGET_WINDOW,
            deny: DenialStyle::Reply,
        }
    }
}

/// `[[port]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Which side of the gate it is on.
    pub side: Side,
    /// The network interface, for the live gate.
    pub interface: Option<String>,
    /// The gate's address on it, with the network; every underlay port has one.
    pub address: Option<Prefix>,
    /// The gate's MAC address on it, for replay; live it is the interface's own.
    pub mac: Option<Mac>,
    /// Whether people may log in from a bare source address that comes in by it: on a line that nobody
    /// else can reach.
    pub cleartext_logins: bool,
    /// How the live gate uses the interface.
    pub tuning: PortTuning,
}

/// `[[asset]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// The underlay port it is reached by.
    pub port: PortId,
    /// The VLAN it is in, 1 to 4094.
    pub vlan: Option<u16>,
    /// Its address towards users.
    pub overlay: Ipv4Addr,
    /// Its own address.
    pub underlay: Ipv4Addr,
    /// Its pinned MAC address.
    pub mac: Option<Mac>,
    /// Its cycle, and how much of it the gate may take.
    pub cycle: Option<Cycle>,
    /// What is spoken where; no two on one transport and port.
    pub doors: Vec<Door>,
    /// Where its OPC UA server has which namespace.
    pub namespaces: Namespaces,
}

impl Asset {
    /// Whether it speaks `protocol` anywhere.
    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.doors.iter().any(|door| door.protocol == protocol)
    }
}

/// One element of an asset's `protocols`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    /// What is spoken.
    pub protocol: Protocol,
    /// What carries it.
    pub transport: Transport,
    /// TCP or UDP port; 0 for ICMP.
    pub port: u16,
}

impl fmt::Display for Door {
    /// `modbus on tcp/502`, `tcp/22`, `icmp`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let carrier = transport_name(self.transport);
        if self.transport == Transport::Icmp {
            return f.write_str(carrier);
        }
        if self.protocol.is_inspected() {
            write!(f, "{} on ", self.protocol)?;
        }
        write!(f, "{carrier}/{}", self.port)
    }
}

/// `[[rule]]`: what people of some roles may do.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Whom it is for.
    pub roles: Vec<String>,
    /// Where it holds: each asset once, in the order of the file, and each speaks the protocol.
    pub assets: Vec<AssetId>,
    /// The protocol it is about.
    pub protocol: Protocol,
    /// What it allows, with the rule's own id and without its window.
    pub allow: Vec<Entry>,
    /// When it holds; always, if there is none.
    pub window: Option<Weekly>,
    /// What a login must have proven.
    pub factors: Vec<Factor>,
    /// What else it asks of whoever uses it.
    pub conditions: Conditions,
    /// How what it does not allow is refused; as the gate does, if it does not say.
    pub deny: Option<DenialStyle>,
}

impl Rule {
    /// Whether it holds on this asset.
    pub fn is_about(&self, asset: AssetId) -> bool {
        self.assets.binary_search(&asset).is_ok()
    }
}

/// `[[conduit]]`: what a machine may do, always.
#[derive(Clone, Debug, PartialEq)]
pub struct Conduit {
    /// Its name.
    pub name: String,
    /// The machine.
    pub from: Source,
    /// Where it holds: each asset once, in the order of the file, and each speaks the protocol.
    pub assets: Vec<AssetId>,
    /// The protocol it is about.
    pub protocol: Protocol,
    /// What it allows, with the conduit's own id.
    pub allow: Vec<Entry>,
    /// How much of it.
    pub rate: Option<Rate>,
    /// How what it does not allow is refused; as the gate does, if it does not say.
    pub deny: Option<DenialStyle>,
}

impl Conduit {
    /// Whether it holds on this asset.
    pub fn is_about(&self, asset: AssetId) -> bool {
        self.assets.binary_search(&asset).is_ok()
    }
}

/// Where a conduit's frames come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The machine's address.
    pub address: Ipv4Addr,
    /// The only MAC address it may have.
    pub mac: Option<Mac>,
    /// The only port it may come in by.
    pub port: Option<PortId>,
}

/// A way to prove who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Factor {
    /// Something known.
    Password,
    /// A time-based one-time password (RFC 6238).
    Totp,
    /// A client certificate.
    Certificate,
    /// A passkey (WebAuthn).
    Passkey,
}

impl Factor {
    /// All factors.
    pub const ALL: &[Factor] =
        &[Factor::Password, Factor::Totp, Factor::Certificate, Factor::Passkey];

    /// The word used in policy files.
    pub const fn name(self) -> &'static str {
        match self {
            Factor::Password => "password",
            Factor::Totp => "totp",
            Factor::Certificate => "certificate",
            Factor::Passkey => "passkey",
        }
    }

    /// The factor of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Factor> {
        Factor::ALL.iter().copied().find(|factor| factor.name() == name)
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
