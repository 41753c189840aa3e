//! One frame in the UMEM.

use std::fmt;

use wicketgate_packet::{FrameBuf, Window};

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
    window: Window,
}

impl<'u> Frame<'u> {
    /// The frame that this window shows of a chunk.
    pub(crate) fn new(chunk: &'u mut [u8], window: Window) -> Frame<'u> {
        Frame { chunk, window }
    }

    /// Where its chunk is in memory.
    pub(crate) fn chunk(&self) -> *const u8 {
        self.chunk.as_ptr()
    }

    /// Where in its chunk it begins, and its length.
    pub(crate) fn place(&self) -> (usize, usize) {
        (self.window.start(), self.window.len())
    }

    /// Makes `bytes` the frame, with full headroom again. False, with nothing changed, where they do
    /// not fit.
    #[must_use]
    pub fn fill(&mut self, bytes: &[u8]) -> bool {
        let end = HEADROOM.saturating_add(bytes.len());
        let Some(room) = self.chunk.get_mut(HEADROOM..end) else { return false };
        room.copy_from_slice(bytes);
        self.window = Window::new(HEADROOM, bytes.len());
        true
    }
}

impl FrameBuf for Frame<'_> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self.window.of(self.chunk)
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.window.of_mut(self.chunk)
    }

    fn resize(&mut self, len: usize) -> bool {
        self.window.resize(self.chunk, len)
    }

    fn move_start(&mut self, by: isize) -> bool {
        self.window.move_start(self.chunk, by)
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
    fn what_is_filled_in_has_headroom_again() {
        let mut chunk = [7; CHUNK];
        let mut frame = Frame::new(&mut chunk, Window::new(HEADROOM, 4));
        assert!(frame.move_start(-4) && frame.fill(b"abc"));
        assert_eq!((frame.bytes(), frame.place()), (&b"abc"[..], (HEADROOM, 3)));
        assert!(!frame.fill(&[0; LONGEST + 1]));
        assert_eq!(frame.bytes(), b"abc", "what does not fit changes nothing");
        assert!(frame.fill(&[1; LONGEST]) && frame.move_start(-(HEADROOM as isize)));
        assert_eq!(frame.bytes().len(), CHUNK);
    }
}
