//! The MBAP header (TCP 3.1.3): where an ADU ends, and its parts.

use core::num::NonZeroUsize;

use super::words;
use crate::{Framed, NotTheProtocol};

/// Bytes up to and including the length field: what must be there to know the length.
pub(super) const ENVELOPE: usize = 6;

/// Least value of the length field: the unit identifier and a function code.
const MIN_LENGTH: u8 = 2;

/// Greatest value of the length field: the unit identifier and a PDU of 253 bytes (AP 4.1).
const MAX_LENGTH: u8 = 254;

/// Where the ADU that begins at `bytes[0]` ends.
///
/// Refuses with the first byte that cannot be right, so that a stream of something else is never
/// held back in the hope of more.
///
/// # Errors
/// [`NotTheProtocol::Envelope`] if the protocol identifier is not 0, [`NotTheProtocol::Length`] if
/// the length field is outside 2 to 254.
#[inline(always)]
pub fn frame(bytes: &[u8]) -> Result<Framed, NotTheProtocol> {
    // Protocol identifier 0 is Modbus, nothing else is assigned (TCP 3.1.3).
    match *bytes {
        [_, _, 0, 0, 0, length, ..] => whole_or_need(bytes.len(), length),
        [] | [_] | [_, _] | [_, _, 0] | [_, _, 0, 0] | [_, _, 0, 0, 0] => {
            Ok(Framed::Need(ENVELOPE))
        }
        [_, _, 0, 0, ..] => Err(NotTheProtocol::Length),
        _ => Err(NotTheProtocol::Envelope),
    }
}

/// Whether `there` bytes are all of an ADU whose length field is `length`.
#[inline]
fn whole_or_need(there: usize, length: u8) -> Result<Framed, NotTheProtocol> {
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&length) {
        return Err(NotTheProtocol::Length);
    }
    let total = ENVELOPE + usize::from(length);
    match NonZeroUsize::new(total) {
        Some(whole) if there >= total => Ok(Framed::Whole(whole)),
        _ => Ok(Framed::Need(total)),
    }
}

/// The unit identifier of an ADU; 0 if `adu` is too short to have one.
pub fn unit(adu: &[u8]) -> u8 {
    adu.get(ENVELOPE).copied().unwrap_or(0)
}

/// The parts of one ADU, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adu<'a> {
    /// Transaction identifier: chosen by the client, echoed by the server.
    pub transaction: u16,
    /// Protocol identifier: 0.
    pub protocol: u16,
    /// Bytes that follow the length field.
    pub length: u16,
    /// Unit identifier: the station behind the address.
    pub unit: u8,
    /// Function code; bit 7 marks an exception response.
    pub function: u8,
    /// What follows the function code.
    pub data: &'a [u8],
}

impl<'a> Adu<'a> {
    /// The parts as they lie there, unchecked; `None` below 8 bytes.
    #[inline]
    pub fn read(adu: &'a [u8]) -> Option<Adu<'a>> {
        let &[t1, t0, p1, p0, l1, l0, unit, function, ref data @ ..] = adu else {
            return None;
        };
        Some(Adu {
            transaction: u16::from_be_bytes([t1, t0]),
            protocol: u16::from_be_bytes([p1, p0]),
            length: u16::from_be_bytes([l1, l0]),
            unit,
            function,
            data,
        })
    }

    /// The parts of exactly one ADU.
    ///
    /// # Errors
    /// Those of [`frame`], and [`NotTheProtocol::Inconsistent`] if `adu` is not as long as its
    /// header says.
    #[inline]
    pub fn whole(adu: &'a [u8]) -> Result<Adu<'a>, NotTheProtocol> {
        match frame(adu)? {
            Framed::Whole(length) if length.get() == adu.len() => {
                Adu::read(adu).ok_or(NotTheProtocol::Inconsistent)
            }
            Framed::Whole(_) | Framed::Need(_) => Err(NotTheProtocol::Inconsistent),
        }
    }

    /// The code below the function code, where the function has one: diagnostics sub-function
    /// (AP 6.8), MEI type (AP 6.19), UMAS code.
    #[inline]
    pub fn sub(&self) -> Option<u16> {
        use super::functions::{DIAGNOSTICS, ENCAPSULATED_INTERFACE, UMAS};
        match self.function {
            DIAGNOSTICS => words(self.data).map(|([sub], _)| sub),
            ENCAPSULATED_INTERFACE => self.data.first().copied().map(u16::from),
            UMAS => super::umas::code(self.data).map(u16::from),
            _ => None,
        }
    }
}

const _: () = assert!(ENVELOPE + MAX_LENGTH as usize == super::MAX_ADU);
