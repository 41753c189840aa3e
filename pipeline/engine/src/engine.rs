//! The data path, one line a stage.
//!
//! ```text
//! parse -> track -> admit -> inspect -> judge -> translate
//! ```

use core::time::Duration;
use std::sync::Arc;

use wicketgate_dissectors::{Direction, Protocol};
use wicketgate_packet::{FrameBuf, Headers, L4, Outbox, PortId, Time, rewrite};

use crate::admit::rebind;
use crate::answer;
use crate::arp::{Sighting, Sightings};
use crate::counters::Counters;
use crate::event::{EndCause, Event, EventKind, EventRing, Sent};
use crate::flow::{Flow, FlowId, FlowKey, Flows, timeout};
use crate::implicit::{IoTable, Strays};
use crate::inspect::Inspection;
use crate::judge::{Inspected, Judge};
use crate::length;
use crate::live::LiveSessions;
use crate::mss;
use crate::record::Recorder;
use crate::session::{SessionState, Sessions};
use crate::source;
use crate::splice::emit::Emitter;
use crate::splice::lane::Lane;
use crate::splice::long::LongCopies;
use crate::stream::{Stream, StreamId, Streams};
use crate::tables::{AssetId, DenialStyle, GrantId, NextHop, Tables};
use crate::tcp::Phase;
use crate::timers::Timers;
use crate::translate::Rewrite;
use crate::verdict::{Reason, Verdict};

/// How much an engine can hold. Everything is allocated at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Flows.
    pub flows: usize,
    /// Inspected connections among them; about 26 KiB each.
    pub streams: usize,
    /// Requests longer than 4 KiB that are held at a time; 72 KiB each.
    pub long_requests: usize,
    /// Connections of implicit I/O; about 1 KiB each.
    pub io_connections: usize,
}

impl Default for Limits {
    /// 65,536 flows, 4,096 of them inspected, 32 long requests, 512 I/O connections: about 130 MiB.
    fn default() -> Limits {
        Limits {
            flows: Limits::FLOWS,
            streams: Limits::STREAMS,
            long_requests: Limits::LONG_REQUESTS,
            io_connections: 512,
        }
    }
}

impl Limits {
    /// Long requests that are held at a time where nobody says how many.
    pub const LONG_REQUESTS: usize = 32;
}

/// The gate of one worker.
pub struct Engine {
    pub(crate) tables: Arc<Tables>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) flows: Flows,
    pub(crate) streams: Streams,
    long_copies: LongCopies,
    pub(crate) live: LiveSessions,
    pub(crate) io: IoTable,
    pub(crate) strays: Strays,
    timers: Timers,
    /// Frames come from a capture, whose ends know nothing of the gate.
    pub(crate) captured: bool,
    /// Frames may go the straight way.
    goes_straight: bool,
    /// Frames that did.
    pub(crate) went_straight: u64,
    pub(crate) counters: Counters,
    /// The asset that the frame at hand concerns.
    pub(crate) last_asset: Option<AssetId>,
    /// The next hop that the frame at hand waits for.
    pub(crate) wanted: Option<NextHop>,
    pub(crate) sightings: Sightings,
    /// Where frames of recorded sessions are copied to, if any are.
    pub(crate) recorder: Option<Box<Recorder>>,
}

/// A frame on its way: what stages after `parse` need of it.
///
/// The one mutable thing on the path; it lives for one call of [`Engine::process`].
pub(crate) struct Arrival<'a, F> {
    pub(crate) now: Time,
    pub(crate) port: PortId,
    /// Whether it may wait for its next hop's MAC address.
    pub(crate) may_wait: bool,
    pub(crate) headers: Headers,
    pub(crate) frame: &'a mut F,
    pub(crate) out: &'a mut dyn Outbox,
    pub(crate) events: &'a mut EventRing,
}

impl Engine {
    /// An engine that judges by `tables` and shares `sessions` with control.
    pub fn new(limits: Limits, tables: Arc<Tables>, sessions: Arc<Sessions>) -> Engine {
        let mut engine = Engine::unfilled(limits, tables, sessions);
        engine.streams.fill();
        engine
    }

    /// The same for a capture, whose frames may wait: memory is allocated, but that of inspected connections is touched
    /// when they are opened. So what a capture does not use costs nothing.
    pub fn unfilled(limits: Limits, tables: Arc<Tables>, sessions: Arc<Sessions>) -> Engine {
        Engine {
            flows: Flows::new(limits.flows),
            streams: Streams::new(limits.streams),
            long_copies: LongCopies::new(limits.long_requests),
            live: LiveSessions::new(sessions.capacity()),
            io: IoTable::new(limits.io_connections),
            strays: Strays::NONE,
            timers: Timers::new(limits.streams),
            captured: false,
            goes_straight: true,
            went_straight: 0,
            counters: Counters::default(),
            last_asset: None,
            wanted: None,
            sightings: Sightings::new(),
            recorder: None,
            tables,
            sessions,
        }
    }

    /// Judges by other tables from the next frame on. Flows are admitted anew as their frames come;
    /// what the new tables no longer give ends then.
    pub fn install(&mut self, tables: Arc<Tables>) {
        self.tables = tables;
    }

    /// Whether frames come from a capture of a wire without a gate: its ends acknowledge what they got
    /// there, and not what the gate would have let by.
    pub fn set_captured(&mut self, captured: bool) {
        self.captured = captured;
    }

    /// Whether frames may go the straight way. They may, unless somebody holds it against the stages.
    pub fn set_straight(&mut self, straight: bool) {
        self.goes_straight = straight;
    }

    /// Frames that went the straight way since the start.
    pub fn went_straight(&self) -> u64 {
        self.went_straight
    }

    /// The tables in force.
    pub fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Counts a frame that was dropped before the engine was asked.
    pub fn count_dropped(&mut self, reason: Reason) {
        self.counters.count(Verdict::Drop(reason));
    }

    /// The asset that the last frame concerned: its flow's.
    pub fn last_asset(&self) -> Option<AssetId> {
        self.last_asset
    }

    /// Long requests that could be held now, besides those that are.
    pub fn free_long_copies(&self) -> usize {
        self.long_copies.free()
    }

    /// Flows that are open.
    pub fn flow_count(&self) -> usize {
        self.flows.len()
    }

    /// Takes one frame that came in by `port` and decides on it. Where the verdict is
    /// [`Verdict::Forward`] or [`Verdict::Answer`] the frame holds what leaves; what else the gate has
    /// to say leaves by `out`.
    #[inline]
    pub fn process<F: FrameBuf>(
        &mut self,
        now: Time,
        port: PortId,
        frame: &mut F,
        out: &mut dyn Outbox,
        events: &mut EventRing,
    ) -> Verdict {
        let decided = self.decide(now, port, frame, out, events, false);
        decided.unwrap_or(Verdict::Drop(Reason::NoNeighbour))
    }

    /// The same, but where nothing is missing except the next hop's MAC address the frame is not decided
    /// on: it is as it was, no flow was made for it, nobody was told, and it is to come again.
    ///
    /// # Errors
    /// Who has to be found first.
    #[inline]
    pub fn attempt<F: FrameBuf>(
        &mut self,
        now: Time,
        port: PortId,
        frame: &mut F,
        out: &mut dyn Outbox,
        events: &mut EventRing,
    ) -> Result<Verdict, NextHop> {
        self.decide(now, port, frame, out, events, true)
    }

    // Into both callers: as a function of its own it costs 38 instructions a frame.
    #[inline(always)]
    fn decide<F: FrameBuf>(
        &mut self,
        now: Time,
        port: PortId,
        frame: &mut F,
        out: &mut dyn Outbox,
        events: &mut EventRing,
        may_wait: bool,
    ) -> Result<Verdict, NextHop> {
        if self.goes_straight
            && let Some(verdict) = self.straight(now, port, frame, events)
        {
            let verdict = verdict.unwrap_or_else(Verdict::Drop);
            self.counters.count(verdict);
            return Ok(verdict);
        }
        self.by_stages(now, port, frame, out, events, may_wait)
    }

    /// The same by the stages.
    // Cold, so that the compiler keeps in registers what the straight way needs, and not what it ends with.
    #[cold]
    #[inline(never)]
    fn by_stages<F: FrameBuf>(
        &mut self,
        now: Time,
        port: PortId,
        frame: &mut F,
        out: &mut dyn Outbox,
        events: &mut EventRing,
        may_wait: bool,
    ) -> Result<Verdict, NextHop> {
        self.last_asset = None;
        let verdict = match self.path(now, port, frame, out, events, may_wait) {
            Err(Reason::Arp) => self.arp(port, frame),
            verdict => verdict,
        };
        let verdict = verdict.unwrap_or_else(Verdict::Drop);
        if may_wait && let Some(hop) = self.wanted.take() {
            return Err(hop);
        }
        self.counters.count(verdict);
        Ok(verdict)
    }

    /// The oldest sighting of an asset that nobody has taken.
    pub fn sighting(&mut self) -> Option<Sighting> {
        self.sightings.pop()
    }

    #[inline(never)]
    fn path<F: FrameBuf>(
        &mut self,
        now: Time,
        port: PortId,
        frame: &mut F,
        out: &mut dyn Outbox,
        events: &mut EventRing,
        may_wait: bool,
    ) -> Result<Verdict, Reason> {
        let headers = self.parse(port, frame)?;
        let arrival = &mut Arrival { now, port, may_wait, headers, frame, out, events };
        if let Some(verdict) = self.icmp_error(arrival) {
            return verdict;
        }
        let (id, direction) = match self.track(arrival) {
            Ok(Some(found)) => found,
            Ok(None) => match self.implicit(arrival) {
                Some(verdict) => return verdict,
                None => match self.admit(arrival) {
                    Ok(id) => (id, Direction::ToServer),
                    Err(reason) => return self.strange(reason, arrival),
                },
            },
            Err(Reason::FlowDead) => return answer::reset(Reason::FlowDead, arrival),
            Err(reason) => return Err(reason),
        };
        if self.recorder.is_some()
            && let Some(whose) = self.recorded(id)
        {
            return self.go_on_recorded((id, direction), whose, arrival);
        }
        self.go_on(id, direction, arrival)
    }

    /// The rest of the way: a frame of a flow that may be used.
    // Into neither caller: in two places none of its stages is put in line, which costs 2 % of what they do.
    #[inline(never)]
    pub(crate) fn go_on<F: FrameBuf>(
        &mut self,
        id: FlowId,
        direction: Direction,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Verdict, Reason> {
        if let Some(mtu) = self.exceeded_mtu(id, direction, arrival) {
            return length::refuse(mtu, arrival);
        }
        self.clamp(id, direction, arrival);
        let inspected = match self.inspect(id, direction, arrival) {
            Err(Reason::SynOnOpen) => return self.challenge(id, arrival),
            // Of an older connection, the asset is told what the client would tell it (RFC 9293 section
            // 3.10.7.3): its SYN comes again.
            Err(reason @ (Reason::AfterReset | Reason::HalfOpen)) => {
                return answer::reset(reason, arrival);
            }
            inspected => inspected?,
        };
        self.translate(id, direction, inspected, arrival)
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
        self.check_sender(id, direction, arrival)?;
        self.last_asset = self.flows.get(id).map(|flow| flow.asset);
        Ok(Some((id, direction)))
    }

    /// One relaxed load and two comparisons.
    pub(crate) fn check_session<F: FrameBuf>(
        &mut self,
        id: FlowId,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<(), Reason> {
        let flow = self.flows.get(id).ok_or(Reason::NoFlow)?;
        let (cause, reason) = match self.sessions.state(flow.slot, flow.session) {
            SessionState::Live if arrival.now < flow.until => {
                return if flow.dead.is_some() { Err(Reason::FlowDead) } else { Ok(()) };
            }
            SessionState::Draining if self.is_under_way(flow, arrival.now) => return Ok(()),
            SessionState::Live => (EndCause::Expired, Reason::Expired),
            SessionState::Draining => (EndCause::Expired, Reason::Draining),
            SessionState::Revoked | SessionState::Gone => (EndCause::Revoked, Reason::Revoked),
        };
        self.end_flow(id, cause, arrival.now, arrival.events);
        Err(reason)
    }

    /// Whether an operation is under way in a flow, and the flow not over by itself.
    pub(crate) fn is_under_way(&self, flow: &Flow, now: Time) -> bool {
        now < flow.until && self.operation(flow).is_some()
    }

    /// The grant of the operation that is under way in a flow, by control's number.
    pub(crate) fn operation(&self, flow: &Flow) -> Option<u64> {
        let stream = flow.stream.and_then(|id| self.streams.get(id))?;
        stream.operation.map(|operation| operation.grant)
    }

    /// What comes from an asset comes from the MAC address that the config says it has, if it says one.
    pub(crate) fn check_sender<F: FrameBuf>(
        &mut self,
        id: FlowId,
        direction: Direction,
        arrival: &Arrival<'_, F>,
    ) -> Result<(), Reason> {
        let flow = self.flows.get(id).ok_or(Reason::NoFlow)?;
        let expected = flow.rewrite(Direction::ToServer).link().dst;
        if direction == Direction::ToServer || arrival.headers.link.src == expected {
            return Ok(());
        }
        let asset = self.tables.asset(flow.asset).ok_or(Reason::NoAsset)?;
        self.sightings.check_pinned(asset, arrival.headers.link.src)
    }

    /// Has the payload placed and its PDUs judged.
    fn inspect<F: FrameBuf>(
        &mut self,
        id: FlowId,
        direction: Direction,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Inspected, Reason> {
        let flow = self.flows.get_mut(id).ok_or(Reason::NoFlow)?;
        let door = self.tables.endpoint(flow.endpoint).ok_or(Reason::NoEndpoint)?;
        let grant = self.tables.grant(flow.grant).ok_or(Reason::NoGrant)?;
        let subject = self.tables.subject(grant.subject).ok_or(Reason::NoGrant)?;
        let stream = flow.stream.and_then(|id| self.streams.get_mut(id));
        let (now, protocol, essential) = (arrival.now, door.protocol, subject.essential);
        let (sessions, events) = (&*self.sessions, &mut *arrival.events);
        let io = (id, &mut self.io);
        let judge = Judge { now, grant, protocol, essential, sessions, events, io };
        let (headers, frame) = (&arrival.headers, &mut *arrival.frame);
        let (captured, out) = (self.captured, &mut *arrival.out);
        let long = &mut self.long_copies;
        let inspection =
            Inspection { direction, headers, frame, flow, stream, judge, out, captured, long };
        let found = inspection.inspect();
        self.tell_io(arrival.events);
        let found = found?;
        if found.slow {
            self.settle(id, found.end, now, arrival.events);
        }
        Ok(found)
    }

    /// A client that was switched off and on again opens its connection anew, which the asset still
    /// holds open. The gate answers as the asset should (RFC 5961 section 4): a client that means it
    /// resets the old connection, exactly, and comes again.
    #[cold]
    fn challenge<F: FrameBuf>(
        &mut self,
        id: FlowId,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Verdict, Reason> {
        let flow = self.flows.get(id).ok_or(Reason::NoFlow)?;
        let stream = flow.stream.and_then(|id| self.streams.get_mut(id));
        let numbers = match stream {
            Some(Stream { requests, responses, .. }) => {
                (responses.wire(responses.sent()), requests.wire(requests.ack()))
            }
            None => (flow.tcp.next(Direction::ToClient), flow.tcp.acked(Direction::ToServer)),
        };
        Ok(answer::challenge(numbers, arrival))
    }

    /// A segment of a connection that the gate does not know, most likely from before it started, is
    /// reset where it is a granted one: it then opens again under inspection (DESIGN 5). The answer goes
    /// back to who sent the segment, with the number that it gave, and is no longer than what asked for
    /// it.
    #[cold]
    fn strange<F: FrameBuf>(
        &self,
        reason: Reason,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Verdict, Reason> {
        match reason {
            Reason::NoFlow if self.is_granted(arrival) => answer::reset(reason, arrival),
            _ => Err(reason),
        }
    }

    /// What both ends take for the longest segment fits the gate's links; before inspection, which makes
    /// segments of its own no longer than that.
    #[inline]
    fn clamp<F: FrameBuf>(&self, id: FlowId, direction: Direction, arrival: &mut Arrival<'_, F>) {
        if let Some(flow) = self.flows.get(id) {
            mss::clamp(&self.tables, flow.rewrite(direction).egress, arrival);
        }
    }

    /// Sends on what inspection left of the frame.
    fn translate<F: FrameBuf>(
        &mut self,
        id: FlowId,
        direction: Direction,
        found: Inspected,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Verdict, Reason> {
        let flow = self.flows.get_mut(id).ok_or(Reason::NoFlow)?;
        flow.touch(arrival.now);
        let rewrite = *flow.rewrite(direction);
        let stays = found.kept && found.numbers.is_none();
        let refused = found.refused.filter(|_| found.keep == 0);
        let bytes = match refused {
            None if !stays => send_on(&rewrite, &found, arrival)?,
            _ => 0,
        };
        let done = found.totals(bytes);
        flow.totals.add(done);
        self.sessions.count(flow.slot, done);
        self.counters.count_commands(done);
        self.counters.own += u64::from(found.own.frames);
        match refused {
            None if stays => Ok(Verdict::Kept),
            None => Ok(Verdict::Forward(rewrite.egress)),
            Some(reason) => {
                let door = self.tables.endpoint(flow.endpoint).ok_or(Reason::NoEndpoint)?;
                let style = self.tables.grant(flow.grant).map(|grant| grant.denial);
                if style != Some(DenialStyle::Reply) {
                    return Ok(Verdict::Deny(reason));
                }
                Ok(answer::refuse(door.protocol, direction, reason, arrival))
            }
        }
    }

    /// When [`Engine::expire`] has something to do; [`Time::NEVER`] where nothing waits.
    #[inline]
    pub fn next_deadline(&self) -> Time {
        self.timers.next()
    }

    /// Does what is due by itself: denials that have waited long enough, bytes that nobody has
    /// acknowledged, PDUs that never end. Bounded: what it does not come to is due at the next call.
    #[cold]
    pub fn expire(&mut self, now: Time, out: &mut dyn Outbox, events: &mut EventRing) {
        for _ in 0..EXPIRES {
            let Some(id) = self.timers.due(now) else { return };
            let Some(flow) = self.streams.owner(id) else { continue };
            let come_back = |engine: &mut Engine, out: &mut dyn Outbox| {
                engine.come_back(flow, now, out, events);
            };
            self.record_own(flow, now, out, come_back);
        }
    }

    /// What is due for the stream of one flow.
    fn come_back(&mut self, id: FlowId, now: Time, out: &mut dyn Outbox, events: &mut EventRing) {
        let Some(flow) = self.flows.get_mut(id) else { return };
        let state = self.sessions.state(flow.slot, flow.session);
        let live = matches!(state, SessionState::Live | SessionState::Draining);
        if !live || now >= flow.until {
            let cause = if live { EndCause::Expired } else { EndCause::Revoked };
            return self.end_flow(id, cause, now, events);
        }
        let Some(stream) = flow.stream.and_then(|id| self.streams.get_mut(id)) else { return };
        let protocol = self.tables.endpoint(flow.endpoint).map(|door| door.protocol);
        let longest = protocol.map_or(0, Protocol::max_pdu);
        let mut emitter = Emitter { now, stream, flow, out, longest, sent: Sent::default() };
        let end = emitter.expire().is_err().then_some(EndCause::Stalled);
        if end.is_some() {
            emitter.reset_both();
        }
        let sent = emitter.sent;
        stream.straighten();
        flow.totals.add(sent.into());
        self.sessions.count(flow.slot, sent.into());
        self.counters.own += u64::from(sent.frames);
        self.settle(id, end, now, events);
    }

    /// A flow's stream has something else to wait for, or is over.
    fn settle(&mut self, id: FlowId, end: Option<EndCause>, now: Time, events: &mut EventRing) {
        if let Some(cause) = end {
            return self.kill(id, cause, now, events);
        }
        let Some(stream) = self.flows.get(id).and_then(|flow| flow.stream) else { return };
        let deadline = self.streams.get(stream).and_then(Stream::deadline);
        self.timers.set(stream.index(), deadline, now);
    }

    /// Forgets a stream and what it waits for.
    fn drop_stream(&mut self, flow: &Flow, stream: StreamId, now: Time, events: &mut EventRing) {
        let operation = self.streams.get_mut(stream).and_then(|stream| stream.operation.take());
        if let Some(operation) = operation {
            let told = Event::operation_end(now, flow, operation);
            events.push(Event { grant: self.grant_in_force(flow), ..told });
        }
        self.timers.set(stream.index(), None, now);
        let lanes = self.streams.get_mut(stream).map(|it| [&mut it.requests, &mut it.responses]);
        let copies = lanes.into_iter().flatten().filter_map(Lane::end_long);
        copies.for_each(|copy| self.long_copies.give_back(copy));
        self.streams.give_back(stream);
    }

    /// Ends what was silent too long, a bounded number of places at a time. Called once a burst; a
    /// flow that it has not come to yet is refused by its age all the same.
    pub fn age(&mut self, now: Time, events: &mut EventRing) {
        let mut places = AGE_PLACES;
        while let Some(id) = self.flows.next_idle(now, &mut places) {
            self.end_flow(id, EndCause::Idle, now, events);
        }
        self.io.age(now);
        self.tell_io(events);
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
            if self.flows.get(id).is_some() {
                self.end_flow(id, EndCause::Shutdown, now, events);
                drain(events);
            }
        }
        let places = self.live.capacity();
        while self.end_session(now, Duration::ZERO, EndCause::Shutdown, places, events) {
            drain(events);
        }
        drain(events);
    }

    /// Nothing of the flow passes any more; it stays, so that what still comes is named for it.
    fn kill(&mut self, id: FlowId, cause: EndCause, now: Time, events: &mut EventRing) {
        self.io.close_all(id, cause.into(), now);
        self.tell_io(events);
        let Some(flow) = self.flows.get_mut(id) else { return };
        flow.dead = Some(cause);
        flow.patience = match cause {
            EndCause::Reset => timeout::CLOSED,
            _ => timeout::CLOSING,
        };
        flow.touch(now);
        if let Some(stream) = flow.stream.take() {
            let flow = flow.clone();
            self.drop_stream(&flow, stream, now, events);
        }
    }

    /// The flow's grant as the tables in force number it; `None` where they no longer give it: no
    /// name is better than another's.
    pub(crate) fn grant_in_force(&self, flow: &Flow) -> Option<GrantId> {
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
        self.io.close_all(id, cause.into(), now);
        self.tell_io(events);
        let Some(flow) = self.flows.remove(id) else { return };
        if let Some(stream) = flow.stream {
            self.drop_stream(&flow, stream, now, events);
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

/// Cuts the payload to what may leave and rewrites the frame; its length then, in bytes.
#[inline]
fn send_on<F: FrameBuf>(
    rewrite: &Rewrite,
    found: &Inspected,
    arrival: &mut Arrival<'_, F>,
) -> Result<u64, Reason> {
    let Arrival { headers, frame, .. } = arrival;
    let cut = found.keep < headers.payload_len();
    if cut && !rewrite::resize_payload(*frame, headers, found.keep) {
        return Err(Reason::NoRoom);
    }
    rewrite.apply_with(*frame, headers, found.numbers)?;
    Ok(frame.bytes().len() as u64)
}

/// Streams that one call of [`Engine::expire`] comes back to.
const EXPIRES: usize = 32;

/// Places of the flow table that one call of [`Engine::age`] looks at.
const AGE_PLACES: usize = 16;

/// Whether a client's SYN may take the place of this flow: the old one is over, or never began.
fn reopens(flow: &Flow, headers: &Headers) -> bool {
    use wicketgate_packet::parse::flags;
    let L4::Tcp(segment) = headers.l4 else { return false };
    let over = flow.tcp.phase() >= Phase::Closing
        || flow.dead.is_some()
        || flow.tcp.is_reopened_by(&segment);
    segment.flags & (flags::SYN | flags::ACK) == flags::SYN && over
}
