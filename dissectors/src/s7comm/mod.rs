//! S7comm and S7comm-plus, over TCP port 102.
//!
//! The protocols of Siemens controllers: S7-200, 300 and 400, Sinumerik and LOGO! speak S7comm, S7-1200 and
//! S7-1500 S7comm-plus and, where PUT/GET is permitted, S7comm. There is no identity in S7comm: whoever
//! reaches port 102 may stop the controller.
//!
//! ```text
//!  0   1   2        4    5    6     7
//! +---+---+--------+----+----+-----+-------------------------------+
//! | 3 | 0 | length | LI | F0 | EOT | user data                     |   TPKT, COTP data (DT)
//! +---+---+--------+----+----+-----+-------------------------------+
//!
//! user data of S7comm                                     only of Ack and Ack_Data
//! +----+--------+---+-----------+------------+--------+ +-------+------+ +------------+------+
//! | 32 | ROSCTR | 0 | reference | parameters | data   | | class | code | | parameters | data |
//! |    |        |   |           | length     | length | | of the error | |            |      |
//! +----+--------+---+-----------+------------+--------+ +-------+------+ +------------+------+
//!
//! user data of S7comm-plus                                    trailer
//! +----+---------+--------+-----------+------+--------------+ +----+---------+------+
//! | 72 | version | length | 20 digest | data: opcode, ...   | | 72 | version | 0000 |
//! +----+---------+--------+-----------+------+--------------+ +----+---------+------+
//! ```
//!
//! All numbers are big-endian. What the other modules of this crate call a PDU is here everything from the
//! first TPKT to the one that bears the end of the user data (EOT). Sources: RFC 1006 and ISO 8073 (class
//! 0) for what carries it; of S7comm and S7comm-plus nothing is published by their maker, so their numbers
//! are those that Wireshark's dissector, Snap7 and real captures agree on.
//!
//! # Traps
//!
//! - User data may be cut into several DT TPDUs; function and item may lie in different ones. A device puts
//!   them together, so [`Tsdu`] reads them as one run of bytes.
//! - A download is turned around: after the client's request the *device* asks for the blocks (jobs 1B and
//!   1C), and what the client sends as a response is the program. Who asks whom does not say who is the
//!   client: [`command()`] judges everything that goes towards the device.
//! - A device sends without being asked: cyclic values, alarms, a change of its mode.
//! - The transport size of an item says how many bytes there are, not what they mean: clients write a word
//!   as two bytes, and devices do not mind. A rule that limits values says of which type they are.
//! - Data memory is addressed by the bit. Sizes of a byte and more at an address that is none of a byte are
//!   read differently by different devices: refused.
//! - MMS (IEC 61850) has the same port and the same TPKT and COTP. Its user data begin with a session SPDU,
//!   those of S7comm with 32, of S7comm-plus with 72; after *InitSSL* with a TLS record.
//! - S7comm-plus stops a controller by *writing a variable* (2167 of the execution unit).
//!
//! # Contents
//!
//! | file | what it holds |
//! |---|---|
//! | `frame.rs` | TPKT and COTP: [`frame()`], [`Tpdu`] |
//! | `tsdu.rs` | user data, in one fragment or several: [`Tsdu`] |
//! | `connect.rs` | who opens a connection to whom: [`Connect`], [`Role`] |
//! | `association.rs` | what was opened in a flow: [`Association`] |
//! | `message.rs` | the header of S7comm: [`Message`] |
//! | `functions.rs` | every function with its class and name: [`functions()`] |
//! | `variables.rs` | the items of read and write: [`Variables`], [`Area`] |
//! | `operand.rs` | addresses as programmers write them: [`Operand`] |
//! | `blocks.rs` | names of blocks: [`Block`], [`BlockType`] |
//! | `userdata.rs` | the functions of programming devices |
//! | `plus.rs` | S7comm-plus |
//! | `command.rs` | requests: [`command()`], [`key`] |
//! | `response.rs` | responses: [`response()`] |
//! | `answers.rs` | what an answer says of the variables of its job |
//! | `denial.rs` | refusals: [`denial()`] |
//! | `fields.rs` | every field by name: [`fields()`] |

pub mod answers;
pub mod association;
pub mod blocks;
pub mod command;
pub mod connect;
pub mod denial;
pub mod fields;
pub mod frame;
pub mod functions;
pub mod message;
pub mod operand;
pub mod plus;
pub mod response;
pub mod tsdu;
pub mod userdata;
pub mod variables;

#[cfg(test)]
mod tests;

pub use answers::answers;
pub use association::Association;
pub use blocks::{Block, BlockType, Blocks};
pub use command::{command, key};
pub use connect::{Connect, Role};
pub use denial::denial;
pub use fields::fields;
pub use frame::{Tpdu, frame};
pub use functions::{Function, functions};
pub use message::Message;
pub use operand::Operand;
pub use plus::Plus;
pub use response::response;
pub use tsdu::Tsdu;
pub use variables::{Area, Variables};

/// Registered TCP port (IANA: `iso-tsap`).
pub const PORT: u16 = 102;

/// Length of the longest PDU that is read, in bytes. TPKT could say 65,535 a fragment; the largest PDU that
/// devices agree to is 960 bytes of S7comm, and 1,024 a TPDU.
pub const MAX_PDU: usize = 4096;

/// Fragments that one PDU may consist of.
pub const MAX_FRAGMENTS: usize = 16;
