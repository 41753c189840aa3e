//! Link types, and how a packet of each becomes an Ethernet frame.

use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Bytes of an Ethernet header.
const ETHERNET_HEADER: usize = 14;
/// Ethertypes of IPv4 and IPv6 (RFC 894, RFC 2464).
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// Values below are no ethertypes but lengths or, in Linux cooked captures, special protocols.
const FIRST_ETHERTYPE: u16 = 0x0600;

/// Source address of frames that had none: locally administered, so no vendor's.
pub const SENDER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
/// Destination address of frames that had none.
pub const RECEIVER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
/// Destination address of frames of which only is known that they were multicast.
pub const MULTICAST_MAC: [u8; 6] = [0x03, 0, 0, 0, 0, 0x01];
/// Destination address of broadcasts.
pub const BROADCAST_MAC: [u8; 6] = [0xff; 6];

/// What a captured packet begins with; names and numbers after
/// <https://www.tcpdump.org/linktypes.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// 1: an Ethernet frame without FCS.
    Ethernet,
    /// 0: four bytes of address family in the byte order of the machine that captured.
    Null,
    /// 108: the same in network byte order.
    Loop,
    /// 12, 14, 101: an IPv4 or IPv6 packet, told apart by its version.
    Raw,
    /// 228: an IPv4 packet.
    Ipv4,
    /// 229: an IPv6 packet.
    Ipv6,
    /// 113: Linux "cooked" capture, what the `any` device gives.
    LinuxSll,
    /// 276: Linux "cooked" capture, version 2.
    LinuxSll2,
}

/// How to make a frame of a packet: cut `strip` bytes off its front, put `header` there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    pub(super) strip: usize,
    header: Option<[u8; ETHERNET_HEADER]>,
}

impl Recipe {
    const AS_IT_IS: Recipe = Recipe { strip: 0, header: None };

    pub(super) fn header(&self) -> &[u8] {
        self.header.as_ref().map_or(&[], |header| header.as_slice())
    }

    /// The length on the wire of a packet that had `original` bytes with its old header.
    pub(super) fn original_len(&self, original: u32) -> u32 {
        let strip = u32::try_from(self.strip).unwrap_or(u32::MAX);
        let header = u32::try_from(self.header().len()).unwrap_or(u32::MAX);
        original.saturating_sub(strip).saturating_add(header)
    }
}

impl LinkType {
    /// The number of [`LinkType::Ethernet`].
    pub const ETHERNET_CODE: u16 = 1;

    /// The link type of a number, if it is one that can become Ethernet.
    pub fn from_code(code: u16) -> Option<LinkType> {
        Some(match code {
            0 => LinkType::Null,
            Self::ETHERNET_CODE => LinkType::Ethernet,
            // The number in files is 101; 12 and 14 are what BSD systems have written for it.
            12 | 14 | 101 => LinkType::Raw,
            108 => LinkType::Loop,
            113 => LinkType::LinuxSll,
            228 => LinkType::Ipv4,
            229 => LinkType::Ipv6,
            276 => LinkType::LinuxSll2,
            _ => return None,
        })
    }

    /// How `packet` becomes a frame; `None` where nothing of Ethernet is in it.
    #[inline]
    pub(super) fn recipe(self, packet: &[u8]) -> Option<Recipe> {
        match self {
            LinkType::Ethernet => Some(Recipe::AS_IT_IS),
            LinkType::Null => null(packet, u32::from_le_bytes),
            LinkType::Loop => null(packet, u32::from_be_bytes),
            LinkType::Raw => ip(0, version(packet)?),
            LinkType::Ipv4 => ip(0, IPV4),
            LinkType::Ipv6 => ip(0, IPV6),
            LinkType::LinuxSll => cooked(packet),
            LinkType::LinuxSll2 => cooked2(packet),
        }
    }
}

fn ip(strip: usize, ethertype: u16) -> Option<Recipe> {
    Some(Recipe { strip, header: Some(ethernet(RECEIVER_MAC, SENDER_MAC, ethertype)) })
}

fn ethernet(destination: [u8; 6], source: [u8; 6], ethertype: u16) -> [u8; ETHERNET_HEADER] {
    let [d0, d1, d2, d3, d4, d5] = destination;
    let [s0, s1, s2, s3, s4, s5] = source;
    let [t0, t1] = ethertype.to_be_bytes();
    [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1]
}

fn version(packet: &[u8]) -> Option<u16> {
    match packet.first()? >> 4 {
        4 => Some(IPV4),
        6 => Some(IPV6),
        _ => None,
    }
}

/// LINKTYPE_NULL and LINKTYPE_LOOP.
fn null(packet: &[u8], order: fn([u8; 4]) -> u32) -> Option<Recipe> {
    let family = order(*packet.first_chunk()?);
    // Families are small: a number in the upper half was written in the other byte order.
    let family = if family > 0xffff { family.swap_bytes() } else { family };
    ip(4, family_ethertype(family)?)
}

/// Address families as the systems number them.
fn family_ethertype(family: u32) -> Option<u16> {
    match family {
        2 => Some(IPV4),
        // Linux 10, Windows 23, NetBSD and OpenBSD 24, Solaris 26, FreeBSD 28, Darwin 30.
        10 | 23 | 24 | 26 | 28 | 30 => Some(IPV6),
        _ => None,
    }
}

/// LINKTYPE_LINUX_SLL, numbers in network byte order.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Cooked {
    packet_type: [u8; 2],
    device_type: [u8; 2],
    address_len: [u8; 2],
    address: [u8; 8],
    protocol: [u8; 2],
}

/// LINKTYPE_LINUX_SLL2, numbers in network byte order.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Cooked2 {
    protocol: [u8; 2],
    reserved: [u8; 2],
    interface: [u8; 4],
    device_type: [u8; 2],
    packet_type: u8,
    address_len: u8,
    address: [u8; 8],
}

fn cooked(packet: &[u8]) -> Option<Recipe> {
    let (header, _) = Cooked::ref_from_prefix(packet).ok()?;
    let ethertype = cooked_ethertype(header.device_type, header.protocol)?;
    let source = cooked_source(u16::from_be_bytes(header.address_len), header.address);
    let destination = cooked_destination(u16::from_be_bytes(header.packet_type));
    let header = Some(ethernet(destination, source, ethertype));
    Some(Recipe { strip: size_of::<Cooked>(), header })
}

fn cooked2(packet: &[u8]) -> Option<Recipe> {
    let (header, _) = Cooked2::ref_from_prefix(packet).ok()?;
    let ethertype = cooked_ethertype(header.device_type, header.protocol)?;
    let source = cooked_source(u16::from(header.address_len), header.address);
    let destination = cooked_destination(u16::from(header.packet_type));
    let header = Some(ethernet(destination, source, ethertype));
    Some(Recipe { strip: size_of::<Cooked2>(), header })
}

/// The protocol field, if on such a device (an `ARPHRD_` number) it is an ethertype.
fn cooked_ethertype(device: [u8; 2], protocol: [u8; 2]) -> Option<u16> {
    match u16::from_be_bytes(device) {
        // Frame relay, IEEE 802.11 with radiotap and netlink have their own protocol numbers.
        770 | 803 | 824 => None,
        _ => Some(u16::from_be_bytes(protocol)).filter(|protocol| *protocol >= FIRST_ETHERTYPE),
    }
}

/// The sender, if its address can be the source of a frame (loopback devices say 00:00:...).
fn cooked_source(len: u16, address: [u8; 8]) -> [u8; 6] {
    let [a, b, c, d, e, f, ..] = address;
    let mac = [a, b, c, d, e, f];
    if len == 6 && mac != [0; 6] && a & 1 == 0 { mac } else { SENDER_MAC }
}

/// Packet type: to us 0, broadcast 1, multicast 2, to someone else 3, from us 4.
fn cooked_destination(packet_type: u16) -> [u8; 6] {
    match packet_type {
        1 => BROADCAST_MAC,
        2 => MULTICAST_MAC,
        _ => RECEIVER_MAC,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_of(link: LinkType, packet: &[u8]) -> Option<(usize, Vec<u8>)> {
        link.recipe(packet).map(|recipe| (recipe.strip, recipe.header().to_vec()))
    }

    fn made(strip: usize, ethertype: u16) -> Option<(usize, Vec<u8>)> {
        Some((strip, ethernet(RECEIVER_MAC, SENDER_MAC, ethertype).to_vec()))
    }

    #[test]
    fn ethernet_stays_as_it_is() {
        assert_eq!(header_of(LinkType::Ethernet, &[1; 60]), Some((0, vec![])));
    }

    #[test]
    fn raw_ip_is_told_by_its_version() {
        assert_eq!(header_of(LinkType::Raw, &[0x45]), made(0, IPV4));
        assert_eq!(header_of(LinkType::Raw, &[0x60]), made(0, IPV6));
        assert_eq!(header_of(LinkType::Raw, &[0x00]), None);
        assert_eq!(header_of(LinkType::Raw, &[]), None);
        assert_eq!(header_of(LinkType::Ipv4, &[]), made(0, IPV4));
        assert_eq!(header_of(LinkType::Ipv6, &[]), made(0, IPV6));
    }

    #[test]
    fn null_is_read_in_both_byte_orders() {
        for packet in [[2, 0, 0, 0], [0, 0, 0, 2]] {
            assert_eq!(header_of(LinkType::Null, &packet), made(4, IPV4));
            assert_eq!(header_of(LinkType::Loop, &packet), made(4, IPV4));
        }
        for family in [10, 23, 24, 26, 28, 30] {
            assert_eq!(header_of(LinkType::Null, &[0, 0, 0, family]), made(4, IPV6));
        }
        assert_eq!(header_of(LinkType::Null, &[7, 0, 0, 0]), None);
        assert_eq!(header_of(LinkType::Null, &[2, 0, 0]), None);
    }

    /// Linux cooked headers, version 1 and 2, saying the same.
    fn cooked_pair(kind: u8, device: u16, len: u8, mac: [u8; 6], protocol: u16) -> [Vec<u8>; 2] {
        let (device, protocol) = (device.to_be_bytes(), protocol.to_be_bytes());
        let v1 = [&[0, kind][..], &device, &[0, len], &mac, &[0, 0], &protocol].concat();
        let v2 = [&protocol[..], &[0; 6], &device, &[kind, len], &mac, &[0, 0]].concat();
        [v1, v2]
    }

    fn cooked_header(packets: [Vec<u8>; 2]) -> Option<Vec<u8>> {
        let [v1, v2] = packets;
        let v1 = header_of(LinkType::LinuxSll, &v1);
        let v2 = header_of(LinkType::LinuxSll2, &v2);
        assert_eq!(v1.as_ref().map(|(_, header)| header), v2.as_ref().map(|(_, header)| header));
        v1.inspect(|(strip, _)| assert_eq!(*strip, 16)).map(|(_, header)| header)
    }

    #[test]
    fn cooked_keeps_sender_and_ethertype() {
        let mac = [0, 0x1d, 0x9c, 1, 2, 3];
        let to_us = cooked_header(cooked_pair(0, 1, 6, mac, 0x88ba));
        assert_eq!(to_us, Some(ethernet(RECEIVER_MAC, mac, 0x88ba).to_vec()));
        let broadcast = cooked_header(cooked_pair(1, 1, 6, mac, 0x0806));
        assert_eq!(broadcast, Some(ethernet(BROADCAST_MAC, mac, 0x0806).to_vec()));
        let multicast = cooked_header(cooked_pair(2, 1, 6, mac, IPV4));
        assert_eq!(multicast, Some(ethernet(MULTICAST_MAC, mac, IPV4).to_vec()));
    }

    #[test]
    fn cooked_without_a_usable_sender_gets_a_fixed_one() {
        let fixed = Some(ethernet(RECEIVER_MAC, SENDER_MAC, IPV4).to_vec());
        assert_eq!(cooked_header(cooked_pair(4, 772, 6, [0; 6], IPV4)), fixed);
        assert_eq!(cooked_header(cooked_pair(4, 512, 0, [2; 6], IPV4)), fixed);
        assert_eq!(cooked_header(cooked_pair(4, 1, 6, [1; 6], IPV4)), fixed, "a group address");
    }

    #[test]
    fn cooked_without_an_ethertype_is_no_frame() {
        assert_eq!(cooked_header(cooked_pair(0, 1, 6, [2; 6], 0x0004)), None, "802.2");
        assert_eq!(cooked_header(cooked_pair(0, 280, 0, [0; 6], 0x000c)), None, "CAN");
        assert_eq!(cooked_header(cooked_pair(0, 824, 0, [0; 6], 0x0800)), None, "netlink");
        assert_eq!(header_of(LinkType::LinuxSll, &[0; 15]), None);
        assert_eq!(header_of(LinkType::LinuxSll2, &[0; 19]), None);
    }

    #[test]
    fn original_length_counts_the_new_header() {
        let recipe = LinkType::Null.recipe(&[2, 0, 0, 0, 0x45]).unwrap();
        assert_eq!(recipe.original_len(64), 74);
        assert_eq!(recipe.original_len(0), 14);
    }
}
