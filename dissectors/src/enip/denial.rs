//! The protocol's own words for "no": a reply with a general status (CIP appendix B-1).
//!
//! The refusal travels in the same wrapping as the answer would: same session and sender context, the
//! encapsulation status 0, the same items. What was wrapped in an Unconnected Send is refused in the
//! name of the inner service, a PCCC command in PCCC's own words, each message of a Multiple Service
//! Packet by itself.

use super::command::is_io;
use super::connections::Connections;
use super::frame::{HEADER, Packet, code};
use super::message::{Packed, Request, Wrapped};
use super::open::{ForwardOpen, Kind, forward_close};
use super::pccc::{self, Pccc};
use super::services::{
    EXECUTE_PCCC, FORWARD_CLOSE, FORWARD_OPEN, LARGE_FORWARD_OPEN, MULTIPLE_SERVICE_PACKET,
    UNCONNECTED_SEND, object,
};
use super::{Cpf, REPLY, cpf};
use crate::Refusal;

/// Length of the longest refusal: of a Multiple Service Packet with as many messages as it may have.
pub const LONGEST: usize = HEADER + 8 + 8 + 6 + 6 + (2 + 4) * Packed::MAX as usize;

/// General status: look at the additional status.
pub const CONNECTION_FAILURE: u8 = 0x01;
/// Additional status: what is to travel to the target, or to the originator, cannot travel so (CIP 3-5.5.2.2).
pub const INVALID_NETWORK_CONNECTION_TYPE: [u16; 2] = [0x0123, 0x0124];
/// General status: a resource that is needed is not there now.
pub const RESOURCE_UNAVAILABLE: u8 = 0x02;
/// General status: who asks has no right to.
pub const PRIVILEGE_VIOLATION: u8 = 0x0f;
/// General status: at least one of the services in the packet failed.
pub const EMBEDDED_SERVICE_ERROR: u8 = 0x1e;

/// Encapsulation status: an invalid or unsupported command (ENIP 2-3.5).
const UNSUPPORTED_COMMAND: u32 = 1;

/// Encapsulation status: what the message carries is wrong (ENIP 2-3.5).
const INCORRECT_DATA: u32 = 3;

/// PCCC status: look at the extended status (DF1 chapter 8).
const EXTENDED_STATUS: u8 = 0xf0;
/// PCCC extended status: access denied, improper privilege.
const ACCESS_DENIED: u8 = 0x0b;

/// Writes the refusal of the request `pdu` to the front of `out` and returns its length.
///
/// A message on a connection that was not opened in this flow is refused by the encapsulation: nobody
/// knows what replies on that connection have to bear.
///
/// `None` if `pdu` is no request that is answered, or `out` is too short.
pub fn denial(
    pdu: &[u8],
    connections: &Connections,
    why: Refusal,
    out: &mut [u8],
) -> Option<usize> {
    let request = Packet::whole(pdu).ok()?;
    if is_io(pdu) || matches!(request.command, code::NOP | code::UNREGISTER_SESSION) {
        return None;
    }
    let mut out = Writer { out, length: 0 };
    let readable = Cpf::read(&request).ok().filter(|_| request.is_message());
    let Some(cpf) = readable else {
        header(&request, UNSUPPORTED_COMMAND, &mut out)?;
        return Some(out.length);
    };
    let known = |id| connections.to_originator(id).is_some();
    if cpf.connection.is_some_and(|(id, _)| !known(id)) {
        header(&request, INCORRECT_DATA, &mut out)?;
        return Some(out.length);
    }
    header(&request, 0, &mut out)?;
    let item = items(&cpf, connections, &mut out)?;
    reply(cpf.message, status(why), &mut out)?;
    out.set_length(item - 2, out.length - item)?;
    out.set_length(2, out.length - HEADER)?;
    Some(out.length)
}

const fn status(why: Refusal) -> u8 {
    match why {
        Refusal::Function | Refusal::Address | Refusal::Value => PRIVILEGE_VIOLATION,
        Refusal::Busy | Refusal::TooLong => RESOURCE_UNAVAILABLE,
        Refusal::Multicast => CONNECTION_FAILURE,
    }
}

fn header(request: &Packet<'_>, status: u32, out: &mut Writer<'_>) -> Option<()> {
    out.put(&request.command.to_le_bytes())?;
    out.put(&[0, 0])?;
    out.put(&request.session.to_le_bytes())?;
    out.put(&status.to_le_bytes())?;
    out.put(&request.context)?;
    out.put(&[0; 4])
}

/// Address item and the front of the data item; returns where the data begin.
fn items(cpf: &Cpf<'_>, connections: &Connections, out: &mut Writer<'_>) -> Option<usize> {
    out.put(cpf.interface)?;
    out.put(&[2, 0])?;
    let Some((id, sequence)) = cpf.connection else {
        out.put(&[0; 4])?;
        out.put(&cpf::item::UNCONNECTED.to_le_bytes())?;
        out.put(&[0; 2])?;
        return Some(out.length);
    };
    out.put(&cpf::item::CONNECTION.to_le_bytes())?;
    out.put(&[4, 0])?;
    out.put(&connections.to_originator(id)?.to_le_bytes())?;
    out.put(&cpf::item::CONNECTED.to_le_bytes())?;
    out.put(&[0; 2])?;
    let data = out.length;
    out.put(&sequence.to_le_bytes())?;
    Some(data)
}

/// The refusal of one message.
fn reply(message: &[u8], status: u8, out: &mut Writer<'_>) -> Option<()> {
    let service = message.first()? & !REPLY;
    let Ok(request) = Request::read(message) else { return bare(service, status, out) };
    let manager = request.is_to(object::CONNECTION_MANAGER);
    match service {
        UNCONNECTED_SEND if manager => match Wrapped::read(request.data) {
            // Once: what is nested deeper is refused in the name of what carries it.
            Ok(inner) => inner_reply(inner.message, status, out),
            Err(_) => bare(service, status, out),
        },
        _ => inner_reply(message, status, out),
    }
}

fn inner_reply(message: &[u8], status: u8, out: &mut Writer<'_>) -> Option<()> {
    let service = message.first()? & !REPLY;
    let Ok(request) = Request::read(message) else { return bare(service, status, out) };
    let manager = request.is_to(object::CONNECTION_MANAGER);
    match service {
        MULTIPLE_SERVICE_PACKET => match Packed::read(request.data) {
            Ok(packed) => each(packed, status, out),
            Err(_) => bare(service, status, out),
        },
        EXECUTE_PCCC if request.is_to(object::PCCC) => match Pccc::read(request.data) {
            Ok(pccc) => refuse_pccc(&pccc, out),
            Err(_) => bare(service, status, out),
        },
        FORWARD_OPEN | LARGE_FORWARD_OPEN | FORWARD_CLOSE if manager => {
            connection(&request, status, out)
        }
        _ => bare(service, status, out),
    }
}

/// Service, status, and no additional status.
fn bare(service: u8, status: u8, out: &mut Writer<'_>) -> Option<()> {
    out.put(&[service | REPLY, 0, status, 0])
}

/// Each message by itself, so that a client that reads the items finds its answer (CIP appendix
///
fn each(packed: Packed<'_>, status: u8, out: &mut Writer<'_>) -> Option<()> {
    const EACH: u16 = 4;
    bare(MULTIPLE_SERVICE_PACKET, EMBEDDED_SERVICE_ERROR, out)?;
    let count = packed.count();
    out.put(&count.to_le_bytes())?;
    for number in 0..count {
        out.put(&(2 + 2 * count + EACH * number).to_le_bytes())?;
    }
    let services = (0..count).filter_map(|number| packed.get(number)?.first().copied());
    for service in services {
        bare(service & !REPLY, status, out)?;
    }
    Some(())
}

/// Success for CIP, access denied for PCCC (DF1 chapter 8).
fn refuse_pccc(pccc: &Pccc<'_>, out: &mut Writer<'_>) -> Option<()> {
    bare(EXECUTE_PCCC, 0, out)?;
    out.put(pccc.requestor)?;
    out.put(&[pccc.cmd | pccc::REPLY, EXTENDED_STATUS])?;
    out.put(&pccc.tns.to_le_bytes())?;
    out.put(&[ACCESS_DENIED])
}

/// Unsuccessful opening or close: the connection's name and how much of the path was left (CIP
/// 3-5.5.2).
fn connection(request: &Request<'_>, status: u8, out: &mut Writer<'_>) -> Option<()> {
    let open = ForwardOpen::read(request.service, request.data).ok();
    match open.filter(|_| status == CONNECTION_FAILURE) {
        Some(open) => failure(&open, request.service, out)?,
        None => bare(request.service, status, out)?,
    }
    let triad = match request.service {
        FORWARD_CLOSE => forward_close(request.data).ok(),
        _ => open.map(|open| open.triad),
    };
    let Some(triad) = triad else { return Some(()) };
    out.put(&triad.connection.to_le_bytes())?;
    out.put(&triad.vendor.to_le_bytes())?;
    out.put(&triad.originator.to_le_bytes())?;
    out.put(&[0, 0])
}

/// Service, status, and one word that says which of the two ways cannot be.
fn failure(open: &ForwardOpen<'_>, service: u8, out: &mut Writer<'_>) -> Option<()> {
    let [there, back] = INVALID_NETWORK_CONNECTION_TYPE;
    let [to_target, _] = open.ways;
    let way = if to_target.kind == Kind::Multicast { there } else { back };
    out.put(&[service | REPLY, 0, CONNECTION_FAILURE, 1])?;
    out.put(&way.to_le_bytes())
}

/// Puts bytes one behind the other, as far as there is room.
struct Writer<'o> {
    out: &'o mut [u8],
    length: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.length + bytes.len();
        self.out.get_mut(self.length..end)?.copy_from_slice(bytes);
        self.length = end;
        Some(())
    }

    fn set_length(&mut self, at: usize, length: usize) -> Option<()> {
        let length = u16::try_from(length).ok()?.to_le_bytes();
        self.out.get_mut(at..at + 2)?.copy_from_slice(&length);
        Some(())
    }
}
