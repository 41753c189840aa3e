//! IP packets in DATAGRAM frames (RFC 9221).
//!
//! A frame is a context identifier and a packet, as in CONNECT-IP (RFC 9484 section 6); context 0 is an IP
//! packet, and there is no other yet.

use std::fmt;
use std::net::Ipv4Addr;

use wicketgate_packet::wire::Ipv4;

/// The context of IP packets.
pub const CONTEXT: u8 = 0;

/// Bytes of a DATAGRAM frame that are not the packet's.
pub const OVERHEAD: usize = 1;

/// Why a packet does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Not an IPv4 packet, or its length is another than it says.
    Malformed,
    /// From an address that is not the tunnel's.
    Spoofed(Ipv4Addr),
    /// Longer than what was agreed on.
    TooLong(usize),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Malformed => f.write_str("not an IPv4 packet"),
            Unfit::Spoofed(source) => write!(f, "from {source}, which is not the tunnel's"),
            Unfit::TooLong(length) => write!(f, "{length} bytes are too long"),
        }
    }
}

/// The packet in a frame that came out of a tunnel, if it is one that `source` may send.
///
/// # Errors
/// What is wrong with it. All else is for the engine to judge.
pub fn received(frame: &[u8], source: Ipv4Addr, mtu: u16) -> Result<&[u8], Unfit> {
    let packet = frame.strip_prefix(&[CONTEXT]).ok_or(Unfit::Malformed)?;
    let header = whole(packet)?;
    if packet.len() > usize::from(mtu) {
        return Err(Unfit::TooLong(packet.len()));
    }
    let from = Ipv4Addr::from(header.src);
    if from == source { Ok(packet) } else { Err(Unfit::Spoofed(from)) }
}

/// The header of an IPv4 packet that is as long as it says (RFC 791).
///
/// # Errors
/// [`Unfit::Malformed`].
pub fn whole(packet: &[u8]) -> Result<&Ipv4, Unfit> {
    let header = Ipv4::at(packet, 0).ok_or(Unfit::Malformed)?;
    let is_v4 = header.version_ihl >> 4 == 4 && header.version_ihl & 15 >= 5;
    let fits = usize::from(header.total_length.get()) == packet.len();
    if is_v4 && fits { Ok(header) } else { Err(Unfit::Malformed) }
}

/// A frame that carries `packet`.
pub fn frame(packet: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(OVERHEAD + packet.len());
    frame.push(CONTEXT);
    frame.extend_from_slice(packet);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Ipv4Addr = Ipv4Addr::new(100, 64, 255, 7);

    fn packet(source: Ipv4Addr, length: u16) -> Vec<u8> {
        let mut packet = vec![0; usize::from(length)];
        packet[0] = 0x45;
        packet[2..4].copy_from_slice(&length.to_be_bytes());
        packet[12..16].copy_from_slice(&source.octets());
        packet
    }

    #[test]
    fn only_ones_own_address_passes() {
        let mine = packet(ME, 40);
        assert_eq!(received(&frame(&mine), ME, 1280), Ok(&mine[..]));
        let other = Ipv4Addr::new(100, 64, 255, 8);
        let spoofed = received(&frame(&packet(other, 40)), ME, 1280).map(<[u8]>::len);
        assert_eq!(spoofed, Err(Unfit::Spoofed(other)));
    }

    #[test]
    fn what_is_no_packet_does_not_pass() {
        let mut six = packet(ME, 40);
        six[0] = 0x60;
        let mut short = packet(ME, 40);
        short.pop();
        let mut headless = packet(ME, 40);
        headless[0] = 0x44;
        for broken in [&six[..], &short, &headless, &[], &[0x45; 19]] {
            assert_eq!(received(&frame(broken), ME, 1280), Err(Unfit::Malformed));
        }
        assert_eq!(received(&[], ME, 1280), Err(Unfit::Malformed));
        let mut other_context = frame(&packet(ME, 40));
        other_context[0] = 2;
        assert_eq!(received(&other_context, ME, 1280), Err(Unfit::Malformed));
    }

    #[test]
    fn what_is_too_long_does_not_pass() {
        let long = frame(&packet(ME, 1281));
        assert_eq!(received(&long, ME, 1280), Err(Unfit::TooLong(1281)));
    }
}
