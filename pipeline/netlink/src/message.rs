//! Messages and attributes as bytes: `struct nlmsghdr` and `struct rtattr` of linux/netlink.h and
//! linux/rtnetlink.h, in the machine's byte order.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Everything in a message begins at a multiple of this (`NLMSG_ALIGNTO`, `RTA_ALIGNTO`).
const ALIGN: usize = 4;

/// `nlmsg_type` of an error or acknowledgement.
pub const ERROR: u16 = 2;
/// `nlmsg_type` of the end of a dump.
pub const DONE: u16 = 3;

/// `nlmsg_flags`.
pub mod flags {
    /// A request (`NLM_F_REQUEST`).
    pub const REQUEST: u16 = 0x1;
    /// Answer with an acknowledgement (`NLM_F_ACK`).
    pub const ACK: u16 = 0x4;
    /// All of them (`NLM_F_DUMP`).
    pub const DUMP: u16 = 0x300;
    /// Make it, where it is not there (`NLM_F_CREATE`).
    pub const CREATE: u16 = 0x400;
}

/// `struct nlmsghdr`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// Length, this header included.
    pub length: u32,
    /// What it is.
    pub kind: u16,
    /// See [`flags`].
    pub flags: u16,
    /// Chosen by who asks, repeated in the answer.
    pub sequence: u32,
    /// The netlink port of who asks.
    pub port: u32,
}

/// `struct rtattr`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct AttributeHeader {
    length: u16,
    kind: u16,
}

/// Builds one request: fixed part, then attributes.
pub fn request(kind: u16, flags: u16, fixed: &[u8], attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<Header>()];
    bytes.extend_from_slice(fixed);
    for (kind, value) in attributes {
        // Attributes of a request are a few bytes long.
        let length = (size_of::<AttributeHeader>() + value.len()) as u16;
        bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
        bytes.extend_from_slice(AttributeHeader { length, kind: *kind }.as_bytes());
        bytes.extend_from_slice(value);
    }
    let length = bytes.len() as u32;
    let header = Header { length, kind, flags: flags | flags::REQUEST, sequence: 1, port: 0 };
    // The first bytes were kept for it.
    let _ = header.write_to_prefix(&mut bytes);
    bytes
}

/// The messages of one datagram: type and body.
pub fn messages(mut datagram: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (header, _) = Header::read_from_prefix(datagram).ok()?;
        let length = header.length as usize;
        let body = datagram.get(size_of::<Header>()..length)?;
        datagram = datagram.get(length.next_multiple_of(ALIGN)..).unwrap_or_default();
        Some((header.kind, body))
    })
}

/// The attributes in `bytes`: type, without the flags in its two highest bits, and value.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (header, _) = AttributeHeader::read_from_prefix(bytes).ok()?;
        let length = usize::from(header.length);
        let value = bytes.get(size_of::<AttributeHeader>()..length)?;
        bytes = bytes.get(length.next_multiple_of(ALIGN)..).unwrap_or_default();
        Some((header.kind & 0x3fff, value))
    })
}

/// A number in the machine's byte order.
pub fn number(value: &[u8]) -> Option<u32> {
    u32::read_from_prefix(value).ok().map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_back() {
        let bytes =
            request(30, flags::ACK, &[1, 2, 3, 4], &[(1, b"abc"), (2, &7_u32.to_ne_bytes())]);
        let (kind, body) = messages(&bytes).next().unwrap();
        assert_eq!((kind, &body[..4]), (30, &[1, 2, 3, 4][..]));
        let found: Vec<_> = attributes(&body[4..]).collect();
        assert_eq!(found, [(1, &b"abc"[..]), (2, &7_u32.to_ne_bytes()[..])]);
        assert_eq!(number(found[1].1), Some(7));
    }

    #[test]
    fn lengths_that_lie_end_the_reading() {
        let mut bytes = request(30, 0, &[], &[(1, b"abcd")]);
        for length in [0, 3, 15, 1000, u32::MAX] {
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(messages(&bytes).count(), 0, "{length}");
        }
        for length in [0_u16, 3, 9, u16::MAX] {
            let attribute = [length.to_ne_bytes(), 1_u16.to_ne_bytes(), [0; 2], [0; 2]].concat();
            assert_eq!(attributes(&attribute).count(), 0, "{length}");
        }
    }
}
