//! The services inside a message, one by one: Multiple Service Packet and Unconnected Send are opened.

use super::data::Leaf;
use super::message::{Packed, Request, Wrapped};
use super::services::{
    FORWARD_CLOSE, FORWARD_OPEN, LARGE_FORWARD_OPEN, MULTIPLE_SERVICE_PACKET, UNCONNECTED_SEND,
    object,
};
use crate::{Item, NotTheProtocol};

/// How deep messages may lie in messages.
pub const MAX_DEPTH: usize = 4;

/// How many services one message may carry, over all depths.
pub const MAX_SERVICES: u16 = 256;

/// Walks the services of a message in the order of the wire. Plain data, cheap to clone.
#[derive(Clone, Debug)]
pub struct Services<'a> {
    /// The message to be read next.
    next: Option<&'a [u8]>,
    /// Multiple Service Packets that are not at their end, outermost first, and what comes next there.
    open: [Option<(Packed<'a>, u16)>; MAX_DEPTH],
    depth: usize,
    left: u16,
    /// What the service read last does besides.
    second: Option<Item<'a>>,
}

impl<'a> Services<'a> {
    /// The services of `message`.
    pub const fn of(message: &'a [u8]) -> Services<'a> {
        let open = [None; MAX_DEPTH];
        Services { next: Some(message), open, depth: 0, left: MAX_SERVICES, second: None }
    }

    /// The next service that carries no other.
    ///
    /// # Errors
    /// It is not to be read, lies too deep, or is one too many. Nothing comes after an error.
    pub fn next_leaf(&mut self) -> Option<Result<Leaf<'a>, NotTheProtocol>> {
        loop {
            let message = self.next_message()?;
            match self.read(message) {
                Ok(None) => {}
                Ok(Some(leaf)) => return Some(Ok(leaf)),
                Err(error) => {
                    (self.next, self.depth) = (None, 0);
                    return Some(Err(error));
                }
            }
        }
    }

    /// What the next service does; for messages that were walked once without an error.
    pub fn next_item(&mut self) -> Option<Item<'a>> {
        if let Some(second) = self.second.take() {
            return Some(second);
        }
        let leaf = self.next_leaf()?.ok()?;
        self.second = leaf.second();
        Some(leaf.item)
    }

    fn next_message(&mut self) -> Option<&'a [u8]> {
        if let Some(message) = self.next.take() {
            return Some(message);
        }
        while let Some(top) = self.depth.checked_sub(1) {
            let open = self.open.get_mut(top)?.as_mut();
            if let Some(message) = open.and_then(|(packed, at)| step(*packed, at)) {
                return Some(message);
            }
            self.depth = top;
        }
        None
    }

    /// Reads one message: opens it, or hands it out.
    fn read(&mut self, message: &'a [u8]) -> Result<Option<Leaf<'a>>, NotTheProtocol> {
        self.left = self.left.checked_sub(1).ok_or(NotTheProtocol::Quantity)?;
        let request = Request::read(message)?;
        if !carries_others(&request) {
            let alone = self.is_alone() || !is_of_connections(&request);
            return if alone {
                Leaf::read(&request).map(Some)
            } else {
                Err(NotTheProtocol::Function)
            };
        }
        if request.service == MULTIPLE_SERVICE_PACKET {
            self.open(Packed::read(request.data)?)?;
        } else {
            self.descend(None)?;
            self.next = Some(Wrapped::read(request.data)?.message);
        }
        Ok(None)
    }

    /// Whether nothing is around the service at hand but one Unconnected Send.
    fn is_alone(&self) -> bool {
        self.depth == 0 || self.depth == 1 && matches!(self.open, [None, ..])
    }

    fn open(&mut self, packed: Packed<'a>) -> Result<(), NotTheProtocol> {
        self.descend(Some((packed, 0)))
    }

    /// A wrapped message takes a place too: it is what bounds the depth.
    fn descend(&mut self, packed: Option<(Packed<'a>, u16)>) -> Result<(), NotTheProtocol> {
        let place = self.open.get_mut(self.depth).ok_or(NotTheProtocol::Quantity)?;
        *place = packed;
        self.depth += 1;
        Ok(())
    }
}

/// Whether it opens or closes a connection: what that is has to be remembered, and of several at once a reply does not
/// say which it answers.
fn is_of_connections(request: &Request<'_>) -> bool {
    let services = [FORWARD_OPEN, LARGE_FORWARD_OPEN, FORWARD_CLOSE];
    services.contains(&request.service) && request.is_to(object::CONNECTION_MANAGER)
}

/// Whether what counts is inside the request.
pub(super) fn carries_others(request: &Request<'_>) -> bool {
    match request.service {
        MULTIPLE_SERVICE_PACKET => true,
        UNCONNECTED_SEND => request.is_to(object::CONNECTION_MANAGER),
        _ => false,
    }
}

fn step<'a>(packed: Packed<'a>, at: &mut u16) -> Option<&'a [u8]> {
    let message = packed.get(*at)?;
    *at += 1;
    Some(message)
}
