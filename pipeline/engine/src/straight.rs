//! The straight way: a segment of an open connection on which nothing is out of the ordinary.
//!
//! Of a hundred frames of a plant ninety-nine are such: a connection of which nothing is held, owed or mapped but
//! by a constant; the next segment in line; at most one PDU in it, whole; and that may pass. What
//! [`Engine::process`] does with one by its stages takes three times as long, because at each it may turn out to
//! be something else. Here all that is asked first, and nothing is changed before the last answer: a frame that is
//! anything else goes by the stages as if nobody had looked.
//!
//! All of it is compiled into one function, with what it calls in other modules: a value that is returned field by
//! field and read whole right after waits for its stores, and that was half of a frame's time. So nothing is passed
//! by value that has more than two words, and long values are looked at where they lie.
//!
//! Invariant: what the straight way does is what the stages would have done: verdict, bytes that leave, events,
//! counters, and what is remembered. `tests/tests/straight.rs` holds both against each other.

use wicketgate_dissectors::{Direction, Portion, Protocol};
use wicketgate_packet::{FrameBuf, Plain, PortId, Time};

use crate::engine::Engine;
use crate::event::{EventRing, Totals};
use crate::flow::{Flow, FlowKey, timeout};
use crate::judge::{Judge, Numbers, Said};
use crate::session::{SessionState, Sessions};
use crate::splice::number::Offset;
use crate::splice::passage::PIECE;
use crate::stream::Stream;
use crate::tables::{Grant, Tables};
use crate::tcp::Phase;
use crate::verdict::{Reason, Verdict};

/// A segment that is the next one of its stream.
struct Next<'a> {
    direction: Direction,
    plain: &'a Plain<'a>,
    at: Offset,
    /// How far it acknowledges what travels the other way.
    ack: Offset,
}

impl Engine {
    /// What becomes of a frame that is one for the straight way; else `None`, and nothing was changed.
    #[inline(always)]
    pub(crate) fn straight<F: FrameBuf>(
        &mut self,
        now: Time,
        port: PortId,
        frame: &mut F,
        events: &mut EventRing,
    ) -> Option<Result<Verdict, Reason>> {
        let plain = &Plain::read(frame.bytes())?;
        let (id, direction) = self.flows.find(&FlowKey::of_plain(port, plain))?;
        let flow = self.flows.get_mut(id)?;
        let known = flow.epoch == self.tables.epoch()
            && is_open(flow, &self.sessions, now)
            && (flow.rewrite(direction.reverse()).answers_come_with(plain.ethernet, plain.tag)
                || direction == Direction::ToClient && is_unpinned(flow, &self.tables, plain));
        let (ip_at, end) = (plain.ip_at, plain.end);
        if !known || end - ip_at > self.tables.least_mtu().into() || !plain.is_intact() {
            return None;
        }
        let grant = self.tables.grant(flow.grant).filter(|grant| is_plain(grant))?;
        let (numbers, commands) = match flow.stream {
            None => {
                pass_unread(flow, grant, direction, plain, now)?;
                (None, 0)
            }
            Some(stream) => {
                let stream = self.streams.get_mut(stream)?;
                let protocol = self.tables.endpoint(flow.endpoint)?.protocol;
                let essential = self.tables.subject(grant.subject)?.essential;
                let next = next(direction, plain, stream, self.captured)?;
                let sessions = &*self.sessions;
                let io = (id, &mut self.io);
                let mut judge = Judge { now, grant, protocol, essential, sessions, events, io };
                // Compiled for what is most often spoken: nothing in it asks again what that is.
                let commands = match protocol {
                    Protocol::Modbus => pass(Protocol::Modbus, &mut judge, flow, stream, &next)?,
                    protocol => pass(protocol, &mut judge, flow, stream, &next)?,
                };
                (Some(note(flow, stream, &next, now, protocol.max_pdu())), commands)
            }
        };
        // Its patience, for it is open; known here, so nothing is multiplied.
        flow.idle_at = now + timeout::ESTABLISHED;
        self.last_asset = Some(flow.asset);
        self.went_straight += 1;
        let rewrite = flow.rewrite(direction);
        let (egress, rewrite_at) = (rewrite.egress, rewrite.ip_at());
        if let Err(reason) = rewrite.apply_to_plain(frame, (ip_at, end), numbers) {
            return Some(Err(reason));
        }
        let bytes = (rewrite_at + end - ip_at) as u64;
        let done = Totals { frames: 1, bytes, commands, denied: 0 };
        flow.totals.add(done);
        self.sessions.count(flow.slot, done);
        self.counters.count_commands(done);
        Some(Ok(Verdict::Forward(egress)))
    }
}

/// Whether it is established, and may still be used.
#[inline]
fn is_open(flow: &Flow, sessions: &Sessions, now: Time) -> bool {
    flow.tcp.phase() == Phase::Established
        && flow.dead.is_none()
        && now < flow.until
        && !flow.is_idle(now)
        && sessions.state(flow.slot, flow.session) == SessionState::Live
}

/// Whether an asset's frame comes to the gate as its flow's do, but from another host's MAC address than the gate
/// knows, and may: a standby that took over, or any asset of a capture, where nobody knows a neighbour.
#[inline(never)]
fn is_unpinned(flow: &Flow, tables: &Tables, plain: &Plain<'_>) -> bool {
    let [first, ..] = plain.ethernet.src;
    let there = flow.rewrite(Direction::ToServer);
    first & 1 == 0
        && there.answers_come_to(plain.ethernet, plain.tag)
        && tables.asset(flow.asset).is_some_and(|asset| !asset.pinned)
}

/// Whether what it gives does not depend on what passed before, and its frames are nobody else's business.
#[inline]
fn is_plain(grant: &Grant) -> bool {
    !grant.observe && !grant.record && grant.rate.is_none() && !grant.matcher.has_operations()
}

/// Notes a segment of a connection that nobody reads, if it fits.
#[inline]
fn pass_unread(
    flow: &mut Flow,
    grant: &Grant,
    direction: Direction,
    plain: &Plain<'_>,
    now: Time,
) -> Option<()> {
    let (segment, len) = (plain.segment(), plain.payload.len());
    if !grant.matcher.is_open(now) || flow.tcp.place(direction, &segment, len).is_err() {
        return None;
    }
    flow.tcp.accept(direction, &segment, len);
    Some(())
}

/// The segment as the next one of its stream, if it is that.
#[inline(always)]
fn next<'a>(
    direction: Direction,
    plain: &'a Plain<'a>,
    stream: &Stream,
    captured: bool,
) -> Option<Next<'a>> {
    let (lane, other) = (stream.lane(direction), stream.lane(direction.reverse()));
    let tcp = &plain.headers.tcp;
    let in_line = lane.wire(lane.next()) == tcp.seq.get() && !lane.is_finished();
    if !stream.is_straight() || !in_line || plain.clock.is_some() != stream.has_timestamps() {
        return None;
    }
    // RFC 7323 section 5.3: a clock never goes back.
    let goes_back = |value: u32| (value.wrapping_sub(stream.clock(direction)) as i32) < 0;
    if plain.clock.is_some_and(goes_back) || plain.payload.len() > PIECE {
        return None;
    }
    let ack = other.place_ack(tcp.ack.get(), captured).ok()?;
    Some(Next { direction, plain, at: lane.next(), ack })
}

/// Has the segment's one PDU judged, and keeps it as what was sent; how many commands that were. `None`, with
/// nothing changed, where it may not pass or is not one.
#[inline(always)]
fn pass(
    protocol: Protocol,
    judge: &mut Judge<'_>,
    flow: &Flow,
    stream: &mut Stream,
    next: &Next<'_>,
) -> Option<u64> {
    let (direction, payload) = (next.direction, next.plain.payload);
    if payload.is_empty() {
        return Some(0);
    }
    // What it brings about may be more than an event, or it may have to be changed.
    if !protocol.is_plain(payload) {
        return None;
    }
    match stream.dialog.portion(protocol, direction, payload, protocol.max_pdu()) {
        Ok(Portion::Whole(len)) if len.get() == payload.len() => {}
        _ => return None,
    }
    if stream.operation.is_some() {
        return None;
    }
    let room = stream.lane_mut(direction).reserve(payload.len())?;
    let Stream { pending, dialog, operation, .. } = &mut *stream;
    let said = &mut Said { pending, dialog, operation };
    if !judge.passes(protocol, flow, said, direction, payload) {
        return None;
    }
    stream.lane_mut(direction).pass_whole(room, payload, judge.now);
    Some(u64::from(direction == Direction::ToServer))
}

/// Notes what the segment says beyond its payload; the numbers that it leaves with.
#[inline(always)]
fn note(
    flow: &mut Flow,
    stream: &mut Stream,
    next: &Next<'_>,
    now: Time,
    longest: usize,
) -> Numbers {
    let Next { direction, plain, at, ack } = *next;
    let window = u64::from(plain.headers.tcp.window.get()) << stream.scale(direction);
    stream.lane_mut(direction.reverse()).acknowledge(ack, window, now);
    if let Some(value) = plain.clock {
        stream.note_clock(direction, value);
    }
    let back = stream.back(direction, longest);
    let lane = stream.lane_mut(direction);
    lane.hear(lane.next());
    lane.note_sent(lane.end(), now);
    let (seq, next) = (lane.wire(lane.shifted(at)), lane.wire(lane.next()));
    let other = stream.lane(direction.reverse());
    flow.tcp.follow(direction, next, other.wire(other.ack()), false);
    Numbers { seq, ack: back.ack, window: back.window }
}
