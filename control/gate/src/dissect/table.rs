//! PDUs as a table for people: one line each.

use std::fmt::{self, Write};

use wicketgate_dissectors::{Command, Direction, Field, Item, Space, Values};
use wicketgate_packet::Time;

use super::pdu::Pdu;
use super::values;
use crate::words;

/// Values shown of a list; the rest is "...".
const MAX_VALUES: usize = 8;

/// What stands above the lines.
pub(super) const HEAD: &str = "      TIME s  FRAME      CLIENT                   SERVER                 UNIT  \
     CLASS          WHAT\n";

/// Writes lines into one buffer, used over and over.
#[derive(Debug, Default)]
pub(super) struct Table {
    line: String,
    /// When the first PDU was seen: times are shown from there.
    start: Option<Time>,
}

impl Table {
    /// The line of a PDU, with its end.
    pub(super) fn line(&mut self, pdu: &Pdu<'_>) -> &str {
        self.line.clear();
        // Writing to a String never fails.
        let _ = self.write(pdu);
        &self.line
    }

    fn write(&mut self, pdu: &Pdu<'_>) -> fmt::Result {
        let start = *self.start.get_or_insert(pdu.stamp.time);
        let line = &mut self.line;
        let time = pdu.stamp.time.since(start);
        let arrow = match pdu.direction {
            Direction::ToServer => "->",
            Direction::ToClient => "<-",
        };
        write!(line, "{:>5}.{:06}", time.as_secs(), time.subsec_micros())?;
        write!(line, "  {:<8}", pdu.stamp.frame)?;
        write!(line, " {:<21} {arrow} {:<21}", pdu.path.client, pdu.path.server)?;
        write!(line, " {:>4}  {:<14}", pdu.path.protocol.unit(pdu.bytes), pdu.class.name())?;
        write!(line, " {}", pdu.name)?;
        write_detail(line, pdu)?;
        if let Some(fault) = pdu.fault {
            write!(line, "  MALFORMED: {fault}")?;
        }
        line.push('\n');
        Ok(())
    }
}

/// What a request touches, or what a response brings.
fn write_detail(line: &mut String, pdu: &Pdu<'_>) -> fmt::Result {
    match (pdu.direction, pdu.path.protocol.command(pdu.bytes)) {
        (Direction::ToServer, Ok(command)) => write_command(line, command),
        (Direction::ToServer, Err(_)) => Ok(()),
        (Direction::ToClient, _) => {
            let mut written = Ok(());
            pdu.path.protocol.fields(
                pdu.bytes,
                pdu.direction,
                &mut |name: &str, value: Field<'_>| {
                    if written.is_ok() {
                        written = write_result(line, name, value);
                    }
                },
            );
            written
        }
    }
}

fn write_command(line: &mut String, command: Command<'_>) -> fmt::Result {
    if command.name == "unknown" {
        write!(line, " function {}", command.function)?;
        command.sub.map_or(Ok(()), |sub| write!(line, "/{sub}"))?;
    }
    command.items.into_iter().try_for_each(|item| write_item(line, &item))
}

fn write_item(line: &mut String, item: &Item<'_>) -> fmt::Result {
    let start = item.start;
    let last = start.saturating_add(item.count.saturating_sub(1));
    match item.space {
        Space::None => return Ok(()),
        Space::Tag
        | Space::Object { .. }
        | Space::DataFile { .. }
        | Space::Memory { .. }
        | Space::Nck { .. }
        | Space::Block(_)
        | Space::Szl
        | Space::Role
        | Space::Node
        | Space::Method
        | Space::Channel
        | Space::Identity => {
            let object = (item.space, item.start, item.count);
            write!(line, " {}", words::object(object, &item.label()))?;
            return write_scalars(line, item.values);
        }
        Space::File(number) => write!(line, " file {number} {start}")?,
        _ => write!(line, " {start}")?,
    }
    if last > start {
        write!(line, "-{last}")?;
    }
    write_written(line, item)
}

/// The values that an item writes: `5 6`; nothing where it writes none.
pub(crate) fn written(item: &Item<'_>) -> String {
    let mut line = String::new();
    // Writing to a String never fails.
    let _ = write_written(&mut line, item);
    line.trim_start_matches([' ', '=']).to_owned()
}

fn write_written(line: &mut String, item: &Item<'_>) -> fmt::Result {
    match item.values {
        Values::None => Ok(()),
        Values::Registers(bytes) => write_values(line, values::registers(bytes)),
        Values::Coils(bytes) => write_values(line, values::bits(bytes, item.count as usize)),
        Values::Mask { and, or } => write!(line, " and {and:#06x} or {or:#06x}"),
        Values::Scalars(..) | Values::Raw(_) => write_scalars(line, item.values),
    }
}

fn write_scalars(line: &mut String, values: Values<'_>) -> fmt::Result {
    let (scalar, bytes) = match values {
        Values::Scalars(scalar, bytes) => (scalar, bytes),
        Values::Raw(bytes) => return write_bytes(line, bytes),
        _ => return Ok(()),
    };
    let mut separator = " = ";
    for number in scalar.numbers(bytes).take(MAX_VALUES) {
        write!(line, "{separator}{number}")?;
        separator = " ";
    }
    let more = bytes.len() > MAX_VALUES * scalar.size();
    line.write_str(if more { " ..." } else { "" })
}

/// Bytes of no type that is known.
fn write_bytes(line: &mut String, bytes: &[u8]) -> fmt::Result {
    let shown = bytes.get(..bytes.len().min(MAX_VALUES)).unwrap_or_default();
    line.push_str(" = ");
    shown.iter().try_for_each(|byte| write!(line, "{byte:02x}"))?;
    line.write_str(if bytes.len() > MAX_VALUES { "..." } else { "" })
}

/// The fields of a response that say something the request did not.
fn write_result(line: &mut String, name: &str, value: Field<'_>) -> fmt::Result {
    match (name, value) {
        ("exc_code", Field::Number(code)) => write!(line, " EXCEPTION {code}"),
        ("status", Field::Number(status)) if status != 0 => write!(line, " STATUS {status:#04x}"),
        (_, Field::Registers(bytes)) => write_values(line, values::registers(bytes)),
        (_, Field::Bits(bytes, count)) => write_values(line, values::bits(bytes, count)),
        (_, Field::Text(text)) => write!(line, " {text:?}"),
        _ => Ok(()),
    }
}

fn write_values(line: &mut String, mut values: impl Iterator<Item = u16>) -> fmt::Result {
    let mut separator = " = ";
    for value in values.by_ref().take(MAX_VALUES) {
        write!(line, "{separator}{value}")?;
        separator = " ";
    }
    if values.next().is_some() { line.write_str(" ...") } else { Ok(()) }
}
