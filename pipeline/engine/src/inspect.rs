//! Inspect: what a frame says, and what of it may leave.
//!
//! Datagrams and echoes are judged whole. A TCP segment that opens, ends or resets a connection is
//! placed by [`tcp`](crate::tcp); the bytes of an open one go through the [`splice`](crate::splice).

use core::time::Duration;

use wicketgate_dissectors::{Direction, Framed, Protocol};
use wicketgate_packet::parse::{Segment, flags};
use wicketgate_packet::wire::{Ipv4, Tcp, icmp};
use wicketgate_packet::{FrameBuf, Headers, L4, Outbox, rewrite};

use crate::admit::may_open;
use crate::event::{EndCause, Sent};
use crate::flow::{Flow, timeout};
use crate::judge::{Inspected, Judge, Said};
use crate::splice::emit::Emitter;
use crate::splice::long::LongCopies;
use crate::splice::options::{Options, clean_syn};
use crate::splice::passage::Passage;
use crate::stream::Stream;
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
    /// Whose it is.
    pub(crate) flow: &'a mut Flow,
    /// What the flow's bytes were; `None` where nobody reads them.
    pub(crate) stream: Option<&'a mut Stream>,
    /// Who judges its PDUs.
    pub(crate) judge: Judge<'a>,
    /// Where the gate's own segments go.
    pub(crate) out: &'a mut dyn Outbox,
    /// Whether it comes from a capture, whose ends know nothing of the gate.
    pub(crate) captured: bool,
    /// Where long requests are held.
    pub(crate) long: &'a mut LongCopies,
}

impl<F: FrameBuf> Inspection<'_, F> {
    /// What of the frame may leave.
    ///
    /// # Errors
    /// Nothing, and nothing was judged.
    #[inline]
    pub(crate) fn inspect(mut self) -> Result<Inspected, Reason> {
        match self.headers.l4 {
            L4::Tcp(segment) => {
                let found = match self.stream.take() {
                    None => self.unread_segment(&segment),
                    Some(stream) if self.judge.grant.observe => self.observe(&segment, stream),
                    Some(stream) => self.segment(&segment, stream),
                }?;
                self.flow.patience = patience(self.flow.tcp.phase());
                Ok(found)
            }
            L4::Udp { .. } => {
                let found = self.datagram();
                if self.judge.protocol.has_addresses() && matches!(&found, Ok(it) if it.keep > 0) {
                    self.translate_payload();
                }
                found
            }
            L4::Icmp { kind, .. } => self.echo(kind),
        }
    }

    /// A segment of a connection that is read.
    #[inline]
    fn segment(&mut self, segment: &Segment, stream: &mut Stream) -> Result<Inspected, Reason> {
        let raw_options = self.headers.tcp_options(self.frame.bytes());
        let options = Options::read(raw_options.clone())?;
        let opens = self.flow.tcp.phase() == Phase::Opening;
        if opens || segment.flags & (flags::SYN | flags::RST) != 0 {
            return self.first_or_last(segment, &options, stream);
        }
        if self.flow.tcp.phase() == Phase::Closed {
            return Err(Reason::BadSegment);
        }
        let bytes = self.frame.bytes();
        let tos = Ipv4::at(bytes, usize::from(self.headers.ip_at)).map_or(0, |ip| ip.tos);
        let passage = Passage {
            direction: self.direction,
            emitter: Emitter {
                now: self.judge.now,
                stream: &mut *stream,
                flow: self.flow,
                out: self.out,
                longest: self.judge.protocol.max_pdu(),
                sent: Sent::default(),
            },
            judge: &mut self.judge,
            long: self.long,
            raw_options,
            captured: self.captured,
            tos,
            found: Inspected { kept: true, ..Inspected::default() },
        };
        let found = passage.segment(segment, &options, self.headers.payload(bytes))?;
        self.follow(stream);
        Ok(found)
    }

    /// The connection's phase follows what its lanes have taken.
    #[inline]
    fn follow(&mut self, stream: &Stream) {
        let (lane, other) = (stream.lane(self.direction), stream.lane(self.direction.reverse()));
        let (next, acked) = (lane.wire(lane.next()), other.wire(other.ack()));
        self.flow.tcp.follow(self.direction, next, acked, lane.is_finished());
    }

    /// A segment that opens the connection or resets it.
    #[cold]
    fn first_or_last(
        &mut self,
        segment: &Segment,
        options: &Options,
        stream: &mut Stream,
    ) -> Result<Inspected, Reason> {
        let asks = segment.flags & flags::SYN != 0 && self.direction == Direction::ToServer;
        // Data on a SYN (RFC 7413) comes again when nothing of it was acknowledged.
        let len = if asks { 0 } else { self.headers.payload_len() };
        let lane = stream.lane(self.direction);
        let segment = &self.as_exact(segment, lane.wire(lane.ack()));
        self.flow.tcp.place(self.direction, segment, len)?;
        let opening = self.flow.tcp.phase() == Phase::Opening;
        self.flow.tcp.accept(self.direction, segment, len);
        if segment.flags & flags::RST != 0 {
            return Ok(self.reset(stream));
        }
        if opening {
            stream.open(self.direction, segment, options, self.judge.now);
        } else {
            stream.advance_clock(self.direction, options);
        }
        self.clean_options();
        Ok(Inspected::keep(0))
    }

    /// A reset may have one of two numbers. Who ends a connection by one gives its next number; whose
    /// host knows of no connection gives the one that it was `told` last (RFC 9293 section 3.5.2), which
    /// is less where not all has arrived. Either can be the number that the receiver expects.
    fn as_exact(&self, segment: &Segment, told: u32) -> Segment {
        let open = self.flow.tcp.phase() > Phase::Opening;
        match segment.flags & flags::RST != 0 && open && segment.seq == told {
            true => Segment { seq: self.flow.tcp.next(self.direction), ..*segment },
            false => *segment,
        }
    }

    /// A reset leaves as one that its receiver takes for exact.
    fn reset(&mut self, stream: &mut Stream) -> Inspected {
        let mut emitter = Emitter {
            now: self.judge.now,
            stream,
            flow: self.flow,
            out: self.out,
            longest: 0,
            sent: Sent::default(),
        };
        emitter.reset(self.direction);
        let own = emitter.sent;
        let end = Some(EndCause::Reset);
        Inspected { kept: true, slow: true, own, end, ..Inspected::default() }
    }

    fn clean_options(&mut self) {
        let options = usize::from(self.headers.l4_at) + Tcp::LEN..self.headers.payload_at.into();
        let bytes = self.frame.bytes_mut();
        if bytes.get_mut(options).is_some_and(clean_syn) {
            rewrite::complete_transport_checksum(bytes, self.headers);
        }
    }

    /// Who only observes lets everything by as it is, and notes nothing of what belongs nowhere.
    fn observe(&mut self, segment: &Segment, stream: &mut Stream) -> Result<Inspected, Reason> {
        let all = Inspected::keep(self.headers.payload_len());
        let Ok(place) = self.flow.tcp.place(self.direction, segment, all.keep) else {
            return Ok(all);
        };
        let opening = self.flow.tcp.phase() == Phase::Opening;
        if segment.flags & flags::SYN != 0 && opening {
            stream.lane_mut(self.direction).open(segment.seq);
        }
        let found = match place {
            Place::Old { .. } => all,
            Place::Next { .. } | Place::Ahead => self.read_on(segment, stream, all),
        };
        self.flow.tcp.accept(self.direction, segment, all.keep);
        Ok(found)
    }

    fn read_on(&mut self, segment: &Segment, stream: &mut Stream, all: Inspected) -> Inspected {
        let mut found = all;
        let mut at = stream.lane(self.direction).near(segment.seq);
        let payload = self.headers.payload(self.frame.bytes());
        for piece in payload.chunks(OBSERVED) {
            stream.lane_mut(self.direction).observe(at, piece, self.judge.now);
            judge_all(&mut self.judge, self.flow, self.direction, stream, &mut found);
            at += piece.len() as u64;
        }
        // It may be judged from the next frame on, by other tables.
        stream.straighten();
        found
    }

    /// A segment of a connection that nobody reads: what fits leaves as it came.
    fn unread_segment(&mut self, segment: &Segment) -> Result<Inspected, Reason> {
        let len = self.headers.payload_len();
        let segment = &self.as_exact(segment, self.flow.tcp.acked(self.direction));
        if self.flow.tcp.is_reset_at_fin(self.direction, segment) {
            return Ok(Inspected::default());
        }
        let place = match self.flow.tcp.place(self.direction, segment, len) {
            Err(_) if self.judge.grant.observe => return Ok(Inspected::keep(len)),
            place => place?,
        };
        let found = match place {
            Place::Old { .. } if len == 0 => Inspected::default(),
            _ => self.unread()?,
        };
        self.flow.tcp.accept(self.direction, segment, len);
        Ok(found)
    }

    /// Bytes that nobody reads pass while some rule of the grant holds.
    fn unread(&self) -> Result<Inspected, Reason> {
        let open = self.judge.grant.observe || self.judge.grant.matcher.is_open(self.judge.now);
        if !open {
            return Err(Reason::OutsideWindow);
        }
        self.check_rate()?;
        Ok(Inspected::keep(self.headers.payload_len()))
    }

    /// Of what is not read, frames are counted, and only those of who asks.
    fn check_rate(&self) -> Result<(), Reason> {
        let asks = self.direction == Direction::ToServer;
        match asks && !self.judge.is_within_rate(self.flow) {
            true => Err(Reason::RateExceeded),
            false => Ok(()),
        }
    }

    /// A datagram is one PDU, whole, or nothing.
    fn datagram(&mut self) -> Result<Inspected, Reason> {
        let payload = self.headers.payload(self.frame.bytes());
        let Some(stream) = self.stream.as_mut() else { return self.unread() };
        match self.judge.datagram(self.flow, stream, self.direction, payload) {
            Err(_) if self.judge.grant.observe => Ok(Inspected::keep(payload.len())),
            found => found,
        }
    }

    /// The addresses in a datagram become those by which its receiver knows both ends.
    #[cold]
    fn translate_payload(&mut self) {
        let (protocol, direction) = (self.judge.protocol, self.direction);
        let (asset, client) = self.flow.rewrite(direction).ends(direction);
        let payload = usize::from(self.headers.payload_at)..self.headers.end as usize;
        let bytes = self.frame.bytes_mut();
        let pdu = bytes.get_mut(payload).unwrap_or_default();
        if protocol.translate(pdu, asset, client) {
            rewrite::complete_transport_checksum(bytes, self.headers);
        }
    }

    /// Requests go towards the asset, each judged; replies come back.
    fn echo(&self, kind: u8) -> Result<Inspected, Reason> {
        match (kind, self.direction) {
            (icmp::ECHO, Direction::ToServer) => {
                may_open(self.judge.grant, Protocol::Icmp, self.judge.now)?;
                self.check_rate()?;
            }
            (icmp::ECHO_REPLY, Direction::ToClient) => {}
            _ => return Err(Reason::IcmpUnrelated),
        }
        Ok(Inspected::keep(usize::MAX))
    }
}

/// Judges every whole PDU that is held, whatever comes of it; what is not the protocol is skipped.
fn judge_all(
    judge: &mut Judge<'_>,
    flow: &Flow,
    direction: Direction,
    stream: &mut Stream,
    found: &mut Inspected,
) {
    let Stream { requests, responses, pending, dialog, operation, .. } = stream;
    let lane = if direction == Direction::ToServer { requests } else { responses };
    while !lane.held().is_empty() {
        let len = match judge.protocol.frame(lane.held()) {
            Ok(Framed::Whole(len)) => len.get(),
            Ok(Framed::Need(_)) => return,
            Err(_) => return lane.skip_held(),
        };
        let pdu = lane.held().get(..len).unwrap_or_default();
        let said = &mut Said { pending, dialog, operation };
        let _ = judge.pdu(flow, said, direction, pdu, found);
        lane.release(len);
    }
}

/// Payload that is observed at once.
const OBSERVED: usize = 2048;

fn patience(phase: Phase) -> Duration {
    match phase {
        Phase::Opening | Phase::Opened => timeout::OPENING,
        Phase::Established => timeout::ESTABLISHED,
        Phase::Closing => timeout::CLOSING,
        Phase::Closed => timeout::CLOSED,
    }
}
