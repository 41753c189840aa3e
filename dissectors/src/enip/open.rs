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
    /// Bytes that the client is going to send at once, sequence count included.
    pub size_to_target: u16,
    /// Transport class and trigger (CIP 3-4.4.3).
    pub transport: u8,
    /// Where it leads.
    pub target: Target<'a>,
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
        let (_multiplier_and_interval, rest) = rest.split_at_checked(8)?;
        let (size_to_target, rest) = size(service, rest)?;
        let (_interval, rest) = double(rest)?;
        let (_size_to_originator, rest) = size(service, rest)?;
        let (&[transport, words], path) = rest.split_first_chunk()?;
        let target = Target::default();
        let open = ForwardOpen { to_originator, triad, size_to_target, transport, target };
        Some((open, words, path))
    }

    /// Whether messages go over it: transport class 3.
    pub fn is_explicit(&self) -> bool {
        self.transport & 0x0f == 3
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
        let kind = match self.transport & 0x0f {
            3 => Class::Session,
            // A heartbeat is a sequence count and nothing else.
            1 | 2 if self.size_to_target <= 2 => Class::Read,
            0 if self.size_to_target == 0 => Class::Read,
            0..=2 => Class::Write,
            _ => Class::Unknown,
        };
        if configures { (Class::Config, Some(kind)) } else { (kind, None) }
    }
}

/// Network connection parameters (CIP 3-5.5.1.1): the size is in the lower 9 bits of 16, or 16 of 32.
fn size(service: u8, bytes: &[u8]) -> Option<(u16, &[u8])> {
    if service == LARGE_FORWARD_OPEN {
        let (parameters, rest) = double(bytes)?;
        return Some((parameters as u16, rest));
    }
    word(bytes).map(|(parameters, rest)| (parameters & 0x1ff, rest))
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

/// What the reply to a Forward Open says: the identifier for requests, that for replies, the name.
pub(super) fn opened(data: &[u8]) -> Option<(u32, u32, Triad)> {
    let (to_target, rest) = double(data)?;
    let (to_originator, mut rest) = double(rest)?;
    Some((to_target, to_originator, Triad::take(&mut rest)?))
}
