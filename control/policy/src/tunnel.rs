//! `[tunnel]`: where people log in, and which addresses they get.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::diagnostic::Report;
use crate::model::Conduit;
use crate::reader::{Node, Table};
use crate::topology::Topology;
use crate::value::{self, Prefix};

/// Inner MTU, in bytes: from what every IPv4 host takes (RFC 791) to what fits a QUIC packet on a path of
/// Ethernet, less what other tunnels on the way take.
const MTU: RangeInclusive<u32> = 576..=1361;

/// Most tunnels at a time.
const MOST: u32 = 4096;

/// Ports of TCP; 0 is none.
const PORTS: RangeInclusive<u32> = 0..=65535;

/// `[tunnel]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// The UDP address at which the gate listens.
    pub listen: SocketAddr,
    /// The TCP port at the same address, for networks that let no UDP pass.
    pub tcp_port: Option<u16>,
    /// What logins get their addresses from; a part of the overlay in which no asset is.
    pub addresses: Prefix,
    /// The gate's certificate and its key, in PEM; its own authority's, if there are none.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Authorities, in PEM, whose certificates of users are asked for; a factor.
    pub clients: Option<PathBuf>,
    /// A login by a tunnel ends this long after it began, if not before: at most [`Tunnel::LONGEST`].
    pub lifetime: Duration,
    /// Longest packet inside, in bytes: 576 to 1361.
    pub mtu: u16,
    /// Tunnels at a time: 1 to 4096, and no more than there are addresses.
    pub most: u16,
}

impl Tunnel {
    /// The inner MTU where the file says nothing.
    pub const DEFAULT_MTU: u16 = 1280;

    /// The longest that a login may last, and how long it does where the file says nothing: a shift.
    pub const LONGEST: Duration = Duration::from_secs(12 * 3600);

    /// The TCP port where the file says nothing: HTTPS's, which passes nearly everywhere.
    pub const DEFAULT_TCP_PORT: u16 = 443;

    /// Where the gate listens for TLS over TCP.
    pub fn listen_tcp(&self) -> Option<SocketAddr> {
        self.tcp_port.map(|port| SocketAddr::new(self.listen.ip(), port))
    }

    /// The addresses that a login can have, the lowest first.
    pub fn hosts(&self) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let net = self.addresses;
        let all = net.network().to_bits()..=net.broadcast().to_bits();
        all.map(Ipv4Addr::from_bits).filter(move |address| net.has_host(*address))
    }
}

/// Reads `[tunnel]`, once all assets are known.
pub(crate) fn read(node: Node<'_>, topology: &Topology, report: &mut Report<'_>) -> Option<Tunnel> {
    let mut table = node.table("[tunnel]", report)?;
    if topology.gate.state_dir().is_none() {
        let help = "write state_dir in [gate]: people log in by the store in it";
        report.error_with(table.span(), "[tunnel] without a state_dir", help);
    }
    let listen = table.required("listen", report).and_then(|node| node.parse(report, socket));
    let tcp_port = table.optional("tcp_port").and_then(|node| node.number(PORTS, report));
    let addresses = table.required("addresses", report);
    let addresses = addresses.and_then(|node| pool(node, topology, report));
    let certificate = files(&mut table, report);
    let clients = table.optional("clients").and_then(|node| node.name(report));
    let lifetime = table.optional("lifetime").and_then(|node| node.parse(report, lifetime));
    let mtu = table.optional("mtu").and_then(|node| node.number(MTU, report));
    let most = table.optional("most").and_then(|node| node.number(1..=MOST, report));
    table.close(report);
    let addresses = addresses?;
    let room = (addresses.broadcast().to_bits() - addresses.network().to_bits()).max(1);
    let most = most.unwrap_or(MOST).min(room);
    Some(Tunnel {
        listen: listen?,
        tcp_port: port(tcp_port),
        addresses,
        certificate: certificate?,
        clients: clients.map(PathBuf::from),
        lifetime: lifetime.unwrap_or(Tunnel::LONGEST),
        mtu: mtu.and_then(|mtu| u16::try_from(mtu).ok()).unwrap_or(Tunnel::DEFAULT_MTU),
        most: u16::try_from(most).unwrap_or(u16::MAX),
    })
}

/// Whoever logs in must not get the address of a machine: that would have the machine's rights.
pub(crate) fn refuse_machines(
    node: Node<'_>,
    tunnel: Option<&Tunnel>,
    conduits: &[Conduit],
    report: &mut Report<'_>,
) {
    let Some(tunnel) = tunnel else { return };
    let inside = |conduit: &&Conduit| tunnel.addresses.contains(conduit.from.address);
    for conduit in conduits.iter().filter(inside) {
        let (name, address) = (&conduit.name, conduit.from.address);
        let message =
            format!("the machine of conduit `{name}` has one of the addresses: {address}");
        report.error_with(&node.span(), message, "people would have its rights: choose others");
    }
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let span = value::span(text)?;
    if span > Tunnel::LONGEST { Err("a login lasts 12h at most".to_owned()) } else { Ok(span) }
}

fn port(read: Option<u32>) -> Option<u16> {
    let port = read.and_then(|port| u16::try_from(port).ok()).unwrap_or(Tunnel::DEFAULT_TCP_PORT);
    (port != 0).then_some(port)
}

fn socket(text: &str) -> Result<SocketAddr, String> {
    let wrong = |_| format!("`{text}` is not an address and port like 192.168.20.1:4433");
    let address: SocketAddr = text.parse().map_err(wrong)?;
    if address.port() == 0 { Err("port 0 is none".to_owned()) } else { Ok(address) }
}

fn pool(node: Node<'_>, topology: &Topology, report: &mut Report<'_>) -> Option<Prefix> {
    let pool = node.parse(report, value::network)?;
    let overlay = topology.gate.overlay;
    if pool.length < overlay.length || !overlay.contains(pool.network()) {
        let message = format!("{pool} is not a part of the overlay {overlay}");
        let help = "a user's machine has one route, to the overlay, and its address is in it";
        report.error_with(&node.span(), message, help);
        return None;
    }
    let inside = topology.assets.iter().flatten().find(|asset| pool.contains(asset.overlay));
    if let Some(asset) = inside {
        let message = format!("{} of asset `{}` is in {pool}", asset.overlay, asset.name);
        report.error_with(&node.span(), message, "choose a part in which no asset is");
        return None;
    }
    Some(pool)
}

/// Both files or none; `None` where that was reported.
fn files(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Option<(PathBuf, PathBuf)>> {
    let [certificate, key] = ["certificate", "key"].map(|key| table.optional(key));
    match (certificate, key) {
        (None, None) => Some(None),
        (Some(certificate), Some(key)) => {
            let paths = (certificate.name(report), key.name(report));
            let (certificate, key) = (paths.0?, paths.1?);
            Some(Some((PathBuf::from(certificate), PathBuf::from(key))))
        }
        (Some(one), None) | (None, Some(one)) => {
            let help = "with neither, the gate makes an authority of its own";
            report.error_with(&one.span(), "`certificate` and `key` go together", help);
            None
        }
    }
}
