//! Industrial protocols: bytes in, commands out.
//!
//! Pure: no clock, no I/O, no allocation, no panic on input. Each protocol is a folder with the
//! same files; who knows one knows all:
//!
//! | file | what it holds |
//! |---|---|
//! | `mod.rs` | the protocol's constants with their source, and its four functions |
//! | `frame.rs` | where a PDU ends: [`Framed`] |
//! | `command.rs` | what a request asks for: [`Command`], its class and items |
//! | `response.rs` | which request a response answers, and whether it is well-formed |
//! | `denial.rs` | the protocol's own words for "no" |
//! | `fields.rs` | every field by name, for people and for comparison with other tools |
//!
//! The parse contract: `Ok` means progress, `Err` means the bytes are not this protocol, and
//! "incomplete" is never an error but a [`Framed::Need`].

pub mod class;
pub mod command;
pub mod enip;
pub mod field;
pub mod modbus;
pub mod opcua;
pub mod protocol;
pub mod s7comm;
pub mod scalar;

pub use class::{Class, ClassSet};
pub use command::{Answer, Command, Item, Items, Space, Step, Values};
pub use field::{Field, FieldSink, Shape};
pub use protocol::{
    Dialog, Direction, Framed, Key, NotTheProtocol, Portion, Protocol, Refusal, Transport,
};
pub use scalar::Scalar;
