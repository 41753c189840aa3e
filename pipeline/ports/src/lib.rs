//! Where frames come from and go to, as one small trait.
//!
//! A [`Port`] hands out frames it owns and takes every one of them back: the worker receives a
//! burst, the engine rewrites the frames in place, and each is then sent or recycled. The trait is
//! shaped by the port that is hardest to please, AF_XDP: there a frame is a token for a piece of
//! shared memory, it can be neither copied nor made, and it has to come back to the ring it was
//! taken from. Capture files and in-memory rings keep the same rules with a [`Pool`] of heap
//! chunks, so a test that counts frames finds a leak before a network card does.
//!
//! Captures are read by code of our own ([`capture`], ADR 0004): a sliding window over the file,
//! one copy from the window into a pooled chunk, and byte offsets that are exact to the byte when
//! a file turns out to be cut or damaged. Whatever the link type of the capture, the engine sees
//! Ethernet: other headers are replaced as the frame is copied.
//!
//! Invariant: a frame has one owner. Frames are neither `Copy` nor `Clone`, and `send`, `recycle`
//! and drop are the only ends of one.
//!
//! Invariant: the number of frames is fixed at construction. When all are in use `receive` waits
//! and `take` says `None`; nothing makes more of them.
//!
//! Invariant: after the first bursts nothing here allocates per frame. The one exception is a
//! capture record longer than a chunk: that chunk grows once and stays grown.
//!
//! Invariant: memory does not depend on the length of a capture. The window, the pool, the number
//! of interfaces and the length of their names are all bounded by named constants.
//!
//! Invariant: no clock is read. A frame arrives at the time its capture or its feeder says.
//!
//! | module | what it holds |
//! |---|---|
//! | [`port`] | [`Port`], [`Received`], [`PortError`]: the contract |
//! | [`pool`] | [`Pool`] and [`HeapFrame`]: a fixed number of heap chunks |
//! | [`capture`] | pcap and pcapng: [`CaptureReader`], [`CaptureWriter`], [`CapturePort`] |
//! | [`ring`] | [`RingPort`]: frames fed and drained by a test |
//! | [`tap`] | [`Tap`]: a capture of a plant's wire, with the gate put in the middle |
//! | [`tunnel`] | [`TunnelPort`]: a worker's port, and beside it the packets of tunnels |

pub mod capture;
pub mod pool;
pub mod port;
pub mod ring;
pub mod tap;
pub mod tunnel;

pub use capture::{CaptureError, CapturePort, CaptureReader, CaptureWriter};
pub use pool::{HeapFrame, Pool};
pub use port::{Port, PortError, Received};
pub use ring::RingPort;
pub use tap::Tap;
pub use tunnel::TunnelPort;
