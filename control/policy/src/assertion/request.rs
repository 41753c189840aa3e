//! A command as the bytes of its request.

use wicketgate_dissectors::modbus::functions::{self as modbus, Function};
use wicketgate_dissectors::{Class, Protocol, Space};

use crate::catalog;

/// Unit that a request speaks to where the sentence names none.
pub(super) const DEFAULT_UNIT: u8 = 1;

/// What a sentence wants to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A whole Modbus PDU: function code and data.
    Pdu(Vec<u8>),
    /// To reach a door of this protocol, on this port if one is named.
    Connect(Protocol, Option<u16>),
}

/// Elements of a table, first and last.
pub(super) type Elements = (u32, u32);

/// The table's words: those of the policy file, one element's too, and what engineers write for short.
const TABLES: [(&[&str], Space); 4] = [
    (&["coils", "coil"], Space::Coils),
    (&["discrete-inputs", "discrete-input", "DI"], Space::DiscreteInputs),
    (&["input-registers", "input-register", "IR"], Space::InputRegisters),
    (&["holding-registers", "holding-register", "HR"], Space::HoldingRegisters),
];

/// The table of that name.
pub(super) fn table(name: &str) -> Option<Space> {
    let named = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    TABLES.iter().find(|(names, _)| named(names)).map(|(_, space)| *space)
}

/// The names of all tables.
pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.iter().flat_map(|(names, _)| names.iter().copied())
}

/// The function that reads this table.
pub(super) fn reader(space: Space) -> Option<&'static Function> {
    let reads = |f: &&Function| f.class == Class::Read && f.space == space;
    modbus::functions().iter().find(reads)
}

/// The function that writes so many elements of this table.
pub(super) fn writer(space: Space, (first, last): Elements) -> Option<&'static Function> {
    let code = match (space, first == last) {
        (Space::Coils, true) => modbus::WRITE_SINGLE_COIL,
        (Space::Coils, false) => modbus::WRITE_MULTIPLE_COILS,
        (Space::HoldingRegisters, true) => modbus::WRITE_SINGLE_REGISTER,
        (Space::HoldingRegisters, false) => modbus::WRITE_MULTIPLE_REGISTERS,
        _ => return None,
    };
    modbus::functions().iter().find(|function| function.code == code)
}

/// Whether a sentence can say all that a request of the function needs.
pub(super) fn is_sayable(function: &Function) -> bool {
    use modbus::{
        MASK_WRITE_REGISTER, READ_FILE_RECORD, READ_WRITE_MULTIPLE_REGISTERS, WRITE_FILE_RECORD,
    };
    let needs_more =
        [MASK_WRITE_REGISTER, READ_FILE_RECORD, READ_WRITE_MULTIPLE_REGISTERS, WRITE_FILE_RECORD];
    !needs_more.contains(&function.code)
}

/// The function of that name.
pub(super) fn named(name: &str) -> Option<&'static Function> {
    modbus::functions().iter().find(|function| function.name.eq_ignore_ascii_case(name))
}

/// The request of a function without an object.
pub(super) fn bare(code: u8, sub: Option<u16>) -> Vec<u8> {
    let [high, low] = sub.unwrap_or_default().to_be_bytes();
    match (code, sub) {
        (modbus::DIAGNOSTICS, Some(_)) => vec![code, high, low, 0, 0],
        // The basic identification, from its first object on (AP 6.21).
        (modbus::ENCAPSULATED_INTERFACE, Some(modbus::READ_DEVICE_IDENTIFICATION)) => {
            vec![code, low, 1, 0]
        }
        (modbus::ENCAPSULATED_INTERFACE, Some(_)) => vec![code, low],
        // The reservation that the code is sent under, then the code.
        (modbus::UMAS, Some(_)) => vec![code, 0, low],
        _ => vec![code],
    }
}

/// The request of a function that reads these elements.
pub(super) fn reading(function: &Function, (first, last): Elements) -> Option<Vec<u8>> {
    let [high, low] = word(first)?;
    let mut pdu = vec![function.code, high, low];
    if function.code != modbus::READ_FIFO_QUEUE {
        pdu.extend(word(last - first + 1)?);
    }
    Some(pdu)
}

/// The request of a function that writes these values to elements from `first` on.
pub(super) fn writing(function: &Function, first: u32, values: &[u32]) -> Option<Vec<u8>> {
    let [high, low] = word(first)?;
    let mut pdu = vec![function.code, high, low];
    match (function.code, values) {
        (modbus::WRITE_SINGLE_COIL, [value]) => {
            pdu.extend(if *value == 1 { [0xff, 0] } else { [0, 0] })
        }
        (modbus::WRITE_SINGLE_REGISTER, [value]) => pdu.extend(word(*value)?),
        (modbus::WRITE_MULTIPLE_COILS, _) => counted(&mut pdu, values, coils(values))?,
        (modbus::WRITE_MULTIPLE_REGISTERS, _) => {
            let words: Option<Vec<[u8; 2]>> = values.iter().map(|value| word(*value)).collect();
            counted(&mut pdu, values, words?.concat())?;
        }
        _ => return None,
    }
    Some(pdu)
}

fn counted(pdu: &mut Vec<u8>, values: &[u32], bytes: Vec<u8>) -> Option<()> {
    pdu.extend(word(u32::try_from(values.len()).ok()?)?);
    pdu.push(u8::try_from(bytes.len()).ok()?);
    pdu.extend(bytes);
    Some(())
}

fn coils(values: &[u32]) -> Vec<u8> {
    let byte = |bits: &[u32]| {
        bits.iter().zip(0..).fold(0, |byte, (bit, at)| byte | u8::from(*bit == 1) << at)
    };
    values.chunks(8).map(byte).collect()
}

fn word(number: u32) -> Option<[u8; 2]> {
    u16::try_from(number).ok().map(u16::to_be_bytes)
}

/// The PDU behind its MBAP header; `None` if it is longer than one can be.
pub(super) fn adu(unit: u8, pdu: &[u8]) -> Option<Box<[u8]>> {
    let length = u16::try_from(pdu.len() + 1).ok().filter(|length| *length <= 254)?;
    let [high, low] = length.to_be_bytes();
    Some([&[0, 1, 0, 0, high, low, unit], pdu].concat().into())
}

/// All that a sentence can begin its command with.
pub(super) fn verbs() -> impl Iterator<Item = &'static str> {
    let names = catalog::functions(Protocol::Modbus).into_iter().map(|function| function.name);
    ["read", "write", "connect", "ping", "function", "pdu"].into_iter().chain(names)
}
