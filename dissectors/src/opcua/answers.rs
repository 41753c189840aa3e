//! What a response says of the nodes that its request named (part 4, 5.11.2 and 5.11.4).

use super::frame::{Chunk, Kind, place};
use super::request::ResponseHeader;
use super::services::{self, READ, WRITE};
use super::variant::Budget;
use super::{Reader, variant};
use crate::{Answer, Values};

/// Bytes of a chunk's sequence header: channel, token, number, request.
const SEQUENCE: usize = 16;

/// The bit of a status that says it is bad (part 4, 7.39).
const BAD: u32 = 1 << 31;

/// Shows what the response `pdu` says of each node of its request, in order; nothing of one that is more than a chunk,
/// or encrypted.
pub fn answers(pdu: &[u8], see: &mut dyn FnMut(Answer<'_>)) {
    // Whatever cannot be read ends it.
    let _ = each(pdu, see);
}

fn each(pdu: &[u8], see: &mut dyn FnMut(Answer<'_>)) -> Option<()> {
    let chunk = Chunk::read(pdu)?;
    let is_one = chunk.kind == Kind::Message && chunk.place == place::FINAL;
    let mut reader = Reader::new(chunk.body.get(SEQUENCE..).filter(|_| is_one)?);
    let header = ResponseHeader::take(&mut reader).filter(|header| header.result & BAD == 0)?;
    let service = services::of_response(header.service)?.request;
    // Diagnostics, which nobody asks for; names for them; what is added.
    reader.byte().filter(|mask| *mask == 0)?;
    (0..reader.count()?).try_for_each(|_| reader.string().map(drop))?;
    reader.extension_object()?;
    for _ in 0..reader.count()? {
        see(match service {
            READ => read(&mut reader)?,
            WRITE if reader.u32()? & BAD == 0 => Answer::Done,
            WRITE => Answer::Failed,
            _ => return None,
        });
    }
    Some(())
}

/// A `DataValue`: good, as far as no status says otherwise.
fn read<'a>(reader: &mut Reader<'a>) -> Option<Answer<'a>> {
    let (value, status) = variant::data_value_and_status(reader)?;
    Some(if status & BAD == 0 { Answer::Read(value.0) } else { Answer::Read(Values::None) })
}

/// Whether the request `pdu` is for a part of a value, or may be: an index range stands in it, or it cannot be read
/// (part 4, 7.27).
pub fn asks_for_parts(pdu: &[u8]) -> bool {
    parts(pdu).unwrap_or(true)
}

fn parts(pdu: &[u8]) -> Option<bool> {
    let request = super::Request::read(&Chunk::read(pdu)?)?;
    let mut body = request.body;
    if request.service == READ {
        body.skip(8 + 4)?;
    }
    for _ in 0..body.count()? {
        let (_node, _attribute) = (body.node()?, body.u32()?);
        if !body.string()?.is_empty() {
            return Some(true);
        }
        match request.service {
            READ => body.qualified_name()?,
            WRITE => drop(variant::data_value(&mut body, &mut Budget::default())?),
            _ => return None,
        }
    }
    Some(false)
}
