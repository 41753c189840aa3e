//! What was opened in a flow, as far as later PDUs need it.

use super::frame::tpdu;
use super::{Connect, Plus, Tpdu, plus};
use crate::Direction;

/// The connection of COTP that a flow carries: plain data of fixed size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Association {
    /// The client's reference: what a refusal has to bear.
    client: u16,
    /// The device's.
    device: u16,
    /// The device's last PDU of S7comm-plus goes on in the next one.
    goes_on: bool,
}

impl Association {
    /// None yet.
    pub const NONE: Association = Association { client: 0, device: 0, goes_on: false };

    /// The references of client and device; 0 where nothing was said yet.
    pub const fn references(&self) -> (u16, u16) {
        (self.client, self.device)
    }

    /// Whether a device may say `pdu` without being asked.
    pub fn is_unasked(&self, pdu: &[u8]) -> bool {
        self.goes_on || super::response::is_unasked(pdu)
    }

    /// Notes what a PDU that was let through opens, or leaves open.
    pub fn note(&mut self, direction: Direction, pdu: &[u8]) {
        match (Tpdu::read(pdu), direction) {
            (Some(Tpdu::Control(tpdu::CR, rest)), Direction::ToServer) => {
                self.client = Connect::read(rest).map_or(0, |connect| connect.source);
            }
            (Some(Tpdu::Control(tpdu::CC, rest)), Direction::ToClient) => {
                self.device = Connect::read(rest).map_or(0, |connect| connect.source);
            }
            (Some(Tpdu::Data(data)), Direction::ToClient) => {
                let is_plus = data.peek() == Some(plus::ID);
                self.goes_on = is_plus && Plus::read(data).is_ok_and(|plus| goes_on(&plus));
            }
            _ => {}
        }
    }
}

/// System events have no trailer either.
const fn goes_on(plus: &Plus<'_>) -> bool {
    !plus.is_last && !plus.is_event()
}
