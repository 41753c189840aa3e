//! Values of any built-in type (5.2.2.16, 5.2.2.17).

use super::Reader;
use crate::{Scalar, Values};

/// How deep values may lie in values.
pub const MAX_DEPTH: usize = 4;

/// Most values of a request whose length only reading tells, and arguments, and elements of paths: in 64 KiB there
/// may be as many as bytes, and one costs as much as an item.
pub const MAX_VALUES: usize = 2048;

/// How many such values a request may still have.
#[derive(Clone, Debug)]
pub struct Budget(usize);

/// That of a request.
impl Default for Budget {
    fn default() -> Budget {
        Budget(MAX_VALUES + 1)
    }
}

impl Budget {
    /// That of what is not read between two segments.
    pub const UNBOUNDED: Budget = Budget(usize::MAX);

    /// Takes so many; `None` where there are too many, and from then on.
    #[inline]
    pub fn spend(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.saturating_sub(count);
        (self.0 > 0).then_some(())
    }

    /// Whether there were too many.
    pub const fn is_spent(&self) -> bool {
        self.0 == 0
    }
}

/// What is in a `DataValue` or Variant: numbers, where they are, and how many.
pub type Numbers<'a> = (Values<'a>, u32);

/// No number.
const NONE: Numbers<'static> = (Values::None, 1);

/// Reads a `DataValue`, and what it holds.
#[inline(always)]
pub fn data_value<'a>(reader: &mut Reader<'a>, budget: &mut Budget) -> Option<Numbers<'a>> {
    // What nearly all clients write: a value and nothing else, and that one number.
    if let Some((&[1, kind], rest)) = reader.rest().split_first_chunk()
        && let Some(scalar) = scalar(kind)
        && let Some((bytes, rest)) = rest.split_at_checked(scalar.size())
    {
        *reader = Reader::new(rest);
        return Some((Values::Scalars(scalar, bytes), 1));
    }
    data_value_at(reader, MAX_DEPTH, budget)
}

/// Reads a Variant, and what it holds.
pub fn value<'a>(reader: &mut Reader<'a>, budget: &mut Budget) -> Option<Numbers<'a>> {
    value_at(reader, MAX_DEPTH, budget)
}

/// Reads a `DataValue` of a response: what it holds, and its status, which is good where there is none.
pub fn data_value_and_status<'a>(reader: &mut Reader<'a>) -> Option<(Numbers<'a>, u32)> {
    const STATUS: u8 = 0x02;
    let (mut ahead, mut budget) = (*reader, Budget::UNBOUNDED);
    let mask = ahead.byte()?;
    if mask & 1 != 0 {
        value(&mut ahead, &mut budget)?;
    }
    let status = if mask & STATUS != 0 { ahead.u32()? } else { 0 };
    Some((data_value(reader, &mut budget)?, status))
}

#[inline(never)]
fn data_value_at<'a>(
    reader: &mut Reader<'a>,
    depth: usize,
    budget: &mut Budget,
) -> Option<Numbers<'a>> {
    /// Bytes behind the value, for each bit: status, source time, server time, and their picoseconds.
    const BEHIND: [(u8, usize); 5] = [(0x02, 4), (0x04, 8), (0x10, 2), (0x08, 8), (0x20, 2)];
    let mask = reader.byte().filter(|mask| *mask < 0x40)?;
    let held = if mask & 1 != 0 { value_at(reader, depth, budget)? } else { NONE };
    for (bit, length) in BEHIND {
        if mask & bit != 0 {
            reader.skip(length)?;
        }
    }
    Some(held)
}

fn value_at<'a>(reader: &mut Reader<'a>, depth: usize, budget: &mut Budget) -> Option<Numbers<'a>> {
    const ARRAY: u8 = 0x80;
    const DIMENSIONS: u8 = 0x40;
    let depth = depth.checked_sub(1)?;
    let encoding = reader.byte()?;
    let kind = encoding & 0x3f;
    let is_array = encoding & ARRAY != 0;
    if encoding & DIMENSIONS != 0 && !is_array {
        return None;
    }
    let count = if is_array { reader.count()? } else { usize::from(kind != 0) };
    let held = elements(reader, kind, count, depth, budget)?;
    if encoding & DIMENSIONS != 0 {
        let dimensions = reader.count()?;
        reader.skip(dimensions.checked_mul(4)?)?;
    }
    Some((held, u32::try_from(count).ok()?))
}

fn elements<'a>(
    reader: &mut Reader<'a>,
    kind: u8,
    count: usize,
    depth: usize,
    budget: &mut Budget,
) -> Option<Values<'a>> {
    if let Some(length) = fixed(kind) {
        let bytes = reader.take(count.checked_mul(length)?)?;
        // Of none, no rule could say that all of them fit.
        let scalar = scalar(kind).filter(|_| !bytes.is_empty());
        return Some(scalar.map_or(Values::None, |scalar| Values::Scalars(scalar, bytes)));
    }
    budget.spend(count)?;
    for _ in 0..count {
        element(reader, kind, depth, budget)?;
    }
    Some(Values::None)
}

/// Length of a type whose values all have the same.
const fn fixed(kind: u8) -> Option<usize> {
    Some(match kind {
        0 => 0,
        1..=3 => 1,
        4 | 5 => 2,
        6 | 7 | 10 | 19 => 4,
        8 | 9 | 11 | 13 => 8,
        14 => 16,
        _ => return None,
    })
}

/// The numbers that a rule can bound. Of 64 bits not all fit a float.
const fn scalar(kind: u8) -> Option<Scalar> {
    Some(match kind {
        1 => Scalar::Bool,
        2 => Scalar::Sint,
        3 => Scalar::Usint,
        4 => Scalar::Int,
        5 => Scalar::Uint,
        6 => Scalar::Dint,
        7 => Scalar::Udint,
        10 => Scalar::Real,
        11 => Scalar::Lreal,
        _ => return None,
    })
}

/// One value of a type whose values differ in length.
fn element(reader: &mut Reader<'_>, kind: u8, depth: usize, budget: &mut Budget) -> Option<()> {
    match kind {
        12 | 15 | 16 => reader.string().map(|_| ()),
        17 => reader.node().map(|_| ()),
        18 => reader.expanded_node().map(|_| ()),
        20 => reader.qualified_name(),
        21 => reader.localized_text(),
        22 => reader.extension_object().map(|_| ()),
        23 => data_value_at(reader, depth, budget).map(|_| ()),
        24 => value_at(reader, depth, budget).map(|_| ()),
        25 => diagnostic_info(reader, depth),
        // 26 to 31 are byte strings to those who do not know them (5.2.2.16).
        26..=31 => reader.string().map(|_| ()),
        _ => None,
    }
}

/// `DiagnosticInfo` (5.2.2.12).
fn diagnostic_info(reader: &mut Reader<'_>, mut depth: usize) -> Option<()> {
    loop {
        let mask = reader.byte().filter(|mask| *mask < 0x80)?;
        // Four indices of strings, then a string, then a status code.
        reader.skip(4 * (mask & 0x0f).count_ones() as usize)?;
        if mask & 0x10 != 0 {
            reader.string()?;
        }
        if mask & 0x20 != 0 {
            reader.skip(4)?;
        }
        if mask & 0x40 == 0 {
            return Some(());
        }
        depth = depth.checked_sub(1)?;
    }
}
