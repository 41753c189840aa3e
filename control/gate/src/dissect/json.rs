//! One PDU as one JSON object on one line (DESIGN 4).

use std::fmt::Write;
use std::ops::Range;

use wicketgate_dissectors::{Direction, Field, FieldSink, Shape, Transport};

use super::pdu::Pdu;

/// Writes lines into one buffer, used over and over.
#[derive(Debug, Default)]
pub(super) struct Json {
    line: String,
    fields: Fields,
}

impl Json {
    /// The line of a PDU, the `index`th of its frame, with its end.
    pub(super) fn line(&mut self, pdu: &Pdu<'_>, index: u32) -> &str {
        self.line.clear();
        // Writing to a String never fails.
        let _ = self.write(pdu, index);
        &self.line
    }

    fn write(&mut self, pdu: &Pdu<'_>, index: u32) -> std::fmt::Result {
        let line = &mut self.line;
        let (from, to) = pdu.path.ends(pdu.direction);
        let nanos = pdu.stamp.time.as_nanos();
        let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        write!(line, "{{\"frame\":{},\"pdu\":{index}", pdu.stamp.frame)?;
        write!(line, ",\"time\":\"{seconds}.{nanos:09}\",\"l4\":\"{}\"", l4(pdu.path.transport))?;
        write!(line, ",\"src\":\"{}\",\"sport\":{}", from.ip(), from.port())?;
        write!(line, ",\"dst\":\"{}\",\"dport\":{}", to.ip(), to.port())?;
        write!(line, ",\"dir\":\"{}\"", direction(pdu.direction))?;
        write_vlan(line, pdu)?;
        let layer = pdu.path.protocol.layer(pdu.bytes);
        write!(line, ",\"proto\":\"{layer}\",\"fields\":{{")?;
        self.fields.clear();
        pdu.path.protocol.fields(pdu.bytes, pdu.direction, &mut self.fields);
        self.fields.write(line);
        write!(line, "}},\"class\":\"{}\",\"name\":\"{}\"", pdu.class, pdu.name)?;
        if let Some(frame) = pdu.answers {
            write!(line, ",\"answers\":{frame}")?;
        }
        if let Some(fault) = pdu.fault {
            write!(line, ",\"malformed\":\"{fault}\"")?;
        }
        line.write_str("}\n")
    }
}

fn l4(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Icmp => "ip",
    }
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::ToServer => "c2s",
        Direction::ToClient => "s2c",
    }
}

/// The VLAN ids, outermost first, of a frame that had tags.
fn write_vlan(line: &mut String, pdu: &Pdu<'_>) -> std::fmt::Result {
    let mut separator = ",\"vlan\":[";
    for tag in pdu.stamp.tags.iter().flatten() {
        write!(line, "{separator}{}", tag & 0x0fff)?;
        separator = ",";
    }
    if separator == "," { line.write_char(']') } else { Ok(()) }
}

/// The fields of one PDU. A name that comes more than once gets a list.
#[derive(Debug, Default)]
struct Fields {
    /// All values, one after the other, as JSON.
    values: String,
    /// Name and place of each.
    entries: Vec<(&'static str, Range<usize>)>,
    /// What is open, outermost first.
    open: Vec<Shape>,
}

impl FieldSink for Fields {
    fn field(&mut self, name: &'static str, value: Field<'_>) {
        self.begin(name);
        // Writing to a String never fails.
        let _ = write_value(&mut self.values, value);
        self.end();
    }

    fn open(&mut self, name: &'static str, shape: Shape) {
        self.begin(name);
        self.open.push(shape);
        self.values.push(if shape == Shape::List { '[' } else { '{' });
    }

    fn close(&mut self) {
        match self.open.pop() {
            Some(Shape::List) => self.values.push(']'),
            Some(Shape::Object) => self.values.push('}'),
            None => return,
        }
        self.end();
    }
}

impl Fields {
    fn clear(&mut self) {
        self.values.clear();
        self.entries.clear();
        self.open.clear();
    }

    /// A value follows: an entry of its own, or a part of what is open.
    fn begin(&mut self, name: &'static str) {
        let Some(shape) = self.open.last() else {
            return self.entries.push((name, self.values.len()..0));
        };
        if !self.values.ends_with(['[', '{']) {
            self.values.push(',');
        }
        if *shape == Shape::Object {
            self.values.push('"');
            self.values.push_str(name);
            self.values.push_str("\":");
        }
    }

    /// The value that was begun last is there.
    fn end(&mut self) {
        let end = self.values.len();
        if let Some((_, range)) = self.entries.last_mut().filter(|_| self.open.is_empty()) {
            range.end = end;
        }
    }

    fn write(&self, line: &mut String) {
        for (at, (name, _)) in self.entries.iter().enumerate() {
            if self.named(name).next().is_none_or(|(first, _)| first != at) {
                continue;
            }
            line.push_str(if at == 0 { "\"" } else { ",\"" });
            line.push_str(name);
            line.push_str("\":");
            self.write_values(name, line);
        }
    }

    /// Index and value of each entry of that name.
    fn named(&self, name: &str) -> impl Iterator<Item = (usize, &str)> {
        let named = self.entries.iter().enumerate().filter(move |(_, entry)| entry.0 == name);
        named.map(|(at, entry)| (at, self.values.get(entry.1.clone()).unwrap_or_default()))
    }

    fn write_values(&self, name: &str, line: &mut String) {
        let is_list = self.named(name).nth(1).is_some();
        if is_list {
            line.push('[');
        }
        for (nth, (_, value)) in self.named(name).enumerate() {
            line.push_str(if nth == 0 { "" } else { "," });
            line.push_str(value);
        }
        if is_list {
            line.push(']');
        }
    }
}

fn write_value(out: &mut String, value: Field<'_>) -> std::fmt::Result {
    match value {
        Field::Number(number) => write!(out, "{number}"),
        Field::Flag(flag) => write!(out, "{flag}"),
        Field::Bytes(bytes) => write_hex(out, bytes),
        Field::Text(text) => write_text(out, text),
        Field::Node(node) => write_text(out, &node.to_string()),
        Field::Registers(bytes) => write_list(out, super::values::registers(bytes)),
        Field::Bits(bytes, count) => write_list(out, super::values::bits(bytes, count)),
    }
}

fn write_hex(out: &mut String, bytes: &[u8]) -> std::fmt::Result {
    out.push('"');
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
    out.write_char('"')
}

/// A string as RFC 8259 section 7 wants it.
fn write_text(out: &mut String, text: &str) -> std::fmt::Result {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => write!(out, "\\{letter}")?,
            control if u32::from(control) < 0x20 => write!(out, "\\u{:04x}", u32::from(control))?,
            other => out.push(other),
        }
    }
    out.write_char('"')
}

fn write_list(out: &mut String, numbers: impl Iterator<Item = u16>) -> std::fmt::Result {
    let mut separator = "[";
    for number in numbers {
        write!(out, "{separator}{number}")?;
        separator = ",";
    }
    out.write_str(if separator == "[" { "[]" } else { "]" })
}
