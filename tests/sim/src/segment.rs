//! TCP segments as bytes: read strictly, cut, joined, renumbered.
//!
//! Nothing here is the gate's own code, so that a fault in `packet` cannot hide itself.

use std::net::Ipv4Addr;

use wicketgate_tests::frame::flag;

/// Bytes of an Ethernet header without a tag.
pub const ETHERNET: usize = 14;
/// Bytes of an IPv4 header without options.
const IPV4: usize = 20;
/// Where TCP begins in a frame.
const TCP: usize = ETHERNET + IPV4;

/// An address and a port.
pub type End = (Ipv4Addr, u16);

/// A segment in canonical form.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Destination and source MAC address.
    pub macs: ([u8; 6], [u8; 6]),
    /// Source address and port.
    pub src: (Ipv4Addr, u16),
    /// Destination address and port.
    pub dst: (Ipv4Addr, u16),
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Flags: [`flag`].
    pub flags: u8,
    /// Options, with their padding.
    pub options: &'a [u8],
    /// What it carries.
    pub payload: &'a [u8],
}

impl<'a> Segment<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// It is not canonical: a tag, an IPv4 option, a fragment, a byte behind the packet, a wrong length
    /// or checksum, a flag or TCP option that the gate lets nobody use.
    pub fn read(frame: &'a [u8]) -> Result<Segment<'a>, &'static str> {
        let holds = |fact: bool, what| if fact { Ok(()) } else { Err(what) };
        holds(frame.len() >= TCP + 20, "shorter than its headers")?;
        holds(word(frame, 12) == 0x0800, "not untagged IPv4")?;
        let ip = &frame[ETHERNET..];
        holds(ip[0] == 0x45, "IPv4 options")?;
        holds(usize::from(word(ip, 2)) == ip.len(), "IPv4 length")?;
        holds(word(ip, 6) & 0xbfff == 0, "fragment")?;
        holds(ip[8] > 0 && ip[9] == 6, "TTL or protocol")?;
        holds(fold(sum(&ip[..IPV4])) == 0xffff, "IPv4 checksum")?;
        holds(fold(transport_sum(ip)) == 0xffff, "TCP checksum")?;
        let tcp = &frame[TCP..];
        let header = usize::from(tcp[12] >> 4) * 4;
        holds((20..=tcp.len()).contains(&header) && tcp[12] & 15 == 0, "TCP header length")?;
        holds(word(tcp, 18) == 0 && tcp[13] & !0x1f == 0, "urgent, ECN or reserved flags")?;
        let segment = Segment {
            macs: (mac(frame, 0), mac(frame, 6)),
            src: (address(ip, 12), word(tcp, 0)),
            dst: (address(ip, 16), word(tcp, 2)),
            seq: long(tcp, 4),
            ack: long(tcp, 8),
            flags: tcp[13],
            options: &tcp[20..header],
            payload: &tcp[header..],
        };
        holds(options_are_known(segment.options, segment.has(flag::SYN)), "TCP options")?;
        Ok(segment)
    }

    /// Whether one of these flags is set.
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// The sequence number behind its last byte.
    pub fn end(&self) -> u32 {
        self.seq.wrapping_add(self.payload.len() as u32)
    }
}

/// Maximum segment size, window scale and SACK-permitted on a SYN, SACK on others, timestamps on both
/// (RFC 9293, 7323, 2018); each at most once.
fn options_are_known(mut options: &[u8], syn: bool) -> bool {
    let mut met = 0u32;
    while let [kind, rest @ ..] = options {
        let len = match (kind, rest.first()) {
            (0, _) => return rest.iter().all(|byte| *byte == 0),
            (1, _) => 1,
            (_, Some(len)) => usize::from(*len),
            (_, None) => return false,
        };
        let right = match kind {
            1 => true,
            2 => syn && len == 4,
            3 => syn && len == 3,
            4 => syn && len == 2,
            5 => !syn && matches!(len, 10 | 18 | 26 | 34),
            8 => len == 10,
            _ => false,
        };
        if !right || len > options.len() || (*kind > 1 && met & 1 << kind != 0) {
            return false;
        }
        met |= 1 << kind;
        options = &options[len..];
    }
    true
}

/// Cuts a frame's payload behind `at` bytes; `None` where that leaves one piece empty, or it opens a
/// connection.
pub fn cut(frame: &[u8], at: usize) -> Option<[Vec<u8>; 2]> {
    let segment = Segment::read(frame).ok()?;
    if segment.has(flag::SYN | flag::RST) || !(1..segment.payload.len()).contains(&at) {
        return None;
    }
    let from = frame.len() - segment.payload.len();
    let mut first = frame[..from + at].to_vec();
    first[TCP + 13] &= !(flag::FIN | flag::PSH);
    let mut second = [&frame[..from], &frame[from + at..]].concat();
    set_long(&mut second, TCP + 4, segment.seq.wrapping_add(at as u32));
    complete(&mut first);
    complete(&mut second);
    Some([first, second])
}

/// Joins two frames of one direction, of which the second begins where the first ends or within it, as
/// a sender does that sends again, or a receiver's card.
pub fn join(first: &[u8], second: &[u8], limit: usize) -> Option<Vec<u8>> {
    let (a, b) = (Segment::read(first).ok()?, Segment::read(second).ok()?);
    let plain = |segment: &Segment| !segment.has(flag::SYN | flag::RST);
    let overlap = a.end().wrapping_sub(b.seq) as usize;
    let grows = overlap <= a.payload.len() && overlap < b.payload.len();
    if !plain(&a) || a.has(flag::FIN) || !plain(&b) || a.payload.is_empty() || !grows {
        return None;
    }
    let len = a.payload.len() + b.payload.len() - overlap;
    if len > limit || a.payload[a.payload.len() - overlap..] != b.payload[..overlap] {
        return None;
    }
    // The second's header is the newer one: acknowledgement, window, FIN.
    let from = second.len() - b.payload.len();
    let mut joined = [&second[..from], a.payload, &b.payload[overlap..]].concat();
    set_long(&mut joined, TCP + 4, a.seq);
    complete(&mut joined);
    Some(joined)
}

/// Gives a frame other MAC addresses, addresses and ports, as plain source and destination NAT does.
pub fn readdress(frame: &mut [u8], macs: ([u8; 6], [u8; 6]), from: End, to: End) {
    frame[..6].copy_from_slice(&macs.0);
    frame[6..12].copy_from_slice(&macs.1);
    frame[ETHERNET + 12..ETHERNET + 16].copy_from_slice(&from.0.octets());
    frame[ETHERNET + 16..ETHERNET + 20].copy_from_slice(&to.0.octets());
    frame[TCP..TCP + 2].copy_from_slice(&from.1.to_be_bytes());
    frame[TCP + 2..TCP + 4].copy_from_slice(&to.1.to_be_bytes());
    complete(frame);
}

/// Adds to the sequence number of an IPv4 packet that leaves a stack.
pub fn shift_sequence(packet: &mut [u8], by: u32) {
    let seq = long(packet, IPV4 + 4).wrapping_add(by);
    set_long(packet, IPV4 + 4, seq);
    complete_packet(packet);
}

/// Takes the same off what the other end acknowledges, SACK blocks (RFC 2018) included.
pub fn shift_acknowledgement(packet: &mut [u8], by: u32) {
    let header = usize::from(packet[IPV4 + 12] >> 4) * 4;
    let ack = long(packet, IPV4 + 8).wrapping_sub(by);
    set_long(packet, IPV4 + 8, ack);
    let mut at = IPV4 + 20;
    while at < IPV4 + header && packet[at] != 0 {
        let len = if packet[at] == 1 { 1 } else { usize::from(packet[at + 1]) };
        if packet[at] == 5 {
            for edge in (at + 2..at + len).step_by(4) {
                let number = long(packet, edge).wrapping_sub(by);
                set_long(packet, edge, number);
            }
        }
        at += len.max(1);
    }
    complete_packet(packet);
}

/// The acknowledgement of an IPv4 packet alone, with this sequence number, and its window or one byte of
/// window aside.
pub fn bare_acknowledgement(packet: &[u8], seq: u32, same_window: bool) -> Vec<u8> {
    let header = IPV4 + usize::from(packet[IPV4 + 12] >> 4) * 4;
    let mut bare = packet[..header].to_vec();
    set_long(&mut bare, IPV4 + 4, seq);
    bare[IPV4 + 13] = flag::ACK;
    bare[IPV4 + 15] ^= u8::from(!same_window);
    complete_packet(&mut bare);
    bare
}

/// What an IPv4 packet acknowledges.
pub fn acknowledged(packet: &[u8]) -> u32 {
    long(packet, IPV4 + 8)
}

/// The sequence number behind everything that an IPv4 packet carries, its FIN included.
pub fn end(packet: &[u8]) -> u32 {
    let header = IPV4 + usize::from(packet[IPV4 + 12] >> 4) * 4;
    let len = (packet.len() - header) as u32 + u32::from(packet[IPV4 + 13] & flag::FIN);
    long(packet, IPV4 + 4).wrapping_add(len)
}

/// Whether an IPv4 packet is an acknowledgement and nothing else.
pub fn is_bare(packet: &[u8]) -> bool {
    let (seq, flags) = numbers(packet);
    flags == flag::ACK && end(packet) == seq
}

/// The sequence number and flags of an IPv4 packet that leaves a stack.
pub fn numbers(packet: &[u8]) -> (u32, u8) {
    (long(packet, IPV4 + 4), packet[IPV4 + 13])
}

/// Sets length and checksums right.
pub fn complete(frame: &mut [u8]) {
    complete_packet(&mut frame[ETHERNET..]);
}

fn complete_packet(ip: &mut [u8]) {
    let len = ip.len() as u16;
    ip[2..4].copy_from_slice(&len.to_be_bytes());
    ip[10..12].fill(0);
    let header = !fold(sum(&ip[..IPV4]));
    ip[10..12].copy_from_slice(&header.to_be_bytes());
    ip[IPV4 + 16..IPV4 + 18].fill(0);
    let tcp = !fold(transport_sum(ip));
    ip[IPV4 + 16..IPV4 + 18].copy_from_slice(&tcp.to_be_bytes());
}

/// Of the pseudo-header and everything behind the IPv4 header.
fn transport_sum(ip: &[u8]) -> u64 {
    sum(&ip[12..IPV4]) + u64::from(ip[9]) + (ip.len() - IPV4) as u64 + sum(&ip[IPV4..])
}

/// The sum of RFC 1071 section 4.1, not yet folded.
fn sum(bytes: &[u8]) -> u64 {
    let (words, odd) = bytes.as_chunks::<2>();
    let words: u64 = words.iter().map(|word| u64::from(u16::from_be_bytes(*word))).sum();
    words + odd.first().map_or(0, |last| u64::from(*last) << 8)
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from(word(bytes, at)) << 16 | u32::from(word(bytes, at + 2))
}

fn set_long(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

fn mac(frame: &[u8], at: usize) -> [u8; 6] {
    [0, 1, 2, 3, 4, 5].map(|byte| frame[at + byte])
}

fn address(ip: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::from(long(ip, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wicketgate_tests::Packet;

    fn frame(seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
        let ends = ((Ipv4Addr::new(10, 0, 0, 1), 1), (Ipv4Addr::new(10, 0, 0, 2), 2));
        Packet::tcp(ends.0, ends.1, (seq, 9), flags, payload).bytes()
    }

    fn read(frame: &[u8]) -> (u32, u8, Vec<u8>) {
        let segment = Segment::read(frame).unwrap();
        (segment.seq, segment.flags, segment.payload.to_vec())
    }

    #[test]
    fn pieces_join_to_the_whole() {
        let whole = frame(u32::MAX - 1, flag::ACK | flag::FIN, b"abcdef");
        let [first, second] = cut(&whole, 4).unwrap();
        assert_eq!(read(&first), (u32::MAX - 1, flag::ACK, b"abcd".to_vec()));
        assert_eq!(read(&second), (2, flag::ACK | flag::FIN, b"ef".to_vec()));
        assert_eq!(join(&first, &second, 6).unwrap(), whole);
        assert!(join(&first, &second, 5).is_none() && join(&second, &first, 9).is_none());
        assert!(cut(&whole, 0).is_none() && cut(&whole, 6).is_none());
    }

    #[test]
    fn what_overlaps_joins_where_it_agrees() {
        let ack = flag::ACK;
        let joined = join(&frame(10, ack, b"abcd"), &frame(12, ack, b"cdef"), 99).unwrap();
        assert_eq!(read(&joined), (10, ack, b"abcdef".to_vec()));
        assert!(join(&frame(10, ack, b"abcd"), &frame(12, ack, b"cXef"), 99).is_none());
        assert!(join(&frame(10, ack, b"abcd"), &frame(15, ack, b"x"), 99).is_none(), "a gap");
    }

    #[test]
    fn no_flipped_bit_goes_unseen() {
        let good = frame(7, flag::ACK, b"abc");
        for bit in ETHERNET * 8..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Segment::read(&bad).is_err(), "bit {bit}");
        }
    }
}
