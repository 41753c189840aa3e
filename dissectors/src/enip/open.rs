//! Forward Open and Forward Close: connections (CIP 3-5.5.2, 3-5.5.3).

use super::path::{Segment, Target};
use super::services::{LARGE_FORWARD_OPEN, object};
use super::{double, word};
use crate::{Class, NotTheProtocol};

/// What names a connection from its opening to its close (CIP 3-5.5.1.9): serial number, vendor and
/// serial number of the originator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Triad {
    /// Connection serial number.
    pub connection: u16,
    /// Vendor of the originator.
    pub vendor: u16,
    /// Serial number of the originator.
    pub originator: u32,
}

impl Triad {
    pub(super) fn take<'a>(rest: &mut &'a [u8]) -> Option<Triad> {
        let (connection, tail) = word(rest)?;
        let (vendor, tail) = word(tail)?;
        let (originator, tail): (u32, &'a [u8]) = double(tail)?;
        *rest = tail;
        Some(Triad { connection, vendor, originator })
    }
}

/// What a Forward Open asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardOpen<'a> {
    /// The identifier that replies will bear, chosen by the client.
    pub to_originator: u32,
    /// The connection's name.
    pub triad: Triad,
    /// What is to travel: to the target, to the originator.
    pub ways: [Way; 2],
    /// How many intervals without a word end it (CIP 3-5.5.1.5).
    pub multiplier: u16,
    /// Transport class and trigger (CIP 3-4.4.3).
    pub transport: u8,
    /// Where it leads.
    pub target: Target<'a>,
}

/// What travels one way over a connection (CIP 3-5.5.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Requested packet interval, microseconds.
    pub interval: u32,
    /// To whom.
    pub kind: Kind,
    /// Bytes at once, at most, a sequence count included.
    pub size: u16,
}

/// To whom something travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Nothing travels that way.
    #[default]
    Null,
    /// To whoever listens.
    Multicast,
    /// To the other end.
    PointToPoint,
    /// Reserved.
    Unknown,
}

impl<'a> ForwardOpen<'a> {
    /// Reads the data of a Forward Open of this service to their end.
    ///
    /// # Errors
    /// Lengths leave bytes over or want more, or the path is not to be read.
    pub fn read(service: u8, data: &'a [u8]) -> Result<ForwardOpen<'a>, NotTheProtocol> {
        let (open, words, path) =
            ForwardOpen::front(service, data).ok_or(NotTheProtocol::Inconsistent)?;
        if path.len() != 2 * usize::from(words) {
            return Err(NotTheProtocol::Inconsistent);
        }
        Ok(ForwardOpen { target: Target::read(path)?, ..open })
    }

    fn front(service: u8, data: &'a [u8]) -> Option<(ForwardOpen<'a>, u8, &'a [u8])> {
        let (_priority_and_timeout, rest) = data.split_at_checked(2)?;
        let (_to_target, rest) = double(rest)?;
        let (to_originator, mut rest) = double(rest)?;
        let triad = Triad::take(&mut rest)?;
        let (&[code, _, _, _], rest) = rest.split_first_chunk()?;
        let (there, rest) = Way::take(service, rest)?;
        let (back, rest) = Way::take(service, rest)?;
        let (&[transport, words], path) = rest.split_first_chunk()?;
        let (target, ways) = (Target::default(), [there, back]);
        // Codes from 8 on are reserved.
        let multiplier = 4 << code.min(7);
        let open = ForwardOpen { to_originator, triad, ways, multiplier, transport, target };
        Some((open, words, path))
    }

    /// Whether messages go over it: transport class 3.
    pub fn is_explicit(&self) -> bool {
        self.transport & 0x0f == 3
    }

    /// Whether data go over it by UDP: transport classes 0 and 1 (ENIP 3-2).
    pub fn is_io(&self) -> bool {
        matches!(self.transport & 0x0f, 0 | 1)
    }

    /// Whether its messages are requests to the message router.
    pub fn is_to_message_router(&self) -> bool {
        self.is_explicit()
            && !self.target.is_tag
            && (self.target.class, self.target.instance) == (Some(object::MESSAGE_ROUTER), Some(1))
    }

    /// What opening it does: to send data to the device in cycles is to write, to configure it is to
    /// configure it, only to listen is to read (CIP 3-6.5).
    pub fn classes(&self) -> (Class, Option<Class>) {
        let configures =
            self.target.path.segments().any(|segment| matches!(segment, Segment::Data(_)));
        let [there, _] = self.ways;
        let kind = match self.transport & 0x0f {
            3 => Class::Session,
            // A heartbeat is a sequence count and nothing else.
            1 | 2 if there.size <= 2 => Class::Read,
            0 if there.size == 0 => Class::Read,
            0..=2 => Class::Write,
            _ => Class::Unknown,
        };
        if configures { (Class::Config, Some(kind)) } else { (kind, None) }
    }
}

impl Way {
    /// An interval and network connection parameters, of a Large Forward Open in 32 bits: the size is in the
    /// lower 9 bits of 16, or 16 of 32, the kind in bits 13 and 14, or 29 and 30.
    fn take(service: u8, bytes: &[u8]) -> Option<(Way, &[u8])> {
        let (interval, rest) = double(bytes)?;
        let (size, kind, rest) = if service == LARGE_FORWARD_OPEN {
            let (parameters, rest) = double(rest)?;
            (parameters as u16, parameters >> 29, rest)
        } else {
            let (parameters, rest) = word(rest)?;
            (parameters & 0x1ff, u32::from(parameters) >> 13, rest)
        };
        Some((Way { interval, kind: Kind::of(kind), size }, rest))
    }
}

impl Kind {
    const fn of(bits: u32) -> Kind {
        match bits & 3 {
            0 => Kind::Null,
            1 => Kind::Multicast,
            2 => Kind::PointToPoint,
            _ => Kind::Unknown,
        }
    }
}

/// Reads the data of a Forward Close to their end.
///
/// # Errors
/// Lengths leave bytes over or want more, or the path is not to be read.
pub fn forward_close(data: &[u8]) -> Result<Triad, NotTheProtocol> {
    let (triad, words, path) = close_front(data).ok_or(NotTheProtocol::Inconsistent)?;
    if path.len() != 2 * usize::from(words) {
        return Err(NotTheProtocol::Inconsistent);
    }
    Target::read(path).map(|_| triad)
}

fn close_front(data: &[u8]) -> Option<(Triad, u8, &[u8])> {
    let (_priority_and_timeout, mut rest) = data.split_at_checked(2)?;
    let triad = Triad::take(&mut rest)?;
    let (&[words, _reserved], path) = rest.split_first_chunk()?;
    Some((triad, words, path))
}

/// What the reply to a Forward Open says: the identifier for requests, that for replies, the name; and what
/// follows.
pub(super) fn opened(data: &[u8]) -> Option<(u32, u32, Triad, &[u8])> {
    let (to_target, rest) = double(data)?;
    let (to_originator, mut rest) = double(rest)?;
    let triad = Triad::take(&mut rest)?;
    Some((to_target, to_originator, triad, rest))
}
