//! Responses: whether they are well-formed by themselves.

use super::frame::{Chunk, Kind, place};
use crate::NotTheProtocol;

/// Checks the response `pdu`, or the front of one, by itself: that it is something that a server says. What
/// it carries is the server's, and is not read.
///
/// # Errors
/// It is a request.
pub fn response(pdu: &[u8]) -> Result<(), NotTheProtocol> {
    let chunk = Chunk::read(pdu).ok_or(NotTheProtocol::Inconsistent)?;
    match chunk.kind {
        Kind::Acknowledge if chunk.size != 28 => Err(NotTheProtocol::Inconsistent),
        Kind::Acknowledge | Kind::Error | Kind::Open | Kind::Message => Ok(()),
        Kind::Hello | Kind::ReverseHello | Kind::Close => Err(NotTheProtocol::Function),
    }
}

/// Whether no more chunks of the response follow.
pub fn completes(pdu: &[u8]) -> bool {
    Chunk::read(pdu).is_none_or(|chunk| chunk.place != place::MORE)
}

/// Whether it is an ERR: a server's last word, of which no request is known.
pub fn is_unasked(pdu: &[u8]) -> bool {
    Chunk::read(pdu).is_some_and(|chunk| chunk.kind == Kind::Error)
}
