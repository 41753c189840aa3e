//! A relay that changes addresses and nothing else.
//!
//! What goes wrong with it in the middle is the fault of stacks, links or programs: the control of every
//! other experiment.

use wicketgate_packet::{PortId, Time};
use wicketgate_tests::plant::{
    GATE_MAC, HMI, LINE, OFFICE, OFFICE_MAC, PRESS_3, PRESS_3_UNDERLAY, PRESS_MAC,
};

use crate::relay::Relay;
use crate::scenario::{CLIENT_PORT, PORT, Scenario};
use crate::segment::{Segment, readdress};
use crate::violation::Violation;

/// NAT without inspection.
#[derive(Debug, Default)]
pub struct Wire {
    queue: Vec<(PortId, Vec<u8>)>,
}

impl Relay for Wire {
    fn arrive(&mut self, _now: Time, port: PortId, frame: &[u8]) -> Result<(), Violation> {
        if Segment::read(frame).is_ok() {
            self.queue.push((port, frame.to_vec()));
        }
        Ok(())
    }

    fn turn(&mut self, _now: Time, left: &mut Vec<(PortId, Vec<u8>)>) {
        for (port, mut frame) in self.queue.drain(..) {
            left.push((translate(port, &mut frame), frame));
        }
    }

    fn due(&mut self, _now: Time) -> Time {
        Time::NEVER
    }

    fn told(&self) -> Option<&[(Vec<u8>, bool)]> {
        None
    }

    fn is_canonical(&self) -> bool {
        false
    }

    fn settle(&mut self, _now: Time) -> Result<(), Violation> {
        Ok(())
    }
}

/// Gives the frame the addresses of the other side; the port it leaves by.
pub fn translate(port: PortId, frame: &mut [u8]) -> PortId {
    let server = (PRESS_3_UNDERLAY, PORT);
    if port == OFFICE {
        readdress(frame, (PRESS_MAC, GATE_MAC[1]), Scenario::nat(), server);
        LINE
    } else {
        readdress(frame, (OFFICE_MAC, GATE_MAC[0]), (PRESS_3, PORT), (HMI, CLIENT_PORT));
        OFFICE
    }
}
