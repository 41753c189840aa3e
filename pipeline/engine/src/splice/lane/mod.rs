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
//! | module | what it holds |
//! |---|---|
//! | `arrive` | bytes that come: placed, compared with what came before, put in order |
//! | `leave` | bytes that were judged: released, taken out, put in, sent |
//! | `lengthen` | its long copy, while it has one |
//! | `acks` | what the receiver has said, and what the sender is told for it |
//! | `owed` | what is tried again, and when it is given up |

mod acks;
mod arrive;
mod leave;
mod lengthen;
mod owed;

use wicketgate_packet::Time;

use super::ahead::Ahead;
use super::canon::{CAPACITY, Canon};
use super::edits::Edits;
use super::number::{FIRST, Numbering, Offset};
use crate::verdict::Reason;

pub use arrive::Taken;
pub use owed::{Due, GivenUp, PATIENCE, RECOVERY};

/// Bytes of a copy that a sender may not fill: room for held PDUs and denials.
pub const MARGIN: u64 = CAPACITY as u64 / 4;

/// How many bytes a sender may have under way: as many as the gate keeps, less the [margin](MARGIN).
pub const WINDOW: u64 = CAPACITY as u64 - MARGIN;

/// One direction.
///
/// Its fields lie so that what an ordinary segment asks or changes is in four lines: three from the end of `canon` on,
/// and one where `edits` ends and `ahead` begins.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Lane {
    canon: Canon,
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
    /// When that is so if the PDU is not complete by then.
    vouch_at: Time,
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
    numbering: Numbering,
    /// Whether held bytes are acknowledged: their sender has stopped, and waits for that.
    vouches: bool,
    /// Some of what was released is not as it came.
    renumbered: bool,
    /// Whether bytes have come again, or behind a gap: the link loses some.
    loses: bool,
    /// Why bytes that are `passing` stay behind; `None`: they pass.
    stays: Option<Reason>,
    edits: Edits,
    ahead: Ahead,
    /// Bytes of a PDU that was judged by its front, still to come.
    passing: u64,
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
        vouches: false,
        vouch_at: Time::EPOCH,
        owned: FIRST,
        passing: 0,
        stays: None,
        renumbered: false,
        fin: None,
        retry: None,
        heard: FIRST,
        loses: false,
        came: Time::EPOCH,
        nudge: (Time::EPOCH, 0),
    };

    /// Begins a stream whose SYN has this number.
    pub fn open(&mut self, isn: u32) {
        self.numbering = Numbering::new(isn);
        self.edits = Edits::EMPTY;
        (self.edge, self.told_edge, self.vouched, self.owned) = (FIRST, FIRST, FIRST, FIRST);
        (self.fin, self.retry, self.heard, self.loses) = (None, None, FIRST, false);
        (self.passing, self.stays, self.renumbered) = (0, None, false);
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

    /// Reads each line of the lane itself that the next segment in line needs; what it read.
    #[inline]
    pub(crate) fn lines(&self) -> u64 {
        self.next ^ self.told_edge ^ self.came.as_nanos() ^ self.edits.shift() as u64
    }

    /// Reads where the bytes of the next segment will lie, whose payload is `len` bytes; what it read.
    #[inline]
    pub(crate) fn line_of_next(&self, len: usize) -> u64 {
        u64::from(self.canon.line() ^ self.canon.line_behind(len))
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

    /// The sender's offset of `seq`, wherever it lies.
    pub fn near(&self, seq: u32) -> Offset {
        self.numbering.offset(seq, self.next)
    }
}

#[cfg(test)]
impl Lane {
    /// Panics where what [`Lane::lines`] reads is not each line that an ordinary segment needs.
    pub(crate) fn check_lines() {
        use core::mem::offset_of;

        use crate::flow::LINE;

        let line = |at: usize| at / LINE;
        let (first, last) = (line(super::canon::CAPACITY), line(offset_of!(Lane, edits) - 1));
        assert_eq!(last - first, 2, "the end of the copy and what follows it");
        assert_eq!(line(offset_of!(Lane, next)), first);
        assert_eq!(line(offset_of!(Lane, told_edge)), first + 1);
        assert_eq!(line(offset_of!(Lane, came)), last);
        assert_eq!(line(offset_of!(Lane, ahead) - 1), line(offset_of!(Lane, ahead)));
    }
}
