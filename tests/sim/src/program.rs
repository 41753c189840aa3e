//! The programs on top of the stacks: one asks, one executes.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::rc::Rc;

use wicketgate_packet::Time;

use crate::chance::Chance;
use crate::protocol::{Exchange, Protocol, take_pdu};
use crate::stack::{Stack, State};
use crate::violation::Violation;

/// What runs on top of a stack.
pub trait Program {
    /// Reads and writes what it can now.
    ///
    /// # Errors
    /// What it read is not what was due.
    fn turn(&mut self, now: Time, stack: &mut impl Stack) -> Result<(), Violation>;

    /// When it wants its next turn, if nothing arrives.
    fn due(&self, now: Time) -> Time;

    /// Whether everything is read and written, and nothing else came.
    fn is_done(&self) -> bool;
}

/// How a program behaves; times in microseconds, shares in a thousand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Client: requests without an answer at a time. 1 is stop-and-wait.
    pub in_flight: usize,
    /// PDUs written in two or three pieces, the second behind the first by `pause` at most.
    pub pieces: u32,
    /// PDUs before which it waits.
    pub late: u32,
    /// For how long, at most.
    pub pause: u64,
    /// PDUs after which it does not read for as long.
    pub deaf: u32,
}

/// What is still to be written, each piece not before its time.
#[derive(Debug, Default)]
struct Outbox {
    pieces: VecDeque<(Time, Vec<u8>)>,
    /// When the last piece may go: none overtakes another.
    last: Time,
}

impl Outbox {
    /// Queues a PDU in the manner of its program.
    fn push(&mut self, now: Time, mut pdu: Vec<u8>, manner: &Manner, chance: &mut Chance) {
        self.last = self.last.max(now);
        if chance.happens(manner.late) {
            self.last = self.last + chance.micros(0..=manner.pause);
        }
        if chance.happens(manner.pieces) {
            let rest = pdu.split_off(chance.size(1..=pdu.len() as u64 - 1));
            self.pieces.push_back((self.last, pdu));
            self.last = self.last + chance.micros(0..=manner.pause);
            pdu = rest;
        }
        self.pieces.push_back((self.last, pdu));
    }

    fn flush(&mut self, now: Time, stack: &mut impl Stack) {
        while let Some((at, bytes)) = self.pieces.front_mut() {
            if *at > now {
                return;
            }
            let taken = stack.write(bytes);
            if taken < bytes.len() {
                bytes.drain(..taken);
                return;
            }
            self.pieces.pop_front();
        }
    }

    /// When its next piece may go; one that may already waits for room, which the stack will tell.
    fn due(&self, now: Time) -> Time {
        self.pieces.front().map_or(Time::NEVER, |(at, _)| if *at > now { *at } else { Time::NEVER })
    }
}

/// Asks one request after the other.
pub struct Client<P> {
    plan: Rc<[Exchange]>,
    manner: Manner,
    chance: Chance,
    outbox: Outbox,
    asked: usize,
    answered: usize,
    /// The places of those that were asked and not answered.
    open: VecDeque<usize>,
    received: Vec<u8>,
    deaf_until: Time,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Client<P> {
    /// A client that asks what the plan says.
    pub fn new(plan: Rc<[Exchange]>, manner: Manner, chance: Chance) -> Client<P> {
        let (outbox, received, deaf_until) = (Outbox::default(), Vec::new(), Time::EPOCH);
        let protocol = PhantomData;
        Client {
            plan,
            manner,
            chance,
            outbox,
            asked: 0,
            answered: 0,
            open: VecDeque::new(),
            received,
            deaf_until,
            protocol,
        }
    }

    fn answer(&mut self, now: Time, got: Vec<u8>) -> Result<(), Violation> {
        let Some(place) = self.answers(&got) else {
            let due = self.open.front().map(|at| self.plan[*at].answer.clone());
            return Err(Violation::Answered { after: self.answered, got, due });
        };
        self.open.remove(place);
        self.answered += 1;
        if self.chance.happens(self.manner.deaf) {
            self.deaf_until = now + self.chance.micros(0..=self.manner.pause);
        }
        Ok(())
    }

    /// Which open request this answers: the oldest, or, early, the oldest that is denied.
    fn answers(&self, got: &[u8]) -> Option<usize> {
        let denied = self.open.iter().position(|at| !self.plan[*at].allowed);
        let answered = |place: &usize| self.open.get(*place).map(|at| &self.plan[*at].answer[..]);
        [Some(0), denied].into_iter().flatten().find(|place| answered(place) == Some(got))
    }

    fn ask(&mut self, now: Time) {
        while self.asked - self.answered < self.manner.in_flight {
            let Some(next) = self.plan.get(self.asked) else { return };
            self.outbox.push(now, next.request.clone(), &self.manner, &mut self.chance);
            self.open.push_back(self.asked);
            self.asked += 1;
        }
    }

    /// How many answers it has got.
    pub fn answered(&self) -> usize {
        self.answered
    }
}

impl<P: Protocol> Program for Client<P> {
    fn turn(&mut self, now: Time, stack: &mut impl Stack) -> Result<(), Violation> {
        if now >= self.deaf_until {
            stack.read(&mut self.received);
        }
        while let Some(got) = take_pdu::<P>(&mut self.received) {
            self.answer(now, got)?;
        }
        if stack.state() == State::Open {
            self.ask(now);
            self.outbox.flush(now, stack);
        }
        Ok(())
    }

    fn due(&self, now: Time) -> Time {
        self.outbox.due(now).min(later(self.deaf_until, now))
    }

    fn is_done(&self) -> bool {
        self.answered == self.plan.len() && self.received.is_empty()
    }
}

/// Executes each request as it comes.
pub struct Server<P> {
    device: P,
    plan: Rc<[Exchange]>,
    /// The place of the next allowed exchange.
    next: usize,
    executed: usize,
    manner: Manner,
    chance: Chance,
    outbox: Outbox,
    received: Vec<u8>,
    deaf_until: Time,
}

impl<P: Protocol> Server<P> {
    /// A device that must be asked the allowed part of the plan and nothing else.
    pub fn new(device: P, plan: Rc<[Exchange]>, manner: Manner, chance: Chance) -> Server<P> {
        let (outbox, received, deaf_until) = (Outbox::default(), Vec::new(), Time::EPOCH);
        Server { device, plan, next: 0, executed: 0, manner, chance, outbox, received, deaf_until }
    }

    fn execute(&mut self, now: Time, got: Vec<u8>) -> Result<(), Violation> {
        while self.plan.get(self.next).is_some_and(|exchange| !exchange.allowed) {
            self.next += 1;
        }
        let due = self.plan.get(self.next).map(|exchange| &exchange.request);
        if due != Some(&got) {
            return Err(Violation::Executed { after: self.executed, got, due: due.cloned() });
        }
        (self.next, self.executed) = (self.next + 1, self.executed + 1);
        let answer = self.device.execute(&got);
        self.outbox.push(now, answer, &self.manner, &mut self.chance);
        if self.chance.happens(self.manner.deaf) {
            self.deaf_until = now + self.chance.micros(0..=self.manner.pause);
        }
        Ok(())
    }

    /// How many requests it has executed.
    pub fn executed(&self) -> usize {
        self.executed
    }
}

impl<P: Protocol> Program for Server<P> {
    fn turn(&mut self, now: Time, stack: &mut impl Stack) -> Result<(), Violation> {
        if now >= self.deaf_until {
            stack.read(&mut self.received);
        }
        while let Some(got) = take_pdu::<P>(&mut self.received) {
            self.execute(now, got)?;
        }
        self.outbox.flush(now, stack);
        Ok(())
    }

    fn due(&self, now: Time) -> Time {
        self.outbox.due(now).min(later(self.deaf_until, now))
    }

    fn is_done(&self) -> bool {
        let written = self.received.is_empty() && self.outbox.pieces.is_empty();
        written && self.plan.iter().skip(self.next).all(|exchange| !exchange.allowed)
    }
}

fn later(at: Time, now: Time) -> Time {
    if at > now { at } else { Time::NEVER }
}
