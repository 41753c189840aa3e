//! A TCP segment as nearly all are: what [`Headers`](crate::Headers) says of any frame, at fixed places.

use crate::checksum;
use crate::parse::{Segment, flags};
use crate::wire::{Ethernet, Ipv4, Ipv4Tcp, Tcp, VlanTag, ethertype, protocol};

/// Version 4, five words of header.
const VERSION_IHL: u8 = 0x45;

/// "Don't fragment", in the upper half of the fragment word: the only flag that may be set.
const DONT_FRAGMENT: u8 = 0x40;

/// Data offset of a TCP header without options, and of one with timestamps; no reserved bit.
const NO_OPTIONS: u8 = 0x50;
const TIMESTAMPS: u8 = 0x80;

/// How timestamps begin: two bytes of padding, kind 8, ten bytes.
const STAMPED: u32 = u32::from_ne_bytes([1, 1, 8, 10]);

/// A frame with at most one tag, a whole IPv4 packet without options that has not travelled too far, and in it a
/// TCP segment of an open connection: ACK, with or without PSH, timestamps or no option at all.
///
/// What is one and [intact](Plain::is_intact) is right and says the same for
/// [`Headers::parse`](crate::Headers::parse) and [`Headers::verify`](crate::Headers::verify); a property test
/// holds them against each other.
///
/// What can be read anew where it lies is not kept: a frame on its way has more to keep than a processor has registers.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    /// MAC addresses, as they lie.
    pub ethernet: &'a Ethernet,
    /// IPv4 and TCP.
    pub headers: &'a Ipv4Tcp,
    /// TCP's payload.
    pub payload: &'a [u8],
    /// Where the IPv4 header begins: 14 or 18.
    pub ip_at: usize,
    frame: &'a [u8],
    /// The packet, its headers included.
    packet: &'a [u8],
    /// Both ends' timestamps, with the padding before them.
    stamp: Option<&'a Stamp>,
}

/// Timestamps as all options that there are.
type Stamp = [u8; 12];

impl<'a> Plain<'a> {
    /// The frame as such a segment, if it is one.
    #[inline(always)]
    pub fn read(bytes: &'a [u8]) -> Option<Plain<'a>> {
        let ethernet = Ethernet::at(bytes, 0)?;
        // As it lies: numbers to compare it with are turned at build time.
        let ip_at = match ethernet.ethertype.to_bytes() {
            IPV4 => Ethernet::LEN,
            VLAN if is_tag(bytes) => Ethernet::LEN + VlanTag::LEN,
            _ => return None,
        };
        let headers = Ipv4Tcp::at(bytes, ip_at).filter(|headers| is_plain(headers))?;
        let end = ip_at + usize::from(headers.ip.total_length.get());
        let packet = bytes.get(ip_at..end)?;
        let (stamp, payload) = split(&headers.tcp, packet.get(Ipv4Tcp::LEN..)?)?;
        Some(Plain { ethernet, headers, payload, ip_at, frame: bytes, packet, stamp })
    }

    /// Whether both checksums are right.
    #[inline(always)]
    pub fn is_intact(&self) -> bool {
        let [a, b, c, d, e] = self.headers.words();
        let add = checksum::add;
        let header = add(add(a, b), c & FRONT);
        // The pseudo-header is the IPv4 header's addresses, its protocol, and a length below 64 KiB.
        let length = (self.packet.len() - Ipv4::LEN) as u16;
        let pseudo = u64::from((u16::from(protocol::TCP) + length).to_be()) + (b & !FRONT);
        let front = add(add(pseudo, c), add(d, e));
        let segment = checksum::sum_from(front, self.packet, Ipv4Tcp::LEN);
        checksum::is_right(header) && checksum::is_right(segment)
    }

    /// The tag's control word: priority, drop eligible and VLAN id.
    #[inline(always)]
    pub fn tag(&self) -> Option<u16> {
        match self.ip_at {
            Ethernet::LEN => None,
            _ => VlanTag::at(self.frame, Ethernet::LEN).map(|tag| tag.control.get()),
        }
    }

    /// The sender's timestamp (RFC 7323).
    #[inline(always)]
    pub fn clock(&self) -> Option<u32> {
        let [.., a, b, c, d, _, _, _, _] = *self.stamp?;
        Some(u32::from_be_bytes([a, b, c, d]))
    }

    /// Where the packet ends; what the frame has behind it is padding.
    #[inline(always)]
    pub fn end(&self) -> usize {
        self.ip_at + self.packet.len()
    }

    /// Whether nothing of the frame is behind the packet.
    #[inline(always)]
    pub fn is_whole_frame(&self) -> bool {
        self.frame.len() == self.end()
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

/// Ethertypes as they lie.
const IPV4: [u8; 2] = ethertype::IPV4.to_be_bytes();
const VLAN: [u8; 2] = ethertype::VLAN.to_be_bytes();

/// Whether there is a tag in front of IPv4.
fn is_tag(bytes: &[u8]) -> bool {
    VlanTag::at(bytes, Ethernet::LEN).is_some_and(|tag| tag.ethertype.get() == ethertype::IPV4)
}

/// The first half of a word, as it lies.
const FRONT: u64 = u64::from_ne_bytes([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);

/// Version and header length, and all of the fragment word but "don't fragment": in the first word.
const SHAPE: (u64, u64) = (
    u64::from_ne_bytes([0xff, 0, 0, 0, 0, 0, !DONT_FRAGMENT, 0xff]),
    u64::from_ne_bytes([VERSION_IHL, 0, 0, 0, 0, 0, 0, 0]),
);

/// Whether IPv4 has no options, is no fragment, may be sent on, and carries TCP.
#[inline(always)]
fn is_plain(headers: &Ipv4Tcp) -> bool {
    let [first, ..] = headers.words();
    let (mask, shape) = SHAPE;
    let Ipv4 { ttl, protocol, .. } = headers.ip;
    first & mask == shape && ttl > 1 && protocol == protocol::TCP
}

/// Timestamps and payload of what is behind the fixed headers, of a segment that neither opens, ends nor resets a
/// connection and has nothing urgent. Options may be none, or timestamps as stacks write them (RFC 7323 appendix A).
#[inline(always)]
fn split<'a>(tcp: &Tcp, behind: &'a [u8]) -> Option<(Option<&'a Stamp>, &'a [u8])> {
    match (tcp.offset, tcp.flags & !flags::PSH) {
        (NO_OPTIONS, flags::ACK) => Some((None, behind)),
        (TIMESTAMPS, flags::ACK) => {
            let (stamp, payload) = behind.split_first_chunk()?;
            let kind = stamp.first_chunk().copied().map(u32::from_ne_bytes);
            (kind == Some(STAMPED)).then_some((Some(stamp), payload))
        }
        _ => None,
    }
}
