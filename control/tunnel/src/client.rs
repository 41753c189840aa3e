//! The user's end: a connection to a gate, a login, packets.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::{
    ConnectError, Connection, ConnectionError, Endpoint, EndpointConfig, RecvStream, SendStream,
    TokioRuntime, VarInt,
};

use crate::end::{Code, End};
use crate::message::{Admitted, Credentials, Inbox, Refused, ToGate, ToUser, VERSION, encode};
use crate::packet::{self, CONTEXT};
use crate::stack::Stack;
use crate::tls::{self, Fingerprint, Identity};
use crate::transport;

/// Bytes read from the stream at a time.
const PIECE: usize = 4096;

/// A stack is looked at as often at least.
const LONGEST: Duration = Duration::from_secs(1);

/// Where a gate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Its address.
    pub address: SocketAddr,
    /// What the user calls it: a certificate may be for that name.
    pub name: String,
}

/// Why there is no connection.
#[derive(Debug)]
pub enum Fault {
    /// No socket, or a name that cannot be one.
    Local(String),
    /// The gate shows another certificate than it should.
    Pin(Fingerprint),
    /// It ended the connection, or was not heard of.
    Ended(End),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Local(what) => f.write_str(what),
            Fault::Pin(shown) => write!(f, "the gate shows a certificate of fingerprint {shown}"),
            Fault::Ended(end) => end.fmt(f),
        }
    }
}

impl std::error::Error for Fault {}

impl From<ConnectError> for Fault {
    fn from(error: ConnectError) -> Fault {
        Fault::Local(error.to_string())
    }
}

/// A connection to a gate whose certificate is the right one.
pub struct Line {
    endpoint: Endpoint,
    connection: Connection,
    send: SendStream,
    receive: RecvStream,
    inbox: Inbox,
}

/// The fingerprint that a gate shows. Nothing is said to it.
///
/// # Errors
/// It was not heard of.
pub async fn look(gate: &Gate) -> Result<Fingerprint, Fault> {
    match dial(gate, None, None).await {
        Err(Fault::Pin(shown)) => Ok(shown),
        Err(fault) => Err(fault),
        Ok(_) => Err(Fault::Local("a gate was trusted without a fingerprint".to_owned())),
    }
}

/// Connects to a gate with this fingerprint; shows a certificate of the user's where there is one.
///
/// # Errors
/// [`Fault`].
pub async fn connect(
    gate: &Gate,
    pin: Fingerprint,
    user: Option<Identity>,
    program: &str,
) -> Result<Line, Fault> {
    let (endpoint, connection) = dial(gate, Some(pin), user).await?;
    let (send, receive) = connection.open_bi().await.map_err(ended)?;
    let mut line = Line { endpoint, connection, send, receive, inbox: Inbox::default() };
    line.say(&ToGate::Hello { version: VERSION, program: program.to_owned() }).await?;
    match line.hear().await? {
        ToUser::Hello { version: VERSION } => Ok(line),
        _ => Err(Fault::Ended(End::protocol("the gate does not greet"))),
    }
}

async fn dial(
    gate: &Gate,
    pin: Option<Fingerprint>,
    user: Option<Identity>,
) -> Result<(Endpoint, Connection), Fault> {
    let local = |error: &dyn fmt::Display| Fault::Local(error.to_string());
    let (tls, verifier) = tls::client(pin, user).map_err(|error| local(&error))?;
    let config = transport::client(tls).map_err(|error| local(&error))?;
    let any: SocketAddr = match gate.address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).map_err(|error| local(&error))?;
    crate::server::enlarge(&socket);
    let endpoint = Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime));
    let endpoint = endpoint.map_err(|error| local(&error))?;
    let connecting = endpoint.connect_with(config, gate.address, &gate.name)?;
    match connecting.await {
        Ok(connection) => Ok((endpoint, connection)),
        // The verifier says no by an alert of its own (RFC 9001 section 4.8), and has kept why.
        Err(error) => Err(match (verifier.seen(), &error) {
            (Some(shown), ConnectionError::TransportError(_)) if pin != Some(shown) => {
                Fault::Pin(shown)
            }
            _ => ended(error),
        }),
    }
}

impl Line {
    /// Logs in; a refusal may be followed by another attempt.
    ///
    /// # Errors
    /// The gate ended the connection.
    pub async fn log_in(&mut self, shown: Credentials) -> Result<Result<Admitted, Refused>, Fault> {
        self.say(&ToGate::LogIn(shown)).await?;
        match self.hear().await? {
            ToUser::Admitted(admitted) => Ok(Ok(admitted)),
            ToUser::Refused(refused) => Ok(Err(refused)),
            _ => Err(Fault::Ended(End::protocol("the gate does not answer"))),
        }
    }

    /// What the gate says next. May be given up on at any time.
    ///
    /// # Errors
    /// How the tunnel ended.
    pub async fn hear(&mut self) -> Result<ToUser, Fault> {
        loop {
            let wrong = |error| Fault::Ended(End::protocol(error));
            if let Some(message) = self.inbox.take().map_err(wrong)? {
                return Ok(message);
            }
            match self.receive.read_chunk(PIECE, true).await {
                Ok(Some(chunk)) => self.inbox.add(&chunk.bytes),
                // The reason comes with the end of the connection.
                Ok(None) => return Err(ended(self.connection.closed().await)),
                Err(quinn::ReadError::ConnectionLost(error)) => return Err(ended(error)),
                Err(error) => return Err(Fault::Ended(End::protocol(error))),
            }
        }
    }

    async fn say(&mut self, what: &ToGate) -> Result<(), Fault> {
        let bytes = encode(what).map_err(|error| Fault::Local(error.to_string()))?;
        match self.send.write_all(&bytes).await {
            Ok(()) => Ok(()),
            Err(quinn::WriteError::ConnectionLost(error)) => Err(ended(error)),
            Err(error) => Err(Fault::Ended(End::protocol(error))),
        }
    }

    /// Packets, both ways: may be used beside words.
    pub fn packets(&self) -> Packets {
        Packets(self.connection.clone())
    }

    /// Logs out, and waits until the gate has heard it.
    pub async fn leave(self) {
        let code = VarInt::from_u32(Code::Bye.number());
        self.connection.close(code, b"logged out");
        self.endpoint.wait_idle().await;
    }

    /// Goes on by another socket, after the network has changed (RFC 9000 section 9).
    ///
    /// # Errors
    /// There is no socket to be had.
    pub fn move_to(&self, socket: UdpSocket) -> std::io::Result<()> {
        self.endpoint.rebind(socket)
    }
}

/// The packets of a tunnel.
#[derive(Clone, Debug)]
pub struct Packets(Connection);

/// A packet that does not fit the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Longest that does, in bytes.
    pub most: u16,
}

impl Packets {
    /// The next packet.
    ///
    /// # Errors
    /// How the tunnel ended.
    pub async fn next(&self) -> Result<Bytes, Fault> {
        loop {
            let mut frame = self.0.read_datagram().await.map_err(ended)?;
            if frame.first() == Some(&CONTEXT) {
                return Ok(frame.split_off(packet::OVERHEAD));
            }
        }
    }

    /// Sends a packet; where the path takes less than is sent, the oldest that waits is lost.
    ///
    /// # Errors
    /// It does not fit.
    pub fn send(&self, packet: &[u8]) -> Result<(), TooLong> {
        match self.0.send_datagram(packet::frame(packet).into()) {
            Err(quinn::SendDatagramError::TooLarge) => Err(TooLong { most: self.most() }),
            // Of an end that comes, whoever listens is told.
            _ => Ok(()),
        }
    }

    /// Longest packet that fits now, in bytes.
    pub fn most(&self) -> u16 {
        let fits = self.0.max_datagram_size().unwrap_or(0).saturating_sub(packet::OVERHEAD);
        u16::try_from(fits).unwrap_or(u16::MAX)
    }
}

/// Carries packets between a tunnel and a stack, until the tunnel ends; says how. `now` is a clock that only
/// goes on.
pub async fn carry(packets: &Packets, stack: &Stack, now: fn() -> Duration) -> Fault {
    let send = async {
        loop {
            let (sent, delay) = stack.turn(now());
            for packet in sent {
                // What does not fit any more is lost; TCP sends it again.
                let _ = packets.send(&packet);
            }
            let longest = delay.unwrap_or(LONGEST).min(LONGEST);
            // Either there is something to do, or it is time for something.
            let _ = tokio::time::timeout(longest, stack.wait()).await;
        }
    };
    let receive = async {
        loop {
            match packets.next().await {
                Ok(packet) => stack.receive(&packet),
                Err(fault) => return fault,
            }
        }
    };
    tokio::select! {
        never = send => never,
        fault = receive => fault,
    }
}

fn ended(error: ConnectionError) -> Fault {
    Fault::Ended(match error {
        ConnectionError::ApplicationClosed(closed) => {
            let code = Code::from_number(closed.error_code.into_inner()).unwrap_or(Code::Over);
            End::new(code, String::from_utf8_lossy(&closed.reason))
        }
        ConnectionError::TimedOut => End::new(Code::Over, "the gate is not heard of any more"),
        error => End::new(Code::Over, error.to_string()),
    })
}
