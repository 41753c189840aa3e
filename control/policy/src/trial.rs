//! What the gate would say to one command: asked of the compiled tables, by the engine's own lookups
//! and matcher, so that no second reading of a policy can differ from the first.

use std::net::Ipv4Addr;

use wicketgate_dissectors::Protocol;
use wicketgate_engine::tables::{AssetId, EndpointId, Grant, Mac, RuleId, Tables};
use wicketgate_engine::{Reason, may_open};
use wicketgate_packet::{PortId, Time};

use crate::compile::Login;
use crate::model::{Conduit, Factor};

/// What is asked of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// To be let in; of ICMP, to be answered.
    Connect,
    /// This request PDU, on a connection that it opens for itself.
    Pdu(Box<[u8]>),
}

/// Whom frames are from, as the engine sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The port they come in by.
    pub port: PortId,
    /// Their source MAC address.
    pub mac: Mac,
    /// Their source address.
    pub address: Ipv4Addr,
}

/// What the gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes, by this rule or conduit.
    Allowed(RuleId),
    /// No.
    Denied {
        /// The code that the audit would show.
        reason: Reason,
        /// The rule or conduit that came nearest.
        nearest: Option<RuleId>,
    },
}

impl Answer {
    /// Whether the command passes.
    pub fn is_allowed(self) -> bool {
        matches!(self, Answer::Allowed(_))
    }

    /// The rule or conduit that decided or came nearest.
    pub fn rule(self) -> Option<RuleId> {
        match self {
            Answer::Allowed(rule) => Some(rule),
            Answer::Denied { nearest, .. } => nearest,
        }
    }

    /// Why not.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Answer::Allowed(_) => None,
            Answer::Denied { reason, .. } => Some(reason),
        }
    }
}

impl Asker {
    /// The `index`th of the people of a trial, each with an address that no device can have: the
    /// loopback network's.
    pub fn person(index: u32) -> Asker {
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(127, 0, 0, 1).to_bits() + index);
        Asker { port: PortId(0), mac: [0; 6], address }
    }

    /// The machine of a conduit, as the conduit wants it.
    pub fn machine(conduit: &Conduit) -> Asker {
        let from = &conduit.from;
        let (port, mac) = (from.port.unwrap_or(PortId(0)), from.mac.unwrap_or_default());
        Asker { port, mac, address: from.address }
    }

    /// A login from here that does not end.
    pub fn login(self, user: &str, roles: &[String], factors: &[Factor]) -> Login {
        let (user, roles, factors) = (user.to_owned(), roles.to_vec(), factors.to_vec());
        Login { address: self.address, user, roles, factors, until: Time::NEVER }
    }
}

/// The asset's first door where `protocol` is spoken, or the one on that port.
pub fn door(
    tables: &Tables,
    asset: AssetId,
    protocol: Protocol,
    port: Option<u16>,
) -> Option<EndpointId> {
    let mut doors = tables.endpoints().iter().zip((0..).map(EndpointId));
    let fits = doors.find(|(door, _)| {
        door.asset == asset
            && door.protocol == protocol
            && port.is_none_or(|port| port == door.port)
    });
    fits.map(|(_, id)| id)
}

/// What the gate says to `request` at `now`, as the first thing on a new connection.
pub fn ask(
    tables: &Tables,
    asker: Asker,
    door: EndpointId,
    request: &Request,
    now: Time,
) -> Answer {
    let grant = tables.grant_for(asker.port, asker.mac, asker.address, door);
    let (grant, protocol) =
        (grant.and_then(|id| tables.grant(id)), tables.endpoint(door).map(|door| door.protocol));
    match grant.zip(protocol) {
        Some((grant, protocol)) => judge(grant, protocol, request, now),
        None => Answer::Denied { reason: Reason::NoGrant, nearest: None },
    }
}

fn judge(grant: &Grant, protocol: Protocol, request: &Request, now: Time) -> Answer {
    let said = match request {
        Request::Connect => connect(grant, now),
        Request::Pdu(pdu) => command(grant, protocol, pdu, now),
    };
    match may_open(grant, protocol, now) {
        Ok(()) => said,
        Err(reason) => Answer::Denied { reason, nearest: said.rule() },
    }
}

/// By the first rule that is open; else the first of all comes nearest.
fn connect(grant: &Grant, now: Time) -> Answer {
    let entries = grant.matcher.entries();
    let open = entries.iter().find(|entry| entry.window.is_none_or(|window| window.is_open(now)));
    match open {
        Some(entry) => Answer::Allowed(entry.rule),
        None => {
            let nearest = entries.first().map(|entry| entry.rule);
            Answer::Denied { reason: Reason::OutsideWindow, nearest }
        }
    }
}

fn command(grant: &Grant, protocol: Protocol, pdu: &[u8], now: Time) -> Answer {
    let Ok(command) = protocol.command(pdu) else {
        return Answer::Denied { reason: Reason::MalformedCommand, nearest: None };
    };
    match grant.matcher.judge(&command, now) {
        Ok(rule) => Answer::Allowed(rule),
        Err(denied) => Answer::Denied { reason: denied.reason, nearest: denied.nearest },
    }
}
