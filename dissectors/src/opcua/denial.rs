//! The protocol's own words for "no" (part 4, 7.35 and 7.39; part 6, 7.1.5).
//!
//! A service is refused by a ServiceFault. Where the service is granted, but not on what it touches, the
//! answer is that of the service, with a status for each item: so clients show which of them failed. All
//! fail, for none was carried out. What is no service, or cannot be answered because the channel is
//! secured, is refused by an ERR: then the connection is over, and the client says why.
//!
//! Whoever puts a refusal into the stream numbers it: [`Channel::stamp`].

use super::frame::{Chunk, HEADER, Kind, Security};
use super::items::Nodes;
use super::services::{self, BROWSE, CALL, CREATE_MONITORED_ITEMS, READ, SERVICE_FAULT, WRITE};
use super::{Channel, Reader, Request};
use crate::Refusal;

/// Who asks has no right to.
pub const BAD_USER_ACCESS_DENIED: u32 = 0x801f_0000;
/// Not now.
pub const BAD_TOO_MANY_OPERATIONS: u32 = 0x8010_0000;
/// It asks for more than fits.
pub const BAD_REQUEST_TOO_LARGE: u32 = 0x80b8_0000;
/// Such a channel may not be opened.
pub const BAD_SECURITY_POLICY_REJECTED: u32 = 0x8055_0000;
/// What is encrypted cannot be judged.
pub const BAD_SECURITY_MODE_INSUFFICIENT: u32 = 0x80e6_0000;
/// The connection cannot be served now.
pub const BAD_TCP_SERVER_TOO_BUSY: u32 = 0x807d_0000;

/// Writes the refusal of the request `pdu`, or of the one that it is the front of, to the front of `out` and
/// returns its length.
///
/// `None` if `pdu` is no request that is answered, or `out` is too short.
pub fn denial(pdu: &[u8], channel: &Channel, why: Refusal, out: &mut [u8]) -> Option<usize> {
    // Of a request that is too long there is only the front.
    let chunk = Chunk::read(pdu)?;
    match chunk.kind {
        Kind::Hello => error(connection_status(why), out),
        Kind::Open => {
            let security = Security::take(&mut Reader::new(chunk.body))?;
            let rejected = security.is_secured() && why != Refusal::Busy;
            let status =
                if rejected { BAD_SECURITY_POLICY_REJECTED } else { connection_status(why) };
            error(status, out)
        }
        Kind::Message if channel.is_secured() => error(BAD_SECURITY_MODE_INSUFFICIENT, out),
        Kind::Message => message(&chunk, why, out),
        Kind::Close | Kind::Acknowledge | Kind::Error | Kind::ReverseHello => None,
    }
}

const fn connection_status(why: Refusal) -> u32 {
    match why {
        Refusal::Busy => BAD_TCP_SERVER_TOO_BUSY,
        Refusal::TooLong => BAD_REQUEST_TOO_LARGE,
        Refusal::Function | Refusal::Address | Refusal::Value | Refusal::Multicast => {
            BAD_USER_ACCESS_DENIED
        }
    }
}

const fn status(why: Refusal) -> u32 {
    match why {
        Refusal::Busy => BAD_TOO_MANY_OPERATIONS,
        Refusal::TooLong => BAD_REQUEST_TOO_LARGE,
        Refusal::Function | Refusal::Address | Refusal::Value | Refusal::Multicast => {
            BAD_USER_ACCESS_DENIED
        }
    }
}

/// ERR, a status and no words.
fn error(status: u32, out: &mut [u8]) -> Option<usize> {
    let mut out = Writer { out, length: 0 };
    out.put(b"ERRF")?;
    out.put(&16_u32.to_le_bytes())?;
    out.put(&status.to_le_bytes())?;
    out.put(&NULL)?;
    Some(out.length)
}

/// A null string or array.
const NULL: [u8; 4] = (-1_i32).to_le_bytes();

fn message(chunk: &Chunk<'_>, why: Refusal, out: &mut [u8]) -> Option<usize> {
    let request = Request::read(chunk);
    let is_about_items = matches!(why, Refusal::Address | Refusal::Value);
    let asked = request.as_ref().filter(|_| is_about_items);
    let each = asked.and_then(|request| by_item(chunk, request, why, out));
    each.or_else(|| fault(chunk, request.as_ref(), why, out))
}

/// The service's own answer, in which every item has failed; `None` where it has no items, or there is no
/// room for all.
fn by_item(
    chunk: &Chunk<'_>,
    request: &Request<'_>,
    why: Refusal,
    out: &mut [u8],
) -> Option<usize> {
    let service = services::find(request.service)?;
    let status = status(why).to_le_bytes();
    // What stands in front of the status of one item, and behind it.
    let (before, behind): (&[u8], &[u8]) = match request.service {
        WRITE => (&[], &[]),
        // A DataValue that has only a status.
        READ => (&[2], &[]),
        // No arguments were looked at: three arrays.
        CALL => (&[], &[0xff; 12]),
        // No identifier, interval and queue; no result of a filter.
        CREATE_MONITORED_ITEMS => (&[], &[0; 4 + 8 + 4 + 3]),
        // No continuation, no references.
        BROWSE => (&[], &[0xff; 8]),
        _ => return None,
    };
    let count = Nodes::of(request, service).ok()??.count();
    let mut out = Writer { out, length: 0 };
    front(chunk.body.first_chunk()?, &mut out)?;
    header(service.response, Some(request), 0, &mut out)?;
    out.put(&i32::try_from(count).ok()?.to_le_bytes())?;
    for _ in 0..count {
        out.put(before)?;
        out.put(&status)?;
        out.put(behind)?;
    }
    out.put(&NULL)?;
    out.finish()
}

/// A ServiceFault; of a request that cannot be read only its identifier is known.
fn fault(
    chunk: &Chunk<'_>,
    request: Option<&Request<'_>>,
    why: Refusal,
    out: &mut [u8],
) -> Option<usize> {
    let mut out = Writer { out, length: 0 };
    front(chunk.body.first_chunk()?, &mut out)?;
    header(SERVICE_FAULT, request, status(why), &mut out)?;
    out.finish()
}

/// Chunk header, channel, token, a number that is still to come, and the request's identifier.
fn front(sequence: &[u8; 16], out: &mut Writer<'_>) -> Option<()> {
    let [channel @ .., _, _, _, _, r0, r1, r2, r3] = sequence;
    out.put(b"MSGF\0\0\0\0")?;
    out.put(channel.first_chunk::<8>()?)?;
    out.put(&[0; 4])?;
    out.put(&[*r0, *r1, *r2, *r3])
}

/// Type and header of a response (part 4, 7.34): the time is the request's own, no diagnostics.
fn header(
    kind: u16,
    request: Option<&Request<'_>>,
    result: u32,
    out: &mut Writer<'_>,
) -> Option<()> {
    out.put(&[1, 0])?;
    out.put(&kind.to_le_bytes())?;
    out.put(request.map_or(&[0; 8], |request| request.timestamp))?;
    out.put(&request.map_or(0, |request| request.handle).to_le_bytes())?;
    out.put(&result.to_le_bytes())?;
    out.put(&[0])?;
    out.put(&NULL)?;
    out.put(&[0; 3])
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

    /// Writes the length of the whole into the header.
    fn finish(self) -> Option<usize> {
        let length = u32::try_from(self.length).ok()?.to_le_bytes();
        self.out.get_mut(4..HEADER)?.copy_from_slice(&length);
        Some(self.length)
    }
}
