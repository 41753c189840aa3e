//! What the receiver has said, and what the sender is told for it.
//!
//! Invariant: the sender is never told that a released byte has arrived before its receiver has said
//! so. Bytes that are held may be acknowledged, if nothing in front of them is under way; the gate then
//! owes their delivery (`owned`), as it does that of the bytes it puts in.

use wicketgate_packet::Time;

use super::Lane;
use super::owed::RETRY_FIRST;
use crate::splice::number::{FIRST, Offset};
use crate::verdict::Reason;

/// How far an acknowledgement may lag behind the latest one. RFC 5961 section 5 takes the largest
/// window the peer has offered; this is more than any control connection offers, and a straggler
/// beyond it says nothing new.
const ACK_LAG: u64 = 1 << 20;

impl Lane {
    /// Where an acknowledgement of the receiver's lies. One that is made of a capture speaks of the
    /// stream as it was without the gate.
    ///
    /// # Errors
    /// [`Reason::BadSegment`]: of bytes that were not sent (RFC 5961 section 5), or long since.
    #[inline(always)]
    pub fn place_ack(&self, ack: u32, captured: bool) -> Result<Offset, Reason> {
        let near = self.numbering.offset(ack, self.sent);
        let at = match captured {
            true => self.edits.acknowledged_down(near).min(self.sent),
            false => near,
        };
        let fits = at >= FIRST && at <= self.sent && at + ACK_LAG >= self.acked;
        if fits { Ok(at) } else { Err(Reason::BadSegment) }
    }

    /// The receiver has everything before `ack` and takes `window` bytes more.
    #[inline(always)]
    pub fn acknowledge(&mut self, ack: Offset, window: u64, now: Time) {
        // A window never shrinks (RFC 9293 section 3.8.6); one that seems to is an old segment's.
        self.edge = self.edge.max(ack + window);
        if ack > self.acked {
            self.acked = ack;
            self.edits.prune(ack);
            self.retry = None;
            self.came = now;
        }
        if self.owned > self.acked {
            // A sign of life: what is owed is tried as often as at first.
            self.retry = Some((self.retry.map_or(now + RETRY_FIRST, |(at, _)| at), 0));
        }
    }

    /// What the sender is to be told that has arrived.
    #[inline(always)]
    pub fn ack(&self) -> Offset {
        let arrived = match self.acked == self.end {
            true if self.vouches => self.next,
            true => self.judged,
            false => self.edits.acknowledged(self.acked),
        };
        arrived.max(self.vouched)
    }

    /// Whether held bytes are acknowledged as they come.
    pub fn vouches(&self) -> bool {
        self.vouches
    }

    /// The sender is told what has arrived: what of that is held the gate now owes.
    #[inline]
    pub fn vouch(&mut self) -> Offset {
        self.vouched = self.ack();
        self.vouched
    }

    /// How many bytes behind [`Lane::ack`] the sender may send: what the receiver takes and the gate
    /// keeps; of a PDU of at most `longest` bytes, or what a long copy holds, the rest whatever the receiver
    /// takes while it is held, for it must be whole before anything of it leaves.
    #[inline(always)]
    pub fn window(&mut self, longest: usize) -> u64 {
        let theirs = self.edits.acknowledged(self.edge);
        let ours = self.edits.acknowledged(self.acked) + self.reach();
        let mut edge = theirs.min(ours).max(self.told_edge);
        if self.next > self.judged && self.acked == self.end {
            edge = edge.max(self.judged + self.room(longest) as u64);
        }
        self.told_edge = edge;
        edge.saturating_sub(self.ack())
    }

    /// Whether the receiver takes nothing more for now.
    pub fn is_shut(&self) -> bool {
        self.edge <= self.sent
    }

    /// The bytes ahead of a gap, as the sender numbers them: for a selective acknowledgement.
    pub fn gaps(&self) -> impl Iterator<Item = (Offset, Offset)> {
        self.ahead.iter()
    }

    /// A block of the receiver's selective acknowledgement as the sender numbers it.
    pub fn block(&self, (left, right): (u32, u32)) -> Option<(u32, u32)> {
        let at = |number| self.numbering.offset(number, self.sent);
        let (left, right) = (at(left), at(right));
        let known = self.acked <= left && right <= self.sent;
        let (left, right) = self.edits.block(left, right).filter(|_| known)?;
        Some((self.wire(left), self.wire(right)))
    }

    /// The sender's number of a segment that the receiver's side quotes; `None` where no such segment
    /// was sent lately. An error may come after the acknowledgement of what was sent with it.
    pub fn quoted(&self, seq: u32) -> Option<u32> {
        let at = self.numbering.offset(seq, self.sent);
        let lately = self.canon.start() <= at && at <= self.sent;
        lately.then(|| self.wire(self.edits.acknowledged(at)))
    }
}
