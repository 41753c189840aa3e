//! QUIC's parameters (RFC 9000), the same on both ends where they can be.

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{NoInitialCipherSuite, QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, IdleTimeout, ServerConfig, TransportConfig, VarInt};

use crate::packet::OVERHEAD;

/// For so long an end may stand still, or the network between both, and the tunnel goes on.
pub const SILENCE: Duration = Duration::from_secs(30);

/// The user's end says something at least as often: address translators on the way forget who is silent.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// A connection on which nothing has come for this long is dead: what came last may have been as old as
/// `KEEP_ALIVE` when the silence began.
pub const IDLE: Duration = SILENCE.saturating_add(KEEP_ALIVE);

/// UDP payload that any path is taken to carry: Ethernet's MTU, less what tunnels of others on the way take.
const PATH: u16 = 1400;

/// Longest inner packet: less QUIC's header (RFC 9000 section 17.3.1, with a connection identifier of 8 bytes
/// and a packet number of 4), the tag of the AEAD, the frame's type and length (RFC 9221 section 4).
pub const MOST_MTU: u16 = PATH - (1 + 8 + 4) - 16 - (1 + 8) - OVERHEAD as u16;

/// Bytes of packets that wait to be sent to one user; beyond it the oldest is dropped.
pub(crate) const WAITING: usize = 512 * 1024;

/// Bytes of the first stream that may come before they are read.
const STREAM: u32 = 32 * 1024;

/// Streams that a user may open.
const STREAMS: u32 = 1;

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM))
        .receive_window(VarInt::from_u32(STREAM))
        .datagram_receive_buffer_size(Some(WAITING))
        .datagram_send_buffer_size(WAITING)
        .initial_mtu(PATH)
        .max_idle_timeout(IdleTimeout::try_from(IDLE).ok());
    transport
}

/// The gate's side.
///
/// # Errors
/// The provider lacks the cipher that QUIC begins with.
pub fn server(tls: Arc<rustls::ServerConfig>) -> Result<ServerConfig, NoInitialCipherSuite> {
    let crypto = QuicServerConfig::try_from(tls)?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport()));
    Ok(config)
}

/// The user's side.
///
/// # Errors
/// The provider lacks the cipher that QUIC begins with.
pub fn client(tls: rustls::ClientConfig) -> Result<ClientConfig, NoInitialCipherSuite> {
    let crypto = QuicClientConfig::try_from(tls)?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    let mut transport = transport();
    transport.keep_alive_interval(Some(KEEP_ALIVE));
    config.transport_config(Arc::new(transport));
    Ok(config)
}
