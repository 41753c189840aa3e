//! Every field by name.
//!
//! Names are those of the truth files, so that the two can be compared. This is the reading for
//! people: it gives what can be read even of a packet that [`command()`](super::command()) or
//! [`response()`](super::response()) refuses, and it goes by the reply bit, not by the direction.

use super::cpf::{self, Item};
use super::frame::{Packet, code};
use super::message::{Packed, Reply, Request, Wrapped};
use super::nested::MAX_DEPTH;
use super::open::{ForwardOpen, forward_close, opened};
use super::path::{Path, Segment};
use super::pccc::Pccc;
use super::services::{
    EXECUTE_PCCC, FORWARD_CLOSE, FORWARD_OPEN, LARGE_FORWARD_OPEN, MULTIPLE_SERVICE_PACKET,
    UNCONNECTED_SEND, object,
};
use super::{REPLY, double, word};
use crate::{Direction, Field, FieldSink, Shape};

/// Names every field of `pdu`, in the order of the wire.
pub fn fields(pdu: &[u8], _direction: Direction, sink: &mut dyn FieldSink) {
    if pdu.starts_with(&cpf::IO_FRONT) {
        return items(pdu, sink);
    }
    let Some(packet) = Packet::read(pdu) else { return };
    number(sink, "command", packet.command);
    number(sink, "length", packet.length);
    number(sink, "session", packet.session);
    number(sink, "status", packet.status);
    sink.field("context", Field::Bytes(&packet.context));
    number(sink, "options", packet.options);
    match packet.command {
        code::SEND_RR_DATA | code::SEND_UNIT_DATA => {
            if let Some((timeout, data)) = packet.data.get(4..).and_then(word) {
                number(sink, "timeout", timeout);
                items(data, sink);
                cip(data, sink);
            }
        }
        code::LIST_SERVICES | code::LIST_IDENTITY | code::LIST_INTERFACES => {
            items(packet.data, sink);
        }
        _ => {}
    }
}

fn number(sink: &mut dyn FieldSink, name: &'static str, value: impl Into<u64>) {
    sink.field(name, Field::Number(value.into()));
}

/// Each item of a count and its items, as far as they are there.
fn each_item(data: &[u8], mut see: impl FnMut(Item<'_>)) {
    let Some((count, mut rest)) = word(data) else { return };
    for _ in 0..count {
        let Some(item) = Item::take(&mut rest) else { break };
        see(item);
    }
}

fn items(data: &[u8], sink: &mut dyn FieldSink) {
    sink.open("cpf", Shape::List);
    each_item(data, |item| {
        sink.open("", Shape::Object);
        number(sink, "type", item.kind);
        number(sink, "len", item.data.len() as u64);
        let first = double(item.data);
        match (item.kind, first) {
            (cpf::item::CONNECTION, Some((id, _))) => number(sink, "connid", id),
            (cpf::item::SEQUENCED, Some((id, rest))) => {
                number(sink, "connid", id);
                double(rest).into_iter().for_each(|(sequence, _)| number(sink, "seq", sequence));
            }
            (cpf::item::CONNECTED, _) => {
                word(item.data).into_iter().for_each(|(n, _)| number(sink, "cip_seq", n));
            }
            _ => {}
        }
        sink.close();
    });
    sink.close();
}

fn cip(data: &[u8], sink: &mut dyn FieldSink) {
    sink.open("cip", Shape::List);
    each_item(data, |item| match (item.kind, word(item.data)) {
        (cpf::item::UNCONNECTED, _) => message(item.data, MAX_DEPTH, sink),
        (cpf::item::CONNECTED, Some((_, data))) => message(data, MAX_DEPTH, sink),
        _ => {}
    });
    sink.close();
}

fn message(bytes: &[u8], depth: usize, sink: &mut dyn FieldSink) {
    let Some(&service) = bytes.first() else { return };
    sink.open("", Shape::Object);
    number(sink, "service", service & !REPLY);
    sink.field("response", Field::Flag(service & REPLY != 0));
    if service & REPLY != 0 {
        if let Ok(reply) = Reply::read(bytes) {
            reply_fields(&reply, depth, sink);
        }
    } else if let Ok(request) = Request::read(bytes) {
        request_fields(&request, depth, sink);
    }
    sink.close();
}

fn request_fields(request: &Request<'_>, depth: usize, sink: &mut dyn FieldSink) {
    path("path", request.target.path, sink);
    let manager = request.is_to(object::CONNECTION_MANAGER);
    let data = request.data;
    match request.service {
        MULTIPLE_SERVICE_PACKET => packed(data, depth, sink),
        UNCONNECTED_SEND if manager => {
            if let Ok(wrapped) = Wrapped::read(data) {
                path("route_path", wrapped.route.path, sink);
                embedded(core::iter::once(wrapped.message), depth, sink);
            }
        }
        EXECUTE_PCCC if request.is_to(object::PCCC) => pccc(data, sink),
        FORWARD_OPEN | LARGE_FORWARD_OPEN if manager => {
            if let Ok(open) = ForwardOpen::read(request.service, data) {
                number(sink, "to_connid", open.to_originator);
                number(sink, "conn_serial", open.triad.connection);
                number(sink, "orig_vendor", open.triad.vendor);
                number(sink, "orig_serial", open.triad.originator);
                number(sink, "transport", open.transport & 0x0f);
                path("connection_path", open.target.path, sink);
            }
        }
        FORWARD_CLOSE if manager => {
            if let Ok(triad) = forward_close(data) {
                number(sink, "conn_serial", triad.connection);
            }
        }
        _ => {}
    }
}

fn reply_fields(reply: &Reply<'_>, depth: usize, sink: &mut dyn FieldSink) {
    number(sink, "status", reply.status);
    if !reply.additional.is_empty() {
        sink.open("ext_status", Shape::List);
        let words = reply.additional.as_chunks::<2>().0.iter();
        words.for_each(|word| number(sink, "", u16::from_le_bytes(*word)));
        sink.close();
    }
    match reply.service {
        MULTIPLE_SERVICE_PACKET => packed(reply.data, depth, sink),
        FORWARD_OPEN | LARGE_FORWARD_OPEN if reply.status == 0 => {
            if let Some((to_target, to_originator, triad, _)) = opened(reply.data) {
                number(sink, "ot_connid", to_target);
                number(sink, "to_connid", to_originator);
                number(sink, "conn_serial", triad.connection);
            }
        }
        _ => {}
    }
}

fn packed(data: &[u8], depth: usize, sink: &mut dyn FieldSink) {
    if let Ok(packed) = Packed::read(data) {
        let messages = (0..packed.count()).filter_map(|number| packed.get(number));
        embedded(messages, depth, sink);
    }
}

fn embedded<'a>(messages: impl Iterator<Item = &'a [u8]>, depth: usize, sink: &mut dyn FieldSink) {
    let Some(depth) = depth.checked_sub(1) else { return };
    sink.open("embedded", Shape::List);
    messages.for_each(|bytes| message(bytes, depth, sink));
    sink.close();
}

fn pccc(data: &[u8], sink: &mut dyn FieldSink) {
    let Some(pccc) = Pccc::parts(data) else { return };
    number(sink, "pccc_cmd", pccc.cmd);
    number(sink, "pccc_status", pccc.sts);
    number(sink, "pccc_tns", pccc.tns);
    pccc.fnc.into_iter().for_each(|fnc| number(sink, "pccc_fnc", fnc));
}

/// Pairs of a segment's name and its value; keys and network segments are left out.
fn path(name: &'static str, path: Path<'_>, sink: &mut dyn FieldSink) {
    sink.open(name, Shape::List);
    path.segments().for_each(|part| segment(part, sink));
    sink.close();
}

fn segment(segment: Segment<'_>, sink: &mut dyn FieldSink) {
    /// The sub-types of data segments, as the truth files give them.
    const SIMPLE: u64 = 0;
    const SYMBOL: u64 = 0x11;
    let of = |value: u32| Field::Number(value.into());
    match segment {
        Segment::Class(class) => pair("class", of(class.into()), sink),
        Segment::Instance(instance) => pair("instance", of(instance), sink),
        Segment::Attribute(attribute) => pair("attribute", of(attribute.into()), sink),
        Segment::Member(member) => pair("member", of(member), sink),
        Segment::ConnectionPoint(point) => pair("connpoint", of(point), sink),
        Segment::Port(port, link) => {
            pair("port", of(port.into()), sink);
            pair("link", link_address(link), sink);
        }
        Segment::Symbol(symbol) => {
            pair("data_segment", Field::Number(SYMBOL), sink);
            pair("symbol", Field::Text(str::from_utf8(symbol).unwrap_or_default()), sink);
        }
        Segment::Data(_) => pair("data_segment", Field::Number(SIMPLE), sink),
        Segment::Key(_) | Segment::Network(..) | Segment::Service(_) => {}
    }
}

/// A slot is a number, an address is text.
fn link_address(link: &[u8]) -> Field<'_> {
    match link {
        [slot] => Field::Number(u64::from(*slot)),
        address => str::from_utf8(address).map_or(Field::Bytes(address), Field::Text),
    }
}

fn pair(name: &'static str, value: Field<'_>, sink: &mut dyn FieldSink) {
    sink.open("", Shape::List);
    sink.field("", Field::Text(name));
    sink.field("", value);
    sink.close();
}
