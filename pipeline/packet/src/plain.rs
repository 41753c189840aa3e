//! A TCP segment as nearly all are: what [`Headers`](crate::Headers) says of any frame, at fixed places.

use crate::checksum;
use crate::parse::{Segment, flags};
use crate::wire::{Ethernet, Ipv4, Ipv4Tcp, VlanTag, ethertype, protocol};

/// Version 4, five words of header.
const VERSION_IHL: u8 = 0x45;

/// "Don't fragment", in the upper half of the fragment word: the only flag that may be set.
const DONT_FRAGMENT: u8 = 0x40;

/// Data offset of a TCP header without options, and of one with timestamps; no reserved bit.
const NO_OPTIONS: u8 = 0x50;
const TIMESTAMPS: u8 = 0x80;

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
    padding: usize,
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
        let headers = Ipv4Tcp::at(bytes, ip_at).filter(|headers| is_plain(headers))?;
        let end = ip_at + usize::from(headers.ip.total_length.get());
        let packet = bytes.get(ip_at..end)?;
        let (clock, payload) = clock(headers, packet.get(Ipv4Tcp::LEN..)?)?;
        let padding = bytes.len() - end;
        Some(Plain { ethernet, tag, headers, clock, packet, payload, ip_at, end, padding })
    }

    /// Whether both checksums are right.
    #[inline(always)]
    pub fn is_intact(&self) -> bool {
        let [a, b, c, d, e] = self.headers.words();
        // The pseudo-header is the IPv4 header's addresses, its protocol, and a length below 64 KiB.
        let length = (self.packet.len() - Ipv4::LEN) as u16;
        let pseudo = u64::from((u16::from(protocol::TCP) + length).to_be());
        let headers = [b & !FRONT, c, d, e].into_iter().fold(pseudo, checksum::add);
        let behind = checksum::sum_from(headers, self.packet, Ipv4Tcp::LEN);
        let header = checksum::add(checksum::add(a, b), c & FRONT);
        checksum::fold(header) == 0xffff && checksum::fold(behind) == 0xffff
    }

    /// Whether nothing of the frame is behind the packet.
    #[inline(always)]
    pub fn is_whole_frame(&self) -> bool {
        self.padding == 0
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

/// The timestamp in the options of a segment that neither opens, ends nor resets a connection and has nothing
/// urgent; and its payload. Options may be none, or timestamps as stacks write them (RFC 7323 appendix A).
#[inline(always)]
fn clock<'a>(Ipv4Tcp { tcp, .. }: &Ipv4Tcp, behind: &'a [u8]) -> Option<(Option<u32>, &'a [u8])> {
    match (tcp.offset, tcp.flags & !flags::PSH) {
        (NO_OPTIONS, flags::ACK) => Some((None, behind)),
        (TIMESTAMPS, flags::ACK) => match behind.split_first_chunk::<12>()? {
            ([1, 1, 8, 10, clock @ .., _, _, _, _], payload) => {
                Some((Some(u32::from_be_bytes(*clock)), payload))
            }
            _ => None,
        },
        _ => None,
    }
}
