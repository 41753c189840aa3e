//! Requests: what they ask for.

use super::frame::{Chunk, Kind, Security, place};
use super::items::{Nodes, Target, identity};
use super::request::ResponseHeader;
use super::services::{
    self, ACTIVATE_SESSION, CALL, CLOSE_SECURE_CHANNEL, OPAQUE, OPEN_SECURE_CHANNEL, OPEN_SECURED,
    SERVICE_FAULT,
};
use super::{Reader, Request};
use crate::{Class, Command, Item, Items, Key, NotTheProtocol, Protocol, Space};

/// Stand in a [`Key`] for what is not a service: Hello and its answer, opening and its answer.
const HELLO: u16 = 1;
const OPEN: u16 = 2;
const MESSAGE: u16 = 3;

/// What pairs a request with its response: the request's identifier, which is echoed (6.7.2.4).
pub fn key(pdu: &[u8]) -> Option<Key> {
    let chunk = Chunk::read(pdu)?;
    let (function, answered) = match chunk.kind {
        Kind::Hello | Kind::Acknowledge => (HELLO, true),
        // At most one is under way; where it is encrypted, nothing else is known.
        Kind::Open => (OPEN, true),
        Kind::Message => (MESSAGE, true),
        Kind::Close => (MESSAGE, false),
        Kind::Error | Kind::ReverseHello => return None,
    };
    let is_numbered = function == MESSAGE;
    let number = || Reader::new(chunk.body.get(12..).unwrap_or_default()).u32();
    let transaction = if is_numbered { u64::from(number()?) } else { 0 };
    Some(Key { transaction, function, answered })
}

/// What the request `pdu` asks for.
///
/// Of a request with several items the one of greatest [weight](Class::weight) gives the command its class.
/// What cannot be read is [`OPAQUE`], of class unknown: encrypted, or not OPC UA at all.
///
/// # Errors
/// It is no request, or only a part of one; or its header can be read, and the rest contradicts that.
pub fn command(pdu: &[u8]) -> Result<Command<'_>, NotTheProtocol> {
    let chunk = Chunk::whole(pdu)?;
    match chunk.kind {
        Kind::Message if chunk.place != place::FINAL => Err(NotTheProtocol::Inconsistent),
        Kind::Hello => hello(&chunk),
        Kind::Open => open(&chunk),
        Kind::Message | Kind::Close => message(&chunk),
        Kind::Acknowledge | Kind::Error | Kind::ReverseHello => Err(NotTheProtocol::Function),
    }
}

/// What the request `pdu` of a channel with a security policy asks for: of its services nothing is known.
/// Where they are only signed they could be read, but whoever opens such a channel to somebody opens it
/// whole: a refusal could not be put in.
///
/// # Errors
/// Those of [`command`].
pub fn sealed(pdu: &[u8]) -> Result<Command<'_>, NotTheProtocol> {
    // Of a long one the front is enough.
    match Chunk::read(pdu).ok_or(NotTheProtocol::Envelope)?.kind {
        Kind::Message | Kind::Close => Ok(opaque()),
        _ => command(pdu),
    }
}

fn plain<'a>(function: u16, class: Class, name: &'static str, items: Items<'a>) -> Command<'a> {
    Command { protocol: Protocol::Opcua, class, function, sub: None, unit: 0, name, items }
}

/// Version, buffers, limits, and a URL of at most 4096 bytes (7.1.2.3).
fn hello<'a>(chunk: &Chunk<'a>) -> Result<Command<'a>, NotTheProtocol> {
    let mut reader = Reader::new(chunk.body);
    let url = reader.skip(5 * 4).and_then(|()| reader.string());
    if url.is_none() || !reader.is_at_end() {
        return Err(NotTheProtocol::Inconsistent);
    }
    let items = Items::one(Item::bare(Class::Session));
    Ok(plain(OPEN_SECURE_CHANNEL, Class::Session, "hello", items))
}

/// Without a policy the body is read, with one it is encrypted (6.7.4).
fn open<'a>(chunk: &Chunk<'a>) -> Result<Command<'a>, NotTheProtocol> {
    let security = Security::take(&mut Reader::new(chunk.body));
    let security = security.ok_or(NotTheProtocol::Inconsistent)?;
    let item = |class| Item {
        space: Space::Channel,
        count: 1,
        target: Some(Target::Channel {
            policy: security.name(),
            certificate: security.certificate,
        }),
        ..Item::bare(class)
    };
    if security.is_secured() {
        let items = Items::one(item(Class::Unknown));
        return Ok(plain(OPEN_SECURED, Class::Unknown, "open-secured-channel", items));
    }
    let request = Request::read(chunk).ok_or(NotTheProtocol::Inconsistent)?;
    if request.service != OPEN_SECURE_CHANNEL {
        return Err(NotTheProtocol::Function);
    }
    let mut body = request.body;
    let mode = body.skip(4 + 4).and_then(|()| body.u32());
    let rest = body.string().and_then(|_nonce| body.u32());
    if rest.is_none() || !body.is_at_end() {
        return Err(NotTheProtocol::Inconsistent);
    }
    // Without a policy there is only the mode None (part 4, 7.20).
    if mode != Some(1) {
        return Err(NotTheProtocol::Value);
    }
    let items = Items::one(item(Class::Session));
    Ok(plain(OPEN_SECURE_CHANNEL, Class::Session, "open-secure-channel", items))
}

#[inline]
fn message<'a>(chunk: &Chunk<'a>) -> Result<Command<'a>, NotTheProtocol> {
    let Some(request) = Request::read(chunk) else { return Ok(opaque()) };
    let closes = chunk.kind == Kind::Close;
    if matches!(request.service, CLOSE_SECURE_CHANNEL | OPEN_SECURE_CHANNEL) != closes {
        return Err(NotTheProtocol::Function);
    }
    let Some(service) = services::find(request.service) else {
        let items = Items::one(Item::bare(Class::Unknown));
        return Ok(plain(request.service, Class::Unknown, "unknown", items));
    };
    if request.service == ACTIVATE_SESSION {
        return activate(&request, service);
    }
    let nodes = Nodes::of(&request, service)?;
    // Most requests name one node, which is read here once and for all.
    if let Some(one) = nodes.as_ref().filter(|nodes| nodes.count() == 1) {
        let item = one.clone().only()?;
        return Ok(plain(service.request, item.class, service.name, Items::one(item)));
    }
    several(nodes, service)
}

/// A request of several items, or of none.
fn several<'a>(
    nodes: Option<Nodes<'a>>,
    service: &services::Service,
) -> Result<Command<'a>, NotTheProtocol> {
    let class = nodes.as_ref().map_or(Ok(None), Nodes::check)?;
    // Nothing to do: the device answers so (BadNothingToDo). It is what the service is.
    let items = match nodes.filter(|_| class.is_some()) {
        Some(nodes) => Items::Nodes(nodes),
        None => Items::one(Item::bare(service.class)),
    };
    Ok(plain(service.request, class.unwrap_or(service.class), service.name, items))
}

/// What is encrypted, or cannot be read for another reason.
fn opaque() -> Command<'static> {
    plain(OPAQUE, Class::Unknown, "opaque", Items::one(Item::bare(Class::Unknown)))
}

/// Whether the request `pdu` was given up by its client.
pub fn is_aborted(pdu: &[u8]) -> bool {
    Chunk::read(pdu).is_some_and(|chunk| chunk.place == place::ABORT)
}

fn activate<'a>(
    request: &Request<'a>,
    service: &services::Service,
) -> Result<Command<'a>, NotTheProtocol> {
    let mut body = request.body;
    let found = identity(&mut body).filter(|_| body.is_at_end());
    let (token, certificate) = found.ok_or(NotTheProtocol::Inconsistent)?;
    let item = Item {
        space: Space::Identity,
        count: 1,
        target: Some(Target::Identity { token, certificate }),
        ..Item::bare(service.class)
    };
    Ok(plain(service.request, service.class, service.name, Items::one(item)))
}

/// Class and name of any PDU by its codes alone, of a response too.
pub fn by_code(pdu: &[u8]) -> (Class, &'static str) {
    let Some(chunk) = Chunk::read(pdu) else { return (Class::Unknown, "unknown") };
    match chunk.kind {
        Kind::Hello | Kind::Acknowledge => (Class::Session, "hello"),
        Kind::Error => (Class::Session, "error"),
        Kind::ReverseHello => (Class::Session, "reverse-hello"),
        Kind::Open => (Class::Session, "open-secure-channel"),
        Kind::Close => (Class::Session, "close-secure-channel"),
        Kind::Message => {
            let kind = type_of(&chunk).unwrap_or(0);
            let of = services::find(kind).or_else(|| services::of_response(kind));
            match of {
                Some(service) if service.request == CALL => (Class::Unknown, service.name),
                Some(service) => (service.class, service.name),
                None if kind == SERVICE_FAULT => (Class::Unknown, "service-fault"),
                None => (Class::Unknown, "opaque"),
            }
        }
    }
}

/// The type that the body of a MSG begins with.
pub(super) fn type_of(chunk: &Chunk<'_>) -> Option<u16> {
    let mut reader = Reader::new(chunk.body.get(16..)?);
    u16::try_from(reader.node()?.standard()?).ok()
}

/// The header of the response in a chunk; `None` where it cannot be read.
pub(super) fn response_header(chunk: &Chunk<'_>) -> Option<ResponseHeader> {
    ResponseHeader::take(&mut Reader::new(chunk.body.get(16..)?))
}
