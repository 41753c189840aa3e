//! Copies of the frames of recorded sessions, for whoever keeps them.
//!
//! A record shows a session as its client's side of the gate sees it: what the client sends as it came, before a
//! byte of it is changed, and what the client gets as it leaves, the gate's own words among it. With a frame goes
//! what was judged in it.
//!
//! ```text
//!   worker: engine --copy--> full ring --> keeper: writes it somewhere
//!              ^                              |
//!              '-------- free chunks <--------'
//! ```
//!
//! Invariant: to record costs nobody else anything. All chunks are allocated at the start; where none is free the
//! copy is not made, which is counted, and the frame goes its way all the same.

use core::net::Ipv4Addr;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use crossbeam_queue::ArrayQueue;
use wicketgate_dissectors::Direction;
use wicketgate_packet::{FrameBuf, Headers, Outbox, PortId, Time};

use crate::engine::{Arrival, Engine};
use crate::event::{Event, EventRing};
use crate::flow::FlowId;
use crate::tables::GrantId;
use crate::verdict::{Reason, Verdict};

/// Bytes that are kept of a frame: more than an Ethernet frame with a VLAN tag has.
pub const SNAP: usize = 2048;

/// Verdicts that are kept with a frame; of more, only the number is.
pub const VERDICTS: usize = 8;

/// Copies of one frame and of what the gate says to it by itself: a window full of segments.
const TOGETHER: usize = 64;

/// Whose frame it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The session.
    pub session: u64,
    /// The tables that `grant` counts in.
    pub epoch: u32,
    /// The grant that the session uses.
    pub grant: GrantId,
    /// Address and port of its client.
    pub client: (Ipv4Addr, u16),
}

/// A frame of a recorded session.
#[derive(Clone, Debug)]
pub struct Copied {
    /// Whose it is.
    pub whose: Whose,
    /// When it came, or left.
    pub time: Time,
    /// From the client, or to it.
    pub direction: Direction,
    /// Bytes that it has on the wire; more than there are where it was cut.
    pub length: u32,
    /// What was judged in it, [`VERDICTS`] at most.
    pub verdicts: Vec<Event>,
    /// Verdicts beyond those.
    pub more: u32,
    /// Why it went no further, if it did not.
    pub dropped: Option<Reason>,
    bytes: [u8; SNAP],
}

impl Copied {
    /// A copy of `frame`, of which nothing was judged yet.
    pub fn new(whose: Whose, time: Time, direction: Direction, frame: &[u8]) -> Copied {
        let mut copied = Copied {
            whose,
            time,
            direction,
            length: 0,
            verdicts: Vec::with_capacity(VERDICTS),
            more: 0,
            dropped: None,
            bytes: [0; SNAP],
        };
        copied.fill(whose, time, direction, frame);
        copied
    }

    fn empty() -> Copied {
        let client = (Ipv4Addr::UNSPECIFIED, 0);
        let whose = Whose { session: 0, epoch: 0, grant: GrantId(0), client };
        Copied::new(whose, Time::EPOCH, Direction::ToServer, &[])
    }

    /// The frame, from the destination MAC on; [`SNAP`] bytes of it at most.
    pub fn bytes(&self) -> &[u8] {
        let length = usize::try_from(self.length).unwrap_or(SNAP).min(SNAP);
        self.bytes.get(..length).unwrap_or_default()
    }

    fn fill(&mut self, whose: Whose, time: Time, direction: Direction, frame: &[u8]) {
        (self.whose, self.time, self.direction) = (whose, time, direction);
        self.length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        (self.more, self.dropped) = (0, None);
        self.verdicts.clear();
        let kept = frame.len().min(SNAP);
        if let (Some(to), Some(from)) = (self.bytes.get_mut(..kept), frame.get(..kept)) {
            to.copy_from_slice(from);
        }
    }

    fn judge(&mut self, events: &EventRing, since: u64) {
        for event in events.told_since(since) {
            if self.verdicts.len() < VERDICTS {
                self.verdicts.push(event.clone());
            } else {
                self.more += 1;
            }
        }
    }
}

/// Copies on their way from one worker to whoever keeps them, and chunks that wait for some.
#[derive(Debug)]
pub struct Copies {
    full: ArrayQueue<Box<Copied>>,
    free: ArrayQueue<Box<Copied>>,
    made: AtomicU64,
    lost: AtomicU64,
}

impl Copies {
    /// Room for this many copies, some 6 KiB each; all memory is allocated now.
    pub fn new(room: usize) -> Copies {
        let (full, free) = (ArrayQueue::new(room.max(1)), ArrayQueue::new(room.max(1)));
        while free.push(Box::new(Copied::empty())).is_ok() {}
        Copies { full, free, made: AtomicU64::new(0), lost: AtomicU64::new(0) }
    }

    /// Shows the oldest copy; false where there is none.
    pub fn take(&self, see: impl FnOnce(&Copied)) -> bool {
        let Some(copied) = self.full.pop() else { return false };
        see(&copied);
        // There is room: it came from there.
        let _ = self.free.push(copied);
        true
    }

    /// Copies that wait to be taken.
    pub fn waiting(&self) -> usize {
        self.full.len()
    }

    /// Copies that were made.
    pub fn made(&self) -> u64 {
        self.made.load(Relaxed)
    }

    /// Frames of which no copy was made, for want of room.
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

/// The engine's end: the copies of the frame at hand, until it is known what was judged in it.
#[derive(Debug)]
pub(crate) struct Recorder {
    copies: Arc<Copies>,
    #[expect(
        clippy::vec_box,
        reason = "a chunk goes from ring to ring without its 2 KiB being moved"
    )]
    together: Vec<Box<Copied>>,
}

impl Recorder {
    fn new(copies: Arc<Copies>) -> Recorder {
        Recorder { copies, together: Vec::with_capacity(TOGETHER) }
    }

    /// Copies a frame, if there is room.
    fn copy(&mut self, whose: Whose, time: Time, direction: Direction, frame: &[u8]) {
        let free = if self.together.len() < TOGETHER { self.copies.free.pop() } else { None };
        let Some(mut copied) = free else {
            self.copies.lost.fetch_add(1, Relaxed);
            return;
        };
        copied.fill(whose, time, direction, frame);
        self.together.push(copied);
    }

    /// The frame that came is done with: hands over its copy, and those of what was said to it.
    fn hand_over(&mut self) {
        for copied in self.together.drain(..) {
            self.copies.made.fetch_add(1, Relaxed);
            // There is room: as many chunks as places.
            let _ = self.copies.full.push(copied);
        }
    }
}

/// A way out that copies what leaves to the client.
struct Recording<'a> {
    out: &'a mut dyn Outbox,
    recorder: &'a mut Recorder,
    whose: Whose,
    now: Time,
}

impl Recording<'_> {
    fn copy_if_to_client(&mut self, frame: &[u8]) {
        // A gate of one port has assets behind it too.
        if Headers::parse(frame).is_ok_and(|headers| headers.dst == self.whose.client.0) {
            self.recorder.copy(self.whose, self.now, Direction::ToClient, frame);
        }
    }
}

impl Outbox for Recording<'_> {
    fn send(&mut self, egress: PortId, frame: &[u8]) -> bool {
        let sent = self.out.send(egress, frame);
        if sent {
            self.copy_if_to_client(frame);
        }
        sent
    }
}

impl Engine {
    /// Makes copies of the frames of sessions whose grant says so, from now on.
    pub fn set_copies(&mut self, copies: Arc<Copies>) {
        self.recorder = Some(Box::new(Recorder::new(copies)));
    }

    /// Whose frames they are, where the flow's session is recorded.
    #[cold]
    pub(crate) fn recorded(&self, flow: FlowId) -> Option<Whose> {
        let flow = self.flows.get(flow)?;
        let grant = self.tables.grant(flow.grant).filter(|grant| grant.record);
        grant.map(|_| Whose {
            session: flow.session.0,
            epoch: self.tables.epoch(),
            grant: flow.grant,
            client: flow.client,
        })
    }

    /// The rest of the way of a frame whose session is recorded.
    #[cold]
    pub(crate) fn go_on_recorded<F: FrameBuf>(
        &mut self,
        (id, direction): (FlowId, Direction),
        whose: Whose,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Verdict, Reason> {
        let Some(mut recorder) = self.recorder.take() else {
            return self.go_on(id, direction, arrival);
        };
        let (now, told) = (arrival.now, arrival.events.number());
        if direction == Direction::ToServer {
            recorder.copy(whose, now, direction, arrival.frame.bytes());
        }
        // Where there was no room for it, nothing is to get its verdicts.
        let came = recorder.together.len();
        let mut way = Recording { out: &mut *arrival.out, recorder: &mut recorder, whose, now };
        let Arrival { port, may_wait, headers, .. } = *arrival;
        let (frame, events) = (&mut *arrival.frame, &mut *arrival.events);
        let again = &mut Arrival { now, port, may_wait, headers, frame, out: &mut way, events };
        let verdict = self.go_on(id, direction, again);
        if matches!(verdict, Ok(Verdict::Forward(_) | Verdict::Answer(..))) {
            way.copy_if_to_client(arrival.frame.bytes());
        }
        if let Some(copied) = recorder.together.first_mut().filter(|_| came > 0) {
            copied.judge(arrival.events, told);
            copied.dropped = verdict.err();
        }
        recorder.hand_over();
        self.recorder = Some(recorder);
        verdict
    }

    /// Does something that sends by `out`, and copies what leaves to a recorded session's client.
    pub(crate) fn record_own(
        &mut self,
        flow: FlowId,
        now: Time,
        out: &mut dyn Outbox,
        act: impl FnOnce(&mut Engine, &mut dyn Outbox),
    ) {
        let whose = if self.recorder.is_some() { self.recorded(flow) } else { None };
        match (whose, self.recorder.take()) {
            (Some(whose), Some(mut recorder)) => {
                act(self, &mut Recording { out, recorder: &mut recorder, whose, now });
                recorder.hand_over();
                self.recorder = Some(recorder);
            }
            (_, recorder) => {
                self.recorder = recorder;
                act(self, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(session: u64) -> Whose {
        Whose { session, ..Copied::empty().whose }
    }

    #[test]
    fn what_finds_no_room_is_counted_and_chunks_come_back() {
        let copies = Arc::new(Copies::new(2));
        let mut recorder = Recorder::new(copies.clone());
        for round in 1..=3 {
            for session in 1..=3 {
                recorder.copy(whose(session), Time::EPOCH, Direction::ToServer, &[7; 60]);
            }
            recorder.hand_over();
            let mut seen = Vec::new();
            while copies.take(|copied| seen.push((copied.whose.session, copied.bytes().len()))) {}
            assert_eq!((seen, copies.lost()), (vec![(1, 60), (2, 60)], round));
        }
        assert_eq!((copies.made(), copies.waiting()), (6, 0));
    }

    #[test]
    fn a_frame_that_is_too_long_is_cut_and_says_so() {
        let copies = Arc::new(Copies::new(1));
        let mut recorder = Recorder::new(copies.clone());
        recorder.copy(whose(1), Time::EPOCH, Direction::ToClient, &[7; 9000]);
        recorder.hand_over();
        assert!(
            copies.take(|copied| assert_eq!((copied.length, copied.bytes().len()), (9000, SNAP)))
        );
    }
}
