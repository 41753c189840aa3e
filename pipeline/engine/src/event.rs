//! What the audit is told.
//!
//! Events have a fixed size and go through a bounded ring; the engine never waits for the audit.
//! Their names and numbers are resolved into words by control, which has the tables.

use core::fmt::{self, Write};
use core::net::Ipv4Addr;

use wicketgate_dissectors::{Class, Item, Protocol, Space};
use wicketgate_packet::Time;

use crate::flow::Flow;
use crate::operation::Operation;
use crate::tables::{AssetId, EndpointId, GrantId, RuleId, SubjectId};
use crate::verdict::Reason;

/// Bytes of a PDU kept in an event: a whole Modbus ADU.
pub const PAYLOAD: usize = 260;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// When: the arrival of the frame that made it happen.
    pub time: Time,
    /// The session it belongs to; 0 where there is none (a refused admission).
    pub session: u64,
    /// The session's grant.
    pub grant: Option<GrantId>,
    /// Who asked, by address.
    pub source: Ipv4Addr,
    /// The port it was asked from; 0 for ICMP.
    pub source_port: u16,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    /// What lies in a slot before the first event.
    const EMPTY: Event = Event {
        time: Time::EPOCH,
        session: 0,
        grant: None,
        source: Ipv4Addr::UNSPECIFIED,
        source_port: 0,
        kind: EventKind::Command(CommandEvent::EMPTY),
    };

    /// Makes this the event of a command in `flow`, the command still to be told.
    pub(crate) fn command_of(&mut self, time: Time, flow: &Flow) -> Option<&mut CommandEvent> {
        (self.time, self.session, self.grant) = (time, flow.session.0, Some(flow.grant));
        (self.source, self.source_port) = flow.client;
        if !matches!(self.kind, EventKind::Command(_)) {
            self.kind = EventKind::Command(CommandEvent::EMPTY);
        }
        match &mut self.kind {
            EventKind::Command(command) => Some(command),
            _ => None,
        }
    }

    pub(crate) fn operation_start(time: Time, flow: &Flow, operation: Operation) -> Event {
        Event::of(time, flow, EventKind::OperationStart { grant: operation.grant })
    }

    pub(crate) fn operation_end(time: Time, flow: &Flow, operation: Operation) -> Event {
        Event::of(time, flow, EventKind::OperationEnd { grant: operation.grant })
    }

    /// Something that happened in a flow.
    pub fn of(time: Time, flow: &Flow, kind: EventKind) -> Event {
        Event {
            time,
            session: flow.session.0,
            grant: Some(flow.grant),
            source: flow.client.0,
            source_port: flow.client.1,
            kind,
        }
    }
}

/// The kinds of events.
#[expect(
    clippy::large_enum_variant,
    reason = "slots of a ring have one size, and a box would be an allocation a command"
)]
#[derive(Clone, Debug)]
pub enum EventKind {
    /// A grant came into use.
    SessionStart,
    /// A session ended.
    SessionEnd {
        /// Why.
        cause: EndCause,
        /// What it did.
        totals: Totals,
    },
    /// A flow was opened in a session.
    FlowStart {
        /// The door.
        endpoint: EndpointId,
        /// The port that the flow wears towards the asset.
        nat_port: u16,
    },
    /// A flow ended.
    FlowEnd {
        /// The door.
        endpoint: EndpointId,
        /// Why.
        cause: EndCause,
        /// What it did.
        totals: Totals,
    },
    /// An operation of several steps began in a flow.
    OperationStart {
        /// The grant that it began by, by control's number.
        grant: u64,
    },
    /// It is done, or the flow is over in the middle of it.
    OperationEnd {
        /// The grant that it began by.
        grant: u64,
    },
    /// The device opened a connection of implicit I/O that was asked for in a flow.
    IoStart {
        /// Its identifiers: what datagrams to the asset bear, and those to the client.
        ids: [u32; 2],
    },
    /// It is over.
    IoEnd {
        /// Its identifiers, in the same order.
        ids: [u32; 2],
        /// Why.
        cause: IoEndCause,
    },
    /// Somebody asked for a flow and did not get it.
    Refused {
        /// Who it is, where somebody is known by that address, MAC and port.
        subject: Option<SubjectId>,
        /// The asset, where the address is one's.
        asset: Option<AssetId>,
        /// The address asked for.
        destination: Ipv4Addr,
        /// The port asked for.
        port: u16,
        /// Why not.
        reason: Reason,
    },
    /// A command was judged.
    Command(CommandEvent),
}

/// A judged command.
#[derive(Clone, Debug)]
pub struct CommandEvent {
    /// The door it was asked at.
    pub endpoint: EndpointId,
    /// The protocol it was spoken in.
    pub protocol: Protocol,
    /// Its class.
    pub class: Class,
    /// Its name.
    pub name: &'static str,
    /// Its function code.
    pub function: u16,
    /// Its sub-function code.
    pub sub: Option<u16>,
    /// Its unit.
    pub unit: u8,
    /// The first item's space, start and count; of a two-range command the written one.
    pub object: (Space, u32, u32),
    /// The name of a tag, a node, a method, a policy or a kind of user, where that is the space.
    pub tag: Label,
    /// `None` where it was forwarded; else why not.
    pub denied: Option<Reason>,
    /// Forwarded only because the grant observes: this is what the policy would have said.
    pub observed: bool,
    /// The rule that allowed it, or the one that came nearest.
    pub rule: Option<RuleId>,
    /// Bytes of the PDU; those behind `payload_len` have no meaning.
    pub payload: [u8; PAYLOAD],
    /// How many of them count.
    pub payload_len: u16,
}

impl CommandEvent {
    const EMPTY: CommandEvent = CommandEvent {
        endpoint: EndpointId(0),
        protocol: Protocol::Tcp,
        class: Class::Unknown,
        name: "",
        function: 0,
        sub: None,
        unit: 0,
        object: (Space::None, 0, 0),
        tag: Label::EMPTY,
        denied: None,
        observed: false,
        rule: None,
        payload: [0; PAYLOAD],
        payload_len: 0,
    };

    /// Keeps as much of the PDU as fits.
    pub(crate) fn set_payload(&mut self, pdu: &[u8]) {
        let len = pdu.len().min(PAYLOAD);
        if let (Some(to), Some(from)) = (self.payload.get_mut(..len), pdu.get(..len)) {
            to.copy_from_slice(from);
        }
        self.payload_len = len as u16;
    }
}

/// The name of what a command touches, as much of it as fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    bytes: [u8; Label::MOST],
    len: u8,
}

impl Label {
    /// Bytes of a name that are kept: two names of a Logix controller, 40 letters each, and indices.
    pub const MOST: usize = 96;

    /// No name.
    pub const EMPTY: Label = Label { bytes: [0; Label::MOST], len: 0 };

    /// The name of the item, where it has one.
    pub fn of(item: Option<Item<'_>>) -> Label {
        let mut label = Label::EMPTY;
        if let Some(item) = item.filter(Item::is_named) {
            // What does not fit is left out; nothing else can fail.
            let _ = write!(label, "{}", item.label());
        }
        label
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The name; empty where there is none.
    pub fn as_str(&self) -> &str {
        let name = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        str::from_utf8(name).unwrap_or_default()
    }
}

impl Write for Label {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let start = usize::from(self.len);
        let room = self.bytes.get_mut(start..).unwrap_or_default();
        let fits = text.floor_char_boundary(room.len());
        if let Some((to, from)) = room.get_mut(..fits).zip(text.as_bytes().get(..fits)) {
            to.copy_from_slice(from);
        }
        self.len = (start + fits) as u8;
        if fits == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Why a session or flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndCause {
    /// Both ends closed it.
    Closed,
    /// One end reset it.
    Reset,
    /// Nothing came for longer than its timeout.
    Idle,
    /// Its grant's time is over.
    Expired,
    /// It was revoked.
    Revoked,
    /// The policy changed and no longer gives it.
    PolicyChanged,
    /// Its bytes were not the endpoint's protocol.
    NotTheProtocol,
    /// A command was refused, and the rule or the protocol has no other way to say so.
    Denied,
    /// A PDU was never completed, what the gate owed could not be delivered, or more corrections were
    /// outstanding than it keeps.
    Stalled,
    /// The gate stops, or the capture is at its end.
    Shutdown,
}

impl EndCause {
    /// The word used in audit events.
    pub const fn name(self) -> &'static str {
        match self {
            EndCause::Closed => "closed",
            EndCause::Reset => "reset",
            EndCause::Idle => "idle",
            EndCause::Expired => "expired",
            EndCause::Revoked => "revoked",
            EndCause::PolicyChanged => "policy-changed",
            EndCause::NotTheProtocol => "not-the-protocol",
            EndCause::Denied => "denied",
            EndCause::Stalled => "stalled",
            EndCause::Shutdown => "shutdown",
        }
    }
}

/// Why a connection of implicit I/O ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoEndCause {
    /// The device said that it has closed it.
    Closed,
    /// Nothing came one of its ways for longer than both ends agreed on.
    Silent,
    /// Its session, or what gave its Forward Open, is no more.
    Revoked,
    /// The TCP connection that it was opened in is over.
    FlowEnded,
    /// Another one was opened that has its name or an identifier of it.
    Replaced,
}

impl IoEndCause {
    /// All of them.
    pub const ALL: [IoEndCause; 5] = [
        IoEndCause::Closed,
        IoEndCause::Silent,
        IoEndCause::Revoked,
        IoEndCause::FlowEnded,
        IoEndCause::Replaced,
    ];

    /// The word used in audit events.
    pub const fn name(self) -> &'static str {
        match self {
            IoEndCause::Closed => "io-closed",
            IoEndCause::Silent => "io-silent",
            IoEndCause::Revoked => "io-revoked",
            IoEndCause::FlowEnded => "io-flow-ended",
            IoEndCause::Replaced => "io-replaced",
        }
    }
}

impl From<EndCause> for IoEndCause {
    /// Why it ends with its opener's flow.
    fn from(flow: EndCause) -> IoEndCause {
        match flow {
            EndCause::Expired | EndCause::Revoked | EndCause::PolicyChanged => IoEndCause::Revoked,
            _ => IoEndCause::FlowEnded,
        }
    }
}

/// What went through a flow or session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Frames forwarded, both ways.
    pub frames: u64,
    /// Bytes of these frames.
    pub bytes: u64,
    /// Commands judged.
    pub commands: u64,
    /// Commands refused.
    pub denied: u64,
}

/// What the gate has sent by itself for one frame or at one deadline; each a bounded number of segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Frames.
    pub(crate) frames: u32,
    /// Their bytes.
    pub(crate) bytes: u32,
}

impl From<Sent> for Totals {
    fn from(sent: Sent) -> Totals {
        Totals { frames: sent.frames.into(), bytes: sent.bytes.into(), ..Totals::default() }
    }
}

/// Whose event it is, when room runs out (DESIGN 5): people are refused first, then what machines
/// with a conduit write, last what they read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Logins and their commands.
    People,
    /// A conduit's commands that change something.
    MachineWrite,
    /// A conduit's commands that only look.
    MachineRead,
}

impl Totals {
    /// Adds what one more frame did.
    pub fn add(&mut self, more: Totals) {
        self.frames += more.frames;
        self.bytes += more.bytes;
        self.commands += more.commands;
        self.denied += more.denied;
    }
}

/// A bounded ring of events between one engine and one reader.
///
/// Events are written and read where they lie: a command's is 400 bytes long, and copying it would
/// cost more than judging the command. The last slots are kept for essential flows: see
/// [`Standing`].
#[derive(Debug)]
pub struct EventRing {
    slots: Box<[Event]>,
    /// The oldest event's number; slots are counted modulo their power-of-two count.
    head: usize,
    len: usize,
    lost: u64,
    /// The number of each event in its slot.
    numbers: Box<[u64]>,
    /// People have no room, whatever there is.
    closed_to_people: bool,
    /// The number of the last event, told or lost.
    number: u64,
}

impl EventRing {
    /// Slots that only essential flows may fill.
    pub const RESERVE: usize = 64;

    /// A ring of at least `capacity` slots and twice the reserve. The only allocation.
    pub fn new(capacity: usize) -> EventRing {
        let capacity = capacity.max(2 * EventRing::RESERVE).next_power_of_two();
        EventRing {
            slots: vec![Event::EMPTY; capacity].into(),
            head: 0,
            len: 0,
            lost: 0,
            numbers: vec![0; capacity].into(),
            closed_to_people: false,
            number: 0,
        }
    }

    /// Whether `count` events of this standing still fit.
    #[inline]
    pub fn has_room(&self, standing: Standing, count: usize) -> bool {
        let kept_back = match standing {
            Standing::People if self.closed_to_people => return false,
            Standing::People => EventRing::RESERVE,
            Standing::MachineWrite => EventRing::RESERVE / 2,
            Standing::MachineRead => 0,
        };
        self.len + kept_back + count <= self.slots.len()
    }

    /// Has people find no room (`true`), or what there is: where events do not get to the disk, what machines do
    /// has all the memory.
    pub fn close_to_people(&mut self, closed: bool) {
        self.closed_to_people = closed;
    }

    /// Adds an event; counted as lost where the ring is full, which callers prevent by asking
    /// [`EventRing::has_room`] before they let something happen.
    pub fn push(&mut self, event: Event) {
        if let Some(slot) = self.next_slot() {
            *slot = event;
        }
    }

    /// The slot of the next event, to be overwritten; `None`, and counted, where the ring is full.
    #[inline]
    pub(crate) fn next_slot(&mut self) -> Option<&mut Event> {
        if self.len == self.slots.len() {
            self.count_lost();
            return None;
        }
        let at = (self.head + self.len) & (self.slots.len() - 1);
        self.len += 1;
        self.number += 1;
        if let Some(number) = self.numbers.get_mut(at) {
            *number = self.number;
        }
        self.slots.get_mut(at)
    }

    /// Shows every event, oldest first, and takes it out.
    pub fn drain(&mut self, mut see: impl FnMut(&Event)) {
        while let Some(event) = self.oldest() {
            see(event);
            self.skip();
        }
    }

    /// Takes the oldest event, as a copy.
    pub fn pop(&mut self) -> Option<Event> {
        let event = self.oldest().cloned();
        self.skip();
        event
    }

    /// The same, with its number: 1, 2, 3, ... in the order in which events happened. Those that were lost have
    /// numbers too, so that a gap shows how many, and where.
    pub fn pop_numbered(&mut self) -> Option<(u64, Event)> {
        let number = self.numbers.get(self.head & (self.slots.len() - 1)).copied();
        Some((number.unwrap_or_default(), self.pop()?))
    }

    /// The events behind the one of this number that are still there, oldest first.
    pub fn told_since(&self, number: u64) -> impl Iterator<Item = &Event> {
        let behind = usize::try_from(self.number.saturating_sub(number)).unwrap_or(usize::MAX);
        let places = (self.len.saturating_sub(behind)..self.len)
            .map(|place| self.head.wrapping_add(place) & (self.slots.len() - 1));
        let is_behind = move |at: &usize| self.numbers.get(*at).is_some_and(|it| *it > number);
        places.filter(is_behind).filter_map(|at| self.slots.get(at))
    }

    /// The number of the last event, told or lost.
    pub fn number(&self) -> u64 {
        self.number
    }

    fn oldest(&self) -> Option<&Event> {
        if self.len == 0 { None } else { self.slots.get(self.head & (self.slots.len() - 1)) }
    }

    fn skip(&mut self) {
        let taken = self.len.min(1);
        self.head = self.head.wrapping_add(taken);
        self.len -= taken;
        // Begins anew where it began before: those slots are in the caches, the rest of the ring is in none.
        if self.len == 0 {
            self.head = 0;
        }
    }

    /// Whether it is time to take some out.
    pub fn is_half_full(&self) -> bool {
        self.len * 2 > self.slots.len()
    }

    /// Counts an event that is not even tried, because what it would tell of was refused.
    pub fn count_lost(&mut self) {
        self.lost += 1;
        self.number += 1;
    }

    /// Events that found no room since the start.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_are_lost_have_numbers_too() {
        let mut ring = EventRing::new(0);
        let slots = 2 * EventRing::RESERVE as u64;
        (0..slots + 3).for_each(|_| ring.push(Event::EMPTY));
        ring.count_lost();
        assert_eq!((ring.lost(), ring.number()), (4, slots + 4));
        assert_eq!(ring.pop_numbered().map(|(number, _)| number), Some(1));
        ring.push(Event::EMPTY);
        assert_eq!(ring.told_since(slots + 4).count(), 1);
        assert_eq!(ring.told_since(slots - 2).count(), 3, "some between were lost");
        let told: Vec<u64> =
            std::iter::from_fn(|| ring.pop_numbered()).map(|(number, _)| number).collect();
        assert_eq!(told, (2..=slots).chain([slots + 5]).collect::<Vec<_>>());
    }

    #[test]
    fn a_ring_that_is_closed_to_people_has_room_for_machines() {
        let mut ring = EventRing::new(0);
        ring.close_to_people(true);
        let room = |ring: &EventRing| {
            [Standing::People, Standing::MachineWrite, Standing::MachineRead]
                .map(|standing| ring.has_room(standing, 1))
        };
        assert_eq!(room(&ring), [false, true, true]);
        ring.close_to_people(false);
        assert_eq!(room(&ring), [true; 3]);
    }
}
