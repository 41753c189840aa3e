//! Frames changed and made.

use std::net::Ipv4Addr;

use wicketgate_packet::checksum::{self, Delta};
use wicketgate_packet::parse::Segment;
use wicketgate_packet::quote::Quote;
use wicketgate_packet::wire::{Ethernet, Icmp, Ipv4, Tcp, Udp, icmp, protocol};
use wicketgate_packet::{FrameBuf, Headers, L4, rewrite};

use super::Ready;
use super::connection::Role;

/// The two ends of a connection: client and asset, address and port each, and the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) client: (Ipv4Addr, u16),
    pub(super) asset: (Ipv4Addr, u16),
    pub(super) transport: u8,
}

impl Ends {
    /// The ends of a frame, if its sender is the client.
    pub(super) fn asking(headers: &Headers) -> Ends {
        let (src, dst) = headers.ports();
        let transport = match headers.l4 {
            L4::Tcp(_) => protocol::TCP,
            L4::Udp { .. } => protocol::UDP,
            L4::Icmp { .. } => protocol::ICMP,
        };
        Ends { client: (headers.src, src), asset: (headers.dst, dst), transport }
    }

    /// The ends of a quoted packet, if its sender is the client.
    pub(super) fn of(quote: &Quote) -> Ends {
        Ends { client: quote.src, asset: quote.dst, transport: quote.protocol }
    }

    /// The same, the other way round.
    pub(super) fn reverse(self) -> Ends {
        Ends { client: self.asset, asset: self.client, ..self }
    }
}

pub(super) fn set_destination_mac(bytes: &mut [u8], mac: [u8; 6]) {
    if let Some(ethernet) = Ethernet::at_mut(bytes, 0) {
        ethernet.dst = mac;
    }
}

/// The packet that an ICMP error quotes; `None` for anything else.
pub(super) fn quoted(bytes: &[u8], headers: &Headers) -> Option<Quote> {
    match headers.l4 {
        L4::Icmp { kind: icmp::ECHO | icmp::ECHO_REPLY, .. } => None,
        L4::Icmp { .. } => Quote::read(bytes, usize::from(headers.payload_at)),
        _ => None,
    }
}

/// Adds one to the time to live; a full one stays.
pub(super) fn add_hop(bytes: &mut [u8], ip_at: usize) {
    if let Some(ip) = Ipv4::at_mut(bytes, ip_at) {
        let word = |ttl: u8| u16::from_be_bytes([ttl, ip.protocol]);
        let ttl = ip.ttl.saturating_add(1);
        let delta = Delta::NONE.word(word(ip.ttl), word(ttl));
        ip.checksum.set(delta.apply(ip.checksum.get()));
        ip.ttl = ttl;
    }
}

/// Keeps the transport checksum as right or wrong as it was, with other addresses and, if given,
/// another destination port.
pub(super) fn redirect(bytes: &mut [u8], headers: &Headers, port: Option<u16>, delta: Delta) {
    let at = usize::from(headers.l4_at);
    let (_, old) = headers.ports();
    let new = port.unwrap_or(old);
    let delta = delta.word(old, new);
    match headers.l4 {
        L4::Tcp(_) => {
            if let Some(tcp) = Tcp::at_mut(bytes, at) {
                tcp.dst_port.set(new);
                tcp.checksum.set(delta.apply(tcp.checksum.get()));
            }
        }
        L4::Udp { .. } => {
            if let Some(udp) = Udp::at_mut(bytes, at) {
                udp.dst_port.set(new);
                if udp.checksum.get() != 0 {
                    udp.checksum.set(delta.apply(udp.checksum.get()));
                }
            }
        }
        L4::Icmp { kind: icmp::ECHO | icmp::ECHO_REPLY, .. } => {
            if let Some(echo) = Icmp::at_mut(bytes, at) {
                echo.id.set(new);
                let delta = Delta::NONE.word(old, new);
                echo.checksum.set(delta.apply(echo.checksum.get()));
            }
        }
        L4::Icmp { .. } => {}
    }
}

/// Whether the sender left the checksum to its network card: the field holds the sum of the
/// pseudo-header, or nothing, and is wrong.
pub(super) fn is_partial(bytes: &[u8], headers: &Headers) -> bool {
    let at = usize::from(headers.l4_at);
    let stored = match headers.l4 {
        L4::Tcp(_) => Tcp::at(bytes, at).map(|tcp| tcp.checksum.get()),
        L4::Udp { .. } => Udp::at(bytes, at).map(|udp| udp.checksum.get()).filter(|sum| *sum != 0),
        L4::Icmp { .. } => None,
    };
    let (Some(stored), Some(ip)) = (stored, Ipv4::at(bytes, usize::from(headers.ip_at))) else {
        return false;
    };
    let len = headers.end.saturating_sub(u32::from(headers.l4_at)) as u16;
    let pseudo = checksum::pseudo_header(headers.src, headers.dst, ip.protocol, len);
    (stored == 0 || stored == checksum::fold(pseudo)) && headers.verify(bytes).is_err()
}

/// Makes a segment without payload, from the end `role` of the connection that `like` is part of.
pub(super) fn segment<F: FrameBuf>(
    frame: &mut F,
    like: &Ready<F>,
    role: Role,
    segment: Segment,
) -> Option<Headers> {
    let model = &like.headers;
    let same_way = role == like.role;
    let (src, dst) = if same_way { (model.src, model.dst) } else { (model.dst, model.src) };
    let (from, to) = model.ports();
    let (from, to) = if same_way { (from, to) } else { (to, from) };
    let link = model.link;
    let macs = if same_way { (link.dst, link.src) } else { (link.src, link.dst) };
    if !frame.resize(Ethernet::LEN + Ipv4::LEN + Tcp::LEN) {
        return None;
    }
    let bytes = frame.bytes_mut();
    rewrite::write_link(bytes, macs.0, macs.1, None);
    write_ip(bytes, src, dst)?;
    let tcp = Tcp::at_mut(bytes, Ethernet::LEN + Ipv4::LEN)?;
    tcp.src_port.set(from);
    tcp.dst_port.set(to);
    tcp.seq.set(segment.seq);
    tcp.ack.set(segment.ack);
    tcp.offset = 5 << 4;
    tcp.flags = segment.flags;
    tcp.window.set(segment.window);
    let headers = Headers::parse(bytes).ok()?;
    rewrite::complete_checksums(bytes, &headers);
    Some(headers)
}

/// An IPv4 header for a TCP segment without options and payload.
fn write_ip(bytes: &mut [u8], src: Ipv4Addr, dst: Ipv4Addr) -> Option<()> {
    let ip = Ipv4::at_mut(bytes, Ethernet::LEN)?;
    ip.version_ihl = 0x45;
    ip.total_length.set((Ipv4::LEN + Tcp::LEN) as u16);
    ip.fragment.set(0x4000);
    ip.ttl = 64;
    ip.protocol = protocol::TCP;
    ip.src = src.octets();
    ip.dst = dst.octets();
    Some(())
}
