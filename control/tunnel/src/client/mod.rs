//! The user's end: a connection to a gate, a login, packets.

mod dial;

use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use quinn::Endpoint;
use tokio::task::JoinSet;

use crate::carrier::{Carrier, TooLong as DoesNotFit, Words};
use crate::end::{Code, End};
use crate::message::{
    Admitted, Credentials, Inbox, Proof, Refused, ToGate, ToUser, VERSION, Wanted, encode,
};
use crate::packet::{self, CONTEXT};
use crate::stack::Stack;
use crate::tls::{Fingerprint, Identity};

/// How long a gate has to answer by QUIC, before TCP is tried: as long as three of its packets may be lost
/// (RFC 9002 section 6.2.2).
pub const ANSWER: Duration = Duration::from_secs(4);

/// A stack is looked at as often at least.
const LONGEST: Duration = Duration::from_secs(1);

/// Where a gate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Its address, and its port of UDP.
    pub address: SocketAddr,
    /// Its port of TCP, for networks that let no UDP pass; without one there is QUIC alone.
    pub tcp: Option<u16>,
    /// What the user calls it: a certificate may be for that name.
    pub name: String,
}

/// What carries a tunnel to a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// QUIC, over UDP.
    Quic,
    /// TLS, over TCP.
    Tcp,
}

/// What a gate has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// What it answers by.
    pub by: By,
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

impl From<End> for Fault {
    fn from(end: End) -> Fault {
        Fault::Ended(end)
    }
}

/// A connection to a gate whose certificate is the right one.
pub struct Line {
    carrier: Carrier,
    keeper: Keeper,
    words: Words,
    inbox: Inbox,
}

/// What keeps a connection alive as long as it is there.
enum Keeper {
    Quic(Endpoint),
    /// The one task that moves its bytes; it ends with this.
    Tcp(JoinSet<()>),
}

/// The fingerprint that a gate shows, and by what it answers: QUIC, or TCP where that stays without an answer
/// for [`ANSWER`]. Nothing is said to it.
///
/// # Errors
/// It was not heard of.
pub async fn look(gate: &Gate) -> Result<Seen, Fault> {
    let quic = tokio::time::timeout(ANSWER, shown(gate, By::Quic)).await;
    match (quic, gate.tcp) {
        (Ok(shown), _) => shown,
        (Err(_), None) => Err(Fault::Ended(End::new(Code::Over, silence(gate)))),
        (Err(_), Some(_)) => shown(gate, By::Tcp).await.map_err(|fault| match fault {
            Fault::Ended(end) => {
                Fault::Ended(End { why: format!("{}; by TCP: {}", silence(gate), end.why), ..end })
            }
            fault => fault,
        }),
    }
}

fn silence(gate: &Gate) -> String {
    format!("{} does not answer by UDP within {} s", gate.address, ANSWER.as_secs())
}

async fn shown(gate: &Gate, by: By) -> Result<Seen, Fault> {
    match dial::dial(gate, by, None, None).await {
        Err(Fault::Pin(fingerprint)) => Ok(Seen { fingerprint, by }),
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
    by: By,
    pin: Fingerprint,
    user: Option<Identity>,
    program: &str,
) -> Result<Line, Fault> {
    let (carrier, keeper) = dial::dial(gate, by, Some(pin), user).await?;
    let words = carrier.open().await?;
    let mut line = Line { carrier, keeper, words, inbox: Inbox::default() };
    line.say(&ToGate::Hello { version: VERSION, program: program.to_owned() }).await?;
    match line.hear().await? {
        ToUser::Hello { version: VERSION } => Ok(line),
        _ => Err(Fault::Ended(End::protocol("the gate does not greet"))),
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

    /// Proves factors anew, or further ones. What comes of it is heard.
    ///
    /// # Errors
    /// The gate ended the connection.
    pub async fn step_up(&mut self, proof: Proof) -> Result<(), Fault> {
        self.say(&ToGate::StepUp(proof)).await
    }

    /// Asks for a grant. How that stands is heard.
    ///
    /// # Errors
    /// The gate ended the connection, or what was said is too long.
    pub async fn ask(&mut self, wanted: Wanted) -> Result<(), Fault> {
        self.say(&ToGate::Ask(wanted)).await
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
            match self.words.hear().await? {
                Some(bytes) => self.inbox.add(&bytes),
                // The reason comes with the end of the connection.
                None => return Err(self.carrier.closed().await.into()),
            }
        }
    }

    async fn say(&mut self, what: &ToGate) -> Result<(), Fault> {
        let bytes = encode(what).map_err(|error| Fault::Local(error.to_string()))?;
        Ok(self.words.say(&bytes).await?)
    }

    /// Packets, both ways: may be used beside words.
    pub fn packets(&self) -> Packets {
        Packets(self.carrier.clone())
    }

    /// Logs out, and waits until the gate has heard it.
    pub async fn leave(self) {
        self.carrier.close(&End::new(Code::Bye, "logged out"));
        match self.keeper {
            Keeper::Quic(endpoint) => endpoint.wait_idle().await,
            Keeper::Tcp(mut task) => while task.join_next().await.is_some() {},
        }
    }

    /// Goes on by another socket, after the network has changed (RFC 9000 section 9): by QUIC alone.
    ///
    /// # Errors
    /// There is no socket to be had.
    pub fn move_to(&self, socket: UdpSocket) -> std::io::Result<()> {
        match &self.keeper {
            Keeper::Quic(endpoint) => endpoint.rebind(socket),
            Keeper::Tcp(_) => Err(std::io::ErrorKind::Unsupported.into()),
        }
    }
}

/// The packets of a tunnel.
#[derive(Clone, Debug)]
pub struct Packets(Carrier);

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
            let mut frame = self.0.packet().await?;
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
        match self.0.send(packet) {
            Ok(_) => Ok(()),
            Err(DoesNotFit) => Err(TooLong { most: self.most() }),
        }
    }

    /// Longest packet that fits now, in bytes.
    pub fn most(&self) -> u16 {
        self.0.most()
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
