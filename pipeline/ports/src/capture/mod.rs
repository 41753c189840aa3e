//! Capture files: pcap and pcapng, read in bounded memory and written for Wireshark.
//!
//! | module | what it holds |
//! |---|---|
//! | [`reader`] | [`CaptureReader`]: any capture as a stream of Ethernet frames |
//! | [`writer`] | [`CaptureWriter`]: pcapng, nanoseconds, one interface a gate port |
//! | [`port`] | [`CapturePort`]: both as a [`Port`](crate::Port), one-sided or two-sided |
//! | [`error`] | [`CaptureError`]: what is wrong with a file, where, and what to do |
//! | [`link`] | [`LinkType`]: how each kind of capture becomes Ethernet |
//! | `input` | the file as a sliding window, with its exact offset |
//! | `pcap`, `pcapng` | the two file formats, each finding the next packet in the window |
//! | `clock` | units of time stamps |
//! | `wire` | integers in the byte order of the machine that wrote the file |

mod clock;
pub mod error;
mod input;
pub mod link;
mod pcap;
mod pcapng;
pub mod port;
pub mod reader;
mod wire;
pub mod writer;

pub use error::{CaptureError, Foreign};
pub use link::LinkType;
pub use port::{CapturePort, Sides};
pub use reader::{CaptureReader, Interface, Record};
pub use writer::{CaptureWriter, Remarks, Way};

/// Longest packet a record may hold, in bytes: libpcap's `MAXIMUM_SNAPLEN`.
/// A greater length is damage, not a packet.
pub const MAX_PACKET: usize = 262_144;
