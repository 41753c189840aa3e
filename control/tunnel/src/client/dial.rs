//! How a gate is reached: by QUIC, or by TLS over TCP.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn::{ConnectError, ConnectionError, Endpoint, EndpointConfig, TokioRuntime};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{By, Fault, Gate, Keeper};
use crate::carrier::{Carrier, ended};
use crate::end::{Code, End};
use crate::tcp::{self, HANDSHAKE};
use crate::tls::{self, Fingerprint, Identity, Pinned};
use crate::transport;

impl From<ConnectError> for Fault {
    fn from(error: ConnectError) -> Fault {
        Fault::Local(error.to_string())
    }
}

fn local(error: &dyn fmt::Display) -> Fault {
    Fault::Local(error.to_string())
}

/// A connection whose handshake is done; with `pin`, to a gate with that fingerprint.
pub(super) async fn dial(
    gate: &Gate,
    by: By,
    pin: Option<Fingerprint>,
    user: Option<Identity>,
) -> Result<(Carrier, Keeper), Fault> {
    let (config, verifier) = tls::client(pin, user).map_err(|error| local(&error))?;
    match by {
        By::Quic => by_quic(gate, config, &verifier).await,
        By::Tcp => by_tcp(gate, config, &verifier).await,
    }
}

async fn by_quic(
    gate: &Gate,
    tls: ClientConfig,
    verifier: &Pinned,
) -> Result<(Carrier, Keeper), Fault> {
    let config = transport::client(tls).map_err(|error| local(&error))?;
    let any: SocketAddr = match gate.address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).map_err(|error| local(&error))?;
    crate::server::enlarge(&socket);
    let endpoint = Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime));
    let endpoint = endpoint.map_err(|error| local(&error))?;
    match endpoint.connect_with(config, gate.address, &gate.name)?.await {
        Ok(connection) => Ok((Carrier::Quic(connection), Keeper::Quic(endpoint))),
        // The verifier says no by an alert of its own (RFC 9001 section 4.8), and has kept why.
        Err(error @ ConnectionError::TransportError(_)) => {
            Err(verifier.refused().map_or_else(|| ended(error).into(), Fault::Pin))
        }
        Err(error) => Err(ended(error).into()),
    }
}

async fn by_tcp(
    gate: &Gate,
    tls: ClientConfig,
    verifier: &Pinned,
) -> Result<(Carrier, Keeper), Fault> {
    let stream = timeout(HANDSHAKE, shake(gate, tls)).await;
    let stream = stream.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let stream = stream.map_err(|error| match verifier.refused() {
        Some(shown) => Fault::Pin(shown),
        None => Fault::Ended(End::new(Code::Over, error.to_string())),
    })?;
    let (link, drive) = tcp::link(stream, gate.address, None);
    let mut task = JoinSet::new();
    task.spawn(drive);
    Ok((Carrier::Tcp(link), Keeper::Tcp(task)))
}

async fn shake(gate: &Gate, tls: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let port = gate.tcp.ok_or(io::ErrorKind::Unsupported)?;
    let name = ServerName::try_from(gate.name.clone()).map_err(io::Error::other)?;
    let stream = TcpStream::connect((gate.address.ip(), port)).await?;
    stream.set_nodelay(true)?;
    let stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await?;
    let (_, session): (_, &ClientConnection) = stream.get_ref();
    match session.alpn_protocol() {
        Some(tls::ALPN) => Ok(stream),
        // A web server with the gate's certificate, say.
        _ => Err(io::Error::other("what answers there is no gate")),
    }
}
