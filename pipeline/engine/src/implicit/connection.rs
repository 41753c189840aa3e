//! One I/O connection: what it was opened as, and how far it has come.

use core::time::Duration;

use wicketgate_dissectors::Direction;
use wicketgate_dissectors::enip::frame::HEADER;
use wicketgate_dissectors::enip::io::{Datagram, Opened, Opening};
use wicketgate_dissectors::enip::open::{Kind, Triad, Way};
use wicketgate_packet::Time;

use crate::flow::{FlowId, FlowKey};
use crate::verdict::Reason;

/// Length of the longest Forward Open that is remembered, in bytes: with a path of 255 words, wrapped and routed.
pub(super) const REQUEST: usize = 768;

/// How long a Forward Open or Close may wait for its answer, and an open connection for its first datagram
/// (CIP 3-4.5.2).
const FIRST: Duration = Duration::from_secs(10);

/// What is added to the silence that both ends agreed on: their clocks are not the gate's.
const GRACE: Duration = Duration::from_millis(100);

/// One connection.
#[derive(Clone, Debug)]
pub(crate) struct IoConnection {
    /// The flow that it was opened in, and which it ends with.
    pub(crate) opener: FlowId,
    triad: Triad,
    is_open: bool,
    /// When its last Forward Close came.
    close_asked: Option<Time>,
    /// What its datagrams bear, by direction; until it is open, only the second is right.
    ids: [u32; 2],
    /// How its datagrams reach the device, once it is open.
    left: FlowKey,
    /// How its datagrams come in, by direction; until it is open, only the second is right.
    keys: [FlowKey; 2],
    halves: [Half; 2],
    /// Intervals without a datagram that end it.
    multiplier: u16,
    request: [u8; REQUEST],
    length: usize,
}

/// What travels one way.
#[derive(Clone, Copy, Debug)]
struct Half {
    /// The UDP port that it is sent to.
    port: u16,
    /// Bytes at once, at most.
    size: u16,
    /// Whether anything travels.
    is_used: bool,
    /// When the last datagram came, or the way was opened.
    last: Time,
    /// How long it may be silent from then on, once there was a datagram.
    patience: Duration,
    /// The last datagram's sequence number.
    sequence: Option<u32>,
}

impl IoConnection {
    /// What the request `pdu` asks for; datagrams to its originator will come in with the key `back`.
    pub(super) fn asked(
        opener: FlowId,
        opening: &Opening,
        back: FlowKey,
        pdu: &[u8],
        now: Time,
    ) -> IoConnection {
        let [there, to_originator] = &opening.ways;
        let mut request = [0; REQUEST];
        request.iter_mut().zip(pdu).for_each(|(to, from)| *to = *from);
        IoConnection {
            opener,
            triad: opening.triad,
            is_open: false,
            close_asked: None,
            ids: [0, opening.to_originator],
            left: back,
            keys: [back; 2],
            halves: [Half::of(there, 0, now), Half::of(to_originator, opening.port, now)],
            multiplier: opening.multiplier,
            request,
            length: pdu.len().min(REQUEST),
        }
    }

    /// The device has opened it; datagrams to the device will come in with the key `there`, and reach it with
    /// `left`.
    pub(super) fn open(&mut self, there: FlowKey, left: FlowKey, opened: &Opened, now: Time) {
        (self.is_open, self.ids) = (true, opened.ids);
        (self.keys[0], self.left) = (there, left);
        self.halves[0].port = opened.port;
        for (half, interval) in self.halves.iter_mut().zip(opened.intervals) {
            let silence = u64::from(interval) * u64::from(self.multiplier);
            (half.patience, half.last) = (Duration::from_micros(silence) + GRACE, now);
        }
    }

    /// Its name.
    pub(super) const fn triad(&self) -> Triad {
        self.triad
    }

    /// Whether the device has opened it.
    pub(super) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// What its datagrams bear, by direction.
    pub(super) const fn ids(&self) -> [u32; 2] {
        self.ids
    }

    /// Its Forward Close passes.
    pub(super) const fn ask_to_close(&mut self, now: Time) {
        self.close_asked = Some(now);
    }

    /// Whether a success that comes now may be its Forward Close's.
    pub(super) fn may_be_closed(&self, now: Time) -> bool {
        self.close_asked.is_some_and(|asked| now <= asked + FIRST)
    }

    /// How its datagrams reach the device, once it is open.
    pub(super) const fn left(&self) -> &FlowKey {
        &self.left
    }

    /// How its datagrams of that direction come in.
    pub(super) const fn key(&self, direction: Direction) -> &FlowKey {
        let [there, back] = &self.keys;
        match direction {
            Direction::ToServer => there,
            Direction::ToClient => back,
        }
    }

    /// The Forward Open, as the client sent it.
    pub(super) fn request(&self) -> &[u8] {
        self.request.get(..self.length).unwrap_or_default()
    }

    /// The UDP port that datagrams of that direction are sent to.
    pub(super) const fn port(&self, direction: Direction) -> u16 {
        self.half(direction).port
    }

    /// Whether nothing came one of its ways for so long that its ends have given it up.
    pub(super) fn is_silent(&self, now: Time) -> bool {
        self.halves.iter().any(|half| half.is_silent(now))
    }

    /// Whether the Forward Open `pdu` in the flow `opener` may take its identifier or name. Before it is answered
    /// only the same again may: of two different ones, nobody can tell which one a success is for.
    pub(super) fn gives_way(&self, opener: FlowId, pdu: &[u8], now: Time) -> bool {
        let waits = !self.is_open && self.close_asked.is_none() && self.opener == opener;
        self.is_silent(now) || waits && self.request().get(HEADER..) == pdu.get(HEADER..)
    }

    /// Whether this datagram, sent to `port`, is the connection's, and newer than those before.
    ///
    /// # Errors
    /// [`Reason::IoNotOpen`] or [`Reason::IoReplayed`].
    pub(super) fn check(
        &self,
        direction: Direction,
        datagram: &Datagram,
        port: u16,
    ) -> Result<(), Reason> {
        let half = self.half(direction);
        let fits = half.is_used && half.port == port && datagram.length <= half.size;
        if !self.is_open || !fits {
            return Err(Reason::IoNotOpen);
        }
        let rises = |last: u32| datagram.sequence.wrapping_sub(last) as i32 > 0;
        if half.sequence.is_none_or(rises) { Ok(()) } else { Err(Reason::IoReplayed) }
    }

    /// Notes a datagram that passes.
    pub(super) const fn note(&mut self, direction: Direction, datagram: &Datagram, now: Time) {
        let [there, back] = &mut self.halves;
        let half = match direction {
            Direction::ToServer => there,
            Direction::ToClient => back,
        };
        (half.last, half.sequence) = (now, Some(datagram.sequence));
    }

    const fn half(&self, direction: Direction) -> &Half {
        let [there, back] = &self.halves;
        match direction {
            Direction::ToServer => there,
            Direction::ToClient => back,
        }
    }
}

impl Half {
    fn of(way: &Way, port: u16, now: Time) -> Half {
        let is_used = way.kind != Kind::Null;
        Half { port, size: way.size, is_used, last: now, patience: FIRST, sequence: None }
    }

    fn is_silent(&self, now: Time) -> bool {
        let patience = match self.sequence {
            Some(_) => self.patience,
            None => self.patience.max(FIRST),
        };
        self.is_used && now > self.last + patience
    }
}
