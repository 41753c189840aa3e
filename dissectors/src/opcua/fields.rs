//! Every field by name.
//!
//! Names are those of the truth files, so that the two can be compared. This is the reading for
//! people: it gives what can be read even of a chunk that [`command()`](super::command()) or
//! [`response()`](super::response()) refuses, and it goes by the type of the body, not by the direction.

use super::command::{response_header, type_of};
use super::frame::{Chunk, Kind, Security, Sequence, place};
use super::items::{self, Nodes, Target, Token};
use super::services::{self, ACTIVATE_SESSION, OPEN_SECURE_CHANNEL, SERVICE_FAULT};
use super::{Reader, Request};
use crate::{Direction, Field, FieldSink, Shape};

/// Names every field of `pdu`, in the order of the wire.
pub fn fields(pdu: &[u8], _direction: Direction, sink: &mut dyn FieldSink) {
    let (Some(chunk), Some(name)) = (Chunk::read(pdu), pdu.first_chunk::<3>()) else { return };
    text(sink, "type", name);
    text(sink, "chunk", &[chunk.place]);
    number(sink, "size", chunk.size);
    match chunk.kind {
        Kind::Hello => hello(&chunk, sink),
        Kind::Acknowledge => limits(&mut Reader::new(chunk.body), sink),
        Kind::Error => error(&chunk, sink),
        Kind::ReverseHello => reverse_hello(&chunk, sink),
        Kind::Open => open(&chunk, sink),
        Kind::Message | Kind::Close => message(&chunk, sink),
    }
}

fn number(sink: &mut dyn FieldSink, name: &'static str, value: impl Into<u64>) {
    sink.field(name, Field::Number(value.into()));
}

fn text(sink: &mut dyn FieldSink, name: &'static str, bytes: &[u8]) {
    sink.field(name, str::from_utf8(bytes).map_or(Field::Bytes(bytes), Field::Text));
}

fn each_number(reader: &mut Reader<'_>, names: &[&'static str], sink: &mut dyn FieldSink) {
    for name in names {
        reader.u32().into_iter().for_each(|value| number(sink, name, value));
    }
}

fn hello(chunk: &Chunk<'_>, sink: &mut dyn FieldSink) {
    let mut reader = Reader::new(chunk.body);
    limits(&mut reader, sink);
    reader.string().into_iter().for_each(|url| text(sink, "url", url));
}

fn limits(reader: &mut Reader<'_>, sink: &mut dyn FieldSink) {
    const NAMES: [&str; 5] =
        ["version", "receive_buffer", "send_buffer", "max_message", "max_chunks"];
    each_number(reader, &NAMES, sink);
}

fn error(chunk: &Chunk<'_>, sink: &mut dyn FieldSink) {
    let mut reader = Reader::new(chunk.body);
    each_number(&mut reader, &["error"], sink);
    reader.string().into_iter().for_each(|reason| text(sink, "reason", reason));
}

fn reverse_hello(chunk: &Chunk<'_>, sink: &mut dyn FieldSink) {
    let mut reader = Reader::new(chunk.body);
    reader.string().into_iter().for_each(|uri| text(sink, "server_uri", uri));
    reader.string().into_iter().for_each(|url| text(sink, "url", url));
}

fn open(chunk: &Chunk<'_>, sink: &mut dyn FieldSink) {
    let mut reader = Reader::new(chunk.body);
    let Some(security) = Security::take(&mut reader) else { return };
    number(sink, "scid", security.channel);
    text(sink, "policy", security.policy);
    sink.field("certificate", Field::Bytes(security.certificate));
    sink.field("thumbprint", Field::Bytes(security.thumbprint));
    if security.is_secured() {
        return sink.field("encrypted", Field::Flag(true));
    }
    each_number(&mut reader, &["seq", "request_id"], sink);
    let kind = reader.clone().node().and_then(|node| node.standard());
    kind.into_iter().for_each(|kind| number(sink, "service", kind));
    if kind == Some(OPEN_SECURE_CHANNEL.into()) {
        if let Some(mut request) = Request::read(chunk) {
            number(sink, "request_handle", request.handle);
            each_number(&mut request.body, &["client_version", "request_type", "mode"], sink);
        }
    } else if let Some(header) = super::request::ResponseHeader::take(&mut reader) {
        number(sink, "request_handle", header.handle);
        number(sink, "service_result", header.result);
    }
}

/// A MSG that does not begin with the type of a known service is taken for encrypted.
fn message(chunk: &Chunk<'_>, sink: &mut dyn FieldSink) {
    let Some(sequence) = Sequence::take(&mut Reader::new(chunk.body)) else { return };
    number(sink, "scid", sequence.channel);
    number(sink, "token", sequence.token);
    let kind = type_of(chunk).unwrap_or(0);
    let (request, response) = (services::find(kind), services::of_response(kind));
    let is_known = request.is_some() || response.is_some() || kind == SERVICE_FAULT;
    if chunk.place == place::FINAL && !is_known {
        return sink.field("encrypted", Field::Flag(true));
    }
    number(sink, "seq", sequence.number);
    number(sink, "request_id", sequence.request);
    if !is_known {
        return;
    }
    number(sink, "service", kind);
    if request.is_some() {
        request_fields(chunk, sink);
    } else if let Some(header) = response_header(chunk) {
        number(sink, "request_handle", header.handle);
        number(sink, "service_result", header.result);
    }
}

fn request_fields(chunk: &Chunk<'_>, sink: &mut dyn FieldSink) {
    let Some(request) = Request::read(chunk) else { return };
    number(sink, "request_handle", request.handle);
    sink.field("auth_token", Field::Node(request.authentication));
    let Some(service) = services::find(request.service) else { return };
    if request.service == ACTIVATE_SESSION {
        let token = items::identity(&mut request.body.clone()).map(|(token, _)| token);
        let row = Token::ALL.iter().find(|row| Some(row.0) == token);
        row.into_iter().for_each(|row| text(sink, "identity", row.3.as_bytes()));
    }
    if let Ok(Some(nodes)) = Nodes::of(&request, service) {
        sink.open("items", Shape::List);
        items_fields(nodes, service.request, sink);
        sink.close();
    }
}

fn items_fields(mut nodes: Nodes<'_>, service: u16, sink: &mut dyn FieldSink) {
    let is_path = service == services::TRANSLATE_BROWSE_PATHS;
    let first = if is_path { "StartingNode" } else { "NodeId" };
    while nodes.count() > 0 {
        let mut front = nodes.reader();
        let item = nodes.next_item();
        sink.open("", Shape::Object);
        match item {
            Some(item) => target(item.target, first, sink),
            // Of a call that cannot be read to its end, what it begins with.
            None if service == services::CALL => {
                front.node().into_iter().for_each(|node| sink.field("ObjectId", Field::Node(node)));
            }
            None => {}
        }
        if let Some(item) = item.filter(|_| has_attribute(service)) {
            number(sink, "AttributeId", item.start);
        }
        sink.close();
        if item.is_none() {
            return;
        }
    }
}

fn target(target: Option<Target<'_>>, name: &'static str, sink: &mut dyn FieldSink) {
    match target {
        Some(Target::Node(node)) => sink.field(name, Field::Node(node)),
        Some(Target::Method { object, method }) => {
            sink.field("ObjectId", Field::Node(object));
            sink.field("MethodId", Field::Node(method));
        }
        _ => {}
    }
}

const fn has_attribute(service: u16) -> bool {
    matches!(service, services::READ | services::WRITE | services::CREATE_MONITORED_ITEMS)
}
