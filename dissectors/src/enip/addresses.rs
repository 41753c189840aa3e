//! Addresses inside packets: who a device says to be, and where data are to be sent (ENIP 2-4.3.3, 2-6.3.3).
//!
//! ```text
//! socket address, 16 bytes, big-endian: | family = 2 | port | address | 0 (8 bytes) |
//! ```
//!
//! Behind a NAT they have to be those by which the receiver knows both ends. Lengths stay as they are.

use core::net::Ipv4Addr;

use super::cpf::item;
use super::frame::code;
use super::word;

/// Both ends of a flow, as the receiver of a packet knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The device.
    pub target: Ipv4Addr,
    /// Who asks it.
    pub originator: Ipv4Addr,
}

/// Items that are looked at: one an identity, and what a message may have.
const MAX_ITEMS: u16 = 16;

/// Where the address stands in a socket address.
const ADDRESS: usize = 4;

/// Where the socket address stands in an identity item: behind the protocol's version.
const SOCKET: usize = 2;

/// Writes the addresses of `ends` over those in `pdu`, whatever these are: a client cannot have a device send its data
/// to a third. Where none is given, none is written. Whether that changed anything.
pub fn translate(pdu: &mut [u8], ends: &Ends) -> bool {
    let Some((count, mut at)) = items_at(pdu) else { return false };
    let mut changed = false;
    for _ in 0..count.min(MAX_ITEMS) {
        let Some((kind, rest)) = pdu.get(at..).and_then(word) else { break };
        let Some((length, _)) = word(rest) else { break };
        let (start, length) = (at + 4, usize::from(length));
        let Some(data) = pdu.get_mut(start..start + length) else { break };
        changed |= translate_item(kind, data, ends);
        at = start + length;
    }
    changed
}

/// How many items a packet has, and where they begin. The first two of a message have no address.
fn items_at(pdu: &[u8]) -> Option<(u16, usize)> {
    let (at, none) = match word(pdu)?.0 {
        code::LIST_IDENTITY => (24, 0),
        code::SEND_RR_DATA | code::SEND_UNIT_DATA => (30, 2),
        _ => return None,
    };
    let (count, _) = pdu.get(at..).and_then(word)?;
    (count > none).then_some((count, at + 2))
}

fn translate_item(kind: u16, data: &mut [u8], ends: &Ends) -> bool {
    let (at, end) = match kind {
        item::IDENTITY => (SOCKET + ADDRESS, ends.target),
        item::SOCKET_TO_TARGET => (ADDRESS, ends.target),
        item::SOCKET_TO_ORIGINATOR => (ADDRESS, ends.originator),
        _ => return false,
    };
    let Some(address) = data.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<4>) else {
        return false;
    };
    let is_given = *address != [0; 4] && *address != end.octets();
    if is_given {
        *address = end.octets();
    }
    is_given
}
