//! A relay with a stack of its own towards either end: it reads a request, judges it, and writes it anew.
//!
//! It is another right answer to what the gate must do, so it shows that the oracle accepts one with any
//! share of denied commands; and with a [`Flaw`] it shows that the oracle finds what is wrong.

use std::collections::VecDeque;
use std::marker::PhantomData;

use wicketgate_packet::{PortId, Time};
use wicketgate_tests::gate::START;
use wicketgate_tests::plant::{GATE_MAC, LINE, NAT, OFFICE, OFFICE_MAC, PRESS_3, PRESS_MAC};

use crate::protocol::{Exchange, Protocol, exchanges, take_pdu};
use crate::relay::Relay;
use crate::scenario::{CLIENT_PORT, PORT, Part, Scenario};
use crate::segment::{ETHERNET, Segment};
use crate::smol::Smol;
use crate::stack::{Setup, Stack, State};
use crate::violation::Violation;

/// Exchange that a flaw shows at, counted from 0; of denied ones, the first behind it.
const AT: usize = 5;

/// What is wrong with a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// One bit of a request is another one.
    AlteredRequest,
    /// One bit of an answer is another one.
    AlteredAnswer,
    /// A request never reaches the device.
    LostRequest,
    /// A request reaches it twice.
    RepeatedRequest,
    /// Two requests reach it in the wrong order.
    SwappedRequests,
    /// A denied request reaches it, and is denied.
    Leak,
    /// A part of a denied request reaches it.
    PartLeak,
    /// An answer never reaches the client.
    LostAnswer,
    /// An answer reaches it twice.
    RepeatedAnswer,
    /// A denial reaches it before the answers to earlier requests.
    HastyDenial,
    /// A denied request is not answered.
    NoDenial,
    /// A command is not told to the audit.
    Untold,
    /// A command is told twice.
    ToldTwice,
    /// A denied command is told as forwarded.
    ToldWrong,
    /// The connection to the device ends before its time.
    EarlyClose,
    /// It acknowledges what the device has not, and does not say that it answers for it.
    EarlyAck,
}

/// One half: a stack, and the frames on its port.
struct Half {
    stack: Smol,
    macs: ([u8; 6], [u8; 6]),
    port: PortId,
    arrived: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
    received: Vec<u8>,
    outbox: Vec<u8>,
}

/// A byte-stream proxy that judges.
pub struct Proxy<P> {
    office: Half,
    line: Half,
    plan: Vec<Exchange>,
    /// Requests read.
    read: usize,
    /// Answers read.
    answers: usize,
    /// For each request without an answer, its denial if it is denied.
    pending: VecDeque<Option<Vec<u8>>>,
    held: Option<Vec<u8>>,
    told: Vec<(Vec<u8>, bool)>,
    flaw: Option<Flaw>,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Proxy<P> {
    /// A proxy for this scenario.
    pub fn new(scenario: &Scenario, flaw: Option<Flaw>) -> Proxy<P> {
        let (seed, count) = (scenario.seed, scenario.commands);
        let mut chance = scenario.chance(Part::Plan);
        let overlay = Setup { address: PRESS_3, port: PORT, peer: None, ..plain(scenario) };
        let peer = Some((scenario.server.address, PORT));
        let nat = Setup { address: NAT, port: CLIENT_PORT, peer, ..plain(scenario) };
        Proxy {
            office: Half::new(&overlay, OFFICE, (OFFICE_MAC, GATE_MAC[0])),
            line: Half::new(&nat, LINE, (PRESS_MAC, GATE_MAC[1])),
            plan: exchanges::<P>(seed, count, scenario.denied, &mut chance),
            read: 0,
            answers: 0,
            pending: VecDeque::new(),
            held: None,
            told: Vec::new(),
            flaw,
            protocol: PhantomData,
        }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn request(&mut self, pdu: Vec<u8>) {
        let at = self.read;
        self.read += 1;
        let denied = self.plan.get(at).is_none_or(|exchange| !exchange.allowed);
        self.tell(at, &pdu, denied);
        if denied {
            self.deny(&pdu);
        } else {
            self.pending.push_back(None);
            self.forward(at, pdu);
        }
    }

    fn tell(&mut self, at: usize, pdu: &[u8], denied: bool) {
        if self.has(Flaw::Untold) && at == AT {
            return;
        }
        let said = denied && !(self.has(Flaw::ToldWrong) && at > AT);
        self.told.push((pdu.to_vec(), said));
        if self.has(Flaw::ToldTwice) && at == AT {
            self.told.push((pdu.to_vec(), said));
        }
    }

    fn deny(&mut self, pdu: &[u8]) {
        let denial = P::denial(pdu);
        match self.flaw {
            Some(Flaw::Leak) => self.line.outbox.extend(pdu),
            Some(Flaw::PartLeak) => self.line.outbox.extend(&pdu[..pdu.len() - 1]),
            Some(Flaw::NoDenial) => return,
            Some(Flaw::HastyDenial) => return self.office.outbox.extend(denial),
            _ => {}
        }
        self.pending.push_back(Some(denial));
    }

    fn forward(&mut self, at: usize, mut pdu: Vec<u8>) {
        let flaw = self.flaw.filter(|_| at >= AT);
        match flaw {
            Some(Flaw::AlteredRequest) if at < AT + 5 => *pdu.last_mut().expect("a PDU") ^= 1,
            Some(Flaw::LostRequest) => return,
            Some(Flaw::RepeatedRequest) => self.line.outbox.extend(&pdu),
            Some(Flaw::SwappedRequests) => {
                if let Some(held) = self.held.take() {
                    self.line.outbox.extend(&pdu);
                    pdu = held;
                } else {
                    self.held = Some(pdu);
                    return;
                }
            }
            _ => {}
        }
        self.line.outbox.extend(pdu);
    }

    fn answer(&mut self, mut pdu: Vec<u8>) {
        self.answers += 1;
        self.pending.pop_front();
        if self.answers == AT {
            match self.flaw {
                Some(Flaw::AlteredAnswer) => *pdu.last_mut().expect("a PDU") ^= 0x80,
                Some(Flaw::LostAnswer) => return,
                Some(Flaw::RepeatedAnswer) => self.office.outbox.extend(&pdu),
                Some(Flaw::EarlyClose) => self.line.stack.close(),
                _ => {}
            }
        }
        self.office.outbox.extend(pdu);
    }

    /// Denials whose turn has come.
    fn release(&mut self) {
        while let Some(denial) = self.pending.front_mut().and_then(Option::take) {
            self.office.outbox.extend(denial);
            self.pending.pop_front();
        }
    }

    /// Each half closes when the other one's peer has.
    fn close(&mut self) {
        let ended = |half: &Half| {
            matches!(half.stack.state(), State::Ended | State::Waiting | State::Closed)
        };
        let (office, line) = (ended(&self.office), ended(&self.line));
        if office && self.line.outbox.is_empty() && self.pending.is_empty() {
            self.line.stack.close();
        }
        if line && self.office.outbox.is_empty() && self.pending.is_empty() {
            self.office.stack.close();
        }
    }
}

/// Stacks with room for everything.
fn plain(scenario: &Scenario) -> Setup {
    Setup {
        segment: 1460,
        receive: 8000,
        send: 8000,
        nagle: false,
        delayed_ack: None,
        keep_alive: None,
        timestamps: false,
        ..scenario.server.clone()
    }
}

impl Half {
    fn new(setup: &Setup, port: PortId, macs: ([u8; 6], [u8; 6])) -> Half {
        Half {
            stack: Smol::new(setup, START),
            macs,
            port,
            arrived: VecDeque::new(),
            sent: VecDeque::new(),
            received: Vec::new(),
            outbox: Vec::new(),
        }
    }

    fn turn(&mut self, now: Time) {
        let taken = self.stack.write(&self.outbox);
        self.outbox.drain(..taken);
        self.stack.turn(now, &mut self.arrived, &mut self.sent);
        if self.stack.state() == State::Closed {
            // As at the ends: a connection that is forgotten does not answer stragglers.
            self.sent.clear();
        }
        self.stack.read(&mut self.received);
    }

    fn leave(&mut self, left: &mut Vec<(PortId, Vec<u8>)>) {
        for packet in self.sent.drain(..) {
            let frame = [&self.macs.0[..], &self.macs.1, &[8, 0], &packet].concat();
            left.push((self.port, frame));
        }
    }
}

impl<P: Protocol> Relay for Proxy<P> {
    fn arrive(&mut self, _now: Time, port: PortId, frame: &[u8]) -> Result<(), Violation> {
        if Segment::read(frame).is_ok() {
            let half = if port == OFFICE { &mut self.office } else { &mut self.line };
            half.arrived.push_back(frame[ETHERNET..].to_vec());
        }
        Ok(())
    }

    fn turn(&mut self, now: Time, left: &mut Vec<(PortId, Vec<u8>)>) {
        self.office.turn(now);
        self.line.turn(now);
        while let Some(pdu) = take_pdu::<P>(&mut self.office.received) {
            self.request(pdu);
        }
        self.release();
        while let Some(pdu) = take_pdu::<P>(&mut self.line.received) {
            self.answer(pdu);
            self.release();
        }
        self.close();
        self.office.turn(now);
        self.line.turn(now);
        self.office.leave(left);
        self.line.leave(left);
    }

    fn due(&mut self, now: Time) -> Time {
        self.office.stack.due(now).min(self.line.stack.due(now))
    }

    fn told(&self) -> Option<&[(Vec<u8>, bool)]> {
        Some(&self.told)
    }

    fn answers_for_delivery(&self) -> bool {
        !self.has(Flaw::EarlyAck)
    }

    fn settle(&mut self, _now: Time) -> Result<(), Violation> {
        Ok(())
    }
}
