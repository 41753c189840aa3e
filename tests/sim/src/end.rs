//! One end of the connection: a stack, its program, and how it behaves.

use std::collections::VecDeque;
use std::time::Duration;

use wicketgate_packet::Time;
use wicketgate_tests::frame::flag;
use wicketgate_tests::gate::START;

use crate::link::Link;
use crate::program::Program;
use crate::segment::{ETHERNET, Segment};
use crate::stack::{Stack, State};
use crate::violation::Violation;

/// Silence after which a stack that owes bytes has lost its timer: the longest one, and half of it.
const OVERDUE: Duration = Duration::from_secs(90);

/// One end: its stack, and the frames on either side of it.
pub(crate) struct End<S> {
    pub(crate) stack: S,
    mac: [u8; 6],
    gate: [u8; 6],
    arrived: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
    name: &'static str,
    pub(crate) state: State,
    /// When it wants a turn, if nothing arrives.
    pub(crate) due: Time,
    /// When it last sent a FIN, or a byte that was not acknowledged: keep-alives do not count.
    spoke: Time,
    /// When it was last told to do so.
    nudged: Time,
    pub(crate) nudges: u64,
    /// The highest acknowledgement that has reached it.
    acknowledged: u32,
    /// The end of what it has sent.
    sent_to: u32,
}

impl<S: Stack> End<S> {
    /// An end with this MAC address, behind this one of the gate's.
    pub(crate) fn new(stack: S, name: &'static str, mac: [u8; 6], gate: [u8; 6]) -> End<S> {
        let (arrived, sent) = (VecDeque::new(), VecDeque::new());
        End {
            stack,
            mac,
            gate,
            arrived,
            sent,
            name,
            state: State::Opening,
            due: START,
            spoke: START,
            nudged: START,
            nudges: 0,
            acknowledged: 0,
            sent_to: 0,
        }
    }

    /// Lets stack and program do what they can, if there is anything to do.
    pub(crate) fn turn(
        &mut self,
        now: Time,
        program: &mut impl Program,
        link: &mut Link,
    ) -> Result<(), Violation> {
        if self.arrived.is_empty() && self.due > now {
            return Ok(());
        }
        if self.stack.owes() && now >= self.overdue() {
            self.stack.nudge();
            (self.nudged, self.nudges) = (now, self.nudges + 1);
        }
        self.stack.turn(now, &mut self.arrived, &mut self.sent);
        program.turn(now, &mut self.stack)?;
        self.stack.turn(now, &mut self.arrived, &mut self.sent);
        self.note()?;
        if self.state == State::Closed {
            // The host has forgotten the connection; a straggler must not make it say so by a reset.
            self.sent.clear();
        }
        while let Some(packet) = self.sent.pop_front() {
            link.send(now, self.frame(now, &packet)?);
        }
        self.due = self.stack.due(now).min(program.due(now));
        if self.stack.owes() {
            self.due = self.due.min(self.overdue().max(now));
        }
        Ok(())
    }

    /// Follows the connection's state: only one that both ends have closed may be over.
    fn note(&mut self) -> Result<(), Violation> {
        let state = self.stack.state();
        let closes = matches!(self.state, State::Closing | State::Waiting | State::Closed);
        self.state = state;
        match state {
            State::Closed if !closes => Err(self.ended("is over, and nobody closed it")),
            _ => Ok(()),
        }
    }

    fn ended(&self, how: &'static str) -> Violation {
        Violation::Ended { end: self.name, how }
    }

    /// A packet on the wire.
    fn frame(&mut self, now: Time, packet: &[u8]) -> Result<Vec<u8>, Violation> {
        let frame = [&self.gate[..], &self.mac, &[8, 0], packet].concat();
        let segment = Segment::read(&frame).expect("stacks send canonical segments");
        if segment.has(flag::RST) {
            return Err(self.ended("sends a reset"));
        }
        // A keep-alive is one byte of garbage in place of the last one (RFC 9293 section 3.8.4).
        let asks = segment.payload == [0] && segment.end() == self.sent_to;
        let owed = is_after(segment.end(), self.acknowledged) && !segment.payload.is_empty();
        if segment.has(flag::FIN) || owed && !asks {
            self.spoke = now;
        }
        if segment.has(flag::SYN) || is_after(segment.end(), self.sent_to) {
            self.sent_to = segment.end();
        }
        Ok(frame)
    }

    /// A frame reaches the end. What was damaged on the way ends at the card.
    pub(crate) fn receive(&mut self, frame: &[u8]) {
        let Ok(segment) = Segment::read(frame) else { return };
        if segment.has(flag::ACK) {
            let first = segment.has(flag::SYN) || self.state == State::Opening;
            if first || is_after(segment.ack, self.acknowledged) {
                self.acknowledged = segment.ack;
            }
        }
        self.arrived.push_back(frame[ETHERNET..].to_vec());
    }

    /// When a stack with a right timer would have sent again.
    fn overdue(&self) -> Time {
        self.spoke.max(self.nudged) + OVERDUE
    }
}

/// Whether a sequence number comes after another (RFC 9293 section 3.4).
fn is_after(number: u32, other: u32) -> bool {
    (number.wrapping_sub(other) as i32) > 0
}
