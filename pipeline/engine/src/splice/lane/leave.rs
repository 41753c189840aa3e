//! Bytes that were judged: released, taken out, put in, sent.
//!
//! Invariant: only what lies before `end` leaves, and that never changes.

use wicketgate_packet::Time;

use super::Lane;
use crate::splice::edits::Full;
use crate::splice::number::Offset;
use crate::verdict::Reason;

impl Lane {
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

    /// The first `len` held bytes, to be changed before they leave. A sender that sends them again sends
    /// what it sent before: from now on such bytes are not compared with what left.
    pub fn renumber(&mut self, len: usize, change: impl FnOnce(&mut [u8]) -> bool) -> bool {
        let changed = change(self.canon.slice_mut(self.end, self.end + len as u64));
        self.renumbered |= changed;
        changed
    }

    /// Behind what was released, `len` bytes belong to the same PDU and pass as they come.
    pub fn let_pass(&mut self, len: usize) {
        (self.passing, self.stays) = (len as u64, None);
    }

    /// Behind what was taken out, `len` bytes belong to the same PDU and stay behind as they come.
    pub fn let_stay(&mut self, len: usize, reason: Reason) {
        (self.passing, self.stays) = (len as u64, Some(reason));
    }

    /// Why the PDU stays behind that was judged by its front last; `None`: it passes.
    pub fn stays(&self) -> Option<Reason> {
        self.stays
    }

    /// Whether a PDU has begun to leave, or to stay behind, and is not at its end.
    #[inline]
    pub fn is_passing(&self) -> bool {
        self.passing > 0
    }

    /// Releases or takes out what is held of the PDU that was judged by its front. Whether it is at its end.
    ///
    /// # Errors
    /// Too many corrections are outstanding.
    pub fn pass(&mut self) -> Result<bool, Full> {
        let len = self.passing.min(self.next - self.judged);
        self.passing -= len;
        match self.stays {
            None => self.release(len as usize),
            Some(_) => self.take_out(len as usize)?,
        }
        Ok(self.passing == 0)
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
}
