//! Responses: whether they are well-formed by themselves.
//!
//! Only lengths are checked: what a device says about itself is not the gate's to judge, but a
//! response whose counts lie could be read in two ways by two clients.

use super::records::{self, Record};
use super::{Adu, EXCEPTION, counted, functions, words};
use crate::NotTheProtocol;

/// Checks the response `adu` by itself. Functions that are not known pass as they are.
///
/// # Errors
/// The envelope is wrong, the function code is 0 (0x80 is what some devices answer to a function that
/// they do not know), or the length is not what the function demands.
#[inline]
pub fn response(adu: &[u8]) -> Result<(), NotTheProtocol> {
    let adu = Adu::whole(adu)?;
    match adu.function {
        0 => Err(NotTheProtocol::Function),
        function if function & EXCEPTION != 0 => exception(adu.data),
        function if is_consistent(function, adu.data) => Ok(()),
        _ => Err(NotTheProtocol::Inconsistent),
    }
}

/// An exception code and nothing else; 0 is none (AP 7).
fn exception(data: &[u8]) -> Result<(), NotTheProtocol> {
    match data {
        [0] => Err(NotTheProtocol::Value),
        [_] => Ok(()),
        _ => Err(NotTheProtocol::Inconsistent),
    }
}

/// Whether `data` is as long as a response of `function` says it is (AP 6.1 to 6.21).
#[inline]
fn is_consistent(function: u8, data: &[u8]) -> bool {
    use functions::{
        DIAGNOSTICS, ENCAPSULATED_INTERFACE, GET_COMM_EVENT_COUNTER, GET_COMM_EVENT_LOG,
        MASK_WRITE_REGISTER, READ_COILS, READ_DISCRETE_INPUTS, READ_EXCEPTION_STATUS,
        READ_FIFO_QUEUE, READ_FILE_RECORD, READ_HOLDING_REGISTERS, READ_INPUT_REGISTERS,
        READ_WRITE_MULTIPLE_REGISTERS, REPORT_SERVER_ID, WRITE_FILE_RECORD, WRITE_MULTIPLE_COILS,
        WRITE_MULTIPLE_REGISTERS, WRITE_SINGLE_COIL, WRITE_SINGLE_REGISTER,
    };
    match function {
        READ_COILS | READ_DISCRETE_INPUTS | REPORT_SERVER_ID => counted(data).is_some(),
        READ_HOLDING_REGISTERS | READ_INPUT_REGISTERS | READ_WRITE_MULTIPLE_REGISTERS => {
            counted(data).is_some_and(|registers| registers.len().is_multiple_of(2))
        }
        WRITE_SINGLE_COIL
        | WRITE_SINGLE_REGISTER
        | WRITE_MULTIPLE_COILS
        | WRITE_MULTIPLE_REGISTERS
        | GET_COMM_EVENT_COUNTER => data.len() == 4,
        READ_EXCEPTION_STATUS => data.len() == 1,
        MASK_WRITE_REGISTER => data.len() == 6,
        // Status, event count and message count come before the events.
        GET_COMM_EVENT_LOG => counted(data).is_some_and(|log| log.len() >= 6),
        READ_FILE_RECORD => counted(data).is_some_and(is_records_read),
        WRITE_FILE_RECORD => counted(data).is_some_and(is_records_written),
        READ_FIFO_QUEUE => is_fifo(data),
        DIAGNOSTICS => is_diagnostics(data),
        ENCAPSULATED_INTERFACE => is_encapsulated(data),
        _ => true,
    }
}

fn is_records_read(mut groups: &[u8]) -> bool {
    while records::take_read(&mut groups).is_some() {}
    groups.is_empty()
}

fn is_records_written(mut groups: &[u8]) -> bool {
    while Record::take(&mut groups, true).is_some() {}
    groups.is_empty()
}

/// Byte count, which counts the FIFO count too, and FIFO count, both of 16 bits (AP 6.18).
fn is_fifo(data: &[u8]) -> bool {
    let Some(([bytes, registers], queue)) = words(data) else { return false };
    queue.len() == 2 * usize::from(registers) && queue.len() + 2 == usize::from(bytes)
}

/// Sub-function and at least one word; more only in an echo or a sub-function not known.
fn is_diagnostics(data: &[u8]) -> bool {
    let Some(([sub, _], rest)) = words(data) else { return false };
    let known = functions::find(functions::DIAGNOSTICS, Some(sub)) != &functions::UNKNOWN;
    rest.len().is_multiple_of(2)
        && (rest.is_empty() || sub == functions::RETURN_QUERY_DATA || !known)
}

fn is_encapsulated(data: &[u8]) -> bool {
    let Some((&mei, rest)) = data.split_first() else { return false };
    u16::from(mei) != functions::READ_DEVICE_IDENTIFICATION || is_device_identification(rest)
}

/// Code, conformity, more-follows, next object, number of objects, objects (AP 6.21).
fn is_device_identification(data: &[u8]) -> bool {
    let Some(([_, _, _, _, number], mut objects)) = data.split_first_chunk::<5>() else {
        return false;
    };
    let complete = (0..*number).all(|_| take_object(&mut objects).is_some());
    complete && objects.is_empty()
}

/// Takes the first object off a device identification: its number and value (AP 6.21).
pub(super) fn take_object<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let ([number, length], tail) = rest.split_first_chunk::<2>()?;
    let (value, tail) = tail.split_at_checked(usize::from(*length))?;
    *rest = tail;
    Some((*number, value))
}
