//! The next segment of a stream on which nothing is out of the ordinary: what the other modules do with one, where
//! only one outcome is left.
//!
//! To be asked of both lanes of a [straight](crate::stream::Stream::is_straight) stream alone. Of each of those holds
//! `next == judged`, `sent == end == judged + shift` and `owned <= acked`; nothing is ahead, and no copy is long.

use wicketgate_packet::Time;

use super::owed::{ACK_DELAY, RETRY_FIRST};
use super::{Lane, WINDOW};
use crate::splice::canon::Room;
use crate::splice::number::Offset;

impl Lane {
    /// Whether a segment of this number is the next of a sender that has not said FIN.
    #[inline(always)]
    pub(crate) fn is_next(&self, seq: u32) -> bool {
        self.wire(self.next) == seq && self.fin.is_none()
    }

    /// Where an acknowledgement of the receiver's lies that does not go back; [`Lane::place_ack`] knows of others.
    #[inline(always)]
    pub(crate) fn place_next_ack(&self, ack: u32, captured: bool) -> Option<Offset> {
        let near = self.numbering.offset(ack, self.sent);
        let at = if captured { self.shifted(near).min(self.sent) } else { near };
        // One comparison: what lies before `acked` is far behind it.
        (at.wrapping_sub(self.acked) <= self.sent.saturating_sub(self.acked)).then_some(at)
    }

    /// Room for `len` bytes that are next in line; until something else changes the lane they can be
    /// [passed](Lane::pass_whole). `None` where there is none.
    #[inline(always)]
    pub(crate) fn reserve(&mut self, len: usize) -> Option<Room> {
        if self.canon.room_behind(self.end, len).is_none() {
            self.canon.make_room_behind(self.end, len, self.floor());
        }
        self.canon.room_behind(self.end, len)
    }

    /// Takes, releases and sends on a whole PDU for which room was [reserved](Lane::reserve).
    #[inline(always)]
    pub(crate) fn pass_whole(&mut self, room: Room, bytes: &[u8], now: Time) {
        self.canon.put(room, bytes);
        let len = bytes.len() as u64;
        (self.next, self.judged) = (self.next + len, self.next + len);
        (self.end, self.sent) = (self.end + len, self.end + len);
        (self.came, self.nudge) = (now, (now + RETRY_FIRST, 0));
        (self.vouches, self.vouch_at) = (false, now + ACK_DELAY);
    }

    /// The receiver has everything before `ack` and takes `window` bytes more: what the sender is told, the
    /// acknowledgement as a place of its own and how much it may send behind that.
    #[inline(always)]
    pub(crate) fn tell_back(&mut self, ack: Offset, window: u64, now: Time) -> (Offset, u64) {
        self.edge = self.edge.max(ack + window);
        if ack > self.acked {
            (self.acked, self.retry, self.came) = (ack, None, now);
        }
        let up = |down: Offset| down.wrapping_add_signed(-self.edits.shift());
        let (edge, arrived) = (up(self.edge), up(ack));
        self.told_edge = edge.min(arrived + WINDOW).max(self.told_edge);
        self.vouched = self.vouched.max(arrived);
        (self.vouched, self.told_edge.saturating_sub(self.vouched))
    }
}
