//! Addresses as programmers write them: `DB10.DBX0.3`, `MB10-MB19`, `T5` (IEC 61131-3).

use core::fmt::{self, Display, Formatter};

use super::{Area, Role};
use crate::Space;

/// A range of an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// The area.
    pub area: Area,
    /// Number of the data block.
    pub db: u16,
    /// First bit, or first element where the area is counted.
    pub start: u32,
    /// How many; [`u32::MAX`] is all.
    pub count: u32,
}

impl Operand {
    /// `DBX`, `DBB`; `M`, `MB`; `T`.
    fn letter(&self, bytes: bool) -> (&'static str, &'static str) {
        match (self.area.is_of_blocks(), self.area.is_counted(), bytes) {
            (true, _, false) => (self.area.name(), "X"),
            (_, false, true) => (self.area.name(), "B"),
            _ => (self.area.name(), ""),
        }
    }

    fn element(&self, at: u32, bytes: bool, f: &mut Formatter<'_>) -> fmt::Result {
        let (area, size) = self.letter(bytes);
        match bytes {
            _ if self.area.is_counted() => write!(f, "{area}{at}"),
            true => write!(f, "{area}{size}{}", at / 8),
            false => write!(f, "{area}{size}{}.{}", at / 8, at % 8),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Operand { area, db, start, count } = *self;
        match (area.is_of_blocks(), count) {
            (true, u32::MAX) => return write!(f, "{}{db}", area.name()),
            (true, _) => write!(f, "{}{db}.", area.name())?,
            (false, u32::MAX) => return f.write_str(area.name()),
            (false, _) => {}
        }
        let bytes = start.is_multiple_of(8) && count.is_multiple_of(8) && !area.is_counted();
        let size = if bytes { 8 } else { 1 };
        let last = start.saturating_add(count.saturating_sub(size));
        self.element(start, bytes, f)?;
        if last > start {
            f.write_str("-")?;
            self.element(last, bytes, f)?;
        }
        Ok(())
    }
}

/// What an item of S7 touches, in words: `DB10.DBB0-DBB19`, `block FC3`, `szl 0x0011`, `role op`. Nothing
/// of what other protocols touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object(pub Space, pub u32, pub u32);

impl Display for Object {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Object(space, start, count) = *self;
        match space {
            Space::Memory { area, db } => write!(f, "{}", Operand { area, db, start, count }),
            Space::Block(kind) => write!(f, "block {}{start}", kind.name()),
            Space::Szl => write!(f, "szl {start:#06x}"),
            Space::Role => write!(f, "role {}", Role::of(start).map_or("other", Role::name)),
            Space::Nck { unit, module } => {
                let (area, unit) = (unit >> 5, unit & 0x1f);
                write!(f, "nck area {area} unit {unit} module {module:#04x} column {start}")
            }
            _ => Ok(()),
        }
    }
}
