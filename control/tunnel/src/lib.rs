//! The user's hop: TLS 1.3 from the engineer's machine to the gate (docs/TUNNEL.md, ADR 14).
//!
//! One connection is one tunnel. It carries the login and what both ends have to say, in order, and beside that
//! IP packets: by QUIC, on a stream and in DATAGRAM frames; where no UDP passes, by TLS over TCP in one stream.
//! The gate gives each login an address of the overlay, and takes packets from no other.
//!
//! | module | what it holds |
//! |---|---|
//! | [`message`] | what is said on the stream, and how it lies on the wire |
//! | [`dialog`] | the gate's end of the stream, as a state machine |
//! | `silence` | when a connection of QUIC is taken to be dead |
//! | `fit` | what the gate says, cut where it is too long |
//! | [`packet`] | IP packets in DATAGRAM frames; whose they are |
//! | [`end`] | why a tunnel ends |
//! | `carrier`, `tcp` | what both are the same over; TLS over TCP |
//! | [`tls`], [`transport`] | the parameters of TLS and QUIC; pinning |
//! | [`authority`] | the gate's certificate |
//! | [`server`] | the gate's end: a thread of its own |
//! | [`client`] | the user's end |
//! | [`stack`] | TCP for a user's end without a device |
//! | [`secret`] | what must not be printed |

pub mod authority;
mod carrier;
pub mod client;
pub mod dialog;
pub mod end;
mod fit;
pub mod message;
pub mod packet;
pub mod secret;
pub mod server;
mod silence;
pub mod stack;
mod tcp;
pub mod tls;
pub mod transport;
