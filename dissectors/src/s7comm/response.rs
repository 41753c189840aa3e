//! What a device says: whether it is well-formed, and whether it may say it without being asked.

use super::frame::{is_tls, tpdu};
use super::message::{self, rosctr};
use super::plus;
use super::userdata::{Userdata, kind};
use super::{Connect, Message, Plus, Tpdu};
use crate::NotTheProtocol;

/// Checks a PDU of a device.
///
/// # Errors
/// The envelope is wrong, or the lengths of the message are not those of its parts.
pub fn response(pdu: &[u8]) -> Result<(), NotTheProtocol> {
    let data = match Tpdu::whole(pdu)? {
        Tpdu::Data(data) => data,
        Tpdu::Control(tpdu::CR, _) => return Err(NotTheProtocol::Envelope),
        Tpdu::Control(tpdu::CC, rest) => {
            return Connect::read(rest).map(drop).ok_or(NotTheProtocol::Length);
        }
        Tpdu::Control(..) => return Ok(()),
    };
    match data.peek() {
        Some(message::ID) => {
            let message = Message::read(data)?;
            match message.rosctr {
                rosctr::USERDATA => Userdata::read(message.parameters).map(drop),
                _ => Ok(()),
            }
        }
        Some(plus::ID) => Plus::read(data).map(drop),
        _ => Ok(()),
    }
}

/// Whether a device says `pdu` on its own: the jobs with which it fetches a download, cyclic values,
/// alarms, notifications; what TLS hides; and the end of a connection.
pub fn is_unasked(pdu: &[u8]) -> bool {
    match Tpdu::read(pdu) {
        Some(Tpdu::Control(kind, _)) => kind != tpdu::CC,
        Some(Tpdu::Data(data)) => match data.peek() {
            Some(message::ID) => Message::read(data).is_ok_and(|message| is_own(&message)),
            Some(plus::ID) => Plus::read(data).is_ok_and(|plus| {
                plus.is_event()
                    || plus.head().is_none_or(|head| head.opcode != plus::opcode::RESPONSE)
            }),
            Some(byte) => is_tls(byte),
            None => true,
        },
        None => false,
    }
}

fn is_own(message: &Message<'_>) -> bool {
    match message.rosctr {
        rosctr::JOB => true,
        rosctr::USERDATA => {
            Userdata::read(message.parameters).is_ok_and(|userdata| userdata.kind != kind::RESPONSE)
        }
        _ => false,
    }
}
