//! The capture at hand, as a port: read as it is, or by a tap.

use std::fs::File;

use wicketgate_packet::PortId;
use wicketgate_ports::capture::Sides;
use wicketgate_ports::tap::{Plan, Supplied, Tap};
use wicketgate_ports::{
    CapturePort, CaptureReader, CaptureWriter, HeapFrame, Port, PortError, Received,
};

use super::piece::Piece;

/// Frames in the hands of port, tap and worker together.
const FRAMES: usize = 4096;

/// Captures one after the other, through one gate.
pub(super) struct ReplayPort {
    tap: Tap<Piece>,
    /// The capture at hand has ended, and everything in it that need not wait has entered.
    is_drained: bool,
}

impl ReplayPort {
    /// Begins with one capture; frames leave to `writer`, if there is one.
    pub(super) fn new(
        reader: CaptureReader<File>,
        writer: Option<CaptureWriter<File>>,
        names: Vec<String>,
        plan: Plan,
    ) -> ReplayPort {
        let capture = CapturePort::new(reader, writer, names, plan.overlay, FRAMES);
        let piece = Piece { capture, is_last: true };
        ReplayPort { tap: Tap::new(piece, plan), is_drained: false }
    }

    /// Goes on with another. What the tap knows of connections stays: captures of one wire are often
    /// cut into files.
    pub(super) fn reopen(&mut self, reader: CaptureReader<File>) {
        self.tap.inner_mut().capture.reopen(reader);
        self.is_drained = false;
    }

    /// Whether other captures follow the one at hand.
    pub(super) fn more_follow(&mut self, more: bool) {
        self.tap.inner_mut().is_last = !more;
    }

    /// Completes the file of frames that left.
    pub(super) fn finish(&mut self) -> Result<(), PortError> {
        self.tap.inner_mut().capture.finish().map(|_file| ())
    }

    /// The reader of the capture at hand.
    pub(super) fn reader(&self) -> &CaptureReader<File> {
        self.tap.inner().capture.reader()
    }

    pub(super) fn supplied(&self) -> Supplied {
        self.tap.supplied()
    }

    /// Whether the capture shows a wire, and not the gate's own ports.
    pub(super) fn is_tapped(&self) -> bool {
        matches!(self.tap.inner().capture.sides(), Sides::One(_))
    }
}

impl Port for ReplayPort {
    type Frame = HeapFrame;

    fn receive(
        &mut self,
        burst: &mut Vec<Received<HeapFrame>>,
        max: usize,
    ) -> Result<usize, PortError> {
        let before = burst.len();
        let outcome = if self.is_tapped() {
            self.tap.receive(burst, max)
        } else {
            self.tap.inner_mut().receive(burst, max)
        };
        let nothing_came = burst.len() == before;
        self.is_drained = nothing_came && self.tap.inner().capture.is_finished();
        outcome
    }

    fn send(&mut self, leaving: Received<HeapFrame>, egress: PortId) {
        self.tap.send(leaving, egress);
    }

    fn recycle(&mut self, frame: HeapFrame) {
        self.tap.recycle(frame);
    }

    fn take(&mut self) -> Option<HeapFrame> {
        self.tap.take()
    }

    fn flush(&mut self) -> Result<(), PortError> {
        self.tap.flush()
    }

    /// What the tap holds back waits for the next capture; behind the last one nothing may wait.
    fn is_finished(&self) -> bool {
        if self.tap.inner().is_last && self.is_tapped() {
            self.tap.is_finished()
        } else {
            self.is_drained
        }
    }

    fn unsent(&self) -> u64 {
        self.tap.unsent()
    }
}
