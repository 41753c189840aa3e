//! File records: the groups of functions 20 and 21 (AP 6.14, 6.15).
//!
//! ```text
//! | type = 6 | file | record | length | data: `length` words, only when writing |
//!     1         2      2        2
//! ```

use super::words;
use crate::NotTheProtocol;

/// The only reference type (AP 6.14).
const REFERENCE_TYPE: u8 = 6;

/// Records in a file, numbered from 0 (AP 6.14).
const RECORDS: u32 = 10_000;

/// Bytes of a response PDU left for groups, behind function code and byte count (AP 4.1).
const RESPONSE_ROOM: usize = 251;

/// One group of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// 6.
    pub(super) reference_type: u8,
    /// File number, from 1.
    pub(super) file: u16,
    /// First record, from 0.
    pub(super) record: u16,
    /// How many registers.
    pub(super) length: u16,
    /// What is written, two bytes a register; empty when reading.
    pub(super) data: &'a [u8],
}

impl<'a> Record<'a> {
    /// Takes the first group off `rest`; `None`, with `rest` as it was, if it is not all there.
    pub(super) fn take(rest: &mut &'a [u8], write: bool) -> Option<Record<'a>> {
        let (&reference_type, tail) = rest.split_first()?;
        let ([file, record, length], tail) = words(tail)?;
        let held = if write { 2 * usize::from(length) } else { 0 };
        let (data, tail) = tail.split_at_checked(held)?;
        *rest = tail;
        Some(Record { reference_type, file, record, length, data })
    }

    /// Bytes that the group takes in the response to a read: length, type, registers.
    fn response_length(&self) -> usize {
        2 + 2 * usize::from(self.length)
    }

    fn check(&self) -> Result<(), NotTheProtocol> {
        if self.reference_type != REFERENCE_TYPE {
            return Err(NotTheProtocol::Value);
        }
        if self.length == 0 {
            return Err(NotTheProtocol::Quantity);
        }
        let end = u32::from(self.record) + u32::from(self.length);
        if self.file == 0 || end > RECORDS {
            return Err(NotTheProtocol::Address);
        }
        Ok(())
    }
}

/// Checks all groups of a request.
///
/// # Errors
/// No group, or one that is cut short or out of its limits; when reading, a response that would not
/// fit into a PDU (AP 6.14).
pub(super) fn check(mut groups: &[u8], write: bool) -> Result<(), NotTheProtocol> {
    let mut response = 0;
    if groups.is_empty() {
        return Err(NotTheProtocol::Quantity);
    }
    while !groups.is_empty() {
        let record = Record::take(&mut groups, write).ok_or(NotTheProtocol::Inconsistent)?;
        record.check()?;
        response += record.response_length();
    }
    if !write && response > RESPONSE_ROOM {
        return Err(NotTheProtocol::Quantity);
    }
    Ok(())
}

/// Takes the first group off the response to a read: its registers, behind a length that counts
/// the reference type too.
pub(super) fn take_read<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&length, tail) = rest.split_first()?;
    let (group, tail) = tail.split_at_checked(usize::from(length))?;
    let (&reference_type, data) = group.split_first()?;
    *rest = tail;
    Some((reference_type, data))
}
