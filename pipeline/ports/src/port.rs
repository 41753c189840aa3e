//! The contract between a worker and whatever moves its frames.

use std::fmt;
use std::io;

use wicketgate_packet::{FrameBuf, PortId, Time};

use crate::capture::CaptureError;

/// A frame that came in, with where, when and as which.
#[derive(Debug)]
pub struct Received<F> {
    /// The frame, now the receiver's.
    pub frame: F,
    /// The port of the gate it entered by.
    pub port: PortId,
    /// When it arrived.
    pub arrival: Time,
    /// Which one it was, counted from 1. In a capture this is the number other tools show for it,
    /// so records that could not be handed out leave gaps.
    pub number: u64,
    /// Bytes it had on the wire: more than `frame` has where a capture was cut at a snapshot length.
    pub original_len: u32,
}

impl<F> Received<F> {
    /// A frame that was not received: the gate made it, at time `at`.
    pub const fn own(frame: F, at: Time) -> Received<F> {
        Received { frame, port: PortId(0), arrival: at, number: 0, original_len: 0 }
    }
}

/// Where a worker's frames come from and go to.
///
/// One `Port` serves all [`PortId`]s of a worker, so that a frame can leave by another port than
/// it came in by without a copy.
pub trait Port {
    /// The frame as this port holds it: a heap chunk, a UMEM descriptor.
    type Frame: FrameBuf;

    /// Moves at most `max` frames that have arrived to the end of `burst` and says how many;
    /// `Ok(0)` means nothing right now, or no free frame to receive into.
    ///
    /// # Errors
    /// The source is broken. Every frame that came in before the fault has been handed out.
    fn receive(
        &mut self,
        burst: &mut Vec<Received<Self::Frame>>,
        max: usize,
    ) -> Result<usize, PortError>;

    /// Queues one frame to leave by `egress`, at the time of its arrival. One of the port's own goes
    /// as [`Received::own`].
    /// A frame that cannot be queued is recycled and counted in [`unsent`](Port::unsent).
    fn send(&mut self, leaving: Received<Self::Frame>, egress: PortId);

    /// Gives a frame back unsent.
    fn recycle(&mut self, frame: Self::Frame);

    /// An empty frame of the port's own for what the gate itself has to say (RST, ICMP, protocol
    /// errors); `None` when all are in use.
    fn take(&mut self) -> Option<Self::Frame>;

    /// Shows what `send` queued to whoever takes it away, where that is another than this thread: a
    /// card may begin at once. Not needed before [`flush`](Port::flush), which does it too.
    fn submit(&mut self) {}

    /// Pushes out what `send` queued; called once a burst.
    ///
    /// # Errors
    /// The way out is broken.
    fn flush(&mut self) -> Result<(), PortError>;

    /// Whether no frame will ever come again: the end of a capture, or the fault in it.
    fn is_finished(&self) -> bool;

    /// Frames that `send` could not queue since the start.
    fn unsent(&self) -> u64;
}

/// Why a port stopped working.
#[derive(Debug)]
pub enum PortError {
    /// The capture that frames are read from.
    Capture(CaptureError),
    /// A pcapng whose interfaces are the gate's ports describes, later on, one that is none.
    UnknownInterface(String),
    /// The file that frames are written to.
    Output(io::Error),
    /// A socket of a network interface.
    Socket(io::Error),
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortError::Capture(error) => error.fmt(f),
            PortError::UnknownInterface(name) => write!(
                f,
                "interface \"{name}\" is no port of the gate, though those before it were: \
                 name it in the config or replay its frames from a file of their own"
            ),
            PortError::Output(error) => {
                write!(f, "cannot write the frames that left: {error}; is the disk full?")
            }
            PortError::Socket(error) => write!(f, "the network interface fails: {error}"),
        }
    }
}

impl std::error::Error for PortError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PortError::Capture(error) => Some(error),
            PortError::UnknownInterface(_) => None,
            PortError::Output(error) | PortError::Socket(error) => Some(error),
        }
    }
}

impl From<CaptureError> for PortError {
    fn from(error: CaptureError) -> PortError {
        PortError::Capture(error)
    }
}
