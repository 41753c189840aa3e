//! One PDU as it was seen, with all that the output says of it.

use std::collections::VecDeque;
use std::net::SocketAddr;

use wicketgate_dissectors::{Class, Direction, Key, NotTheProtocol, Protocol, Transport};
use wicketgate_packet::Time;

use super::describe;

/// Requests of a flow that wait for their response; the oldest goes first.
const MAX_WAITING: usize = 64;

/// The frame that something was seen in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// Its number in the capture, from 1.
    pub(super) frame: u64,
    /// When it was captured.
    pub(super) time: Time,
    /// Its VLAN tags, outermost first, as on the wire.
    pub(super) tags: [Option<u16>; 2],
}

/// Who talks to whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub(super) transport: Transport,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    pub(super) protocol: Protocol,
}

/// One PDU.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pdu<'a> {
    /// The frame that completes it.
    pub(super) stamp: Stamp,
    pub(super) path: Path,
    pub(super) direction: Direction,
    pub(super) bytes: &'a [u8],
    pub(super) class: Class,
    pub(super) name: &'static str,
    /// Of a response: the frame that completed its request.
    pub(super) answers: Option<u64>,
    /// Why it contradicts itself, if it does.
    pub(super) fault: Option<NotTheProtocol>,
}

impl Path {
    /// Source and destination of what travels that way.
    pub(super) fn ends(&self, direction: Direction) -> (SocketAddr, SocketAddr) {
        match direction {
            Direction::ToServer => (self.client, self.server),
            Direction::ToClient => (self.server, self.client),
        }
    }
}

/// The requests of one flow that wait for their response.
#[derive(Debug, Default)]
pub(super) struct Requests(VecDeque<Request>);

#[derive(Clone, Copy, Debug)]
struct Request {
    key: Key,
    frame: u64,
    class: Class,
    name: &'static str,
}

impl Requests {
    /// Reads the PDU `bytes`, and pairs it with its request or keeps it as one.
    pub(super) fn read<'a>(
        &mut self,
        path: Path,
        direction: Direction,
        bytes: &'a [u8],
        stamp: Stamp,
    ) -> Pdu<'a> {
        let (class, name) = describe::by_code(path.protocol, bytes);
        let pdu = Pdu { stamp, path, direction, bytes, class, name, answers: None, fault: None };
        match direction {
            Direction::ToServer => self.request(pdu),
            Direction::ToClient => self.response(pdu),
        }
    }

    fn request<'a>(&mut self, mut pdu: Pdu<'a>) -> Pdu<'a> {
        match pdu.path.protocol.command(pdu.bytes) {
            Ok(command) => (pdu.class, pdu.name) = (command.class, command.name),
            Err(fault) => pdu.fault = Some(fault),
        }
        // Kept even where the protocol expects no response: some devices answer all the same.
        if let Some(key) = pdu.path.protocol.key(pdu.bytes) {
            if self.0.len() == MAX_WAITING {
                self.0.pop_front();
            }
            let Pdu { stamp: Stamp { frame, .. }, class, name, .. } = pdu;
            self.0.push_back(Request { key, frame, class, name });
        }
        pdu
    }

    fn response<'a>(&mut self, mut pdu: Pdu<'a>) -> Pdu<'a> {
        pdu.fault = pdu.path.protocol.response(pdu.bytes).err();
        let key = pdu.path.protocol.key(pdu.bytes);
        // Some stacks refuse a function that they do not know in the name of function 0.
        let any = |key: Key| pdu.fault.is_some() || key.function == 0;
        if let Some(request) = key.and_then(|key| self.take(key, any(key))) {
            pdu.answers = Some(request.frame);
            (pdu.class, pdu.name) = (request.class, request.name);
        }
        pdu
    }

    /// The oldest request with this transaction and function; without one, and if `any_function`
    /// will do, the oldest with this transaction.
    fn take(&mut self, key: Key, any_function: bool) -> Option<Request> {
        let same = |request: &Request| request.key.transaction == key.transaction;
        let exact = |request: &Request| same(request) && request.key.function == key.function;
        let by_transaction = || self.0.iter().position(same).filter(|_| any_function);
        let at = self.0.iter().position(exact).or_else(by_transaction)?;
        self.0.remove(at)
    }
}
