//! ARP in VLANs (RFC 826).
//!
//! Without a tag ARP is the kernel's. With one it cannot be: the kernel hears tagged frames only where it has
//! an interface for that VLAN, which the gate does not ask a plant to make. So the gate speaks ARP there by
//! itself, as little as will do: it answers an asset that asks for the gate, asks when control says so
//! ([`solicit`]), and tells control whom it has seen ([`Sighting`]). It learns nothing by itself: control
//! knows what it asked, and puts what it believes into the next tables.

use std::collections::VecDeque;

use wicketgate_packet::parse::Link;
use wicketgate_packet::wire::{Arp, Ethernet, VlanTag, ethertype};
use wicketgate_packet::{FrameBuf, PortId};

use crate::engine::Engine;
use crate::tables::{Asset, Mac, NextHop, Port, Tables};
use crate::verdict::{Reason, Verdict};

/// Sightings kept for control: beyond that they are lost, and come again when control asks again.
const SIGHTINGS: usize = 64;

/// `operation` of RFC 826.
const REQUEST: u16 = 1;
const REPLY: u16 = 2;
const BROADCAST: Mac = [0xff; 6];
/// Hardware type of Ethernet, lengths of a MAC and of an IPv4 address.
const ETHERNET: u16 = 1;
const MAC_LENGTH: u8 = 6;
const ADDRESS_LENGTH: u8 = 4;

/// Somebody who says to be an asset, with a MAC address that the tables do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which asset.
    pub hop: NextHop,
    /// From which MAC address.
    pub mac: Mac,
    /// By what.
    pub by: Sign,
}

/// How somebody shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// An ARP request for the gate's address.
    Request,
    /// An ARP reply to the gate. Whether it was asked for, control knows.
    Reply,
    /// Any frame from another MAC address than the one that the config says: it was refused.
    Refused,
}

/// Sightings that control has not taken yet.
pub(crate) struct Sightings(VecDeque<Sighting>);

impl Sightings {
    /// Room for all there may be. The only allocation.
    pub(crate) fn new() -> Sightings {
        Sightings(VecDeque::with_capacity(SIGHTINGS))
    }

    pub(crate) fn pop(&mut self) -> Option<Sighting> {
        self.0.pop_front()
    }

    fn push(&mut self, sighting: Sighting) {
        if self.0.len() < SIGHTINGS && self.0.back() != Some(&sighting) {
            self.0.push_back(sighting);
        }
    }

    /// Refuses what comes from `asset` by another MAC address than the config says.
    ///
    /// # Errors
    /// [`Reason::WrongMac`].
    #[inline]
    pub(crate) fn check_pinned(&mut self, asset: &Asset, mac: Mac) -> Result<(), Reason> {
        if !asset.pinned || asset.mac == Some(mac) {
            return Ok(());
        }
        self.push(Sighting { hop: asset.next_hop(), mac, by: Sign::Refused });
        Err(Reason::WrongMac)
    }
}

impl Engine {
    /// Takes a tagged ARP message of an asset: a request for the gate is answered.
    ///
    /// # Errors
    /// [`Reason::Arp`]: it is not the gate's, or needs no answer. [`Reason::BadArp`]: its sender gives
    /// another MAC address than it has, or none that a host may have. [`Reason::WrongMac`].
    #[cold]
    pub(crate) fn arp<F: FrameBuf>(
        &mut self,
        port: PortId,
        frame: &mut F,
    ) -> Result<Verdict, Reason> {
        let link = Link::parse(frame.bytes())?;
        let arp = *Arp::at(frame.bytes(), usize::from(link.end)).ok_or(Reason::Truncated)?;
        let tables = self.tables.clone();
        let gate = tables.port(port).ok_or(Reason::Arp)?;
        let asset = sender(&tables, gate, port, &link, &arp).ok_or(Reason::Arp)?;
        check(gate, &link, &arp)?;
        self.sightings.check_pinned(asset, link.src)?;
        let by = if arp.operation.get() == REQUEST { Sign::Request } else { Sign::Reply };
        if asset.mac != Some(link.src) {
            self.sightings.push(Sighting { hop: asset.next_hop(), mac: link.src, by });
        }
        if by == Sign::Reply {
            return Err(Reason::Arp);
        }
        let reply = message(gate, REPLY, link.src, asset);
        if write(frame, gate.mac, link.src, asset.vlan, &reply) {
            Ok(Verdict::Answer(port, Reason::Arp))
        } else {
            Err(Reason::NoRoom)
        }
    }
}

/// Makes `frame` an ARP request for `hop`, to leave by that port; false, where it is no asset's in a VLAN.
pub fn solicit<F: FrameBuf>(tables: &Tables, hop: NextHop, frame: &mut F) -> bool {
    let Some((gate, asset)) = tables.port(hop.port).zip(tables.asset_at(hop)) else { return false };
    let request = message(gate, REQUEST, [0; 6], asset);
    asset.vlan.is_some() && write(frame, gate.mac, BROADCAST, asset.vlan, &request)
}

/// The asset that an ARP message for the gate is from.
fn sender<'t>(
    tables: &'t Tables,
    gate: &Port,
    port: PortId,
    link: &Link,
    arp: &Arp,
) -> Option<&'t Asset> {
    let vlan = link.vlan().filter(|_| link.tag_count() == 1)?;
    let hop = NextHop { port, vlan: Some(vlan), address: arp.sender.into() };
    tables.asset_at(hop).filter(|_| gate.address.octets() == arp.target)
}

/// Refuses what no honest host says of itself.
fn check(gate: &Port, link: &Link, arp: &Arp) -> Result<(), Reason> {
    let group = link.src.first().is_none_or(|first| first & 1 != 0);
    let no_host = group || link.src == [0; 6] || link.src == gate.mac;
    if arp.sender_mac != link.src || no_host {
        return Err(Reason::BadArp);
    }
    let to_gate = link.dst == gate.mac;
    let for_gate = match arp.operation.get() {
        REQUEST => to_gate || link.dst == BROADCAST,
        _ => to_gate && arp.target_mac == gate.mac,
    };
    if for_gate { Ok(()) } else { Err(Reason::Arp) }
}

/// What the gate says to or asks for an asset.
fn message(gate: &Port, operation: u16, target_mac: Mac, asset: &Asset) -> Arp {
    Arp {
        hardware: ETHERNET.into(),
        protocol: ethertype::IPV4.into(),
        hardware_len: MAC_LENGTH,
        protocol_len: ADDRESS_LENGTH,
        operation: operation.into(),
        sender_mac: gate.mac,
        sender: gate.address.octets(),
        target_mac,
        target: asset.underlay.octets(),
    }
}

/// Makes `frame` this message in this VLAN.
fn write<F: FrameBuf>(frame: &mut F, src: Mac, dst: Mac, vlan: Option<u16>, arp: &Arp) -> bool {
    const AT: usize = Ethernet::LEN + VlanTag::LEN;
    if !frame.resize(AT + Arp::LEN) {
        return false;
    }
    let bytes = frame.bytes_mut();
    if let Some(ethernet) = Ethernet::at_mut(bytes, 0) {
        *ethernet = Ethernet { dst, src, ethertype: ethertype::VLAN.into() };
    }
    if let Some(tag) = VlanTag::at_mut(bytes, Ethernet::LEN) {
        *tag = VlanTag { control: vlan.unwrap_or(0).into(), ethertype: ethertype::ARP.into() };
    }
    if let Some(to) = Arp::at_mut(bytes, AT) {
        *to = *arp;
    }
    true
}
