//! Streams: the inspected connections of one worker.
//!
//! A stream holds both directions of a connection as the gate lets them pass, the requests without an
//! answer, and the denials that wait. Memory is bounded: so many streams, so many bytes each.

use wicketgate_dissectors::{Dialog, Direction, Key};
use wicketgate_packet::Time;
use wicketgate_packet::parse::Segment;

use crate::flow::{FlowId, kept_back};
use crate::mss::HEADERS;
use crate::operation::Operation;
use crate::splice::denials::Denials;
use crate::splice::lane::Lane;
use crate::splice::options::Options;

/// Requests without an answer that are remembered; of more, the oldest is forgotten and its answer
/// then counts as unsolicited.
pub const PENDING: usize = 64;

/// What a receiver accepts that says nothing (RFC 9293 section 3.7.1).
const DEFAULT_MSS: u16 = 536;

/// A stream's place in the slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamId(u32);

/// The streams of one worker.
pub struct Streams {
    /// Those that were in use, or are; there is room for all.
    slab: Vec<Stream>,
    capacity: usize,
    /// Of those, the ones that are not in use.
    free: Vec<u32>,
}

/// One inspected connection.
///
/// Its fields lie so that an ordinary segment needs few lines: four of each [`Lane`] and one where that keeps bytes, and
/// one each that `ends`, `pending` and `dialog` begin in.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Stream {
    /// What goes towards the asset.
    pub requests: Lane,
    /// What comes back.
    pub responses: Lane,
    /// Client and asset.
    ends: [End; 2],
    /// Both SYNs had timestamps.
    timestamps: bool,
    /// Both SYNs permitted selective acknowledgements.
    sack: bool,
    straight: bool,
    /// Requests before this number are not waited for any more.
    pub waived: u32,
    /// Requests without an answer yet.
    pub pending: Pending,
    /// The operation of several steps that is under way.
    pub operation: Option<Operation>,
    /// What was said that later requests depend on.
    pub dialog: Dialog,
    /// Denials that wait for those.
    pub denials: Denials,
    owner: Option<FlowId>,
}

/// What one end said of itself in its SYN, and its clock.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct End {
    /// Its latest timestamp value.
    recent: u32,
    mss: u16,
    scale: u8,
    options: Options,
}

/// Requests without an answer, oldest first.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Pending {
    first: usize,
    len: usize,
    /// The number that the next request gets.
    next: u32,
    keys: [(Key, u32); PENDING],
}

impl StreamId {
    /// Its number, from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Streams {
    /// Room for `capacity` streams. The only allocation. A stream's memory is touched when it is first used, until
    /// [`Streams::fill`] is called.
    pub fn new(capacity: usize) -> Streams {
        let capacity = capacity.min(u32::MAX as usize);
        let (slab, free) = (Vec::with_capacity(capacity), Vec::with_capacity(capacity));
        Streams { slab, capacity, free }
    }

    /// Touches the memory of all, so that none waits for it when it is used.
    pub fn fill(&mut self) {
        let unused = self.slab.len()..self.capacity;
        self.free.splice(..0, unused.rev().map(|id| id as u32));
        self.slab.resize(self.capacity, Stream::EMPTY);
    }

    /// A stream of which nothing is known yet; `None` where all are in use, or kept back for
    /// essential flows.
    pub fn take(&mut self, essential: bool) -> Option<StreamId> {
        if self.capacity - self.in_use() <= kept_back(self.capacity, essential) {
            return None;
        }
        let id = StreamId(self.free.pop().unwrap_or(self.slab.len() as u32));
        match self.get_mut(id) {
            Some(stream) => stream.clear(),
            None => self.slab.push(Stream::EMPTY),
        }
        Some(id)
    }

    /// Gives a stream back.
    pub fn give_back(&mut self, id: StreamId) {
        if let Some(stream) = self.get_mut(id) {
            stream.owner = None;
        }
        self.free.push(id.0);
    }

    /// The stream of that id.
    #[inline]
    pub fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.slab.get_mut(id.0 as usize)
    }

    /// The same, to be looked at.
    pub fn get(&self, id: StreamId) -> Option<&Stream> {
        self.slab.get(id.0 as usize)
    }

    /// Whose stream number `index` is.
    pub(crate) fn owner(&self, index: usize) -> Option<FlowId> {
        self.slab.get(index)?.owner
    }

    /// Streams in use.
    pub fn in_use(&self) -> usize {
        self.slab.len() - self.free.len()
    }
}

impl Stream {
    const EMPTY: Stream = Stream {
        requests: Lane::EMPTY,
        responses: Lane::EMPTY,
        pending: Pending::EMPTY,
        dialog: Dialog::NEW,
        operation: None,
        denials: Denials::EMPTY,
        waived: 0,
        ends: [End { mss: DEFAULT_MSS, scale: 0, options: Options::NONE, recent: 0 }; 2],
        timestamps: false,
        sack: false,
        straight: true,
        owner: None,
    };

    fn clear(&mut self) {
        self.requests.open(0);
        self.responses.open(0);
        self.pending.clear();
        (self.dialog, self.operation) = (Dialog::NEW, None);
        self.denials.clear();
        self.ends = Stream::EMPTY.ends;
        (self.waived, self.timestamps, self.sack, self.straight) = (0, false, false, true);
    }

    /// Reads each line of the stream itself that an ordinary segment needs; what it read.
    #[inline]
    pub(crate) fn lines(&self) -> u64 {
        let [client, _] = &self.ends;
        let lanes = self.requests.lines() ^ self.responses.lines();
        lanes ^ u64::from(client.recent) ^ self.lines_of_said()
    }

    /// Reads each line of what was said before; what it read.
    #[inline]
    pub(crate) fn lines_of_said(&self) -> u64 {
        let opened = u64::from(self.operation.is_some()) ^ u64::from(self.dialog.pairs());
        u64::from(self.pending.next) ^ opened
    }

    /// Reads where the bytes of the next segment will lie that travels in `direction`; what it read.
    #[inline]
    pub(crate) fn line_of_next(&self, direction: Direction, len: usize) -> u64 {
        self.lane(direction).line_of_next(len)
    }

    pub(crate) fn set_owner(&mut self, flow: FlowId) {
        self.owner = Some(flow);
    }

    /// A SYN, or its answer, begins the direction that it travels in.
    pub(crate) fn open(&mut self, from: Direction, syn: &Segment, options: &Options, now: Time) {
        self.lane_mut(from).open(syn.seq);
        let end = End {
            mss: options.mss.unwrap_or(DEFAULT_MSS).max(64),
            scale: options.scale.unwrap_or(0),
            options: *options,
            recent: options.timestamps.map_or(0, |(value, _)| value),
        };
        let [client, asset] = &mut self.ends;
        *(if from == Direction::ToServer { &mut *client } else { &mut *asset }) = end;
        let agreed = |ask: fn(&Options) -> bool| ask(&client.options) && ask(&asset.options);
        self.timestamps = agreed(|options| options.timestamps.is_some());
        self.sack = agreed(|options| options.sack_permitted);
        if from == Direction::ToClient {
            if !agreed(|options| options.scale.is_some()) {
                (client.scale, asset.scale) = (0, 0);
            }
            // The window of a SYN is never scaled (RFC 7323 section 2.2).
            let ack = self.requests.sent();
            self.requests.acknowledge(ack, syn.window.into(), now);
        } else {
            let ack = self.responses.sent();
            self.responses.acknowledge(ack, syn.window.into(), now);
        }
    }

    /// What travels in `direction`.
    #[inline]
    pub fn lane(&self, direction: Direction) -> &Lane {
        match direction {
            Direction::ToServer => &self.requests,
            Direction::ToClient => &self.responses,
        }
    }

    /// The same, to be changed.
    #[inline]
    pub fn lane_mut(&mut self, direction: Direction) -> &mut Lane {
        match direction {
            Direction::ToServer => &mut self.requests,
            Direction::ToClient => &mut self.responses,
        }
    }

    /// Whether both directions flow through unheld, and differ from what their senders send by a
    /// constant at most.
    #[inline]
    pub fn is_straight(&self) -> bool {
        self.straight
    }

    /// Finds out anew whether they do.
    pub(crate) fn straighten(&mut self) {
        let quiet = self.requests.is_quiet() && self.responses.is_quiet();
        self.straight = quiet && self.denials.is_empty() && !self.requests.is_long();
    }

    /// Whether a refusal may be put into the responses now: not inside one.
    pub(crate) fn may_interject(&self) -> bool {
        self.dialog.may_interject() && !self.responses.is_passing()
    }

    /// When something is due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let lanes = [self.requests.deadline(), self.responses.deadline()];
        let denial = self.denials.first().filter(|_| self.may_interject());
        let denial = denial.map(|(denial, _)| denial.until);
        lanes.into_iter().flatten().chain(denial).min()
    }

    /// Whether both ends agreed on timestamps.
    #[inline]
    pub(crate) fn has_timestamps(&self) -> bool {
        self.timestamps
    }

    /// Whether both ends agreed on selective acknowledgements.
    pub(crate) fn has_sack(&self) -> bool {
        self.sack
    }

    /// How the windows of segments that travel in `direction` are scaled.
    #[inline]
    pub(crate) fn scale(&self, direction: Direction) -> u8 {
        self.end(direction).scale
    }

    /// Most payload of a segment that travels in `direction`, as its receiver said.
    pub(crate) fn mss(&self, direction: Direction) -> usize {
        self.end(direction.reverse()).mss.into()
    }

    /// A router says that packets that travel in `direction` may have `mtu` bytes at most (RFC 1191
    /// section 3). What the gate itself sends is short and seldom: it never tries longer ones again.
    pub(crate) fn narrow(&mut self, direction: Direction, mtu: u16) {
        let receiver = self.end_mut(direction.reverse());
        receiver.mss = receiver.mss.min(mtu.saturating_sub(HEADERS));
    }

    /// The latest timestamp of who sends in `direction`.
    #[inline]
    pub(crate) fn clock(&self, direction: Direction) -> u32 {
        self.end(direction).recent
    }

    /// Who sends in `direction` says that its clock is at `value`.
    #[inline]
    pub(crate) fn note_clock(&mut self, direction: Direction, value: u32) {
        self.end_mut(direction).recent = value;
    }

    /// A SYN or its answer came again: its receiver knows the later of both clocks from then on, and refuses
    /// what is older (RFC 7323 section 5.3).
    pub(crate) fn advance_clock(&mut self, direction: Direction, options: &Options) {
        if let Some((value, _)) = options.timestamps
            && value.wrapping_sub(self.clock(direction)) as i32 > 0
        {
            self.note_clock(direction, value);
        }
    }

    #[inline]
    fn end(&self, from: Direction) -> &End {
        let [client, asset] = &self.ends;
        if from == Direction::ToServer { client } else { asset }
    }

    #[inline]
    fn end_mut(&mut self, from: Direction) -> &mut End {
        let [client, asset] = &mut self.ends;
        if from == Direction::ToServer { client } else { asset }
    }
}

impl Pending {
    const EMPTY: Pending = Pending {
        keys: [(Key { transaction: 0, function: 0, answered: false }, 0); PENDING],
        first: 0,
        len: 0,
        next: 0,
    };

    fn clear(&mut self) {
        (self.len, self.next) = (0, 0);
    }

    /// Remembers a request that went to the asset.
    #[inline(always)]
    pub fn push(&mut self, key: Key) {
        if self.len == PENDING {
            self.skip();
        }
        if let Some(place) = self.keys.get_mut((self.first + self.len) % PENDING) {
            *place = (key, self.next);
            self.next = self.next.wrapping_add(1);
            self.len += 1;
        }
    }

    /// Takes out the oldest request that `answer` answers; false where there is none. An answer to
    /// function 0 answers any: devices say so of functions that they do not know.
    #[inline(always)]
    pub fn take(&mut self, answer: Key) -> bool {
        let matching = |key: Key| {
            let same = key.function == answer.function || answer.function == 0;
            key.transaction == answer.transaction && same
        };
        if self.len > 0 && self.at(0).is_some_and(|(key, _)| matching(key)) {
            self.skip();
            return true;
        }
        self.take_later(matching)
    }

    /// The same of one that is not the oldest.
    #[inline(never)]
    fn take_later(&mut self, matching: impl Fn(Key) -> bool) -> bool {
        let found = (0..self.len).find(|step| self.at(*step).is_some_and(|(key, _)| matching(key)));
        let Some(step) = found else { return false };
        // What came before it moves up by one place.
        for step in (0..step).rev() {
            if let (Some(key), Some(place)) =
                (self.at(step), self.keys.get_mut((self.first + step + 1) % PENDING))
            {
                *place = key;
            }
        }
        self.skip();
        true
    }

    /// Forgets the oldest.
    #[inline]
    fn skip(&mut self) {
        self.len -= 1;
        // Where none waits the next one lies beside these two, in a line that is read anyway.
        self.first = if self.len == 0 { 0 } else { (self.first + 1) % PENDING };
    }

    /// Whether some request waits for `answer`, of which more is to come.
    pub fn has(&self, answer: Key) -> bool {
        (0..self.len).any(|step| {
            self.at(step).is_some_and(|(key, _)| {
                (key.transaction, key.function) == (answer.transaction, answer.function)
            })
        })
    }

    /// The number that the next request gets; they are counted from 0.
    pub fn next(&self) -> u32 {
        self.next
    }

    /// Whether a request of these numbers, the second exclusive, has no answer.
    pub fn lacks(&self, from: u32, to: u32) -> bool {
        let inside = |number: u32| number.wrapping_sub(from) < to.wrapping_sub(from);
        (0..self.len).any(|step| self.at(step).is_some_and(|(_, number)| inside(number)))
    }

    /// Requests without an answer.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether all are answered.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn at(&self, step: usize) -> Option<(Key, u32)> {
        self.keys.get((self.first + step) % PENDING).copied()
    }
}

#[cfg(test)]
mod tests {
    use core::mem::offset_of;

    use super::*;
    use crate::flow::LINE;

    fn key(transaction: u64) -> Key {
        Key { transaction, function: 3, answered: true }
    }

    /// What an inspected connection costs: said in docs/PROTOCOLS.md and ADR 9.
    #[test]
    fn a_stream_takes_less_than_26_kib() {
        assert!(size_of::<Stream>() <= 26 * 1024, "{}", size_of::<Stream>());
    }

    #[test]
    fn what_an_ordinary_segment_needs_lies_in_lines_of_its_own() {
        assert_eq!((align_of::<Stream>(), size_of::<Lane>() % LINE), (LINE, 0));
        let first = |at: usize| at.is_multiple_of(LINE);
        assert!(first(offset_of!(Stream, ends)) && first(offset_of!(Stream, pending)));
        assert_eq!(offset_of!(Stream, straight) / LINE, offset_of!(Stream, ends) / LINE);
        let oldest = offset_of!(Pending, keys) + size_of::<(Key, u32)>();
        assert!(oldest <= LINE, "beside what is asked first");
        // Else the same lines of all streams would share a few places of a cache.
        assert_eq!(size_of::<Stream>() / LINE % 2, 1);
        Lane::check_lines();
    }

    #[test]
    fn answers_take_their_own_request_in_any_order() {
        let mut pending = Pending::EMPTY;
        (0..5).for_each(|n| pending.push(key(n)));
        assert!(pending.take(key(3)) && pending.take(key(0)) && pending.take(key(4)));
        assert!(!pending.take(key(3)), "only once");
        assert!(!pending.take(Key { function: 4, ..key(1) }), "another function");
        assert!(pending.take(key(2)) && pending.take(Key { function: 0, ..key(1) }));
        assert!(pending.is_empty());
    }

    #[test]
    fn knows_which_are_not_answered() {
        let mut pending = Pending::EMPTY;
        (0..5).for_each(|n| pending.push(key(n)));
        assert!(pending.take(key(0)) && pending.take(key(2)));
        assert!(pending.lacks(0, 2) && !pending.lacks(0, 1) && !pending.lacks(2, 3));
        assert!(pending.lacks(3, pending.next()) && !pending.lacks(5, 5));
    }

    #[test]
    fn the_oldest_of_too_many_is_forgotten() {
        let mut pending = Pending::EMPTY;
        (0..PENDING as u64 + 1).for_each(|n| pending.push(key(n)));
        assert_eq!(pending.len(), PENDING);
        assert!(!pending.take(key(0)) && pending.take(key(1)) && pending.take(key(PENDING as u64)));
    }
}
