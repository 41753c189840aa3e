//! One segment on its way through: taken, judged, and sent on as it is or from the canonical copy.

use wicketgate_dissectors::{Direction, Portion, Protocol};
use wicketgate_packet::parse::{Segment, TcpOptions, flags};

use super::canon::{CAPACITY, LONG_CAPACITY};
use super::emit::{Emitter, Handed};
use super::lane::{MARGIN, Taken, WINDOW};
use super::long::{LONGEST_PDU, LongCopies};
use super::number::Offset;
use super::options::{self, Options};
use crate::event::EndCause;
use crate::judge::{Inspected, Judge, Numbers, Said};
use crate::stream::Stream;
use crate::tables::DenialStyle;
use crate::verdict::Reason;

use super::denials::{LONGEST, NotAdded};

/// Payload that is taken at once: more is judged and sent on piece by piece, so that the canonical
/// copy has room for each.
pub(crate) const PIECE: usize = 2048;

const _: () = {
    let longest = Protocol::Enip.max_pdu();
    assert!(longest >= Protocol::Modbus.max_pdu() && longest >= Protocol::Opcua.max_pdu());
    // All of it but a byte is held, the piece with its end comes, and a denial waits to be delivered.
    assert!(longest + PIECE <= WINDOW as usize && longest + PIECE + LONGEST <= CAPACITY);
    assert!(LONGEST_PDU + PIECE <= LONG_CAPACITY - MARGIN as usize);
};

/// ECE and CWR (RFC 3168 section 6.1).
const ECN: u8 = 0xc0;

/// A segment of an open connection.
pub(crate) struct Passage<'a, 'b> {
    pub(crate) direction: Direction,
    pub(crate) judge: &'a mut Judge<'b>,
    pub(crate) emitter: Emitter<'a>,
    /// Where long requests are held.
    pub(crate) long: &'a mut LongCopies,
    /// The segment's options, as they came.
    pub(crate) raw_options: TcpOptions<'a>,
    /// The segment is one of a capture, whose ends know nothing of the gate.
    pub(crate) captured: bool,
    /// Differentiated services and ECN of its packet.
    pub(crate) tos: u8,
    pub(crate) found: Inspected,
}

/// What came, and where it belongs.
#[derive(Clone, Copy)]
struct Arrived<'a> {
    segment: &'a Segment,
    options: &'a Options,
    payload: &'a [u8],
    at: Offset,
    /// The sender's next byte before it came.
    next: Offset,
    taken: Taken,
    fin: bool,
    /// It asks only whether the other end is there.
    probe: bool,
}

impl Passage<'_, '_> {
    /// What becomes of the segment.
    ///
    /// # Errors
    /// Nothing: it does not belong there, and leaves no trace.
    #[inline(always)]
    pub(crate) fn segment(
        mut self,
        segment: &Segment,
        options: &Options,
        payload: &[u8],
    ) -> Result<Inspected, Reason> {
        let was_straight = self.emitter.stream.is_straight();
        let arrived = self.take(segment, options, payload)?;
        self.note(&arrived);
        if self.found.end.is_none() {
            self.finish(&arrived);
        }
        if self.found.end.is_some() {
            self.emitter.reset_both();
            self.found.slow = true;
        } else if (was_straight || self.is_clear()) && self.may_leave_as_it_is(&arrived) {
            self.leave_as_it_is(&arrived);
            self.found.slow = !was_straight;
        } else {
            self.send(&arrived);
            self.found.slow = true;
        }
        if self.found.slow {
            self.give_back_long();
            self.emitter.stream.straighten();
        }
        self.found.own = self.emitter.sent;
        Ok(self.found)
    }

    /// Places the segment and takes its payload, judging as it comes.
    #[inline]
    fn take<'s>(
        &mut self,
        segment: &'s Segment,
        options: &'s Options,
        payload: &'s [u8],
    ) -> Result<Arrived<'s>, Reason> {
        self.check_clock(options)?;
        let direction = self.direction;
        let lane = self.emitter.stream.lane(direction);
        let (at, next) = (lane.place(segment.seq)?, lane.next());
        let fin = segment.flags & flags::FIN != 0;
        let end = at + payload.len() as u64;
        if fin && lane.contradicts_fin(end) {
            return Err(Reason::BadSegment);
        }
        // RFC 9293 section 3.8.4: one byte of garbage in place of the last one is allowed.
        let last = at + 1 == next && payload.len() <= 1 && !fin;
        let probe = last && (payload.is_empty() || lane.is_delivered());
        let other = self.emitter.stream.lane(direction.reverse());
        let ack = other.place_ack(segment.ack, self.captured)?;
        let mut arrived =
            Arrived { segment, options, payload, at, next, taken: Taken::default(), fin, probe };
        if !probe && !payload.is_empty() {
            match self.take_payload(at, payload) {
                // Stacks ask so though the last byte is under way: garbage never leaves, and an answer
                // has them send again.
                Err(Reason::Ambiguous) if last => arrived.probe = true,
                taken => arrived.taken = taken?,
            }
        }
        let window = u64::from(segment.window) << self.emitter.stream.scale(direction);
        let (now, stream) = (self.emitter.now, &mut *self.emitter.stream);
        stream.lane_mut(direction.reverse()).acknowledge(ack, window, now);
        stream.lane_mut(direction).hear(end);
        Ok(arrived)
    }

    /// Both ends agreed on timestamps: then each segment has one that does not go back (RFC 7323
    /// section 5.3).
    #[inline]
    fn check_clock(&self, options: &Options) -> Result<(), Reason> {
        if !self.emitter.stream.has_timestamps() {
            return Ok(());
        }
        let (value, _) = options.timestamps.ok_or(Reason::BadSegment)?;
        let behind = self.emitter.stream.clock(self.direction).wrapping_sub(value) as i32;
        if behind > 0 { Err(Reason::BadSegment) } else { Ok(()) }
    }

    #[inline]
    fn take_payload(&mut self, at: Offset, payload: &[u8]) -> Result<Taken, Reason> {
        if payload.len() > PIECE {
            return self.take_pieces(at, payload);
        }
        let now = self.emitter.now;
        let taken = self.emitter.stream.lane_mut(self.direction).take(at, payload, now)?;
        if taken.new {
            self.judge_held();
        }
        Ok(taken)
    }

    /// More than is taken at once leaves as it is judged.
    #[cold]
    fn take_pieces(&mut self, at: Offset, payload: &[u8]) -> Result<Taken, Reason> {
        let mut all = Taken::default();
        let mut at = at;
        for piece in payload.chunks(PIECE) {
            let now = self.emitter.now;
            let taken = self.emitter.stream.lane_mut(self.direction).take(at, piece, now)?;
            all.old |= taken.old;
            all.new |= taken.new;
            all.ahead |= taken.ahead;
            if taken.new {
                self.judge_held();
            }
            if self.found.end.is_some() {
                break;
            }
            self.emitter.send_new(self.direction, Handed::default());
            at += piece.len() as u64;
        }
        Ok(all)
    }

    /// Judges every whole PDU that is held.
    #[inline]
    fn judge_held(&mut self) {
        while self.found.end.is_none() {
            let Stream { requests, responses, dialog, .. } = &mut *self.emitter.stream;
            let lane = match self.direction {
                Direction::ToServer => requests,
                Direction::ToClient => responses,
            };
            if !lane.holds() {
                return;
            }
            if lane.is_passing() {
                self.pass();
                continue;
            }
            let (protocol, held) = (self.judge.protocol, lane.held());
            let room = lane.room(protocol.max_pdu());
            match dialog.portion(protocol, self.direction, held, room) {
                Ok(Portion::Need(_)) => return,
                Ok(Portion::Whole(len)) => self.judge_pdu(len.get(), len.get(), None),
                Ok(Portion::Front { front, len }) => self.judge_pdu(front.get(), len, None),
                Ok(Portion::Chunks(len)) => self.judge_chunks(len.get()),
                Ok(Portion::TooLong { front, len }) => self.hold_long(front.get(), len),
                Ok(Portion::Rest { front, len }) => self.stay(front.get(), len, None),
                Err(why) => {
                    self.found.refuse(0, why.into());
                    self.found.end = Some(EndCause::NotTheProtocol);
                }
            }
        }
    }

    /// Judges the first `len` held bytes of a PDU of `all`; `joined` is what they say where they are in
    /// several chunks.
    #[inline]
    pub(super) fn judge_pdu(&mut self, len: usize, all: usize, joined: Option<&[u8]>) {
        let Stream { requests, responses, pending, dialog, operation, .. } =
            &mut *self.emitter.stream;
        let lane = match self.direction {
            Direction::ToServer => requests,
            Direction::ToClient => responses,
        };
        let held = lane.held();
        let pdu = joined.unwrap_or(held.get(..len).unwrap_or(held));
        let said = &mut Said { pending, dialog, operation };
        let flow = self.emitter.flow;
        let refused = self.judge.pdu(flow, said, self.direction, pdu, &mut self.found);
        let Some(reason) = refused else {
            let direction = self.direction;
            self.found.renumbered |=
                dialog.numbers() && lane.renumber(len, |pdu| dialog.number(direction, pdu));
            let protocol = self.judge.protocol;
            if protocol.has_addresses() {
                let (asset, client) = flow.rewrite(direction).ends(direction);
                self.found.renumbered |=
                    lane.renumber(len, |pdu| protocol.translate(pdu, asset, client));
            }
            lane.release(len);
            lane.let_pass(all - len);
            self.inject_between();
            return;
        };
        self.say_no(len, joined, reason);
        self.stay(len, all, Some(reason));
    }

    /// The refusal of the request that the first `len` held bytes are, or begin with.
    pub(super) fn say_no(&mut self, len: usize, joined: Option<&[u8]>, reason: Reason) {
        if self.direction == Direction::ToClient {
            return;
        }
        let Stream { requests, pending, dialog, denials, waived, .. } = &mut *self.emitter.stream;
        let pdu = joined.unwrap_or(requests.held().get(..len).unwrap_or_default());
        let protocol = self.judge.protocol;
        let write = |out: &mut [u8]| protocol.denial(pdu, dialog, reason.refusal(), out);
        self.found.end = match self.judge.grant.denial {
            DenialStyle::Drop => None,
            DenialStyle::Reset => Some(EndCause::Denied),
            DenialStyle::Reply => {
                let waits = !protocol.answers_in_any_order();
                let before = if waits { pending.next() } else { *waived };
                match denials.push(before, self.judge.now, write) {
                    Ok(()) => None,
                    Err(NotAdded::Full) => Some(EndCause::Stalled),
                    // Where the protocol has no words there is only this.
                    Err(NotAdded::NoWords) => Some(EndCause::Denied),
                }
            }
        };
    }

    /// The first `len` held bytes stay behind, and of their PDU of `all` what is still to come. Of a further
    /// chunk the reason is that of the one before.
    pub(super) fn stay(&mut self, len: usize, all: usize, reason: Option<Reason>) {
        let direction = self.direction;
        let Stream { requests, responses, dialog, .. } = &mut *self.emitter.stream;
        let lane = if direction == Direction::ToServer { requests } else { responses };
        let is_further = reason.is_none();
        let reason = reason.or(lane.stays()).unwrap_or(Reason::PduTooLong);
        self.found.refuse(0, reason);
        if is_further {
            dialog.note_refused(lane.held());
        }
        if dialog.numbers() {
            lane.renumber(len, |pdu| dialog.skip(direction, pdu));
        }
        if lane.take_out(len).is_err() {
            self.found.end = Some(EndCause::Stalled);
        }
        lane.let_stay(all - len, reason);
    }

    /// What is held of a PDU that was judged by its front follows it.
    #[cold]
    fn pass(&mut self) {
        let lane = self.emitter.stream.lane_mut(self.direction);
        if let Some(reason) = lane.stays() {
            self.found.refuse(0, reason);
        }
        match lane.pass() {
            Err(_) => self.found.end = Some(EndCause::Stalled),
            Ok(true) => self.inject_between(),
            Ok(false) => {}
        }
    }

    /// One segment may hold several answers: a denial comes in between them, where its turn is.
    #[inline]
    fn inject_between(&mut self) {
        let waits =
            self.direction == Direction::ToClient && !self.emitter.stream.denials.is_empty();
        if waits && self.emitter.inject(false).is_err() {
            self.found.end = Some(EndCause::Stalled);
        }
    }

    /// Notes what the segment says beyond its payload.
    fn note(&mut self, arrived: &Arrived<'_>) {
        // RFC 7323 section 4.3: what is ahead of a gap does not count, or what fills the gap would be old.
        if let Some((value, _)) = arrived.options.timestamps
            && arrived.at <= arrived.next
        {
            self.emitter.stream.note_clock(self.direction, value);
        }
    }

    /// The FIN, and the denials whose turn it is.
    #[inline]
    fn finish(&mut self, arrived: &Arrived<'_>) {
        if !self.emitter.stream.denials.is_empty() {
            // Behind the asset's FIN nothing can be said.
            let last = arrived.fin && self.direction == Direction::ToClient;
            if self.emitter.inject(last).is_err() {
                self.found.end = Some(EndCause::Stalled);
                return;
            }
        }
        let lane = self.emitter.stream.lane_mut(self.direction);
        let end = arrived.at + arrived.payload.len() as u64;
        if arrived.fin && lane.finish(end).is_err() {
            self.found.end = Some(EndCause::Stalled);
        }
    }

    /// Whether what is to leave is what the segment says, but for its numbers.
    #[inline]
    fn may_leave_as_it_is(&self, arrived: &Arrived<'_>) -> bool {
        let Arrived { options, payload, at, next, .. } = *arrived;
        let lane = self.emitter.stream.lane(self.direction);
        let (from, to) = (lane.sent(), lane.end());
        let clean = !options.others
            && options.timestamps.is_some() == self.emitter.stream.has_timestamps()
            && payload.len() <= PIECE
            && self.emitter.stream.denials.is_empty();
        let whole = payload.len() as u64 + u64::from(arrived.fin);
        let nothing_new = whole == 0 && at <= next;
        clean
            && (nothing_new || at == next && to - from == whole && !lane.holds())
            && self.found.refused.is_none()
            && !self.found.renumbered
            && self.emitter.stream.lane(self.direction.reverse()).is_quiet()
    }

    /// Whether both directions have become straight by it.
    fn is_clear(&self) -> bool {
        let Stream { requests, responses, .. } = &*self.emitter.stream;
        requests.is_clear() && responses.is_clear()
    }

    /// The segment itself leaves, with the numbers that its receiver knows.
    #[inline]
    fn leave_as_it_is(&mut self, arrived: &Arrived<'_>) {
        let back = self.emitter.back(self.direction);
        let now = self.emitter.now;
        let lane = self.emitter.stream.lane_mut(self.direction);
        let end = lane.end();
        lane.note_sent(end, now);
        // An acknowledgement that was overtaken names bytes that may have been mapped by edits which are
        // forgotten; only a probe means to name an old byte, and that is the last one.
        let at = if arrived.probe { arrived.at } else { arrived.next };
        let seq = lane.wire(lane.shifted(at));
        self.found.keep = arrived.payload.len();
        self.found.numbers = Some(Numbers { seq, ack: back.ack, window: back.window });
    }

    /// Sends what the segment brought about.
    #[cold]
    fn send(&mut self, arrived: &Arrived<'_>) {
        let Arrived { payload, taken, .. } = *arrived;
        let direction = self.direction;
        let handed =
            Handed { tos: self.tos, flags: arrived.segment.flags & ECN, ..Handed::default() };
        let new = self.emitter.send_new(direction, handed);
        let (again, known) = self.send_again(arrived);
        let on = new || again;
        let back = self.emitter.send_new(direction.reverse(), Handed::default());
        let lane = self.emitter.stream.lane(direction);
        let held = lane.vouches() && !lane.held().is_empty();
        let unanswered = held || known || taken.ahead || arrived.probe && !payload.is_empty();
        if !back && (unanswered || self.found.refused.is_some()) {
            self.emitter.answer(direction);
        }
        if !on {
            self.send_on_ack(arrived, handed);
        }
    }

    /// What came before and is under way is sent on again. Whether some is, and whether some is not, for it
    /// has arrived: then its sender is to hear of that at once; otherwise whoever gets it again answers.
    fn send_again(&mut self, arrived: &Arrived<'_>) -> (bool, bool) {
        let Arrived { at, payload, taken, fin, next, .. } = *arrived;
        let came_before = taken.old || fin && at < next;
        if !came_before {
            return (false, false);
        }
        let end = at + payload.len() as u64 + u64::from(fin);
        let again = self.emitter.send_old(self.direction, at, end.min(next));
        (again, !again || at < self.emitter.stream.lane(self.direction).ack())
    }

    /// What the segment says of the other direction, and whether its sender wants an answer. Where its
    /// payload is kept from a receiver that takes nothing, that one is asked what it takes.
    fn send_on_ack(&mut self, arrived: &Arrived<'_>, mut handed: Handed) {
        let direction = self.direction;
        let other = self.emitter.stream.lane(direction.reverse());
        if self.emitter.stream.has_sack() {
            for (place, block) in
                handed.blocks.iter_mut().zip(options::blocks(self.raw_options.clone()))
            {
                *place = block.and_then(|block| other.block(block));
            }
        }
        let shut = !arrived.payload.is_empty() && self.emitter.stream.lane(direction).is_shut();
        self.emitter.send_ack(direction, arrived.probe || shut, handed);
    }
}
