//! What a reply says of the tags that its request named (PM020).

use super::data;
use super::frame::Packet;
use super::message::{Packed, Reply};
use super::services::{MULTIPLE_SERVICE_PACKET, READ_TAG};
use super::{Cpf, word};
use crate::{Answer, Values};

/// Shows what the response `pdu` says of each service of its request, in order. Of a fragment it is not known where
/// in the tag it lies: nothing of it counts as read.
pub fn answers(pdu: &[u8], see: &mut dyn FnMut(Answer<'_>)) {
    let Some(packet) = Packet::read(pdu).filter(|it| it.is_message() && it.status == 0) else {
        return;
    };
    let Some(reply) = Cpf::read(&packet).ok().and_then(|cpf| Reply::read(cpf.message).ok()) else {
        return;
    };
    match Packed::read(reply.data) {
        Ok(packed) if reply.service == MULTIPLE_SERVICE_PACKET => {
            let replies = (0..packed.count()).filter_map(|number| packed.get(number));
            replies.map_while(|it| Reply::read(it).ok()).for_each(|reply| see(answer(&reply)));
        }
        _ => see(answer(&reply)),
    }
}

fn answer<'a>(reply: &Reply<'a>) -> Answer<'a> {
    match (reply.status, reply.service) {
        (0, READ_TAG) => Answer::Read(values(reply.data)),
        (0, _) => Answer::Done,
        _ => Answer::Failed,
    }
}

/// A type, and numbers of it.
fn values(data: &[u8]) -> Values<'_> {
    let known = word(data).and_then(|(kind, bytes)| Some((data::scalar(kind)?, bytes)));
    known.map_or(Values::None, |(scalar, bytes)| Values::Scalars(scalar, bytes))
}
