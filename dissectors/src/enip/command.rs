//! Requests: what they ask for.

use super::cpf::IO_FRONT;
use super::data::{Leaf, heavier};
use super::frame::{Packet, code};
use super::nested::{Services, carries_others};
use super::services::{self, FIRST_OF_CLASS};
use super::{Cpf, REPLY, Request};
use crate::{Class, Command, Item, Items, Key, NotTheProtocol, Protocol};

/// Added to encapsulation commands, so that none is taken for a service: services end at 0x7f.
pub const ENCAPSULATION: u16 = 0x100;

/// The function of implicit I/O, which has no code.
pub const IO_DATA: u16 = 0x200;

const IO_NAME: &str = "io-data";

/// What pairs a request with its response: of a connected message its sequence count, of any other the
/// sender context; both are echoed (ENIP 2-3.5, CIP 3-6.1).
///
/// `None` if `pdu` is shorter than a header, or implicit I/O.
pub fn key(pdu: &[u8]) -> Option<Key> {
    let packet = Packet::read(pdu).filter(|_| !is_io(pdu))?;
    let connected = packet.command == code::SEND_UNIT_DATA;
    let sequence = Cpf::read(&packet).ok().filter(|_| connected).and_then(|cpf| cpf.connection);
    Some(Key {
        transaction: sequence.map_or(u64::from_le_bytes(packet.context), |(_, n)| u64::from(n)),
        function: ENCAPSULATION.saturating_add(packet.command),
        answered: !matches!(packet.command, code::NOP | code::UNREGISTER_SESSION),
    })
}

/// What the request `pdu` asks for.
///
/// A message is what its services are; of several, the one of greatest [weight](Class::weight) gives
/// the command its class, name and function, and each is an item.
///
/// # Errors
/// The packet, a path or a length in it is not what it has to be, or services are nested too deep.
pub fn command(pdu: &[u8]) -> Result<Command<'_>, NotTheProtocol> {
    let packet = Packet::whole(pdu)?;
    if is_io(pdu) {
        return Ok(plain(IO_DATA, (Class::Unknown, IO_NAME)));
    }
    if packet.status != 0 {
        return Err(NotTheProtocol::Value);
    }
    if packet.is_message() {
        return message(Cpf::read(&packet)?.message);
    }
    let function = ENCAPSULATION.saturating_add(packet.command);
    Ok(plain(function, encapsulation(packet.command)))
}

/// A command that carries no message.
fn plain(function: u16, (class, name): (Class, &'static str)) -> Command<'static> {
    let items = Items::one(Item::bare(class));
    Command { protocol: Protocol::Enip, class, function, sub: None, unit: 0, name, items }
}

/// Whether this is a datagram of implicit I/O: it has no header.
pub(super) fn is_io(pdu: &[u8]) -> bool {
    pdu.starts_with(&IO_FRONT)
}

/// Class and name of any PDU by its codes alone, even of one that contradicts itself: of a reply as far
/// as its service tells without the object.
pub fn by_code(pdu: &[u8]) -> (Class, &'static str) {
    let Some(packet) = Packet::read(pdu) else { return encapsulation(u16::MAX) };
    if is_io(pdu) {
        return (Class::Unknown, IO_NAME);
    }
    if !packet.is_message() {
        return encapsulation(packet.command);
    }
    let message = Cpf::read(&packet).map(|cpf| cpf.message).unwrap_or_default();
    let service = match (Request::read(message), message.first()) {
        (Ok(request), _) => {
            let target = &request.target;
            services::find(request.service, target.class, target.is_tag)
        }
        (Err(_), Some(code)) if code & !REPLY < FIRST_OF_CLASS => {
            services::find(code & !REPLY, Some(0), false)
        }
        _ => &services::UNKNOWN,
    };
    (service.class, service.name)
}

/// Class and name of an encapsulation command by itself.
pub fn encapsulation(command: u16) -> (Class, &'static str) {
    match command {
        code::NOP => (Class::Session, "nop"),
        code::LIST_TARGETS => (Class::Discover, "list-targets"),
        code::LIST_SERVICES => (Class::Discover, "list-services"),
        code::LIST_IDENTITY => (Class::Discover, "list-identity"),
        code::LIST_INTERFACES => (Class::Discover, "list-interfaces"),
        code::REGISTER_SESSION => (Class::Session, "register-session"),
        code::UNREGISTER_SESSION => (Class::Session, "unregister-session"),
        _ => (Class::Unknown, "unknown"),
    }
}

/// What a message for the message router asks for.
#[inline]
fn message(message: &[u8]) -> Result<Command<'_>, NotTheProtocol> {
    let request = Request::read(message)?;
    if !carries_others(&request) {
        let leaf = Leaf::read(&request)?;
        return Ok(of_leaf(&leaf, Items::Few([Some(leaf.item), leaf.second()])));
    }
    let mut services = Services::of(message);
    let first = services.next_leaf().ok_or(NotTheProtocol::Inconsistent)??;
    let mut several = false;
    let mut most = first;
    while let Some(leaf) = services.next_leaf() {
        let leaf = leaf?;
        several = true;
        if leaf.item.class.weight() > most.item.class.weight() {
            most = leaf;
        }
    }
    let few = Items::Few([Some(first.item), first.second()]);
    let items = if several { Items::Services(Services::of(message)) } else { few };
    Ok(of_leaf(&most, items))
}

#[inline]
fn of_leaf<'a>(leaf: &Leaf<'a>, items: Items<'a>) -> Command<'a> {
    let (function, sub) = leaf.item.code.unwrap_or_default();
    let besides = leaf.besides.unwrap_or(leaf.item.class);
    Command {
        protocol: Protocol::Enip,
        class: heavier(leaf.item.class, besides),
        function,
        sub,
        unit: 0,
        name: leaf.name,
        items,
    }
}
