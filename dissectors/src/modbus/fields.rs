//! Every field by name.
//!
//! Names are those of the truth files, so that the two can be compared. This is the reading for
//! people: it gives what can be read even of an ADU that [`command()`](super::command()) or
//! [`response()`](super::response()) refuses.

use super::functions::{
    DIAGNOSTICS, ENCAPSULATED_INTERFACE, GET_COMM_EVENT_COUNTER, GET_COMM_EVENT_LOG,
    MASK_WRITE_REGISTER, READ_COILS, READ_DEVICE_IDENTIFICATION, READ_DISCRETE_INPUTS,
    READ_FIFO_QUEUE, READ_FILE_RECORD, READ_HOLDING_REGISTERS, READ_INPUT_REGISTERS,
    READ_WRITE_MULTIPLE_REGISTERS, REPORT_SERVER_ID, UMAS, WRITE_FILE_RECORD, WRITE_MULTIPLE_COILS,
    WRITE_MULTIPLE_REGISTERS, WRITE_SINGLE_COIL, WRITE_SINGLE_REGISTER,
};
use super::records::{self, Record};
use super::response::take_object;
use super::{Adu, EXCEPTION, words};
use crate::{Direction, Field, FieldSink};

/// Names every field of `adu`, in the order of the wire. Nothing below 8 bytes.
///
/// `func` is the function code without its exception bit; `exception` says whether that was set.
pub fn fields(adu: &[u8], direction: Direction, sink: &mut dyn FieldSink) {
    let Some(adu) = Adu::read(adu) else { return };
    let function = adu.function & !EXCEPTION;
    let exception = adu.function & EXCEPTION != 0;
    number(sink, "trans_id", adu.transaction);
    number(sink, "prot_id", adu.protocol);
    number(sink, "len", adu.length);
    number(sink, "unit_id", adu.unit);
    number(sink, "func", function);
    sink.field("exception", Field::Flag(exception));
    if exception {
        parts(&[U8("exc_code")], adu.data, sink);
    } else {
        data(function, direction, adu.data, sink);
    }
}

/// One field of fixed size, or all that is left.
enum Part {
    U8(&'static str),
    U16(&'static str),
    /// The rest, as bytes.
    Bytes(&'static str),
    /// The rest, as registers.
    Registers(&'static str),
    /// The rest, as bits.
    Bits(&'static str),
}
use Part::{Bits, Bytes, Registers, U8, U16};

fn data(function: u8, direction: Direction, data: &[u8], sink: &mut dyn FieldSink) {
    match (function, direction) {
        (READ_FILE_RECORD, Direction::ToServer) => records(data, false, sink),
        (READ_FILE_RECORD, Direction::ToClient) => records_read(data, sink),
        (WRITE_FILE_RECORD, _) => records(data, true, sink),
        (ENCAPSULATED_INTERFACE, _) => encapsulated(direction, data, sink),
        _ => parts(layout(function, direction), data, sink),
    }
}

/// How the data of a function are laid out (AP 6). Bytes behind the last part are `data`.
fn layout(function: u8, direction: Direction) -> &'static [Part] {
    use Direction::{ToClient, ToServer};
    match (function, direction) {
        (READ_COILS | READ_DISCRETE_INPUTS, ToServer) | (WRITE_MULTIPLE_COILS, ToClient) => {
            &[U16("ref"), U16("bit_cnt")]
        }
        (READ_COILS | READ_DISCRETE_INPUTS, ToClient) => &[U8("byte_cnt"), Bits("bits")],
        (READ_HOLDING_REGISTERS | READ_INPUT_REGISTERS, ToServer)
        | (WRITE_MULTIPLE_REGISTERS, ToClient) => &[U16("ref"), U16("word_cnt")],
        (READ_HOLDING_REGISTERS | READ_INPUT_REGISTERS, ToClient) => {
            &[U8("byte_cnt"), Registers("regs")]
        }
        (WRITE_SINGLE_COIL | WRITE_SINGLE_REGISTER, _) | (READ_FIFO_QUEUE, ToServer) => {
            &[U16("ref")]
        }
        (WRITE_MULTIPLE_COILS, ToServer) => &[U16("ref"), U16("bit_cnt"), U8("byte_cnt")],
        (WRITE_MULTIPLE_REGISTERS, ToServer) => {
            &[U16("ref"), U16("word_cnt"), U8("byte_cnt"), Registers("regs")]
        }
        (MASK_WRITE_REGISTER, _) => &[U16("ref"), U16("and_mask"), U16("or_mask")],
        (READ_WRITE_MULTIPLE_REGISTERS, ToServer) => {
            &[U16("read_ref"), U16("read_cnt"), U16("write_ref"), U16("write_cnt"), U8("byte_cnt")]
        }
        (READ_WRITE_MULTIPLE_REGISTERS | REPORT_SERVER_ID, ToClient) => &[U8("byte_cnt")],
        (READ_FIFO_QUEUE, ToClient) => &[U16("byte_cnt"), U16("word_cnt")],
        (DIAGNOSTICS, _) => &[U16("diag")],
        (GET_COMM_EVENT_COUNTER, ToClient) => &[U16("event_status"), U16("event_cnt")],
        (GET_COMM_EVENT_LOG, ToClient) => &[
            U8("byte_cnt"),
            U16("event_status"),
            U16("event_cnt"),
            U16("message_cnt"),
            Bytes("events"),
        ],
        (UMAS, _) => &[U8("umas_session"), U8("umas_func")],
        _ => &[],
    }
}

/// Names the parts of `data` as far as they are there; what is left over is `data`.
fn parts(layout: &[Part], mut data: &[u8], sink: &mut dyn FieldSink) {
    for part in layout {
        let Some(rest) = take(part, data, sink) else { break };
        data = rest;
    }
    if !data.is_empty() {
        sink.field("data", Field::Bytes(data));
    }
}

/// Names one part and returns what follows; `None` if it is not all there.
fn take<'a>(part: &Part, data: &'a [u8], sink: &mut dyn FieldSink) -> Option<&'a [u8]> {
    match *part {
        U8(name) => {
            let (&value, rest) = data.split_first()?;
            number(sink, name, value);
            return Some(rest);
        }
        U16(name) => {
            let ([value], rest) = words(data)?;
            number(sink, name, value);
            return Some(rest);
        }
        Bytes(name) => sink.field(name, Field::Bytes(data)),
        Registers(name) => sink.field(name, Field::Registers(data)),
        Bits(name) => sink.field(name, Field::Bits(data, 8 * data.len())),
    }
    Some(&[])
}

fn number(sink: &mut dyn FieldSink, name: &'static str, value: impl Into<u64>) {
    sink.field(name, Field::Number(value.into()));
}

/// Groups of function 20 requests, and of 21 both ways (AP 6.14, 6.15).
///
/// `ref` and `word_cnt`, the names that other tools have for them, are those of the first group.
fn records(data: &[u8], write: bool, sink: &mut dyn FieldSink) {
    let Some(mut groups) = take(&U8("byte_cnt"), data, sink) else { return };
    let mut first = true;
    while let Some(record) = Record::take(&mut groups, write) {
        if core::mem::take(&mut first) {
            number(sink, "ref", u32::from(record.file) << 16 | u32::from(record.record));
            number(sink, "word_cnt", record.length);
        }
        name_record(&record, sink);
    }
    parts(&[], groups, sink);
}

fn name_record(record: &Record<'_>, sink: &mut dyn FieldSink) {
    number(sink, "ref_type", record.reference_type);
    number(sink, "file", record.file);
    number(sink, "record", record.record);
    number(sink, "record_len", record.length);
    parts(&[], record.data, sink);
}

/// Groups of function 20 responses (AP 6.14).
fn records_read(data: &[u8], sink: &mut dyn FieldSink) {
    let Some(mut groups) = take(&U8("byte_cnt"), data, sink) else { return };
    while let Some((reference_type, registers)) = records::take_read(&mut groups) {
        number(sink, "ref_type", reference_type);
        sink.field("data", Field::Bytes(registers));
    }
    parts(&[], groups, sink);
}

/// MEI transport (AP 6.19): device identification is read, anything else is `data`.
fn encapsulated(direction: Direction, data: &[u8], sink: &mut dyn FieldSink) {
    let Some((&mei, rest)) = data.split_first() else { return };
    number(sink, "mei", mei);
    match direction {
        _ if u16::from(mei) != READ_DEVICE_IDENTIFICATION => parts(&[], rest, sink),
        Direction::ToServer => parts(&[U8("read_device_id"), U8("object_id")], rest, sink),
        Direction::ToClient => device_identification(rest, sink),
    }
}

/// Response to read device identification (AP 6.21).
fn device_identification(data: &[u8], sink: &mut dyn FieldSink) {
    let Some((head, mut objects)) = data.split_first_chunk::<5>() else {
        return parts(&[U8("read_device_id")], data, sink);
    };
    let names =
        ["read_device_id", "conformity_level", "more_follows", "next_object_id", "num_objects"];
    for (name, value) in names.into_iter().zip(head) {
        number(sink, name, *value);
    }
    while let Some((object, value)) = take_object(&mut objects) {
        number(sink, "object_id", object);
        sink.field("object_value", text_or_bytes(value));
    }
    parts(&[], objects, sink);
}

/// Objects are ASCII (AP 6.21), but a device may say anything.
fn text_or_bytes(value: &[u8]) -> Field<'_> {
    match core::str::from_utf8(value) {
        Ok(text) if value.iter().all(|byte| matches!(byte, b' '..=b'~')) => Field::Text(text),
        _ => Field::Bytes(value),
    }
}
