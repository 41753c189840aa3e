//! What the tests share: frames built byte by byte, a small plant, ends that talk through the gate.
//!
//! Nothing here uses the gate's own builders: checksums are summed by their definition, headers are
//! written field by field, so that a fault in `packet` cannot hide itself.
//!
//! | module | what it holds |
//! |---|---|
//! | [`frame`] | [`Packet`]: a frame to be sent; [`Seen`]: one that left, checked whole |
//! | [`gate`] | [`Gate`]: an engine, its events and its clock |
//! | [`plant`] | [`Plant`]: ports, assets and grants to make tables of |
//! | [`talk`] | [`Talk`]: both ends of one TCP connection |
//! | [`enip`] | the same of EtherNet/IP |
//! | [`s7comm`] | the same of S7comm |
//! | [`modbus`] | requests and responses as bytes |
//! | [`opcua`] | the same of OPC UA |
//! | [`cut`] | connections of real captures, cut otherwise |
//! | [`capture`] | the bundled captures as the frames that enter an engine |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test asserts by panicking"
)]

pub mod capture;
pub mod cut;
pub mod enip;
pub mod frame;
pub mod gate;
pub mod modbus;
pub mod opcua;
pub mod plant;
pub mod s7comm;
pub mod talk;

pub use frame::{Layer4, Packet, Seen};
pub use gate::{Gate, Outcome, Step, Told};
pub use plant::{Plant, Right};
pub use talk::Talk;
