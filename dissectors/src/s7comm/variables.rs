//! The items of read and write: which variables, and what is written to them.

use super::{Tsdu, functions};
use crate::{Class, Item, NotTheProtocol, Space, Values};

/// First byte of an item.
const SPECIFICATION: u8 = 0x12;

/// How an item names what it means.
pub mod syntax {
    /// Area, number of a data block, bit address.
    pub const S7ANY: u8 = 0x10;
    /// Variables of a numerical control.
    pub const NCK: core::ops::RangeInclusive<u8> = 0x82..=0x84;
    /// Several ranges of data blocks.
    pub const DBREAD: u8 = 0xb0;
    /// Symbols of an S7-1200, by their checksums.
    pub const SYMBOLIC: u8 = 0xb2;
}

/// A memory area of a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Area {
    /// System information of an S7-200.
    SystemInfo = 0x03,
    /// System flags of an S7-200.
    SystemFlags = 0x05,
    /// Analogue inputs of an S7-200.
    AnalogInputs = 0x06,
    /// Analogue outputs of an S7-200.
    AnalogOutputs = 0x07,
    /// Counters.
    Counters = 0x1c,
    /// Timers.
    Timers = 0x1d,
    /// IEC counters of an S7-200.
    Counters200 = 0x1e,
    /// IEC timers of an S7-200.
    Timers200 = 0x1f,
    /// Peripherals, read and written past the process image.
    Peripherals = 0x80,
    /// Inputs.
    Inputs = 0x81,
    /// Outputs.
    Outputs = 0x82,
    /// Flags (bit memory).
    Flags = 0x83,
    /// Data blocks.
    DataBlocks = 0x84,
    /// Instance data blocks.
    InstanceData = 0x85,
    /// Local data.
    Local = 0x86,
    /// Local data of the caller.
    Caller = 0x87,
}

impl Area {
    /// All areas.
    pub const ALL: &[Area] = &[
        Area::SystemInfo,
        Area::SystemFlags,
        Area::AnalogInputs,
        Area::AnalogOutputs,
        Area::Counters,
        Area::Timers,
        Area::Counters200,
        Area::Timers200,
        Area::Peripherals,
        Area::Inputs,
        Area::Outputs,
        Area::Flags,
        Area::DataBlocks,
        Area::InstanceData,
        Area::Local,
        Area::Caller,
    ];

    /// The area of that number.
    #[inline]
    pub fn of(number: u8) -> Option<Area> {
        AREAS.get(usize::from(number)).copied().flatten()
    }

    /// What stands in front of an address in it (IEC 61131-3, English).
    pub const fn name(self) -> &'static str {
        match self {
            Area::SystemInfo => "SI",
            Area::SystemFlags => "SF",
            Area::AnalogInputs => "AI",
            Area::AnalogOutputs => "AQ",
            Area::Counters => "C",
            Area::Timers => "T",
            Area::Counters200 => "CI",
            Area::Timers200 => "TI",
            Area::Peripherals => "P",
            Area::Inputs => "I",
            Area::Outputs => "Q",
            Area::Flags => "M",
            Area::DataBlocks => "DB",
            Area::InstanceData => "DI",
            Area::Local => "L",
            Area::Caller => "V",
        }
    }

    /// Whether its elements are counted, not addressed by the bit.
    pub const fn is_counted(self) -> bool {
        matches!(self, Area::Counters | Area::Timers | Area::Counters200 | Area::Timers200)
    }

    /// Whether it consists of numbered blocks.
    pub const fn is_of_blocks(self) -> bool {
        matches!(self, Area::DataBlocks | Area::InstanceData)
    }
}

/// Each area by its number.
static AREAS: [Option<Area>; 256] = by_number();

#[expect(clippy::indexing_slicing, reason = "evaluated when the crate is compiled")]
const fn by_number() -> [Option<Area>; 256] {
    let mut areas = [None; 256];
    let mut at = 0;
    while at < Area::ALL.len() {
        areas[Area::ALL[at] as usize] = Some(Area::ALL[at]);
        at += 1;
    }
    areas
}

/// Bits of one element of a transport size; `None` where that is not known.
const fn element_bits(transport: u8) -> Option<u32> {
    Some(match transport {
        // BIT
        0x01 => 1,
        // BYTE, CHAR
        0x02 | 0x03 => 8,
        // WORD, INT, DATE, S5TIME, COUNTER, TIMER
        0x04 | 0x05 | 0x09 | 0x0c | 0x1c | 0x1d => 16,
        // DWORD, DINT, REAL, TIME_OF_DAY, TIME
        0x06 | 0x07 | 0x08 | 0x0a | 0x0b => 32,
        // DATE_AND_TIME
        0x0f => 64,
        _ => return None,
    })
}

/// Transport sizes of data whose length is in bits: BIT, BYTE and WORD, INTEGER.
const fn counts_bits(transport: u8) -> bool {
    matches!(transport, 3..=5)
}

/// A variable in syntax S7ANY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Any {
    /// Transport size of its elements.
    pub transport: u8,
    /// How many elements.
    pub length: u16,
    /// Number of the data block.
    pub db: u16,
    /// The area, as it is numbered.
    pub area: u8,
    /// Bit address, or number of the first element: 24 bits.
    pub address: u32,
}

/// What one item names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable<'a> {
    /// By area and address.
    Any(Any),
    /// Of a numerical control: area and unit, column, line, module, lines.
    Nck([u8; 7]),
    /// Otherwise: which syntax, and what follows it.
    Other(u8, Tsdu<'a>),
}

impl<'a> Variable<'a> {
    /// Takes the first item off `rest`; behind one of odd length stands a byte, unless it is the `last`.
    pub fn take(rest: &mut Tsdu<'a>, last: bool) -> Option<Variable<'a>> {
        let [SPECIFICATION, length, syntax] = rest.array()? else { return None };
        let mut body = rest.part(usize::from(length).checked_sub(1)?)?;
        if !length.is_multiple_of(2) && !last {
            rest.byte()?;
        }
        match syntax {
            syntax::S7ANY => {
                let [transport, l, m, d, b, area, x, y, z] = body.array()?;
                let any = Any {
                    transport,
                    length: u16::from_be_bytes([l, m]),
                    db: u16::from_be_bytes([d, b]),
                    area,
                    address: u32::from_be_bytes([0, x, y, z]),
                };
                body.is_empty().then_some(Variable::Any(any))
            }
            syntax if syntax::NCK.contains(&syntax) && body.len() == 7 => {
                body.array().map(Variable::Nck)
            }
            syntax => Some(Variable::Other(syntax, body)),
        }
    }

    /// Where it is, to a policy.
    fn item(self, class: Class) -> Result<Item<'static>, NotTheProtocol> {
        let bare = Item::bare(class);
        match self {
            Variable::Any(any) => any.item(class),
            Variable::Nck([unit, column, low, _, _, module, lines]) => {
                let start = u32::from(u16::from_be_bytes([column, low]));
                Ok(Item { space: Space::Nck { unit, module }, start, count: lines.into(), ..bare })
            }
            Variable::Other(syntax::DBREAD, body) if class == Class::Read => ranges(body),
            // Which one only the device knows: it is somewhere.
            Variable::Other(syntax::SYMBOLIC, _) => Ok(bare),
            Variable::Other(syntax, _) => Ok(unknown(syntax)),
        }
    }

    /// How many bytes are read or written; `None` where that is not known.
    fn bytes(self) -> Option<usize> {
        let Variable::Any(any) = self else { return None };
        let bits = u32::from(any.length) * element_bits(any.transport)?;
        usize::try_from(bits.div_ceil(8)).ok()
    }
}

impl Any {
    #[inline]
    fn item(self, class: Class) -> Result<Item<'static>, NotTheProtocol> {
        let (Some(area), Some(bits)) = (Area::of(self.area), element_bits(self.transport)) else {
            return Ok(unknown(syntax::S7ANY));
        };
        let db = if area.is_of_blocks() { self.db } else { 0 };
        let (start, length) = (self.address, u32::from(self.length));
        if length == 0 {
            return Err(NotTheProtocol::Quantity);
        }
        if !area.is_counted() && bits > 1 && !start.is_multiple_of(8) {
            return Err(NotTheProtocol::Address);
        }
        let count = if area.is_counted() { length } else { length * bits };
        Ok(Item { space: Space::Memory { area, db }, start, count, ..Item::bare(class) })
    }
}

/// An item that is not known is not what a rule for reading or writing means, though the function is.
fn unknown(syntax: u8) -> Item<'static> {
    Item { code: Some((functions::ODD, Some(syntax.into()))), ..Item::bare(Class::Unknown) }
}

/// The range of a data block that a DBREAD item names; several ranges are somewhere.
fn ranges(mut body: Tsdu<'_>) -> Result<Item<'static>, NotTheProtocol> {
    let bare = Item::bare(Class::Read);
    let count = body.byte().ok_or(NotTheProtocol::Inconsistent)?;
    if count == 0 || body.len() != usize::from(count) * 5 {
        return Err(NotTheProtocol::Inconsistent);
    }
    match body.array() {
        Some([bytes, d, b, s, t]) if count == 1 => {
            let (db, area) = (u16::from_be_bytes([d, b]), Area::DataBlocks);
            let (start, count) = (8 * u32::from(u16::from_be_bytes([s, t])), 8 * u32::from(bytes));
            Ok(Item { space: Space::Memory { area, db }, start, count, ..bare })
        }
        _ => Ok(bare),
    }
}

/// One value of the data of a write or of the answer to a read: return code, transport size, length, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datum<'a> {
    /// 0xff is success; 0 in a request.
    pub code: u8,
    /// Transport size.
    pub transport: u8,
    /// Length as it is written, in bits or bytes.
    pub length: u16,
    /// The bytes.
    pub bytes: Tsdu<'a>,
}

impl<'a> Datum<'a> {
    /// Takes the first one off `rest`; behind one of odd length stands a byte, unless it is the `last`.
    pub fn take(rest: &mut Tsdu<'a>, last: bool) -> Option<Datum<'a>> {
        let [code, transport, l, m] = rest.array()?;
        let length = u16::from_be_bytes([l, m]);
        let size = if counts_bits(transport) { length.div_ceil(8) } else { length };
        let bytes = rest.part(size.into())?;
        if !size.is_multiple_of(2) && !last {
            rest.byte()?;
        }
        Some(Datum { code, transport, length, bytes })
    }
}

/// The variables of a read or write job, one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variables<'a> {
    /// Items that are left.
    items: Tsdu<'a>,
    /// Data that are left.
    data: Tsdu<'a>,
    left: u8,
    write: bool,
}

impl<'a> Variables<'a> {
    /// What follows the function in the parameters, and the data of a write.
    ///
    /// # Errors
    /// There is no item; a read has data.
    #[inline]
    pub fn read(
        mut items: Tsdu<'a>,
        data: Tsdu<'a>,
        write: bool,
    ) -> Result<Variables<'a>, NotTheProtocol> {
        let left = items.byte().ok_or(NotTheProtocol::Inconsistent)?;
        if left == 0 {
            return Err(NotTheProtocol::Quantity);
        }
        if !write && !data.is_empty() {
            return Err(NotTheProtocol::Inconsistent);
        }
        Ok(Variables { items, data, left, write })
    }

    /// How many are left.
    pub const fn count(&self) -> u8 {
        self.left
    }

    /// The variable of a job that has one.
    ///
    /// # Errors
    /// It is not to be read, or something is left over.
    #[inline]
    pub fn only(mut self) -> Result<Item<'a>, NotTheProtocol> {
        let item = self.item(true)?;
        let over = !self.items.is_empty() || !self.data.is_empty();
        if over { Err(NotTheProtocol::Inconsistent) } else { Ok(item) }
    }

    /// The next one; behind the last, whether nothing is left over.
    #[inline]
    pub fn next_item(&mut self) -> Option<Result<Item<'a>, NotTheProtocol>> {
        let Some(left) = self.left.checked_sub(1) else {
            let over = !self.items.is_empty() || !self.data.is_empty();
            self.items = Tsdu::default();
            self.data = Tsdu::default();
            return over.then_some(Err(NotTheProtocol::Inconsistent));
        };
        self.left = left;
        Some(self.item(left == 0))
    }

    #[inline]
    fn item(&mut self, last: bool) -> Result<Item<'a>, NotTheProtocol> {
        let variable = Variable::take(&mut self.items, last).ok_or(NotTheProtocol::Inconsistent)?;
        if !self.write {
            return variable.item(Class::Read);
        }
        let datum = Datum::take(&mut self.data, last).ok_or(NotTheProtocol::Inconsistent)?;
        if variable.bytes().is_some_and(|bytes| bytes != datum.bytes.len()) {
            return Err(NotTheProtocol::Inconsistent);
        }
        let values = datum.bytes.contiguous().map_or(Values::None, Values::Raw);
        Ok(Item { values, ..variable.item(Class::Write)? })
    }
}
