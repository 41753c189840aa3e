//! The encapsulation header (ENIP 2-3): where a packet ends, and its parts.

use core::num::NonZeroUsize;

use super::cpf::IO_FRONT;
use super::{MAX_PDU, double, word};
use crate::{Framed, NotTheProtocol};

/// Length of the header.
pub const HEADER: usize = 24;

/// Encapsulation commands (ENIP 2-3.2).
pub mod code {
    /// Does nothing and is not answered.
    pub const NOP: u16 = 0x00;
    /// Lists targets: not in the specification any more, but Rockwell Automation's tools send it.
    pub const LIST_TARGETS: u16 = 0x01;
    /// Lists what the device can carry.
    pub const LIST_SERVICES: u16 = 0x04;
    /// Asks who a device is.
    pub const LIST_IDENTITY: u16 = 0x63;
    /// Lists the device's other networks.
    pub const LIST_INTERFACES: u16 = 0x64;
    /// Opens a session.
    pub const REGISTER_SESSION: u16 = 0x65;
    /// Ends a session; not answered.
    pub const UNREGISTER_SESSION: u16 = 0x66;
    /// Carries an unconnected message.
    pub const SEND_RR_DATA: u16 = 0x6f;
    /// Carries a connected message.
    pub const SEND_UNIT_DATA: u16 = 0x70;
    /// Legacy.
    pub const INDICATE_STATUS: u16 = 0x72;
    /// Legacy.
    pub const CANCEL: u16 = 0x73;
    /// Asks for DTLS on a UDP flow (CIP Security).
    pub const START_DTLS: u16 = 0xc8;
}

/// Where the packet that begins at `bytes[0]` ends.
///
/// A datagram of implicit I/O has no encapsulation header: it is taken for what it is, so that captures
/// of it can be shown, and refused as a command.
///
/// # Errors
/// [`NotTheProtocol::Envelope`] where the command is none of [`code`] or the options are not 0 (a
/// receiver has to discard such a packet, ENIP 2-3.6), [`NotTheProtocol::TooLong`] above [`MAX_PDU`].
pub fn frame(bytes: &[u8]) -> Result<Framed, NotTheProtocol> {
    if is_io_front(bytes) {
        return io_frame(bytes);
    }
    check_front(bytes)?;
    let Some((length, _)) = bytes.get(2..).and_then(word) else { return Ok(Framed::Need(HEADER)) };
    let total = HEADER + usize::from(length);
    if total > MAX_PDU {
        return Err(NotTheProtocol::TooLong);
    }
    if bytes.iter().take(HEADER).skip(20).any(|byte| *byte != 0) {
        return Err(NotTheProtocol::Envelope);
    }
    Ok(whole(bytes, total))
}

/// Whether these are the first bytes of implicit I/O, as far as they are there.
fn is_io_front(bytes: &[u8]) -> bool {
    let front = bytes.get(..IO_FRONT.len()).unwrap_or(bytes);
    !front.is_empty() && IO_FRONT.starts_with(front)
}

/// Whether a connection begins with these bytes: a RegisterSession of version 1, as every session does
/// (ENIP 2-4.4). They are so many, and so many of them 0, that nothing else begins like that.
pub fn is_opening(bytes: &[u8]) -> bool {
    const DATA: [u8; 4] = [1, 0, 0, 0];
    let register = |packet: &Packet<'_>| {
        packet.command == code::REGISTER_SESSION && packet.session == 0 && packet.status == 0
    };
    Packet::whole(bytes).ok().filter(register).is_some_and(|packet| packet.data == DATA)
}

/// Refuses with the first byte that cannot be right.
fn check_front(bytes: &[u8]) -> Result<(), NotTheProtocol> {
    let known = match *bytes {
        [] => true,
        [low] => is_command(u16::from(low)),
        [low, high, ..] => is_command(u16::from_le_bytes([low, high])),
    };
    if known { Ok(()) } else { Err(NotTheProtocol::Envelope) }
}

fn whole(bytes: &[u8], total: usize) -> Framed {
    match NonZeroUsize::new(total) {
        Some(length) if bytes.len() >= total => Framed::Whole(length),
        _ => Framed::Need(total),
    }
}

/// A sequenced address of 8 bytes, then one data item (CIP 3-2.2.2.2, ENIP 2-6).
fn io_frame(bytes: &[u8]) -> Result<Framed, NotTheProtocol> {
    let Some((length, _)) = bytes.get(IO_FRONT.len() + 10..).and_then(word) else {
        return Ok(Framed::Need(IO_FRONT.len() + 12));
    };
    let total = IO_FRONT.len() + 12 + usize::from(length);
    if total > MAX_PDU { Err(NotTheProtocol::TooLong) } else { Ok(whole(bytes, total)) }
}

/// Whether this is a command that some device sends.
fn is_command(command: u16) -> bool {
    matches!(
        command,
        code::NOP | code::LIST_TARGETS | code::LIST_SERVICES | code::LIST_IDENTITY
            ..=code::UNREGISTER_SESSION
                | code::SEND_RR_DATA
                | code::SEND_UNIT_DATA
                | code::INDICATE_STATUS
                | code::CANCEL
                | code::START_DTLS
    )
}

/// The parts of one packet, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What the packet is for: one of [`code`].
    pub command: u16,
    /// Bytes that follow the header.
    pub length: u16,
    /// Session handle, from RegisterSession.
    pub session: u32,
    /// 0 in a request.
    pub status: u32,
    /// Chosen by the client, echoed by the server.
    pub context: [u8; 8],
    /// 0.
    pub options: u32,
    /// What follows the header.
    pub data: &'a [u8],
}

impl<'a> Packet<'a> {
    /// The parts as they lie there, unchecked; `None` below 24 bytes.
    pub fn read(bytes: &'a [u8]) -> Option<Packet<'a>> {
        let (command, rest) = word(bytes)?;
        let (length, rest) = word(rest)?;
        let (session, rest) = double(rest)?;
        let (status, rest) = double(rest)?;
        let (context, rest) = rest.split_first_chunk::<8>()?;
        let (options, data) = double(rest)?;
        Some(Packet { command, length, session, status, context: *context, options, data })
    }

    /// The parts of exactly one packet.
    ///
    /// # Errors
    /// Those of [`frame()`], and [`NotTheProtocol::Inconsistent`] if `bytes` is not as long as its
    /// header says.
    pub fn whole(bytes: &'a [u8]) -> Result<Packet<'a>, NotTheProtocol> {
        match frame(bytes)? {
            Framed::Whole(length) if length.get() == bytes.len() => {
                Packet::read(bytes).ok_or(NotTheProtocol::Inconsistent)
            }
            Framed::Whole(_) | Framed::Need(_) => Err(NotTheProtocol::Inconsistent),
        }
    }

    /// Whether it carries a message for an object.
    pub fn is_message(&self) -> bool {
        matches!(self.command, code::SEND_RR_DATA | code::SEND_UNIT_DATA)
    }
}
