//! The protocol's own words for "no": exception responses (AP 7).

use super::{Adu, EXCEPTION};
use crate::Refusal;

/// Length of an exception response: header, function code, exception code.
pub const LENGTH: usize = 9;

/// Exception code: the server does not allow this function (AP 7).
pub const ILLEGAL_FUNCTION: u8 = 1;
/// Exception code: not on this address (AP 7).
pub const ILLEGAL_DATA_ADDRESS: u8 = 2;
/// Exception code: not this value or quantity (AP 7).
pub const ILLEGAL_DATA_VALUE: u8 = 3;
/// Exception code: not now, ask again later (AP 7).
pub const SERVER_DEVICE_BUSY: u8 = 6;

/// Writes the exception response to the request `adu` to the front of `out` and returns its length.
///
/// Codes 4, 10 and 11 are never used: clients take them for a broken device or gateway and may stop
/// talking to it.
///
/// What is no request, because its function is 0 or has the exception bit, is answered as devices do: with
/// the bit set.
///
/// `None` if `adu` is cut short, or `out` is.
pub fn denial(adu: &[u8], why: Refusal, out: &mut [u8]) -> Option<usize> {
    let request = Adu::read(adu)?;
    let [high, low] = request.transaction.to_be_bytes();
    let function = request.function | EXCEPTION;
    let answer: [u8; LENGTH] = [high, low, 0, 0, 0, 3, request.unit, function, exception_code(why)];
    out.get_mut(..LENGTH)?.copy_from_slice(&answer);
    Some(LENGTH)
}

const fn exception_code(why: Refusal) -> u8 {
    match why {
        Refusal::Function | Refusal::Multicast => ILLEGAL_FUNCTION,
        Refusal::Address => ILLEGAL_DATA_ADDRESS,
        Refusal::Value | Refusal::TooLong => ILLEGAL_DATA_VALUE,
        Refusal::Busy => SERVER_DEVICE_BUSY,
    }
}
