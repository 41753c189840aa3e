//! What a tap knows of one connection.

use std::collections::VecDeque;
use std::time::Duration;

use wicketgate_packet::parse::{Segment, flags};
use wicketgate_packet::{Headers, L4, Time};

use super::Ready;
use super::craft::Ends;
use super::ordinary::{Ordinary, Way, number};

/// Segments held of one connection before the missing one is given up.
const PATIENCE_SEGMENTS: usize = 32;

/// How long the first of them waits, in the capture's time.
const PATIENCE: Duration = Duration::from_secs(1);

/// Which end sent a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Who asks.
    Client,
    /// Who answers.
    Asset,
}

/// Where a segment stands to what was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// In order, repeated, or not the tap's business.
    Now,
    /// The connection was not seen yet, and this is not its first segment.
    Unknown,
    /// Another connection with the same ends begins, and the old one was never closed.
    Anew,
    /// Something before it, or what it acknowledges, was not seen yet.
    Later,
}

/// One connection, or one pair of UDP or ICMP ends.
pub(super) struct Connection<F> {
    pub(super) ends: Ends,
    /// The port that the gate gave it towards the asset.
    pub(super) nat: Option<u16>,
    /// Segments that do not fit yet.
    pub(super) held: VecDeque<Ready<F>>,
    /// The next sequence number of client and asset; `None` before it is known.
    next: [Option<u32>; 2],
    /// The client's initial sequence number.
    isn: u32,
    fins: [bool; 2],
    reset: bool,
    /// What ordinary segments of client and asset become, once the port is known.
    ways: [Option<Way>; 2],
}

impl<F> Connection<F> {
    /// Nothing of it was seen yet.
    pub(super) fn new(ends: Ends) -> Connection<F> {
        Connection {
            ends,
            nat: None,
            held: VecDeque::new(),
            next: [None; 2],
            isn: 0,
            fins: [false; 2],
            reset: false,
            ways: [None; 2],
        }
    }

    /// The gate gave it this port towards the asset.
    pub(super) fn learn(&mut self, nat: u16, ways: [Option<Way>; 2]) {
        (self.nat, self.ways) = (Some(nat), ways);
    }

    /// Notes an ordinary segment that fits and need not wait, and says what becomes of it; `None`, with nothing
    /// noted, of any other.
    #[inline(always)]
    pub(super) fn pass(&mut self, segment: &Ordinary) -> Option<&Way> {
        let ([client, asset], [there, back]) = (&mut self.next, &self.ways);
        let (own, other, way) = match segment.from == number(self.ends.client) {
            true => (client, asset, there),
            false => (asset, client, back),
        };
        let (Some(next), Some(other), Some(way)) = (own, other, way) else { return None };
        let fits = !ahead(segment.seq, *next) && !ahead(segment.ack, *other);
        if !fits || self.reset || !self.held.is_empty() {
            return None;
        }
        let end = segment.seq.wrapping_add(segment.len);
        if ahead(end, *next) {
            *next = end;
        }
        Some(way)
    }

    /// Where a segment stands.
    pub(super) fn fit(&self, headers: &Headers, role: Role) -> Fit {
        let L4::Tcp(segment) = headers.l4 else { return Fit::Now };
        let syn = segment.flags & flags::SYN != 0;
        let [client, asset] = self.next;
        if role == Role::Client && syn {
            let open = client.is_some() && !self.is_over() && segment.seq != self.isn;
            return if open { Fit::Anew } else { Fit::Now };
        }
        if segment.flags & flags::RST != 0 || self.reset {
            return Fit::Now;
        }
        let (own, other) = match role {
            Role::Client => (client, asset),
            Role::Asset => (asset, client),
        };
        match (own, other) {
            (None, None) => Fit::Unknown,
            (None, Some(_)) if syn => Fit::Now,
            (Some(own), Some(other)) if !ahead(segment.seq, own) && !ahead(segment.ack, other) => {
                Fit::Now
            }
            _ => Fit::Later,
        }
    }

    /// Notes a segment that enters.
    pub(super) fn note(&mut self, headers: &Headers, role: Role) {
        let L4::Tcp(segment) = headers.l4 else { return };
        if segment.flags & flags::RST != 0 {
            self.reset = true;
            return;
        }
        let syn = segment.flags & flags::SYN != 0;
        if syn && role == Role::Client && (self.next[0].is_none() || segment.seq != self.isn) {
            let held = std::mem::take(&mut self.held);
            *self = Connection { isn: segment.seq, held, ..Connection::new(self.ends) };
        }
        let fin = segment.flags & flags::FIN != 0;
        let counted = headers.payload_len() as u32 + u32::from(fin) + u32::from(syn);
        let end = segment.seq.wrapping_add(counted);
        let [client_next, asset_next] = &mut self.next;
        let [client_fin, asset_fin] = &mut self.fins;
        let (next, said_fin) = match role {
            Role::Client => (client_next, client_fin),
            Role::Asset => (asset_next, asset_fin),
        };
        if next.is_none_or(|next| ahead(end, next)) {
            *next = Some(end);
        }
        *said_fin |= fin;
    }

    /// The reset that ends what was before, sent by the client; `None` where nothing was.
    pub(super) fn reset(&mut self) -> Option<(Role, Segment)> {
        let [next, _] = self.next;
        let seq = next.filter(|_| !self.reset)?;
        Some((Role::Client, Segment { seq, flags: flags::RST, ..Segment::default() }))
    }

    /// Whether the first segment that is held has waited long enough.
    pub(super) fn waited_enough(&self, now: Time) -> bool {
        let first = self.held.front().map_or(now, |ready| ready.received.arrival);
        self.held.len() > PATIENCE_SEGMENTS || now.since(first) > PATIENCE
    }

    /// A held segment that fits by now.
    pub(super) fn next_fitting(&mut self) -> Option<Ready<F>> {
        let fits = |ready: &Ready<F>| self.fit(&ready.headers, ready.role) == Fit::Now;
        let at = self.held.iter().position(fits)?;
        self.held.remove(at)
    }

    fn is_over(&self) -> bool {
        self.reset || self.fins == [true; 2]
    }
}

/// Whether `a` comes after `b`, modulo 2^32.
fn ahead(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

/// The segments that open a connection so that this one comes next: SYN, its answer, and ACK; of a
/// SYN's answer only the SYN, of a SYN nothing.
pub(super) fn handshake(headers: &Headers, role: Role) -> [Option<(Role, Segment)>; 3] {
    let L4::Tcp(first) = headers.l4 else { return [None; 3] };
    let (client, asset) = match role {
        Role::Client => (first.seq, first.ack),
        Role::Asset => (first.ack, first.seq),
    };
    let segment = |seq, ack, flags| Segment { seq, ack, flags, window: 65535, ..first };
    let syn = (Role::Client, segment(client.wrapping_sub(1), 0, flags::SYN));
    let both = flags::SYN | flags::ACK;
    let answer = (Role::Asset, segment(asset.wrapping_sub(1), client, both));
    let ack = (Role::Client, segment(client, asset, flags::ACK));
    match (first.flags & flags::SYN != 0, role) {
        (true, Role::Client) => [None; 3],
        (true, Role::Asset) => [Some(syn), None, None],
        (false, _) => [Some(syn), Some(answer), Some(ack)],
    }
}
