//! What the gate may do to a frame's bytes.

/// A port of the gate, numbered in the order of the config's `[[port]]` entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(pub u16);

/// The bytes of one Ethernet frame (without FCS) and the room around them.
///
/// The engine sees frames only through this trait, so the same code runs on a UMEM chunk, on a
/// heap buffer and under a fuzzer. Whoever holds the value owns the frame.
pub trait FrameBuf {
    /// The frame, from the destination MAC on.
    fn bytes(&self) -> &[u8];

    /// The same, to be rewritten in place.
    fn bytes_mut(&mut self) -> &mut [u8];

    /// Cuts or extends the frame at its end; new bytes are zero.
    /// False, with nothing changed, where the buffer has no room for `len` bytes.
    #[must_use]
    fn resize(&mut self, len: usize) -> bool;

    /// Moves the frame's start by `by` bytes into the headroom (negative) or the frame (positive);
    /// bytes gained are zero. False, with nothing changed, where there is no such room.
    #[must_use]
    fn move_start(&mut self, by: isize) -> bool;
}

/// Where a frame lies in its buffer: what [`FrameBuf`] asks of whoever has one.
///
/// Nothing of what the buffer held before shows in a frame that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    start: usize,
    end: usize,
}

impl Window {
    /// A frame of `len` bytes that begins behind `headroom` bytes.
    pub const fn new(headroom: usize, len: usize) -> Window {
        Window { start: headroom, end: headroom.saturating_add(len) }
    }

    /// Where in the buffer the frame begins.
    #[inline]
    pub const fn start(&self) -> usize {
        self.start
    }

    /// The frame's length in bytes.
    #[inline]
    pub const fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether the frame has no byte.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The frame in its buffer; empty where the buffer is too short.
    #[inline]
    pub fn of<'b>(&self, buffer: &'b [u8]) -> &'b [u8] {
        buffer.get(self.start..self.end).unwrap_or_else(|| nothing())
    }

    /// The same, to be rewritten in place.
    #[inline]
    pub fn of_mut<'b>(&self, buffer: &'b mut [u8]) -> &'b mut [u8] {
        buffer.get_mut(self.start..self.end).unwrap_or_else(|| nothing())
    }

    /// Does [`FrameBuf::resize`] in this buffer.
    #[must_use]
    pub fn resize(&mut self, buffer: &mut [u8], len: usize) -> bool {
        let end = self.start.saturating_add(len);
        if end > buffer.len() {
            return false;
        }
        // Most frames keep their length: to zero nothing is a call all the same.
        if end > self.end {
            zero(buffer, self.end, end);
        }
        self.end = end;
        true
    }

    /// Does [`FrameBuf::move_start`] in this buffer.
    #[must_use]
    pub fn move_start(&mut self, buffer: &mut [u8], by: isize) -> bool {
        match self.start.checked_add_signed(by) {
            Some(start) if start <= self.end => {
                zero(buffer, start, self.start.max(start));
                self.start = start;
                true
            }
            _ => false,
        }
    }
}

/// No bytes. Cold, so that a buffer that is long enough is a branch and not a choice of two.
#[cold]
const fn nothing<'b>() -> &'b mut [u8] {
    &mut []
}

fn zero(buffer: &mut [u8], from: usize, to: usize) {
    buffer.get_mut(from..to).unwrap_or_default().fill(0);
}

/// Where the gate's own frames go: denials, acknowledgements, retransmissions, resets.
///
/// They are made whole by the engine and copied into a frame of whoever moves frames.
pub trait Outbox {
    /// Sends a copy of `frame`, from the destination MAC on, by `egress`. False where no frame is free
    /// or the copy does not fit: then it is lost like any other that a wire loses, and whoever sent it
    /// sends it again.
    fn send(&mut self, egress: PortId, frame: &[u8]) -> bool;
}

/// An outbox whose frames are all lost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl Outbox for Nowhere {
    fn send(&mut self, _egress: PortId, _frame: &[u8]) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_gained_are_zero() {
        let mut buffer = [7; 16];
        let mut window = Window::new(8, 4);
        assert!(window.resize(&mut buffer, 2) && window.resize(&mut buffer, 5));
        assert_eq!(window.of(&buffer), [7, 7, 0, 0, 0]);
        assert!(window.move_start(&mut buffer, -4));
        assert_eq!(window.of(&buffer), [0, 0, 0, 0, 7, 7, 0, 0, 0]);
        assert!(window.move_start(&mut buffer, 5));
        assert_eq!((window.of(&buffer), window.start(), window.len()), (&[7, 0, 0, 0][..], 9, 4));
        assert_eq!(buffer[..4], [7; 4], "what is outside stays");
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let mut buffer = [7; 16];
        let mut window = Window::new(8, 4);
        for by in [5, -9, isize::MIN, isize::MAX] {
            assert!(!window.move_start(&mut buffer, by), "{by}");
        }
        assert!(!window.resize(&mut buffer, 9) && !window.resize(&mut buffer, usize::MAX));
        assert_eq!((window, buffer), (Window::new(8, 4), [7; 16]));
        assert!(window.resize(&mut buffer, 8) && window.move_start(&mut buffer, -8));
        assert_eq!(window.of_mut(&mut buffer).len(), 16);
        assert!(window.move_start(&mut buffer, 16) && window.is_empty());
    }

    #[test]
    fn of_a_buffer_that_is_too_short_there_is_nothing() {
        assert_eq!(Window::new(8, 4).of(&[7; 11]), []);
        assert_eq!(Window::new(8, 4).of_mut(&mut [7; 11]), []);
    }
}
