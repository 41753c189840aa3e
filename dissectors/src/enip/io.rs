//! Implicit I/O: data that both ends send each other in cycles, over UDP (CIP 3-4.4, ENIP 3-2).
//!
//! ```text
//!  0           2          4        6            10         14         16       18
//! +-----------+----------+--------+------------+----------+----------+--------+----------------+
//! | items = 2 | 0x8002   | 8      | connection | sequence | 0x00b1   | length | data: `length` |
//! +-----------+----------+--------+------------+----------+----------+--------+----------------+
//! ```
//!
//! A datagram says to which connection it belongs, and nothing of what that is. A Forward Open of transport
//! class 0 or 1 said so, over TCP.

use super::connections::innermost;
use super::cpf::{IO_FRONT, Item, each_more, item};
use super::frame::{Packet, code};
use super::message::{Reply, Request};
use super::open::{self, ForwardOpen, Kind, Triad, Way};
use super::services::{FORWARD_CLOSE, FORWARD_OPEN, LARGE_FORWARD_OPEN, UNCONNECTED_SEND};
use super::{Cpf, IO_PORT, REPLY, double, word};

/// A datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The connection that it belongs to.
    pub connection: u32,
    /// Which one of that connection it is; it rises, and wraps (ENIP 3-3).
    pub sequence: u32,
    /// Bytes of its data, a sequence count among them where the transport class has one.
    pub length: u16,
}

impl Datagram {
    /// Reads all of `bytes` as one datagram; `None` where it is none.
    pub fn read(bytes: &[u8]) -> Option<Datagram> {
        let (connection, rest) = double(bytes.strip_prefix(&IO_FRONT)?)?;
        let (sequence, mut rest) = double(rest)?;
        let data = Item::take(&mut rest).filter(|data| data.kind == item::CONNECTED)?;
        let length = data.data.len() as u16;
        rest.is_empty().then_some(Datagram { connection, sequence, length })
    }
}

/// What a request does to I/O connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It opens one.
    Open(Opening),
    /// It closes one.
    Close(Triad),
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The connection's name.
    pub triad: Triad,
    /// What datagrams to the originator are to bear, which chooses it (CIP 3-5.5.1.4).
    pub to_originator: u32,
    /// What is to travel: to the target, to the originator.
    pub ways: [Way; 2],
    /// How many intervals without a datagram end it.
    pub multiplier: u16,
    /// The UDP port at which the originator wants to hear.
    pub port: u16,
}

impl Opening {
    /// Whether anything is to travel. If not, it opens nothing: it configures, or asks (CIP 3-5.5.1.1).
    fn carries(&self) -> bool {
        self.ways.iter().any(|way| way.kind != Kind::Null)
    }

    /// Whether something of it is to go to many at once.
    pub fn is_multicast(&self) -> bool {
        self.ways.iter().any(|way| way.kind == Kind::Multicast)
    }
}

/// What the device said to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The connection's name.
    pub triad: Triad,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a connection that was to be opened, or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is open.
    Opened(Opened),
    /// It was not opened.
    Failed,
    /// It is closed.
    Closed,
}

/// What was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What datagrams bear: to the target, to the originator.
    pub ids: [u32; 2],
    /// Actual intervals in microseconds, in the same order.
    pub intervals: [u32; 2],
    /// The UDP port at which the device wants to hear.
    pub port: u16,
}

/// What the request `pdu` does to I/O connections; `None`: nothing.
pub fn asked(pdu: &[u8]) -> Option<Asked> {
    let packet = Packet::read(pdu).filter(Packet::is_message)?;
    let request = innermost(Cpf::read(&packet).ok()?.message)?;
    match request.service {
        FORWARD_OPEN | LARGE_FORWARD_OPEN => {
            let open = ForwardOpen::read(request.service, request.data).ok()?;
            let (triad, to_originator) = (open.triad, open.to_originator);
            let (ways, multiplier) = (open.ways, open.multiplier);
            let port = port_in(&packet, item::SOCKET_TO_ORIGINATOR);
            let opening = Opening { triad, to_originator, ways, multiplier, port };
            (open.is_io() && opening.carries()).then_some(Asked::Open(opening))
        }
        FORWARD_CLOSE => open::forward_close(request.data).ok().map(Asked::Close),
        _ => None,
    }
}

/// What the response `pdu` says to a Forward Open, of whatever kind that was, or of the success of a Forward Close;
/// `None`: nothing.
pub fn answered(pdu: &[u8]) -> Option<Answered> {
    let packet = Packet::read(pdu).filter(|packet| packet.is_message() && packet.status == 0)?;
    let reply = Reply::read(Cpf::read(&packet).ok()?.message).ok()?;
    let named = |outcome| Some(Answered { triad: Triad::take(&mut { reply.data })?, outcome });
    match (reply.service, reply.status) {
        (FORWARD_OPEN | LARGE_FORWARD_OPEN, 0) => opened(&packet, reply.data),
        (FORWARD_OPEN | LARGE_FORWARD_OPEN, _) => named(Outcome::Failed),
        (FORWARD_CLOSE, 0) => named(Outcome::Closed),
        _ => None,
    }
}

/// What the data of a success say.
fn opened(packet: &Packet<'_>, data: &[u8]) -> Option<Answered> {
    let (to_target, to_originator, triad, rest) = open::opened(data)?;
    let (there, rest) = double(rest)?;
    let (back, _) = double(rest)?;
    let port = port_in(packet, item::SOCKET_TO_TARGET);
    let opened = Opened { ids: [to_target, to_originator], intervals: [there, back], port };
    Some(Answered { triad, outcome: Outcome::Opened(opened) })
}

/// The UDP port in a packet's socket address item of this kind; [`IO_PORT`] where there is none (ENIP 3-3.9).
fn port_in(packet: &Packet<'_>, kind: u16) -> u16 {
    let mut port = 0;
    each_more(packet, |more| {
        if let (true, [_, _, high, low, ..]) = (more.kind == kind, more.data) {
            port = u16::from_be_bytes([*high, *low]);
        }
    });
    if port == 0 { IO_PORT } else { port }
}

/// Whether the PDU concerns nothing outside its own flow: it opens and closes no connection, and no address
/// stands in it. Asked of every packet, so of messages it knows the two shapes that nearly all have, and says no to
/// any other.
pub fn is_plain(pdu: &[u8]) -> bool {
    /// Two items: no address, and an unconnected message.
    const UNCONNECTED: [u8; 8] = [2, 0, 0, 0, 0, 0, 0xb2, 0];
    /// Two items: a connection; and behind that, a connected message.
    const CONNECTION: [u8; 6] = [2, 0, 0xa1, 0, 4, 0];
    const CONNECTED: [u8; 2] = [0xb1, 0];
    /// Length of the longest reply that cannot name a connection: its head, and less than a name.
    const NAMELESS: usize = 4 + 7;
    /// How the path to a tag begins.
    const SYMBOL: u8 = 0x91;
    let starts = |at: usize, with: &[u8]| pdu.get(at..).is_some_and(|rest| rest.starts_with(with));
    let message = match word(pdu) {
        Some((code::SEND_RR_DATA, _)) if starts(30, &UNCONNECTED) => 40,
        Some((code::SEND_UNIT_DATA, _)) if starts(30, &CONNECTION) && starts(40, &CONNECTED) => 46,
        Some((code::SEND_RR_DATA | code::SEND_UNIT_DATA | code::LIST_IDENTITY, _)) | None => {
            return false;
        }
        _ => return true,
    };
    let message = pdu.get(message..).unwrap_or_default();
    let &[service, _, first, ..] = message else { return false };
    match service & !REPLY {
        FORWARD_OPEN | LARGE_FORWARD_OPEN => false,
        FORWARD_CLOSE if service & REPLY != 0 => message.len() <= NAMELESS,
        // Codes that tags have, too; but behind a name, a path may lead to an object.
        FORWARD_CLOSE | UNCONNECTED_SEND => {
            let is_to_tag = || Request::read(message).is_ok_and(|request| request.target.is_tag);
            service & REPLY != 0 || first == SYMBOL && is_to_tag()
        }
        _ => true,
    }
}
