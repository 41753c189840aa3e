//! What an answer says of the variables that its job named.

use super::functions::{READ_VAR, WRITE_VAR};
use super::message::rosctr;
use super::variables::Datum;
use super::{Message, Tpdu};
use crate::{Answer, Values};

/// The code of an item that was read or written.
const SUCCESS: u8 = 0xff;

/// Shows what the response `pdu` says of each variable of its request, in order.
pub fn answers(pdu: &[u8], see: &mut dyn FnMut(Answer<'_>)) {
    let Some(Tpdu::Data(data)) = Tpdu::read(pdu) else { return };
    let Ok(message) = Message::read(data) else { return };
    if message.rosctr != rosctr::ACK_DATA {
        return;
    }
    let (mut parameters, mut rest) = (message.parameters, message.data);
    let (function, count) = (parameters.byte(), parameters.byte().unwrap_or_default());
    for left in (0..count).rev() {
        let answer = match function {
            Some(READ_VAR) => Datum::take(&mut rest, left == 0).map(|datum| read(&datum)),
            Some(WRITE_VAR) => rest.byte().map(|code| match code {
                SUCCESS => Answer::Done,
                _ => Answer::Failed,
            }),
            _ => None,
        };
        let Some(answer) = answer else { return };
        see(answer);
    }
}

fn read<'a>(datum: &Datum<'a>) -> Answer<'a> {
    match datum.bytes.contiguous() {
        Some(bytes) if datum.code == SUCCESS => Answer::Read(Values::Raw(bytes)),
        Some(_) => Answer::Failed,
        None => Answer::Read(Values::None),
    }
}
