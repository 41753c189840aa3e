//! Segments of the gate's own, whole: from the MAC addresses to the last byte.

use wicketgate_packet::Outbox;
use wicketgate_packet::checksum;
use wicketgate_packet::parse::flags;
use wicketgate_packet::rewrite::write_header;
use wicketgate_packet::wire::{Ethernet, Ipv4, Tcp, VlanTag, protocol};

use super::options::{BLOCKS, kind};
use crate::translate::Rewrite;

/// Time to live of what the gate itself sends (RFC 1700).
pub const TTL: u8 = 64;

/// Most payload in one segment: what Ethernet takes with timestamps.
pub const LONGEST: usize = 1448;

/// Longest header: Ethernet, a tag, IPv4, TCP with all options.
const HEADERS: usize = Ethernet::LEN + VlanTag::LEN + Ipv4::LEN + Tcp::LEN + 40;

/// "Don't fragment" (RFC 791); with it the identification means nothing (RFC 6864 section 4).
const DONT_FRAGMENT: u16 = 0x4000;

/// What a segment says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Saying<'a> {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Flags: [`flags`].
    pub flags: u8,
    /// Window, scaled.
    pub window: u16,
    /// Timestamp value and echo reply.
    pub timestamps: Option<(u32, u32)>,
    /// Blocks of a selective acknowledgement.
    pub blocks: [Option<(u32, u32)>; BLOCKS],
    /// Differentiated services and ECN.
    pub tos: u8,
    /// Payload, at most [`LONGEST`] bytes.
    pub payload: &'a [u8],
}

/// Sends a segment the way that `rewrite` leads. Its length, or `None` where it is lost.
pub fn send(rewrite: &Rewrite, saying: &Saying<'_>, out: &mut dyn Outbox) -> Option<usize> {
    let mut buffer = [0; HEADERS + LONGEST];
    let len = write(rewrite, saying, &mut buffer)?;
    let frame = buffer.get(..len)?;
    out.send(rewrite.egress, frame).then_some(len)
}

/// Writes the frame to the front of `buffer`; its length.
fn write(rewrite: &Rewrite, saying: &Saying<'_>, buffer: &mut [u8]) -> Option<usize> {
    let ip_at = rewrite.ip_at();
    let tcp_at = ip_at + Ipv4::LEN;
    let options = write_options(saying, buffer.get_mut(tcp_at + Tcp::LEN..)?)?;
    let payload_at = tcp_at + Tcp::LEN + options;
    let end = payload_at + saying.payload.len();
    buffer.get_mut(payload_at..end)?.copy_from_slice(saying.payload);
    write_header(buffer, rewrite.link(), rewrite.vlan);
    write_tcp(rewrite, saying, options, buffer.get_mut(tcp_at..end)?)?;
    write_ip(rewrite, saying.tos, buffer.get_mut(ip_at..end)?)?;
    Some(end)
}

fn write_ip(rewrite: &Rewrite, tos: u8, packet: &mut [u8]) -> Option<()> {
    let len = packet.len() as u16;
    let ip = Ipv4::at_mut(packet, 0)?;
    (ip.version_ihl, ip.tos, ip.ttl, ip.protocol) = (0x45, tos, TTL, protocol::TCP);
    ip.total_length.set(len);
    ip.fragment.set(DONT_FRAGMENT);
    (ip.src, ip.dst) = (rewrite.src().0.octets(), rewrite.dst().0.octets());
    let sum = checksum::checksum(packet.get(..Ipv4::LEN)?);
    Ipv4::at_mut(packet, 0)?.checksum.set(sum);
    Some(())
}

fn write_tcp(
    rewrite: &Rewrite,
    saying: &Saying<'_>,
    options: usize,
    segment: &mut [u8],
) -> Option<()> {
    let tcp = Tcp::at_mut(segment, 0)?;
    tcp.src_port.set(rewrite.src().1);
    tcp.dst_port.set(rewrite.dst().1);
    tcp.seq.set(saying.seq);
    tcp.ack.set(if saying.flags & flags::ACK != 0 { saying.ack } else { 0 });
    tcp.offset = (((Tcp::LEN + options) / 4) << 4) as u8;
    tcp.flags = saying.flags;
    tcp.window.set(saying.window);
    let (src, dst) = (rewrite.src().0, rewrite.dst().0);
    let pseudo = checksum::pseudo_header(src, dst, protocol::TCP, segment.len() as u16);
    let sum = !checksum::fold(checksum::sum(pseudo, segment));
    Tcp::at_mut(segment, 0)?.checksum.set(sum);
    Some(())
}

/// Writes the options, each padded to whole words in front (RFC 7323 appendix A); their length.
fn write_options(saying: &Saying<'_>, room: &mut [u8]) -> Option<usize> {
    let mut len = 0;
    if let Some((value, echo)) = saying.timestamps {
        put(room, &mut len, &[kind::NOP, kind::NOP, kind::TIMESTAMPS, 10])?;
        put(room, &mut len, &value.to_be_bytes())?;
        put(room, &mut len, &echo.to_be_bytes())?;
    }
    let fitting = if len == 0 { BLOCKS } else { BLOCKS - 1 };
    let blocks = || saying.blocks.iter().flatten().take(fitting);
    if blocks().next().is_some() {
        let bytes = 2 + 8 * blocks().count() as u8;
        put(room, &mut len, &[kind::NOP, kind::NOP, kind::SACK, bytes])?;
        for (left, right) in blocks() {
            put(room, &mut len, &left.to_be_bytes())?;
            put(room, &mut len, &right.to_be_bytes())?;
        }
    }
    Some(len)
}

fn put(room: &mut [u8], len: &mut usize, bytes: &[u8]) -> Option<()> {
    room.get_mut(*len..*len + bytes.len())?.copy_from_slice(bytes);
    *len += bytes.len();
    Some(())
}

/// Resets the connection with number `seq`, towards where `rewrite` leads.
pub fn reset(rewrite: &Rewrite, (seq, ack): (u32, u32), out: &mut dyn Outbox) -> Option<usize> {
    let flags = flags::RST | flags::ACK;
    send(rewrite, &Saying { seq, ack, flags, ..Saying::default() }, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;
    use wicketgate_packet::{Headers, L4, PortId};

    struct Kept(Vec<u8>);

    impl Outbox for Kept {
        fn send(&mut self, _: PortId, frame: &[u8]) -> bool {
            self.0 = frame.to_vec();
            true
        }
    }

    fn rewrite(vlan: Option<u16>) -> Rewrite {
        let ends = ((Ipv4Addr::new(10, 0, 0, 1), 502), (Ipv4Addr::new(10, 0, 0, 2), 51000));
        Rewrite::new(PortId(3), ([2; 6], [4; 6]), vlan, ends, ends)
    }

    #[test]
    fn a_segment_is_what_a_parser_accepts() {
        let mut blocks = [None; BLOCKS];
        blocks.fill(Some((5, 9)));
        for (vlan, timestamps, payload) in [
            (None, None, &b"odd"[..]),
            (Some(30), Some((1, 2)), b""),
            (None, Some((7, 8)), &[9; LONGEST]),
        ] {
            let flags = flags::ACK | flags::PSH;
            let (seq, ack, window, tos) = (77, 99, 1000, 0);
            let saying = Saying { seq, ack, flags, window, timestamps, blocks, tos, payload };
            let mut kept = Kept(Vec::new());
            assert_eq!(send(&rewrite(vlan), &saying, &mut kept), Some(kept.0.len()));
            let headers = Headers::parse(&kept.0).unwrap();
            headers.verify(&kept.0).unwrap();
            assert_eq!((headers.link.vlan(), headers.payload(&kept.0)), (vlan, payload));
            let L4::Tcp(segment) = headers.l4 else { panic!() };
            assert_eq!((segment.seq, segment.ack, segment.window), (77, 99, 1000));
            let read = super::super::options::Options::read(headers.tcp_options(&kept.0)).unwrap();
            assert_eq!(read.timestamps, timestamps);
            let count = if timestamps.is_some() { 3 } else { 4 };
            let read = super::super::options::blocks(headers.tcp_options(&kept.0));
            assert!(read.iter().flatten().all(|block| *block == (5, 9)));
            assert_eq!(read.iter().flatten().count(), count);
        }
    }
}
