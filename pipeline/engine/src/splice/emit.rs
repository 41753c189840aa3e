//! What is sent: for a segment that came, or by itself.

use wicketgate_dissectors::Direction;
use wicketgate_packet::parse::flags;
use wicketgate_packet::{Outbox, Time};

use super::compose::{self, LONGEST, Saying};
use super::lane::{Due, GivenUp};
use super::number::Offset;
use super::options::BLOCKS;
use crate::event::Sent;
use crate::flow::Flow;
use crate::stream::Stream;

/// Bytes that timestamps take of each segment (RFC 7323 appendix A).
const TIMESTAMPS: usize = 12;

/// Segments that one call sends again: what a timer owes is more than that only where the receiver
/// lets it wait, and then more at once would not help.
const AT_ONCE: usize = 4;

/// A connection, and the way out.
pub(crate) struct Emitter<'a> {
    pub(crate) now: Time,
    pub(crate) stream: &'a mut Stream,
    pub(crate) flow: &'a Flow,
    pub(crate) out: &'a mut dyn Outbox,
    /// Length of the protocol's longest PDU.
    pub(crate) longest: usize,
    /// What was sent so far.
    pub(crate) sent: Sent,
}

/// The numbers of a segment that leaves: what of it concerns the other direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Back {
    /// Acknowledgement number.
    pub(crate) ack: u32,
    /// Window, scaled.
    pub(crate) window: u16,
}

/// What a segment that came hands on to one that leaves for it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Handed {
    /// Differentiated services and ECN (RFC 3168).
    pub(crate) tos: u8,
    /// ECE and CWR.
    pub(crate) flags: u8,
    /// Blocks of a selective acknowledgement, as the receiver numbers them.
    pub(crate) blocks: [Option<(u32, u32)>; BLOCKS],
}

impl Stream {
    /// Acknowledgement and window of a segment that leaves in `direction`, of a protocol whose longest PDU has
    /// `longest` bytes. What it acknowledges of held bytes the gate owes from now on.
    #[inline(always)]
    pub(crate) fn back(&mut self, direction: Direction, longest: usize) -> Back {
        let other = self.lane_mut(direction.reverse());
        let window = other.window(longest);
        let ack = other.vouch();
        self.back_of(direction, (ack, window))
    }

    /// The same, how both are written.
    #[inline(always)]
    pub(crate) fn back_of(&self, direction: Direction, (ack, window): (Offset, u64)) -> Back {
        let (scale, other) = (self.scale(direction), self.lane(direction.reverse()));
        // A window below one unit would be told as none.
        let units = (window >> scale).max(u64::from(window > 0));
        Back { ack: other.wire(ack), window: units.min(u64::from(u16::MAX)) as u16 }
    }
}

impl Emitter<'_> {
    /// Acknowledgement and window of a segment that leaves in `direction`.
    #[inline]
    pub(crate) fn back(&mut self, direction: Direction) -> Back {
        self.stream.back(direction, self.longest)
    }

    /// Sends what was released and may leave.
    pub(crate) fn send_new(&mut self, direction: Direction, handed: Handed) -> bool {
        let (from, to) = self.stream.lane(direction).unsent();
        self.send(direction, (from, to), handed, usize::MAX)
    }

    /// Sends again what of the sender's `from..to` is under way.
    pub(crate) fn send_old(&mut self, direction: Direction, from: Offset, to: Offset) -> bool {
        let (mut from, mut sent) = (from, false);
        // One piece at a time: each ends at an edit, and there are only so many.
        loop {
            let piece = self.stream.lane(direction).under_way(from, to).next();
            let Some((l, r)) = piece else { return sent };
            sent |= self.send(direction, (l, r), Handed::default(), AT_ONCE);
            from = self.stream.lane(direction).up(r).max(from + 1);
        }
    }

    /// Sends released bytes, in segments that their receiver takes; at most `count` of them.
    fn send(
        &mut self,
        direction: Direction,
        (mut from, to): (Offset, Offset),
        mut handed: Handed,
        count: usize,
    ) -> bool {
        let some = from < to;
        let back = if some { self.back(direction) } else { return false };
        for _ in 0..count {
            if from >= to {
                break;
            }
            let end = to.min(from + self.segment_len(direction) as u64);
            self.say(direction, from, end, back, handed);
            self.stream.lane_mut(direction).note_sent(end, self.now);
            handed.flags = 0;
            from = end;
        }
        some
    }

    /// One segment with the released bytes from `from` to `to`, which may be none.
    fn say(&mut self, direction: Direction, from: Offset, to: Offset, back: Back, handed: Handed) {
        let lane = self.stream.lane(direction);
        let (payload, fin) = lane.bytes(from, to);
        let kind = match (payload.is_empty(), fin) {
            (_, true) => flags::ACK | flags::FIN,
            (false, false) => flags::ACK | flags::PSH,
            (true, false) => flags::ACK,
        };
        let saying = Saying {
            seq: lane.wire(from),
            ack: back.ack,
            flags: kind | handed.flags,
            window: back.window,
            timestamps: self.timestamps(direction),
            blocks: handed.blocks,
            tos: handed.tos,
            payload,
        };
        let len = compose::send(self.flow.rewrite(direction), &saying, self.out);
        self.count(len);
    }

    /// An acknowledgement, with what the sender of the other direction has sent as `direction`'s next
    /// byte; `probe`: as the one before, so that the receiver answers (RFC 9293 section 3.8.4).
    pub(crate) fn send_ack(&mut self, direction: Direction, probe: bool, handed: Handed) {
        let back = self.back(direction);
        let sent = self.stream.lane(direction).sent();
        let from = if probe { sent - 1 } else { sent };
        self.say(direction, from, from, back, handed);
    }

    /// Acknowledges to who sends in `direction`, gaps included.
    pub(crate) fn answer(&mut self, direction: Direction) {
        let mut handed = Handed::default();
        if self.stream.has_sack() {
            let lane = self.stream.lane(direction);
            for (place, (left, right)) in handed.blocks.iter_mut().zip(lane.gaps()) {
                *place = Some((lane.wire(left), lane.wire(right)));
            }
        }
        self.send_ack(direction.reverse(), false, handed);
    }

    /// Puts those denials into the responses whose turn it is. Whether some were.
    ///
    /// # Errors
    /// The asset has said FIN, or too many corrections are outstanding.
    pub(crate) fn inject(&mut self, all: bool) -> Result<bool, GivenUp> {
        let mut some = false;
        if !all && !self.stream.may_interject() {
            return Ok(false);
        }
        loop {
            let Stream { pending, waived, responses, denials, dialog, .. } = &mut *self.stream;
            let Some((denial, _)) = denials.first() else { break };
            let waited = self.now >= denial.until;
            if !all && !waited && pending.lacks(*waived, denial.before) {
                break;
            }
            if waited {
                *waived = denial.before;
            }
            if responses.is_finished() {
                return Err(GivenUp);
            }
            dialog.stamp(denials.first_words_mut());
            let words = denials.first().map_or(&[][..], |(_, words)| words);
            responses.put_in(words, self.now).map_err(|_| GivenUp)?;
            denials.skip();
            some = true;
        }
        Ok(some)
    }

    /// Does what is due by itself.
    ///
    /// # Errors
    /// A PDU was never completed, or what the gate owes cannot be delivered.
    pub(crate) fn expire(&mut self) -> Result<(), GivenUp> {
        if self.inject(false)? {
            self.send_new(Direction::ToClient, Handed::default());
        }
        for direction in [Direction::ToServer, Direction::ToClient] {
            let Due { resend, nudge, probe } = self.stream.lane_mut(direction).expire(self.now)?;
            if let Some(piece) = resend {
                self.send(direction, piece, Handed::default(), AT_ONCE);
            }
            if nudge {
                self.answer(direction);
            }
            if probe {
                self.send_ack(direction.reverse(), true, Handed::default());
            }
        }
        Ok(())
    }

    /// Resets both ends, each with the number that it expects (RFC 5961 section 3): behind all that
    /// was sent, or, if some of that was lost, behind what it has acknowledged.
    pub(crate) fn reset_both(&mut self) {
        for direction in [Direction::ToServer, Direction::ToClient] {
            self.reset(direction);
        }
    }

    /// Resets the end that `direction` leads to.
    pub(crate) fn reset(&mut self, direction: Direction) {
        let (lane, other) = (self.stream.lane(direction), self.stream.lane(direction.reverse()));
        let ack = other.wire(other.ack());
        let (sent, acked) = (lane.wire(lane.sent()), lane.wire(lane.acked()));
        let rewrite = self.flow.rewrite(direction);
        let mut len = compose::reset(rewrite, (sent, ack), self.out);
        self.count(len);
        if acked != sent {
            len = compose::reset(rewrite, (acked, ack), self.out);
            self.count(len);
        }
    }

    fn segment_len(&self, direction: Direction) -> usize {
        let options = if self.stream.has_timestamps() { TIMESTAMPS } else { 0 };
        self.stream.mss(direction).saturating_sub(options).clamp(1, LONGEST)
    }

    /// A timestamp never newer than the sender's own latest, and the latest to echo.
    fn timestamps(&self, direction: Direction) -> Option<(u32, u32)> {
        let clocks = (self.stream.clock(direction), self.stream.clock(direction.reverse()));
        self.stream.has_timestamps().then_some(clocks)
    }

    fn count(&mut self, len: Option<usize>) {
        if let Some(len) = len {
            self.sent.frames += 1;
            self.sent.bytes += len as u32;
        }
    }
}
