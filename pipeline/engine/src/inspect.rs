//! Inspect: which bytes are new, and have they been what they are now before?
//!
//! A TCP segment is placed among the bytes sent before. What repeats them must be the same, and none
//! of it refused; what is new goes on to be judged.

use core::time::Duration;

use wicketgate_dissectors::{Direction, Protocol};
use wicketgate_packet::parse::Segment;
use wicketgate_packet::wire::icmp;
use wicketgate_packet::{FrameBuf, Headers, L4, rewrite};

use crate::admit::may_open;
use crate::flow::timeout;
use crate::judge::{Inspected, Judge};
use crate::stream::{Compared, Recent, Stream};
use crate::tcp::{Phase, Place};
use crate::verdict::Reason;

/// One frame of a flow, and everything that is asked while it is read.
pub(crate) struct Inspection<'a, F> {
    /// Which way it travels.
    pub(crate) direction: Direction,
    /// Its headers.
    pub(crate) headers: &'a Headers,
    /// Its bytes.
    pub(crate) frame: &'a mut F,
    /// What the flow's bytes were; `None` where nobody reads them.
    pub(crate) stream: Option<&'a mut Stream>,
    /// Who judges its PDUs: flow and grant.
    pub(crate) judge: Judge<'a>,
}

impl<F: FrameBuf> Inspection<'_, F> {
    /// What of the frame may leave.
    ///
    /// # Errors
    /// Nothing, and nothing was judged.
    pub(crate) fn inspect(mut self) -> Result<Inspected, Reason> {
        match self.headers.l4 {
            L4::Tcp(segment) => self.segment(&segment),
            L4::Udp { .. } => self.datagram(),
            L4::Icmp { kind, .. } => self.echo(kind),
        }
    }

    fn segment(&mut self, segment: &Segment) -> Result<Inspected, Reason> {
        let len = self.headers.payload_len();
        let place = match self.judge.flow.tcp.place(self.direction, segment, len) {
            // Who only observes lets everything by, and notes nothing of what belongs nowhere.
            Err(_) if self.judge.grant.observe => return Ok(Inspected::keep(len)),
            place => place?,
        };
        let found = match place {
            Place::Old { .. } if len == 0 => Inspected::default(),
            _ if self.stream.is_none() => self.unread()?,
            Place::Old { behind } => self.old(behind)?,
            Place::Next { skip } => self.new_bytes(skip)?,
            Place::Ahead => self.ahead()?,
        };
        self.judge.flow.tcp.accept(self.direction, segment, len);
        self.judge.flow.patience = patience(self.judge.flow.tcp.phase());
        Ok(found)
    }

    /// Bytes that nobody reads pass while some rule of the grant holds.
    fn unread(&self) -> Result<Inspected, Reason> {
        let open = self.judge.grant.observe || self.judge.grant.matcher.is_open(self.judge.now);
        let all = Inspected::keep(self.headers.payload_len());
        if open { Ok(all) } else { Err(Reason::OutsideWindow) }
    }

    /// Bytes sent before pass only if they are the same again, and none of them was refused.
    fn old(&mut self, behind: usize) -> Result<Inspected, Reason> {
        let payload = self.headers.payload(self.frame.bytes());
        let start = self.judge.flow.tcp.next(self.direction).wrapping_sub(behind as u32);
        let stream = self.stream.as_mut().ok_or(Reason::NoFlow)?;
        match repeats(stream.recent(self.direction), start, behind, payload) {
            Err(Reason::Ambiguous) if behind == 1 => self.keep_alive(),
            repeats => repeats.map(|()| Inspected::keep(self.headers.payload_len())),
        }
    }

    /// A keep-alive may carry one byte of garbage in place of the last one sent (RFC 9293 section
    /// 3.8.4); what leaves is the true byte.
    fn keep_alive(&mut self) -> Result<Inspected, Reason> {
        let stream = self.stream.as_mut().ok_or(Reason::NoFlow)?;
        let last = stream.recent(self.direction).last().ok_or(Reason::Stale)?;
        let at = usize::from(self.headers.payload_at);
        let bytes = self.frame.bytes_mut();
        *bytes.get_mut(at).ok_or(Reason::Truncated)? = last;
        rewrite::complete_transport_checksum(bytes, self.headers);
        Ok(Inspected::keep(1))
    }

    /// All but the first `skip` bytes come next in line.
    fn new_bytes(&mut self, skip: usize) -> Result<Inspected, Reason> {
        let direction = self.direction;
        let next = self.judge.flow.tcp.next(direction);
        let stream = self.stream.as_mut().ok_or(Reason::NoFlow)?;
        let payload = self.headers.payload(self.frame.bytes());
        let (old, new) = payload.split_at(skip.min(payload.len()));
        if !old.is_empty() {
            let start = next.wrapping_sub(old.len() as u32);
            repeats(stream.recent(direction), start, old.len(), old)?;
        }
        let mut found = self.judge.stream(stream, direction, new);
        if found.broken && self.judge.grant.observe {
            stream.recent(direction).forget();
            found = Inspected { keep: new.len(), refused: None, broken: false, ..found };
        }
        if found.refused.is_some() {
            stream.recent(direction).denied_end = Some(next.wrapping_add(new.len() as u32));
        }
        found.keep += skip;
        Ok(found)
    }

    /// A segment ahead of its turn waits at its sender: it comes again when the gap is filled. Who
    /// only observes starts reading anew behind the gap.
    fn ahead(&mut self) -> Result<Inspected, Reason> {
        if !self.judge.grant.observe {
            return Err(Reason::OutOfOrder);
        }
        let stream = self.stream.as_mut().ok_or(Reason::NoFlow)?;
        stream.recent(self.direction).forget();
        self.new_bytes(0)
    }

    /// A datagram is one PDU, whole, or nothing.
    fn datagram(&mut self) -> Result<Inspected, Reason> {
        let payload = self.headers.payload(self.frame.bytes());
        let Some(stream) = self.stream.as_mut() else { return self.unread() };
        match self.judge.datagram(stream, self.direction, payload) {
            Err(_) if self.judge.grant.observe => Ok(Inspected::keep(payload.len())),
            found => found,
        }
    }

    /// Requests go towards the asset, each judged; replies come back.
    fn echo(&self, kind: u8) -> Result<Inspected, Reason> {
        match (kind, self.direction) {
            (icmp::ECHO, Direction::ToServer) => {
                may_open(self.judge.grant, Protocol::Icmp, self.judge.now)?;
            }
            (icmp::ECHO_REPLY, Direction::ToClient) => {}
            _ => return Err(Reason::IcmpUnrelated),
        }
        Ok(Inspected::keep(usize::MAX))
    }
}

/// Bytes sent again, from sequence number `start` on, which is `behind` before the next one, are the
/// same and were not refused.
fn repeats(recent: &Recent, start: u32, behind: usize, again: &[u8]) -> Result<(), Reason> {
    if recent.is_denied(start) {
        return Err(Reason::DeniedBefore);
    }
    match recent.compare(behind, again) {
        Compared::Same => Ok(()),
        Compared::Differ => Err(Reason::Ambiguous),
        Compared::Forgotten => Err(Reason::Stale),
    }
}

fn patience(phase: Phase) -> Duration {
    match phase {
        Phase::Opening | Phase::Opened => timeout::OPENING,
        Phase::Established => timeout::ESTABLISHED,
        Phase::Closing => timeout::CLOSING,
        Phase::Closed => timeout::CLOSED,
    }
}
