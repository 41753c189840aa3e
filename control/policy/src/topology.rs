//! `[gate]`, `[[port]]` and `[[asset]]`: what there is, and under which names and addresses.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use wicketgate_dissectors::Protocol;
use wicketgate_engine::tables::{AssetId, Side};
use wicketgate_packet::PortId;

use crate::control;
use crate::cycle;
use crate::denial;
use crate::diagnostic::{Report, Span};
use crate::doors;
use crate::model::{Asset, Door, Gate, Port};
use crate::namespaces::{self, Namespaces};
use crate::reader::{Node, Table};
use crate::suggest;
use crate::tuning;
use crate::value::{self, Prefix};

/// Highest VLAN identifier that a network may use (IEEE 802.1Q-2018, table 9-2).
const MAX_VLAN: u32 = 4094;

/// What was read so far. `None` stands for what could not be read: its name is still known, so that
/// one mistake is not reported at every place that names it.
#[derive(Default)]
pub(crate) struct Topology {
    pub(crate) gate: Gate,
    pub(crate) ports: Vec<Option<Port>>,
    pub(crate) assets: Vec<Option<Asset>>,
    pub(crate) port_names: Names,
    pub(crate) asset_names: Names,
    /// Zones, with the assets in them.
    pub(crate) zones: HashMap<String, Vec<AssetId>>,
    interfaces: Names,
    overlays: HashMap<Ipv4Addr, Span>,
    underlays: HashMap<(PortId, Ipv4Addr), Span>,
}

/// Names of one kind, numbered in the order of the file; each only once.
#[derive(Default)]
pub(crate) struct Names {
    by_name: HashMap<String, u32>,
    places: Vec<(String, Span)>,
}

impl Names {
    /// Adds the name at `node`; reports it if it is there already.
    pub(crate) fn add(&mut self, name: &str, at: Span, report: &mut Report<'_>) {
        let id = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        if let Some((_, first)) = self.get(name).and_then(|id| self.places.get(id as usize)) {
            let message = format!("`{name}` is there already, in line {}", report.line(first));
            report.error(&at, message);
        }
        self.by_name.entry(name.to_owned()).or_insert(id);
        self.places.push((name.to_owned(), at));
    }

    /// The number of `name`.
    pub(crate) fn get(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// All names, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|(name, _)| name.as_str())
    }
}

/// Reads the name of a table and adds it to `names`; a table without a name still takes its number.
pub(crate) fn read_name(
    table: &mut Table<'_>,
    names: &mut Names,
    report: &mut Report<'_>,
) -> Option<String> {
    let node = table.required("name", report);
    let name = node.and_then(|node| node.name(report));
    match (name, node) {
        (Some(name), Some(node)) => names.add(name, node.span(), report),
        // No TOML string of ours equals this: blank names were refused.
        _ => names.places.push((String::new(), table.span().clone())),
    }
    name.map(str::to_owned)
}

/// Reads `[gate]`.
pub(crate) fn read_gate(node: Node<'_>, report: &mut Report<'_>) -> Gate {
    let Some(mut table) = node.table("[gate]", report) else { return Gate::default() };
    let overlay = table.optional("overlay").and_then(|node| node.parse(report, value::network));
    let state_dir = table.optional("state_dir").and_then(|node| node.name(report));
    let control_socket = table.optional("control_socket").and_then(|node| node.name(report));
    let control_group =
        table.optional("control_group").and_then(|node| control::account(node, report));
    let tuning = tuning::read(&mut table, report);
    let budget_window =
        table.optional("budget_window").and_then(|node| node.parse(report, cycle::window));
    let deny = table.optional("deny").and_then(|node| denial::read(node, report));
    table.close(report);
    Gate {
        overlay: overlay.unwrap_or(Gate::DEFAULT_OVERLAY),
        state_dir: state_dir.map(PathBuf::from),
        control_socket: control_socket.map(PathBuf::from),
        control_group,
        tuning,
        budget_window: budget_window.unwrap_or(Gate::DEFAULT_BUDGET_WINDOW),
        // One that is there but could not be read was reported: there is no policy then.
        deny: deny.unwrap_or_default(),
    }
}

impl Topology {
    /// Every asset that has a name, with its place.
    pub(crate) fn asset_places(&self) -> impl Iterator<Item = (AssetId, &str, &Span)> {
        (0..).map(AssetId).zip(&self.asset_names.places).map(|(id, (name, at))| (id, &**name, at))
    }

    pub(crate) fn asset(&self, id: AssetId) -> Option<&Asset> {
        self.assets.get(id.0 as usize)?.as_ref()
    }

    fn port(&self, id: PortId) -> Option<&Port> {
        self.ports.get(usize::from(id.0))?.as_ref()
    }

    /// Whether an asset has this overlay address.
    pub(crate) fn is_overlay_of_asset(&self, address: Ipv4Addr) -> bool {
        self.overlays.contains_key(&address)
    }

    /// Reads a `[[port]]`.
    pub(crate) fn read_port(&mut self, mut table: Table<'_>, report: &mut Report<'_>) {
        let name = read_name(&mut table, &mut self.port_names, report);
        let side = table.required("side", report).and_then(|node| side(node, report));
        let interface = table.optional("interface");
        if let Some((node, name)) = interface.and_then(|node| Some((node, node.name(report)?))) {
            self.interfaces.add(name, node.span(), report);
        }
        let address = self.port_address(&mut table, side, report);
        let mac = table.optional("mac").and_then(|node| node.parse(report, value::mac));
        let cleartext_logins = cleartext_logins(&mut table, side, report);
        let tuning = tuning::read_port(&mut table, report);
        table.close(report);
        let interface = interface.and_then(Node::as_text).map(str::to_owned);
        let port =
            |(name, side)| Port { name, side, interface, address, mac, cleartext_logins, tuning };
        let port = name.zip(side).map(port);
        self.ports.push(port);
    }

    fn port_address(
        &self,
        table: &mut Table<'_>,
        side: Option<Side>,
        report: &mut Report<'_>,
    ) -> Option<Prefix> {
        let Some(node) = table.optional("address") else {
            if let Some(side @ (Side::Underlay | Side::Both)) = side {
                let help = "write the gate's own address there, like address = \"192.168.10.2/24\"";
                let message = match side {
                    Side::Both => "a [[port]] on both sides has no `address`",
                    _ => "an underlay [[port]] has no `address`",
                };
                report.error_with(table.span(), message, help);
            }
            return None;
        };
        let address = node.parse(report, value::prefix)?;
        let overlay = self.gate.overlay;
        if !address.has_host(address.address) {
            report.error(&node.span(), format!("no device can have the address {address}"));
        } else if side.is_some_and(|side| side != Side::Overlay) && overlaps(address, overlay) {
            let help = "choose another overlay in [gate]";
            let message = format!("{address} overlaps the overlay {overlay}");
            report.error_with(&node.span(), message, help);
        }
        Some(address)
    }

    /// Reads an `[[asset]]`.
    pub(crate) fn read_asset(&mut self, mut table: Table<'_>, report: &mut Report<'_>) {
        let id = AssetId(u32::try_from(self.assets.len()).unwrap_or(u32::MAX));
        let name = read_name(&mut table, &mut self.asset_names, report);
        let zone = table.required("zone", report).and_then(|node| node.name(report));
        if let Some(zone) = zone {
            self.zones.entry(zone.to_owned()).or_default().push(id);
        }
        let port = table.required("port", report).and_then(|node| self.underlay_port(node, report));
        let overlay = self.overlay(&mut table, report);
        let underlay = self.underlay(&mut table, port, report);
        let doors = table.required("protocols", report).and_then(|node| doors::read(node, report));
        let vlan = table.optional("vlan").and_then(|node| node.number(1..=MAX_VLAN, report));
        let mac = table.optional("mac").and_then(|node| node.parse(report, value::mac));
        let namespaces = namespaces(&mut table, doors.as_deref(), report);
        let cycle = cycle::read(&mut table, report);
        table.close(report);
        let asset = || {
            let vlan = vlan.and_then(|vlan| u16::try_from(vlan).ok());
            let (name, zone) = (name?, zone?.to_owned());
            let (port, overlay, underlay, doors) = (port?, overlay?, underlay?, doors?);
            let namespaces = namespaces?;
            Some(Asset { name, zone, port, vlan, overlay, underlay, mac, cycle, doors, namespaces })
        };
        self.assets.push(asset());
    }

    fn underlay_port(&self, node: Node<'_>, report: &mut Report<'_>) -> Option<PortId> {
        let id = self.port_id(node, report)?;
        if self.port(id).is_some_and(|port| port.side == Side::Overlay) {
            let help = "an asset stands on a port with side = \"underlay\" or \"both\"";
            report.error_with(&node.span(), "this port is on the overlay side", help);
            return None;
        }
        Some(id)
    }

    /// The port that is named.
    pub(crate) fn port_id(&self, node: Node<'_>, report: &mut Report<'_>) -> Option<PortId> {
        let name = node.text(report)?;
        let found = self.port_names.get(name).and_then(|id| u16::try_from(id).ok());
        if found.is_none() {
            let help = suggest::known(name, self.port_names.iter());
            report.error_with(&node.span(), format!("there is no port `{name}`"), help);
        }
        found.map(PortId)
    }

    fn overlay(&mut self, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Ipv4Addr> {
        let node = table.required("overlay", report)?;
        let address = node.parse(report, value::host)?;
        let prefix = self.gate.overlay;
        if !prefix.contains(address) {
            let help = format!("choose one of {prefix}, or another overlay in [gate]");
            report.error_with(&node.span(), format!("{address} is not in the overlay"), help);
        } else if !prefix.has_host(address) {
            let message = format!("{address} is the overlay's network or broadcast address");
            report.error(&node.span(), message);
        }
        self.refuse_port_address(address, node, report);
        if let Some(first) = self.overlays.insert(address, node.span()) {
            let line = report.line(&first);
            let message = format!("{address} is the overlay address of the asset in line {line}");
            report.error(&node.span(), message);
        }
        Some(address)
    }

    fn underlay(
        &mut self,
        table: &mut Table<'_>,
        port: Option<PortId>,
        report: &mut Report<'_>,
    ) -> Option<Ipv4Addr> {
        let node = table.required("underlay", report)?;
        let address = node.parse(report, value::host)?;
        let port = port?;
        if let Some(net) = self.port(port).and_then(|port| port.address) {
            check_subnet(address, net, node, report);
        }
        if let Some(first) = self.underlays.insert((port, address), node.span()) {
            let line = report.line(&first);
            let help = "the gate tells the assets on one port apart by this address";
            let message = format!("{address} is the underlay address of the asset in line {line}");
            report.error_with(&node.span(), message, help);
        }
        Some(address)
    }

    /// Reports an address that is the gate's own on some port.
    pub(crate) fn refuse_port_address(
        &self,
        address: Ipv4Addr,
        node: Node<'_>,
        report: &mut Report<'_>,
    ) {
        let own = |port: &&Port| port.address.is_some_and(|net| net.address == address);
        if let Some(port) = self.ports.iter().flatten().find(own) {
            let message = format!("{address} is the gate's own address on port `{}`", port.name);
            report.error(&node.span(), message);
        }
    }
}

fn check_subnet(address: Ipv4Addr, net: Prefix, node: Node<'_>, report: &mut Report<'_>) {
    if address == net.address {
        report.error(&node.span(), format!("{address} is the gate's own address on this port"));
    } else if !net.has_host(address) {
        let help = "the gate reaches assets directly: give the port an address in their network";
        let message = format!("{address} is not a device in the port's network {net}");
        report.error_with(&node.span(), message, help);
    }
}

/// Where the asset's OPC UA server has which namespace; nowhere where the file says nothing.
fn namespaces(
    table: &mut Table<'_>,
    doors: Option<&[Door]>,
    report: &mut Report<'_>,
) -> Option<Namespaces> {
    let Some(node) = table.optional("namespaces") else { return Some(Namespaces::new()) };
    if doors.is_some_and(|doors| doors.iter().all(|door| door.protocol != Protocol::Opcua)) {
        report.error(&node.span(), "only OPC UA has namespaces, and the asset does not speak it");
    }
    namespaces::read(node, report)
}

/// Whether people log in from bare addresses here. Nobody asks from the side of assets.
fn cleartext_logins(table: &mut Table<'_>, side: Option<Side>, report: &mut Report<'_>) -> bool {
    let Some(node) = table.optional("cleartext_logins") else { return false };
    let said = node.flag(report) == Some(true);
    if said && side == Some(Side::Underlay) {
        let message = "nobody logs in from the side of the assets";
        report.error_with(&node.span(), message, "write it at a port on the overlay side");
    }
    said
}

fn overlaps(a: Prefix, b: Prefix) -> bool {
    a.contains(b.network()) || b.contains(a.network())
}

fn side(node: Node<'_>, report: &mut Report<'_>) -> Option<Side> {
    let name = node.text(report)?;
    match name {
        "overlay" => Some(Side::Overlay),
        "underlay" => Some(Side::Underlay),
        "both" => Some(Side::Both),
        _ => {
            let help = suggest::known(name, ["overlay", "underlay", "both"]);
            report.error_with(&node.span(), format!("there is no side `{name}`"), help);
            None
        }
    }
}
