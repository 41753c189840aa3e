//! EPATH: the path to an object (CIP appendix C-1).
//!
//! ```text
//! 20 04  24 64  30 03              class 4, instance 100, attribute 3
//! 21 00 6b 00  25 00 34 12         class 0x6b, instance 0x1234: 16 bits, padded
//! 91 05 53 70 65 65 64 00  28 03   symbol "Speed", member 3
//! 01 00                            port 1 (backplane), link address 0 (slot)
//! ```

use core::fmt;

use super::{double, word};
use crate::NotTheProtocol;

/// Nobody names more objects one behind the other than this.
const MAX_SEGMENTS: usize = 32;

/// One segment of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Leave the device by this port, to this link address.
    Port(u16, &'a [u8]),
    /// A class of objects.
    Class(u16),
    /// One object of the class; 0 is the class itself.
    Instance(u32),
    /// One element of an array or structure.
    Member(u32),
    /// A connection point: of an assembly its instance.
    ConnectionPoint(u32),
    /// One attribute of the object.
    Attribute(u16),
    /// What the device must be for the message to be meant for it: the electronic key.
    Key(&'a [u8]),
    /// A service (CIP C-1.4.2); not used by devices.
    Service(u8),
    /// How the network is to carry a connection.
    Network(u8, &'a [u8]),
    /// A name.
    Symbol(&'a [u8]),
    /// Data for the object: of a connection its configuration.
    Data(&'a [u8]),
}

impl<'a> Segment<'a> {
    /// Takes the first segment off `rest`; `None`, with `rest` as it was, if it is not all there or of
    /// no kind that the specification gives.
    #[inline]
    pub fn take(rest: &mut &'a [u8]) -> Option<Segment<'a>> {
        // What nearly all paths are made of is asked first: numbers of eight bits, and names.
        let (segment, tail) = match *rest {
            [0x20, class, tail @ ..] => (Segment::Class((*class).into()), tail),
            [0x24, instance, tail @ ..] => (Segment::Instance((*instance).into()), tail),
            [0x28, member, tail @ ..] => (Segment::Member((*member).into()), tail),
            [0x30, attribute, tail @ ..] => (Segment::Attribute((*attribute).into()), tail),
            [0x91, tail @ ..] => symbol(tail)?,
            [kind, tail @ ..] => other(*kind, tail)?,
            [] => return None,
        };
        *rest = tail;
        Some(segment)
    }
}

/// A segment of any kind but [`symbol`].
fn other(kind: u8, tail: &[u8]) -> Option<(Segment<'_>, &[u8])> {
    match kind {
        0x00..=0x1f => port(kind, tail),
        0x20..=0x3f => logical(kind, tail),
        0x40..=0x5f => network(kind, tail),
        0x61..=0x7f => symbolic(kind, tail),
        0x80 => data(tail),
        _ => None,
    }
}

/// A port with a link address of one byte, or of as many as the next byte says (CIP C-1.4.1).
fn port(kind: u8, tail: &[u8]) -> Option<(Segment<'_>, &[u8])> {
    let extended = kind & 0x10 != 0;
    let (length, tail) = if extended { tail.split_first()? } else { (&1, tail) };
    let (number, tail) = match kind & 0x0f {
        0 => return None,
        0x0f => word(tail)?,
        number => (u16::from(number), tail),
    };
    let length = usize::from(*length);
    let (link, tail) = tail.split_at_checked(length)?;
    let padding = usize::from(extended && length % 2 == 1);
    Some((Segment::Port(number, link), padded(tail, padding)?))
}

/// Class, instance and so on, of 8, 16 or 32 bits (CIP C-1.4.2).
fn logical(kind: u8, tail: &[u8]) -> Option<(Segment<'_>, &[u8])> {
    const FORMAT_32_BIT: u8 = 2;
    match kind {
        0x34 => return key(tail),
        0x38 => return tail.split_first().map(|(code, tail)| (Segment::Service(*code), tail)),
        _ => {}
    }
    let format = kind & 0x03;
    let (value, tail) = match format {
        0 => tail.split_first().map(|(value, tail)| (u32::from(*value), tail)),
        1 => word(padded(tail, 1)?).map(|(value, tail)| (u32::from(value), tail)),
        FORMAT_32_BIT => double(padded(tail, 1)?),
        _ => None,
    }?;
    let segment = match (kind >> 2 & 0x07, u16::try_from(value)) {
        (0, Ok(class)) if format != FORMAT_32_BIT => Segment::Class(class),
        (1, _) => Segment::Instance(value),
        (2, _) => Segment::Member(value),
        (3, _) => Segment::ConnectionPoint(value),
        (4, Ok(attribute)) if format != FORMAT_32_BIT => Segment::Attribute(attribute),
        _ => return None,
    };
    Some((segment, tail))
}

/// Format 4: vendor, device type, product, revision (CIP C-1.4.2).
fn key(tail: &[u8]) -> Option<(Segment<'_>, &[u8])> {
    let (&[4], tail) = tail.split_first_chunk()? else { return None };
    let (key, tail) = tail.split_at_checked(8)?;
    Some((Segment::Key(key), tail))
}

/// One byte, or, from 0x50 on, as many words as the next byte says (CIP C-1.4.3).
fn network(kind: u8, tail: &[u8]) -> Option<(Segment<'_>, &[u8])> {
    let (length, tail) = match kind & 0x10 {
        0 => (1, tail),
        _ => tail.split_first().map(|(words, tail)| (2 * usize::from(*words), tail))?,
    };
    let (data, tail) = tail.split_at_checked(length)?;
    Some((Segment::Network(kind & 0x1f, data), tail))
}

/// A short name, as long as the type says (CIP C-1.4.4).
fn symbolic(kind: u8, tail: &[u8]) -> Option<(Segment<'_>, &[u8])> {
    let (name, tail) = tail.split_at_checked(usize::from(kind & 0x1f))?;
    is_name(name).then_some((Segment::Symbol(name), tail))
}

/// Words of data, as many as the next byte says (CIP C-1.4.5.1).
fn data(tail: &[u8]) -> Option<(Segment<'_>, &[u8])> {
    let (&words, tail) = tail.split_first()?;
    let (data, tail) = tail.split_at_checked(2 * usize::from(words))?;
    Some((Segment::Data(data), tail))
}

/// A name of any length, padded to a word (CIP C-1.4.5.2).
#[inline]
fn symbol(tail: &[u8]) -> Option<(Segment<'_>, &[u8])> {
    let (&length, tail) = tail.split_first()?;
    let (name, tail) = tail.split_at_checked(usize::from(length))?;
    let tail = padded(tail, usize::from(length % 2))?;
    is_name(name).then_some((Segment::Symbol(name), tail))
}

/// Printable ASCII, and not nothing.
fn is_name(name: &[u8]) -> bool {
    let Some(last) = name.last_chunk() else {
        return !name.is_empty() && name.iter().all(|letter| (0x20..0x7f).contains(letter));
    };
    // The last eight letters, some of them perhaps for the second time.
    let (words, _) = name.as_chunks();
    words.iter().all(|letters| are_printable(*letters)) && are_printable(*last)
}

/// The same of eight letters at once: none has its highest bit, not even one higher, nor borrows to have 0x20
/// taken away.
const fn are_printable(letters: [u8; 8]) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(letters);
    let (above, below) = (word.wrapping_add(EACH), word.wrapping_sub(0x20 * EACH));
    (word | above | below) & (0x80 * EACH) == 0
}

/// What follows `count` bytes of padding.
fn padded(bytes: &[u8], count: usize) -> Option<&[u8]> {
    let (padding, rest) = bytes.split_at_checked(count)?;
    padding.iter().all(|byte| *byte == 0).then_some(rest)
}

/// A path: segments, one behind the other, checked to their end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path<'a>(&'a [u8]);

impl<'a> Path<'a> {
    /// No segment.
    pub const EMPTY: Path<'static> = Path(&[]);

    /// The segments, in the order of the wire.
    pub fn segments(self) -> impl Iterator<Item = Segment<'a>> {
        let mut rest = self.0;
        core::iter::from_fn(move || Segment::take(&mut rest))
    }

    /// The bytes of the path.
    pub const fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether there is no segment at all.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The path as the name of a tag, `Program:Main.Motor[3].Speed`: its symbols and members.
    pub const fn tag(self) -> Tag<'a> {
        Tag(self)
    }
}

/// The name of a tag, which the parts of a path spell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a>(Path<'a>);

impl fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut named = false;
        for segment in self.0.segments() {
            match segment {
                Segment::Symbol(name) => {
                    f.write_str(if named { "." } else { "" })?;
                    f.write_str(str::from_utf8(name).unwrap_or_default())?;
                    named = true;
                }
                Segment::Member(index) => write!(f, "[{index}]")?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// A path and what it leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target<'a> {
    /// The path.
    pub path: Path<'a>,
    /// The last class in it.
    pub class: Option<u16>,
    /// The last instance or connection point.
    pub instance: Option<u32>,
    /// The last attribute.
    pub attribute: Option<u16>,
    /// The index that the path ends with, of a tag.
    pub index: Option<u32>,
    /// Whether it is a tag: it has a name and no class.
    pub is_tag: bool,
}

impl<'a> Target<'a> {
    /// Reads all of `bytes` as one path.
    ///
    /// # Errors
    /// A segment is cut short, of no known kind, or there are too many of them.
    #[inline]
    pub fn read(bytes: &'a [u8]) -> Result<Target<'a>, NotTheProtocol> {
        let mut target = Target { path: Path(bytes), ..Target::default() };
        let mut rest = bytes;
        for _ in 0..=MAX_SEGMENTS {
            if rest.is_empty() {
                target.is_tag &= target.class.is_none();
                return Ok(target);
            }
            target.add(Segment::take(&mut rest).ok_or(NotTheProtocol::Path)?);
        }
        Err(NotTheProtocol::Path)
    }

    #[inline]
    fn add(&mut self, segment: Segment<'_>) {
        self.index = None;
        match segment {
            Segment::Class(class) => self.class = Some(class),
            Segment::Instance(number) | Segment::ConnectionPoint(number) => {
                self.instance = Some(number);
            }
            Segment::Attribute(number) => self.attribute = Some(number),
            Segment::Symbol(_) => self.is_tag = true,
            Segment::Member(index) => self.index = Some(index),
            _ => {}
        }
    }
}
