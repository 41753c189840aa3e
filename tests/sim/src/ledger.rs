//! Who has what: nobody is told that a byte has arrived which the other end does not have.
//!
//! The gate may acknowledge bytes that it holds, for then it answers for their delivery. A byte that it has
//! forwarded is the end's to acknowledge: an end that died would else have commands that nobody executed.

use wicketgate_packet::PortId;
use wicketgate_tests::frame::flag;

use crate::segment::Segment;
use crate::violation::Violation;

/// How much of a stream passes: denied requests do not, and denials come from nowhere.
#[derive(Clone, Debug)]
pub struct Share {
    /// For each PDU its end in the stream, and how many bytes up to there pass.
    ends: Vec<(usize, usize)>,
}

impl Share {
    /// Of PDUs with these lengths; those that pass are marked.
    pub fn new(pdus: impl Iterator<Item = (usize, bool)>) -> Share {
        let mut end = (0, 0);
        let ends = pdus.map(|(len, passes)| {
            end = (end.0 + len, end.1 + if passes { len } else { 0 });
            end
        });
        Share { ends: ends.collect() }
    }

    /// How many of the first `at` bytes pass.
    fn of(&self, at: usize) -> usize {
        let next = self.ends.partition_point(|(end, _)| *end <= at);
        let (begin, passed) = next.checked_sub(1).map_or((0, 0), |last| self.ends[last]);
        match self.ends.get(next) {
            Some((_, all)) => passed + (at - begin).min(all - passed),
            None => passed,
        }
    }
}

/// One direction's bytes, counted by those that pass from one end to the other.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// The port that acknowledgements to the sender leave by.
    port: PortId,
    /// The sender's stream, and the receiver's.
    sent: Share,
    got: Share,
    /// The sender's first number, and the receiver's.
    first: [Option<u32>; 2],
    /// How far the receiver's stream has left towards it, and how far it has acknowledged that.
    left: usize,
    acked: usize,
    /// Bytes that the sender knows of.
    known: usize,
}

impl Ledger {
    /// A ledger of bytes that come in by `port`.
    pub fn new(port: PortId, sent: Share, got: Share) -> Ledger {
        Ledger { port, sent, got, first: [None; 2], left: 0, acked: 0, known: 0 }
    }

    /// The receiver gets PDUs in another order than was planned.
    pub fn reorder(&mut self, got: Share) {
        self.got = got;
    }

    /// A frame enters by this port. How far it reaches into the sender's stream, where it is of that.
    pub fn enter(&mut self, port: PortId, segment: &Segment) -> Option<usize> {
        if port == self.port {
            note_first(&mut self.first[0], segment);
            let end = segment.end().wrapping_sub(self.first[0]?) as i32;
            return usize::try_from(end).ok();
        }
        if let Some(at) = acknowledged(self.first[1], segment) {
            self.acked = self.acked.max(at);
        }
        None
    }

    /// A frame leaves by this port.
    ///
    /// # Errors
    /// It acknowledges what was forwarded, and what the receiver has not.
    pub fn leave(&mut self, port: PortId, segment: &Segment) -> Result<(), Violation> {
        if port != self.port {
            note_first(&mut self.first[1], segment);
            let first = self.first[1].unwrap_or(segment.seq);
            let end = segment.end().wrapping_sub(first) as usize;
            // A SYN ends one before the first byte.
            if !segment.payload.is_empty() {
                self.left = self.left.max(end);
            }
            return Ok(());
        }
        let Some(at) = acknowledged(self.first[0], segment) else { return Ok(()) };
        let known = self.sent.of(at);
        let (forwarded, owned) = (self.got.of(self.left), self.got.of(self.acked));
        if owned.max(self.known) < known.min(forwarded) {
            return Err(Violation::EarlyAck { port: port.0, at });
        }
        self.known = self.known.max(known);
        Ok(())
    }
}

fn note_first(first: &mut Option<u32>, segment: &Segment) {
    if segment.has(flag::SYN) {
        *first = Some(segment.seq.wrapping_add(1));
    }
}

/// How many bytes of a stream that begins at `first` a segment acknowledges.
fn acknowledged(first: Option<u32>, segment: &Segment) -> Option<usize> {
    let at = segment.ack.wrapping_sub(first?) as i32;
    usize::try_from(at).ok().filter(|_| segment.has(flag::ACK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_counts() {
        let share = Share::new([(10, true), (5, false), (10, true)].into_iter());
        let of = [0, 4, 10, 12, 15, 16, 25, 26].map(|at| share.of(at));
        assert_eq!(of, [0, 4, 10, 10, 10, 11, 20, 20]);
    }
}
