//! What carries a tunnel: a connection of QUIC, or a link of TLS over TCP. Login, words and packets are the same
//! over both, and whoever has one does not ask which it is.

use std::net::SocketAddr;

use bytes::Bytes;
use quinn::{
    Connection, ConnectionError, ReadError, RecvStream, SendDatagramError, SendStream, VarInt,
    WriteError,
};
use rustls::pki_types::CertificateDer;

use crate::end::{Code, End};
use crate::packet::{self, OVERHEAD};
use crate::silence;
use crate::tcp::Link;
use crate::transport::MOST_MTU;

/// Bytes read from QUIC's stream at a time.
const PIECE: usize = 4096;

/// A connection; clones are the same one.
#[derive(Clone, Debug)]
pub(crate) enum Carrier {
    /// Packets in DATAGRAM frames, words on a stream.
    Quic(Connection),
    /// Both in one stream.
    Tcp(Link),
}

/// A packet that does not fit the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Carrier {
    /// The other end's address, as IPv4's own form where that is what it is.
    pub(crate) fn peer(&self) -> SocketAddr {
        let peer = match self {
            Carrier::Quic(connection) => connection.remote_address(),
            Carrier::Tcp(link) => link.peer(),
        };
        SocketAddr::new(peer.ip().to_canonical(), peer.port())
    }

    /// The certificate that the other end has shown, in DER.
    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        match self {
            Carrier::Quic(connection) => {
                let shown = connection.peer_identity()?;
                let chain = shown.downcast::<Vec<CertificateDer<'static>>>().ok()?;
                chain.first().map(|first| first.to_vec())
            }
            Carrier::Tcp(link) => link.certificate(),
        }
    }

    /// Longest packet that fits now, in bytes.
    pub(crate) fn most(&self) -> u16 {
        match self {
            Carrier::Quic(connection) => {
                let fits = connection.max_datagram_size().unwrap_or(0).saturating_sub(OVERHEAD);
                u16::try_from(fits).unwrap_or(u16::MAX)
            }
            Carrier::Tcp(_) => MOST_MTU,
        }
    }

    /// The next packet, with its context in front.
    ///
    /// # Errors
    /// How the tunnel ended.
    pub(crate) async fn packet(&self) -> Result<Bytes, End> {
        match self {
            Carrier::Quic(connection) => connection.read_datagram().await.map_err(ended),
            Carrier::Tcp(link) => link.packet().await,
        }
    }

    /// Sends a packet, however slow the path is: how many that waited longer are lost by that, one at least
    /// where any is. Of a connection that has ended, whoever listens is told.
    ///
    /// # Errors
    /// It does not fit.
    pub(crate) fn send(&self, packet: &[u8]) -> Result<u64, TooLong> {
        let framed = Bytes::from(packet::frame(packet));
        match self {
            Carrier::Quic(connection) => {
                let is_full = connection.datagram_send_buffer_space() < framed.len();
                match connection.send_datagram(framed) {
                    Err(SendDatagramError::TooLarge) => Err(TooLong),
                    _ => Ok(u64::from(is_full)),
                }
            }
            Carrier::Tcp(link) => Ok(link.send(framed)),
        }
    }

    /// Ends it, and says why.
    pub(crate) fn close(&self, end: &End) {
        match self {
            Carrier::Quic(connection) => {
                connection.close(VarInt::from_u32(end.code.number()), end.why.as_bytes());
            }
            Carrier::Tcp(link) => link.close(end),
        }
    }

    /// How it ended, once it has.
    pub(crate) async fn closed(&self) -> End {
        match self {
            Carrier::Quic(connection) => ended(connection.closed().await),
            Carrier::Tcp(link) => link.closed().await,
        }
    }

    /// Waits until nothing has come for so long that the other end is gone.
    pub(crate) async fn silence(&self) -> End {
        match self {
            Carrier::Quic(connection) => silence::of(connection).await,
            // What reads it ends it.
            Carrier::Tcp(link) => link.closed().await,
        }
    }

    /// Takes the words that the other end begins.
    ///
    /// # Errors
    /// How the tunnel ended.
    pub(crate) async fn accept(&self) -> Result<Words, End> {
        match self {
            Carrier::Quic(connection) => connection.accept_bi().await.map(words).map_err(ended),
            Carrier::Tcp(link) => Ok(Words::Tcp(link.clone())),
        }
    }

    /// Begins words.
    ///
    /// # Errors
    /// How the tunnel ended.
    pub(crate) async fn open(&self) -> Result<Words, End> {
        match self {
            Carrier::Quic(connection) => connection.open_bi().await.map(words).map_err(ended),
            Carrier::Tcp(link) => Ok(Words::Tcp(link.clone())),
        }
    }
}

/// What both ends say.
#[derive(Debug)]
pub(crate) enum Words {
    /// On a stream of its own.
    Quic(Box<(SendStream, RecvStream)>),
    /// Among packets.
    Tcp(Link),
}

fn words((send, receive): (SendStream, RecvStream)) -> Words {
    Words::Quic(Box::new((send, receive)))
}

impl Words {
    /// Says something.
    ///
    /// # Errors
    /// How the tunnel ended.
    pub(crate) async fn say(&mut self, words: &[u8]) -> Result<(), End> {
        match self {
            Words::Quic(stream) => match stream.0.write_all(words).await {
                Ok(()) => Ok(()),
                Err(WriteError::ConnectionLost(error)) => Err(ended(error)),
                Err(error) => Err(End::protocol(error)),
            },
            Words::Tcp(link) => link.say(words).await,
        }
    }

    /// What the other end says next; `None` where it says no more. May be given up on at any time.
    ///
    /// # Errors
    /// How the tunnel ended.
    pub(crate) async fn hear(&mut self) -> Result<Option<Bytes>, End> {
        match self {
            Words::Quic(stream) => match stream.1.read_chunk(PIECE, true).await {
                Ok(chunk) => Ok(chunk.map(|chunk| chunk.bytes)),
                Err(ReadError::ConnectionLost(error)) => Err(ended(error)),
                Err(error) => Err(End::protocol(error)),
            },
            Words::Tcp(link) => link.hear().await.map(Some),
        }
    }

    /// Waits until the other end has all that was said, where an end would overtake it.
    pub(crate) async fn finish(&mut self) {
        if let Words::Quic(stream) = self {
            let _ = stream.0.finish();
            let _ = stream.0.stopped().await;
        }
    }
}

/// How a connection of QUIC ended.
pub(crate) fn ended(error: ConnectionError) -> End {
    match error {
        ConnectionError::ApplicationClosed(closed) => {
            let code = Code::from_number(closed.error_code.into_inner()).unwrap_or(Code::Over);
            End::new(code, String::from_utf8_lossy(&closed.reason))
        }
        ConnectionError::TimedOut => End::silent(),
        // Whoever ended it knows why.
        ConnectionError::LocallyClosed => End::new(Code::Over, "ended here"),
        error => End::new(Code::Over, error.to_string()),
    }
}
