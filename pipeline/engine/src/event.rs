//! What the audit is told.
//!
//! Events have a fixed size and go through a bounded ring; the engine never waits for the audit.
//! Their names and numbers are resolved into words by control, which has the tables.

use core::net::Ipv4Addr;

use wicketgate_dissectors::{Class, Protocol, Space};
use wicketgate_packet::Time;

use crate::flow::Flow;
use crate::tables::{AssetId, EndpointId, GrantId, RuleId};
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
    /// Somebody asked for a flow and did not get it.
    Refused {
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
    /// `None` where it was forwarded; else why not.
    pub denied: Option<Reason>,
    /// Forwarded only because the grant observes: this is what the policy would have said.
    pub observed: bool,
    /// The rule that allowed it, or the one that came nearest.
    pub rule: Option<RuleId>,
    /// Bytes of the PDU.
    pub payload: [u8; PAYLOAD],
    /// How many of them count.
    pub payload_len: u16,
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
            EndCause::Shutdown => "shutdown",
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
/// Its last slots are kept for essential flows: see [`Standing`].
#[derive(Debug)]
pub struct EventRing {
    slots: Box<[Option<Event>]>,
    head: usize,
    len: usize,
    lost: u64,
}

impl EventRing {
    /// Slots that only essential flows may fill.
    pub const RESERVE: usize = 64;

    /// A ring of `capacity` slots, at least twice the reserve. The only allocation.
    pub fn new(capacity: usize) -> EventRing {
        let capacity = capacity.max(2 * EventRing::RESERVE);
        EventRing { slots: vec![None; capacity].into(), head: 0, len: 0, lost: 0 }
    }

    /// Whether an event of this standing still fits.
    #[inline]
    pub fn has_room(&self, standing: Standing) -> bool {
        let kept_back = match standing {
            Standing::People => EventRing::RESERVE,
            Standing::MachineWrite => EventRing::RESERVE / 2,
            Standing::MachineRead => 0,
        };
        self.len + kept_back < self.slots.len()
    }

    /// Adds an event; counted as lost where the ring is full, which callers prevent by asking
    /// [`EventRing::has_room`] before they let something happen.
    pub fn push(&mut self, event: Event) {
        let capacity = self.slots.len();
        match self.slots.get_mut((self.head + self.len) % capacity.max(1)) {
            Some(slot) if self.len < capacity => {
                *slot = Some(event);
                self.len += 1;
            }
            _ => self.lost += 1,
        }
    }

    /// Takes the oldest event.
    pub fn pop(&mut self) -> Option<Event> {
        let event = self.slots.get_mut(self.head)?.take()?;
        self.head = (self.head + 1) % self.slots.len().max(1);
        self.len -= 1;
        Some(event)
    }

    /// Whether it is time to take some out.
    pub fn is_half_full(&self) -> bool {
        self.len * 2 > self.slots.len()
    }

    /// Counts an event that is not even tried, because what it would tell of was refused.
    pub fn count_lost(&mut self) {
        self.lost += 1;
    }

    /// Events that found no room since the start.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}
