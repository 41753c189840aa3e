//! What stands in the middle.

use wicketgate_packet::{PortId, Time};

use crate::violation::Violation;

/// Moves frames from port to port: the gate, or something that a test puts in its place.
pub trait Relay {
    /// A frame arrives.
    ///
    /// # Errors
    /// There is no room for it.
    fn arrive(&mut self, now: Time, port: PortId, frame: &[u8]) -> Result<(), Violation>;

    /// Does what is to be done now; puts what leaves behind `left`.
    fn turn(&mut self, now: Time, left: &mut Vec<(PortId, Vec<u8>)>);

    /// When it wants its next turn, if nothing arrives.
    fn due(&mut self, now: Time) -> Time;

    /// The commands told to the audit: the PDU, and whether it was denied; `None` where nothing reads them.
    fn told(&self) -> Option<&[(Vec<u8>, bool)]>;

    /// Whether what leaves is one canonical copy of the streams. NAT alone passes on what it gets: garbage
    /// in keep-alives, for instance.
    fn is_canonical(&self) -> bool {
        true
    }

    /// Whether it acknowledges what it has forwarded, and sends it again itself: a proxy does.
    fn answers_for_delivery(&self) -> bool {
        false
    }

    /// Both ends have closed: nothing may be left once its time is over.
    ///
    /// # Errors
    /// Something is.
    fn settle(&mut self, now: Time) -> Result<(), Violation>;
}
