//! Implicit I/O of EtherNet/IP: datagrams that pass because a Forward Open did.
//!
//! A datagram on UDP 2222 says which connection it belongs to and nothing else. It passes, either way, where that
//! connection was opened through the gate: by a Forward Open that a rule gave, in a flow that is still open, and
//! that the device has answered with success. What it may do is what that flow may do now: session, grant, window
//! and policy are asked as if the Forward Open came again.
//!
//! Invariant: no datagram passes that cannot name its opener; an I/O connection ends with its opener's flow, with
//! the success of its Forward Close, by silence, or when no rule gives its Forward Open any more.
//!
//! | module | what it holds |
//! |---|---|
//! | `table` | the connections of a worker, found by their identifiers |
//! | `connection` | one of them |
//! | `changes` | what became of them, until the audit is told |
//! | `strays` | who sends datagrams of no connection |

mod changes;
mod connection;
mod strays;
mod table;

use wicketgate_dissectors::enip::IO_PORT;
use wicketgate_dissectors::enip::io::Datagram;
use wicketgate_dissectors::{Direction, Protocol, Transport};
use wicketgate_packet::{FrameBuf, L4, Time};

use crate::engine::{Arrival, Engine};
use crate::event::{IoEndCause, Totals};
use crate::flow::{Flow, FlowId};
use crate::length;
use crate::matcher::Moment;
use crate::session::SessionState;
use crate::tcp::Phase;
use crate::translate::Rewrite;
use crate::verdict::{Reason, Verdict};

pub(crate) use strays::Strays;
pub(crate) use table::IoTable;
use table::{IoId, key_of};

impl Engine {
    /// What becomes of a datagram of implicit I/O that no flow has; `None` where the frame is none.
    #[inline]
    pub(crate) fn implicit<F: FrameBuf>(
        &mut self,
        arrival: &mut Arrival<'_, F>,
    ) -> Option<Result<Verdict, Reason>> {
        let L4::Udp { .. } = arrival.headers.l4 else { return None };
        let datagram = Datagram::read(arrival.headers.payload(arrival.frame.bytes()))?;
        self.datagram(&datagram, arrival)
    }

    #[cold]
    fn datagram<F: FrameBuf>(
        &mut self,
        datagram: &Datagram,
        arrival: &mut Arrival<'_, F>,
    ) -> Option<Result<Verdict, Reason>> {
        let key = key_of(arrival.port, &arrival.headers, datagram.connection);
        let outcome = match self.io.find(&key) {
            Some((id, direction)) => self.exchange(id, direction, datagram, arrival),
            None if self.is_io_port(arrival) => Err(Reason::IoNotOpen),
            None => return None,
        };
        if let Err(reason) = outcome
            && reason != Reason::IoReplayed
        {
            self.tell_stray(arrival, reason);
        }
        Some(outcome)
    }

    /// Whether nothing but implicit I/O is spoken where the frame goes to.
    fn is_io_port<F>(&self, arrival: &Arrival<'_, F>) -> bool {
        let (headers, (_, port)) = (&arrival.headers, arrival.headers.ports());
        let asset = self.tables.asset_by_overlay(headers.dst);
        let asset = asset.or_else(|| self.tables.asset_by_underlay(arrival.port, headers.src));
        let other = asset.and_then(|asset| self.tables.door(asset, Transport::Udp, port));
        port == IO_PORT && asset.is_some() && other.is_none()
    }

    /// A datagram of a connection passes, if that is still open.
    fn exchange<F: FrameBuf>(
        &mut self,
        id: IoId,
        direction: Direction,
        datagram: &Datagram,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Verdict, Reason> {
        let opener = self.io.get(id).ok_or(Reason::IoNotOpen)?.opener;
        if let Err(reason) = self.check_opener(id, opener, arrival) {
            let cause = self.cause_of(id, reason, arrival.now);
            self.io.close(id, cause, arrival.now);
            self.tell_io(arrival.events);
            return Err(reason);
        }
        self.check_sender(opener, direction, arrival)?;
        self.check_client(opener, direction, arrival)?;
        let connection = self.io.get(id).ok_or(Reason::IoNotOpen)?;
        connection.check(direction, datagram, arrival.headers.ports().1)?;
        let ports = (connection.port(direction.reverse()), connection.port(direction));
        if let Some(mtu) = self.exceeded_mtu(opener, direction, arrival) {
            return length::refuse(mtu, arrival);
        }
        let verdict = self.carry(opener, direction, ports, arrival)?;
        if let Some(connection) = self.io.get_mut(id) {
            connection.note(direction, datagram, arrival.now);
        }
        Ok(verdict)
    }

    /// Why a connection is over that may not be used for this reason.
    fn cause_of(&self, id: IoId, reason: Reason, now: Time) -> IoEndCause {
        let is_silent = self.io.get(id).is_some_and(|connection| connection.is_silent(now));
        match reason {
            _ if is_silent => IoEndCause::Silent,
            Reason::IoNotOpen | Reason::NoEndpoint | Reason::FlowDead => IoEndCause::FlowEnded,
            _ => IoEndCause::Revoked,
        }
    }

    /// Whether a connection may still be used: it is not silent, and its opener's flow could open it now.
    ///
    /// # Errors
    /// It is over.
    fn check_opener<F: FrameBuf>(
        &mut self,
        id: IoId,
        opener: FlowId,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<(), Reason> {
        let now = arrival.now;
        if self.io.get(id).is_none_or(|connection| connection.is_silent(now)) {
            return Err(Reason::IoNotOpen);
        }
        if self.flows.get(opener).is_some_and(|flow| flow.epoch != self.tables.epoch()) {
            self.readmit(opener, arrival)?;
        }
        self.check_session(opener, arrival)?;
        let flow = self.flows.get(opener).ok_or(Reason::IoNotOpen)?;
        let door = self.tables.endpoint(flow.endpoint).ok_or(Reason::NoEndpoint)?;
        if flow.is_idle(now) || !self.is_speaking(flow) || door.protocol != Protocol::Enip {
            return Err(Reason::IoNotOpen);
        }
        // A session that drains is for operations alone.
        if self.sessions.state(flow.slot, flow.session) != SessionState::Live {
            return Err(Reason::Draining);
        }
        self.judge_again(id, flow, now)
    }

    /// What comes from a client comes from where its subject is said to be: no sequence number of TCP says that it
    /// is the client's.
    fn check_client<F>(
        &self,
        opener: FlowId,
        direction: Direction,
        arrival: &Arrival<'_, F>,
    ) -> Result<(), Reason> {
        let flow = self.flows.get(opener).ok_or(Reason::IoNotOpen)?;
        let grant = self.tables.grant(flow.grant).ok_or(Reason::NoGrant)?;
        let subject = self.tables.subject(grant.subject).ok_or(Reason::NoGrant)?;
        let here = subject.is_at(arrival.port, arrival.headers.link.src);
        if direction == Direction::ToClient || here { Ok(()) } else { Err(Reason::IoNotOpen) }
    }

    /// Whether the Forward Open would pass now.
    fn judge_again(&self, id: IoId, flow: &Flow, now: Time) -> Result<(), Reason> {
        let grant = self.tables.grant(flow.grant).ok_or(Reason::NoGrant)?;
        let connection = self.io.get(id).ok_or(Reason::IoNotOpen)?;
        let command = Protocol::Enip.command(connection.request());
        let command = command.map_err(|_| Reason::IoNotOpen)?;
        match grant.matcher.judge_at(&command, &Moment::at(now)) {
            Err(denied) if !grant.observe => Err(denied.reason),
            _ => Ok(()),
        }
    }

    /// Whether both ends of a flow's connection have more to say: neither has said FIN.
    fn is_speaking(&self, flow: &Flow) -> bool {
        let stream = flow.stream.and_then(|id| self.streams.get(id));
        let open = flow.tcp.phase() == Phase::Established && flow.dead.is_none();
        open && stream.is_some_and(|it| !it.requests.is_finished() && !it.responses.is_finished())
    }

    /// Sends a datagram on, from where its sender listens to where its receiver does, and counts it for the flow.
    fn carry<F: FrameBuf>(
        &mut self,
        opener: FlowId,
        direction: Direction,
        (from, to): (u16, u16),
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Verdict, Reason> {
        let flow = self.flows.get_mut(opener).ok_or(Reason::IoNotOpen)?;
        let way = flow.rewrite(direction);
        let (headers, (src, dst)) = (&arrival.headers, arrival.headers.ports());
        let before = ((headers.src, src), (headers.dst, dst));
        let after = ((way.src().0, from), (way.dst().0, to));
        let macs = (way.link().src, way.link().dst);
        let rewrite = Rewrite::new(way.egress, macs, way.vlan, before, after);
        rewrite.apply(arrival.frame, headers)?;
        let bytes = arrival.frame.bytes().len() as u64;
        let done = Totals { frames: 1, bytes, ..Totals::default() };
        flow.touch(arrival.now);
        flow.totals.add(done);
        self.sessions.count(flow.slot, done);
        self.last_asset = Some(flow.asset);
        Ok(Verdict::Forward(rewrite.egress))
    }

    /// Tells once of who sends datagrams that do not pass, and why not.
    fn tell_stray<F: FrameBuf>(&mut self, arrival: &mut Arrival<'_, F>, reason: Reason) {
        let (src, dst) = (arrival.headers.src, arrival.headers.dst);
        if self.strays.note(src, dst, reason, arrival.now) {
            self.tell_refused(arrival, reason);
        }
    }
}
