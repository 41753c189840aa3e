//! PCCC: the commands of PLC-5, SLC 500 and MicroLogix, below Execute PCCC (DF1; CIP object 0x67).
//!
//! ```text
//! 07  vendor (2)  serial (4)  |  CMD  STS  TNS (2)  [FNC]  data
//! ```

use core::fmt;

use super::{double, word};
use crate::{Class, Item, NotTheProtocol, Scalar, Space, Values};

/// Length of the requestor identifier: its own length, vendor and serial number.
const REQUESTOR: usize = 7;

/// The bit of CMD that marks a reply.
pub(super) const REPLY: u8 = 0x40;

/// Commands that a function code follows.
const WITH_FUNCTION: [u8; 3] = [0x06, 0x07, 0x0f];

/// What an Execute PCCC carries, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pccc<'a> {
    /// Who asks, to be echoed: length, vendor, serial number and what else the length says.
    pub requestor: &'a [u8],
    /// Command code.
    pub cmd: u8,
    /// Status: 0 in a request.
    pub sts: u8,
    /// Transaction number, echoed.
    pub tns: u16,
    /// Function code, where the command has one.
    pub fnc: Option<u8>,
    /// What follows.
    pub data: &'a [u8],
}

impl<'a> Pccc<'a> {
    /// Reads the data of an Execute PCCC.
    ///
    /// # Errors
    /// They are cut short, or bear a status or the reply bit.
    pub fn read(data: &'a [u8]) -> Result<Pccc<'a>, NotTheProtocol> {
        let pccc = Pccc::parts(data).ok_or(NotTheProtocol::Inconsistent)?;
        if pccc.cmd & REPLY != 0 || pccc.sts != 0 {
            return Err(NotTheProtocol::Function);
        }
        Ok(pccc)
    }

    /// The parts as they lie there. A reply has no function code.
    pub(super) fn parts(data: &'a [u8]) -> Option<Pccc<'a>> {
        let length = usize::from(*data.first()?);
        let (requestor, rest) = data.split_at_checked(length.max(REQUESTOR))?;
        let (&[cmd, sts], rest) = rest.split_first_chunk()?;
        let (tns, rest) = word(rest)?;
        let (fnc, data) = match WITH_FUNCTION.contains(&cmd) {
            true => rest.split_first().map(|(fnc, data)| (Some(*fnc), data))?,
            false => (None, rest),
        };
        Some(Pccc { requestor, cmd, sts, tns, fnc, data })
    }

    /// Command and function in one: `CMD << 8 | FNC`, as policies name them.
    pub fn code(&self) -> u16 {
        u16::from(self.cmd) << 8 | u16::from(self.fnc.unwrap_or(0))
    }

    /// What it does, and to what.
    ///
    /// # Errors
    /// Its address or its data are cut short.
    pub fn item(&self) -> Result<(&'static Function, Item<'a>), NotTheProtocol> {
        let function = find(self.cmd, self.fnc);
        let bare = Item::bare(function.class);
        let Some(fields) = function.address else { return Ok((function, bare)) };
        let address = Address::read(self.data, fields).ok_or(NotTheProtocol::Inconsistent)?;
        let class = address.class(function.class);
        let values = match (class, fields) {
            (Class::Write, Fields::Three) => address.values(),
            _ => Values::None,
        };
        let element = u32::from(address.element);
        let space = Space::DataFile { kind: address.kind, number: address.file };
        let whole = class != Class::Write || address.data.len() >= usize::from(address.size);
        if !whole {
            return Err(NotTheProtocol::Inconsistent);
        }
        Ok((
            function,
            Item { class, space, start: element, count: address.count(), values, ..bare },
        ))
    }
}

/// How an address is written: size, file number, file type, element, and with three fields the
/// element's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// File, type, element.
    Two,
    /// File, type, element, part.
    Three,
    /// The same, with a mask before the data.
    Masked,
}

/// The address of elements of a data file.
struct Address<'a> {
    size: u8,
    file: u16,
    kind: u8,
    element: u16,
    data: &'a [u8],
}

impl<'a> Address<'a> {
    fn read(data: &'a [u8], fields: Fields) -> Option<Address<'a>> {
        let (&size, rest) = data.split_first()?;
        let (file, rest) = compact(rest)?;
        let (&kind, rest) = rest.split_first()?;
        let (element, rest) = compact(rest)?;
        let (_part, rest) = if fields == Fields::Two { (0, rest) } else { compact(rest)? };
        let (_mask, data) = if fields == Fields::Masked { word(rest)? } else { (0, rest) };
        Some(Address { size, file, kind, element, data })
    }

    /// Files of some types are not data (DF1: file types of SLC 500).
    fn class(&self, class: Class) -> Class {
        match (class, self.kind) {
            (Class::Write, 0x22 | 0x65) => Class::ProgramWrite,
            (Class::Read, 0x22) => Class::ProgramRead,
            (Class::Write, 0xa1 | 0xa2) => Class::Force,
            (Class::Write, 0x49) => Class::Config,
            _ => class,
        }
    }

    /// Elements that are touched, the last one perhaps in part.
    fn count(&self) -> u32 {
        u32::from(self.size).div_ceil(element_size(self.kind)).max(1)
    }

    fn values(&self) -> Values<'a> {
        let scalar = match self.kind {
            0x82 | 0x83 | 0x85 | 0x8b | 0x8c => Scalar::Uint,
            0x89 => Scalar::Int,
            0x8a => Scalar::Real,
            _ => return Values::None,
        };
        Values::Scalars(scalar, self.data.get(..usize::from(self.size)).unwrap_or_default())
    }
}

/// One byte, or 0xFF and a word.
fn compact(bytes: &[u8]) -> Option<(u16, &[u8])> {
    match bytes.split_first()? {
        (0xff, rest) => word(rest),
        (byte, rest) => Some((u16::from(*byte), rest)),
    }
}

/// Bytes of one element: timers, counters and control have three words.
const fn element_size(kind: u8) -> u32 {
    match kind {
        0x86..=0x88 => 6,
        0x8a => 4,
        0x8d => 84,
        _ => 2,
    }
}

/// File types and their letters, as `N7` names file 7 of type N.
pub const FILE_TYPES: &[(&str, u8)] = &[
    ("O", 0x8b),
    ("I", 0x8c),
    ("S", 0x84),
    ("B", 0x85),
    ("T", 0x86),
    ("C", 0x87),
    ("R", 0x88),
    ("N", 0x89),
    ("F", 0x8a),
    ("ST", 0x8d),
    ("A", 0x8e),
    ("D", 0x8f),
];

/// A data file, as people name it: `N7`; of a type without a letter `0xa1/3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// File type, as in [`FILE_TYPES`].
    pub kind: u8,
    /// File number.
    pub number: u16,
}

impl DataFile {
    /// The file of that name, `N7`, if there is one.
    pub fn from_name(name: &str) -> Option<DataFile> {
        let digits = name.find(|letter: char| letter.is_ascii_digit())?;
        let (letters, number) = name.split_at_checked(digits)?;
        let known = |(known, _): &&(&str, u8)| known.eq_ignore_ascii_case(letters);
        let (_, kind) = FILE_TYPES.iter().find(known)?;
        Some(DataFile { kind: *kind, number: number.parse().ok()? })
    }
}

impl fmt::Display for DataFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match FILE_TYPES.iter().find(|(_, kind)| *kind == self.kind) {
            Some((letters, _)) => write!(f, "{letters}{}", self.number),
            None => write!(f, "{:#04x}/{}", self.kind, self.number),
        }
    }
}

/// One command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Command code.
    pub cmd: u8,
    /// Function code, where the command has one.
    pub fnc: Option<u8>,
    /// What it does.
    pub class: Class,
    /// Its name.
    pub name: &'static str,
    /// How it says to what; `None` where the gate does not read that.
    pub address: Option<Fields>,
}

/// The command of these codes.
pub fn find(cmd: u8, fnc: Option<u8>) -> &'static Function {
    let found = FUNCTIONS.iter().find(|function| function.cmd == cmd && function.fnc == fnc);
    found.unwrap_or(&UNKNOWN)
}

/// All commands that the gate knows.
pub fn functions() -> &'static [Function] {
    FUNCTIONS
}

static UNKNOWN: Function =
    Function { cmd: 0, fnc: None, class: Class::Unknown, name: "pccc-unknown", address: None };

const fn plain(cmd: u8, class: Class, name: &'static str) -> Function {
    Function { cmd, fnc: None, class, name, address: None }
}

const fn f(cmd: u8, fnc: u8, class: Class, name: &'static str) -> Function {
    Function { cmd, fnc: Some(fnc), class, name, address: None }
}

const fn at(fnc: u8, class: Class, fields: Fields, name: &'static str) -> Function {
    Function { cmd: 0x0f, fnc: Some(fnc), class, name, address: Some(fields) }
}

/// DF1 chapter 7. The most frequent first.
static FUNCTIONS: &[Function] = &[
    at(0xa2, Class::Read, Fields::Three, "pccc-typed-read-3"),
    at(0xaa, Class::Write, Fields::Three, "pccc-typed-write-3"),
    at(0xa1, Class::Read, Fields::Two, "pccc-typed-read-2"),
    at(0xa9, Class::Write, Fields::Two, "pccc-typed-write-2"),
    at(0xab, Class::Write, Fields::Masked, "pccc-masked-write"),
    f(0x0f, 0xa7, Class::Read, "pccc-typed-file-read"),
    f(0x0f, 0xaf, Class::Write, "pccc-typed-file-write"),
    f(0x0f, 0x00, Class::Write, "pccc-word-range-write"),
    f(0x0f, 0x01, Class::Read, "pccc-word-range-read"),
    f(0x0f, 0x02, Class::Write, "pccc-bit-write"),
    f(0x0f, 0x03, Class::Write, "pccc-file-write"),
    f(0x0f, 0x04, Class::Read, "pccc-file-read"),
    f(0x0f, 0x05, Class::ProgramWrite, "pccc-download-request"),
    f(0x0f, 0x06, Class::ProgramRead, "pccc-upload"),
    f(0x0f, 0x07, Class::Mode, "pccc-shutdown"),
    f(0x0f, 0x08, Class::Write, "pccc-physical-write"),
    f(0x0f, 0x09, Class::Read, "pccc-physical-read"),
    f(0x0f, 0x0a, Class::Mode, "pccc-restart"),
    f(0x0f, 0x11, Class::ProgramWrite, "pccc-get-edit-resource"),
    f(0x0f, 0x12, Class::ProgramWrite, "pccc-return-edit-resource"),
    f(0x0f, 0x17, Class::Read, "pccc-bytes-read-physical"),
    f(0x0f, 0x18, Class::Write, "pccc-bytes-write-physical"),
    f(0x0f, 0x26, Class::Write, "pccc-read-modify-write"),
    f(0x0f, 0x29, Class::Read, "pccc-read-section-size"),
    f(0x0f, 0x3a, Class::Mode, "pccc-set-cpu-mode"),
    f(0x0f, 0x41, Class::Force, "pccc-disable-forces"),
    f(0x0f, 0x50, Class::ProgramWrite, "pccc-download-all"),
    f(0x0f, 0x52, Class::ProgramWrite, "pccc-download-completed"),
    f(0x0f, 0x53, Class::ProgramRead, "pccc-upload-all"),
    f(0x0f, 0x55, Class::ProgramRead, "pccc-upload-completed"),
    f(0x0f, 0x57, Class::ProgramWrite, "pccc-initialize-memory"),
    f(0x0f, 0x67, Class::Write, "pccc-typed-write"),
    f(0x0f, 0x68, Class::Read, "pccc-typed-read"),
    f(0x0f, 0x79, Class::Write, "pccc-read-modify-write-n"),
    f(0x0f, 0x80, Class::Mode, "pccc-change-mode"),
    f(0x0f, 0x81, Class::ProgramWrite, "pccc-open-file"),
    f(0x0f, 0x82, Class::ProgramWrite, "pccc-close-file"),
    f(0x0f, 0x8f, Class::Config, "pccc-apply-port-configuration"),
    f(0x06, 0x00, Class::Diag, "pccc-echo"),
    f(0x06, 0x01, Class::Read, "pccc-read-diagnostic-counters"),
    f(0x06, 0x02, Class::Config, "pccc-set-variables"),
    f(0x06, 0x03, Class::Discover, "pccc-diagnostic-status"),
    f(0x06, 0x04, Class::Config, "pccc-set-timeout"),
    f(0x06, 0x05, Class::Config, "pccc-set-naks"),
    f(0x06, 0x06, Class::Config, "pccc-set-enqs"),
    f(0x06, 0x08, Class::Config, "pccc-set-data-table-size"),
    f(0x06, 0x09, Class::Read, "pccc-read-link-parameters"),
    f(0x06, 0x0a, Class::Config, "pccc-set-link-parameters"),
    f(0x07, 0x00, Class::Mode, "pccc-disable-outputs"),
    f(0x07, 0x01, Class::Mode, "pccc-enable-outputs"),
    f(0x07, 0x03, Class::Mode, "pccc-enable-scan"),
    f(0x07, 0x04, Class::ProgramWrite, "pccc-enter-download"),
    f(0x07, 0x05, Class::ProgramWrite, "pccc-exit-download"),
    f(0x07, 0x06, Class::ProgramRead, "pccc-enter-upload"),
    plain(0x00, Class::Write, "pccc-protected-write"),
    plain(0x01, Class::Read, "pccc-unprotected-read"),
    plain(0x02, Class::Write, "pccc-protected-bit-write"),
    plain(0x05, Class::Write, "pccc-unprotected-bit-write"),
    plain(0x08, Class::Write, "pccc-unprotected-write"),
];

/// Vendor and serial number of who asks.
pub fn requestor(requestor: &[u8]) -> Option<(u16, u32)> {
    let (vendor, rest) = word(requestor.get(1..)?)?;
    Some((vendor, double(rest)?.0))
}
