//! What was opened in a flow: the connections that connected messages go over.
//!
//! A connected message bears an identifier and nothing else that says where it leads. So a flow
//! remembers what its Forward Opens asked for and what their replies said. Memory is bounded: of more
//! than [`Connections::MOST`] the oldest is forgotten, and messages on it are refused from then on.

use super::frame::{Packet, code};
use super::message::{Reply, Request, Wrapped};
use super::open::{self, ForwardOpen, Triad};
use super::services::{FORWARD_CLOSE, FORWARD_OPEN, LARGE_FORWARD_OPEN, UNCONNECTED_SEND, object};
use super::{Cpf, REPLY};
use crate::{Direction, NotTheProtocol};

/// The connections of one flow: plain data of fixed size.
#[derive(Clone, Debug)]
pub struct Connections {
    places: [Connection; Connections::MOST],
    /// Where the next one goes.
    next: usize,
}

/// One connection.
#[derive(Clone, Copy, Debug)]
struct Connection {
    state: State,
    /// Forward Opens of its name that were not answered yet.
    waiting: u8,
    triad: Triad,
    /// What requests bear.
    to_target: u32,
    /// What replies bear.
    to_originator: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The place is free.
    Free,
    /// Asked for, not answered yet.
    Asked,
    /// The same, and one of what waits leads where messages cannot be judged, or was closed: what a success is
    /// for cannot be told.
    Elsewhere,
    /// Open.
    Open,
}

impl Connections {
    /// Connections that a flow remembers.
    pub const MOST: usize = 16;

    /// None.
    pub const NONE: Connections = Connections { places: [Connection::FREE; 16], next: 0 };

    /// Whether the request `pdu` may be sent as things stand: what it says of itself is enough, or it
    /// goes over a connection that was opened in this flow and leads to the message router.
    ///
    /// # Errors
    /// [`NotTheProtocol::Connection`] where it does not.
    pub fn permit(&self, pdu: &[u8]) -> Result<(), NotTheProtocol> {
        match connection_of(pdu) {
            Some(id) if self.to_originator(id).is_none() => Err(NotTheProtocol::Connection),
            _ => Ok(()),
        }
    }

    /// What replies to requests on connection `id` bear.
    pub fn to_originator(&self, id: u32) -> Option<u32> {
        let open = |place: &&Connection| place.state == State::Open && place.to_target == id;
        self.places.iter().find(open).map(|place| place.to_originator)
    }

    /// Notes what a PDU that was let through opens or closes.
    pub fn note(&mut self, direction: Direction, pdu: &[u8]) {
        let Some(cpf) = Packet::read(pdu).filter(Packet::is_message) else { return };
        let Ok(cpf) = Cpf::read(&cpf) else { return };
        match direction {
            Direction::ToServer => self.request(cpf.message),
            Direction::ToClient => self.reply(cpf.message),
        }
    }

    fn request(&mut self, message: &[u8]) {
        let Some(request) = innermost(message) else { return };
        match request.service {
            FORWARD_OPEN | LARGE_FORWARD_OPEN => {
                let open = ForwardOpen::read(request.service, request.data);
                if let Ok(open) = open {
                    self.ask(&open);
                }
            }
            FORWARD_CLOSE => {
                if let Ok(triad) = open::forward_close(request.data) {
                    self.close(triad);
                }
            }
            _ => {}
        }
    }

    fn reply(&mut self, message: &[u8]) {
        const OPENED: [u8; 2] = [FORWARD_OPEN | REPLY, LARGE_FORWARD_OPEN | REPLY];
        if !message.first().is_some_and(|service| OPENED.contains(service)) {
            return;
        }
        let Ok(reply) = Reply::read(message) else { return };
        if reply.status != 0 {
            Triad::take(&mut { reply.data }).into_iter().for_each(|triad| self.answered(triad));
            return;
        }
        let Some((to_target, to_originator, triad, _)) = open::opened(reply.data) else { return };
        // A device that gives an identifier again has forgotten what it stood for.
        let old =
            |place: &&mut Connection| place.state == State::Open && place.to_target == to_target;
        self.places.iter_mut().filter(old).for_each(|place| *place = Connection::FREE);
        match self.unanswered(triad) {
            Some(place) if place.state == State::Asked => {
                let state = State::Open;
                *place = Connection { state, waiting: 0, triad, to_target, to_originator };
            }
            _ => self.answered(triad),
        }
    }

    fn ask(&mut self, open: &ForwardOpen<'_>) {
        // Messages over others are of the object's own making: they cannot be judged.
        let state = if open.is_to_message_router() { State::Asked } else { State::Elsewhere };
        let (triad, to_originator) = (open.triad, open.to_originator);
        if let Some(place) = self.unanswered(triad) {
            place.waiting = place.waiting.saturating_add(1);
            place.to_originator = to_originator;
            if state == State::Elsewhere {
                place.state = state;
            }
            return;
        }
        self.close(triad);
        let at = self.next_place();
        if let Some(place) = self.places.get_mut(at) {
            *place = Connection { state, waiting: 1, triad, to_target: 0, to_originator };
        }
        self.next = (at + 1) % Connections::MOST;
    }

    /// The next free place; of too many connections, that of the oldest.
    fn next_place(&self) -> usize {
        let mut places = (0..Connections::MOST).map(|n| (self.next + n) % Connections::MOST);
        let is_free = |at: &usize| self.places.get(*at).is_some_and(|it| it.state == State::Free);
        places.find(is_free).unwrap_or(self.next)
    }

    /// What was asked for by that name and not answered yet.
    fn unanswered(&mut self, triad: Triad) -> Option<&mut Connection> {
        self.places.iter_mut().find(|place| place.waiting > 0 && place.triad == triad)
    }

    /// One of what waits by that name was answered, and nothing came of it.
    fn answered(&mut self, triad: Triad) {
        let Some(place) = self.unanswered(triad) else { return };
        place.waiting -= 1;
        if place.waiting == 0 {
            *place = Connection::FREE;
        }
    }

    /// What is open by that name is over; what waits comes to nothing.
    fn close(&mut self, triad: Triad) {
        for place in self.places.iter_mut().filter(|place| place.triad == triad) {
            match place.waiting {
                0 => *place = Connection::FREE,
                _ => place.state = State::Elsewhere,
            }
        }
    }
}

impl Connection {
    const FREE: Connection = Connection {
        state: State::Free,
        waiting: 0,
        triad: Triad { connection: 0, vendor: 0, originator: 0 },
        to_target: 0,
        to_originator: 0,
    };
}

/// The connection that a packet bears, if it is a connected message.
pub(super) fn connection_of(pdu: &[u8]) -> Option<u32> {
    let packet = Packet::read(pdu).filter(|packet| packet.command == code::SEND_UNIT_DATA)?;
    Cpf::read(&packet).ok()?.connection.map(|(id, _)| id)
}

/// The request to the Connection Manager in a message, if it is one: by itself or wrapped.
pub(super) fn innermost(message: &[u8]) -> Option<Request<'_>> {
    let is_manager = |request: &Request<'_>| request.is_to(object::CONNECTION_MANAGER);
    let request = Request::read(message).ok().filter(is_manager)?;
    if request.service != UNCONNECTED_SEND {
        return Some(request);
    }
    let wrapped = Wrapped::read(request.data).ok()?;
    Request::read(wrapped.message).ok().filter(is_manager)
}
