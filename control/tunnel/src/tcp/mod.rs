//! TLS over TCP, for networks that let no UDP pass: the same words and packets as over QUIC, in one byte stream.
//!
//! ```text
//!   Link::say, Link::send --outbox--> drive --TLS--> the other end
//!   Link::hear, Link::packet <--queues-- drive <--'
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `frame` | how it lies in the stream |
//! | `link` | a connection, as the rest of the tunnel sees it |
//! | `drive` | what moves its bytes |

mod drive;
mod frame;
mod link;

use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use link::Link;

/// How long TCP's connect and TLS's handshake have, together.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);

/// A link over a stream whose handshake is done, and what moves its bytes: it is over when that is, and has to
/// be polled for anything to happen.
pub(crate) fn link<S: AsyncRead + AsyncWrite>(
    stream: S,
    peer: SocketAddr,
    shown: Option<&[CertificateDer<'_>]>,
) -> (Link, impl Future<Output = ()> + use<S>) {
    let certificate = shown.and_then(<[_]>::first).map(|first| first.to_vec());
    let (link, inlet) = Link::new(peer, certificate);
    (link.clone(), drive::drive(stream, link, inlet))
}
