//! PDUs out of a byte stream, and back in step after bytes that could not be read.

use wicketgate_dissectors::{Direction, Framed, Protocol};

use super::describe;
use super::pdu::Stamp;
use super::reassembly::Delivery;

/// Cuts one direction of a stream into PDUs.
#[derive(Debug)]
pub(super) struct Framer {
    protocol: Protocol,
    direction: Direction,
    /// Whether the next byte is known to begin or continue a PDU.
    in_step: bool,
    /// The beginning of a PDU that is not all there yet.
    partial: Vec<u8>,
    /// Bytes passed over because they were out of step.
    skipped: u64,
}

impl Framer {
    /// A framer somewhere in a stream.
    pub(super) fn new(protocol: Protocol, direction: Direction) -> Framer {
        Framer { protocol, direction, in_step: false, partial: Vec::new(), skipped: 0 }
    }

    /// The next byte is the first of the stream.
    pub(super) fn begin(&mut self) {
        self.in_step = true;
    }

    /// Bytes passed over since the last time this was asked.
    pub(super) fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }

    /// Takes what the stream delivers and hands out every PDU that becomes whole.
    pub(super) fn take(&mut self, delivery: Delivery<'_>, out: &mut impl FnMut(&[u8], Stamp)) {
        match delivery {
            Delivery::Gap => self.lose_step(0),
            Delivery::Data(data, stamp) if self.partial.is_empty() => self.piece(data, stamp, out),
            Delivery::Data(data, stamp) => self.continuation(data, stamp, out),
        }
    }

    /// Bytes that continue the partial PDU.
    fn continuation(&mut self, data: &[u8], stamp: Stamp, out: &mut impl FnMut(&[u8], Stamp)) {
        let mut joined = std::mem::take(&mut self.partial);
        let before = joined.len();
        joined.extend_from_slice(data);
        match self.cut(&joined, stamp, out) {
            Ok(used) => self.keep(joined.get(used..)),
            // The partial one was no PDU, but a new one may begin here.
            Err(used) if used < before => {
                self.lose_step(before);
                self.piece(data, stamp, out);
            }
            Err(used) => self.lose_step(joined.len() - used),
        }
    }

    /// Bytes that begin where a segment begins, with no partial PDU before them.
    fn piece(&mut self, data: &[u8], stamp: Stamp, out: &mut impl FnMut(&[u8], Stamp)) {
        self.in_step |= self.begins_pdu(data);
        if !self.in_step {
            return self.lose_step(data.len());
        }
        match self.cut(data, stamp, out) {
            Ok(used) => self.keep(data.get(used..)),
            Err(used) => self.lose_step(data.len() - used),
        }
    }

    /// Hands out the whole PDUs at the front of `bytes`. Returns where it stopped: for want of more
    /// bytes, or (`Err`) at something that is no PDU.
    fn cut(
        &self,
        bytes: &[u8],
        stamp: Stamp,
        out: &mut impl FnMut(&[u8], Stamp),
    ) -> Result<usize, usize> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match self.protocol.frame(rest) {
                Ok(Framed::Whole(length)) => {
                    out(rest.get(..length.get()).unwrap_or(rest), stamp);
                    at += length.get();
                }
                Ok(Framed::Need(_)) => return Ok(at),
                Err(_) => return Err(at),
            }
        }
        Ok(at)
    }

    fn keep(&mut self, rest: Option<&[u8]>) {
        self.partial.clear();
        self.partial.extend_from_slice(rest.unwrap_or_default());
    }

    fn lose_step(&mut self, skipped: usize) {
        self.skipped += (self.partial.len() + skipped) as u64;
        self.partial.clear();
        self.in_step = false;
    }

    /// Whether a segment looks so much like the beginning of a PDU that reading may start there: its
    /// first PDU is as long as the segment, or whole and without fault, or begun in earnest.
    fn begins_pdu(&self, segment: &[u8]) -> bool {
        match self.protocol.frame(segment) {
            Ok(Framed::Whole(length)) => {
                let first = segment.get(..length.get()).unwrap_or(segment);
                first.len() == segment.len() || self.is_sound(first)
            }
            Ok(Framed::Need(_)) => describe::is_known(self.protocol, segment),
            Err(_) => false,
        }
    }

    fn is_sound(&self, pdu: &[u8]) -> bool {
        match self.direction {
            Direction::ToServer => self.protocol.command(pdu).is_ok(),
            Direction::ToClient => self.protocol.response(pdu).is_ok(),
        }
    }
}
