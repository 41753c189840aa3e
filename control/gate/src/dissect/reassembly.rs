//! One direction of a TCP connection put back in order (RFC 9293 section 3.4), as a tap sees it.
//!
//! A tap misses segments and cannot ask for them again. So a hole is waited for only within
//! bounds, then given up, and whoever reads the stream is told: [`Delivery::Gap`].

use std::time::Duration;

use wicketgate_packet::Time;

use super::pdu::Stamp;

/// Segments held behind a hole.
const MAX_SEGMENTS: usize = 256;
/// Bytes held behind a hole.
pub(super) const MAX_BYTES: usize = 1 << 20;
/// How long a hole is waited for: most retransmissions come within it (RFC 6298).
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that a retransmission can lie back. What is older belongs to another connection of the
/// same ports, whose SYN was not captured.
const STALE: i32 = 1 << 24;

/// What comes out, in the order of the stream.
pub(super) enum Delivery<'a> {
    /// The next bytes, and the frame that made them readable.
    Data(&'a [u8], Stamp),
    /// Bytes are missing between what came before and what comes next.
    Gap,
}

/// The state of one direction.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    /// Sequence number of the next byte; unknown before the first segment.
    next: Option<u32>,
    /// What the other side has acknowledged: it has received all bytes before this one.
    acknowledged: Option<u32>,
    /// Segments behind a hole, in the order of the stream.
    held: Vec<Held>,
    held_bytes: usize,
    /// Since when the hole is waited for.
    since: Time,
}

#[derive(Debug)]
struct Held {
    seq: u32,
    stamp: Stamp,
    data: Box<[u8]>,
}

/// How far `seq` lies behind `from` in the stream; negative where it comes before.
fn distance(from: u32, seq: u32) -> i32 {
    seq.wrapping_sub(from).cast_signed()
}

impl Reassembly {
    /// The direction whose first byte has the number `next`, after a SYN.
    pub(super) fn from_start(next: u32) -> Reassembly {
        Reassembly { next: Some(next), ..Reassembly::default() }
    }

    /// Whether the beginning of the stream is not known yet.
    pub(super) fn is_unknown(&self) -> bool {
        self.next.is_none()
    }

    /// Bytes held behind a hole.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// A segment with `data`; `room` is how many bytes may be held.
    pub(super) fn segment(
        &mut self,
        seq: u32,
        data: &[u8],
        stamp: Stamp,
        room: usize,
        out: &mut impl FnMut(Delivery<'_>),
    ) {
        let ahead = distance(*self.next.get_or_insert(seq), seq);
        if ahead > 0 {
            self.hold(seq, data, stamp);
            self.give_up(stamp.time, room, out);
        } else if ahead < -STALE {
            *self = Reassembly::from_start(seq);
            out(Delivery::Gap);
            self.deliver(seq, data, stamp, out);
        } else {
            self.deliver(seq, data, stamp, out);
            self.drain(Some(stamp), out);
        }
    }

    /// The other side has received all bytes before `ack`.
    ///
    /// What is missing of them was lost to the tap alone and does not come again.
    pub(super) fn acknowledge(&mut self, ack: u32, out: &mut impl FnMut(Delivery<'_>)) {
        if self.acknowledged.is_none_or(|before| distance(before, ack) > 0) {
            self.acknowledged = Some(ack);
        }
        while self.first_is_acknowledged() {
            self.skip(out);
        }
    }

    /// Gives up all holes: nothing comes any more.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(Delivery<'_>)) {
        while !self.held.is_empty() {
            self.skip(out);
        }
    }

    /// Hands out what is new in a segment that does not begin behind the next byte. The first
    /// bytes captured win: what is there already is a retransmission.
    fn deliver(&mut self, seq: u32, data: &[u8], stamp: Stamp, out: &mut impl FnMut(Delivery<'_>)) {
        let next = self.next.unwrap_or(seq);
        let known = usize::try_from(distance(seq, next)).unwrap_or(0);
        if let Some(new) = data.get(known..).filter(|new| !new.is_empty()) {
            // A segment is shorter than 2^32 bytes.
            self.next = Some(next.wrapping_add(new.len() as u32));
            out(Delivery::Data(new, stamp));
        }
    }

    fn hold(&mut self, seq: u32, data: &[u8], stamp: Stamp) {
        if self.held.is_empty() {
            self.since = stamp.time;
        }
        let at = self.held.partition_point(|held| distance(held.seq, seq) >= 0);
        let before = at.checked_sub(1).and_then(|at| self.held.get(at));
        if before.is_some_and(|held| held.seq == seq && held.data.len() >= data.len()) {
            return;
        }
        self.held_bytes += data.len();
        self.held.insert(at, Held { seq, stamp, data: data.into() });
    }

    /// Stops waiting where a bound is reached or the hole is known to be the tap's alone.
    fn give_up(&mut self, now: Time, room: usize, out: &mut impl FnMut(Delivery<'_>)) {
        while self.held.len() > MAX_SEGMENTS
            || self.held_bytes > room.min(MAX_BYTES)
            || self.first_is_acknowledged()
            || !self.held.is_empty() && now.since(self.since) > PATIENCE
        {
            self.skip(out);
            self.since = now;
        }
    }

    fn first_is_acknowledged(&self) -> bool {
        match (self.held.first(), self.acknowledged) {
            (Some(first), Some(ack)) => distance(first.seq, ack) >= 0,
            _ => false,
        }
    }

    /// Goes on behind the first hole.
    fn skip(&mut self, out: &mut impl FnMut(Delivery<'_>)) {
        let Some(first) = self.held.first() else { return };
        self.next = Some(first.seq);
        out(Delivery::Gap);
        self.drain(None, out);
    }

    /// Hands out what no hole is in front of: at the frame that filled the hole, else each segment
    /// at its own.
    fn drain(&mut self, filled: Option<Stamp>, out: &mut impl FnMut(Delivery<'_>)) {
        let Some(next) = self.next else { return };
        if self.held.first().is_none_or(|first| distance(next, first.seq) > 0) {
            return;
        }
        let mut held = std::mem::take(&mut self.held).into_iter();
        for segment in held.by_ref() {
            if self.next.is_some_and(|next| distance(next, segment.seq) > 0) {
                self.held.push(segment);
                break;
            }
            self.held_bytes -= segment.data.len();
            self.deliver(segment.seq, &segment.data, filled.unwrap_or(segment.stamp), out);
        }
        self.held.extend(held);
    }
}
