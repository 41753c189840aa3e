//! What was opened in a flow, and the numbers that its chunks leave with.
//!
//! Every chunk of a channel bears a number, one more than that of the chunk before it (6.7.2.4). A receiver
//! closes the connection where one is missing or comes twice. So where a request stays behind or a refusal
//! is put in, whatever follows in that direction is numbered anew. Of a secured channel nothing can be: it
//! is left as it is, and a refusal there is the connection's last word.
//!
//! A request that cannot be held is refused by its front, and what follows of it stays behind as it comes.

use super::frame::{AGAIN, Chunk, HEADER, Kind, LAST, Security, Sequence, place};
use super::services::OPAQUE;
use super::{MAX_CHUNKS, Reader};
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
    accepted: Accepted,
    /// A request was refused by the front of its first chunk, and the others stay behind too.
    refused: Option<u32>,
}

/// What the server takes of requests, as its Acknowledge says (7.1.2.4); 0 is any.
#[derive(Clone, Copy, Debug, Default)]
struct Accepted {
    /// Bytes of a chunk.
    chunk: u32,
    /// Bytes of the bodies of all chunks of a request.
    message: u32,
    /// Chunks of a request.
    chunks: u32,
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
        accepted: Accepted { chunk: 0, message: 0, chunks: 0 },
        refused: None,
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
            (Direction::ToClient, Kind::Acknowledge) => {
                self.accepted = Accepted::read(chunk.body).unwrap_or_default();
            }
            (Direction::ToClient, Kind::Open) => {
                self.id = Reader::new(chunk.body).u32().unwrap_or(self.id);
            }
            _ => {}
        }
        if direction == Direction::ToClient {
            self.in_response = chunk.kind == Kind::Message && chunk.place == place::MORE;
        }
    }

    /// Notes that the MSG that begins with `front` stays behind: so do further chunks of its message.
    pub fn note_refused(&mut self, front: &[u8]) {
        let more = front.get(3) == Some(&place::MORE);
        self.refused = Sequence::of(front).filter(|_| more).map(|sequence| sequence.request);
    }

    /// Whether a request stays behind whose last chunk has not come.
    #[inline]
    pub const fn is_refusing(&self) -> bool {
        self.refused.is_some()
    }

    /// Whether a chunk is one of those that stay behind.
    pub fn refuses(&self, sequence: &Sequence) -> bool {
        self.refused == Some(sequence.request)
    }

    /// Whether the server takes a request of `count` chunks, one of them of `size` bytes, with bodies of
    /// `message` bytes in all; more than [`MAX_CHUNKS`] are not read in any case.
    pub fn takes(&self, count: usize, size: usize, message: usize) -> bool {
        let fits = |value: usize, limit: u32| limit == 0 || value <= limit as usize;
        count <= MAX_CHUNKS
            && fits(count, self.accepted.chunks)
            && fits(size, self.accepted.chunk)
            && fits(message, self.accepted.message)
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

    /// Gives the chunks that leave their numbers. Whether that changed one.
    #[inline]
    pub fn number(&mut self, direction: Direction, pdu: &mut [u8]) -> bool {
        let mut changed = false;
        self.each_number(pdu, |channel, place| {
            let came = u32::from_le_bytes(*place);
            let leaves = channel.counter(direction).next_for(came);
            *place = leaves.to_le_bytes();
            changed |= came != leaves;
        });
        changed
    }

    /// Chunks stay behind: their numbers go to the next ones.
    pub fn skip(&mut self, direction: Direction, pdu: &mut [u8]) {
        self.each_number(pdu, |channel, place| {
            channel.counter(direction).skip(u32::from_le_bytes(*place));
        });
    }

    /// Each place of `pdu` where a chunk has its number; of a front there is one chunk.
    #[inline]
    fn each_number(&mut self, pdu: &mut [u8], mut each: impl FnMut(&mut Channel, &mut [u8; 4])) {
        let mut rest = pdu;
        while let Some(size) =
            rest.get(4..).and_then(|rest| Some(u32::from_le_bytes(*rest.first_chunk()?)))
        {
            if let Some(place) = self.place_of_number(rest) {
                each(self, place);
            }
            match rest.split_at_mut_checked((size as usize).max(HEADER)) {
                Some((_, behind)) if !behind.is_empty() => rest = behind,
                _ => return,
            }
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

impl Accepted {
    fn read(acknowledge: &[u8]) -> Option<Accepted> {
        let mut reader = Reader::new(acknowledge);
        let _version = reader.u32()?;
        let (receives, sends) = (reader.u32()?, reader.u32()?);
        // The first is what is meant; asyncua takes one for the other.
        let chunk = receives.max(sends);
        Some(Accepted { chunk, message: reader.u32()?, chunks: reader.u32()? })
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
        let began_anew = came < AGAIN && self.came > LAST;
        if began_anew { 1 } else { came.wrapping_sub(self.came) }
    }

    fn advance(from: u32, step: u32) -> u32 {
        match from.checked_add(step) {
            Some(next) if from <= LAST => next,
            _ if step == 1 => 1,
            _ => from.wrapping_add(step),
        }
    }
}
