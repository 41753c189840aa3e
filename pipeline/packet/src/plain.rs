//! A TCP segment as nearly all are: what [`Headers`](crate::Headers) says of any frame, at fixed places.

use zerocopy::IntoBytes;

use crate::checksum;
use crate::parse::{Segment, flags};
use crate::wire::{Ethernet, Ipv4, Ipv4Tcp, Tcp, VlanTag, ethertype, protocol};

/// Version 4, five words of header.
const VERSION_IHL: u8 = 0x45;

/// "Don't fragment": the only flag that may be set.
const DONT_FRAGMENT: u16 = 0x4000;

/// A frame with at most one tag, a whole IPv4 packet without options that has not travelled too far, and in it a
/// TCP segment of an open connection: ACK, with or without PSH, timestamps or no option at all.
///
/// What is one and [intact](Plain::is_intact) is right and says the same for
/// [`Headers::parse`](crate::Headers::parse) and [`Headers::verify`](crate::Headers::verify); a property test
/// holds them against each other.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    /// MAC addresses, as they lie.
    pub ethernet: &'a Ethernet,
    /// The tag's control word: priority, drop eligible and VLAN id.
    pub tag: Option<u16>,
    /// IPv4 and TCP.
    pub headers: &'a Ipv4Tcp,
    /// The sender's timestamp (RFC 7323).
    pub clock: Option<u32>,
    /// The packet, its headers included.
    packet: &'a [u8],
    /// TCP's payload.
    pub payload: &'a [u8],
    /// Where the IPv4 header begins: 14 or 18.
    pub ip_at: usize,
    /// Where the packet ends; what the frame has behind it is padding.
    pub end: usize,
}

impl<'a> Plain<'a> {
    /// The frame as such a segment, if it is one.
    #[inline(always)]
    pub fn read(bytes: &'a [u8]) -> Option<Plain<'a>> {
        let ethernet = Ethernet::at(bytes, 0)?;
        let (tag, ip_at) = match ethernet.ethertype.get() {
            ethertype::IPV4 => (None, Ethernet::LEN),
            ethertype::VLAN => (Some(tag(bytes)?), Ethernet::LEN + VlanTag::LEN),
            _ => return None,
        };
        let headers = Ipv4Tcp::at(bytes, ip_at)?;
        let Ipv4Tcp { ip, tcp } = headers;
        let end = ip_at + usize::from(ip.total_length.get());
        let packet = bytes.get(ip_at..end)?;
        let payload_at = Ipv4::LEN + tcp.header_len();
        let clock = clock(packet.get(Ipv4Tcp::LEN..payload_at)?)?;
        let payload = packet.get(payload_at..)?;
        let plain = Plain { ethernet, tag, headers, clock, packet, payload, ip_at, end };
        (is_plain(ip) && is_data(tcp)).then_some(plain)
    }

    /// Whether both checksums are right.
    #[inline(always)]
    pub fn is_intact(&self) -> bool {
        let Ipv4Tcp { ip, .. } = self.headers;
        let segment = self.packet.get(Ipv4::LEN..).unwrap_or_default();
        // An IPv4 packet is below 64 KiB.
        let length = segment.len() as u16;
        let pseudo = checksum::pseudo_header(ip.src.into(), ip.dst.into(), ip.protocol, length);
        checksum::checksum(ip.as_bytes()) == 0
            && checksum::fold(checksum::sum(pseudo, segment)) == 0xffff
    }

    /// The segment's header.
    #[inline]
    pub fn segment(&self) -> Segment {
        let Ipv4Tcp { tcp, .. } = self.headers;
        Segment {
            src: tcp.src_port.get(),
            dst: tcp.dst_port.get(),
            seq: tcp.seq.get(),
            ack: tcp.ack.get(),
            flags: tcp.flags,
            window: tcp.window.get(),
        }
    }
}

/// The control word of a tag in front of IPv4.
fn tag(bytes: &[u8]) -> Option<u16> {
    let tag = VlanTag::at(bytes, Ethernet::LEN)?;
    (tag.ethertype.get() == ethertype::IPV4).then_some(tag.control.get())
}

/// Whether it has no options, is no fragment, and may be sent on.
#[inline]
fn is_plain(ip: &Ipv4) -> bool {
    ip.version_ihl == VERSION_IHL
        && ip.fragment.get() & !DONT_FRAGMENT == 0
        && ip.ttl > 1
        && ip.protocol == protocol::TCP
}

/// Whether it neither opens, ends nor resets a connection, and has nothing urgent.
#[inline]
fn is_data(tcp: &Tcp) -> bool {
    tcp.offset & 0x0f == 0 && tcp.flags & !flags::PSH == flags::ACK
}

/// The timestamp in a segment's options, which may be none, or timestamps as stacks write them (RFC 7323
/// appendix A).
#[inline]
fn clock(options: &[u8]) -> Option<Option<u32>> {
    match *options {
        [] => Some(None),
        [1, 1, 8, 10, a, b, c, d, _, _, _, _] => Some(Some(u32::from_be_bytes([a, b, c, d]))),
        _ => None,
    }
}
