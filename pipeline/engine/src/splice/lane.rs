//! One direction of a spliced connection.
//!
//! ```text
//!  the sender's numbers (up)               judged       next      (ahead)
//!  ...................................------|---held------|----gap----|==|
//!  the receiver's numbers (down)   acked  sent  end
//!  ..................................|------|----|
//! ```
//!
//! Bytes come in, are put in order, judged PDU by PDU, and then released, or taken out. What was
//! released lies before `end` and leaves; what the gate puts in lies there too.
//!
//! Invariant: `judged <= next`, and `acked <= sent <= end`.
//!
//! Invariant: what was released is never changed, and what leaves is read from the one canonical copy.
//!
//! Invariant: the sender is never told that a released byte has arrived before its receiver has said
//! so. Bytes that are held may be acknowledged, if nothing in front of them is under way; the gate then
//! owes their delivery (`owned`), as it does that of the bytes it puts in.

use core::time::Duration;

use wicketgate_packet::Time;

use super::ahead::Ahead;
use super::canon::{CAPACITY, Canon, Compared, Floor};
use super::edits::{Edits, Full};
use super::number::{FIRST, Numbering, Offset};
use crate::verdict::Reason;

/// How many bytes a sender may have under way: as many as the gate keeps, with room for held PDUs and
/// denials.
pub const WINDOW: u64 = CAPACITY as u64 * 3 / 4;

/// How far an acknowledgement may lag behind the latest one. RFC 5961 section 5 takes the largest
/// window the peer has offered; this is more than any control connection offers, and a straggler
/// beyond it says nothing new.
const ACK_LAG: u64 = 1 << 20;

/// How far behind the next byte a segment may lie: the largest window that scaling allows (RFC 7323
/// section 2.3).
const REACH: u64 = 1 << 30;

/// How long the gate waits for an acknowledgement of what it owes, at first; it doubles each time.
const RETRY_FIRST: Duration = Duration::from_millis(200);

/// The longest it waits.
const RETRY_LONGEST: Duration = Duration::from_secs(1);

/// How often it tries again without a sign of life: on a link that loses one frame in five, both ways,
/// one in ten million deliveries fails all of them. Half as often as that would still be a connection a
/// day in a large plant.
const RETRIES: u32 = 15;

/// How long a PDU may stay incomplete when nothing of it is under way: its sender has stopped.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How long, when bytes of it were lost: longer than any honest sender tries. Stacks wait up to two minutes
/// between two tries, and Linux gives up after 924 seconds (tcp_retries2).
pub const RECOVERY: Duration = Duration::from_secs(16 * 60);

/// Why the gate can no longer do what it owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenUp;

/// What a timer found to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// These bytes are to be sent again.
    pub resend: Option<(Offset, Offset)>,
    /// The sender is to be told again what has come: the rest of a PDU, or what fills a gap, is missing.
    pub nudge: bool,
    /// It is to be asked how far it has come.
    pub probe: bool,
}

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

/// One direction.
#[derive(Clone, Debug)]
pub struct Lane {
    numbering: Numbering,
    canon: Canon,
    edits: Edits,
    ahead: Ahead,
    next: Offset,
    judged: Offset,
    end: Offset,
    sent: Offset,
    acked: Offset,
    /// The right edge of the receiver's window, as it numbers bytes.
    edge: Offset,
    /// The right edge of the window that the sender was told.
    told_edge: Offset,
    /// How far the gate itself has acknowledged.
    vouched: Offset,
    /// The gate owes the delivery of everything before this.
    owned: Offset,
    /// Where the FIN lies in the receiver's numbers.
    fin: Option<Offset>,
    /// When to send again what is owed, and how often that was done.
    retry: Option<(Time, u32)>,
    /// How far the sender has come by its own account.
    heard: Offset,
    /// When the latest bytes came, new or not, or bytes arrived at the receiver.
    came: Time,
    /// When to tell the sender again what has come, and how often that was done.
    nudge: (Time, u32),
}

impl Lane {
    /// Nothing is known yet.
    pub const EMPTY: Lane = Lane {
        numbering: Numbering::new(0),
        canon: Canon::EMPTY,
        edits: Edits::EMPTY,
        ahead: Ahead::EMPTY,
        next: FIRST,
        judged: FIRST,
        end: FIRST,
        sent: FIRST,
        acked: FIRST,
        edge: FIRST,
        told_edge: FIRST,
        vouched: FIRST,
        owned: FIRST,
        fin: None,
        retry: None,
        heard: FIRST,
        came: Time::EPOCH,
        nudge: (Time::EPOCH, 0),
    };

    /// Begins a stream whose SYN has this number.
    pub fn open(&mut self, isn: u32) {
        self.numbering = Numbering::new(isn);
        self.edits = Edits::EMPTY;
        (self.edge, self.told_edge, self.vouched, self.owned) = (FIRST, FIRST, FIRST, FIRST);
        (self.fin, self.retry, self.heard) = (None, None, FIRST);
        self.forget(FIRST);
    }

    /// Everything before the sender's `next` is over: the next byte begins a PDU.
    fn forget(&mut self, next: Offset) {
        let down = next.wrapping_add_signed(self.edits.shift());
        self.canon.clear(down);
        self.ahead.clear();
        (self.next, self.judged) = (next, next);
        (self.end, self.sent, self.acked) = (down, down, down);
    }

    /// The next byte that the sender has not sent.
    #[inline]
    pub fn next(&self) -> Offset {
        self.next
    }

    /// How far bytes have been sent, as the receiver numbers them.
    #[inline]
    pub fn sent(&self) -> Offset {
        self.sent
    }

    /// The end of what was released.
    pub fn end(&self) -> Offset {
        self.end
    }

    /// How far the receiver has acknowledged.
    pub fn acked(&self) -> Offset {
        self.acked
    }

    /// Whether the sender has said FIN.
    pub fn is_finished(&self) -> bool {
        self.fin.is_some()
    }

    /// Whether all of it has left and nothing is held, owed or mapped but by a constant.
    pub fn is_quiet(&self) -> bool {
        self.sent == self.end && self.is_clear()
    }

    /// The same, though some of it may have to leave yet.
    pub fn is_clear(&self) -> bool {
        self.next == self.judged
            && self.owned <= self.acked
            && self.ahead.is_empty()
            && self.edits.is_empty()
    }

    /// Whether everything that was released has arrived.
    pub fn is_delivered(&self) -> bool {
        self.acked == self.end
    }

    /// How `offset` is written, in either numbering.
    #[inline]
    pub fn wire(&self, offset: Offset) -> u32 {
        self.numbering.wire(offset)
    }

    /// Where the receiver has a byte that follows everything that was mapped.
    #[inline]
    pub fn shifted(&self, up: Offset) -> Offset {
        up.wrapping_add_signed(self.edits.shift())
    }

    /// How far the sender's stream is dealt with where the receiver's is before `down`.
    pub fn up(&self, down: Offset) -> Offset {
        self.edits.acknowledged(down)
    }

    /// Where a segment of the sender's begins.
    ///
    /// # Errors
    /// [`Reason::BadSegment`]: nowhere that the sender could mean.
    #[inline]
    pub fn place(&self, seq: u32) -> Result<Offset, Reason> {
        let at = self.numbering.offset(seq, self.next);
        let fits = at + 1 >= FIRST && at + REACH > self.next && at <= self.next + WINDOW;
        if fits { Ok(at) } else { Err(Reason::BadSegment) }
    }

    /// The sender says that it has sent everything before `at`.
    #[inline]
    pub fn hear(&mut self, at: Offset) {
        self.heard = self.heard.max(at);
    }

    /// When a PDU that is not complete is given up.
    fn end_of_patience(&self) -> Time {
        let recovers = self.heard > self.next || self.acked < self.end || !self.ahead.is_empty();
        self.came + if recovers { RECOVERY } else { PATIENCE }
    }

    /// The sender's offset of `seq`, wherever it lies.
    pub fn near(&self, seq: u32) -> Offset {
        self.numbering.offset(seq, self.next)
    }

    /// Where an acknowledgement of the receiver's lies. One that is made of a capture speaks of the
    /// stream as it was without the gate.
    ///
    /// # Errors
    /// [`Reason::BadSegment`]: of bytes that were not sent (RFC 5961 section 5), or long since.
    #[inline]
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
    #[inline]
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

    /// What is owed is sent again if nobody acknowledges it.
    fn arm(&mut self, now: Time) {
        if self.owned > self.acked && self.retry.is_none() {
            self.retry = Some((now + RETRY_FIRST, 0));
        }
    }

    /// Takes payload that begins at the sender's `at`.
    ///
    /// # Errors
    /// Nothing was taken: [`Reason::Ambiguous`], other bytes came before in their place;
    /// [`Reason::BadSegment`], bytes behind the FIN; [`Reason::OutOfOrder`], too many gaps;
    /// [`Reason::WindowFull`].
    #[inline]
    pub fn take(&mut self, at: Offset, bytes: &[u8], now: Time) -> Result<Taken, Reason> {
        let to = at + bytes.len() as u64;
        if at == self.next && self.ahead.is_empty() && self.fin.is_none() {
            let taken = Taken { new: !bytes.is_empty(), ..Taken::default() };
            return self.store(at, bytes, now).map(|()| taken);
        }
        self.compare(at, bytes)?;
        let taken = Taken {
            old: at < self.next && !bytes.is_empty(),
            new: at <= self.next && to > self.next,
            ahead: at > self.next,
        };
        if to <= self.next {
            self.came = now;
            return Ok(taken);
        }
        if self.fin.is_some() {
            return Err(Reason::BadSegment);
        }
        let (_, new) = bytes.split_at((self.next.saturating_sub(at) as usize).min(bytes.len()));
        if taken.ahead { self.store_ahead(at, new, now) } else { self.store(self.next, new, now) }?;
        Ok(taken)
    }

    /// What came before must be the same again.
    fn compare(&self, at: Offset, bytes: &[u8]) -> Result<(), Reason> {
        let to = at + bytes.len() as u64;
        let held = self.shifted(self.judged.max(at));
        let released = self.edits.kept(at, to.min(self.judged));
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

    fn store(&mut self, at: Offset, bytes: &[u8], now: Time) -> Result<(), Reason> {
        let (down, floor) = (self.shifted(at), self.floor());
        if !self.canon.write(down, bytes, floor) {
            return Err(Reason::WindowFull);
        }
        self.next = self.ahead.join(at + bytes.len() as u64);
        self.note_came(now);
        Ok(())
    }

    #[inline]
    fn note_came(&mut self, now: Time) {
        self.came = now;
        self.nudge = (now + RETRY_FIRST, 0);
    }

    fn store_ahead(&mut self, at: Offset, bytes: &[u8], now: Time) -> Result<(), Reason> {
        let to = at + bytes.len() as u64;
        let far = to > self.told_edge.max(self.next + WINDOW / 2);
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
    fn floor(&self) -> Floor {
        let last = if self.owned > self.acked { self.acked } else { self.sent };
        Floor { first: self.acked, last }
    }

    /// The bytes that wait for a verdict, all in line.
    #[inline]
    pub fn held(&self) -> &[u8] {
        self.canon.slice(self.end, self.end + (self.next - self.judged))
    }

    /// The first `len` held bytes may leave.
    #[inline]
    pub fn release(&mut self, len: usize) {
        let vouched = self.vouched > self.judged;
        self.judged += len as u64;
        self.end += len as u64;
        if vouched {
            self.owned = self.end;
        }
    }

    /// The first `len` held bytes stay behind.
    ///
    /// # Errors
    /// Too many corrections are outstanding.
    pub fn take_out(&mut self, len: usize) -> Result<(), Full> {
        self.edits.add(self.judged, len as u64, 0)?;
        self.edits.prune(self.acked);
        self.canon.take_out(self.end, self.end + len as u64);
        self.judged += len as u64;
        Ok(())
    }

    /// Puts `bytes` in behind what was released.
    ///
    /// # Errors
    /// Too many corrections are outstanding, or there is no room.
    pub fn put_in(&mut self, bytes: &[u8], now: Time) -> Result<(), Full> {
        let (end, floor) = (self.end, self.floor());
        if !self.canon.put_in(end, bytes, floor) {
            return Err(Full);
        }
        self.edits.add(self.judged, 0, bytes.len() as u64)?;
        self.end += bytes.len() as u64;
        self.owned = self.end;
        self.arm(now);
        Ok(())
    }

    /// The sender says FIN at its `at`. A PDU that is not complete will never be: it stays behind.
    /// False where bytes before the FIN have not come, or it had come before.
    ///
    /// # Errors
    /// Too many corrections are outstanding.
    pub fn finish(&mut self, at: Offset) -> Result<bool, Full> {
        if at != self.next || self.fin.is_some() || !self.ahead.is_empty() {
            return Ok(false);
        }
        let held = self.held().len();
        if held > 0 {
            self.take_out(held)?;
        }
        // It takes a number like a byte, and is kept like one.
        if !self.canon.write(self.end, &[0], self.floor()) {
            return Ok(false);
        }
        self.fin = Some(self.end);
        (self.next, self.judged, self.end) = (self.next + 1, self.judged + 1, self.end + 1);
        Ok(true)
    }

    /// Whether a FIN at `at` contradicts what the sender has sent.
    pub fn contradicts_fin(&self, at: Offset) -> bool {
        at < self.next && self.fin.is_none_or(|fin| self.edits.down(at) != Some(fin))
    }

    /// What has been released and not sent, and may be: bytes that the gate itself invited wait for
    /// the receiver's window, others are their sender's own risk.
    pub fn unsent(&self) -> (Offset, Offset) {
        let to = if self.owned > self.sent { self.end.min(self.edge) } else { self.end };
        (self.sent, to.max(self.sent))
    }

    /// Everything before `to` has been sent.
    #[inline]
    pub fn note_sent(&mut self, to: Offset, now: Time) {
        self.sent = self.sent.max(to);
        self.arm(now);
    }

    /// The bytes of a part of what was released, without the FIN, and whether that is in it.
    pub fn bytes(&self, from: Offset, to: Offset) -> (&[u8], bool) {
        match self.fin.filter(|fin| (from..to).contains(fin)) {
            Some(fin) => (self.canon.slice(from, fin), true),
            None => (self.canon.slice(from, to), false),
        }
    }

    /// The parts of the sender's `from..to` that have been sent and not acknowledged, as the receiver
    /// numbers them.
    pub fn under_way(&self, from: Offset, to: Offset) -> impl Iterator<Item = (Offset, Offset)> {
        let floor = self.acked.max(self.canon.start());
        let pieces = self.edits.kept(from, to.min(self.judged));
        let parts =
            pieces.map(move |(_, down, len)| (down.max(floor), (down + len).min(self.sent)));
        parts.filter(|(l, r)| l < r)
    }

    /// What the sender is to be told that has arrived.
    #[inline]
    pub fn ack(&self) -> Offset {
        if self.acked == self.end {
            return self.next;
        }
        self.edits.acknowledged(self.acked).max(self.vouched)
    }

    /// The sender is told what has arrived: what of that is held the gate now owes.
    pub fn vouch(&mut self) -> Offset {
        self.vouched = self.ack();
        self.vouched
    }

    /// How many bytes behind [`Lane::ack`] the sender may send: what the receiver takes and the gate
    /// keeps; of a PDU of at most `longest` bytes that is held, the rest whatever the receiver takes,
    /// for it must be whole before anything of it leaves.
    #[inline]
    pub fn window(&mut self, longest: u64) -> u64 {
        let theirs = self.edits.acknowledged(self.edge);
        let ours = self.edits.acknowledged(self.acked) + WINDOW;
        let mut edge = theirs.min(ours).max(self.told_edge);
        if self.next > self.judged && self.acked == self.end {
            edge = edge.max(self.judged + longest);
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

    /// When something is due.
    pub fn deadline(&self) -> Option<Time> {
        let retry = self.retry.filter(|_| self.owned > self.acked).map(|(at, _)| at);
        let waits = self.waits().then(|| self.nudge.0.min(self.end_of_patience()));
        retry.into_iter().chain(waits).min()
    }

    /// Whether the rest of a PDU, or what fills a gap, is missing.
    fn waits(&self) -> bool {
        self.next > self.judged || !self.ahead.is_empty()
    }

    /// What is due by now.
    ///
    /// # Errors
    /// [`GivenUp`]: a PDU was never completed, or what is owed cannot be delivered.
    pub fn expire(&mut self, now: Time) -> Result<Due, GivenUp> {
        if self.next > self.judged && now >= self.end_of_patience() {
            return Err(GivenUp);
        }
        let mut due = Due::default();
        if let Some((at, tries)) = self.retry
            && self.owned > self.acked
            && at <= now
        {
            if tries >= RETRIES {
                return Err(GivenUp);
            }
            self.retry = Some((now + wait_after(tries).min(RETRY_LONGEST), tries + 1));
            // A byte beyond the window makes the receiver say what it takes.
            due.resend = Some((self.acked, self.end.min(self.edge.max(self.acked + 1))));
        }
        if self.waits() && self.nudge.0 <= now {
            let (_, tries) = self.nudge;
            // Some stacks put their own tries off whenever they are spoken to.
            self.nudge = (now + wait_after(tries), tries + 1);
            due.nudge = true;
            due.probe = tries % 2 == 1;
            // What is held is acknowledged only when what is in front of it has arrived.
            let front = (self.acked.max(self.canon.start()), self.sent);
            due.resend = due.resend.or(Some(front).filter(|(from, to)| from < to));
        }
        Ok(due)
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

/// How long to wait behind so many tries.
fn wait_after(tries: u32) -> Duration {
    RETRY_FIRST.saturating_mul(2 << tries.min(6))
}
