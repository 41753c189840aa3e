//! A capture as a [`Port`]: frames come from one file and, if wanted, leave to another.

use std::fs::File;
use std::io::{self, Read, Write};

use wicketgate_packet::{FrameBuf, PortId, Time};

use super::reader::{AtHand, CaptureReader, Interface, Record};
use super::writer::CaptureWriter;
use crate::pool::{HeapFrame, Pool};
use crate::port::{Port, PortError, Received};

/// How a capture was taken, which says by which port its frames come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// A tap on one wire: all frames come in by this port.
    One(PortId),
    /// At the gate itself: each frame comes in by the port its interface is named after.
    Two,
}

/// Replays a capture.
#[derive(Debug)]
pub struct CapturePort<R, W: Write = File> {
    reader: CaptureReader<R>,
    writer: Option<CaptureWriter<W>>,
    pool: Pool,
    sides: Sides,
    /// Where frames come in that have one side only.
    tap: PortId,
    names: Vec<String>,
    /// The port of each interface of the capture met so far; used where there are two sides.
    ports: Vec<Option<PortId>>,
    /// A fault found behind frames that had to be handed out first.
    fault: Option<PortError>,
    finished: bool,
    unsent: u64,
    /// Whether writing failed, so that nothing sensible can follow in the file.
    cut: bool,
    /// Why, until `flush` reports it.
    broken: Option<io::Error>,
}

impl<R: Read, W: Write> CapturePort<R, W> {
    /// Reads frames from `reader` into a pool of `frames`, writes those sent to `writer`.
    ///
    /// `names` are the gate's ports in [`PortId`] order. The capture is two-sided if it names all
    /// its interfaces and all are among them; otherwise every frame comes in by `tap`.
    pub fn new(
        reader: CaptureReader<R>,
        writer: Option<CaptureWriter<W>>,
        names: Vec<String>,
        tap: PortId,
        frames: usize,
    ) -> CapturePort<R, W> {
        CapturePort {
            sides: sides(&reader, &names, tap),
            tap,
            reader,
            writer,
            pool: Pool::on_demand(frames),
            names,
            ports: Vec::new(),
            fault: None,
            finished: false,
            unsent: 0,
            cut: false,
            broken: None,
        }
    }

    /// Whether frames come in by the ports their interfaces are named after.
    pub fn sides(&self) -> Sides {
        self.sides
    }

    /// The capture: how far it is read, its interfaces, what it skipped.
    pub fn reader(&self) -> &CaptureReader<R> {
        &self.reader
    }

    /// The frames nobody holds, for tests that look for a leak.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Goes on with another capture; frames leave to the same file as before.
    pub fn reopen(&mut self, reader: CaptureReader<R>) {
        self.sides = sides(&reader, &self.names, self.tap);
        self.reader = reader;
        self.ports.clear();
        self.fault = None;
        self.finished = false;
    }

    /// Completes the file of frames that left and hands it back; nothing more can be written.
    ///
    /// # Errors
    /// It cannot be written: the capture is cut.
    pub fn finish(&mut self) -> Result<Option<W>, PortError> {
        self.flush()?;
        self.writer.take().map(CaptureWriter::finish).transpose().map_err(PortError::Output)
    }

    /// Reads frames that need no second look to the end of `burst`, `max` at most; how many there were. Each is filled
    /// where it will lie: moved, it would wait for what was just written of it.
    fn read_at_hand(&mut self, burst: &mut Vec<Received<HeapFrame>>, max: usize) -> usize {
        let Sides::One(port) = self.sides else { return 0 };
        let before = burst.len();
        while burst.len() - before < max
            && let Some(AtHand { number, time: arrival, original_len, data }) =
                self.reader.at_hand()
            && let Some(frame) = self.pool.take()
        {
            burst.push(Received { frame, port, arrival, number, original_len });
            if let Some(received) = burst.last_mut() {
                received.frame.fill(&[], data);
            }
            let len = data.len();
            self.reader.pass(len);
        }
        burst.len() - before
    }

    /// Reads one frame; `None` when the capture has ended or no frame is free.
    fn next(&mut self) -> Result<Option<Received<HeapFrame>>, PortError> {
        let Some(mut frame) = self.pool.take() else { return Ok(None) };
        match self.fill(&mut frame) {
            Ok(Some((record, port))) => {
                let Record { number, time: arrival, original_len, .. } = record;
                Ok(Some(Received { frame, port, arrival, number, original_len }))
            }
            ended_or_fault => {
                self.pool.recycle(frame);
                self.finished = true;
                ended_or_fault.map(|_ended| None)
            }
        }
    }

    fn fill(&mut self, frame: &mut HeapFrame) -> Result<Option<(Record, PortId)>, PortError> {
        let Some(record) = self.reader.read(frame)? else { return Ok(None) };
        let port = self.ingress(record.interface)?;
        Ok(Some((record, port)))
    }

    fn ingress(&mut self, interface: usize) -> Result<PortId, PortError> {
        if let Sides::One(tap) = self.sides {
            return Ok(tap);
        }
        let interfaces = self.reader.interfaces();
        let unmapped = interfaces.get(self.ports.len()..).unwrap_or_default();
        self.ports.extend(unmapped.iter().map(|interface| port_of(interface, &self.names)));
        self.ports.get(interface).copied().flatten().ok_or_else(|| {
            let name = interfaces.get(interface).and_then(|interface| interface.name.clone());
            PortError::UnknownInterface(name.unwrap_or_default())
        })
    }

    /// Writes a frame if frames are wanted; false where that failed, now or before.
    fn write(&mut self, frame: &HeapFrame, egress: PortId, at: Time) -> bool {
        if self.cut || usize::from(egress.0) >= self.names.len() {
            return false;
        }
        let Some(writer) = &mut self.writer else { return true };
        self.broken = writer.write(egress, at, frame.bytes()).err();
        self.cut = self.broken.is_some();
        !self.cut
    }
}

/// Two-sided is a capture that names all its interfaces, each after one of the gate's ports.
fn sides<R: Read>(reader: &CaptureReader<R>, names: &[String], tap: PortId) -> Sides {
    let interfaces = reader.interfaces();
    let named = interfaces.iter().all(|interface| port_of(interface, names).is_some());
    if named && !interfaces.is_empty() { Sides::Two } else { Sides::One(tap) }
}

/// The port an interface is named after.
fn port_of(interface: &Interface, names: &[String]) -> Option<PortId> {
    let wanted = interface.name.as_ref()?;
    let position = names.iter().position(|name| name == wanted)?;
    u16::try_from(position).ok().map(PortId)
}

impl<R: Read, W: Write> Port for CapturePort<R, W> {
    type Frame = HeapFrame;

    fn receive(
        &mut self,
        burst: &mut Vec<Received<HeapFrame>>,
        max: usize,
    ) -> Result<usize, PortError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let mut count = 0;
        while count < max && !self.finished {
            count += self.read_at_hand(burst, max - count);
            if count == max {
                break;
            }
            match self.next() {
                Ok(Some(received)) => burst.push(received),
                Ok(None) => break,
                Err(fault) if count == 0 => return Err(fault),
                Err(fault) => {
                    self.fault = Some(fault);
                    break;
                }
            }
            count += 1;
        }
        Ok(count)
    }

    fn send(&mut self, leaving: Received<HeapFrame>, egress: PortId) {
        if !self.write(&leaving.frame, egress, leaving.arrival) {
            self.unsent += 1;
        }
        self.pool.recycle(leaving.frame);
    }

    fn recycle(&mut self, frame: HeapFrame) {
        self.pool.recycle(frame);
    }

    fn take(&mut self) -> Option<HeapFrame> {
        self.pool.take()
    }

    /// Reports what went wrong since the last time. The file's buffer is written when it is full
    /// and by [`finish`](CapturePort::finish): a file is in no hurry.
    fn flush(&mut self) -> Result<(), PortError> {
        self.broken.take().map_or(Ok(()), |error| Err(PortError::Output(error)))
    }

    fn is_finished(&self) -> bool {
        self.finished && self.fault.is_none()
    }

    fn unsent(&self) -> u64 {
        self.unsent
    }
}
