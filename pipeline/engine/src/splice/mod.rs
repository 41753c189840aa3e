//! One command taken out, and the connection lives on.
//!
//! The gate stands in the middle of a TCP connection and edits both of its streams: a denied PDU is
//! taken out of the client's, the protocol's own refusal is put into the asset's. Both ends go on with
//! their own sequence numbers, and the gate translates.
//!
//! ```text
//!            requests: take -> order -> judge -> release -> send
//!  client  ------------------------------------------------------->  asset
//!          <-------------------------------------------------------
//!            send <- release <- judge <- order <- take :responses
//!                       ^ denials
//! ```
//!
//! What leaves is read from one canonical copy a direction, whatever came in how many pieces and how
//! often. Where nothing is held, owed or mapped but by a constant, and a segment holds whole PDUs that
//! may leave, that copy is what the segment says already: then the segment itself leaves, with other
//! numbers ([`Stream::is_straight`](crate::stream::Stream::is_straight)).
//!
//! | module | what it holds |
//! |---|---|
//! | [`number`] | sequence numbers as offsets that do not wrap |
//! | [`edits`] | the mapping between a stream as its sender and as its receiver numbers it |
//! | [`canon`] | the bytes |
//! | [`ahead`] | which bytes have come before their turn |
//! | [`long`] | copies that a connection has while it holds a long request |
//! | [`lane`] | one direction: order, hold, release, take out, put in, owe |
//! | [`options`] | TCP options: what passes, what is taken off, what is refused |
//! | [`denials`] | refusals that wait for the answers to earlier requests |
//! | [`compose`] | segments of the gate's own |
//! | `emit` | what is sent, by itself or for a segment that came |
//! | `passage` | one segment on its way through |
//! | `lengthy` | requests on their way through that are longer than a connection's own copy, or in chunks |

pub mod ahead;
pub mod canon;
pub mod compose;
pub mod denials;
pub mod edits;
pub(crate) mod emit;
pub mod lane;
mod lengthy;
pub mod long;
pub mod number;
pub mod options;
pub(crate) mod passage;
