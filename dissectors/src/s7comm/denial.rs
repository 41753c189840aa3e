//! The protocol's own words for "no".
//!
//! | what | is refused by |
//! |---|---|
//! | read, write | a return code for each item: 03, accessing the object not allowed |
//! | another job, userdata | error D2 41, function not permitted in the current protection level |
//! | a job that the gate does not know | error 81 04, function not implemented |
//! | a connection, S7comm-plus | a disconnect request of COTP: messages of S7comm-plus are signed |
//!
//! What a client sends in answer to its device has no refusal.

use super::frame::{DATA_HEADER, EOT, tpdu};
use super::functions::{READ_VAR, WRITE_VAR, find};
use super::message::{self, rosctr};
use super::userdata::{Userdata, kind};
use super::{Association, Connect, Message, Tpdu, plus};
use crate::Class;

/// Length of the longest refusal: of a read of 255 items.
pub const LONGEST: usize = DATA_HEADER + 12 + 2 + 4 * 255;

/// Return code of an item: accessing the object not allowed.
const NOT_ALLOWED: u8 = 0x03;
/// Return code of userdata without data.
const NO_OBJECT: u8 = 0x0a;
/// Function not permitted in the current protection level.
const PROTECTED: [u8; 2] = [0xd2, 0x41];
/// Function not implemented.
const NOT_IMPLEMENTED: [u8; 2] = [0x81, 0x04];
/// Reason of a disconnect request: not specified (ISO 8073 section 13.5.3).
const NOT_SPECIFIED: u8 = 0;

/// Writes the refusal of the request `pdu` to the front of `out` and returns its length. `association`
/// says what the connection is called; why it is refused the protocol cannot say.
///
/// `None` if the protocol has no words for it, or `out` has no room.
pub fn denial(pdu: &[u8], association: &Association, out: &mut [u8]) -> Option<usize> {
    let mut answer = Answer { out, length: 0 };
    match Tpdu::read(pdu)? {
        Tpdu::Control(tpdu::CR, rest) => disconnect((Connect::read(rest)?.source, 0), &mut answer)?,
        Tpdu::Control(..) => return None,
        Tpdu::Data(data) if data.peek() == Some(message::ID) => of_message(data, &mut answer)?,
        Tpdu::Data(data) if data.peek() == Some(plus::ID) => {
            disconnect(association.references(), &mut answer)?;
        }
        Tpdu::Data(_) => return None,
    }
    answer.finish()
}

/// ISO 8073 section 13.5.
fn disconnect((client, device): (u16, u16), answer: &mut Answer<'_>) -> Option<()> {
    answer.put(&[3, 0, 0, 0, 6, tpdu::DR])?;
    answer.put(&client.to_be_bytes())?;
    answer.put(&device.to_be_bytes())?;
    answer.put(&[NOT_SPECIFIED])
}

fn of_message(data: super::Tsdu<'_>, answer: &mut Answer<'_>) -> Option<()> {
    let mut front = data;
    let header = Message::header(&mut front).ok()?;
    let reference = header.reference;
    // Of a message that contradicts itself so much as can be read.
    let message = Message::read(data).unwrap_or(header);
    match (message.rosctr, message.function().or(front.peek())) {
        (rosctr::JOB, Some(code @ (READ_VAR | WRITE_VAR))) => {
            items(code, &message, reference, answer)
        }
        (rosctr::JOB, code) => {
            let code = code.unwrap_or_default();
            let is_known = find(code.into(), None).class != Class::Unknown
                || code == super::functions::PI_SERVICE;
            let error = if is_known { PROTECTED } else { NOT_IMPLEMENTED };
            job(reference, [1, 0], error, answer)?;
            answer.put(&[code])
        }
        (rosctr::USERDATA, _) => userdata(&message, answer),
        _ => None,
    }
}

/// TPKT, COTP and the header of S7comm in an Ack_Data.
fn job(
    reference: u16,
    [parameters, data]: [u8; 2],
    [class, code]: [u8; 2],
    answer: &mut Answer<'_>,
) -> Option<()> {
    answer.put(&[3, 0, 0, 0, 2, tpdu::DT, EOT, message::ID, rosctr::ACK_DATA, 0, 0])?;
    answer.put(&reference.to_be_bytes())?;
    answer.put(&[0, parameters, 0, data, class, code])
}

/// Each item of a read or write by itself.
fn items(code: u8, message: &Message<'_>, reference: u16, answer: &mut Answer<'_>) -> Option<()> {
    let mut parameters = message.parameters;
    let Some(count) = parameters.array().map(|[_, count]| count).filter(|count| *count > 0) else {
        job(reference, [1, 0], PROTECTED, answer)?;
        return answer.put(&[code]);
    };
    let item: &[u8] = if code == WRITE_VAR { &[NOT_ALLOWED] } else { &[NOT_ALLOWED, 0, 0, 0] };
    let data = u16::try_from(usize::from(count) * item.len()).ok()?;
    job(reference, [2, 0], [0, 0], answer)?;
    answer.set_word(DATA_HEADER + 8, data)?;
    answer.put(&[code, count])?;
    (0..count).try_for_each(|_| answer.put(item))
}

fn userdata(message: &Message<'_>, answer: &mut Answer<'_>) -> Option<()> {
    let asked = Userdata::read(message.parameters).ok().filter(|it| it.kind == kind::REQUEST)?;
    answer.put(&[3, 0, 0, 0, 2, tpdu::DT, EOT, message::ID, rosctr::USERDATA, 0, 0])?;
    answer.put(&message.reference.to_be_bytes())?;
    answer.put(&[0, 12, 0, 4, 0, 1, 0x12, 8, 0x12])?;
    answer.put(&[kind::RESPONSE << 4 | asked.group, asked.subfunction, asked.sequence, 0, 0])?;
    answer.put(&PROTECTED)?;
    answer.put(&[NO_OBJECT, 0, 0, 0])
}

/// Puts bytes one behind the other, as far as there is room.
struct Answer<'o> {
    out: &'o mut [u8],
    length: usize,
}

impl Answer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.length + bytes.len();
        self.out.get_mut(self.length..end)?.copy_from_slice(bytes);
        self.length = end;
        Some(())
    }

    fn set_word(&mut self, at: usize, word: u16) -> Option<()> {
        self.out.get_mut(at..at + 2)?.copy_from_slice(&word.to_be_bytes());
        Some(())
    }

    /// The length of TPKT, which is that of all.
    fn finish(mut self) -> Option<usize> {
        self.set_word(2, u16::try_from(self.length).ok()?)?;
        Some(self.length)
    }
}
