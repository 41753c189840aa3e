//! The common packet format (ENIP 2-6): an address item, a data item, and what may follow them.

use super::frame::{Packet, code};
use super::word;
use crate::NotTheProtocol;

/// Item types (ENIP 2-6.1).
pub mod item {
    /// No address: the message is unconnected.
    pub const NULL: u16 = 0x0000;
    /// Who a device is, in the reply to ListIdentity.
    pub const IDENTITY: u16 = 0x000c;
    /// A connection identifier.
    pub const CONNECTION: u16 = 0x00a1;
    /// A connected message.
    pub const CONNECTED: u16 = 0x00b1;
    /// An unconnected message.
    pub const UNCONNECTED: u16 = 0x00b2;
    /// Where data of a connection are to be sent: originator to target.
    pub const SOCKET_TO_TARGET: u16 = 0x8000;
    /// The same, target to originator.
    pub const SOCKET_TO_ORIGINATOR: u16 = 0x8001;
    /// A connection identifier and a sequence number, of implicit I/O.
    pub const SEQUENCED: u16 = 0x8002;
}

/// How a datagram of implicit I/O begins: two items, the first a sequenced address of 8 bytes.
pub(super) const IO_FRONT: [u8; 6] = [2, 0, 0x02, 0x80, 8, 0];

/// Items that one packet may have.
const MAX_ITEMS: u16 = 4;

/// Length of a socket address item (ENIP 2-6.3.3).
const SOCKET: usize = 16;

/// One item, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its type: one of [`item`].
    pub kind: u16,
    /// What it holds.
    pub data: &'a [u8],
}

impl<'a> Item<'a> {
    /// Takes the first item off `rest`; `None`, with `rest` as it was, if it is not all there.
    pub fn take(rest: &mut &'a [u8]) -> Option<Item<'a>> {
        let (kind, tail) = word(rest)?;
        let (length, tail) = word(tail)?;
        let (data, tail) = tail.split_at_checked(usize::from(length))?;
        *rest = tail;
        Some(Item { kind, data })
    }
}

/// Each item behind address and message of a packet that carries one, as far as they are there.
pub(super) fn each_more<'a>(packet: &Packet<'a>, mut see: impl FnMut(Item<'a>)) {
    let Some((count, mut rest)) = packet.data.get(6..).and_then(word) else { return };
    for number in 0..count.min(MAX_ITEMS) {
        let Some(item) = Item::take(&mut rest) else { return };
        if number >= 2 {
            see(item);
        }
    }
}

/// The message in a packet and how it is addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpf<'a> {
    /// Interface handle and timeout, six bytes; the first four are 0 for CIP.
    pub interface: &'a [u8],
    /// Of a connected message: the connection and the sequence count.
    pub connection: Option<(u32, u16)>,
    /// The message for the message router.
    pub message: &'a [u8],
}

impl<'a> Cpf<'a> {
    /// The one message that `packet` carries.
    ///
    /// # Errors
    /// The items are not exactly an address and a message of the same kind, socket addresses behind
    /// them, and nothing over: a device that takes another item for the message reads another command.
    pub fn read(packet: &Packet<'a>) -> Result<Cpf<'a>, NotTheProtocol> {
        let inconsistent = NotTheProtocol::Inconsistent;
        let (interface, rest) = packet.data.split_at_checked(6).ok_or(inconsistent)?;
        let (count, mut rest) = word(rest).ok_or(inconsistent)?;
        if interface.iter().take(4).any(|byte| *byte != 0) || count > MAX_ITEMS {
            return Err(NotTheProtocol::Value);
        }
        let address = Item::take(&mut rest).ok_or(inconsistent)?;
        let message = Item::take(&mut rest).ok_or(inconsistent)?;
        for _ in 2..count {
            let more = Item::take(&mut rest).ok_or(inconsistent)?;
            let kinds = [item::SOCKET_TO_TARGET, item::SOCKET_TO_ORIGINATOR];
            if !kinds.contains(&more.kind) || more.data.len() != SOCKET {
                return Err(inconsistent);
            }
        }
        if count < 2 || !rest.is_empty() {
            return Err(inconsistent);
        }
        Cpf::addressed(packet.command, interface, address, message).ok_or(inconsistent)
    }

    fn addressed(
        command: u16,
        interface: &'a [u8],
        address: Item<'a>,
        message: Item<'a>,
    ) -> Option<Cpf<'a>> {
        match (command, address.kind, address.data, message.kind) {
            (code::SEND_RR_DATA, item::NULL, [], item::UNCONNECTED) => {
                Some(Cpf { interface, connection: None, message: message.data })
            }
            (code::SEND_UNIT_DATA, item::CONNECTION, &[a, b, c, d], item::CONNECTED) => {
                let (sequence, message) = word(message.data)?;
                let id = u32::from_le_bytes([a, b, c, d]);
                Some(Cpf { interface, connection: Some((id, sequence)), message })
            }
            _ => None,
        }
    }
}
