//! Names of blocks: `_0A00001P` is data block 1, to be activated.

use super::Tsdu;

/// Types of blocks, as their two ASCII digits say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum BlockType {
    /// Organisation block: called by the system.
    Ob = 0x08,
    /// Data block.
    Db = 0x0a,
    /// System data block: the hardware's configuration.
    Sdb = 0x0b,
    /// Function.
    Fc = 0x0c,
    /// System function.
    Sfc = 0x0d,
    /// Function block.
    Fb = 0x0e,
    /// System function block.
    Sfb = 0x0f,
}

impl BlockType {
    /// All types.
    pub const ALL: &[BlockType] = &[
        BlockType::Ob,
        BlockType::Db,
        BlockType::Sdb,
        BlockType::Fc,
        BlockType::Sfc,
        BlockType::Fb,
        BlockType::Sfb,
    ];

    /// The letters that stand in front of its number.
    pub const fn name(self) -> &'static str {
        match self {
            BlockType::Ob => "OB",
            BlockType::Db => "DB",
            BlockType::Sdb => "SDB",
            BlockType::Fc => "FC",
            BlockType::Sfc => "SFC",
            BlockType::Fb => "FB",
            BlockType::Sfb => "SFB",
        }
    }

    /// The type of these two digits.
    fn of_digits(digits: [u8; 2]) -> Option<BlockType> {
        let [b'0', digit] = digits else { return None };
        let low = char::from(digit).to_digit(16)?;
        BlockType::ALL.iter().copied().find(|kind| u32::from(*kind as u8) == low)
    }
}

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its type.
    pub kind: BlockType,
    /// Its number, 0 to 99,999.
    pub number: u32,
}

/// Bytes of a block's name: two digits of its type, five of its number, the file system.
const NAME: usize = 8;

impl Block {
    /// The block of a name without the leading underscore.
    pub fn of_name(name: [u8; NAME]) -> Option<Block> {
        let [a, b, digits @ .., file_system] = name;
        let kind = BlockType::of_digits([a, b])?;
        // Passive, active, or both.
        if !matches!(file_system, b'P' | b'A' | b'B') {
            return None;
        }
        let digit = |number: u32, digit: u8| {
            let value = char::from(digit).to_digit(10)?;
            Some(number * 10 + value)
        };
        Some(Block { kind, number: digits.into_iter().try_fold(0, digit)? })
    }

    /// The block of a whole file name with its underscore; `None` if it names something else.
    pub fn of_file(mut name: Tsdu<'_>) -> Option<Block> {
        if name.len() != NAME + 1 || name.byte() != Some(b'_') {
            return None;
        }
        name.array().and_then(Block::of_name)
    }
}

/// The blocks that the argument of a PI service lists: their number, a byte, and their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks<'a> {
    rest: Tsdu<'a>,
}

impl<'a> Blocks<'a> {
    /// Reads the whole argument; `None` if it is none of blocks.
    pub fn read(mut argument: Tsdu<'a>) -> Option<Blocks<'a>> {
        let [count, _] = argument.array()?;
        let blocks = Blocks { rest: argument };
        let whole = count > 0 && argument.len() == usize::from(count) * NAME;
        (whole && blocks.count() == usize::from(count)).then_some(blocks)
    }
}

impl Iterator for Blocks<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        self.rest.array().and_then(Block::of_name)
    }
}
