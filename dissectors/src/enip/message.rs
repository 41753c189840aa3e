//! Requests and replies of the message router (CIP 2-4).

use super::path::Target;
use super::{REPLY, word};
use crate::NotTheProtocol;

/// A request to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The service, 0 to 0x7f.
    pub service: u8,
    /// The object.
    pub target: Target<'a>,
    /// What the service is told.
    pub data: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads all of `message` as one request.
    ///
    /// # Errors
    /// It bears the reply bit, or its path is cut short or not to be read.
    #[inline]
    pub fn read(message: &'a [u8]) -> Result<Request<'a>, NotTheProtocol> {
        let (&[service, words], rest) =
            message.split_first_chunk().ok_or(NotTheProtocol::Inconsistent)?;
        if service & REPLY != 0 {
            return Err(NotTheProtocol::Function);
        }
        let path = rest.split_at_checked(2 * usize::from(words));
        let (path, data) = path.ok_or(NotTheProtocol::Inconsistent)?;
        Ok(Request { service, target: Target::read(path)?, data })
    }

    /// Whether it is for an object of this class.
    pub fn is_to(&self, class: u16) -> bool {
        self.target.class == Some(class) && !self.target.is_tag
    }
}

/// A reply of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The service that is answered, without the reply bit.
    pub service: u8,
    /// General status (CIP appendix B-1); 0 is success.
    pub status: u8,
    /// Additional status, words.
    pub additional: &'a [u8],
    /// What the object says.
    pub data: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Reads all of `message` as one reply.
    ///
    /// # Errors
    /// It does not bear the reply bit, or is cut short.
    pub fn read(message: &'a [u8]) -> Result<Reply<'a>, NotTheProtocol> {
        let (&[service, _reserved, status, words], rest) =
            message.split_first_chunk().ok_or(NotTheProtocol::Inconsistent)?;
        if service & REPLY == 0 {
            return Err(NotTheProtocol::Value);
        }
        let parts = rest.split_at_checked(2 * usize::from(words));
        let (additional, data) = parts.ok_or(NotTheProtocol::Inconsistent)?;
        Ok(Reply { service: service & !REPLY, status, additional, data })
    }
}

/// The messages of a Multiple Service Packet, requests or replies (CIP appendix ): a count, as
/// many offsets counted from the count, and the messages behind them without gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed<'a> {
    bytes: &'a [u8],
    count: u16,
}

impl<'a> Packed<'a> {
    /// How many a packet may hold.
    pub const MAX: u16 = 256;

    /// Checks count and offsets.
    ///
    /// # Errors
    /// There is no message, or more than [`Packed::MAX`]; the offsets do not begin right behind the
    /// table, do not rise, or point behind the end.
    pub fn read(bytes: &'a [u8]) -> Result<Packed<'a>, NotTheProtocol> {
        let (count, _) = word(bytes).ok_or(NotTheProtocol::Inconsistent)?;
        if count == 0 || count > Packed::MAX {
            return Err(NotTheProtocol::Quantity);
        }
        let packed = Packed { bytes, count };
        let first = 2 + 2 * usize::from(count);
        let rising = (0..count).all(|n| packed.offset(n) < packed.offset(n + 1));
        if packed.offset(0) == Some(first) && rising {
            return Ok(packed);
        }
        Err(NotTheProtocol::Inconsistent)
    }

    /// How many messages it holds.
    pub const fn count(self) -> u16 {
        self.count
    }

    /// The message of that number.
    pub fn get(self, number: u16) -> Option<&'a [u8]> {
        if number >= self.count {
            return None;
        }
        self.bytes.get(self.offset(number)?..self.offset(number + 1)?)
    }

    /// Where a message begins; behind the last one, the end.
    fn offset(self, number: u16) -> Option<usize> {
        if number == self.count {
            return Some(self.bytes.len());
        }
        let at = 2 + 2 * usize::from(number);
        self.bytes.get(at..).and_then(word).map(|(offset, _)| usize::from(offset))
    }
}

/// What an Unconnected Send carries (CIP 3-5.5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrapped<'a> {
    /// The message for the device at the end of the route.
    pub message: &'a [u8],
    /// The way to it: port segments.
    pub route: Target<'a>,
}

impl<'a> Wrapped<'a> {
    /// Reads the data of an Unconnected Send to their end.
    ///
    /// # Errors
    /// Lengths leave bytes over or want more, or the route is not to be read.
    pub fn read(data: &'a [u8]) -> Result<Wrapped<'a>, NotTheProtocol> {
        let inconsistent = NotTheProtocol::Inconsistent;
        let (_priority_and_timeout, rest) = data.split_at_checked(2).ok_or(inconsistent)?;
        let (length, rest) = word(rest).ok_or(inconsistent)?;
        let (message, rest) = rest.split_at_checked(usize::from(length)).ok_or(inconsistent)?;
        let (_, rest) = rest.split_at_checked(usize::from(length % 2)).ok_or(inconsistent)?;
        let (&[words, _reserved], route) = rest.split_first_chunk().ok_or(inconsistent)?;
        if route.len() != 2 * usize::from(words) {
            return Err(inconsistent);
        }
        Ok(Wrapped { message, route: Target::read(route)? })
    }
}
