//! Userdata: what programming devices and HMIs ask for beyond variables.

use super::functions::{self, Function, USERDATA, group};
use super::{Block, Message, Tsdu};
use crate::{Class, Item, NotTheProtocol, Space};

/// Who speaks.
pub mod kind {
    /// A device, without being asked.
    pub const INDICATION: u8 = 0;
    /// Who asks.
    pub const REQUEST: u8 = 4;
    /// Who answers.
    pub const RESPONSE: u8 = 8;
}

/// Subfunction of the CPU group: read a list of the system state.
const READ_SZL: u8 = 1;

/// Subfunctions of the block group.
const LIST_BLOCKS_OF_TYPE: u8 = 2;
const BLOCK_INFO: u8 = 3;

/// Parameters of userdata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Userdata {
    /// 0x11 asks, 0x12 answers.
    pub method: u8,
    /// [Who speaks](kind).
    pub kind: u8,
    /// Function group.
    pub group: u8,
    /// Function in it.
    pub subfunction: u8,
    /// Number of a sequence of messages.
    pub sequence: u8,
    /// Of an answer and what continues it: the unit's reference, whether it is the last (0), an error.
    pub answer: Option<(u8, u8, u16)>,
}

impl Userdata {
    /// Reads all of the parameters.
    ///
    /// # Errors
    /// They are none of userdata.
    pub fn read(mut parameters: Tsdu<'_>) -> Result<Userdata, NotTheProtocol> {
        let Some([0, 1, 0x12, length, method, kind_group, subfunction, sequence]) =
            parameters.array()
        else {
            return Err(NotTheProtocol::Inconsistent);
        };
        if usize::from(length) != 4 + parameters.len() {
            return Err(NotTheProtocol::Length);
        }
        let answer = match parameters.array() {
            Some([unit, last, e, r]) => Some((unit, last, u16::from_be_bytes([e, r]))),
            None if parameters.is_empty() => None,
            None => return Err(NotTheProtocol::Length),
        };
        let (kind, group) = (kind_group >> 4, kind_group & 0x0f);
        Ok(Userdata { method, kind, group, subfunction, sequence, answer })
    }

    /// Its function.
    pub fn function(&self) -> &'static Function {
        functions::find_userdata(self.group, self.subfunction)
    }

    /// Function and number below it.
    pub fn code(&self) -> (u16, Option<u16>) {
        (USERDATA | u16::from(self.group), Some(u16::from(self.subfunction)))
    }
}

/// The data of userdata: return code, transport size, length, bytes.
///
/// # Errors
/// They are cut short, or the length is not theirs.
pub fn data<'a>(message: &Message<'a>) -> Result<Tsdu<'a>, NotTheProtocol> {
    let mut data = message.data;
    if data.is_empty() {
        return Ok(data);
    }
    let [_, _, l, m] = data.array().ok_or(NotTheProtocol::Inconsistent)?;
    let whole = usize::from(u16::from_be_bytes([l, m])) == data.len();
    if whole { Ok(data) } else { Err(NotTheProtocol::Inconsistent) }
}

/// What a request touches.
///
/// # Errors
/// Its data are not what the function demands.
pub fn item(userdata: &Userdata, message: &Message<'_>) -> Result<Item<'static>, NotTheProtocol> {
    let bare = Item::bare(userdata.function().class);
    let mut data = data(message)?;
    match (userdata.group, userdata.subfunction) {
        // What continues an answer names no list again.
        (group::CPU, READ_SZL) if !data.is_empty() => {
            let id = data.word().ok_or(NotTheProtocol::Inconsistent)?;
            Ok(Item { space: Space::Szl, start: id.into(), count: 1, ..bare })
        }
        (group::BLOCK, BLOCK_INFO) if !data.is_empty() => {
            let block = data.array().and_then(Block::of_name);
            Ok(block.map_or(bare, |block| placed(block, bare.class)))
        }
        (group::BLOCK, LIST_BLOCKS_OF_TYPE) if data.len() > 2 => Err(NotTheProtocol::Inconsistent),
        _ => Ok(bare),
    }
}

/// A block as an item.
pub fn placed(block: Block, class: Class) -> Item<'static> {
    let space = Space::Block(block.kind);
    Item { space, start: block.number, count: 1, ..Item::bare(class) }
}
