//! The capture at hand, as a port: read as it is, or by a tap.

use std::fs::File;

use wicketgate_packet::PortId;
use wicketgate_ports::capture::Sides;
use wicketgate_ports::tap::{Plan, Supplied, Tap};
use wicketgate_ports::{
    CapturePort, CaptureReader, CaptureWriter, HeapFrame, Port, PortError, Received,
};

/// Frames in the hands of port, tap and worker together.
const FRAMES: usize = 4096;

/// Captures one after the other, through one gate.
pub(super) struct ReplayPort(Tap<CapturePort<File>>);

impl ReplayPort {
    /// Begins with one capture; frames leave to `writer`, if there is one.
    pub(super) fn new(
        reader: CaptureReader<File>,
        writer: Option<CaptureWriter<File>>,
        names: Vec<String>,
        plan: Plan,
    ) -> ReplayPort {
        let port = CapturePort::new(reader, writer, names, plan.overlay, FRAMES);
        ReplayPort(Tap::new(port, plan))
    }

    /// Goes on with another. What the tap knows of connections stays: captures of one wire are often
    /// cut into files.
    pub(super) fn reopen(&mut self, reader: CaptureReader<File>) {
        self.0.inner_mut().reopen(reader);
    }

    /// Completes the file of frames that left.
    pub(super) fn finish(&mut self) -> Result<(), PortError> {
        self.0.inner_mut().finish().map(|_file| ())
    }

    /// The reader of the capture at hand.
    pub(super) fn reader(&self) -> &CaptureReader<File> {
        self.0.inner().reader()
    }

    pub(super) fn supplied(&self) -> Supplied {
        self.0.supplied()
    }

    /// Whether the capture shows a wire, and not the gate's own ports.
    pub(super) fn is_tapped(&self) -> bool {
        matches!(self.0.inner().sides(), Sides::One(_))
    }
}

impl Port for ReplayPort {
    type Frame = HeapFrame;

    fn receive(
        &mut self,
        burst: &mut Vec<Received<HeapFrame>>,
        max: usize,
    ) -> Result<usize, PortError> {
        if self.is_tapped() {
            self.0.receive(burst, max)
        } else {
            self.0.inner_mut().receive(burst, max)
        }
    }

    fn send(&mut self, leaving: Received<HeapFrame>, egress: PortId) {
        self.0.send(leaving, egress);
    }

    fn recycle(&mut self, frame: HeapFrame) {
        self.0.recycle(frame);
    }

    fn take(&mut self) -> Option<HeapFrame> {
        self.0.take()
    }

    fn flush(&mut self) -> Result<(), PortError> {
        self.0.flush()
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    fn unsent(&self) -> u64 {
        self.0.unsent()
    }
}
