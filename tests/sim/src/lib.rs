//! The gate between real TCP stacks, on virtual time.
//!
//! ```text
//!  client            links             relay            links             server
//!  program - stack ---------- port 0 - the gate - port 1 ---------- stack - program
//! ```
//!
//! A seed decides everything: what is asked and answered, how the stacks are set up, what the links lose,
//! delay, reorder, double, damage, cut and join. One thread, no clock, no socket: a seed that fails does so
//! again. The gate in the middle is the worker that live ports turn, over rings in memory, with a compiled
//! policy.
//!
//! | module | what it holds |
//! |---|---|
//! | [`scenario`] | [`Scenario`]: everything that a seed decides |
//! | [`world`], `end` | [`World`]: the run, and the clock that jumps |
//! | [`protocol`], [`modbus`] | what is asked, what a device does, how it answers |
//! | [`program`] | the client and the server on top of the stacks; each request and answer is checked as it comes |
//! | [`stack`], [`smol`] | TCP at either end |
//! | [`link`] | one direction of a wire |
//! | [`relay`], [`gate`], [`wire`], [`proxy`] | what stands in the middle: the gate; NAT alone; a proxy, right or wrong |
//! | [`lane`] | every frame that leaves, held against the stream that must leave |
//! | [`runner`], [`knobs`], [`report`] | one seed through the gate; the same with less; what is left of one that failed |
//! | [`ledger`] | every acknowledgement that leaves, held against what the other end has |
//! | [`violation`] | what a run can show that must not be |
//! | [`segment`] | TCP segments as bytes |
//! | [`chance`] | random numbers that a seed repeats |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test asserts by panicking"
)]

pub mod chance;
mod end;
pub mod gate;
pub mod knobs;
pub mod lane;
pub mod ledger;
pub mod link;
pub mod modbus;
pub mod order;
pub mod program;
pub mod protocol;
pub mod proxy;
pub mod relay;
pub mod report;
pub mod runner;
pub mod scenario;
pub mod segment;
pub mod smol;
pub mod stack;
pub mod violation;
pub mod wire;
pub mod world;

pub use knobs::Knobs;
pub use modbus::Modbus;
pub use scenario::Scenario;
pub use smol::Smol;
pub use violation::Violation;
pub use world::{Outcome, World};
