//! Where the gate stands in the wire that was captured.

use std::net::Ipv4Addr;

use wicketgate_packet::checksum::Delta;
use wicketgate_packet::{FrameBuf, Headers, Malformed, PortId, rewrite};

use super::Map;
use super::craft::{self, Ends};
use super::ordinary::Way;

/// One asset as the wire shows it, and as the gate does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// Its address on the overlay.
    pub overlay: Ipv4Addr,
    /// Its address on the underlay: the captured one, or a stand-in where that is a loopback address.
    pub underlay: Ipv4Addr,
    /// The underlay port that it is behind.
    pub port: PortId,
    /// The VLAN that the gate reaches it on.
    pub vlan: Option<u16>,
    /// The gate's address towards it.
    pub nat: Ipv4Addr,
    /// The gate's MAC address towards it.
    pub gate_mac: [u8; 6],
    /// The TCP and UDP ports that it answers on.
    pub ports: Vec<u16>,
}

/// The gate's place: the overlay port, and every asset by its underlay address.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The port that clients come in by.
    pub overlay: PortId,
    /// The gate's MAC address on it.
    pub overlay_mac: [u8; 6],
    /// Whether to complete every wrong checksum, and not only those that a sending host left to its
    /// network card: captures whose addresses were made anonymous have no right one.
    pub complete_checksums: bool,
    /// The assets, by the address that the capture shows.
    pub doors: Map<Ipv4Addr, Door>,
}

impl Plan {
    /// Whether this frame's checksums are to be worked out anew.
    pub(super) fn needs_checksum(&self, bytes: &[u8], headers: &Headers) -> bool {
        let wrong = |error| matches!(error, Malformed::IpChecksum | Malformed::TransportChecksum);
        craft::is_partial(bytes, headers)
            || self.complete_checksums && headers.verify(bytes).is_err_and(wrong)
    }

    pub(super) fn door(&self, underlay: Ipv4Addr) -> Option<&Door> {
        self.doors.get(&underlay)
    }

    /// Whether the asset of this address answers on this port.
    pub(super) fn speaks(&self, underlay: Ipv4Addr, port: u16) -> bool {
        self.door(underlay).is_some_and(|door| door.ports.contains(&port))
    }

    /// The port that the asset of this address is behind.
    pub(super) fn port_of(&self, underlay: Ipv4Addr) -> PortId {
        self.door(underlay).map_or(self.overlay, |door| door.port)
    }

    /// A client's frame as it comes to the gate: to the asset's overlay address, untagged.
    pub(super) fn to_overlay<F: FrameBuf>(&self, frame: &mut F, headers: Headers, complete: bool) {
        let Some(door) = self.door(headers.dst) else { return };
        let src = seen_client(headers.src);
        let (to, mac) = ((door.overlay, None), self.overlay_mac);
        Hop { src, to, mac, vlan: None, complete }.apply(frame, headers);
    }

    /// What becomes of ordinary segments of client and asset, whose connection has this port towards the asset;
    /// `None` where they get a tag, for they have none.
    pub(super) fn ways(&self, ends: &Ends, nat: u16) -> [Option<Way>; 2] {
        let Some(door) = self.door(ends.asset.0) else { return [None; 2] };
        let (client, asset) = (ends.client, ends.asset);
        let (src, dst) = (seen_client(client.0), (door.overlay, asset.1));
        let there = Way::new((client.0, asset), (src, dst), self.overlay, self.overlay_mac);
        let (src, dst) = (door.underlay, (door.nat, nat));
        let back = Way::new((asset.0, client), (src, dst), door.port, door.gate_mac);
        [Some(there), door.vlan.is_none().then_some(back)]
    }

    /// An asset's frame as it comes to the gate: to the gate's NAT address and port.
    pub(super) fn to_underlay<F: FrameBuf>(
        &self,
        frame: &mut F,
        headers: Headers,
        port: u16,
        complete: bool,
    ) {
        let Some(door) = self.door(headers.src) else { return };
        let (src, to) = (door.underlay, (door.nat, Some(port)));
        Hop { src, to, mac: door.gate_mac, vlan: door.vlan, complete }.apply(frame, headers);
    }
}

/// A client's address as the gate sees it.
fn seen_client(shown: Ipv4Addr) -> Ipv4Addr {
    if shown.is_loopback() { LOOPBACK_CLIENT } else { shown }
}

/// Stands in for a client whose captured address is a loopback one: no such packet crosses a wire
/// (RFC 1122 section 3.2.1.3), so the engine would refuse it. From TEST-NET-1 (RFC 5737).
pub const LOOPBACK_CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Loopback captures have no MAC addresses; this one is locally administered.
fn source_mac(headers: &Headers) -> [u8; 6] {
    match headers.link.src {
        [0, 0, 0, 0, 0, 0] => [2, 0, 0, 0, 0, 1],
        mac => mac,
    }
}

/// How a captured frame changes so that the gate finds it at its own door.
struct Hop {
    src: Ipv4Addr,
    to: (Ipv4Addr, Option<u16>),
    mac: [u8; 6],
    vlan: Option<u16>,
    complete: bool,
}

impl Hop {
    fn apply<F: FrameBuf>(&self, frame: &mut F, headers: Headers) {
        let delta = Delta::NONE.address(headers.src, self.src).address(headers.dst, self.to.0);
        let link_len: usize = if self.vlan.is_some() { 18 } else { 14 };
        let shift = isize::from(headers.link.end) - link_len as isize;
        if shift != 0 && !frame.move_start(shift) {
            return;
        }
        let bytes = frame.bytes_mut();
        rewrite::write_link(bytes, self.mac, source_mac(&headers), self.vlan);
        // The gate is one hop more than the capture shows.
        craft::add_hop(bytes, link_len);
        rewrite::rewrite_ip(bytes, link_len, self.src, self.to.0, delta);
        craft::add_hop(bytes, link_len);
        let headers = headers.moved_to(link_len);
        craft::redirect(bytes, &headers, self.to.1, delta);
        if self.complete {
            rewrite::complete_checksums(bytes, &headers);
        }
    }
}
