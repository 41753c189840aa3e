//! TCP's maximum segment size, lowered to what the gate's links carry (RFC 4459 section 3.2).
//!
//! What one end says in its SYN, the other end sends: its segments come in by the port that the SYN leaves
//! by, and leave by the one that it came in by. A SYN without the option is left alone: its sender gets 536
//! bytes at most (RFC 9293 section 3.7.1), which every link carries.

use wicketgate_packet::checksum::Delta;
use wicketgate_packet::parse::flags;
use wicketgate_packet::wire::{Ipv4, Tcp};
use wicketgate_packet::{FrameBuf, L4, PortId};

use crate::engine::Arrival;
use crate::tables::Tables;

/// Kind and length of the option (RFC 9293 section 3.2).
const KIND: u8 = 2;
const LENGTH: u8 = 4;
/// End of the options, and one byte that says nothing.
const END: u8 = 0;
const NOTHING: u8 = 1;

/// Headers of a segment without options, in bytes: what an MTU has and an MSS has not.
pub(crate) const HEADERS: u16 = (Ipv4::LEN + Tcp::LEN) as u16;

/// Lowers the option of a SYN that will leave by `egress`, and mends its checksum.
#[inline]
pub(crate) fn clamp<F: FrameBuf>(tables: &Tables, egress: PortId, arrival: &mut Arrival<'_, F>) {
    let L4::Tcp(segment) = arrival.headers.l4 else { return };
    if segment.flags & flags::SYN == 0 {
        return;
    }
    let mtus = [arrival.port, egress].map(|port| tables.port(port).map(|port| port.mtu));
    let Some(mtu) = mtus.into_iter().flatten().min() else { return };
    let headers = &arrival.headers;
    let (from, to) = (usize::from(headers.l4_at), usize::from(headers.payload_at));
    if let Some(header) = arrival.frame.bytes_mut().get_mut(from..to) {
        lower(header, mtu.saturating_sub(HEADERS));
    }
}

/// Lowers the option in a TCP header to `most`.
fn lower(header: &mut [u8], most: u16) {
    let Some(at) = find(header) else { return };
    let Some(value) = header.get_mut(at..at + 2).and_then(|bytes| bytes.as_mut_array::<2>()) else {
        return;
    };
    let said = u16::from_be_bytes(*value);
    if said <= most {
        return;
    }
    *value = most.to_be_bytes();
    // At an odd place its bytes are in two words, each in the other half (RFC 1071 section 2 B).
    let word = |value: u16| if at.is_multiple_of(2) { value } else { value.swap_bytes() };
    if let Some(tcp) = Tcp::at_mut(header, 0) {
        tcp.checksum.set(Delta::NONE.word(word(said), word(most)).apply(tcp.checksum.get()));
    }
}

/// Where the option's value is.
fn find(header: &[u8]) -> Option<usize> {
    let mut at = Tcp::LEN;
    loop {
        match *header.get(at)? {
            END => return None,
            NOTHING => at += 1,
            KIND if header.get(at + 1) == Some(&LENGTH) => return Some(at + 2),
            // Less than itself it cannot be: what is behind cannot be read.
            _ => match *header.get(at + 1)? {
                0 | 1 => return None,
                length => at += usize::from(length),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wicketgate_packet::checksum;

    /// A SYN's header with these options, and its checksum.
    fn header(options: &[u8]) -> Vec<u8> {
        let mut header = vec![0; Tcp::LEN];
        header[..4].copy_from_slice(&[0xc7, 0x38, 0x01, 0xf6]);
        header[13] = flags::SYN;
        header.extend_from_slice(options);
        header.resize(header.len().next_multiple_of(4), 0);
        let sum = checksum::checksum(&header);
        header[16..18].copy_from_slice(&sum.to_be_bytes());
        header
    }

    fn lowered(options: &[u8], most: u16) -> Vec<u8> {
        let mut header = header(options);
        lower(&mut header, most);
        assert_eq!(checksum::checksum(&header), 0, "{options:?}: the checksum is right");
        header[Tcp::LEN..][..options.len()].to_vec()
    }

    #[test]
    fn only_what_is_too_much_is_lowered() {
        assert_eq!(lowered(&[2, 4, 5, 180], 1360), [2, 4, 5, 80]);
        assert_eq!(lowered(&[2, 4, 5, 180], 1460), [2, 4, 5, 180]);
        assert_eq!(lowered(&[2, 4, 2, 24], 1360), [2, 4, 2, 24]);
    }

    #[test]
    fn it_is_found_wherever_it_is() {
        assert_eq!(lowered(&[1, 2, 4, 5, 180], 1000), [1, 2, 4, 3, 232], "at an odd place");
        assert_eq!(lowered(&[4, 2, 3, 3, 7, 2, 4, 5, 180], 1000), [4, 2, 3, 3, 7, 2, 4, 3, 232]);
        assert_eq!(lowered(&[1, 1, 2, 4, 255, 255], 1460), [1, 1, 2, 4, 5, 180]);
    }

    #[test]
    fn where_there_is_none_nothing_changes() {
        for options in [&[][..], &[1, 1, 1, 1], &[0, 2, 4, 5, 180], &[2, 3, 5], &[8, 0, 2, 4, 9]] {
            assert_eq!(lowered(options, 536), options);
        }
    }
}
