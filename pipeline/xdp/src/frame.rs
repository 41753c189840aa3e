//! One frame in the UMEM.

use std::fmt;

use wicketgate_packet::FrameBuf;

/// Bytes of a chunk: half a page, the least that an Ethernet frame with room around it fits into.
pub const CHUNK: usize = 2048;

/// Free bytes before a frame. The kernel keeps `XDP_PACKET_HEADROOM` of them for XDP programs, and
/// receives behind them.
pub const HEADROOM: usize = 256;

/// Longest frame that is received, in bytes. The kernel drops longer ones and counts them.
pub const LONGEST: usize = CHUNK - HEADROOM;

/// A chunk of the UMEM, with a frame in it.
///
/// A linear token: neither `Copy` nor `Clone`, handed out by an [`XdpPort`](crate::XdpPort) alone, and
/// there is one for a chunk at most. It goes back to the port or out by a socket; one that is dropped elsewhere stays
/// counted as held ([`Accounts::held`](crate::Accounts)), and its chunk is not used again.
#[must_use = "a frame that is dropped is a chunk lost"]
pub struct Frame<'u> {
    chunk: &'u mut [u8],
    start: usize,
    end: usize,
}

impl<'u> Frame<'u> {
    /// The frame at `start..end` of a chunk.
    pub(crate) fn new(chunk: &'u mut [u8], start: usize, end: usize) -> Frame<'u> {
        Frame { chunk, start, end }
    }

    /// Where its chunk is in memory.
    pub(crate) fn chunk(&self) -> *const u8 {
        self.chunk.as_ptr()
    }

    /// Where in its chunk it begins, and its length.
    pub(crate) fn place(&self) -> (usize, usize) {
        (self.start, self.end - self.start)
    }

    /// Makes `bytes` the frame, with full headroom again. False, with nothing changed, where they do
    /// not fit.
    #[must_use]
    pub fn fill(&mut self, bytes: &[u8]) -> bool {
        let end = HEADROOM.saturating_add(bytes.len());
        let Some(room) = self.chunk.get_mut(HEADROOM..end) else { return false };
        room.copy_from_slice(bytes);
        (self.start, self.end) = (HEADROOM, end);
        true
    }

    fn zero(&mut self, from: usize, to: usize) {
        self.chunk.get_mut(from..to).unwrap_or_default().fill(0);
    }
}

impl FrameBuf for Frame<'_> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self.chunk.get(self.start..self.end).unwrap_or_default()
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.chunk.get_mut(self.start..self.end).unwrap_or_default()
    }

    fn resize(&mut self, len: usize) -> bool {
        let end = self.start.saturating_add(len);
        if end > self.chunk.len() {
            return false;
        }
        // Most frames keep their length: to zero nothing is a call all the same.
        if end > self.end {
            self.zero(self.end, end);
        }
        self.end = end;
        true
    }

    fn move_start(&mut self, by: isize) -> bool {
        match self.start.checked_add_signed(by) {
            Some(start) if start <= self.end => {
                self.zero(start, self.start.max(start));
                self.start = start;
                true
            }
            _ => false,
        }
    }
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} bytes)", self.bytes().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_gained_are_zero() {
        let mut chunk = [7; CHUNK];
        let mut frame = Frame::new(&mut chunk, HEADROOM, HEADROOM + 4);
        assert!(frame.resize(2) && frame.resize(5));
        assert_eq!(frame.bytes(), [7, 7, 0, 0, 0]);
        assert!(frame.move_start(-4));
        assert_eq!(frame.bytes(), [0, 0, 0, 0, 7, 7, 0, 0, 0]);
        assert!(frame.move_start(5));
        assert_eq!(frame.bytes(), [7, 0, 0, 0]);
    }

    #[test]
    fn no_move_leaves_the_chunk() {
        let mut chunk = [7; CHUNK];
        let mut frame = Frame::new(&mut chunk, HEADROOM, HEADROOM + 4);
        assert!(!frame.move_start(5) && !frame.move_start(-(HEADROOM as isize) - 1));
        assert!(!frame.move_start(isize::MIN) && !frame.resize(usize::MAX));
        assert!(!frame.resize(CHUNK - HEADROOM + 1) && !frame.fill(&[0; CHUNK - HEADROOM + 1]));
        assert_eq!(frame.bytes(), [7; 4], "refused moves change nothing");
        assert!(frame.resize(CHUNK - HEADROOM) && frame.fill(&[1; CHUNK - HEADROOM]));
        assert!(frame.move_start(-(HEADROOM as isize)));
        assert_eq!(frame.bytes().len(), CHUNK);
    }
}
