//! Chunks (6.7, 7.1): where one ends, and its parts.

use core::num::NonZeroUsize;

use super::{Channel, MAX_CHUNK, MAX_REQUEST, Reader};
use crate::{Direction, Framed, NotTheProtocol, Portion};

/// Length of the header that every chunk has.
pub const HEADER: usize = 8;

/// What a chunk of a long response is judged by: its headers, up to the request's identifier.
const FRONT: NonZeroUsize = NonZeroUsize::new(24).unwrap();

/// What a request is refused by that cannot be held: most often all of its header, so that the refusal can
/// name what the client calls it.
const REFUSED_FRONT: usize = 256;

/// What a chunk is for (7.1.2.2, 6.7.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HEL: the client's first word.
    Hello,
    /// ACK: the server's answer.
    Acknowledge,
    /// ERR: the server's last word.
    Error,
    /// RHE: a server that opens the connection itself.
    ReverseHello,
    /// OPN: opens or renews the channel.
    Open,
    /// MSG: a service.
    Message,
    /// CLO: closes the channel.
    Close,
}

/// Each kind: how it begins, and the length below which there is none, in bytes.
const KINDS: [(Kind, &[u8; 3], usize); 7] = [
    (Kind::Message, b"MSG", 24),
    (Kind::Hello, b"HEL", 32),
    (Kind::Acknowledge, b"ACK", 28),
    (Kind::Error, b"ERR", 16),
    (Kind::ReverseHello, b"RHE", 16),
    (Kind::Open, b"OPN", 32),
    (Kind::Close, b"CLO", 24),
];

/// Where a chunk is the last of its message, in the middle of it, or breaks it off (6.7.2.2).
pub mod place {
    /// The last, or the only one.
    pub const FINAL: u8 = b'F';
    /// More follow.
    pub const MORE: u8 = b'C';
    /// The message is given up.
    pub const ABORT: u8 = b'A';
}

/// Where the chunk that begins at `bytes[0]` ends.
///
/// # Errors
/// [`NotTheProtocol::Envelope`] where it begins as no chunk does, [`NotTheProtocol::Length`] below the
/// headers of its kind, [`NotTheProtocol::TooLong`] above [`MAX_CHUNK`].
pub fn frame(bytes: &[u8]) -> Result<Framed, NotTheProtocol> {
    let Some((total, _)) = length(bytes)? else { return Ok(Framed::Need(HEADER)) };
    Ok(match NonZeroUsize::new(total) {
        Some(length) if bytes.len() >= total => Framed::Whole(length),
        _ => Framed::Need(total),
    })
}

/// How much of what begins at `bytes[0]` and travels in `direction` is judged at once: a request whole, with
/// all its chunks; of a response that is longer than [`MAX_REQUEST`], and of a message that nobody can read,
/// the front. There is `room` for a request.
///
/// # Errors
/// Those of [`frame()`].
#[inline]
pub fn portion(
    direction: Direction,
    bytes: &[u8],
    channel: &Channel,
    room: usize,
) -> Result<Portion, NotTheProtocol> {
    let Some((total, place)) = length(bytes)? else { return Ok(Portion::Need(HEADER)) };
    let is_message = bytes.starts_with(b"MSG");
    if direction == Direction::ToClient || channel.is_secured() && is_message {
        return Ok(by_front(bytes, total));
    }
    if channel.is_refusing() && is_message {
        match Sequence::of(bytes) {
            None => return Ok(Portion::Need(FRONT.get())),
            Some(it) if channel.refuses(&it) => {
                return Ok(Portion::Rest { front: FRONT, len: total });
            }
            Some(_) => {}
        }
    }
    if place != place::FINAL || total > room {
        return chunks(bytes, channel, room);
    }
    Ok(match NonZeroUsize::new(total) {
        Some(length) if bytes.len() >= total => Portion::Whole(length),
        _ => Portion::Need(total),
    })
}

fn by_front(bytes: &[u8], total: usize) -> Portion {
    match NonZeroUsize::new(total) {
        Some(length) if bytes.len() >= total => Portion::Whole(length),
        _ if total <= MAX_REQUEST => Portion::Need(total),
        _ if bytes.len() < FRONT.get() => Portion::Need(FRONT.get()),
        _ => Portion::Front { front: FRONT, len: total },
    }
}

/// A request in several chunks, or one for which there is no room.
#[cold]
fn chunks(bytes: &[u8], channel: &Channel, room: usize) -> Result<Portion, NotTheProtocol> {
    let (mut at, mut body) = (0, 0);
    for count in 1.. {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some((size, place)) = length(rest)? else { return Ok(Portion::Need(at + HEADER)) };
        (at, body) = (at + size, body + size - FRONT.get().min(size));
        if at > room || !channel.takes(count, size, body) {
            break;
        }
        if bytes.len() < at {
            return Ok(Portion::Need(at));
        }
        if let (false, Some(length)) = (place == place::MORE, NonZeroUsize::new(at)) {
            return Ok(Portion::Chunks(length));
        }
    }
    let first = length(bytes)?.map_or(0, |(size, _)| size);
    let front = NonZeroUsize::new(first.min(REFUSED_FRONT)).ok_or(NotTheProtocol::Length)?;
    Ok(match bytes.len() < front.get() {
        true => Portion::Need(front.get()),
        false => Portion::TooLong { front, len: first },
    })
}

/// Writes the request in several chunks that is all of `bytes` to the front of `out` as if it had come in one,
/// and returns its length. Of one that was given up this is its last chunk, which says why.
///
/// # Errors
/// [`NotTheProtocol::Inconsistent`]: the chunks are not of one message, their numbers have a gap, or there is
/// no room.
pub fn join(bytes: &[u8], out: &mut [u8]) -> Result<usize, NotTheProtocol> {
    join_chunks(bytes, out).ok_or(NotTheProtocol::Inconsistent)
}

fn join_chunks(bytes: &[u8], out: &mut [u8]) -> Option<usize> {
    let first = Sequence::of(bytes)?;
    let (mut rest, mut last, mut end) = (bytes, None, FRONT.get());
    out.get_mut(..end)?.copy_from_slice(bytes.get(..end)?);
    while !rest.is_empty() {
        let (size, place) = length(rest).ok()??;
        let (chunk, behind) = rest.split_at_checked(size)?;
        let sequence = Sequence::of(chunk).filter(|it| it.follows(&first, last))?;
        if place == place::ABORT {
            end = FRONT.get();
        }
        let body = chunk.get(FRONT.get()..)?;
        out.get_mut(end..end + body.len())?.copy_from_slice(body);
        *out.get_mut(3)? = place;
        (rest, last, end) = (behind, Some(sequence.number), end + body.len());
    }
    out.get_mut(4..HEADER)?.copy_from_slice(&u32::try_from(end).ok()?.to_le_bytes());
    Some(end)
}

/// The length of the chunk and its place in the message, once its header is there.
#[inline]
fn length(bytes: &[u8]) -> Result<Option<(usize, u8)>, NotTheProtocol> {
    let begins = |(_, name, _): &&(Kind, &[u8; 3], usize)| match bytes.first_chunk() {
        Some(front) => *name == front,
        None => name.starts_with(bytes),
    };
    let (kind, _, least) = KINDS.iter().find(begins).ok_or(NotTheProtocol::Envelope)?;
    let Some(place) = bytes.get(3) else { return Ok(None) };
    let fits = match *place {
        place::FINAL => true,
        // Only messages are cut (6.7.2.2).
        place::MORE | place::ABORT => *kind == Kind::Message,
        _ => false,
    };
    if !fits {
        return Err(NotTheProtocol::Envelope);
    }
    let Some(size) = Reader::new(bytes.get(4..).unwrap_or_default()).u32() else { return Ok(None) };
    match usize::try_from(size) {
        Ok(size) if size < *least => Err(NotTheProtocol::Length),
        Ok(size) if size <= MAX_CHUNK => Ok(Some((size, *place))),
        _ => Err(NotTheProtocol::TooLong),
    }
}

/// Whether a connection begins with these bytes: a Hello that is all there, with a URL (7.1.2.3).
pub fn is_opening(bytes: &[u8]) -> bool {
    let is_hello = |chunk: &Chunk<'_>| {
        chunk.kind == Kind::Hello
            && chunk.body.get(24..).is_some_and(|url| url.starts_with(b"opc."))
    };
    Chunk::whole(bytes).is_ok_and(|chunk| is_hello(&chunk))
}

/// The parts of one chunk, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// What it is for.
    pub kind: Kind,
    /// Its place in the message: one of [`place`].
    pub place: u8,
    /// Its length as it says itself.
    pub size: u32,
    /// What follows the header.
    pub body: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// The parts as they lie there; `None` where the header is not all there, or none.
    #[inline]
    pub fn read(bytes: &'a [u8]) -> Option<Chunk<'a>> {
        let (&[a, b, c, place, size @ ..], body) = bytes.split_first_chunk::<HEADER>()?;
        let kind = KINDS.iter().find(|(_, name, _)| **name == [a, b, c]).map(|(kind, ..)| *kind)?;
        Some(Chunk { kind, place, size: u32::from_le_bytes(size), body })
    }

    /// The parts of exactly one chunk.
    ///
    /// # Errors
    /// Those of [`frame()`], and [`NotTheProtocol::Inconsistent`] if `bytes` is not as long as its
    /// header says.
    pub fn whole(bytes: &'a [u8]) -> Result<Chunk<'a>, NotTheProtocol> {
        match frame(bytes)? {
            Framed::Whole(length) if length.get() == bytes.len() => {
                Chunk::read(bytes).ok_or(NotTheProtocol::Inconsistent)
            }
            Framed::Whole(_) | Framed::Need(_) => Err(NotTheProtocol::Inconsistent),
        }
    }
}

/// What stands behind the header of a MSG or CLO (6.7.2.3, 6.7.2.4), or, with the token 0, behind the
/// policy of an OPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Identifier of the channel.
    pub channel: u32,
    /// Identifier of the channel's keys.
    pub token: u32,
    /// Number of the chunk.
    pub number: u32,
    /// What pairs a response with its request.
    pub request: u32,
}

impl Sequence {
    /// Takes that of a MSG or CLO off the front of its body.
    #[inline]
    pub fn take(reader: &mut Reader<'_>) -> Option<Sequence> {
        let (channel, token) = (reader.u32()?, reader.u32()?);
        Some(Sequence { channel, token, number: reader.u32()?, request: reader.u32()? })
    }

    /// That of the MSG at `bytes[0]`, if its headers are there.
    pub fn of(bytes: &[u8]) -> Option<Sequence> {
        let rest = bytes.strip_prefix(b"MSG")?.get(HEADER - 3..)?;
        Sequence::take(&mut Reader::new(rest))
    }

    /// Whether it is of the message whose first chunk has `first`, right behind the chunk of number `last`.
    fn follows(&self, first: &Sequence, last: Option<u32>) -> bool {
        (self.channel, self.request) == (first.channel, first.request)
            && last.is_none_or(|last| is_next(last, self.number))
    }
}

/// The last number before a sender must begin anew below [`AGAIN`] (6.7.2.4).
pub(super) const LAST: u32 = u32::MAX - 1024;
/// Where it begins at most.
pub(super) const AGAIN: u32 = 1024;

/// Whether `next` may be the number of the chunk behind number `last`.
const fn is_next(last: u32, next: u32) -> bool {
    next == last.wrapping_add(1) || last > LAST && next < AGAIN
}

/// How the asymmetric header of an OPN says what secures the channel (6.7.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Security<'a> {
    /// Identifier of the channel; 0 before the server has given it one.
    pub channel: u32,
    /// URI of the policy.
    pub policy: &'a [u8],
    /// The sender's certificate, DER; of a chain the first comes first.
    pub certificate: &'a [u8],
    /// SHA-1 of the receiver's certificate.
    pub thumbprint: &'a [u8],
}

impl<'a> Security<'a> {
    /// Takes it off the front of the body of an OPN.
    pub fn take(reader: &mut Reader<'a>) -> Option<Security<'a>> {
        let (channel, policy) = (reader.u32()?, reader.string()?);
        let (certificate, thumbprint) = (reader.string()?, reader.string()?);
        Some(Security { channel, policy, certificate, thumbprint })
    }

    /// What the policy is called: its URI without the part that all have.
    pub fn name(&self) -> &'a [u8] {
        self.policy.strip_prefix(super::POLICY_PREFIX).unwrap_or(self.policy)
    }

    /// Whether the body is signed and encrypted.
    pub fn is_secured(&self) -> bool {
        self.name() != b"None"
    }
}
