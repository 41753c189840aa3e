//! Requests: what they ask for.

use super::functions::{self, Function};
use super::records::{self, Record};
use super::{Adu, EXCEPTION, counted, words};
use crate::{Class, Command, Item, Items, Key, NotTheProtocol, Protocol, Space, Values};

/// Elements of a table, addressed from 0 (AP 4.4).
pub(super) const TABLE: u32 = 0x1_0000;

/// Codes of device identification: basic, regular, extended, one object (AP 6.21).
const READ_DEVICE_ID_CODES: core::ops::RangeInclusive<u8> = 1..=4;

/// The two values that a coil may be set to (AP 6.5).
const COIL_ON: u16 = 0xff00;
const COIL_OFF: u16 = 0x0000;

/// What pairs a request with its response: the transaction and unit identifiers, echoed by the
/// server (TCP 3.1.3), and the function code without its exception bit.
///
/// `None` if `adu` is shorter than a header and a function code.
#[inline(always)]
pub fn key(adu: &[u8]) -> Option<Key> {
    let adu = Adu::read(adu)?;
    Some(Key {
        transaction: u64::from(adu.transaction) << 8 | u64::from(adu.unit),
        function: u16::from(adu.function & !EXCEPTION),
        answered: is_answered(&adu),
    })
}

/// Whether a server answers this request: all but "force listen only" (AP 6.8.1).
#[inline]
pub(super) fn is_answered(request: &Adu<'_>) -> bool {
    request.function != functions::DIAGNOSTICS
        || request.sub() != Some(functions::FORCE_LISTEN_ONLY)
}

/// What the request `adu` asks for.
///
/// A function that is not known is a command of class `unknown` with its raw code, not an error.
///
/// # Errors
/// The envelope is wrong, the function code cannot occur in a request, or the data are not what the
/// function demands.
#[inline]
pub fn command(adu: &[u8]) -> Result<Command<'_>, NotTheProtocol> {
    of_adu(&Adu::whole(adu)?)
}

/// The same of an ADU in parts: other protocols carry the PDU without its header.
///
/// # Errors
/// Those of [`command()`], but for the envelope.
#[inline]
pub fn of_adu<'a>(adu: &Adu<'a>) -> Result<Command<'a>, NotTheProtocol> {
    if adu.function == 0 || adu.function & EXCEPTION != 0 {
        return Err(NotTheProtocol::Function);
    }
    let sub = adu.sub();
    let function = functions::find(adu.function, sub);
    let asks_for = |items: Items<'a>| Command {
        protocol: Protocol::Modbus,
        class: function.class,
        function: u16::from(adu.function),
        sub,
        unit: adu.unit,
        name: function.name,
        items,
    };
    if is_read(adu.function) {
        // What is asked most by far is made where it is to lie.
        return read(function, adu.data).map(|item| asks_for(Items::one(item)));
    }
    items(function, adu).map(asks_for)
}

/// Whether a function reads one of the four tables.
const fn is_read(function: u8) -> bool {
    matches!(function, functions::READ_COILS..=functions::READ_INPUT_REGISTERS)
}

/// Takes the next file record off `rest`, groups of function 20 or, with their data, of function 21
/// (`write`). Ends at a group that is not all there.
pub fn next_record<'a>(rest: &mut &'a [u8], write: bool) -> Option<Item<'a>> {
    let record = Record::take(rest, write)?;
    Some(Item {
        class: if write { Class::FileWrite } else { Class::FileRead },
        space: Space::File(record.file),
        start: u32::from(record.record),
        count: u32::from(record.length),
        values: if write { Values::Registers(record.data) } else { Values::None },
        ..Item::bare(Class::FileRead)
    })
}

/// The items of a request that [reads](is_read) no table, checked.
#[inline]
fn items<'a>(function: &Function, adu: &Adu<'a>) -> Result<Items<'a>, NotTheProtocol> {
    use functions::{
        DIAGNOSTICS, ENCAPSULATED_INTERFACE, GET_COMM_EVENT_COUNTER, GET_COMM_EVENT_LOG,
        MASK_WRITE_REGISTER, READ_EXCEPTION_STATUS, READ_FIFO_QUEUE, READ_FILE_RECORD,
        READ_WRITE_MULTIPLE_REGISTERS, REPORT_SERVER_ID, WRITE_FILE_RECORD, WRITE_MULTIPLE_COILS,
        WRITE_MULTIPLE_REGISTERS, WRITE_SINGLE_COIL, WRITE_SINGLE_REGISTER,
    };
    let data = adu.data;
    match adu.function {
        WRITE_SINGLE_COIL => write_coil(function, data).map(Items::one),
        WRITE_SINGLE_REGISTER => write_register(function, data).map(Items::one),
        WRITE_MULTIPLE_COILS => write_coils(function, data).map(Items::one),
        WRITE_MULTIPLE_REGISTERS => write_registers(function, data).map(Items::one),
        MASK_WRITE_REGISTER => mask_write(function, data).map(Items::one),
        READ_WRITE_MULTIPLE_REGISTERS => read_write(function, data),
        READ_FIFO_QUEUE => read_fifo(function, data).map(Items::one),
        READ_FILE_RECORD => file_records(data, false),
        WRITE_FILE_RECORD => file_records(data, true),
        DIAGNOSTICS => diagnostics(function, data).map(Items::one),
        ENCAPSULATED_INTERFACE => encapsulated(function, data).map(Items::one),
        READ_EXCEPTION_STATUS | GET_COMM_EVENT_COUNTER | GET_COMM_EVENT_LOG | REPORT_SERVER_ID => {
            no_data(function, data).map(Items::one)
        }
        _ => Ok(Items::one(Item::bare(function.class))),
    }
}

/// `N` words and nothing after them.
#[inline]
fn exactly<const N: usize>(data: &[u8]) -> Result<[u16; N], NotTheProtocol> {
    match words(data) {
        Some((head, [])) => Ok(head),
        _ => Err(NotTheProtocol::Inconsistent),
    }
}

/// An item of the function's table, within its limit and within the table.
#[inline]
fn range<'a>(
    function: &Function,
    start: u16,
    count: u16,
    values: Values<'a>,
) -> Result<Item<'a>, NotTheProtocol> {
    if count == 0 || count > function.max_quantity {
        return Err(NotTheProtocol::Quantity);
    }
    let (start, count) = (u32::from(start), u32::from(count));
    if start + count > TABLE {
        return Err(NotTheProtocol::Address);
    }
    let bare = Item::bare(function.class);
    Ok(Item { space: function.space, start, count, values, ..bare })
}

#[inline]
fn read(function: &Function, data: &[u8]) -> Result<Item<'static>, NotTheProtocol> {
    let [start, count] = exactly(data)?;
    range(function, start, count, Values::None)
}

/// The value is given as a coil, 1 or 0, so that a policy speaks of functions 5 and 15 alike.
fn write_coil(function: &Function, data: &[u8]) -> Result<Item<'static>, NotTheProtocol> {
    let [address, value] = exactly(data)?;
    match value {
        COIL_ON => range(function, address, 1, Values::Coils(&[1])),
        COIL_OFF => range(function, address, 1, Values::Coils(&[0])),
        _ => Err(NotTheProtocol::Value),
    }
}

fn write_register<'a>(function: &Function, data: &'a [u8]) -> Result<Item<'a>, NotTheProtocol> {
    let ([address], value) = words(data).ok_or(NotTheProtocol::Inconsistent)?;
    if value.len() != 2 {
        return Err(NotTheProtocol::Inconsistent);
    }
    range(function, address, 1, Values::Registers(value))
}

fn write_coils<'a>(function: &Function, data: &'a [u8]) -> Result<Item<'a>, NotTheProtocol> {
    let ([start, count], rest) = words(data).ok_or(NotTheProtocol::Inconsistent)?;
    let bytes = usize::from(count).div_ceil(8);
    write_multiple(function, start, count, rest, bytes, Values::Coils)
}

fn write_registers<'a>(function: &Function, data: &'a [u8]) -> Result<Item<'a>, NotTheProtocol> {
    let ([start, count], rest) = words(data).ok_or(NotTheProtocol::Inconsistent)?;
    let bytes = 2 * usize::from(count);
    write_multiple(function, start, count, rest, bytes, Values::Registers)
}

/// `rest` must be a byte count and that many bytes, as many as `count` elements need.
fn write_multiple<'a>(
    function: &Function,
    start: u16,
    count: u16,
    rest: &'a [u8],
    bytes: usize,
    values: impl FnOnce(&'a [u8]) -> Values<'a>,
) -> Result<Item<'a>, NotTheProtocol> {
    let item = range(function, start, count, Values::None)?;
    match counted(rest) {
        Some(written) if written.len() == bytes => Ok(Item { values: values(written), ..item }),
        _ => Err(NotTheProtocol::Inconsistent),
    }
}

fn mask_write(function: &Function, data: &[u8]) -> Result<Item<'static>, NotTheProtocol> {
    let [address, and, or] = exactly(data)?;
    range(function, address, 1, Values::Mask { and, or })
}

/// The server writes before it reads (AP 6.17); the items are in the order of the wire.
fn read_write<'a>(function: &Function, data: &'a [u8]) -> Result<Items<'a>, NotTheProtocol> {
    let (head, written) = data.split_at_checked(4).ok_or(NotTheProtocol::Inconsistent)?;
    let reading = Function { class: Class::Read, ..*function };
    let writing = Function { max_quantity: functions::MAX_WRITE_OF_READ_WRITE, ..*function };
    Ok(Items::two(read(&reading, head)?, write_registers(&writing, written)?))
}

fn read_fifo(function: &Function, data: &[u8]) -> Result<Item<'static>, NotTheProtocol> {
    let [pointer] = exactly(data)?;
    range(function, pointer, 1, Values::None)
}

fn file_records(data: &[u8], write: bool) -> Result<Items<'_>, NotTheProtocol> {
    let rest = counted(data).ok_or(NotTheProtocol::Inconsistent)?;
    records::check(rest, write)?;
    Ok(Items::Records { rest, write })
}

/// One word follows the sub-function, any number of them an echo request. What it holds matters
/// only to a restart: the other sub-functions ignore it, and so do servers.
fn diagnostics(function: &Function, data: &[u8]) -> Result<Item<'static>, NotTheProtocol> {
    let ([sub, value], rest) = words(data).ok_or(NotTheProtocol::Inconsistent)?;
    let echo_or_unknown = sub == functions::RETURN_QUERY_DATA || function.class == Class::Unknown;
    if !rest.len().is_multiple_of(2) || !(echo_or_unknown || rest.is_empty()) {
        return Err(NotTheProtocol::Inconsistent);
    }
    // 0xFF00 clears the event log as well; nothing else is allowed (AP 6.8.1).
    if sub == functions::RESTART_COMMUNICATIONS && value != 0xff00 && value != 0 {
        return Err(NotTheProtocol::Value);
    }
    Ok(Item::bare(function.class))
}

fn encapsulated(function: &Function, data: &[u8]) -> Result<Item<'static>, NotTheProtocol> {
    let (&mei, rest) = data.split_first().ok_or(NotTheProtocol::Inconsistent)?;
    if u16::from(mei) == functions::READ_DEVICE_IDENTIFICATION {
        let &[code, _object] = rest else { return Err(NotTheProtocol::Inconsistent) };
        if !READ_DEVICE_ID_CODES.contains(&code) {
            return Err(NotTheProtocol::Value);
        }
    }
    Ok(Item::bare(function.class))
}

fn no_data(function: &Function, data: &[u8]) -> Result<Item<'static>, NotTheProtocol> {
    if data.is_empty() { Ok(Item::bare(function.class)) } else { Err(NotTheProtocol::Inconsistent) }
}
