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
