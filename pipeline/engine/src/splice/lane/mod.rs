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
//! | `straight` | the next segment, where nothing is out of the ordinary |

mod acks;
mod arrive;
mod leave;
mod lengthen;
mod owed;
mod straight;

use core::hint::black_box;

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
    /// Whether held bytes are acknowledged: their sender has stopped, and waits for that.
    vouches: bool,
    /// When that is so if the PDU is not complete by then.
    vouch_at: Time,
    /// The gate owes the delivery of everything before this.
    owned: Offset,
    /// Bytes of a PDU that was judged by its front, still to come.
    passing: u64,
    /// Why they stay behind; `None`: they pass.
    stays: Option<Reason>,
    /// Some of what was released is not as it came.
    renumbered: bool,
    /// Where the FIN lies in the receiver's numbers.
    fin: Option<Offset>,
    /// When to send again what is owed, and how often that was done.
    retry: Option<(Time, u32)>,
    /// How far the sender has come by its own account.
    heard: Offset,
    /// Whether bytes have come again, or behind a gap: the link loses some.
    loses: bool,
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

    /// Reads what the next segment in line needs, so that it is in the caches.
    #[inline]
    pub(crate) fn fetch(&self) {
        let last = self.canon.slice(self.end.saturating_sub(1), self.end).first().copied();
        black_box((last, self.next, self.owned, self.came, self.nudge.1, self.fin));
        black_box((self.edits.is_empty(), self.ahead.is_empty(), self.numbering));
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
