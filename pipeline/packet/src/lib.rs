//! One frame, read once: Ethernet, up to two VLAN tags, ARP, IPv4, TCP, UDP, ICMP.
//!
//! Pure: bytes in, meaning out. No clock, no I/O, no allocation, no panic on input.
//!
//! | module | what it holds |
//! |---|---|
//! | [`frame`] | [`FrameBuf`]: what the gate may do to a frame's bytes, wherever they lie; [`Window`]: how a buffer does it |
//! | [`time`] | [`Time`]: nanoseconds since the epoch, always an argument |
//! | [`wire`] | the headers as zero-copy views, each with its source |
//! | [`parse`] | [`Headers`]: every header of a frame validated once, kept as offsets |
//! | [`plain`] | [`Plain`]: a TCP segment as nearly all are, at fixed places |
//! | [`malformed`] | [`Malformed`]: why a frame was refused, one reason each |
//! | [`quote`] | the packet that an ICMP error quotes |
//! | [`rewrite`] | headers changed in place |
//! | [`checksum`] | RFC 1071 sums and RFC 1624 incremental updates |

pub mod checksum;
pub mod frame;
pub mod malformed;
pub mod parse;
pub mod plain;
pub mod quote;
pub mod rewrite;
pub mod time;
pub mod wire;

pub use frame::{FrameBuf, Nowhere, Outbox, PortId, Window};
pub use malformed::Malformed;
pub use parse::{Headers, L4, Link};
pub use plain::Plain;
pub use time::Time;
