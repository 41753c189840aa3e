//! Modbus over TCP and UDP.
//!
//! A client asks, a server (the PLC) answers; a PLC never speaks first. There is no session, no
//! login and no identity in the protocol: whoever reaches port 502 may write.
//!
//! ```text
//!  0              2              4              6      7      8
//! +--------------+--------------+--------------+------+------+------------------+
//! | transaction  | protocol = 0 | length       | unit | code | data (0 to 252)  |
//! +--------------+--------------+--------------+------+------+------------------+
//! |<------------- MBAP header ----------------------->|<----- Modbus PDU ------>|
//!                                              |<------ `length` bytes -------->|
//! ```
//!
//! All numbers are big-endian. What the other modules of this crate call a PDU is here the whole
//! ADU, header included. Sources: *Modbus Application Protocol V1.1b3* ("AP" below) and *Modbus
//! Messaging on TCP/IP Implementation Guide V1.0b* ("TCP" below).
//!
//! # Traps
//!
//! - A request and a response of the same function may be the same bytes (codes 5, 6, 8, 21, 22);
//!   only the direction tells them apart. Bit 7 of the code marks an exception response.
//! - Several ADUs may share a segment and one ADU may span several; each is judged.
//! - The byte counts *inside* a PDU repeat what the header's length says. A device that believes
//!   the other one sees another command: where they disagree, the PDU is refused.
//! - Code 23 reads one range and writes another; both must be allowed. Codes 20 and 21 carry a list
//!   of records.
//! - Code 90 is a protocol of its own, [`umas`]: it starts, stops and programs the device.
//! - Unit 0 means broadcast on a serial line, but TCP devices answer it, as they do 255 (TCP
//!   4.4.2). Only "force listen only" (8/4) is never answered (AP 6.8.1).
//! - A device in listen-only mode answers nothing, not even the 8/1 that wakes it: do not wait for
//!   ever.
//!
//! # Contents
//!
//! | file | what it holds |
//! |---|---|
//! | `frame.rs` | the MBAP header: [`frame()`], [`Adu`], [`unit()`] |
//! | `functions.rs` | every function with its class and name: [`functions()`] |
//! | `command.rs` | requests: [`command()`], [`key`] |
//! | `records.rs` | file records, codes 20 and 21 |
//! | `umas.rs` | the codes below code 90 |
//! | `response.rs` | responses: [`response()`] |
//! | `brief.rs` | both of what is said most, at one look |
//! | `denial.rs` | exception responses: [`denial()`] |
//! | `fields.rs` | every field by name: [`fields()`] |

pub mod brief;
pub mod command;
pub mod denial;
pub mod fields;
pub mod frame;
pub mod functions;
mod records;
pub mod response;
pub mod umas;

#[cfg(test)]
mod tests;

pub use command::{command, key};
pub use denial::denial;
pub use fields::fields;
pub use frame::{Adu, frame, unit};
pub use functions::{Function, functions};
pub use response::response;

/// Registered TCP and UDP port (IANA: `mbap`).
pub const PORT: u16 = 502;

/// Length of the longest ADU: 7 bytes of header and 253 of PDU (AP 4.1).
pub const MAX_ADU: usize = 260;

/// The bit of the function code that marks an exception response (AP 4.1).
pub const EXCEPTION: u8 = 0x80;

/// The first `N` big-endian words and what follows them; `None` if there are fewer.
#[inline]
fn words<const N: usize>(bytes: &[u8]) -> Option<([u16; N], &[u8])> {
    let (head, rest) = bytes.split_at_checked(2 * N)?;
    let (pairs, _) = head.as_chunks::<2>();
    Some((pairs.as_array::<N>()?.map(u16::from_be_bytes), rest))
}

/// What follows a leading byte count, if the count says exactly how much that is.
#[inline]
fn counted(bytes: &[u8]) -> Option<&[u8]> {
    let (count, rest) = bytes.split_first()?;
    (usize::from(*count) == rest.len()).then_some(rest)
}
