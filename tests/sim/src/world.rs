//! The run: two ends, four links, the relay, and a clock that jumps to whatever is due next.

use std::rc::Rc;
use std::time::Duration;

use wicketgate_engine::flow::timeout;
use wicketgate_packet::{PortId, Time};
use wicketgate_tests::frame::flag;
use wicketgate_tests::gate::START;
use wicketgate_tests::plant::{GATE_MAC, LINE, OFFICE, OFFICE_MAC, PRESS_MAC};

use crate::end::End;
use crate::lane::Lane;
use crate::ledger::{Ledger, Share};
use crate::link::Link;
use crate::order::{Order, Pdu};
use crate::program::{Client, Program, Server};
use crate::protocol::{Exchange, Protocol, exchanges};
use crate::relay::Relay;
use crate::scenario::{Closer, Part, Scenario};
use crate::segment::Segment;
use crate::stack::{Setup, Stack, State};
use crate::violation::Violation;

/// Virtual time without progress after which a run is stuck. A stack waits a minute at most before it
/// sends again (RFC 6298 section 2.5); that a third of all frames is lost 20 times in a row does not happen.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// Steps after which a run goes in circles.
const STEPS: u64 = 20_000_000;

/// A frame at a port of the relay: when, where, what.
pub type Crossing = (Time, PortId, Vec<u8>);

/// Every frame of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// What entered the relay.
    pub entered: Vec<Crossing>,
    /// What left it.
    pub left: Vec<Crossing>,
}

/// What a run was, if nothing was wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Times that the clock jumped.
    pub steps: u64,
    /// Frames that entered the relay.
    pub entered: u64,
    /// Frames that left it.
    pub left: u64,
    /// Virtual time from start to close.
    pub time: Duration,
    /// Times that a stack had to be told to send again what it owed.
    pub nudges: u64,
    /// The links lost the last FIN for so long that the connection was forgotten.
    pub given_up: bool,
}

/// A run under way.
pub struct World<P, S, R> {
    scenario: Scenario,
    now: Time,
    plan: Rc<[Exchange]>,
    client: Client<P>,
    server: Server<P>,
    /// Client and server.
    ends: [End<S>; 2],
    /// From the end to the relay, and from it to the end.
    links: [[Link; 2]; 2],
    /// What must leave: towards the client, towards the server.
    lanes: [Lane; 2],
    /// Of the client's bytes, and of the server's.
    ledgers: [Ledger; 2],
    relay: R,
    left: Vec<(PortId, Vec<u8>)>,
    record: Option<Record>,
    outcome: Outcome,
    /// When something last went on, and how much had.
    progress: (Time, usize),
    /// When the relay last heard anything.
    heard: Time,
    /// Both FINs had left, and then nothing was heard for as long as a closing flow is kept.
    forgotten: bool,
    /// Until then the links lose everything.
    dark: Option<Time>,
}

impl<P: Protocol, S: Stack, R: Relay> World<P, S, R> {
    /// A run of this scenario, with stacks made by `stack` and this relay between them.
    pub fn new(scenario: Scenario, stack: impl Fn(&Setup, Time) -> S, relay: R) -> World<P, S, R> {
        let (seed, count) = (scenario.seed, scenario.commands);
        let mut chance = scenario.chance(Part::Plan);
        let plan: Rc<[Exchange]> = exchanges::<P>(seed, count, scenario.denied, &mut chance).into();
        let (asking, serving) = (scenario.asking.clone(), scenario.serving.clone());
        let client = Client::new(plan.clone(), asking, scenario.chance(Part::Client));
        let device = P::device(seed);
        let server = Server::new(device, plan.clone(), serving, scenario.chance(Part::Server));
        let end = |setup, name, mac, gate| End::new(stack(setup, START), name, mac, gate);
        let links = scenario.chance(Part::Links);
        let link = |at: u64, impairment| Link::new(impairment, links.part(at));
        World {
            ends: [
                end(&scenario.client, "client", OFFICE_MAC, GATE_MAC[0]),
                end(&scenario.server, "server", PRESS_MAC, GATE_MAC[1]),
            ],
            links: [
                [link(0, scenario.office[0]), link(1, scenario.office[1])],
                [link(2, scenario.line[0]), link(3, scenario.line[1])],
            ],
            lanes: lanes(&scenario, &plan),
            ledgers: ledgers(&plan),
            now: START,
            plan,
            client,
            server,
            relay,
            left: Vec::new(),
            record: None,
            outcome: Outcome::default(),
            progress: (START, 0),
            heard: START,
            forgotten: false,
            dark: None,
            scenario,
        }
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// The first thing that was wrong.
    pub fn run(&mut self) -> Result<Outcome, Violation> {
        while !self.is_over() {
            match self.advance() {
                Err(Violation::Stalled { .. }) if self.is_given_up() => return Ok(self.outcome),
                advanced => advanced?,
            }
            self.step()?;
        }
        self.audit()?;
        self.outcome.time = self.now.since(START);
        self.outcome.nudges = self.ends.iter().map(|end| end.nudges).sum();
        self.relay.settle(self.now)?;
        Ok(self.outcome)
    }

    /// The same, with the frames that entered the relay and those that left it.
    pub fn run_recorded(&mut self) -> (Result<Outcome, Violation>, Record) {
        self.record = Some(Record::default());
        let result = self.run();
        (result, self.record.take().unwrap_or_default())
    }

    /// What the relay told the audit.
    pub fn relay(&self) -> &R {
        &self.relay
    }

    /// Both FINs have reached the other end: whoever is through knows that.
    fn is_over(&self) -> bool {
        self.ends.iter().any(|end| end.state == State::Closed)
    }

    /// A gate that has let both FINs through may forget a connection that is silent for long, though the
    /// links lost one after the other. Such a run is counted, and says nothing of the gate.
    fn is_given_up(&mut self) -> bool {
        self.outcome.given_up = self.forgotten;
        self.forgotten
    }

    fn advance(&mut self) -> Result<(), Violation> {
        let due = self.due().max(self.now);
        self.outcome.steps += 1;
        let done = self.client.answered() + self.server.executed() + self.closing();
        if done > self.progress.1 {
            self.progress = (self.now, done);
        }
        if due.since(self.progress.0) > PATIENCE || self.outcome.steps > STEPS {
            self.now = self.progress.0 + PATIENCE;
            let (answered, executed) = (self.client.answered(), self.server.executed());
            let ends = [self.ends[0].state, self.ends[1].state];
            return Err(Violation::Stalled { answered, executed, ends });
        }
        self.now = due;
        Ok(())
    }

    /// How far the connection has come: to open and to close is progress, too.
    fn closing(&self) -> usize {
        self.ends.iter().map(|end| end.state as usize).sum()
    }

    fn due(&mut self) -> Time {
        let links = self.links.iter().flatten().map(Link::due);
        let ends = self.ends.iter().map(|end| end.due);
        links.chain(ends).fold(self.relay.due(self.now), Time::min)
    }

    fn step(&mut self) -> Result<(), Violation> {
        if self.enter()? | (self.relay.due(self.now) <= self.now) {
            self.relay.turn(self.now, &mut self.left);
            self.leave()?;
        }
        self.receive();
        self.turn_ends()
    }

    /// Frames reach the relay.
    fn enter(&mut self) -> Result<bool, Violation> {
        let before = self.outcome.entered;
        for (side, port) in [OFFICE, LINE].into_iter().enumerate() {
            while let Some(frame) = self.links[side][0].receive(self.now) {
                if self.dark > Some(self.now) {
                    continue;
                }
                self.relay.arrive(self.now, port, &frame)?;
                self.hear(port, &frame);
                self.outcome.entered += 1;
                if let Some(record) = &mut self.record {
                    record.entered.push((self.now, port, frame));
                }
            }
        }
        Ok(self.outcome.entered > before)
    }

    /// What a frame that entered says of the connection.
    fn hear(&mut self, port: PortId, frame: &[u8]) {
        let Ok(segment) = Segment::read(frame) else { return };
        let silent = self.now.since(self.heard) >= timeout::CLOSING;
        self.forgotten |= silent && self.lanes.iter().all(Lane::has_ended);
        self.heard = self.now;
        let [requests, answers] = &mut self.ledgers;
        answers.enter(port, &segment);
        if let Some(end) = requests.enter(port, &segment) {
            self.lanes[0].hear(end, self.now);
        }
    }

    /// Frames leave it: each is held against what must leave.
    fn leave(&mut self) -> Result<(), Violation> {
        for (port, frame) in self.left.drain(..) {
            let side = usize::from(port.0);
            self.outcome.left += 1;
            if let Some(record) = &mut self.record {
                record.left.push((self.now, port, frame.clone()));
            }
            // Whoever asks for a connection that was forgotten so is told.
            let told = self.forgotten && Segment::read(&frame).is_ok_and(|it| it.has(flag::RST));
            self.outcome.given_up |= told;
            if self.relay.is_canonical() && !told {
                self.lanes[side].see(&frame, self.now)?;
                if let Some(order) = self.lanes[side].changed_order() {
                    self.ledgers[1 - side].reorder(Share::new(order.lengths()));
                }
            }
            if !self.relay.answers_for_delivery()
                && let Ok(segment) = Segment::read(&frame)
            {
                self.ledgers.iter_mut().try_for_each(|ledger| ledger.leave(port, &segment))?;
            }
            if self.dark.is_none() && self.lanes.iter().all(Lane::has_ended) {
                self.dark = Some(self.now + self.scenario.outage);
            }
            if self.dark <= Some(self.now) {
                self.links[side][1].send(self.now, frame);
            }
        }
        Ok(())
    }

    fn receive(&mut self) {
        for ([_, link], end) in self.links.iter_mut().zip(&mut self.ends) {
            while let Some(frame) = link.receive(self.now) {
                end.receive(&frame);
            }
        }
    }

    fn turn_ends(&mut self) -> Result<(), Violation> {
        let [client, server] = &mut self.ends;
        let [[office, _], [line, _]] = &mut self.links;
        client.turn(self.now, &mut self.client, office)?;
        server.turn(self.now, &mut self.server, line)?;
        self.close();
        Ok(())
    }

    /// When all is answered one end closes, and the other follows.
    fn close(&mut self) {
        if !self.client.is_done() || !self.server.is_done() {
            return;
        }
        let closer = self.scenario.closer;
        let first = [closer != Closer::Server, closer != Closer::Client];
        for (end, first) in self.ends.iter_mut().zip(first) {
            let state = end.stack.state();
            if first && state == State::Open || state == State::Ended {
                end.stack.close();
                end.due = self.now;
            }
        }
    }

    /// Exactly one event for each command, with the right verdict.
    fn audit(&self) -> Result<(), Violation> {
        let Some(told) = self.relay.told() else { return Ok(()) };
        let due: Vec<_> = self.plan.iter().map(|it| (it.request.clone(), !it.allowed)).collect();
        let after = told.iter().zip(&due).take_while(|(told, due)| told == due).count();
        if after == told.len() && after == due.len() {
            return Ok(());
        }
        Err(Violation::Audit {
            after,
            told: told.get(after).cloned(),
            due: due.get(after).cloned(),
        })
    }
}

/// What must leave by each port.
fn lanes(scenario: &Scenario, plan: &[Exchange]) -> [Lane; 2] {
    let mut asked_by = 0;
    let answers = Order::new(plan.iter().map(|it| {
        asked_by += it.request.len();
        Pdu { bytes: it.answer.clone(), passes: it.allowed, asked_by }
    }));
    let allowed = plan.iter().filter(|exchange| exchange.allowed);
    let request = |it: &Exchange| Pdu { bytes: it.request.clone(), passes: true, asked_by: 0 };
    let requests = Order::new(allowed.map(request));
    let client = (scenario.client.address, scenario.client.port);
    let server = (scenario.server.address, scenario.server.port);
    let overlay = scenario.client.peer.unwrap_or(server);
    [
        Lane::new(OFFICE, (GATE_MAC[0], OFFICE_MAC), (overlay, client), answers),
        Lane::new(LINE, (GATE_MAC[1], PRESS_MAC), (Scenario::nat(), server), requests),
    ]
}

/// Which bytes pass from one end to the other: those of allowed exchanges.
fn ledgers(plan: &[Exchange]) -> [Ledger; 2] {
    let requests = |all: bool| {
        let some = plan.iter().filter(move |exchange| all || exchange.allowed);
        Share::new(some.map(|exchange| (exchange.request.len(), exchange.allowed)))
    };
    let answers = |all: bool| {
        let some = plan.iter().filter(move |exchange| all || exchange.allowed);
        Share::new(some.map(|exchange| (exchange.answer.len(), exchange.allowed)))
    };
    [
        Ledger::new(OFFICE, requests(true), requests(false)),
        Ledger::new(LINE, answers(false), answers(true)),
    ]
}
