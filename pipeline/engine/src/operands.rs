//! Which objects of an S7 controller an entry of a matcher reaches: ranges of its memory, blocks, lists of
//! the system state, and what a connection is for.

use wicketgate_dissectors::s7comm::{Area, BlockType};
use wicketgate_dissectors::{Item, Scalar, Space};

/// One range of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Memory.
    Memory(Memory),
    /// Blocks of a type, from one number to another.
    Blocks(BlockType, u32, u32),
    /// Lists of the system state, from one id to another.
    Lists(u32, u32),
    /// Connections for this [`Role`](wicketgate_dissectors::s7comm::Role).
    Role(u32),
}

/// A range of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The area.
    pub area: Area,
    /// First and last data block; 0 in other areas.
    pub blocks: (u16, u16),
    /// First and last bit, or element where the area is counted; [`u32::MAX`] is its end.
    pub bits: (u32, u32),
    /// The type of its elements, where the rule says one. What a client says of the type is not believed:
    /// controllers write the same bytes whatever it is.
    pub scalar: Option<Scalar>,
}

/// Whether all of `item` lies in one of the ranges.
#[inline(never)]
pub(crate) fn reach(ranges: &[Range], item: &Item<'_>) -> bool {
    ranges.iter().any(|range| range.reaches(item))
}

impl Range {
    /// Whether all of `item` lies in it.
    pub fn reaches(&self, item: &Item<'_>) -> bool {
        let (first, last) = (item.start, item.start.saturating_add(item.count.saturating_sub(1)));
        match (self, item.space) {
            (Range::Memory(memory), Space::Memory { area, db }) => {
                memory.area == area
                    && within((db, db), memory.blocks)
                    && within((first, last), memory.bits)
            }
            (Range::Blocks(kind, low, high), Space::Block(of)) => {
                *kind == of && within((first, last), (*low, *high))
            }
            (Range::Lists(low, high), Space::Szl) => within((first, last), (*low, *high)),
            (Range::Role(role), Space::Role) => *role == first,
            _ => false,
        }
    }

    /// The type of what `item` holds, where it begins and ends with elements of the range.
    pub fn scalar(&self, item: &Item<'_>) -> Option<Scalar> {
        let Range::Memory(memory) = self else { return None };
        let scalar = memory.scalar.filter(|_| self.reaches(item))?;
        let whole = match scalar {
            Scalar::Bool => item.count == 1,
            scalar => {
                let bits = u32::try_from(8 * scalar.size()).ok()?;
                let into = item.start - memory.bits.0;
                into.is_multiple_of(bits) && item.count.is_multiple_of(bits)
            }
        };
        whole.then_some(scalar)
    }

    /// Whether it reaches all that `other` does, of the same type.
    pub fn covers(&self, other: &Range) -> bool {
        match (self, other) {
            (Range::Memory(wide), Range::Memory(narrow)) => {
                (wide.area, wide.scalar) == (narrow.area, narrow.scalar)
                    && within(narrow.blocks, wide.blocks)
                    && within(narrow.bits, wide.bits)
            }
            (Range::Blocks(kind, low, high), Range::Blocks(of, first, last)) => {
                kind == of && within((*first, *last), (*low, *high))
            }
            (Range::Lists(low, high), Range::Lists(first, last)) => {
                within((*first, *last), (*low, *high))
            }
            (Range::Role(role), Range::Role(of)) => role == of,
            _ => false,
        }
    }

    /// Whether some item may lie in both.
    pub fn meets(&self, other: &Range) -> bool {
        match (self, other) {
            (Range::Memory(one), Range::Memory(two)) => {
                one.area == two.area && meet(one.blocks, two.blocks) && meet(one.bits, two.bits)
            }
            (Range::Blocks(kind, low, high), Range::Blocks(of, first, last)) => {
                kind == of && meet((*low, *high), (*first, *last))
            }
            (Range::Lists(low, high), Range::Lists(first, last)) => {
                meet((*low, *high), (*first, *last))
            }
            (one, two) => one == two,
        }
    }

    /// Whether it is one of objects of this kind.
    pub const fn is_of(&self, space: Space) -> bool {
        matches!(
            (self, space),
            (Range::Memory(_), Space::Memory { .. })
                | (Range::Blocks(..), Space::Block(_))
                | (Range::Lists(..), Space::Szl)
                | (Range::Role(_), Space::Role)
        )
    }
}

/// Whether one range lies in another.
fn within<T: PartialOrd>(inner: (T, T), outer: (T, T)) -> bool {
    outer.0 <= inner.0 && inner.1 <= outer.1
}

/// Whether two ranges have something in common.
fn meet<T: PartialOrd>(one: (T, T), two: (T, T)) -> bool {
    one.0 <= two.1 && two.0 <= one.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use wicketgate_dissectors::Class;

    const DB: Space = Space::Memory { area: Area::DataBlocks, db: 10 };

    fn range(bits: (u32, u32), scalar: Option<Scalar>) -> Range {
        Range::Memory(Memory { area: Area::DataBlocks, blocks: (10, 10), bits, scalar })
    }

    fn item(space: Space, start: u32, count: u32) -> Item<'static> {
        Item { space, start, count, ..Item::bare(Class::Write) }
    }

    #[test]
    fn every_bit_must_lie_in_the_range() {
        let bytes = range((16, 47), None);
        assert!(bytes.reaches(&item(DB, 16, 32)) && bytes.reaches(&item(DB, 47, 1)));
        assert!(!bytes.reaches(&item(DB, 15, 2)) && !bytes.reaches(&item(DB, 40, 9)));
        assert!(!bytes.reaches(&item(DB, 16, u32::MAX)), "the whole block");
        let other = Space::Memory { area: Area::DataBlocks, db: 11 };
        assert!(!bytes.reaches(&item(other, 16, 8)));
        let flags = Space::Memory { area: Area::Flags, db: 0 };
        assert!(!bytes.reaches(&item(flags, 16, 8)));
        assert!(range((0, u32::MAX), None).reaches(&item(DB, 0, u32::MAX)));
    }

    /// Half of a word is no number of a rule for words, and neither are two that overlap it.
    #[test]
    fn a_type_holds_only_for_whole_elements() {
        let words = range((16, 47), Some(Scalar::Uint));
        assert_eq!(words.scalar(&item(DB, 16, 16)), Some(Scalar::Uint));
        assert_eq!(words.scalar(&item(DB, 16, 32)), Some(Scalar::Uint));
        assert_eq!(words.scalar(&item(DB, 32, 16)), Some(Scalar::Uint));
        for (start, count) in [(16, 8), (24, 8), (24, 16), (16, 24), (16, 1), (48, 16)] {
            assert_eq!(words.scalar(&item(DB, start, count)), None, "{start} {count}");
        }
        let bits = range((0, 7), Some(Scalar::Bool));
        assert_eq!(bits.scalar(&item(DB, 3, 1)), Some(Scalar::Bool));
        assert_eq!(bits.scalar(&item(DB, 0, 8)), None, "a byte is not a bit");
    }
}
