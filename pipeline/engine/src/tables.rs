//! One immutable generation of policy, assets and addresses.
//!
//! Control builds tables, workers read them; a new generation replaces the old one whole. Nothing in
//! here changes after [`TablesBuilder::build`].

use core::hash::BuildHasher;
use core::net::Ipv4Addr;
use core::time::Duration;
use std::collections::HashMap;
use std::fmt;

use foldhash::fast::{FixedState, RandomState};
use wicketgate_dissectors::{Protocol, Transport};
use wicketgate_packet::{PortId, Time};

use crate::matcher::Matcher;

macro_rules! ids {
    ($( $(#[$doc:meta])* $name:ident ),+ $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )+ };
}

ids! {
    /// An asset, numbered in the order of the config.
    AssetId,
    /// One door of one asset.
    EndpointId,
    /// A login or the client of a conduit.
    SubjectId,
    /// What one subject may do on one endpoint.
    GrantId,
    /// A rule or conduit, numbered in the order of the config: rules first.
    RuleId,
}

/// A worker of the gate, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u16);

/// A MAC address.
pub type Mac = [u8; 6];

/// Which side of the gate a port is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// People and machines that ask.
    Overlay,
    /// Assets.
    Underlay,
    /// Both, told apart by address: a gate with one network card.
    Both,
}

/// A port of the gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Its name in the config.
    pub name: Box<str>,
    /// Which side it is on.
    pub side: Side,
    /// The gate's MAC address on it.
    pub mac: Mac,
    /// The gate's IPv4 address on it; on an underlay port the one that flows wear towards assets.
    pub address: Ipv4Addr,
    /// Longest IPv4 packet that leaves by it, in bytes (RFC 791: 68 at least).
    pub mtu: u16,
}

/// MTU of a port that nobody has said anything of: Ethernet's (RFC 894).
pub const ETHERNET_MTU: u16 = 1500;

/// Where an asset is found: what a next hop's MAC address is asked for by. Means the same in every epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NextHop {
    /// The port that leads to it.
    pub port: PortId,
    /// The VLAN it is in, 1 to 4094.
    pub vlan: Option<u16>,
    /// Its own address.
    pub address: Ipv4Addr,
}

/// A device behind the gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// Its name in the config.
    pub name: Box<str>,
    /// Its zone.
    pub zone: Box<str>,
    /// The underlay port it is reached by.
    pub port: PortId,
    /// The VLAN it is in, 1 to 4094.
    pub vlan: Option<u16>,
    /// Its address towards users.
    pub overlay: Ipv4Addr,
    /// Its own address.
    pub underlay: Ipv4Addr,
    /// Its MAC address, or that of the router on the way to it.
    pub mac: Option<Mac>,
    /// Whether the config says that MAC address: frames from another are refused.
    pub pinned: bool,
    /// The cycle that the gate's own time is held against.
    pub cycle: Option<Cycle>,
    /// The worker that decides on everything from and to it.
    pub owner: WorkerId,
}

impl Asset {
    /// Where it is found.
    pub const fn next_hop(&self) -> NextHop {
        NextHop { port: self.port, vlan: self.vlan, address: self.underlay }
    }
}

/// A controller's cycle, and how much of it the gate may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// How long it is, above zero.
    pub length: Duration,
    /// How long the gate may hold a frame; at most `length`.
    pub budget: Duration,
}

/// One door of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whose door it is.
    pub asset: AssetId,
    /// What is spoken there.
    pub protocol: Protocol,
    /// What carries it.
    pub transport: Transport,
    /// TCP or UDP port; 0 for ICMP.
    pub port: u16,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// User name, or the conduit's name.
    pub name: Box<str>,
    /// Whether it is a machine with a conduit: an essential flow, never cut by what concerns people.
    pub essential: bool,
    /// The address it asks from.
    pub address: Ipv4Addr,
    /// The only port it may come in by.
    pub port: Option<PortId>,
    /// The only MAC address it may have.
    pub mac: Option<Mac>,
}

impl Subject {
    /// Whether a frame that came in by `port` from `mac` can be from it.
    pub(crate) fn is_at(&self, port: PortId, mac: Mac) -> bool {
        self.port.is_none_or(|only| only == port) && self.mac.is_none_or(|only| only == mac)
    }

    /// A number that stands for the name and one of its rights in flows and sessions: the same in every
    /// epoch, where ids are not. Names are the config's own or an admin's, and [`Grant::right`] is
    /// control's, so nobody outside can choose two that collide.
    pub fn identity(&self, right: u64) -> u64 {
        FixedState::default().hash_one((&self.name, right))
    }
}

/// What one subject may do on one endpoint, and until when. What each frame asks lies in the first line.
#[derive(Clone, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Grant {
    /// Who.
    pub subject: SubjectId,
    /// Where.
    pub endpoint: EndpointId,
    /// How much passes in a session: commands, or frames where commands are not read.
    pub rate: Option<Rate>,
    /// How a command that it does not give is refused.
    pub denial: DenialStyle,
    /// Nothing is refused, everything is reported: for looking at a plant before there is a policy.
    pub observe: bool,
    /// Copies of the frames of its sessions are kept ([`record`](crate::record)).
    pub record: bool,
    /// Which commands.
    pub matcher: Matcher,
    /// When it ends; [`Time::NEVER`] for conduits.
    pub until: Time,
    /// Which right it is, by control's number; 0 for conduits. Flows and sessions go on under other
    /// tables only where it is the same: what was given anew after it was taken back is another.
    pub right: u64,
}

/// How much passes: a token bucket, of which nothing is kept but one time (GCRA, ITU-T I.371 annex A).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate {
    /// So many a second, 1 at least.
    pub per_second: u32,
    /// So many at once, 1 at least.
    pub burst: u32,
}

impl Rate {
    /// The stricter of both, of each number.
    #[must_use]
    pub fn stricter(self, other: Rate) -> Rate {
        Rate {
            per_second: self.per_second.min(other.per_second),
            burst: self.burst.min(other.burst),
        }
    }

    /// Whether one more passes at `now`, of a bucket that is full again at `full`; and when it is then. A
    /// time farther ahead than an empty bucket needs is from before the clock stepped back, and counts
    /// as that.
    pub(crate) fn spend(self, full: Time, now: Time) -> (bool, Time) {
        let each = NANOS / u64::from(self.per_second.max(1));
        let spare = Duration::from_nanos(each.saturating_mul(u64::from(self.burst.max(1)) - 1));
        let each = Duration::from_nanos(each);
        let full = full.min(now + spare + each);
        if full <= now + spare { (true, full.max(now) + each) } else { (false, full) }
    }
}

/// Nanoseconds of a second.
const NANOS: u64 = 1_000_000_000;

/// How a command is refused. In any case nothing of it reaches the asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DenialStyle {
    /// In the protocol's own words; the connection lives on.
    #[default]
    Reply,
    /// Not at all; the connection lives on, and the client waits for its own timeout.
    Drop,
    /// The connection is reset, both ways; a datagram is dropped.
    Reset,
}

impl DenialStyle {
    /// All styles, the gentlest first.
    pub const ALL: &[DenialStyle] = &[DenialStyle::Reply, DenialStyle::Drop, DenialStyle::Reset];

    /// The word used in policy files.
    pub const fn name(self) -> &'static str {
        match self {
            DenialStyle::Reply => "reply",
            DenialStyle::Drop => "drop",
            DenialStyle::Reset => "reset",
        }
    }

    /// The style of that name, if there is one.
    pub fn from_name(name: &str) -> Option<DenialStyle> {
        DenialStyle::ALL.iter().copied().find(|style| style.name() == name)
    }
}

/// A stretch of time: open from `from` (inclusive) to `until` (exclusive).
///
/// Control lays a rule's weekly window, with its time zone, out into the stretch that is current or
/// next. When it is over nothing opens by itself: a dead control thread fails closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First nanosecond.
    pub from: Time,
    /// First nanosecond after.
    pub until: Time,
}

impl Window {
    /// Whether `now` lies in it.
    pub fn is_open(self, now: Time) -> bool {
        self.from <= now && now < self.until
    }
}

/// Ports, assets, endpoints, subjects and grants of one epoch.
pub struct Tables {
    epoch: u32,
    least_mtu: u16,
    ports: Box<[Port]>,
    assets: Box<[Asset]>,
    endpoints: Box<[Endpoint]>,
    subjects: Box<[Subject]>,
    grants: Box<[Grant]>,
    rules: Box<[Box<str>]>,
    by_overlay: Map<Ipv4Addr, AssetId>,
    by_underlay: Map<(PortId, Ipv4Addr), AssetId>,
    by_door: Map<(AssetId, Transport, u16), EndpointId>,
    by_source: Map<Ipv4Addr, Box<[SubjectId]>>,
    by_subject: Map<(SubjectId, EndpointId), GrantId>,
}

type Map<K, V> = HashMap<K, V, RandomState>;

/// Why tables could not be built: each says what is there twice or missing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TablesError {
    /// More ports than a [`PortId`] can number, or none.
    Ports(usize),
    /// Two assets with this overlay address.
    OverlayTwice(Ipv4Addr),
    /// Two assets with this underlay address on one port.
    UnderlayTwice(Ipv4Addr),
    /// Two endpoints of one asset on one transport and port.
    DoorTwice(AssetId, u16),
    /// Two grants for one subject on one endpoint.
    GrantTwice(SubjectId, EndpointId),
    /// An id that names nothing.
    Dangling(&'static str, u32),
}

impl fmt::Display for TablesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TablesError::Ports(count) => write!(f, "{count} ports: there must be 1 to 65535"),
            TablesError::OverlayTwice(ip) => write!(f, "two assets have overlay address {ip}"),
            TablesError::UnderlayTwice(ip) => write!(f, "two assets have underlay address {ip}"),
            TablesError::DoorTwice(_, port) => {
                write!(f, "an asset has two endpoints on port {port}")
            }
            TablesError::GrantTwice(..) => f.write_str("a subject has two grants on one endpoint"),
            TablesError::Dangling(what, id) => write!(f, "there is no {what} {id}"),
        }
    }
}

impl std::error::Error for TablesError {}

/// Collects what control knows; each `add_*` returns the id to refer to it by.
#[derive(Clone, Debug, Default)]
pub struct TablesBuilder {
    ports: Vec<Port>,
    assets: Vec<Asset>,
    endpoints: Vec<Endpoint>,
    subjects: Vec<Subject>,
    grants: Vec<Grant>,
    rules: Vec<Box<str>>,
}

macro_rules! adders {
    ($( $(#[$doc:meta])* $method:ident($field:ident: $item:ty) -> $id:ident ),+ $(,)?) => { $(
        $(#[$doc])*
        pub fn $method(&mut self, item: $item) -> $id {
            self.$field.push(item);
            // The count stays below 2^32: every list is far longer than memory at that size.
            $id(u32::try_from(self.$field.len() - 1).unwrap_or(u32::MAX))
        }
    )+ };
}

impl TablesBuilder {
    /// Adds a port.
    pub fn add_port(&mut self, port: Port) -> PortId {
        self.ports.push(port);
        PortId(u16::try_from(self.ports.len() - 1).unwrap_or(u16::MAX))
    }

    adders! {
        /// Adds an asset.
        add_asset(assets: Asset) -> AssetId,
        /// Adds a door.
        add_endpoint(endpoints: Endpoint) -> EndpointId,
        /// Adds somebody who may ask.
        add_subject(subjects: Subject) -> SubjectId,
        /// Adds a right.
        add_grant(grants: Grant) -> GrantId,
        /// Adds the name of a rule or conduit.
        add_rule(rules: Box<str>) -> RuleId,
    }

    /// Builds the generation `epoch`.
    ///
    /// # Errors
    /// Something is there twice, or an id names nothing.
    pub fn build(self, epoch: u32) -> Result<Tables, TablesError> {
        self.check_ids()?;
        let mut by_overlay = Map::default();
        let mut by_underlay = Map::default();
        for (asset, id) in self.assets.iter().zip((0..).map(AssetId)) {
            once(&mut by_overlay, asset.overlay, id, TablesError::OverlayTwice(asset.overlay))?;
            let twice = TablesError::UnderlayTwice(asset.underlay);
            once(&mut by_underlay, (asset.port, asset.underlay), id, twice)?;
        }
        let mut by_door = Map::default();
        for (door, id) in self.endpoints.iter().zip((0..).map(EndpointId)) {
            let twice = TablesError::DoorTwice(door.asset, door.port);
            once(&mut by_door, (door.asset, door.transport, door.port), id, twice)?;
        }
        let mut by_subject = Map::default();
        for (grant, id) in self.grants.iter().zip((0..).map(GrantId)) {
            let twice = TablesError::GrantTwice(grant.subject, grant.endpoint);
            once(&mut by_subject, (grant.subject, grant.endpoint), id, twice)?;
        }
        Ok(Tables {
            epoch,
            least_mtu: least_mtu(&self.ports),
            by_source: self.sources(),
            ports: self.ports.into(),
            assets: self.assets.into(),
            endpoints: self.endpoints.into(),
            subjects: self.subjects.into(),
            grants: self.grants.into(),
            rules: self.rules.into(),
            by_overlay,
            by_underlay,
            by_door,
            by_subject,
        })
    }

    fn check_ids(&self) -> Result<(), TablesError> {
        let ports = self.ports.len();
        if ports == 0 || ports > usize::from(u16::MAX) {
            return Err(TablesError::Ports(ports));
        }
        for asset in &self.assets {
            names("port", u32::from(asset.port.0), ports)?;
        }
        for door in &self.endpoints {
            names("asset", door.asset.0, self.assets.len())?;
        }
        for grant in &self.grants {
            names("subject", grant.subject.0, self.subjects.len())?;
            names("endpoint", grant.endpoint.0, self.endpoints.len())?;
            for entry in grant.matcher.entries() {
                names("rule", entry.rule.0, self.rules.len())?;
            }
        }
        Ok(())
    }

    fn sources(&self) -> Map<Ipv4Addr, Box<[SubjectId]>> {
        let mut sources: HashMap<Ipv4Addr, Vec<SubjectId>> = HashMap::new();
        for (subject, id) in self.subjects.iter().zip((0..).map(SubjectId)) {
            sources.entry(subject.address).or_default().push(id);
        }
        sources.into_iter().map(|(address, ids)| (address, ids.into())).collect()
    }
}

fn once<K: Eq + std::hash::Hash, V, S: BuildHasher>(
    map: &mut HashMap<K, V, S>,
    key: K,
    value: V,
    twice: TablesError,
) -> Result<(), TablesError> {
    match map.insert(key, value) {
        None => Ok(()),
        Some(_) => Err(twice),
    }
}

fn least_mtu(ports: &[Port]) -> u16 {
    ports.iter().map(|port| port.mtu).min().unwrap_or(0)
}

fn names(what: &'static str, id: u32, count: usize) -> Result<(), TablesError> {
    if (id as usize) < count { Ok(()) } else { Err(TablesError::Dangling(what, id)) }
}

macro_rules! lookups {
    ($( $(#[$doc:meta])* $one:ident, $all:ident: $field:ident [$id:ty] -> $item:ty ),+ $(,)?) => { $(
        $(#[$doc])*
        pub fn $one(&self, id: $id) -> Option<&$item> {
            self.$field.get(id.index())
        }

        /// All of them, in the order of their ids.
        pub fn $all(&self) -> &[$item] {
            &self.$field
        }
    )+ };
}

impl Tables {
    /// Gives assets without a MAC address the one that `known` says: neighbours are found out after
    /// the policy was read.
    pub fn fill_neighbours(&mut self, mut known: impl FnMut(&Asset) -> Option<Mac>) {
        for asset in &mut self.assets {
            asset.mac = asset.mac.or_else(|| known(asset));
        }
    }

    /// Gives ports the MAC address and MTU that `known` says: live, they are those of the interfaces.
    pub fn fill_ports(&mut self, mut known: impl FnMut(PortId) -> Option<(Mac, u16)>) {
        for (port, number) in self.ports.iter_mut().zip(0..) {
            (port.mac, port.mtu) = known(PortId(number)).unwrap_or((port.mac, port.mtu));
        }
        self.least_mtu = least_mtu(&self.ports);
    }

    /// The least MTU of all ports: a packet that is not longer leaves by any of them.
    #[inline]
    pub fn least_mtu(&self) -> u16 {
        self.least_mtu
    }

    /// Gives assets the workers that `known` says: which are there is known after the policy was read.
    pub fn fill_owners(&mut self, mut known: impl FnMut(&Asset) -> WorkerId) {
        for asset in &mut self.assets {
            asset.owner = known(asset);
        }
    }

    /// Which generation this is.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The port of that number.
    pub fn port(&self, id: PortId) -> Option<&Port> {
        self.ports.get(usize::from(id.0))
    }

    /// All ports, in the order of their numbers.
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    lookups! {
        /// The asset of that id.
        asset, assets: assets[AssetId] -> Asset,
        /// The endpoint of that id.
        endpoint, endpoints: endpoints[EndpointId] -> Endpoint,
        /// The subject of that id.
        subject, subjects: subjects[SubjectId] -> Subject,
        /// The grant of that id.
        grant, grants: grants[GrantId] -> Grant,
        /// The name of the rule or conduit of that id.
        rule, rules: rules[RuleId] -> Box<str>,
    }

    /// The asset that has this overlay address.
    pub fn asset_by_overlay(&self, address: Ipv4Addr) -> Option<AssetId> {
        self.by_overlay.get(&address).copied()
    }

    /// The asset that has this underlay address on this port.
    pub fn asset_by_underlay(&self, port: PortId, address: Ipv4Addr) -> Option<AssetId> {
        self.by_underlay.get(&(port, address)).copied()
    }

    /// The asset that is found there.
    pub fn asset_at(&self, hop: NextHop) -> Option<&Asset> {
        let asset = self.asset(self.asset_by_underlay(hop.port, hop.address)?)?;
        (asset.vlan == hop.vlan).then_some(asset)
    }

    /// The asset's door on this transport and port.
    pub fn door(&self, asset: AssetId, transport: Transport, port: u16) -> Option<EndpointId> {
        self.by_door.get(&(asset, transport, port)).copied()
    }

    /// Who asks from `source`, with this MAC address, by this port, whatever they may do.
    pub fn subject_at(&self, port: PortId, mac: Mac, source: Ipv4Addr) -> Option<SubjectId> {
        let mut subjects = self.by_source.get(&source)?.iter().copied();
        subjects.find(|id| self.subject(*id).is_some_and(|who| who.is_at(port, mac)))
    }

    /// What whoever asks from `source`, with this MAC address, by this port, may do at `endpoint`.
    /// A conduit goes before a login; of several subjects the first with a grant counts.
    pub fn grant_for(
        &self,
        port: PortId,
        mac: Mac,
        source: Ipv4Addr,
        endpoint: EndpointId,
    ) -> Option<GrantId> {
        self.grants_for(port, mac, source, endpoint).next()
    }

    /// The same of all subjects there. There can be two of one person: of a login that has ended an
    /// operation may still be under way when the next begins.
    pub(crate) fn grants_for(
        &self,
        port: PortId,
        mac: Mac,
        source: Ipv4Addr,
        endpoint: EndpointId,
    ) -> impl Iterator<Item = GrantId> {
        let subjects = self.by_source.get(&source).or_else(|| self.by_source.get(&ANYONE));
        subjects.into_iter().flatten().filter_map(move |id| {
            let subject = self.subject(*id)?;
            let here = subject.is_at(port, mac);
            if here { self.by_subject.get(&(*id, endpoint)).copied() } else { None }
        })
    }
}

/// The source address of a subject that stands for everyone: only observing uses it.
pub const ANYONE: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
