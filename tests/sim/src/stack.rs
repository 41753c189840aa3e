//! The ends of a connection: TCP stacks.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use wicketgate_packet::Time;

/// A stack with one connection.
pub trait Stack {
    /// Takes the IPv4 packets that have arrived, and puts those that it sends behind `sent`.
    fn turn(&mut self, now: Time, arrived: &mut VecDeque<Vec<u8>>, sent: &mut VecDeque<Vec<u8>>);

    /// When its next timer runs out, if nothing arrives.
    fn due(&mut self, now: Time) -> Time;

    /// Hands over bytes to be sent; how many it took.
    fn write(&mut self, bytes: &[u8]) -> usize;

    /// Moves what was received behind `into`; how many bytes.
    fn read(&mut self, into: &mut Vec<u8>) -> usize;

    /// Says that nothing more will be written.
    fn close(&mut self);

    /// Where the connection stands.
    fn state(&self) -> State;

    /// Whether it has bytes or a FIN that the other end has not acknowledged.
    fn owes(&self) -> bool;

    /// It owes, and has been silent for longer than any retransmission timer runs (RFC 6298 section 2.5):
    /// makes it send again, if it can be made to.
    fn nudge(&mut self);
}

/// Where a connection stands, as one of its ends sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The handshake is under way.
    Opening,
    /// Both ends may send.
    Open,
    /// The other end has sent its FIN.
    Ended,
    /// This end has closed, and waits for the other.
    Closing,
    /// Both FINs are sent and acknowledged, as far as this end knows; it may repeat the last
    /// acknowledgement.
    Waiting,
    /// It is over.
    Closed,
}

/// How an end is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Its address.
    pub address: Ipv4Addr,
    /// Its port.
    pub port: u16,
    /// Whom it connects to; it listens if there is nobody.
    pub peer: Option<(Ipv4Addr, u16)>,
    /// Its initial sequence number.
    pub sequence: u32,
    /// Its maximum segment size, bytes: what it announces and never exceeds itself.
    pub segment: usize,
    /// Its receive buffer, bytes: the window. Above 65,535 it is scaled.
    pub receive: usize,
    /// Its send buffer, bytes: what is in flight at most.
    pub send: usize,
    /// Whether small segments wait for an acknowledgement (RFC 1122 section 4.2.3.4).
    pub nagle: bool,
    /// How long an acknowledgement may wait.
    pub delayed_ack: Option<Duration>,
    /// How often it asks whether the other end lives.
    pub keep_alive: Option<Duration>,
    /// Whether it offers timestamps (RFC 7323).
    pub timestamps: bool,
}
