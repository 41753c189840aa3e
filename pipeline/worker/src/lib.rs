//! One turn of the loop: receive a burst, decide on each frame, send, tell.
//!
//! The loop touches ports, the engine touches frames. Replay turns it over a capture, tests over
//! rings; the live gate will turn it over AF_XDP sockets, one worker a core.
//!
//! Invariant: a frame that was received is sent or recycled in the same turn, or is one of the few in [`hold`].
//!
//! Invariant: `now` is the frame's arrival. The only clock here is the [`Stopwatch`], which measures
//! the gate's own time and decides nothing.

pub mod hold;
pub mod latency;
pub mod stopwatch;
pub mod worker;

pub use hold::HoldCounters;
pub use latency::{AssetLatency, Latency};
pub use stopwatch::{Machine, Stopwatch};
pub use worker::{Observer, Worker};
