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

use wicketgate_dissectors::{Direction, Protocol, modbus};
use wicketgate_packet::parse::Segment;
use wicketgate_packet::wire::Ethernet;
use wicketgate_packet::{FrameBuf, Plain, PortId, Time};

use crate::brief;
use crate::engine::Engine;
use crate::event::{EventRing, Totals};
use crate::flow::{Flow, FlowId, FlowKey, timeout};
use crate::implicit::IoTable;
use crate::judge::{Judge, Numbers, Said};
use crate::session::{SessionState, Sessions};
use crate::splice::passage::PIECE;
use crate::stream::Stream;
use crate::tables::{Given, Tables};
use crate::tcp::Phase;
use crate::verdict::{Reason, Verdict};

/// What judging a segment may need. It stays in registers: a [`Judge`] is made of it for what has to be judged.
struct Bench<'a> {
    now: Time,
    /// The frames are a capture's.
    captured: bool,
    tables: &'a Tables,
    sessions: &'a Sessions,
    given: &'a Given,
    events: &'a mut EventRing,
    id: FlowId,
    io: &'a mut IoTable,
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
        let bytes = frame.bytes_mut();
        let plain = &Plain::read(bytes)?;
        if !plain.is_intact() {
            return None;
        }
        let (id, direction) = self.flows.find(&FlowKey::of_plain(port, plain))?;
        let flow = self.flows.get_mut(id)?;
        let known = flow.epoch == self.tables.epoch()
            && is_open(flow, &self.sessions, now)
            && (flow.rewrite(direction.reverse()).answers_come_with(plain.ethernet, plain.tag())
                || direction == Direction::ToClient
                    && is_unpinned(flow, &self.tables, plain.ethernet, plain.tag()));
        let (ip_at, end, whole) = (plain.ip_at, plain.end(), plain.is_whole_frame());
        if !known || end - ip_at > self.tables.least_mtu().into() {
            return None;
        }
        let given = self.tables.given(flow.grant).filter(|given| given.plain)?;
        let (numbers, commands) = match flow.stream {
            None => {
                pass_unread(flow, &self.tables, given, direction, plain, now)?;
                (None, 0)
            }
            Some(stream) => {
                let stream = self.streams.get_mut(stream)?;
                let (tables, sessions, io) = (&*self.tables, &*self.sessions, &mut self.io);
                let captured = self.captured;
                let bench = &mut Bench { now, captured, tables, sessions, given, events, id, io };
                let (numbers, commands) = pass(bench, direction, flow, stream, plain)?;
                (Some(numbers), commands)
            }
        };
        // Its patience, for it is open; known here, so nothing is multiplied.
        flow.idle_at = now + timeout::ESTABLISHED;
        self.last_asset = Some(flow.asset);
        self.went_straight += 1;
        let rewrite = flow.rewrite(direction);
        let (egress, rewrite_at) = (rewrite.egress, rewrite.ip_at());
        // Most frames keep their length and place: nobody is asked for room.
        let bytes = match whole && ip_at == rewrite_at {
            true => bytes,
            false => match rewrite.place_packet(frame, ip_at, end) {
                Ok(()) => frame.bytes_mut(),
                Err(reason) => return Some(Err(reason)),
            },
        };
        rewrite.apply_to_plain(bytes, numbers);
        let bytes = (rewrite_at + end - ip_at) as u64;
        let done = Totals { frames: 1, bytes, commands, denied: 0 };
        flow.totals.add(done);
        self.sessions.count(flow.slot, done);
        self.counters.count_commands(done);
        Some(Ok(Verdict::Forward(egress)))
    }
}

/// Whether it is established, and may still be used.
#[inline(always)]
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
fn is_unpinned(flow: &Flow, tables: &Tables, link: &Ethernet, tag: Option<u16>) -> bool {
    let [first, ..] = link.src;
    let there = flow.rewrite(Direction::ToServer);
    first & 1 == 0
        && there.answers_come_to(link, tag)
        && tables.asset(flow.asset).is_some_and(|asset| !asset.pinned)
}

/// Notes a segment of a connection that nobody reads, if it fits.
#[inline(always)]
fn pass_unread(
    flow: &mut Flow,
    tables: &Tables,
    given: &Given,
    direction: Direction,
    plain: &Plain<'_>,
    now: Time,
) -> Option<()> {
    if !given.always && !tables.grant(flow.grant)?.matcher.is_open(now) {
        return None;
    }
    let (tcp, len) = (&plain.headers.tcp, plain.payload.len());
    match flow.tcp.accept_next(direction, tcp.seq.get(), tcp.ack.get(), len as u32) {
        true => Some(()),
        false => pass_again(flow, direction, &plain.segment(), len),
    }
}

/// The same of one that came before or too early, or acknowledges less than another did.
#[cold]
fn pass_again(flow: &mut Flow, direction: Direction, segment: &Segment, len: usize) -> Option<()> {
    flow.tcp.place(direction, segment, len).ok()?;
    flow.tcp.accept(direction, segment, len);
    Some(())
}

/// Has a segment of a connection that is read judged and noted, if it is the next one: the numbers that it leaves
/// with, and how many commands that were. `None`, with nothing changed, where it is not that or may not pass.
#[inline(always)]
fn pass(
    bench: &mut Bench<'_>,
    direction: Direction,
    flow: &mut Flow,
    stream: &mut Stream,
    plain: &Plain<'_>,
) -> Option<(Numbers, u64)> {
    // Compiled for what is most often spoken, each way: nothing in it asks again what that is.
    match (bench.given.protocol, direction) {
        (Protocol::Modbus, Direction::ToServer) => {
            bench.pass(Protocol::Modbus, Direction::ToServer, flow, stream, plain)
        }
        (Protocol::Modbus, Direction::ToClient) => {
            bench.pass(Protocol::Modbus, Direction::ToClient, flow, stream, plain)
        }
        _ => bench.pass(bench.given.protocol, direction, flow, stream, plain),
    }
}

impl Bench<'_> {
    #[inline(always)]
    fn pass(
        &mut self,
        protocol: Protocol,
        direction: Direction,
        flow: &mut Flow,
        stream: &mut Stream,
        plain: &Plain<'_>,
    ) -> Option<(Numbers, u64)> {
        let (tcp, payload) = (&plain.headers.tcp, plain.payload);
        let lane = stream.lane(direction);
        if !stream.is_straight() || !lane.is_next(tcp.seq.get()) || payload.len() > PIECE {
            return None;
        }
        let at = lane.next();
        let ack = stream.lane(direction.reverse()).place_next_ack(tcp.ack.get(), self.captured)?;
        let clock = plain.clock();
        if !is_timely(direction, stream, clock) {
            return None;
        }
        let commands = match payload {
            [] => 0,
            pdu => self.pass_pdu(protocol, direction, flow, stream, pdu)?,
        };
        if let Some(value) = clock {
            stream.note_clock(direction, value);
        }
        let window = u64::from(tcp.window.get()) << stream.scale(direction);
        let back = stream.lane_mut(direction.reverse()).tell_back(ack, window, self.now);
        let back = stream.back_of(direction, back);
        let lane = stream.lane_mut(direction);
        lane.hear(lane.next());
        flow.tcp.follow_next(direction, lane.wire(lane.next()), back.ack);
        let seq = lane.wire(lane.shifted(at));
        Some((Numbers { seq, ack: back.ack, window: back.window }, commands))
    }

    /// Has the one PDU of a segment judged, and keeps it as what was sent; how many commands that were. `None`, with
    /// nothing changed, where it may not pass or is not one.
    #[inline(always)]
    fn pass_pdu(
        &mut self,
        protocol: Protocol,
        direction: Direction,
        flow: &Flow,
        stream: &mut Stream,
        pdu: &[u8],
    ) -> Option<u64> {
        if stream.operation.is_some() {
            return None;
        }
        let room = stream.lane_mut(direction).reserve(pdu.len())?;
        let (now, given) = (self.now, self.given);
        let Stream { requests, responses, pending, .. } = &mut *stream;
        match (protocol, direction) {
            (Protocol::Modbus, Direction::ToServer) => {
                if let Some(pdu) = brief::pass_request(now, flow, given, pending, self.events, pdu)
                {
                    requests.pass_whole(room, pdu, now);
                    return Some(1);
                }
            }
            (Protocol::Modbus, Direction::ToClient) => {
                if let Some(key) = modbus::brief::response(pdu) {
                    return pending
                        .take(key)
                        .then(|| responses.pass_whole(room, pdu, now))
                        .map(|()| 0);
                }
            }
            _ => {}
        }
        if !self.judge_passes(protocol, direction, flow, stream, pdu)? {
            return None;
        }
        stream.lane_mut(direction).pass_whole(room, pdu, self.now);
        Some(u64::from(direction == Direction::ToServer))
    }

    /// Asks a judge.
    #[inline(always)]
    fn judge_passes(
        &mut self,
        protocol: Protocol,
        direction: Direction,
        flow: &Flow,
        stream: &mut Stream,
        pdu: &[u8],
    ) -> Option<bool> {
        let Bench { now, tables, sessions, .. } = *self;
        let grant = tables.grant(flow.grant)?;
        let essential = self.given.essential;
        let (events, io) = (&mut *self.events, (self.id, &mut *self.io));
        let mut judge = Judge { now, grant, protocol, essential, sessions, events, io };
        let Stream { pending, dialog, operation, .. } = stream;
        let said = &mut Said { pending, dialog, operation };
        Some(judge.passes(protocol, flow, said, direction, pdu))
    }
}

/// Whether it has a timestamp if both ends agreed on that, and one that does not go back (RFC 7323 section 5.3).
#[inline(always)]
fn is_timely(direction: Direction, stream: &Stream, clock: Option<u32>) -> bool {
    match clock {
        Some(value) => {
            stream.has_timestamps() && value.wrapping_sub(stream.clock(direction)) as i32 >= 0
        }
        None => !stream.has_timestamps(),
    }
}
