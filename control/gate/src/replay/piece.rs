//! One capture of several: its end is not the end while others follow.

use std::fs::File;

use wicketgate_packet::PortId;
use wicketgate_ports::{CapturePort, HeapFrame, Port, PortError, Received};

/// A capture, and whether more of the same wire come behind it. Rotated captures are cut anywhere:
/// a segment that waits for an earlier one may find it at the beginning of the next file.
pub(super) struct Piece {
    pub(super) capture: CapturePort<File>,
    pub(super) is_last: bool,
}

impl Port for Piece {
    type Frame = HeapFrame;

    fn receive(
        &mut self,
        burst: &mut Vec<Received<HeapFrame>>,
        max: usize,
    ) -> Result<usize, PortError> {
        self.capture.receive(burst, max)
    }

    fn send(&mut self, leaving: Received<HeapFrame>, egress: PortId) {
        self.capture.send(leaving, egress);
    }

    fn recycle(&mut self, frame: HeapFrame) {
        self.capture.recycle(frame);
    }

    fn take(&mut self) -> Option<HeapFrame> {
        self.capture.take()
    }

    fn flush(&mut self) -> Result<(), PortError> {
        self.capture.flush()
    }

    fn is_finished(&self) -> bool {
        self.is_last && self.capture.is_finished()
    }

    fn unsent(&self) -> u64 {
        self.capture.unsent()
    }
}
