//! Responses: whether they are well-formed by themselves.

use super::Cpf;
use super::command::is_io;
use super::frame::Packet;
use super::message::{Packed, Reply};
use super::services::MULTIPLE_SERVICE_PACKET;
use crate::NotTheProtocol;

/// General status: some of the services in the packet failed (CIP appendix B-1).
const EMBEDDED_SERVICE_ERROR: u8 = 0x1e;

/// Checks the response `pdu` by itself.
///
/// # Errors
/// The packet's length, items or the reply's front are not what they have to be.
pub fn response(pdu: &[u8]) -> Result<(), NotTheProtocol> {
    let packet = Packet::whole(pdu)?;
    if is_io(pdu) {
        return Ok(());
    }
    // A packet that was refused as such carries nothing, or the request again.
    if !packet.is_message() || packet.status != 0 {
        return Ok(());
    }
    let reply = Reply::read(Cpf::read(&packet)?.message)?;
    let packed = matches!(reply.status, 0 | EMBEDDED_SERVICE_ERROR);
    if reply.service == MULTIPLE_SERVICE_PACKET && packed && !reply.data.is_empty() {
        return replies(Packed::read(reply.data)?);
    }
    Ok(())
}

fn replies(packed: Packed<'_>) -> Result<(), NotTheProtocol> {
    let mut all = (0..packed.count()).filter_map(|number| packed.get(number));
    all.try_for_each(|message| Reply::read(message).map(|_| ()))
}
