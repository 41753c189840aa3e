//! An asset's `protocols`: what is spoken on which port.
//!
//! A name opens the protocol's registered port. A protocol that more than one transport can carry
//! is opened on the first of them alone (Modbus: TCP); the other is asked for by name,
//! `modbus/udp`. So a rule never opens a transport that nobody thought of.

use wicketgate_dissectors::{Protocol, Transport};

use crate::diagnostic::{Report, Span};
use crate::model::Door;
use crate::reader::Node;
use crate::suggest;

/// Highest TCP or UDP port.
const MAX_PORT: u32 = 65535;

/// Reads `["modbus", "icmp"]` or `{ modbus = 1502, tcp = [22, 443], icmp = true }`. `None` if one
/// of them could not be read, which was reported.
pub(crate) fn read(node: Node<'_>, report: &mut Report<'_>) -> Option<Vec<Door>> {
    let read: Vec<(Span, Option<Vec<Door>>)> = if node.is_table() {
        let table = node.table("`protocols`", report)?;
        if table.entries().next().is_none() {
            report.error(table.span(), "`protocols` is empty");
        }
        let ports = |(name, span, ports): (&str, Span, Node<'_>)| {
            let doors = read_ports(name, &span, ports, report);
            (span, doors)
        };
        table.entries().map(ports).collect()
    } else {
        let elements = node.list(report)?;
        elements.into_iter().map(|name| (name.span(), registered(name, report))).collect()
    };
    let mut doors = Vec::new();
    for (span, read) in read {
        add(&mut doors, read?, &span, report);
    }
    Some(doors)
}

fn add(doors: &mut Vec<Door>, new: Vec<Door>, at: &Span, report: &mut Report<'_>) {
    for door in new {
        let same = |other: &Door| (other.transport, other.port) == (door.transport, door.port);
        if doors.iter().any(same) {
            report.error(at, format!("{door} is there already"));
        }
        warn_of_unread(door, at, report);
        doors.push(door);
    }
}

/// The door of a protocol on its registered port.
fn registered(node: Node<'_>, report: &mut Report<'_>) -> Option<Vec<Door>> {
    let name = node.text(report)?;
    let (protocol, transport) = carried(name, &node.span(), report)?;
    if transport == Transport::Icmp {
        return Some(vec![Door { protocol, transport, port: 0 }]);
    }
    let port = protocol.default_port();
    if port.is_none() {
        let help = format!("write protocols = {{ {name} = 22 }}, with the port that you mean");
        report.error_with(&node.span(), format!("`{name}` has no port of its own"), help);
    }
    Some(vec![Door { protocol, transport, port: port? }])
}

/// The doors of a protocol on the ports that are given.
fn read_ports(
    name: &str,
    span: &Span,
    node: Node<'_>,
    report: &mut Report<'_>,
) -> Option<Vec<Door>> {
    let (protocol, transport) = carried(name, span, report)?;
    if transport == Transport::Icmp {
        if node.under("icmp").flag(report)? {
            return Some(vec![Door { protocol, transport, port: 0 }]);
        }
        report.error(&node.span(), "leave `icmp` out where it is not spoken");
        return None;
    }
    let nodes = node.under("port").one_or_more(report)?;
    let door = |node: Node<'_>| {
        let port = u16::try_from(node.number(1..=MAX_PORT, report)?).ok()?;
        Some(Door { protocol, transport, port })
    };
    nodes.into_iter().map(door).collect()
}

/// `modbus`, `modbus/udp`: a protocol and what carries it.
fn carried(text: &str, span: &Span, report: &mut Report<'_>) -> Option<(Protocol, Transport)> {
    let (name, carrier) = text.split_once('/').map_or((text, None), |(n, c)| (n, Some(c)));
    let protocol = protocol(name, span, report)?;
    let mut transports = protocol.transports().iter().copied();
    let found = match carrier {
        None => transports.next(),
        Some(carrier) => transports.find(|transport| transport_name(*transport) == carrier),
    };
    if found.is_none() {
        let names: Vec<&str> =
            protocol.transports().iter().map(|transport| transport_name(*transport)).collect();
        let message = format!("`{text}`: {protocol} is carried by {}", names.join(" or "));
        report.error(span, message);
    }
    found.map(|transport| (protocol, transport))
}

/// The protocol of that name.
pub(crate) fn protocol(name: &str, span: &Span, report: &mut Report<'_>) -> Option<Protocol> {
    let found = Protocol::from_name(name);
    if found.is_none() {
        let help = suggest::known(name, Protocol::ALL.iter().map(|protocol| protocol.name()));
        report.error_with(span, format!("unknown protocol `{name}`"), help);
    }
    found
}

/// The word used in policy files.
pub(crate) const fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Icmp => "icmp",
    }
}

/// A port that the gate could read but is told not to.
fn warn_of_unread(door: Door, at: &Span, report: &mut Report<'_>) {
    let readable = |protocol: &&Protocol| {
        protocol.is_inspected()
            && protocol.default_port() == Some(door.port)
            && protocol.transports().contains(&door.transport)
    };
    let could = Protocol::ALL.iter().find(readable);
    if let Some(could) = could.filter(|_| !door.protocol.is_inspected()) {
        let help = format!("write `{could}` in place of `{}`", door.protocol);
        report.warn(at, format!("{door} is the port of {could}, whose commands pass unread"), help);
    }
}
