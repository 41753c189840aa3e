//! Headers changed in place.

use core::net::Ipv4Addr;

use crate::checksum::{self, Delta};
use crate::parse::flags;
use crate::wire::{Ethernet, Icmp, Ipv4, Tcp, Udp, VlanTag, ethertype};
use crate::{FrameBuf, Headers, L4};

/// The Ethernet header of an IPv4 packet, or of the tag in front of it.
pub fn link(dst: [u8; 6], src: [u8; 6], tagged: bool) -> Ethernet {
    let ethertype = if tagged { ethertype::VLAN } else { ethertype::IPV4 };
    Ethernet { dst, src, ethertype: ethertype.into() }
}

/// Writes Ethernet for an IPv4 packet and, for a VLAN, its tag.
pub fn write_link(bytes: &mut [u8], dst: [u8; 6], src: [u8; 6], vlan: Option<u16>) {
    write_header(bytes, &link(dst, src, vlan.is_some()), vlan);
}

/// The same of a header that is ready.
#[inline(always)]
pub fn write_header(bytes: &mut [u8], link: &Ethernet, vlan: Option<u16>) {
    if let Some(ethernet) = Ethernet::at_mut(bytes, 0) {
        *ethernet = *link;
    }
    if let (Some(id), Some(tag)) = (vlan, VlanTag::at_mut(bytes, Ethernet::LEN)) {
        tag.control.set(id);
        tag.ethertype.set(ethertype::IPV4);
    }
}

/// Writes addresses and takes one from the time to live (RFC 1812 section 5.3.1); `delta` is what
/// the addresses change in the checksum.
pub fn rewrite_ip(bytes: &mut [u8], at: usize, src: Ipv4Addr, dst: Ipv4Addr, delta: Delta) {
    let Some(ip) = Ipv4::at_mut(bytes, at) else { return };
    (ip.src, ip.dst) = (src.octets(), dst.octets());
    match ip.ttl {
        0 => ip.checksum.set(delta.apply(ip.checksum.get())),
        _ => take_hop(ip, delta.and(HOP)),
    }
}

/// What one less in the time to live changes in the checksum, whatever it was (RFC 1141): it is the high half of
/// a word.
pub const HOP: Delta = Delta::NONE.word(0x0100, 0);

/// Takes one from the time to live of a packet that has some left; `delta` is what that and all else changes in the
/// checksum.
#[inline(always)]
pub fn take_hop(ip: &mut Ipv4, delta: Delta) {
    ip.ttl = ip.ttl.wrapping_sub(1);
    ip.checksum.set(delta.apply(ip.checksum.get()));
}

/// Makes the payload `len` bytes long and both checksums right. Where bytes are cut off, a FIN
/// behind them goes too. False, with nothing changed, where the frame has no such room.
#[must_use]
pub fn resize_payload<F: FrameBuf>(frame: &mut F, headers: &mut Headers, len: usize) -> bool {
    let end = usize::from(headers.payload_at) + len;
    let (ip_at, l4_at) = (usize::from(headers.ip_at), usize::from(headers.l4_at));
    if end - ip_at > usize::from(u16::MAX) || !frame.resize(end) {
        return false;
    }
    let cut = end < headers.end as usize;
    headers.end = end as u32;
    let bytes = frame.bytes_mut();
    if let Some(ip) = Ipv4::at_mut(bytes, ip_at) {
        ip.total_length.set((end - ip_at) as u16);
    }
    if let (L4::Udp { .. }, Some(udp)) = (headers.l4, Udp::at_mut(bytes, l4_at)) {
        udp.length.set((end - l4_at) as u16);
    }
    if let (L4::Tcp(segment), true) = (&mut headers.l4, cut) {
        segment.flags &= !flags::FIN;
        if let Some(tcp) = Tcp::at_mut(bytes, l4_at) {
            tcp.flags &= !flags::FIN;
        }
    }
    complete_checksums(bytes, headers);
    true
}

/// Works the IPv4 and the transport checksum out anew.
pub fn complete_checksums(bytes: &mut [u8], headers: &Headers) {
    complete_ip_checksum(bytes, headers);
    complete_transport_checksum(bytes, headers);
}

/// Works the IPv4 header checksum out anew.
pub fn complete_ip_checksum(bytes: &mut [u8], headers: &Headers) {
    let (from, to) = (usize::from(headers.ip_at), usize::from(headers.l4_at));
    set_ip_checksum(bytes, from, 0);
    let sum = checksum::checksum(bytes.get(from..to).unwrap_or_default());
    set_ip_checksum(bytes, from, sum);
}

/// Works out both checksums of an ICMP message of `length` bytes, its plain IPv4 header at `at` included.
pub fn complete_icmp_checksums(bytes: &mut [u8], at: usize, length: usize) {
    let l4_at = at + Ipv4::LEN;
    if let Some(icmp) = Icmp::at_mut(bytes, l4_at) {
        icmp.checksum.set(0);
    }
    let sum = checksum::checksum(bytes.get(l4_at..at + length).unwrap_or_default());
    if let Some(icmp) = Icmp::at_mut(bytes, l4_at) {
        icmp.checksum.set(sum);
    }
    set_ip_checksum(bytes, at, 0);
    let sum = checksum::checksum(bytes.get(at..l4_at).unwrap_or_default());
    set_ip_checksum(bytes, at, sum);
}

/// Works the TCP, UDP or ICMP checksum out anew.
pub fn complete_transport_checksum(bytes: &mut [u8], headers: &Headers) {
    set_transport_checksum(bytes, headers, 0);
    let Some(ip) = Ipv4::at(bytes, usize::from(headers.ip_at)) else { return };
    let sum = !checksum::fold(headers.transport_sum(ip, bytes));
    // RFC 768: 0 would say that there is no checksum.
    let no_zero = matches!(headers.l4, L4::Udp { .. }) && sum == 0;
    set_transport_checksum(bytes, headers, if no_zero { 0xffff } else { sum });
}

fn set_ip_checksum(bytes: &mut [u8], at: usize, sum: u16) {
    if let Some(ip) = Ipv4::at_mut(bytes, at) {
        ip.checksum.set(sum);
    }
}

fn set_transport_checksum(bytes: &mut [u8], headers: &Headers, sum: u16) {
    let at = usize::from(headers.l4_at);
    match headers.l4 {
        L4::Tcp(_) => Tcp::at_mut(bytes, at).map(|tcp| tcp.checksum.set(sum)),
        L4::Udp { .. } => Udp::at_mut(bytes, at).map(|udp| udp.checksum.set(sum)),
        L4::Icmp { .. } => Icmp::at_mut(bytes, at).map(|icmp| icmp.checksum.set(sum)),
    };
}
