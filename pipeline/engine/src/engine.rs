//! The data path, one line a stage.
//!
//! ```text
//! parse -> track -> admit -> inspect -> judge -> translate
//! ```

use core::time::Duration;
use std::sync::Arc;

use wicketgate_dissectors::{Direction, Protocol};
use wicketgate_packet::wire::icmp;
use wicketgate_packet::{FrameBuf, Headers, L4, PortId, Time, rewrite};

use crate::admit::{may_open, rebind};
use crate::counters::Counters;
use crate::event::{EndCause, Event, EventKind, EventRing, Totals};
use crate::flow::{Flow, FlowId, FlowKey, Flows, timeout};
use crate::inspect::{Inspected, Judge};
use crate::live::LiveSessions;
use crate::session::{SessionState, Sessions};
use crate::source;
use crate::stream::{Compared, Recent, Streams};
use crate::tables::{AssetId, GrantId, Tables};
use crate::tcp::{Phase, Place};
use crate::verdict::{Reason, Verdict};

/// How much an engine can hold. Everything is allocated at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Flows.
    pub flows: usize,
    /// Inspected TCP connections among them; about 5 KiB each.
    pub streams: usize,
}

impl Default for Limits {
    /// 65,536 flows, 8,192 of them inspected: about 60 MiB.
    fn default() -> Limits {
        Limits { flows: 1 << 16, streams: 1 << 13 }
    }
}

/// The gate of one worker.
pub struct Engine {
    pub(crate) tables: Arc<Tables>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) flows: Flows,
    pub(crate) streams: Streams,
    pub(crate) live: LiveSessions,
    counters: Counters,
    /// The asset that the frame at hand concerns.
    last_asset: Option<AssetId>,
}

/// A frame on its way: what stages after `parse` need of it.
///
/// The one mutable thing on the path; it lives for one call of [`Engine::process`].
pub(crate) struct Arrival<'a, F> {
    pub(crate) now: Time,
    pub(crate) port: PortId,
    pub(crate) headers: Headers,
    pub(crate) frame: &'a mut F,
    pub(crate) events: &'a mut EventRing,
}

impl Engine {
    /// An engine that judges by `tables` and shares `sessions` with control.
    pub fn new(limits: Limits, tables: Arc<Tables>, sessions: Arc<Sessions>) -> Engine {
        Engine {
            flows: Flows::new(limits.flows),
            streams: Streams::new(limits.streams),
            live: LiveSessions::new(sessions.capacity()),
            counters: Counters::default(),
            last_asset: None,
            tables,
            sessions,
        }
    }

    /// Judges by other tables from the next frame on. Flows are admitted anew as their frames come;
    /// what the new tables no longer give ends then.
    pub fn install(&mut self, tables: Arc<Tables>) {
        self.tables = tables;
    }

    /// The tables in force.
    pub fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The asset that the last frame concerned: its flow's.
    pub fn last_asset(&self) -> Option<AssetId> {
        self.last_asset
    }

    /// Flows that are open.
    pub fn flow_count(&self) -> usize {
        self.flows.len()
    }

    /// Takes one frame that came in by `port` and decides on it. Where the verdict is
    /// [`Verdict::Forward`] or [`Verdict::Answer`] the frame holds what leaves.
    #[inline]
    pub fn process<F: FrameBuf>(
        &mut self,
        now: Time,
        port: PortId,
        frame: &mut F,
        events: &mut EventRing,
    ) -> Verdict {
        self.last_asset = None;
        let verdict = self.path(now, port, frame, events).unwrap_or_else(Verdict::Drop);
        self.counters.count(verdict);
        verdict
    }

    fn path<F: FrameBuf>(
        &mut self,
        now: Time,
        port: PortId,
        frame: &mut F,
        events: &mut EventRing,
    ) -> Result<Verdict, Reason> {
        let headers = self.parse(port, frame)?;
        let mut arrival = Arrival { now, port, headers, frame, events };
        if let Some(verdict) = self.icmp_error(&mut arrival) {
            return verdict;
        }
        let (id, direction) = match self.track(&mut arrival)? {
            Some(found) => found,
            None => (self.admit(&mut arrival)?, Direction::ToServer),
        };
        let inspected = self.inspect(id, direction, &mut arrival)?;
        self.translate(id, direction, inspected, &mut arrival)
    }

    /// Headers, once and for all; anything that no honest sender makes ends here.
    fn parse<F: FrameBuf>(&self, port: PortId, frame: &F) -> Result<Headers, Reason> {
        let bytes = frame.bytes();
        let headers = Headers::parse(bytes)?;
        let gate = self.tables.port(port).ok_or(Reason::NotForGate)?;
        if headers.link.dst != gate.mac {
            return Err(Reason::NotForGate);
        }
        // A port knows one VLAN: of two tags the inner one is whatever its sender wrote.
        if headers.link.tag_count() > 1 {
            return Err(Reason::WrongVlan);
        }
        headers.verify(bytes)?;
        source::check(&headers)?;
        if headers.ttl <= 1 { Err(Reason::TtlExpired) } else { Ok(headers) }
    }

    /// The flow that a frame belongs to, if it may still be used.
    fn track<F: FrameBuf>(
        &mut self,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Option<(FlowId, Direction)>, Reason> {
        let key = FlowKey::of(arrival.port, &arrival.headers);
        let Some((id, direction)) = self.flows.find(&key) else { return Ok(None) };
        let Some(flow) = self.flows.get(id) else { return Ok(None) };
        let reopens = direction == Direction::ToServer && reopens(flow, &arrival.headers);
        if flow.is_idle(arrival.now) || reopens {
            let cause = if reopens { EndCause::Closed } else { EndCause::Idle };
            self.end_flow(id, cause, arrival.now, arrival.events);
            return Ok(None);
        }
        if flow.epoch != self.tables.epoch() {
            self.readmit(id, arrival)?;
        }
        self.check_session(id, arrival)?;
        self.last_asset = self.flows.get(id).map(|flow| flow.asset);
        Ok(Some((id, direction)))
    }

    /// One relaxed load and two comparisons.
    fn check_session<F: FrameBuf>(
        &mut self,
        id: FlowId,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<(), Reason> {
        let flow = self.flows.get(id).ok_or(Reason::NoFlow)?;
        let (cause, reason) = match self.sessions.state(flow.slot, flow.session) {
            SessionState::Live if arrival.now < flow.until => {
                return if flow.dead.is_some() { Err(Reason::FlowDead) } else { Ok(()) };
            }
            SessionState::Live => (EndCause::Expired, Reason::Expired),
            SessionState::Revoked | SessionState::Gone => (EndCause::Revoked, Reason::Revoked),
        };
        self.end_flow(id, cause, arrival.now, arrival.events);
        Err(reason)
    }

    /// Places the payload, has its PDUs judged, and notes what passed.
    fn inspect<F: FrameBuf>(
        &mut self,
        id: FlowId,
        direction: Direction,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Inspected, Reason> {
        let inspected = match arrival.headers.l4 {
            L4::Tcp(_) => self.inspect_segment(id, direction, arrival),
            L4::Udp { .. } => self.inspect_datagram(id, direction, arrival),
            L4::Icmp { kind, .. } => self.inspect_echo(id, kind, direction, arrival.now),
        };
        if inspected.is_ok_and(|found| found.broken) {
            self.kill(id, EndCause::NotTheProtocol, arrival);
        }
        inspected
    }

    fn inspect_segment<F: FrameBuf>(
        &mut self,
        id: FlowId,
        direction: Direction,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Inspected, Reason> {
        let L4::Tcp(segment) = arrival.headers.l4 else { return Err(Reason::NoFlow) };
        let flow = self.flows.get(id).ok_or(Reason::NoFlow)?;
        let len = arrival.headers.payload_len();
        let place = match flow.tcp.place(direction, &segment, len) {
            // Who only observes lets everything by, and notes nothing of what belongs nowhere.
            Err(_) if self.observes(flow) => {
                return Ok(Inspected { keep: len, ..Inspected::default() });
            }
            place => place?,
        };
        let inspected = match place {
            Place::Old { .. } if len == 0 => Inspected::default(),
            _ if flow.stream.is_none() => self.pass_unread(flow, len, arrival.now)?,
            Place::Old { behind } => self.inspect_old(id, direction, behind, arrival)?,
            Place::Next { skip } => self.inspect_new(id, direction, skip, arrival)?,
            Place::Ahead => self.inspect_ahead(id, direction, arrival)?,
        };
        if let Some(flow) = self.flows.get_mut(id) {
            flow.tcp.accept(direction, &segment, len);
            flow.patience = patience(flow.tcp.phase());
        }
        Ok(inspected)
    }

    fn observes(&self, flow: &Flow) -> bool {
        self.tables.grant(flow.grant).is_some_and(|grant| grant.observe)
    }

    /// Bytes that nobody reads pass while some rule of the grant holds.
    fn pass_unread(&self, flow: &Flow, len: usize, now: Time) -> Result<Inspected, Reason> {
        let grant = self.tables.grant(flow.grant).ok_or(Reason::NoGrant)?;
        let open = grant.observe || grant.matcher.is_open(now);
        let all = Inspected { keep: len, ..Inspected::default() };
        if open { Ok(all) } else { Err(Reason::OutsideWindow) }
    }

    /// Bytes sent before pass only if they are the same again, and none of them was refused.
    fn inspect_old<F: FrameBuf>(
        &mut self,
        id: FlowId,
        direction: Direction,
        behind: usize,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Inspected, Reason> {
        let flow = self.flows.get(id).ok_or(Reason::NoFlow)?;
        let keep = arrival.headers.payload_len();
        let stream = flow.stream.and_then(|id| self.streams.get_mut(id)).ok_or(Reason::NoFlow)?;
        let recent = stream.recent(direction);
        let start = flow.tcp.next(direction).wrapping_sub(behind as u32);
        if recent.is_denied(start) {
            return Err(Reason::DeniedBefore);
        }
        let payload = arrival.headers.payload(arrival.frame.bytes());
        match (recent.compare(behind, payload), behind) {
            (Compared::Same, _) => Ok(Inspected { keep, ..Inspected::default() }),
            (Compared::Differ, 1) => self.repair_keepalive(id, direction, arrival),
            (Compared::Differ, _) => Err(Reason::Ambiguous),
            (Compared::Forgotten, _) => Err(Reason::Stale),
        }
    }

    /// A keep-alive may carry one byte of garbage in place of the last one sent (RFC 9293 section
    /// 3.8.4); what leaves is the true byte.
    fn repair_keepalive<F: FrameBuf>(
        &mut self,
        id: FlowId,
        direction: Direction,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Inspected, Reason> {
        let stream = self.flows.get(id).and_then(|flow| flow.stream).ok_or(Reason::NoFlow)?;
        let stream = self.streams.get_mut(stream).ok_or(Reason::NoFlow)?;
        let last = stream.recent(direction).last().ok_or(Reason::Stale)?;
        let at = usize::from(arrival.headers.payload_at);
        let bytes = arrival.frame.bytes_mut();
        *bytes.get_mut(at).ok_or(Reason::Truncated)? = last;
        rewrite::complete_transport_checksum(bytes, &arrival.headers);
        Ok(Inspected { keep: 1, ..Inspected::default() })
    }

    fn inspect_new<F: FrameBuf>(
        &mut self,
        id: FlowId,
        direction: Direction,
        skip: usize,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Inspected, Reason> {
        let flow = self.flows.get(id).ok_or(Reason::NoFlow)?;
        let stream = flow.stream.and_then(|id| self.streams.get_mut(id)).ok_or(Reason::NoFlow)?;
        let payload = arrival.headers.payload(arrival.frame.bytes());
        let (old, new) = payload.split_at(skip.min(payload.len()));
        let next = flow.tcp.next(direction);
        if !old.is_empty() {
            repeats(stream.recent(direction), next, old)?;
        }
        let end = next.wrapping_add(new.len() as u32);
        let grant = self.tables.grant(flow.grant).ok_or(Reason::NoGrant)?;
        let mut judge = judge(&self.tables, flow, grant, arrival.now, arrival.events)?;
        let mut found = judge.stream(stream, direction, new);
        if found.broken && grant.observe {
            stream.recent(direction).forget();
            found = Inspected { keep: new.len(), refused: None, broken: false, ..found };
        }
        if found.refused.is_some() {
            stream.recent(direction).denied_end = Some(end);
        }
        found.keep += skip;
        Ok(found)
    }

    /// A segment ahead of its turn waits at its sender: it comes again when the gap is filled. Who
    /// only observes starts reading anew behind the gap.
    fn inspect_ahead<F: FrameBuf>(
        &mut self,
        id: FlowId,
        direction: Direction,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Inspected, Reason> {
        let flow = self.flows.get(id).ok_or(Reason::NoFlow)?;
        let grant = self.tables.grant(flow.grant).ok_or(Reason::NoGrant)?;
        if !grant.observe {
            return Err(Reason::OutOfOrder);
        }
        let stream = flow.stream.and_then(|id| self.streams.get_mut(id)).ok_or(Reason::NoFlow)?;
        stream.recent(direction).forget();
        self.inspect_new(id, direction, 0, arrival)
    }

    /// A datagram is one PDU, whole, or nothing.
    fn inspect_datagram<F: FrameBuf>(
        &mut self,
        id: FlowId,
        direction: Direction,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Inspected, Reason> {
        let flow = self.flows.get(id).ok_or(Reason::NoFlow)?;
        let payload = arrival.headers.payload(arrival.frame.bytes());
        let Some(stream) = flow.stream else {
            return self.pass_unread(flow, payload.len(), arrival.now);
        };
        let stream = self.streams.get_mut(stream).ok_or(Reason::NoFlow)?;
        let grant = self.tables.grant(flow.grant).ok_or(Reason::NoGrant)?;
        let mut judge = judge(&self.tables, flow, grant, arrival.now, arrival.events)?;
        match judge.datagram(stream, direction, payload) {
            Err(_) if grant.observe => {
                Ok(Inspected { keep: payload.len(), ..Inspected::default() })
            }
            found => found,
        }
    }

    /// Requests go towards the asset, each judged; replies come back.
    fn inspect_echo(
        &self,
        id: FlowId,
        kind: u8,
        direction: Direction,
        now: Time,
    ) -> Result<Inspected, Reason> {
        match (kind, direction) {
            (icmp::ECHO, Direction::ToServer) => {
                let flow = self.flows.get(id).ok_or(Reason::NoFlow)?;
                let grant = self.tables.grant(flow.grant).ok_or(Reason::NoGrant)?;
                may_open(grant, Protocol::Icmp, now)?;
            }
            (icmp::ECHO_REPLY, Direction::ToClient) => {}
            _ => return Err(Reason::IcmpUnrelated),
        }
        Ok(Inspected { keep: usize::MAX, ..Inspected::default() })
    }

    /// Sends on what inspection left of the frame.
    fn translate<F: FrameBuf>(
        &mut self,
        id: FlowId,
        direction: Direction,
        found: Inspected,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Verdict, Reason> {
        let Arrival { now, headers, frame, .. } = arrival;
        let flow = self.flows.get_mut(id).ok_or(Reason::NoFlow)?;
        flow.last = *now;
        if let (Some(reason), 0) = (found.refused, found.keep) {
            self.account(id, found, 0);
            return Ok(self.refuse(id, direction, reason, arrival));
        }
        if found.keep < headers.payload_len()
            && !rewrite::resize_payload(*frame, headers, found.keep)
        {
            return Err(Reason::NoRoom);
        }
        let rewrite = *flow.rewrite(direction);
        rewrite.apply(*frame, headers)?;
        let bytes = frame.bytes().len() as u64;
        self.account(id, found, bytes);
        Ok(Verdict::Forward(rewrite.egress))
    }

    fn account(&mut self, id: FlowId, found: Inspected, bytes: u64) {
        let Some(flow) = self.flows.get_mut(id) else { return };
        let more = Totals {
            frames: u64::from(bytes != 0),
            bytes,
            commands: u64::from(found.commands),
            denied: u64::from(found.denied),
        };
        flow.totals.add(more);
        self.sessions.count(flow.slot, more);
        self.counters.commands += more.commands;
        self.counters.denied += more.denied;
    }

    /// A datagram's refusal goes back in its own frame; a stream's bytes stay behind.
    fn refuse<F: FrameBuf>(
        &self,
        id: FlowId,
        direction: Direction,
        reason: Reason,
        arrival: &mut Arrival<'_, F>,
    ) -> Verdict {
        let datagram = matches!(arrival.headers.l4, L4::Udp { .. });
        match self.flows.get(id) {
            Some(flow) if datagram && direction == Direction::ToServer => {
                let protocol = self.tables.endpoint(flow.endpoint).map(|door| door.protocol);
                crate::answer::refuse_datagram(protocol, reason, arrival)
            }
            _ => Verdict::Deny(reason),
        }
    }

    /// Ends what was silent too long, a bounded number of places at a time. Called once a burst; a
    /// flow that it has not come to yet is refused by its age all the same.
    pub fn age(&mut self, now: Time, events: &mut EventRing) {
        let mut places = AGE_PLACES;
        while let Some(id) = self.flows.next_idle(now, &mut places) {
            self.end_flow(id, EndCause::Idle, now, events);
        }
        self.end_idle_session(now, events);
    }

    /// Ends everything, in order: the gate stops, or the capture is at its end.
    pub fn finish(
        &mut self,
        now: Time,
        events: &mut EventRing,
        mut drain: impl FnMut(&mut EventRing),
    ) {
        for id in self.flows.places() {
            self.end_flow(id, EndCause::Shutdown, now, events);
            drain(events);
        }
        let places = self.live.capacity();
        while self.end_session(now, Duration::ZERO, EndCause::Shutdown, places, events) {
            drain(events);
        }
        drain(events);
    }

    /// Nothing of the flow passes any more; it stays, so that what still comes is named for it.
    fn kill<F: FrameBuf>(&mut self, id: FlowId, cause: EndCause, arrival: &mut Arrival<'_, F>) {
        if let Some(flow) = self.flows.get_mut(id) {
            flow.dead = Some(cause);
            flow.last = arrival.now;
            flow.patience = timeout::CLOSING;
            if let Some(stream) = flow.stream.take() {
                self.streams.give_back(stream);
            }
        }
    }

    /// The flow's grant as the tables in force number it; `None` where they no longer give it: no
    /// name is better than another's.
    fn grant_in_force(&self, flow: &Flow) -> Option<GrantId> {
        if flow.epoch == self.tables.epoch() {
            return Some(flow.grant);
        }
        rebind(&self.tables, flow).map(|(_, _, grant, _)| grant)
    }

    pub(crate) fn end_flow(
        &mut self,
        id: FlowId,
        cause: EndCause,
        now: Time,
        events: &mut EventRing,
    ) {
        let Some(flow) = self.flows.remove(id) else { return };
        if let Some(stream) = flow.stream {
            self.streams.give_back(stream);
        }
        let cause = match (flow.dead, flow.tcp.phase()) {
            (Some(dead), _) => dead,
            (None, Phase::Closed) => EndCause::Reset,
            (None, Phase::Closing) => EndCause::Closed,
            _ => cause,
        };
        let kind = EventKind::FlowEnd { endpoint: flow.endpoint, cause, totals: flow.totals };
        let grant = self.grant_in_force(&flow);
        events.push(Event { grant, ..Event::of(now, &flow, kind) });
        self.live.release(flow.session, &flow.used, now);
    }
}

/// Places of the flow table that one call of [`Engine::age`] looks at.
const AGE_PLACES: usize = 16;

/// Whether a client's SYN may take the place of this flow: the old one is over.
fn reopens(flow: &Flow, headers: &Headers) -> bool {
    use wicketgate_packet::parse::flags;
    let over = flow.tcp.phase() >= Phase::Closing || flow.dead.is_some();
    matches!(headers.l4, L4::Tcp(s) if s.flags & (flags::SYN | flags::ACK) == flags::SYN && over)
}

/// Bytes sent again in front of new ones, that begin at `next`, are the same and were not refused.
fn repeats(recent: &Recent, next: u32, old: &[u8]) -> Result<(), Reason> {
    if recent.is_denied(next.wrapping_sub(old.len() as u32)) {
        return Err(Reason::DeniedBefore);
    }
    match recent.compare(old.len(), old) {
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

fn judge<'a>(
    tables: &'a Tables,
    flow: &'a Flow,
    grant: &'a crate::tables::Grant,
    now: Time,
    events: &'a mut EventRing,
) -> Result<Judge<'a>, Reason> {
    let door = tables.endpoint(flow.endpoint).ok_or(Reason::NoEndpoint)?;
    let subject = tables.subject(grant.subject).ok_or(Reason::NoGrant)?;
    let (protocol, essential) = (door.protocol, subject.essential);
    Ok(Judge { now, flow, grant, protocol, essential, events })
}
