//! EtherNet/IP and CIP, over TCP and UDP.
//!
//! EtherNet/IP carries the Common Industrial Protocol: a client sends a request to an object of the
//! device, named by a path, and the object answers. There is no identity in the protocol: whoever
//! reaches port 44818 may stop the controller.
//!
//! ```text
//!  0         2        4         8        12               20        24
//! +---------+--------+---------+--------+----------------+---------+------------------+
//! | command | length | session | status | sender context | options | data: `length`   |
//! +---------+--------+---------+--------+----------------+---------+------------------+
//!
//! data of SendRRData and SendUnitData: the common packet format
//! +---------------+---------+-----------+--------------------------------+-----------+
//! | interface = 0 | timeout | count = 2 | address item: null, connection | data item |
//! +---------------+---------+-----------+--------------------------------+-----------+
//!
//! data item of a request (connected: behind a sequence count of two bytes)
//! +---------+------------+------+------+
//! | service | path words | path | data |
//! +---------+------------+------+------+
//! ```
//!
//! All numbers are little-endian. What the other modules of this crate call a PDU is here the whole
//! encapsulation packet, and what they call a function is the CIP service. Sources: *The CIP Networks
//! Library*, Volume 1, *Common Industrial Protocol* ("CIP" below) and Volume 2, *EtherNet/IP
//! Adaptation of CIP* ("ENIP" below); Rockwell Automation 1756-PM020 *Logix 5000 Controllers Data
//! Access* ("PM020") and 1770-6.5.16 *DF1 Protocol and Command Set* ("DF1").
//!
//! # Traps
//!
//! - A service code from 0x4B on means something only together with the class that it is sent to:
//!   0x4C reads a tag, begins a download to a file object, or writes a connection's configuration.
//! - Services hide in services: Multiple Service Packet, Unconnected Send, Execute PCCC and the Modbus
//!   passthrough carry others. Each is judged; nesting and number are bounded.
//! - A path may name several objects one behind the other; all of them are held against a policy.
//! - A connected message does not say what it leads to. What its connection was opened to does:
//!   [`Connections`] remembers that for each flow, and a message on a connection that was not opened in
//!   the same flow is refused.
//! - The reply to a connected request bears another connection identifier than the request: the one
//!   that the client chose when it opened the connection.
//! - The reply to what was wrapped in an Unconnected Send bears the inner service.
//! - Three lengths (packet, item, inner message) and an offset table say where things end. Where they
//!   leave bytes over or overlap, the PDU is refused: a device that believes another one of them reads
//!   another command.
//! - Tag names are compared by controllers without regard to upper and lower case.
//!
//! # Contents
//!
//! | file | what it holds |
//! |---|---|
//! | `frame.rs` | the encapsulation header: [`frame()`], [`Packet`] |
//! | `cpf.rs` | the common packet format: [`Cpf`] |
//! | `path.rs` | EPATH: [`Path`], [`Segment`], [`Target`] |
//! | `message.rs` | requests and replies of the message router: [`Request`], [`Reply`] |
//! | `services.rs` | every service with its class and name: [`services()`] |
//! | `nested.rs` | the services inside a message, one by one: [`Services`] |
//! | `data.rs` | what a service does with its data: items and values |
//! | `pccc.rs` | the commands below Execute PCCC |
//! | `open.rs` | Forward Open and Forward Close |
//! | `io.rs` | implicit I/O: datagrams, and what opens and closes their connections |
//! | `addresses.rs` | addresses inside packets: [`translate`] |
//! | `connections.rs` | what was opened in a flow: [`Connections`] |
//! | `command.rs` | requests: [`command()`], [`key`] |
//! | `response.rs` | responses: [`response()`] |
//! | `answers.rs` | what a reply says of the tags of its request |
//! | `denial.rs` | refusals: [`denial()`] |
//! | `fields.rs` | every field by name: [`fields()`] |

pub mod addresses;
pub mod answers;
pub mod command;
pub mod connections;
pub mod cpf;
pub mod data;
pub mod denial;
pub mod fields;
pub mod frame;
pub mod io;
pub mod message;
pub mod nested;
pub mod open;
pub mod path;
pub mod pccc;
pub mod response;
pub mod services;
pub mod steps;

#[cfg(test)]
mod tests;

pub use addresses::{Ends, translate};
pub use answers::answers;
pub use command::{command, key};
pub use connections::Connections;
pub use cpf::Cpf;
pub use denial::denial;
pub use fields::fields;
pub use frame::{Packet, frame};
pub use message::{Reply, Request};
pub use nested::Services;
pub use path::{Path, Segment, Target};
pub use response::response;
pub use services::{Service, services};

/// Registered TCP and UDP port of explicit messages (IANA: `EtherNet-IP-2`).
pub const PORT: u16 = 44818;

/// Registered UDP port of implicit I/O (IANA: `EtherNet-IP-1`).
pub const IO_PORT: u16 = 2222;

/// Length of the longest packet that is read, in bytes. The length field could say 65,535; a message
/// on the largest connection that Logix controllers open has 4,046.
pub const MAX_PDU: usize = 4096;

/// The bit of the service code that marks a reply (CIP 2-4.1).
pub const REPLY: u8 = 0x80;

/// The first little-endian word and what follows it.
fn word(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_le_bytes(*head), rest))
}

/// The first little-endian double word and what follows it.
fn double(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*head), rest))
}
