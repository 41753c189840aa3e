//! OPC UA, binary encoding over TCP (OPC 10000-4 and 10000-6; sections are those of part 6 unless said
//! otherwise).
//!
//! ```text
//! HEL  version  buffers  limits  endpoint URL                               client, first of all
//! ACK  version  buffers  limits                                             server
//! OPN  channel  policy  certificate  thumbprint  sequence  request  body    opens or renews the channel
//! MSG  channel  token  sequence  request  type  header  body                a service
//! CLO  channel  token  sequence  request  type  header                      closes the channel
//! ERR  code  reason                                                         server, last of all
//! ```
//!
//! # Traps
//!
//! - A message may be cut into chunks. A request is judged with all of them, joined as if it had come in one
//!   ([`join`]). To tell clients in the Acknowledge how long a request may be does harm: asyncua takes it for
//!   the length of responses too.
//! - Chunks are numbered without a gap in either direction (6.7.2.4); a receiver that sees one closes the
//!   connection. Where one is taken out or put in, all that follow are numbered anew: [`Channel`].
//! - The bodies of a channel with a security policy are signed, most are encrypted too. Then nothing of
//!   a request is known but that it is one, and nothing of it can be changed: `Services::OPAQUE`.
//! - One identifier has many encodings (5.2.2.9): 13 is `00 0d`, `01 00 0d 00` and `02 00 00 0d 00 00 00`.
//! - A length of -1 is null, other negative lengths are an error.
//! - The same service does different things: Write of attribute 13 changes a value, of others the device's
//!   configuration. What a Call does only its method tells.
//!
//! # Contents
//!
//! | file | what it holds |
//! |---|---|
//! | `frame.rs` | chunks: [`frame()`], [`portion`], [`join`], [`Chunk`] |
//! | `encoding.rs` | built-in types: [`Reader`] |
//! | `node.rs` | [`NodeId`] |
//! | `variant.rs` | values: [`variant::value`] |
//! | `services.rs` | every service with its class and name: [`services()`] |
//! | `methods.rs` | methods that the specification itself defines |
//! | `request.rs` | header and body of a request: [`Request`] |
//! | `items.rs` | what a request touches, one by one: [`Nodes`] |
//! | `channel.rs` | what was opened in a flow, and the numbers of its chunks: [`Channel`] |
//! | `command.rs` | requests: [`command()`], [`key`] |
//! | `response.rs` | responses: [`response()`] |
//! | `answers.rs` | what a response says of the nodes of its request |
//! | `denial.rs` | refusals: [`denial()`] |
//! | `fields.rs` | every field by name: [`fields()`] |

pub mod answers;
pub mod channel;
pub mod command;
pub mod denial;
pub mod encoding;
pub mod fields;
pub mod frame;
pub mod items;
pub mod methods;
pub mod node;
pub mod request;
pub mod response;
pub mod services;
pub mod variant;

#[cfg(test)]
mod tests;

pub use answers::{answers, asks_for_parts};
pub use channel::Channel;
pub use command::{command, key};
pub use denial::denial;
pub use encoding::Reader;
pub use fields::fields;
pub use frame::{Chunk, frame, join, portion};
pub use items::{Nodes, Target};
pub use node::NodeId;
pub use request::Request;
pub use response::response;
pub use services::{Service, services};

/// Registered TCP port (IANA: `opcua-tcp`).
pub const PORT: u16 = 4840;

/// Length of the longest request that every connection has room for, in bytes, with its headers: it is held
/// until it was judged. Longer ones are held where there is more room, see [`portion`].
pub const MAX_REQUEST: usize = 4096;

/// Chunks of the longest request. None may have to fit less than 8192 bytes (7.1.2.3), so these hold more than
/// a request that is read.
pub const MAX_CHUNKS: usize = 16;

/// Length of the longest chunk that is read at all. Stacks offer 65,535 bytes; some go higher.
pub const MAX_CHUNK: usize = 1 << 20;

/// The end of the URI of the security policy without security (part 7, `SecurityPolicy [None]`).
pub const POLICY_PREFIX: &[u8] = b"http://opcfoundation.org/UA/SecurityPolicy#";
