//! What was opened in a flow, and the numbers that its chunks leave with.
//!
//! Every chunk of a channel bears a number, one more than that of the chunk before it (6.7.2.4). A receiver
//! closes the connection where one is missing or comes twice. So where a request stays behind or a refusal
//! is put in, whatever follows in that direction is numbered anew. Of a secured channel nothing can be: it
//! is left as it is, and a refusal there is the connection's last word.

use super::Reader;
use super::frame::{Chunk, HEADER, Kind, Security, place};
use super::services::OPAQUE;
use crate::{Command, Direction, NotTheProtocol};

/// The channel of one flow: plain data of fixed size.
#[derive(Clone, Debug)]
pub struct Channel {
    stage: Stage,
    /// Its bodies are signed, and most are encrypted.
    secured: bool,
    /// What the server calls it; 0 before it has said so.
    id: u32,
    requests: Counter,
    responses: Counter,
    /// A response has begun and is not at its end.
    in_response: bool,
}

/// How far the opening has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was said.
    New,
    /// The client said Hello.
    Greeted,
    /// A channel was asked for.
    Open,
    /// The client closed it: nothing follows.
    Closed,
}

impl Channel {
    /// A flow in which nothing was said yet.
    pub const NEW: Channel = Channel {
        stage: Stage::New,
        secured: false,
        id: 0,
        requests: Counter::NEW,
        responses: Counter::NEW,
        in_response: false,
    };

    /// Whether the request `pdu`, which asks for `command`, may be sent as things stand.
    ///
    /// # Errors
    /// [`NotTheProtocol::Connection`]: it is of a channel that was not opened in this flow, a second Hello,
    /// a renewal that changes whether the channel is secured, or, on one that is not, nothing that can be
    /// read: a device might read it all the same.
    #[inline]
    pub fn permit(&self, pdu: &[u8], command: &Command<'_>) -> Result<(), NotTheProtocol> {
        let permitted = Chunk::read(pdu).is_some_and(|chunk| match chunk.kind {
            Kind::Hello => self.stage == Stage::New,
            Kind::Open => match self.stage {
                Stage::Greeted => true,
                Stage::Open => is_secured(&chunk) == self.secured && self.is_named(&chunk),
                Stage::New | Stage::Closed => false,
            },
            _ => {
                let readable = self.secured || command.function != OPAQUE;
                self.stage == Stage::Open && readable && self.is_named(&chunk)
            }
        });
        if permitted { Ok(()) } else { Err(NotTheProtocol::Connection) }
    }

    /// Whether the chunk names this channel; before the server has named it, none does wrong.
    fn is_named(&self, chunk: &Chunk<'_>) -> bool {
        self.id == 0 || Reader::new(chunk.body).u32() == Some(self.id)
    }

    /// Notes what a PDU that was let through opens or closes.
    #[inline]
    pub fn note(&mut self, direction: Direction, pdu: &[u8]) {
        let Some(chunk) = Chunk::read(pdu) else { return };
        match (direction, chunk.kind) {
            (Direction::ToServer, Kind::Hello) => self.stage = Stage::Greeted,
            (Direction::ToServer, Kind::Open) => {
                (self.stage, self.secured) = (Stage::Open, is_secured(&chunk));
            }
            (Direction::ToServer, Kind::Close) => self.stage = Stage::Closed,
            (Direction::ToClient, Kind::Open) => {
                self.id = Reader::new(chunk.body).u32().unwrap_or(self.id);
            }
            _ => {}
        }
        if direction == Direction::ToClient {
            self.in_response = chunk.kind == Kind::Message && chunk.place == place::MORE;
        }
    }

    /// Whether the client has said Hello.
    #[inline]
    pub const fn has_begun(&self) -> bool {
        !matches!(self.stage, Stage::New)
    }

    /// Whether the channel has a security policy, so that nothing of it can be paired or changed.
    pub const fn is_secured(&self) -> bool {
        self.secured
    }

    /// Whether a refusal may be put in now: not between the chunks of one response.
    pub const fn may_interject(&self) -> bool {
        !self.in_response
    }

    /// Gives a chunk that leaves its number. Whether that changed it.
    #[inline]
    pub fn number(&mut self, direction: Direction, pdu: &mut [u8]) -> bool {
        let Some(place) = self.place_of_number(pdu) else { return false };
        let counter = self.counter(direction);
        let came = u32::from_le_bytes(*place);
        let leaves = counter.next_for(came);
        *place = leaves.to_le_bytes();
        came != leaves
    }

    /// A chunk stays behind: its number goes to the next one.
    pub fn skip(&mut self, direction: Direction, pdu: &mut [u8]) {
        if let Some(place) = self.place_of_number(pdu) {
            let came = u32::from_le_bytes(*place);
            self.counter(direction).skip(came);
        }
    }

    /// Gives a refusal that is put in its number.
    pub fn stamp(&mut self, refusal: &mut [u8]) {
        if let Some(place) = self.place_of_number(refusal) {
            *place = self.responses.interject().to_le_bytes();
        }
    }

    const fn counter(&mut self, direction: Direction) -> &mut Counter {
        match direction {
            Direction::ToServer => &mut self.requests,
            Direction::ToClient => &mut self.responses,
        }
    }

    /// Where a chunk has its number, if it has one that can be read.
    #[inline]
    fn place_of_number<'p>(&self, pdu: &'p mut [u8]) -> Option<&'p mut [u8; 4]> {
        if self.secured {
            return None;
        }
        let at = match pdu.first_chunk()? {
            b"MSG" | b"CLO" => HEADER + 8,
            b"OPN" => {
                let mut reader = Reader::new(pdu.get(HEADER..)?);
                Security::take(&mut reader)?;
                pdu.len() - reader.rest().len()
            }
            _ => return None,
        };
        pdu.get_mut(at..)?.first_chunk_mut()
    }
}

/// Whether an OPN asks for a security policy; one that cannot be read is nothing that may be changed.
fn is_secured(chunk: &Chunk<'_>) -> bool {
    Security::take(&mut Reader::new(chunk.body)).is_none_or(|security| security.is_secured())
}

/// The numbers of one direction.
#[derive(Clone, Copy, Debug)]
struct Counter {
    /// That of the last chunk, as it came.
    came: u32,
    /// That of the last chunk, as it left.
    left: u32,
    /// Whether there was one.
    began: bool,
}

impl Counter {
    const NEW: Counter = Counter { came: 0, left: 0, began: false };

    /// The last number before a sender must begin anew below [`Counter::AGAIN`] (6.7.2.4).
    const LAST: u32 = u32::MAX - 1024;
    const AGAIN: u32 = 1024;

    /// The number that the chunk leaves with that came with `came`. What its sender leaves out is left out.
    #[inline]
    fn next_for(&mut self, came: u32) -> u32 {
        let same = !self.began || self.came == self.left;
        self.left = if same { came } else { Counter::advance(self.left, self.step(came)) };
        (self.came, self.began) = (came, true);
        self.left
    }

    fn skip(&mut self, came: u32) {
        if !self.began {
            // What follows is numbered from here.
            self.left = came.wrapping_sub(1);
        }
        (self.came, self.began) = (came, true);
    }

    fn interject(&mut self) -> u32 {
        self.left = Counter::advance(self.left, 1);
        self.began = true;
        self.left
    }

    /// How far a number is ahead of the one before.
    fn step(&self, came: u32) -> u32 {
        let began_anew = came < Counter::AGAIN && self.came > Counter::LAST;
        if began_anew { 1 } else { came.wrapping_sub(self.came) }
    }

    fn advance(from: u32, step: u32) -> u32 {
        match from.checked_add(step) {
            Some(next) if from <= Counter::LAST => next,
            _ if step == 1 => 1,
            _ => from.wrapping_add(step),
        }
    }
}
