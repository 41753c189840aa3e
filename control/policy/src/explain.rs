//! Who may do what on each asset: what `wicketgate check` prints.

use std::fmt;

use serde::Serialize;
use wicketgate_engine::tables::{AssetId, Mac, Side};

use crate::model::{Asset, Conduit, Policy, Port, Rule, Source};
use crate::rate;
use crate::tuning::Room;
use crate::tunnel::Tunnel;
use crate::wording;

/// A policy in words. Prints as a page for people, serializes for machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The overlay network.
    pub overlay: String,
    /// How much the live gate has room for.
    pub room: Room,
    /// The ports.
    pub ports: Vec<PortLine>,
    /// Where people log in from afar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<TunnelLine>,
    /// Where figures are told by TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<String>,
    /// Whose sessions are recorded, and where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The assets, with what may be done on each.
    pub assets: Vec<AssetPart>,
    /// What should be looked at, each as `FILE:LINE:COLUMN: warning: …`.
    pub warnings: Vec<String>,
}

/// A port in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortLine {
    /// Its name.
    pub name: String,
    /// `overlay`, `underlay` or `both`.
    pub side: &'static str,
    /// Its interface, for the live gate.
    pub interface: Option<String>,
    /// The gate's address on it.
    pub address: Option<String>,
    /// Whether people may log in from a bare address that comes in by it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cleartext_logins: bool,
}

/// `[tunnel]` in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TunnelLine {
    /// Where the gate listens.
    pub listen: String,
    /// Its TCP port there, if there is one.
    pub tcp_port: Option<u16>,
    /// What logins get their addresses from.
    pub addresses: String,
    /// Seconds that a login lasts at most.
    pub lifetime: u64,
    /// Longest packet inside, in bytes.
    pub mtu: u16,
    /// Tunnels at a time.
    pub most: u16,
    /// Whose certificate it is: `own`, or the file's name.
    pub certificate: String,
}

/// An asset in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssetPart {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// The port it is reached by.
    pub port: String,
    /// Its VLAN.
    pub vlan: Option<u16>,
    /// Its address towards users.
    pub overlay: String,
    /// Its own address.
    pub underlay: String,
    /// Its pinned MAC address.
    pub mac: Option<String>,
    /// Its cycle.
    pub cycle: Option<String>,
    /// How much of it the gate may take.
    pub budget: Option<String>,
    /// What it speaks where.
    pub doors: Vec<String>,
    /// Who may do what; if empty, nobody may do anything.
    pub rights: Vec<Right>,
}

/// One rule or conduit, as it concerns one asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Right {
    /// `rule` or `conduit`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The roles, or the machine.
    pub who: String,
    /// The protocol.
    pub protocol: &'static str,
    /// What is allowed, each element in words; a command must fit one of them.
    pub allow: Vec<String>,
    /// When: `always`, or the window.
    pub when: String,
    /// What a login must have proven.
    pub factors: Vec<&'static str>,
    /// What else is asked of whoever uses it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<String>,
}

/// Puts a policy into words.
pub fn explain(policy: &Policy) -> Explanation {
    let assets = (0..).map(AssetId).zip(&policy.assets);
    Explanation {
        overlay: policy.gate.overlay.to_string(),
        room: policy.gate.tuning.room(),
        ports: policy.ports.iter().map(port_line).collect(),
        tunnel: policy.tunnel.as_ref().map(tunnel_line),
        record: policy.record.as_ref().map(ToString::to_string),
        metrics: policy.metrics.map(|metrics| metrics.to_string()),
        assets: assets.map(|(id, asset)| asset_part(policy, id, asset)).collect(),
        warnings: policy.warnings.iter().map(ToString::to_string).collect(),
    }
}

fn port_line(port: &Port) -> PortLine {
    PortLine {
        name: port.name.clone(),
        side: match port.side {
            Side::Overlay => "overlay",
            Side::Underlay => "underlay",
            Side::Both => "both",
        },
        interface: port.interface.clone(),
        address: port.address.map(|net| net.to_string()),
        cleartext_logins: port.cleartext_logins,
    }
}

fn tunnel_line(tunnel: &Tunnel) -> TunnelLine {
    let certificate = tunnel.certificate.as_ref();
    TunnelLine {
        listen: tunnel.listen.to_string(),
        tcp_port: tunnel.tcp_port,
        addresses: tunnel.addresses.to_string(),
        lifetime: tunnel.lifetime.as_secs(),
        mtu: tunnel.mtu,
        most: tunnel.most,
        certificate: certificate
            .map_or_else(|| "own".to_owned(), |(file, _)| file.display().to_string()),
    }
}

fn asset_part(policy: &Policy, id: AssetId, asset: &Asset) -> AssetPart {
    let rules = policy.rules.iter().filter(|rule| rule.is_about(id)).map(of_rule);
    let conduits = policy.conduits.iter().filter(|conduit| conduit.is_about(id));
    AssetPart {
        name: asset.name.clone(),
        zone: asset.zone.clone(),
        port: policy.port(asset.port).map_or_else(String::new, |port| port.name.clone()),
        vlan: asset.vlan,
        overlay: asset.overlay.to_string(),
        underlay: asset.underlay.to_string(),
        mac: asset.mac.map(mac),
        cycle: asset.cycle.map(|cycle| format!("{:?}", cycle.length)),
        budget: asset.cycle.map(|cycle| format!("{:?}", cycle.budget)),
        doors: asset.doors.iter().map(ToString::to_string).collect(),
        rights: rules.chain(conduits.map(|conduit| of_conduit(policy, conduit))).collect(),
    }
}

fn of_rule(rule: &Rule) -> Right {
    Right {
        kind: "rule",
        name: rule.name.clone(),
        who: rule.roles.join(", "),
        protocol: rule.protocol.name(),
        allow: wording::allow(&rule.allow, rule.protocol),
        when: rule.window.as_ref().map_or("always".to_owned(), ToString::to_string),
        factors: rule.factors.iter().map(|factor| factor.name()).collect(),
        asks: rule.conditions.words(),
    }
}

fn of_conduit(policy: &Policy, conduit: &Conduit) -> Right {
    Right {
        kind: "conduit",
        name: conduit.name.clone(),
        who: source(policy, &conduit.from),
        protocol: conduit.protocol.name(),
        allow: wording::allow(&conduit.allow, conduit.protocol),
        when: conduit.rate.map_or_else(
            || "always".to_owned(),
            |rate| format!("always, {}", rate::words(rate, conduit.protocol)),
        ),
        factors: Vec::new(),
        asks: Vec::new(),
    }
}

fn source(policy: &Policy, from: &Source) -> String {
    let mac = from.mac.map(|address| format!(", MAC {}", mac(address)));
    let port = from.port.and_then(|id| policy.port(id)).map(|port| format!(", by {}", port.name));
    format!("{}{}{}", from.address, mac.unwrap_or_default(), port.unwrap_or_default())
}

pub(crate) fn mac(mac: Mac) -> String {
    mac.map(|octet| format!("{octet:02x}")).join(":")
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "overlay {}", self.overlay)?;
        self.ports.iter().try_for_each(|port| writeln!(f, "{port}"))?;
        self.tunnel.iter().try_for_each(|tunnel| writeln!(f, "{tunnel}"))?;
        writeln!(f, "{}", self.room)?;
        self.metrics.iter().chain(&self.record).try_for_each(|line| writeln!(f, "{line}"))?;
        self.assets.iter().try_for_each(|asset| write!(f, "\n{asset}"))?;
        if !self.warnings.is_empty() {
            writeln!(f)?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "{warning}"))
    }
}

impl fmt::Display for PortLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "port {}: {}", self.name, self.side)?;
        optional(f, ", ", self.address.as_ref())?;
        optional(f, " on ", self.interface.as_ref())?;
        f.write_str(if self.cleartext_logins { ", logins in clear" } else { "" })
    }
}

impl fmt::Display for TunnelLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TunnelLine { listen, tcp_port, addresses, lifetime, mtu, most, certificate } = self;
        write!(f, "tunnel: {listen}")?;
        optional(f, ", TCP port ", tcp_port.as_ref())?;
        write!(f, ", {most} at most, addresses of {addresses}, ")?;
        write!(f, "logins of {lifetime} s, packets of {mtu} bytes, certificate: {certificate}")
    }
}

impl fmt::Display for AssetPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {} -> {}", self.name, self.zone, self.overlay, self.underlay)?;
        write!(f, " by {}", self.port)?;
        optional(f, ", VLAN ", self.vlan.as_ref())?;
        optional(f, ", MAC ", self.mac.as_ref())?;
        optional(f, ", cycle ", self.cycle.as_ref())?;
        optional(f, ", budget ", self.budget.as_ref())?;
        writeln!(f, "\n  speaks {}", self.doors.join(", "))?;
        if self.rights.is_empty() {
            return writeln!(f, "  nobody may do anything");
        }
        self.rights.iter().try_for_each(|right| write!(f, "{right}"))
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {} \"{}\"", self.kind, self.name)?;
        writeln!(f, "    who   {}", self.who)?;
        if !self.factors.is_empty() {
            writeln!(f, "    with  {}", self.factors.join(" and "))?;
        }
        self.asks.iter().try_for_each(|what| writeln!(f, "    asks  {what}"))?;
        writeln!(f, "    when  {}", self.when)?;
        self.allow.iter().try_for_each(|what| writeln!(f, "    may   {}: {what}", self.protocol))
    }
}

fn optional<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    lead: &str,
    what: Option<&T>,
) -> fmt::Result {
    what.map_or(Ok(()), |what| write!(f, "{lead}{what}"))
}
