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
