//! Every field by name.
//!
//! Names are those of the truth files, so that the two can be compared. This is the reading for people: it
//! gives what can be read even of a PDU that [`command()`](super::command()) or
//! [`response()`](super::response()) refuses.

use super::command::{program_name, text};
use super::frame::tpdu;
use super::functions::{
    self, PI_SERVICE, PLC_STOP, READ_VAR, REQUEST_DOWNLOAD, SETUP, START_UPLOAD, WRITE_VAR, group,
};
use super::message::{self, rosctr};
use super::userdata::{self, Userdata};
use super::variables::{Any, Area, Datum, Variable};
use super::{Connect, Message, Plus, Tpdu, Tsdu, plus};
use crate::{Direction, Field, FieldSink, Shape};

/// Which layer a PDU is of: `cotp`, `s7comm` or `s7commplus`.
pub fn layer(pdu: &[u8]) -> &'static str {
    match Tpdu::read(pdu) {
        Some(Tpdu::Data(data)) => match data.peek() {
            Some(message::ID) => "s7comm",
            Some(plus::ID) => "s7commplus",
            _ => "cotp",
        },
        _ => "cotp",
    }
}

/// Names every field of `pdu`, in the order of the wire. Nothing of one that is cut short.
pub fn fields(pdu: &[u8], _direction: Direction, sink: &mut dyn FieldSink) {
    match Tpdu::read(pdu) {
        Some(Tpdu::Control(kind, rest)) => control(kind, rest, sink),
        Some(Tpdu::Data(data)) => match data.peek() {
            Some(message::ID) => of_message(data, sink),
            Some(plus::ID) => of_plus(data, sink),
            _ => {
                sink.field("type", Field::Text("DT"));
                bytes("data", data, sink);
            }
        },
        None => {}
    }
}

fn number(sink: &mut dyn FieldSink, name: &'static str, value: impl Into<u64>) {
    sink.field(name, Field::Number(value.into()));
}

/// Bytes, as many as are shown of a run.
fn bytes(name: &'static str, run: Tsdu<'_>, sink: &mut dyn FieldSink) {
    const SHOWN: usize = 1024;
    sink.field(name, Field::Bytes(run.copy_to(&mut [0; SHOWN])));
}

/// Text, if it is printable.
fn word(name: &'static str, run: Tsdu<'_>, sink: &mut dyn FieldSink) {
    let mut room = [0; 255];
    let letters = run.copy_to(&mut room);
    let is_text = letters.iter().all(|letter| matches!(letter, b' '..=b'~'));
    match core::str::from_utf8(letters) {
        Ok(text) if is_text => sink.field(name, Field::Text(text)),
        _ => sink.field(name, Field::Bytes(letters)),
    }
}

fn control(kind: u8, rest: &[u8], sink: &mut dyn FieldSink) {
    let name = match kind {
        tpdu::CR => "CR",
        tpdu::CC => "CC",
        tpdu::DR => "DR",
        tpdu::DC => "DC",
        _ => "ER",
    };
    sink.field("type", Field::Text(name));
    let Some(connect) = Connect::read(rest).filter(|_| matches!(kind, tpdu::CR | tpdu::CC)) else {
        return sink.field("data", Field::Bytes(rest));
    };
    number(sink, "src_ref", connect.source);
    number(sink, "dst_ref", connect.destination);
    if connect.size > 0 {
        number(sink, "tpdu_size", 1_u64.checked_shl(connect.size.into()).unwrap_or(0));
    }
    number(sink, "class", connect.class >> 4);
    sink.field("src_tsap", Field::Bytes(connect.calling));
    sink.field("dst_tsap", Field::Bytes(connect.called));
    if let Some(role) = connect.role() {
        sink.field("role", Field::Text(role.name()));
    }
}

fn of_plus(data: Tsdu<'_>, sink: &mut dyn FieldSink) {
    let Ok(plus) = Plus::read(data) else { return bytes("data", data, sink) };
    number(sink, "version", plus.version);
    number(sink, "length", plus.length);
    if plus.digest {
        sink.field("integrity", Field::Flag(true));
    }
    let Some(head) = plus.head() else { return bytes("data", plus.data, sink) };
    number(sink, "opcode", head.opcode);
    if head.opcode != plus::opcode::NOTIFICATION {
        number(sink, "function", head.function);
        number(sink, "seq", head.sequence);
    }
    bytes("data", head.data, sink);
}

fn of_message(data: Tsdu<'_>, sink: &mut dyn FieldSink) {
    let mut front = data;
    let Ok(header) = Message::header(&mut front) else { return bytes("data", data, sink) };
    number(sink, "rosctr", header.rosctr);
    number(sink, "pduref", header.reference);
    number(sink, "param_len", header.parameters_length);
    number(sink, "data_len", header.data_length);
    if let Some((class, code)) = header.error {
        number(sink, "errcls", class);
        number(sink, "errcod", code);
    }
    let Ok(message) = Message::read(data) else {
        if let Some(function) = front.peek() {
            number(sink, "func", function);
        }
        return bytes("data", front, sink);
    };
    match message.rosctr {
        rosctr::USERDATA => of_userdata(&message, sink),
        _ => job(&message, sink),
    }
}

fn job(message: &Message<'_>, sink: &mut dyn FieldSink) {
    let mut parameters = message.parameters;
    let Some(code) = parameters.byte() else { return bytes("data", message.data, sink) };
    number(sink, "func", code);
    let asks = message.rosctr == rosctr::JOB;
    match code {
        READ_VAR | WRITE_VAR => variables(parameters, message, sink),
        SETUP => {
            if let Some([_, _, _, _, _, size, low]) = parameters.array() {
                number(sink, "pdu_size", u16::from_be_bytes([size, low]));
            }
        }
        REQUEST_DOWNLOAD..=START_UPLOAD if asks => {
            parameters.part(7);
            if let Some(name) = text(&mut parameters) {
                word("filename", name, sink);
            }
        }
        PI_SERVICE if asks => {
            if let Some(name) = program_name(message.parameters) {
                word("pi_service", name, sink);
            }
            parameters.part(7);
            let length = parameters.word().unwrap_or_default();
            if let Some(argument) = parameters.part(length.into()).filter(|it| !it.is_empty()) {
                word("pi_argument", argument, sink);
            }
        }
        PLC_STOP if asks => {
            parameters.part(5);
            if let Some(name) = text(&mut parameters) {
                word("pi_service", name, sink);
            }
        }
        _ => bytes("data", message.data, sink),
    }
}

/// The items of a request; the values of a write, and of an answer.
fn variables(mut parameters: Tsdu<'_>, message: &Message<'_>, sink: &mut dyn FieldSink) {
    let Some(count) = parameters.byte() else { return };
    number(sink, "item_count", count);
    if message.rosctr == rosctr::JOB {
        sink.open("items", Shape::List);
        for left in (0..count).rev() {
            let Some(variable) = Variable::take(&mut parameters, left == 0) else { break };
            item(variable, sink);
        }
        sink.close();
    }
    let mut data = message.data;
    if data.is_empty() {
        return;
    }
    sink.open("data", Shape::List);
    for left in (0..count).rev() {
        // Of a write only the code is answered.
        if message.rosctr != rosctr::JOB && data.len() < 4 {
            break;
        }
        let Some(datum) = Datum::take(&mut data, left == 0) else { break };
        value(&datum, sink);
    }
    sink.close();
}

fn item(variable: Variable<'_>, sink: &mut dyn FieldSink) {
    sink.open("item", Shape::Object);
    match variable {
        Variable::Any(any) => place(&any, sink),
        Variable::Nck([unit, c, column, l, line, module, lines]) => {
            number(sink, "syntax", *super::variables::syntax::NCK.start());
            number(sink, "nck_area", unit >> 5);
            number(sink, "nck_unit", unit & 0x1f);
            number(sink, "nck_column", u16::from_be_bytes([c, column]));
            number(sink, "nck_line", u16::from_be_bytes([l, line]));
            number(sink, "nck_module", module);
            number(sink, "nck_lines", lines);
        }
        Variable::Other(syntax, rest) => {
            number(sink, "syntax", syntax);
            bytes("data", rest, sink);
        }
    }
    sink.close();
}

fn place(any: &Any, sink: &mut dyn FieldSink) {
    number(sink, "syntax", super::variables::syntax::S7ANY);
    number(sink, "transport", any.transport);
    number(sink, "length", any.length);
    number(sink, "db", any.db);
    number(sink, "area", any.area);
    if Area::of(any.area).is_some_and(Area::is_counted) {
        number(sink, "number", any.address);
    } else {
        number(sink, "byte", any.address >> 3);
        number(sink, "bit", any.address & 7);
    }
}

fn value(datum: &Datum<'_>, sink: &mut dyn FieldSink) {
    sink.open("value", Shape::Object);
    number(sink, "rc", datum.code);
    number(sink, "transport", datum.transport);
    number(sink, "length", datum.length);
    bytes("data", datum.bytes, sink);
    sink.close();
}

fn of_userdata(message: &Message<'_>, sink: &mut dyn FieldSink) {
    let Ok(parameters) = Userdata::read(message.parameters) else {
        return bytes("data", message.parameters, sink);
    };
    number(sink, "ud_method", parameters.method);
    number(sink, "ud_type", parameters.kind);
    number(sink, "ud_group", parameters.group);
    number(sink, "ud_subfunc", parameters.subfunction);
    number(sink, "ud_seq", parameters.sequence);
    if let Some((_, last, error)) = parameters.answer {
        number(sink, "ud_last", last);
        number(sink, "param_err", error);
    }
    let Ok(data) = userdata::data(message) else { return bytes("data", message.data, sink) };
    let is_szl = (parameters.group, parameters.subfunction) == (group::CPU, 1);
    match szl(data).filter(|_| is_szl) {
        Some((id, index)) => {
            number(sink, "szl_id", id);
            number(sink, "szl_index", index);
        }
        None => bytes("data", data, sink),
    }
}

/// Id and index of a list of the system state: of a request all there is, of an answer behind them the
/// length and number of its entries. What continues an answer has neither.
fn szl(mut data: Tsdu<'_>) -> Option<(u16, u16)> {
    let (id, index) = (data.word()?, data.word()?);
    if let Some(length) = data.word() {
        let all = u32::from(length) * u32::from(data.word()?);
        let here = u32::try_from(data.len()).ok()?;
        (here <= all && all <= u32::from(u16::MAX)).then_some(())?;
    }
    Some((id, index))
}

// Between them lie the jobs of a download that name a file.
const _: () = assert!(functions::REQUEST_DOWNLOAD < functions::START_UPLOAD);
