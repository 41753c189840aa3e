//! One turn of the loop: receive a burst, decide on each frame, send, tell.
//!
//! The loop touches ports, the engine touches frames. Replay turns it over a capture, tests over
//! rings, the live gate over AF_XDP sockets, one worker a core.
//!
//! | module | what it holds |
//! |---|---|
//! | [`worker`] | [`Worker`]: the loop |
//! | [`floor`] | [`Floor`]: what the machine does to a loop without a gate |
//! | [`handover`] | [`HandOver`]: frames that came in at one worker and are another's |
//! | [`hold`] | the few frames that wait for a MAC address |
//! | [`laps`] | [`Laps`]: the same frames again and again, for benchmarks |
//! | [`latency`] | [`Latency`]: how long the gate held each frame |
//! | [`stopwatch`] | [`Stopwatch`]: the gate's own time |
//!
//! Invariant: a frame that was received is sent, recycled or handed over in the same turn, or is one of the
//! few in [`hold`].
//!
//! Invariant: `now` is the frame's arrival. The only clock here is the [`Stopwatch`], which measures
//! the gate's own time and decides nothing.

pub mod floor;
pub mod handover;
pub mod hold;
pub mod laps;
pub mod latency;
pub mod stopwatch;
pub mod worker;

pub use floor::Floor;
pub use handover::HandOver;
pub use hold::HoldCounters;
pub use laps::{Entering, Laps, Spectator};
pub use latency::{AssetLatency, Latency, Span};
pub use stopwatch::{Machine, Stopwatch};
pub use worker::{Observer, Worker};
