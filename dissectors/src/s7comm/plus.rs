//! S7comm-plus: what its header says, and of what follows as much as decides about a plant.

use super::functions::{self, Function};
use super::{Area, Tsdu};
use crate::{Class, Item, NotTheProtocol, Space};

/// The first byte of S7comm-plus.
pub const ID: u8 = 0x72;

/// Versions of the protocol; the third has a digest in front of the data.
const VERSIONS: core::ops::RangeInclusive<u8> = 1..=3;
const WITH_DIGEST: u8 = 3;

/// Version of what a device tells about the connection itself.
const SYSTEM_EVENT: u8 = 0xfe;

/// Length of a digest (HMAC-SHA256), which stands in front of it.
const DIGEST: u8 = 32;

/// Who speaks.
pub mod opcode {
    /// Who asks.
    pub const REQUEST: u8 = 0x31;
    /// Who answers.
    pub const RESPONSE: u8 = 0x32;
    /// A device, without being asked.
    pub const NOTIFICATION: u8 = 0x33;
}

/// Functions whose data are looked into.
const CREATE_OBJECT: u16 = 0x04ca;
const DELETE_OBJECT: u16 = 0x04d4;
const SET_VARIABLE: u16 = 0x04f2;
const SET_MULTI_VARIABLES: u16 = 0x0542;
const GET_MULTI_VARIABLES: u16 = 0x054c;
const SET_VARIABLE_STREAMED: u16 = 0x057c;

/// Variables with a meaning of their own.
pub mod variable {
    /// How many notifications a subscription may send.
    pub const CREDIT: u32 = 1053;
    /// Legitimation: login with the controller's password.
    pub const LEGITIMATE: u32 = 1846;
    /// The operating state that is asked for: 1 stop, 3 run.
    pub const OPERATING_STATE: u32 = 2167;
}

/// Most addresses of one request.
const MAX_ADDRESSES: u32 = 256;

/// One PDU in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plus<'a> {
    /// Version.
    pub version: u8,
    /// Length of digest and data, as the header says.
    pub length: u16,
    /// Whether a digest stands in front of the data.
    pub digest: bool,
    /// The data.
    pub data: Tsdu<'a>,
    /// Whether the data end here; else the next PDU continues them.
    pub is_last: bool,
}

impl<'a> Plus<'a> {
    /// Reads all of `tsdu` as one PDU.
    ///
    /// # Errors
    /// It is no S7comm-plus, or its length is not that of its parts.
    pub fn read(mut tsdu: Tsdu<'a>) -> Result<Plus<'a>, NotTheProtocol> {
        let [ID, version, l, m] = tsdu.array().ok_or(NotTheProtocol::Length)? else {
            return Err(NotTheProtocol::Envelope);
        };
        let length = u16::from_be_bytes([l, m]);
        let mut data = tsdu.part(length.into()).ok_or(NotTheProtocol::Length)?;
        let is_last = match tsdu.array() {
            Some([ID, of, 0, 0]) if of == version && tsdu.is_empty() => true,
            None if tsdu.is_empty() => false,
            _ => return Err(NotTheProtocol::Length),
        };
        let digest = version == WITH_DIGEST && data.peek() == Some(DIGEST);
        if digest {
            data.part(1 + usize::from(DIGEST)).ok_or(NotTheProtocol::Length)?;
        }
        Ok(Plus { version, length, digest, data, is_last })
    }

    /// Opcode, function and sequence number, where it has them; what follows is left in `data`.
    pub fn head(&self) -> Option<Head<'a>> {
        let mut data = self.data;
        let opcode = data.byte().filter(|opcode| {
            VERSIONS.contains(&self.version)
                && matches!(*opcode, opcode::REQUEST | opcode::RESPONSE | opcode::NOTIFICATION)
        })?;
        if opcode == opcode::NOTIFICATION {
            return Some(Head { opcode, function: 0, sequence: 0, data });
        }
        let [_, _, f, g, _, _, s, t] = data.array()?;
        let (function, sequence) = (u16::from_be_bytes([f, g]), u16::from_be_bytes([s, t]));
        Some(Head { opcode, function, sequence, data })
    }

    /// Whether it is about the connection itself.
    pub const fn is_event(&self) -> bool {
        self.version == SYSTEM_EVENT
    }
}

/// What the data of a PDU begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// [Who speaks](opcode).
    pub opcode: u8,
    /// The function; 0 of a notification.
    pub function: u16,
    /// Sequence number: chosen by who asks, echoed by who answers.
    pub sequence: u16,
    /// What follows.
    pub data: Tsdu<'a>,
}

/// What a request asks for: its function, what it touches, and whether that is several things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The function with what is below it; where it is opaque, its code is in `code`.
    pub function: &'static Function,
    /// The function's code, where it has one that can be read.
    pub code: u16,
    /// Addresses, where it has some.
    pub addresses: Option<Addresses<'a>>,
}

impl<'a> Asked<'a> {
    const OPAQUE: Asked<'static> =
        Asked { function: &functions::OPAQUE_FUNCTION, code: functions::OPAQUE, addresses: None };

    /// Reads a request. What it cannot read is [opaque](functions::OPAQUE).
    pub fn read(plus: &Plus<'a>) -> Asked<'a> {
        let head = plus.head().filter(|head| plus.is_last && head.opcode == opcode::REQUEST);
        let Some(head) = head else { return Asked::OPAQUE };
        let is_known = functions::find_plus(head.function, None).class != Class::Unknown;
        let code = if is_known { functions::OPAQUE } else { head.function };
        asked(&head).unwrap_or(Asked { code, ..Asked::OPAQUE })
    }
}

fn plain(code: u16, sub: Option<u16>) -> Asked<'static> {
    Asked { function: functions::find_plus(code, sub), code, addresses: None }
}

fn asked<'a>(head: &Head<'a>) -> Option<Asked<'a>> {
    let mut data = head.data;
    // Session, and flags of the transport.
    let [_, session @ ..] = data.array::<5>().map(|[a, b, c, d, flags]| [flags, a, b, c, d])?;
    let session = u32::from_be_bytes(session);
    let code = head.function;
    match code {
        CREATE_OBJECT => Some(plain(code, created(data).filter(|sub| is_known(code, *sub)))),
        DELETE_OBJECT => {
            let object = data.double()?;
            Some(plain(code, (object == session || is_dynamic(object)).then_some(1)))
        }
        SET_VARIABLE | SET_VARIABLE_STREAMED => set_variable(code, data),
        SET_MULTI_VARIABLES | GET_MULTI_VARIABLES => multi(code, data),
        _ => Some(plain(code, None)).filter(|asked| asked.function.class != Class::Unknown),
    }
}

fn is_known(code: u16, sub: u16) -> bool {
    functions::find(code, Some(sub)).class != Class::Unknown
}

/// Objects that exist as long as a session: the session itself and its subscriptions.
const fn is_dynamic(object: u32) -> bool {
    object >> 28 == 7
}

/// The class of the object that is created: behind the parent, a number and a word stands its beginning,
/// its number and class.
fn created(mut data: Tsdu<'_>) -> Option<u16> {
    const UDINT: u8 = 4;
    const START_OF_OBJECT: u8 = 0xa1;
    let [_, _, _, _, _, UDINT] = data.array()? else { return None };
    number(&mut data)?;
    let [0, 0, 0, 0, START_OF_OBJECT, _, _, _, _] = data.array()? else { return None };
    u16::try_from(number(&mut data)?).ok()
}

/// Object, how many addresses, the address.
fn set_variable(code: u16, mut data: Tsdu<'_>) -> Option<Asked<'static>> {
    let object = data.double()?;
    let count = number(&mut data)?;
    let id = number(&mut data)?;
    if count != 1 {
        return None;
    }
    let sub = match id {
        variable::CREDIT if is_dynamic(object) && code == SET_VARIABLE => Some(1),
        id => u16::try_from(id).ok().filter(|sub| *sub > 1 && is_known(code, *sub)),
    };
    Some(plain(code, sub))
}

/// Object, how many items and numbers, the numbers. Without an object each item is an address of its own;
/// of an object each number is one of its variables.
fn multi(code: u16, mut data: Tsdu<'_>) -> Option<Asked<'_>> {
    let object = data.double()?;
    let (items, numbers) = (number(&mut data)?, number(&mut data)?);
    if items == 0 || items > MAX_ADDRESSES {
        return None;
    }
    if object == 0 {
        let class = functions::find(code, None).class;
        let addresses = Addresses { rest: data, left: items, class };
        let mut counted = addresses;
        let mut fields = 0;
        while counted.left > 0 {
            fields += counted.take_one()?.1;
        }
        let function = functions::find(code, None);
        return (fields == numbers).then_some(Asked { function, code, addresses: Some(addresses) });
    }
    let special = (0..items).map(|_| number(&mut data)).try_fold(None, |found, id| {
        let id = id?;
        // Of several the one that does most.
        let special = id == variable::OPERATING_STATE || id == variable::LEGITIMATE;
        Some(if special { found.max(Some(id)) } else { found })
    })?;
    if code == GET_MULTI_VARIABLES {
        return Some(plain(code, None));
    }
    // As if it were written alone.
    match special {
        Some(id) => Some(plain(SET_VARIABLE, u16::try_from(id).ok())),
        None if is_dynamic(object) => Some(plain(SET_VARIABLE, Some(1))),
        None => Some(plain(SET_VARIABLE, None)),
    }
}

/// The addresses of a request on several variables, already checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses<'a> {
    rest: Tsdu<'a>,
    left: u32,
    class: Class,
}

impl Addresses<'_> {
    /// Takes the first one: checksum of the symbol, area, and so many numbers that lead on from there.
    /// Gives how many numbers it had altogether, too.
    fn take_one(&mut self) -> Option<(Item<'static>, u32)> {
        self.left = self.left.checked_sub(1)?;
        let (_checksum, area) = (number(&mut self.rest)?, number(&mut self.rest)?);
        let path = number(&mut self.rest).filter(|path| *path <= MAX_ADDRESSES)?;
        (0..path).try_for_each(|_| number(&mut self.rest).map(drop))?;
        Some((self.item(area), 3 + path))
    }

    /// Which part of a block is meant only the device knows: it is the whole of it.
    fn item(&self, area: u32) -> Item<'static> {
        let space = match area {
            80 => Space::Memory { area: Area::Inputs, db: 0 },
            81 => Space::Memory { area: Area::Outputs, db: 0 },
            82 => Space::Memory { area: Area::Flags, db: 0 },
            83 => Space::Memory { area: Area::Counters, db: 0 },
            84 => Space::Memory { area: Area::Timers, db: 0 },
            0x8a0e_0000..=0x8a0e_ffff => {
                let [_, _, high, low] = area.to_be_bytes();
                Space::Memory { area: Area::DataBlocks, db: u16::from_be_bytes([high, low]) }
            }
            _ if self.class == Class::Read => return Item::bare(self.class),
            // Objects of the system: nobody knows what is written there.
            _ => {
                let code = Some((functions::OPAQUE, None));
                return Item { code, ..Item::bare(Class::Unknown) };
            }
        };
        Item { space, start: 0, count: u32::MAX, ..Item::bare(self.class) }
    }

    /// How many are left.
    pub const fn count(&self) -> u32 {
        self.left
    }
}

impl Iterator for Addresses<'_> {
    type Item = Item<'static>;

    fn next(&mut self) -> Option<Item<'static>> {
        self.take_one().map(|(item, _)| item)
    }
}

/// Takes a number of 32 bits: seven bits a byte, the highest first, all but the last with bit 7 set.
fn number(data: &mut Tsdu<'_>) -> Option<u32> {
    const MOST: usize = 5;
    let mut number: u32 = 0;
    for _ in 0..MOST {
        let byte = data.byte()?;
        number = number.checked_mul(1 << 7)? | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
