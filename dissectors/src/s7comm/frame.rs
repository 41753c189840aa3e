//! TPKT (RFC 1006 section 6) and COTP (ISO 8073, class 0): where a PDU ends, and what it carries.

use core::num::NonZeroUsize;

use super::{MAX_FRAGMENTS, MAX_PDU, Tsdu, message, plus};
use crate::{Framed, NotTheProtocol};

/// Bytes of TPKT.
pub const TPKT: usize = 4;

/// Bytes of TPKT and the header of a DT TPDU.
pub const DATA_HEADER: usize = 7;

/// The bit that marks the last fragment (ISO 8073 section 13.7).
pub const EOT: u8 = 0x80;

/// TPDU types of class 0, in the high half (ISO 8073 section 13.2).
pub mod tpdu {
    /// Connection request.
    pub const CR: u8 = 0xe0;
    /// Connection confirm.
    pub const CC: u8 = 0xd0;
    /// Disconnect request: a connection refused or ended.
    pub const DR: u8 = 0x80;
    /// Disconnect confirm.
    pub const DC: u8 = 0xc0;
    /// TPDU error.
    pub const ER: u8 = 0x70;
    /// Data.
    pub const DT: u8 = 0xf0;
}

/// Content types of TLS records (RFC 8446 section 5.1).
const TLS: core::ops::RangeInclusive<u8> = 0x14..=0x17;

/// Whether user data that begin with this byte can be S7comm, S7comm-plus or TLS below it.
const fn may_begin(byte: u8) -> bool {
    byte == message::ID || byte == plus::ID || is_tls(byte)
}

/// Whether user data that begin with this byte are TLS.
pub const fn is_tls(byte: u8) -> bool {
    byte >= *TLS.start() && byte <= *TLS.end()
}

/// Where the PDU that begins at `bytes[0]` ends: all fragments of it, up to the one with the end.
///
/// Refuses with the first byte that cannot be right, so that a stream of something else is never held back
/// in the hope of more.
///
/// # Errors
/// [`NotTheProtocol::Envelope`] if a constant of TPKT or COTP is wrong, or the user data are none of S7;
/// [`NotTheProtocol::Length`] if lengths contradict each other; [`NotTheProtocol::TooLong`] if it has more
/// than [`MAX_PDU`] bytes or [`MAX_FRAGMENTS`] fragments.
#[inline]
pub fn frame(bytes: &[u8]) -> Result<Framed, NotTheProtocol> {
    match single(bytes) {
        Some(length) => Ok(Framed::Whole(length)),
        None => fragments(bytes),
    }
}

/// The length of what nearly all PDUs are: one fragment of user data, all there.
#[inline]
fn single(bytes: &[u8]) -> Option<NonZeroUsize> {
    let (&[3, 0, high, low, 2, tpdu::DT, EOT, first], _) = bytes.split_first_chunk()? else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let whole = length > DATA_HEADER && length <= bytes.len().min(MAX_PDU);
    NonZeroUsize::new(length).filter(|_| whole && may_begin(first))
}

fn fragments(bytes: &[u8]) -> Result<Framed, NotTheProtocol> {
    let mut end = 0;
    let mut begun = false;
    for number in 0..MAX_FRAGMENTS {
        let rest = bytes.get(end..).unwrap_or_default();
        let Some(fragment) = Fragment::read(rest, number == 0)? else {
            return Ok(Framed::Need(end + DATA_HEADER));
        };
        if end + fragment.length > MAX_PDU {
            return Err(NotTheProtocol::TooLong);
        }
        if fragment.is_data && !begun && fragment.length > DATA_HEADER {
            match rest.get(DATA_HEADER) {
                Some(first) if !may_begin(*first) => return Err(NotTheProtocol::Envelope),
                first => begun = first.is_some(),
            }
        }
        end += fragment.length;
        match NonZeroUsize::new(end) {
            _ if bytes.len() < end => return Ok(Framed::Need(end)),
            Some(whole) if fragment.is_last => return Ok(Framed::Whole(whole)),
            _ => {}
        }
    }
    Err(NotTheProtocol::TooLong)
}

/// One TPKT, as far as its header says.
struct Fragment {
    length: usize,
    is_data: bool,
    is_last: bool,
}

impl Fragment {
    /// `None` if the first [`DATA_HEADER`] bytes are not all there.
    fn read(bytes: &[u8], first: bool) -> Result<Option<Fragment>, NotTheProtocol> {
        // Version 3 and a reserved 0 (RFC 1006 section 6).
        if bytes.iter().zip([3, 0]).any(|(byte, constant)| *byte != constant) {
            return Err(NotTheProtocol::Envelope);
        }
        if bytes.get(2).is_some_and(|high| usize::from(*high) << 8 > MAX_PDU) {
            return Err(NotTheProtocol::TooLong);
        }
        let Some((&[_, _, high, low], tpdu)) = bytes.split_first_chunk::<TPKT>() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < DATA_HEADER {
            return Err(NotTheProtocol::Length);
        }
        match *tpdu {
            [indicator, tpdu::DT, ..] if indicator != 2 => Err(NotTheProtocol::Length),
            // The number of a TPDU is 0 in class 0 (ISO 8073 section 13.7.3).
            [_, tpdu::DT, mark, ..] if mark & !EOT != 0 => Err(NotTheProtocol::Envelope),
            [_, tpdu::DT, mark, ..] => {
                Ok(Some(Fragment { length, is_data: true, is_last: mark == EOT }))
            }
            [_, tpdu::DT] => Ok(None),
            [indicator, kind, ..] => {
                control(usize::from(indicator), kind, length, first)?;
                Ok((tpdu.len() > 2).then_some(Fragment { length, is_data: false, is_last: true }))
            }
            _ => Ok(None),
        }
    }
}

/// A TPDU that carries no user data stands by itself; one that opens a connection fills its TPKT.
fn control(indicator: usize, kind: u8, length: usize, first: bool) -> Result<(), NotTheProtocol> {
    let least = match kind {
        tpdu::CR | tpdu::CC | tpdu::DR => 6,
        tpdu::DC => 5,
        tpdu::ER => 4,
        _ => return Err(NotTheProtocol::Envelope),
    };
    if !first {
        return Err(NotTheProtocol::Envelope);
    }
    let header = TPKT + 1 + indicator;
    // Some stacks (python-snap7) end a connection with a byte too many.
    let ends = matches!(kind, tpdu::DR | tpdu::DC | tpdu::ER) && header < length;
    let fits = indicator >= least && (header == length || ends);
    if fits { Ok(()) } else { Err(NotTheProtocol::Length) }
}

/// What one PDU is to COTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tpdu<'a> {
    /// User data.
    Data(Tsdu<'a>),
    /// Any other type, and what follows that.
    Control(u8, &'a [u8]),
}

impl<'a> Tpdu<'a> {
    /// The parts of a PDU as they lie there, unchecked; `None` if it is cut short.
    pub fn read(pdu: &'a [u8]) -> Option<Tpdu<'a>> {
        let (&[_, _, _, _, _, kind, _], _) = pdu.split_first_chunk::<DATA_HEADER>()?;
        if kind == tpdu::DT {
            return Some(Tpdu::Data(Tsdu::read(pdu)));
        }
        Some(Tpdu::Control(kind, pdu.get(TPKT + 2..)?))
    }

    /// The parts of exactly one PDU.
    ///
    /// # Errors
    /// Those of [`frame`], and [`NotTheProtocol::Inconsistent`] if `pdu` is not as long as its headers say.
    pub fn whole(pdu: &'a [u8]) -> Result<Tpdu<'a>, NotTheProtocol> {
        match frame(pdu)? {
            Framed::Whole(length) if length.get() == pdu.len() => {
                Tpdu::read(pdu).ok_or(NotTheProtocol::Inconsistent)
            }
            Framed::Whole(_) | Framed::Need(_) => Err(NotTheProtocol::Inconsistent),
        }
    }
}

/// Whether a connection that begins with these bytes leaves no doubt: a request to a TSAP that only S7
/// controllers have, or data of S7comm midstream.
pub fn is_opening(bytes: &[u8]) -> bool {
    if !matches!(frame(bytes), Ok(Framed::Whole(_))) {
        return false;
    }
    match Tpdu::read(bytes) {
        Some(Tpdu::Control(tpdu::CR, rest)) => {
            super::Connect::read(rest).is_some_and(|connect| connect.role().is_some())
        }
        Some(Tpdu::Data(data)) => message::Message::read(data).is_ok(),
        _ => false,
    }
}
