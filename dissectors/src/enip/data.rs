//! What a service does with its data: which object, how many elements, which values.

use super::message::Request;
use super::open::{ForwardOpen, forward_close};
use super::path::{Segment, Target};
use super::pccc::Pccc;
use super::services::{
    self, EXECUTE_PCCC, FORWARD_CLOSE, FORWARD_OPEN, LARGE_FORWARD_OPEN, MODBUS_PASSTHROUGH,
    READ_TAG, READ_TAG_FRAGMENTED, Service, WRITE_TAG, WRITE_TAG_FRAGMENTED, object,
};
use super::word;
use crate::modbus::{self, Adu};
use crate::{Class, Item, NotTheProtocol, Scalar, Space, Values};

/// A request that carries no other: what is judged.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// The service, after the class of its object.
    pub service: &'static Service,
    /// Its name; of PCCC and Modbus inside it that of their command.
    pub name: &'static str,
    /// What it does.
    pub item: Item<'a>,
    /// What it does to the same object besides.
    pub besides: Option<Class>,
}

impl<'a> Leaf<'a> {
    /// The second item, where it does two things.
    pub fn second(&self) -> Option<Item<'a>> {
        self.besides.map(|class| Item { class, ..self.item })
    }

    /// What `request` does.
    ///
    /// # Errors
    /// Its data are not what the service demands.
    #[inline]
    pub fn read(request: &Request<'a>) -> Result<Leaf<'a>, NotTheProtocol> {
        let target = &request.target;
        let service = services::find(request.service, target.class, target.is_tag);
        let item = Item {
            code: Some((u16::from(request.service), None)),
            ..placed(Item::bare(service.class), target)
        };
        let leaf = Leaf { service, name: service.name, item, besides: None };
        let manager = request.is_to(object::CONNECTION_MANAGER);
        let data = request.data;
        match request.service {
            FORWARD_OPEN | LARGE_FORWARD_OPEN if manager => leaf.open(request),
            FORWARD_CLOSE if manager => forward_close(data).map(|_| leaf),
            EXECUTE_PCCC if request.is_to(object::PCCC) => leaf.pccc(data),
            MODBUS_PASSTHROUGH if request.is_to(object::MODBUS) => leaf.modbus(data),
            READ_TAG..=WRITE_TAG_FRAGMENTED if is_tag(target) => leaf.tag(request),
            // What stood behind these would not be judged.
            0x01 | 0x0e if !is_end(data) => Err(NotTheProtocol::Inconsistent),
            _ => Ok(leaf),
        }
    }

    /// The second half of the name, the object and the class are those of the connection.
    fn open(self, request: &Request<'a>) -> Result<Leaf<'a>, NotTheProtocol> {
        let open = ForwardOpen::read(request.service, request.data)?;
        let (class, besides) = open.classes();
        let item = match open.is_explicit() {
            true => Item { class, ..self.item },
            false => Item { class, ..placed(self.item, &open.target) },
        };
        Ok(Leaf { item, besides, ..self })
    }

    fn pccc(self, data: &'a [u8]) -> Result<Leaf<'a>, NotTheProtocol> {
        let pccc = Pccc::read(data)?;
        let (function, item) = pccc.item()?;
        let code = Some((u16::from(EXECUTE_PCCC), Some(pccc.code())));
        let space = if item.space == Space::None { self.item.space } else { item.space };
        let item = Item { code, space, path: self.item.path, ..item };
        Ok(Leaf { name: function.name, item, ..self })
    }

    /// A Modbus PDU, function code first. Its own class decides; a mask, a range or a value in it is
    /// not selected by.
    fn modbus(self, data: &'a [u8]) -> Result<Leaf<'a>, NotTheProtocol> {
        let (&function, data) = data.split_first().ok_or(NotTheProtocol::Inconsistent)?;
        let length = u16::try_from(data.len() + 2).map_err(|_| NotTheProtocol::Length)?;
        let adu = Adu { transaction: 0, protocol: 0, length, unit: 0, function, data };
        let command = modbus::command::of_adu(&adu)?;
        let code = Some((u16::from(MODBUS_PASSTHROUGH), Some(u16::from(function))));
        let item = Item { class: command.class, code, ..self.item };
        Ok(Leaf { name: command.name, item, ..self })
    }

    fn tag(self, request: &Request<'a>) -> Result<Leaf<'a>, NotTheProtocol> {
        let read = match request.service {
            READ_TAG => count(request.data, 0),
            READ_TAG_FRAGMENTED => count(request.data, 4),
            WRITE_TAG => written(request.data, false),
            WRITE_TAG_FRAGMENTED => written(request.data, true),
            _ => Some((1, Values::None)),
        };
        let (count, values) = read.ok_or(NotTheProtocol::Inconsistent)?;
        Ok(Leaf { item: Item { count: u32::from(count), values, ..self.item }, ..self })
    }
}

/// Whether the tag services mean what they mean on tags: a name, or the number of a symbol.
fn is_tag(target: &Target<'_>) -> bool {
    target.is_tag || target.class == Some(object::SYMBOL)
}

/// Puts an item where a path leads.
fn placed<'a>(item: Item<'a>, target: &Target<'a>) -> Item<'a> {
    let (start, attribute) = (target.instance.unwrap_or(0), target.attribute);
    let path = target.path;
    match (target.is_tag, target.class) {
        (true, _) => Item { space: Space::Tag, count: 1, path, ..item },
        (false, Some(class)) => {
            let space = Space::Object { class, attribute };
            Item { space, start, count: 1, path, ..item }
        }
        (false, None) => Item { path, ..item },
    }
}

/// A count of elements and `more` bytes, and nothing behind them.
fn count(data: &[u8], more: usize) -> Option<(u16, Values<'_>)> {
    let (count, rest) = word(data)?;
    let (_, end) = rest.split_at_checked(more)?;
    is_end(end).then_some((count, Values::None))
}

/// Whether nothing stands there, or only a route: some clients (pycomm3) put it behind a request even
/// where that is not wrapped.
fn is_end(data: &[u8]) -> bool {
    let Some((&[words, reserved], route)) = data.split_first_chunk() else {
        return data.is_empty();
    };
    let whole = route.len() == 2 * usize::from(words) && reserved == 0;
    let by_ports = |target: Target<'_>| {
        target.path.segments().all(|segment| matches!(segment, Segment::Port(..)))
    };
    whole && Target::read(route).is_ok_and(by_ports)
}

/// Type, count, of a fragment its offset, and values (PM020).
fn written(data: &[u8], fragmented: bool) -> Option<(u16, Values<'_>)> {
    /// A structure: its handle follows.
    const STRUCTURE: u16 = 0x02a0;
    let (kind, rest) = word(data)?;
    let rest = if kind == STRUCTURE { word(rest)?.1 } else { rest };
    let (count, rest) = word(rest)?;
    let (_, bytes) = rest.split_at_checked(if fragmented { 4 } else { 0 })?;
    let Some(scalar) = scalar(kind) else { return Some((count, Values::None)) };
    let length = scalar.size() * usize::from(count);
    match bytes.get(..length) {
        _ if fragmented => Some((count, Values::Scalars(scalar, bytes))),
        // An odd number of bytes may be padded to words.
        Some(values) if bytes.len() - length <= length % 2 => {
            Some((count, Values::Scalars(scalar, values)))
        }
        _ => None,
    }
}

/// Elementary types whose numbers are judged (CIP appendix C-6.1).
pub(super) const fn scalar(kind: u16) -> Option<Scalar> {
    Some(match kind {
        0xc1 => Scalar::Bool,
        0xc2 => Scalar::Sint,
        0xc3 => Scalar::Int,
        0xc4 => Scalar::Dint,
        0xc6 | 0xd1 => Scalar::Usint,
        0xc7 | 0xd2 => Scalar::Uint,
        0xc8 | 0xd3 => Scalar::Udint,
        0xca => Scalar::Real,
        0xcb => Scalar::Lreal,
        _ => return None,
    })
}

/// The heavier of two classes.
pub(super) fn heavier(one: Class, other: Class) -> Class {
    if other.weight() > one.weight() { other } else { one }
}
