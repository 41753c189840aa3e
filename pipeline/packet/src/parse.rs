//! Every header of a frame, validated once and kept as offsets.
//!
//! [`Headers::parse`] reads the structure and refuses what has none; [`Headers::verify`] adds what an
//! in-line gate demands beyond that (no options, right checksums, sane flags). A capture tool that
//! only looks uses the first alone.

use core::net::Ipv4Addr;

use zerocopy::IntoBytes;

use crate::Malformed;
use crate::checksum;
use crate::wire::{Arp, Ethernet, Icmp, Ipv4, Tcp, Udp, VlanTag, ethertype, icmp, protocol};

/// Ethernet and its tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Destination MAC address.
    pub dst: [u8; 6],
    /// Source MAC address.
    pub src: [u8; 6],
    /// VLAN tags, outermost first: priority, drop eligible and id, as on the wire.
    pub tags: [Option<u16>; 2],
    /// What follows the tags.
    pub ethertype: u16,
    /// Where it begins: 14, 18 or 22.
    pub end: u8,
}

/// A frame that holds an IPv4 packet, with all that later stages need to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers {
    /// Ethernet and its tags.
    pub link: Link,
    /// Source address.
    pub src: Ipv4Addr,
    /// Destination address.
    pub dst: Ipv4Addr,
    /// Time to live.
    pub ttl: u8,
    /// Where the IPv4 header begins.
    pub ip_at: u16,
    /// Where the transport header begins.
    pub l4_at: u16,
    /// Where the transport's payload begins.
    pub payload_at: u16,
    /// Where the IPv4 packet ends; what the frame has behind it is padding.
    pub end: u32,
    /// The transport.
    pub l4: L4,
}

/// The transport header's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum L4 {
    /// TCP.
    Tcp(Segment),
    /// UDP.
    Udp {
        /// Source port.
        src: u16,
        /// Destination port.
        dst: u16,
    },
    /// ICMP.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// Identifier, of an echo.
        id: u16,
    },
}

/// A TCP segment's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Source port.
    pub src: u16,
    /// Destination port.
    pub dst: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number; without meaning unless [`flags::ACK`] is set.
    pub ack: u32,
    /// Flags: [`flags`].
    pub flags: u8,
    /// Window, not scaled.
    pub window: u16,
}

/// TCP flags (RFC 9293 section 3.1).
pub mod flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
}

impl Link {
    /// Reads Ethernet and up to two VLAN tags.
    ///
    /// # Errors
    /// [`Malformed::Truncated`], [`Malformed::TooManyTags`].
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Link, Malformed> {
        let ethernet = Ethernet::at(bytes, 0).ok_or(Malformed::Truncated)?;
        let link = Link {
            dst: ethernet.dst,
            src: ethernet.src,
            tags: [None; 2],
            ethertype: ethernet.ethertype.get(),
            end: Ethernet::LEN as u8,
        };
        if link.is_tag() { link.parse_tags(bytes) } else { Ok(link) }
    }

    fn parse_tags(mut self, bytes: &[u8]) -> Result<Link, Malformed> {
        for slot in 0..2 {
            if !self.is_tag() {
                return Ok(self);
            }
            let tag = VlanTag::at(bytes, usize::from(self.end)).ok_or(Malformed::Truncated)?;
            if let Some(place) = self.tags.get_mut(slot) {
                *place = Some(tag.control.get());
            }
            self.ethertype = tag.ethertype.get();
            self.end += VlanTag::LEN as u8;
        }
        if self.is_tag() { Err(Malformed::TooManyTags) } else { Ok(self) }
    }

    #[inline]
    const fn is_tag(&self) -> bool {
        matches!(self.ethertype, ethertype::VLAN | ethertype::SERVICE_VLAN)
    }

    /// How many tags there are.
    #[inline]
    pub fn tag_count(&self) -> usize {
        let [outer, inner] = self.tags;
        usize::from(outer.is_some()) + usize::from(inner.is_some())
    }

    /// The VLAN id of the innermost tag; `None` without a tag or for a mere priority tag (id 0).
    #[inline]
    pub fn vlan(&self) -> Option<u16> {
        let [outer, inner] = self.tags;
        inner.or(outer).map(|tag| tag & 0x0fff).filter(|id| *id != 0)
    }
}

impl Headers {
    /// Reads the headers of an IPv4 frame and checks that their lengths agree.
    ///
    /// # Errors
    /// What is wrong with the first header that is. Fragments are refused here already: without the
    /// other pieces they have no transport header that could be trusted.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Headers, Malformed> {
        let link = Link::parse(bytes)?;
        if link.ethertype != ethertype::IPV4 {
            return Err(not_ip(&link, bytes));
        }
        let ip_at = usize::from(link.end);
        let ip = Ipv4::at(bytes, ip_at).ok_or(Malformed::Truncated)?;
        let end = ip_end(ip, ip_at, bytes.len())?;
        let l4_at = ip_at + ip.header_len();
        let (l4, header_len) = L4::parse(ip.protocol, bytes.get(..end).unwrap_or(bytes), l4_at)?;
        Ok(Headers {
            link,
            src: ip.src.into(),
            dst: ip.dst.into(),
            ttl: ip.ttl,
            // Headers end below 22 + 60 + 60 bytes.
            ip_at: ip_at as u16,
            l4_at: l4_at as u16,
            payload_at: (l4_at + header_len) as u16,
            end: end as u32,
            l4,
        })
    }

    /// Checks what an in-line gate demands beyond structure.
    ///
    /// # Errors
    /// IP options, a wrong checksum, TCP flags or options that no stack sends, urgent data.
    #[inline]
    pub fn verify(&self, bytes: &[u8]) -> Result<(), Malformed> {
        let ip = Ipv4::at(bytes, usize::from(self.ip_at)).ok_or(Malformed::Truncated)?;
        if ip.header_len() != Ipv4::LEN {
            return Err(Malformed::IpOptions);
        }
        if !checksum::is_right(checksum::sum(0, ip.as_bytes())) {
            return Err(Malformed::IpChecksum);
        }
        let sum = self.transport_sum(ip, bytes);
        match self.l4 {
            L4::Udp { .. } if self.udp_without_checksum(bytes) => Ok(()),
            // An ICMP message may be all zero.
            _ if sum == 0 || !checksum::is_right(sum) => Err(Malformed::TransportChecksum),
            L4::Tcp(segment) => self.verify_tcp(segment, bytes),
            L4::Udp { .. } | L4::Icmp { .. } => Ok(()),
        }
    }

    #[inline]
    fn verify_tcp(&self, segment: Segment, bytes: &[u8]) -> Result<(), Malformed> {
        let tcp = Tcp::at(bytes, usize::from(self.l4_at)).ok_or(Malformed::Truncated)?;
        if tcp.offset & 0x0f != 0 || !flags_are_sane(segment.flags) {
            return Err(Malformed::TcpFlags);
        }
        if segment.flags & flags::URG != 0 {
            return Err(Malformed::TcpUrgent);
        }
        let options = self.slice(bytes, self.l4_at + Tcp::LEN as u16, self.payload_at);
        if TcpOptions(options).are_whole() { Ok(()) } else { Err(Malformed::TransportHeader) }
    }

    /// The sum of pseudo-header, transport header and payload, not yet folded.
    #[inline]
    pub(crate) fn transport_sum(&self, ip: &Ipv4, bytes: &[u8]) -> u64 {
        let packet = bytes.get(usize::from(self.l4_at)..self.end as usize).unwrap_or_default();
        let start = match self.l4 {
            L4::Icmp { .. } => 0,
            // An IPv4 packet is below 64 KiB.
            _ => checksum::pseudo_header(
                ip.src.into(),
                ip.dst.into(),
                ip.protocol,
                packet.len() as u16,
            ),
        };
        checksum::sum(start, packet)
    }

    fn udp_without_checksum(&self, bytes: &[u8]) -> bool {
        Udp::at(bytes, usize::from(self.l4_at)).is_some_and(|udp| udp.checksum.get() == 0)
    }

    #[inline]
    fn slice<'a>(&self, bytes: &'a [u8], from: u16, to: u16) -> &'a [u8] {
        bytes.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }

    /// The transport's payload.
    #[inline]
    pub fn payload<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(usize::from(self.payload_at)..self.end as usize).unwrap_or_default()
    }

    /// The payload's length in bytes.
    #[inline]
    pub fn payload_len(&self) -> usize {
        (self.end as usize).saturating_sub(usize::from(self.payload_at))
    }

    /// Source and destination port; the echo identifier twice for ICMP.
    #[inline]
    pub const fn ports(&self) -> (u16, u16) {
        match self.l4 {
            L4::Tcp(segment) => (segment.src, segment.dst),
            L4::Udp { src, dst } => (src, dst),
            L4::Icmp { id, .. } => (id, id),
        }
    }

    /// The same headers after the frame's link header became so long that IPv4 begins at `ip_at`.
    #[must_use]
    pub fn moved_to(mut self, ip_at: usize) -> Headers {
        let (old, new) = (self.ip_at, ip_at as u16);
        let moved = |at: u16| at - old + new;
        (self.ip_at, self.l4_at) = (new, moved(self.l4_at));
        self.payload_at = moved(self.payload_at);
        self.end = self.end - u32::from(old) + u32::from(new);
        self
    }

    /// The option bytes of a TCP header.
    #[inline]
    pub fn tcp_options<'a>(&self, bytes: &'a [u8]) -> TcpOptions<'a> {
        TcpOptions(self.slice(bytes, self.l4_at + Tcp::LEN as u16, self.payload_at))
    }
}

/// What a frame is that holds no IPv4 packet.
#[cold]
fn not_ip(link: &Link, bytes: &[u8]) -> Malformed {
    match (link.ethertype, Arp::at(bytes, usize::from(link.end))) {
        (ethertype::ARP, Some(arp)) if arp.is_valid() => Malformed::Arp,
        (ethertype::ARP, _) => Malformed::BadArp,
        _ => Malformed::NotIp,
    }
}

/// Where the IPv4 packet that begins at `at` ends, in a frame of `frame_len` bytes.
#[inline]
fn ip_end(ip: &Ipv4, at: usize, frame_len: usize) -> Result<usize, Malformed> {
    if ip.version_ihl >> 4 != 4 {
        return Err(Malformed::IpVersion);
    }
    let (header, total) = (ip.header_len(), usize::from(ip.total_length.get()));
    if header < Ipv4::LEN || header > total {
        return Err(Malformed::IpHeaderLength);
    }
    if at + total > frame_len {
        return Err(Malformed::IpTotalLength);
    }
    if ip.fragment.get() & 0x8000 != 0 {
        return Err(Malformed::IpReserved);
    }
    if ip.is_fragment() { Err(Malformed::Fragment) } else { Ok(at + total) }
}

impl L4 {
    /// The transport header at `at` and its length; `packet` ends where the IPv4 packet does.
    #[inline]
    fn parse(number: u8, packet: &[u8], at: usize) -> Result<(L4, usize), Malformed> {
        match number {
            protocol::TCP => L4::parse_tcp(packet, at),
            protocol::UDP => L4::parse_udp(packet, at),
            protocol::ICMP => L4::parse_icmp(packet, at),
            _ => Err(Malformed::Transport),
        }
    }

    #[inline]
    fn parse_tcp(packet: &[u8], at: usize) -> Result<(L4, usize), Malformed> {
        let tcp = Tcp::at(packet, at).ok_or(Malformed::TransportHeader)?;
        let header_len = tcp.header_len();
        if header_len < Tcp::LEN || at + header_len > packet.len() {
            return Err(Malformed::TransportHeader);
        }
        let segment = Segment {
            src: tcp.src_port.get(),
            dst: tcp.dst_port.get(),
            seq: tcp.seq.get(),
            ack: tcp.ack.get(),
            flags: tcp.flags,
            window: tcp.window.get(),
        };
        Ok((L4::Tcp(segment), header_len))
    }

    fn parse_udp(packet: &[u8], at: usize) -> Result<(L4, usize), Malformed> {
        let udp = Udp::at(packet, at).ok_or(Malformed::TransportHeader)?;
        if usize::from(udp.length.get()) != packet.len().saturating_sub(at) {
            return Err(Malformed::TransportLength);
        }
        Ok((L4::Udp { src: udp.src_port.get(), dst: udp.dst_port.get() }, Udp::LEN))
    }

    fn parse_icmp(packet: &[u8], at: usize) -> Result<(L4, usize), Malformed> {
        let icmp = Icmp::at(packet, at).ok_or(Malformed::TransportHeader)?;
        let id = match icmp.kind {
            icmp::ECHO | icmp::ECHO_REPLY => icmp.id.get(),
            _ => 0,
        };
        Ok((L4::Icmp { kind: icmp.kind, code: icmp.code, id }, Icmp::LEN))
    }
}

/// Whether some stack sends these flags: SYN, FIN and RST exclude each other, and everything but a
/// first SYN and a RST acknowledges (RFC 9293 section 3.10.7).
#[inline]
const fn flags_are_sane(bits: u8) -> bool {
    let kind = bits & (flags::SYN | flags::FIN | flags::RST);
    let acks = bits & flags::ACK != 0;
    kind & kind.wrapping_sub(1) == 0 && (acks || matches!(kind, flags::SYN | flags::RST))
}

/// The options of a TCP header, one by one (RFC 9293 section 3.2); `None` where they are broken,
/// then it ends.
#[derive(Clone, Debug)]
pub struct TcpOptions<'a>(&'a [u8]);

/// Kind and content of one TCP option.
pub type TcpOption<'a> = (u8, &'a [u8]);

impl<'a> Iterator for TcpOptions<'a> {
    type Item = Option<TcpOption<'a>>;

    fn next(&mut self) -> Option<Option<TcpOption<'a>>> {
        let (kind, rest) = self.0.split_first()?;
        match kind {
            0 => {
                self.0 = &[];
                None
            }
            1 => {
                self.0 = rest;
                Some(Some((1, &[])))
            }
            _ => Some(self.next_long(*kind, rest)),
        }
    }
}

impl<'a> TcpOptions<'a> {
    /// The option bytes that have not been read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Whether none of them is broken.
    #[inline]
    fn are_whole(self) -> bool {
        match self.0 {
            // None, or timestamps as stacks write them (RFC 7323 appendix A).
            [] | [1, 1, 8, 10, _, _, _, _, _, _, _, _] => true,
            _ => self.into_iter().all(|option| option.is_some()),
        }
    }

    fn next_long(&mut self, kind: u8, rest: &'a [u8]) -> Option<TcpOption<'a>> {
        self.0 = &[];
        let (len, rest) = rest.split_first()?;
        let (content, rest) = rest.split_at_checked(usize::from(*len).checked_sub(2)?)?;
        self.0 = rest;
        Some((kind, content))
    }
}
