//! Bytes that come: placed, compared with what came before, put in order.
//!
//! Invariant: a byte that came before is the same when it comes again, or nothing of the segment is
//! taken.
//!
//! Invariant: bytes before `next` have no gap; what lies behind one is named in `ahead`.

use wicketgate_packet::Time;

use super::Lane;
use super::owed::{ACK_DELAY, RETRY_FIRST};
use crate::splice::canon::{Compared, Floor};
use crate::splice::number::{FIRST, Offset};
use crate::verdict::Reason;

/// How far behind the next byte a segment may lie: the largest window that scaling allows (RFC 7323
/// section 2.3).
const REACH: u64 = 1 << 30;

/// What a segment's payload was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Some of it had come before.
    pub old: bool,
    /// Some of it is new and next in line.
    pub new: bool,
    /// It lies behind a gap.
    pub ahead: bool,
}

impl Lane {
    /// Where a segment of the sender's begins.
    ///
    /// # Errors
    /// [`Reason::BadSegment`]: nowhere that the sender could mean.
    #[inline]
    pub fn place(&self, seq: u32) -> Result<Offset, Reason> {
        let at = self.numbering.offset(seq, self.next);
        let fits = at + 1 >= FIRST && at + REACH > self.next && at <= self.next + self.reach();
        if fits { Ok(at) } else { Err(Reason::BadSegment) }
    }

    /// The sender says that it has sent everything before `at`.
    #[inline]
    pub fn hear(&mut self, at: Offset) {
        self.heard = self.heard.max(at);
    }

    /// Takes payload that begins at the sender's `at`.
    ///
    /// # Errors
    /// Nothing was taken: [`Reason::Ambiguous`], other bytes came before in their place;
    /// [`Reason::BadSegment`], bytes behind the FIN; [`Reason::OutOfOrder`], too many gaps;
    /// [`Reason::WindowFull`].
    #[inline]
    pub fn take(&mut self, at: Offset, bytes: &[u8], now: Time) -> Result<Taken, Reason> {
        if at == self.next && self.ahead.is_empty() && self.fin.is_none() {
            let taken = Taken { new: !bytes.is_empty(), ..Taken::default() };
            return self.store(at, bytes, now).map(|()| taken);
        }
        self.take_again(at, bytes, now)
    }

    /// The same for what came before or comes too early, or behind a gap or a FIN.
    #[cold]
    fn take_again(&mut self, at: Offset, bytes: &[u8], now: Time) -> Result<Taken, Reason> {
        let to = at + bytes.len() as u64;
        self.compare(at, bytes)?;
        let taken = Taken {
            old: at < self.next && !bytes.is_empty(),
            new: at <= self.next && to > self.next,
            ahead: at > self.next,
        };
        self.loses |= taken.old || taken.ahead;
        if to <= self.next {
            self.came = now;
            return Ok(taken);
        }
        if self.fin.is_some() {
            return Err(Reason::BadSegment);
        }
        // Behind a gap, one byte may be the garbage of a keep-alive (RFC 1122 section 4.2.3.6), which is known for
        // one only when all before it has come. A byte that is meant comes again.
        if taken.ahead && bytes.len() == 1 {
            self.came = now;
            return Ok(taken);
        }
        let (_, new) = bytes.split_at((self.next.saturating_sub(at) as usize).min(bytes.len()));
        if taken.ahead { self.store_ahead(at, new, now) } else { self.store(self.next, new, now) }?;
        Ok(taken)
    }

    /// What came before must be the same again.
    fn compare(&self, at: Offset, bytes: &[u8]) -> Result<(), Reason> {
        let to = at + bytes.len() as u64;
        let held = self.shifted(self.judged.max(at));
        // What was numbered anew is not what its sender sends again; the first copy is what leaves.
        let known = if self.renumbered { at } else { to.min(self.judged) };
        let released = self.edits.kept(at, known);
        let waiting = [(self.judged.max(at), held, self.next.saturating_sub(self.judged.max(at)))];
        let behind = self.ahead.overlaps(at, to).map(|(l, r)| (l, self.shifted(l), r - l));
        let same = |(up, down, len): (Offset, Offset, u64)| {
            let from = (up.saturating_sub(at) as usize).min(bytes.len());
            let (_, again) = bytes.split_at(from);
            let (again, _) = again.split_at((len as usize).min(again.len()));
            self.canon.compare(down, again) == Compared::Same
        };
        let mut all = released.chain(waiting).chain(behind);
        if all.all(same) { Ok(()) } else { Err(Reason::Ambiguous) }
    }

    #[inline]
    fn store(&mut self, at: Offset, bytes: &[u8], now: Time) -> Result<(), Reason> {
        let (down, floor) = (self.shifted(at), self.floor());
        if !self.canon.write(down, bytes, floor) {
            return Err(Reason::WindowFull);
        }
        self.note_stored(at, bytes.len(), now);
        Ok(())
    }

    #[inline(always)]
    fn note_stored(&mut self, at: Offset, len: usize, now: Time) {
        // What begins a PDU is held as what comes on an idle connection is.
        self.vouches &= self.next > self.judged;
        self.vouch_at = now + ACK_DELAY;
        self.next = self.ahead.join(at + len as u64);
        self.note_came(now);
    }

    #[inline]
    fn note_came(&mut self, now: Time) {
        self.came = now;
        self.nudge = (now + RETRY_FIRST, 0);
    }

    fn store_ahead(&mut self, at: Offset, bytes: &[u8], now: Time) -> Result<(), Reason> {
        let to = at + bytes.len() as u64;
        let far = to > self.told_edge.max(self.next + self.reach() / 2);
        if far || !self.canon.write(self.shifted(at), bytes, Floor::at(self.acked)) {
            return Err(Reason::WindowFull);
        }
        if !self.ahead.add(at, to) {
            return Err(Reason::OutOfOrder);
        }
        self.note_came(now);
        Ok(())
    }

    /// What may be forgotten: what was acknowledged; then what was only sent, if the gate does not owe
    /// it: its sender still has it.
    pub(super) fn floor(&self) -> Floor {
        let last = if self.owned > self.acked { self.acked } else { self.sent };
        Floor { first: self.acked, last }
    }

    /// Whether bytes wait for a verdict.
    #[inline]
    pub fn holds(&self) -> bool {
        self.next > self.judged
    }

    /// The bytes that wait for a verdict, all in line.
    #[inline]
    pub fn held(&self) -> &[u8] {
        self.canon.slice(self.end, self.end + (self.next - self.judged))
    }

    /// Reads on without a say: nothing is held back from who only observes. Bytes behind a gap begin
    /// a PDU.
    pub fn observe(&mut self, at: Offset, bytes: &[u8], now: Time) {
        let to = at + bytes.len() as u64;
        if to <= self.next {
            return;
        }
        if at > self.next {
            self.forget(at);
        }
        (self.end, self.sent, self.acked) = (self.judged, self.judged, self.judged);
        let (_, new) = bytes.split_at((self.next - at) as usize);
        if self.store(self.next, new, now).is_err() {
            self.forget(to);
        }
    }

    /// Forgets what is held: what follows begins a PDU.
    pub fn skip_held(&mut self) {
        self.forget(self.next);
    }
}
