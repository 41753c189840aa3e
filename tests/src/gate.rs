//! An engine with its clock and its events.

use std::sync::Arc;
use std::time::Duration;

use wicketgate_dissectors::Space;
use wicketgate_engine::event::EndCause;
use wicketgate_engine::{Engine, Event, EventKind, EventRing, Limits, Reason, Sessions, Verdict};
use wicketgate_packet::{FrameBuf, Outbox, PortId, Time};
use wicketgate_ports::{HeapFrame, Pool};

use crate::frame::{Packet, Seen};
use crate::plant::{GATE_MAC, LINE, OFFICE, OFFICE_MAC, PRESS_MAC, Plant};

/// The gate of one test.
pub struct Gate {
    /// What is tested.
    pub engine: Engine,
    /// Its sessions.
    pub sessions: Arc<Sessions>,
    /// Its ring; emptied into `log` after each frame unless `holds_events`.
    pub events: EventRing,
    /// Whether nobody reads the ring.
    pub holds_events: bool,
    /// All events so far.
    pub log: Vec<Event>,
    /// The time of the next frame.
    pub now: Time,
    /// What came and what became of it, where somebody wants to know.
    pub trail: Option<Vec<Step>>,
    frame: HeapFrame,
    frames: u64,
    own: Sent,
}

/// Frames of the gate's own: by which port, and the frame.
#[derive(Clone, Debug, Default)]
pub struct Sent(pub Vec<(PortId, Vec<u8>)>);

impl Outbox for Sent {
    fn send(&mut self, egress: PortId, frame: &[u8]) -> bool {
        self.0.push((egress, frame.to_vec()));
        true
    }
}

/// One frame that came, and what became of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The port that it came by.
    pub port: PortId,
    /// Its bytes.
    pub came: Vec<u8>,
    /// The verdict, and what left.
    pub outcome: Outcome,
}

/// What became of one frame.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// The frame that came in as it left, if it did.
    pub left: Option<Vec<u8>>,
    /// What the gate had to say by itself: by which port, and the frame.
    pub own: Vec<(PortId, Vec<u8>)>,
}

/// What the audit is told of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its name.
    pub name: &'static str,
    /// Its function code.
    pub function: u16,
    /// Space, start, count.
    pub object: (Space, u32, u32),
    /// The tag, where that is the space.
    pub tag: String,
    /// Why not.
    pub denied: Option<Reason>,
    /// The rule that decided.
    pub rule: Option<u32>,
    /// The PDU.
    pub payload: Vec<u8>,
}

/// Monday 2026-03-02 08:00:00 UTC.
pub const START: Time = Time::from_nanos(1_772_438_400_000_000_000);

impl Gate {
    /// A gate with room for everything.
    pub fn new(plant: &Plant) -> Gate {
        Gate::with_limits(plant, Limits { flows: 256, streams: 64, ..Limits::default() }, 64)
    }

    /// A gate with this much room.
    pub fn with_limits(plant: &Plant, limits: Limits, sessions: usize) -> Gate {
        let sessions = Arc::new(Sessions::new(sessions));
        Gate {
            engine: Engine::new(limits, plant.tables(1), sessions.clone()),
            sessions,
            events: EventRing::new(1024),
            holds_events: false,
            log: Vec::new(),
            now: START,
            trail: None,
            frame: Pool::new(1).take().unwrap(),
            frames: 0,
            own: Sent::default(),
        }
    }

    /// A frame comes from the office.
    pub fn office(&mut self, packet: &Packet) -> Outcome {
        let macs = (GATE_MAC[0], OFFICE_MAC);
        self.raw(OFFICE, &Packet { macs, ..packet.clone() }.bytes())
    }

    /// A frame comes from the press line.
    pub fn line(&mut self, packet: &Packet) -> Outcome {
        let macs = (GATE_MAC[1], PRESS_MAC);
        self.raw(LINE, &Packet { macs, ..packet.clone() }.bytes())
    }

    /// These bytes come by this port. Every frame must end in one verdict, counted once.
    pub fn raw(&mut self, port: PortId, bytes: &[u8]) -> Outcome {
        self.frame.fill(&[], bytes);
        let verdict = {
            let (frame, own) = (&mut self.frame, &mut self.own);
            self.engine.process(self.now, port, frame, own, &mut self.events)
        };
        self.frames += 1;
        assert_eq!(self.engine.counters().frames(), self.frames, "each frame is counted once");
        let left = match verdict {
            Verdict::Forward(_) | Verdict::Answer(..) => Some(self.frame.bytes().to_vec()),
            Verdict::Kept | Verdict::Deny(_) | Verdict::Drop(_) => None,
        };
        self.read_events();
        let outcome = Outcome { verdict, left, own: std::mem::take(&mut self.own.0) };
        if let Some(trail) = &mut self.trail {
            trail.push(Step { port, came: bytes.to_vec(), outcome: outcome.clone() });
        }
        outcome
    }

    /// Moves the ring's events into the log.
    pub fn read_events(&mut self) {
        while let Some(event) = (!self.holds_events).then(|| self.events.pop()).flatten() {
            self.log.push(event);
        }
    }

    /// Time passes.
    pub fn wait(&mut self, duration: Duration) {
        self.now = self.now + duration;
    }

    /// Time passes, and the gate does what is due meanwhile: what it sends.
    pub fn pass(&mut self, duration: Duration) -> Vec<(PortId, Vec<u8>)> {
        let end = self.now + duration;
        while self.engine.next_deadline() <= end {
            self.now = self.now.max(self.engine.next_deadline());
            self.engine.expire(self.now, &mut self.own, &mut self.events);
        }
        self.now = end;
        self.read_events();
        std::mem::take(&mut self.own.0)
    }

    /// Looks at the whole table for what is too old.
    pub fn age(&mut self) {
        for _ in 0..64 {
            self.engine.age(self.now, &mut self.events);
            self.read_events();
        }
    }

    /// The commands told so far.
    pub fn commands(&self) -> Vec<Told> {
        self.log.iter().filter_map(told).collect()
    }

    /// The last command told.
    pub fn last_command(&self) -> Told {
        self.commands().pop().expect("no command was told")
    }

    /// Why flows ended, in order.
    pub fn flow_ends(&self) -> Vec<EndCause> {
        let end = |event: &Event| match event.kind {
            EventKind::FlowEnd { cause, .. } => Some(cause),
            _ => None,
        };
        self.log.iter().filter_map(end).collect()
    }

    /// Why sessions ended, in order.
    pub fn session_ends(&self) -> Vec<(u64, EndCause)> {
        let end = |event: &Event| match event.kind {
            EventKind::SessionEnd { cause, .. } => Some((event.session, cause)),
            _ => None,
        };
        self.log.iter().filter_map(end).collect()
    }

    /// The sessions that started.
    pub fn session_starts(&self) -> Vec<u64> {
        let starts = self.log.iter().filter(|e| matches!(e.kind, EventKind::SessionStart));
        starts.map(|event| event.session).collect()
    }

    /// The reasons of refused admissions.
    pub fn refusals(&self) -> Vec<Reason> {
        let reason = |event: &Event| match event.kind {
            EventKind::Refused { reason, .. } => Some(reason),
            _ => None,
        };
        self.log.iter().filter_map(reason).collect()
    }
}

fn told(event: &Event) -> Option<Told> {
    let EventKind::Command(command) = &event.kind else { return None };
    Some(Told {
        name: command.name,
        function: command.function,
        object: command.object,
        tag: command.tag.as_str().to_owned(),
        denied: command.denied,
        rule: command.rule.map(|rule| rule.0),
        payload: command.payload[..usize::from(command.payload_len)].to_vec(),
    })
}

impl Outcome {
    /// The frame that left, checked whole.
    ///
    /// # Panics
    /// Nothing left.
    pub fn seen(&self) -> Seen {
        Seen::read(self.left.as_ref().unwrap_or_else(|| panic!("nothing left: {:?}", self.verdict)))
    }

    /// Everything that left by this port, checked whole.
    pub fn seen_on(&self, port: PortId) -> Vec<Seen> {
        let own = self.own.iter().filter(|(egress, _)| *egress == port);
        let same = self.left.iter().filter(|_| match self.verdict {
            Verdict::Forward(egress) | Verdict::Answer(egress, _) => egress == port,
            Verdict::Kept | Verdict::Deny(_) | Verdict::Drop(_) => false,
        });
        same.chain(own.map(|(_, frame)| frame)).map(|frame| Seen::read(frame)).collect()
    }

    /// The payload of all that left by this port, in order.
    pub fn payload_on(&self, port: PortId) -> Vec<u8> {
        self.seen_on(port).into_iter().flat_map(|seen| seen.payload).collect()
    }

    /// Why it did not pass.
    pub fn reason(&self) -> Option<Reason> {
        match self.verdict {
            Verdict::Forward(_) | Verdict::Kept => None,
            Verdict::Answer(_, reason) | Verdict::Deny(reason) | Verdict::Drop(reason) => {
                Some(reason)
            }
        }
    }

    /// Whether it left by this port: itself, or what it says in a frame of the gate's own.
    pub fn left_by(&self, port: PortId) -> bool {
        let own = self.verdict == Verdict::Kept && self.own.iter().any(|(by, _)| *by == port);
        self.verdict == Verdict::Forward(port) || own
    }

    /// Asserts that it was refused for this reason and nothing left.
    pub fn refused(&self, reason: Reason) {
        assert_eq!(self.reason(), Some(reason), "{:?}", self.verdict);
        assert!(self.left.is_none());
    }
}
