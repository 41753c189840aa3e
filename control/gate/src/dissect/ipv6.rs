//! IPv6 packets (RFC 8200), as far as a tap reads them. The gate itself forwards none.

use std::net::{Ipv6Addr, SocketAddr};

use wicketgate_packet::Link;
use wicketgate_packet::parse::Segment;
use wicketgate_packet::wire::{Tcp, Udp};

use super::summary::Unread;

/// Ethertype (RFC 2464).
pub(super) const ETHERTYPE: u16 = 0x86dd;

/// Length of the fixed header.
const HEADER: usize = 40;
/// Extension headers that are passed over, one behind the other.
const MOST: usize = 8;

/// What carries the payload.
pub(super) enum Carrier {
    /// TCP.
    Tcp(Segment),
    /// UDP.
    Udp,
}

/// One packet.
pub(super) struct Packet<'a> {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) carrier: Carrier,
    pub(super) payload: &'a [u8],
}

/// Reads the packet behind `link`. One captured before the network card segmented it, or a jumbo, has the
/// length 0: then it is as long as the frame.
///
/// # Errors
/// It is a fragment, carries something else than TCP or UDP, is cut short, or is none.
pub(super) fn read<'a>(bytes: &'a [u8], link: &Link) -> Result<Packet<'a>, Unread> {
    let packet = bytes.get(usize::from(link.end)..).unwrap_or_default();
    let (header, rest) = packet.split_first_chunk::<HEADER>().ok_or(Unread::Ipv6)?;
    let [version, _, _, _, high, low, next, _, addresses @ ..] = header;
    if version >> 4 != 6 {
        return Err(Unread::Ipv6);
    }
    let (from, to) = addresses.split_at(16);
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let rest = if length == 0 { rest } else { rest.get(..length).unwrap_or(rest) };
    let (next, rest) = skip_extensions(*next, rest)?;
    let end = |address: &[u8], port| {
        let address: [u8; 16] = address.try_into().unwrap_or_default();
        SocketAddr::from((Ipv6Addr::from(address), port))
    };
    let (ports, carrier, at) = transport(next, rest)?;
    let payload = rest.get(at..).unwrap_or_default();
    let (source, destination) = (end(from, ports.0), end(to, ports.1));
    Ok(Packet { source, destination, carrier, payload })
}

/// Past what is for routers and receivers: hop-by-hop and destination options, routing (RFC 8200 section 4).
fn skip_extensions(mut next: u8, mut rest: &[u8]) -> Result<(u8, &[u8]), Unread> {
    for _ in 0..MOST {
        match (next, rest) {
            (0 | 43 | 60, &[following, eighths, ..]) => {
                rest = rest.get(8 * (1 + usize::from(eighths))..).ok_or(Unread::Ipv6)?;
                next = following;
            }
            (44, _) => return Err(Unread::Fragment),
            _ => break,
        }
    }
    Ok((next, rest))
}

/// Ports, what carries, and where the payload begins.
fn transport(next: u8, rest: &[u8]) -> Result<((u16, u16), Carrier, usize), Unread> {
    match next {
        6 => {
            let tcp = Tcp::at(rest, 0).ok_or(Unread::Ipv6)?;
            let (src, dst) = (tcp.src_port.get(), tcp.dst_port.get());
            let (seq, ack, window) = (tcp.seq.get(), tcp.ack.get(), tcp.window.get());
            let segment = Segment { src, dst, seq, ack, flags: tcp.flags, window };
            Ok(((src, dst), Carrier::Tcp(segment), usize::from(tcp.offset >> 4) * 4))
        }
        17 => {
            let udp = Udp::at(rest, 0).ok_or(Unread::Ipv6)?;
            Ok(((udp.src_port.get(), udp.dst_port.get()), Carrier::Udp, Udp::LEN))
        }
        _ => Err(Unread::OtherTransport),
    }
}
