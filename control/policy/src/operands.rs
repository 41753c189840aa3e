//! Selectors of S7: memory, blocks, lists of the system state, roles.

use wicketgate_dissectors::s7comm::{Area, BlockType, Operand, Role};
use wicketgate_dissectors::{Scalar, Space};
use wicketgate_engine::objects::ObjectRule;
use wicketgate_engine::operands::{Memory, Range};

use crate::catalog::Function;
use crate::diagnostic::{Report, Span};
use crate::reader::{Node, Table};
use crate::selector::{Selector, ranges, select};
use crate::suggest;

/// Highest id of a list.
const MAX_WORD: u32 = 0xffff;
/// Highest byte of an area: an address has 24 bits.
const MAX_BYTE: u32 = 0x1f_ffff;
/// Highest number of a block: five digits.
const MAX_BLOCK: u32 = 99_999;

/// What an element says of objects. A selector that is not there selects everything.
#[derive(Default)]
pub(crate) struct OperandSelectors {
    memory: Option<Selector<Vec<Memory>>>,
    blocks: Option<Selector<Vec<Range>>>,
    lists: Option<Selector<Vec<(u32, u32)>>>,
    roles: Option<Selector<Vec<Role>>>,
}

impl OperandSelectors {
    pub(crate) fn read(table: &mut Table<'_>, report: &mut Report<'_>) -> OperandSelectors {
        let kind = select(table, "type", report, scalar);
        let mut read = OperandSelectors {
            memory: select(table, "address", report, memory),
            blocks: select(table, "block", report, blocks),
            lists: select(table, "szl", report, |n, r| ranges(n, MAX_WORD, r)),
            roles: select(table, "role", report, roles),
        };
        if let Some(kind) = kind {
            read.retype(&kind, report);
        }
        read.check_kinds(report);
        read
    }

    /// The type that a rule gives in place of that of the letters in its addresses.
    fn retype(&mut self, kind: &Selector<Scalar>, report: &mut Report<'_>) {
        let Some(memory) = &mut self.memory else {
            return report.error(&kind.span, "`type` without `address` says nothing");
        };
        for range in &mut memory.value {
            match range.scalar {
                Some(scalar) if size(scalar) == size(kind.value) => range.scalar = Some(kind.value),
                _ => {
                    let help = "DBX is a bit, DBB a byte, DBW a word, DBD a double word";
                    let message = "the addresses are not of the size of `type`";
                    report.error_with(&kind.span, message, help);
                    return;
                }
            }
        }
    }

    /// What an item touches is one of them, never two.
    fn check_kinds(&self, report: &mut Report<'_>) {
        let mut named = self.all().into_iter().flatten();
        if let (Some((first, _)), Some((second, span))) = (named.next(), named.next()) {
            let message = format!("`{first}` and `{second}` exclude each other");
            let help = "write two elements: a command needs to fit only one of them";
            report.error_with(span, message, help);
        }
    }

    fn all(&self) -> [Option<(&'static str, &Span)>; 4] {
        [
            self.memory.as_ref().map(|s| (s.key, &s.span)),
            self.blocks.as_ref().map(|s| (s.key, &s.span)),
            self.lists.as_ref().map(|s| (s.key, &s.span)),
            self.roles.as_ref().map(|s| (s.key, &s.span)),
        ]
    }

    /// The first selector.
    pub(crate) fn first(&self) -> Option<(&'static str, &Span)> {
        self.all().into_iter().flatten().next()
    }

    /// A limit on values needs to know what the bytes mean.
    pub(crate) fn check_values(&self, values: Option<&Span>, report: &mut Report<'_>) {
        let Some(span) = values else { return };
        let typed = self
            .memory
            .as_ref()
            .is_some_and(|memory| memory.value.iter().all(|range| range.scalar.is_some()));
        if !typed {
            let help = "write the size into the address: address = \"DB10.DBW0\"";
            report.error_with(span, "which type the bytes are of has to be said", help);
        }
    }

    /// What the selectors reach.
    pub(crate) fn rule(&self) -> ObjectRule {
        if self.first().is_none() {
            return ObjectRule::Any;
        }
        let memory = self.memory.iter().flat_map(|s| s.value.iter().copied().map(Range::Memory));
        let blocks = self.blocks.iter().flat_map(|s| s.value.iter().copied());
        let lists = self.lists.iter().flat_map(|s| &s.value).map(|(a, b)| Range::Lists(*a, *b));
        let roles = self.roles.iter().flat_map(|s| &s.value).map(|role| Range::Role(*role as u32));
        ObjectRule::Operands(memory.chain(blocks).chain(lists).chain(roles).collect())
    }

    /// Whether a function can be of the objects that are selected.
    pub(crate) fn fits(&self, function: &Function) -> bool {
        match self.rule() {
            ObjectRule::Operands(ranges) => ranges.iter().any(|range| range.is_of(function.space)),
            _ => true,
        }
    }
}

fn size(scalar: Scalar) -> u32 {
    if scalar == Scalar::Bool { 1 } else { 8 * scalar.size() as u32 }
}

/// Types by name (IEC 61131-3).
const SCALARS: &[(&str, Scalar)] = &[
    ("bool", Scalar::Bool),
    ("sint", Scalar::Sint),
    ("usint", Scalar::Usint),
    ("int", Scalar::Int),
    ("uint", Scalar::Uint),
    ("dint", Scalar::Dint),
    ("udint", Scalar::Udint),
    ("real", Scalar::Real),
];

fn scalar(node: Node<'_>, report: &mut Report<'_>) -> Option<Scalar> {
    word(node, "type", SCALARS, report)
}

/// One of some words.
fn word<T: Copy>(
    node: Node<'_>,
    what: &str,
    known: &[(&'static str, T)],
    report: &mut Report<'_>,
) -> Option<T> {
    let name = node.text(report)?;
    let found = known.iter().find(|(word, _)| *word == name).map(|(_, value)| *value);
    if found.is_none() {
        let help = suggest::known(name, known.iter().map(|(word, _)| *word));
        report.error_with(&node.span(), format!("there is no {what} `{name}`"), help);
    }
    found
}

fn roles(node: Node<'_>, report: &mut Report<'_>) -> Option<Vec<Role>> {
    let known: Vec<(&'static str, Role)> =
        Role::ALL.iter().map(|role| (role.name(), *role)).collect();
    let nodes = node.one_or_more(report)?;
    nodes.into_iter().map(|node| word(node, "role", &known, report)).collect()
}

fn memory(node: Node<'_>, report: &mut Report<'_>) -> Option<Vec<Memory>> {
    let nodes = node.one_or_more(report)?;
    nodes.into_iter().map(|node| node.parse(report, range)).collect()
}

fn blocks(node: Node<'_>, report: &mut Report<'_>) -> Option<Vec<Range>> {
    let nodes = node.one_or_more(report)?;
    nodes.into_iter().map(|node| node.parse(report, block)).collect()
}

/// `DB`, `FC3`, `DB1-DB9`.
fn block(text: &str) -> Result<Range, String> {
    let wrong = || format!("`{text}` is not a block like DB1, FC1-FC9 or OB");
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let ((kind, low), (other, high)) = block_name(first).zip(block_name(last)).ok_or_else(wrong)?;
    let (low, high) = (low.unwrap_or(0), high.unwrap_or(MAX_BLOCK));
    if kind != other || low > high || high > MAX_BLOCK {
        return Err(wrong());
    }
    Ok(Range::Blocks(kind, low, high))
}

fn block_name(text: &str) -> Option<(BlockType, Option<u32>)> {
    let at = text.find(|letter: char| letter.is_ascii_digit()).unwrap_or(text.len());
    let (letters, digits) = text.split_at(at);
    let kind = BlockType::ALL.iter().copied().find(|kind| kind.name() == letters)?;
    let number = if digits.is_empty() { None } else { Some(digits.parse().ok()?) };
    Some((kind, number))
}

/// `DB10`, `DB1-DB9`, `DB10.DBW0-DBW18`, `M`, `MB0-MB9`, `M10.3`, `T0-T9`.
fn range(text: &str) -> Result<Memory, String> {
    parse(text).ok_or_else(|| {
        format!("`{text}` is not an address like DB10.DBW0, DB10.DBX0.0-DBX9.7, DB1-DB9 or MB10")
    })
}

fn parse(text: &str) -> Option<Memory> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (block, first) = match first.split_once('.') {
        Some((block, element)) if block.starts_with("DB") && element.starts_with("DB") => {
            (Some(block_number(block)?), element)
        }
        _ => (None, first),
    };
    // The block may be named at both ends.
    let last = last
        .split_once('.')
        .filter(|(_, rest)| rest.starts_with("DB"))
        .map_or(last, |(_, rest)| rest);
    let Some(number) = block else { return whole(first, last).or_else(|| plain(first, last)) };
    let (low, high) = (Element::read(first, "DB", true)?, Element::read(last, "DB", true)?);
    span(Area::DataBlocks, (number, number), low, high)
}

fn block_number(text: &str) -> Option<u16> {
    text.strip_prefix("DB")?.parse().ok()
}

/// Data blocks, or an area, as a whole.
fn whole(first: &str, last: &str) -> Option<Memory> {
    let all = |area, blocks| Memory { area, blocks, bits: (0, u32::MAX), scalar: None };
    if let Some(blocks) = block_number(first).zip(block_number(last)) {
        return (blocks.0 <= blocks.1).then(|| all(Area::DataBlocks, blocks));
    }
    let area = Area::ALL.iter().copied().find(|area| area.name() == first && first == last)?;
    Some(all(area, if area.is_of_blocks() { (0, u16::MAX) } else { (0, 0) }))
}

/// Elements of an area without blocks.
fn plain(first: &str, last: &str) -> Option<Memory> {
    let areas = Area::ALL.iter().copied().filter(|area| !area.is_of_blocks());
    areas.into_iter().find_map(|area| {
        let read = |text| Element::read(text, area.name(), false);
        if !area.is_counted() {
            return span(area, (0, 0), read(first)?, read(last)?);
        }
        let number = |text: &str| text.strip_prefix(area.name())?.parse::<u32>().ok();
        let bits = (number(first)?, number(last)?);
        let fits = bits.0 <= bits.1 && bits.1 <= MAX_BYTE;
        fits.then_some(Memory { area, blocks: (0, 0), bits, scalar: None })
    })
}

/// An element: its first bit and its type.
#[derive(Clone, Copy)]
struct Element {
    bit: u32,
    scalar: Scalar,
}

impl Element {
    /// What stands behind the letters of an area: `X0.0` or `0.0`, `B0`, `W0`, `D0`.
    fn read(text: &str, area: &str, letter: bool) -> Option<Element> {
        let rest = text.strip_prefix(area)?;
        let (scalar, digits) = match rest.chars().next()? {
            'B' => (Scalar::Usint, rest.get(1..)?),
            'W' => (Scalar::Uint, rest.get(1..)?),
            'D' => (Scalar::Udint, rest.get(1..)?),
            'X' if letter => (Scalar::Bool, rest.get(1..)?),
            _ if !letter => (Scalar::Bool, rest),
            _ => return None,
        };
        let number = |text: &str| text.parse::<u32>().ok().filter(|byte| *byte <= MAX_BYTE);
        let bit = match (scalar, digits.split_once('.')) {
            (Scalar::Bool, Some((byte, bit))) => {
                8 * number(byte)? + bit.parse::<u32>().ok().filter(|bit| *bit < 8)?
            }
            (Scalar::Bool, None) | (_, Some(_)) => return None,
            (_, None) => 8 * number(digits)?,
        };
        Some(Element { bit, scalar })
    }
}

/// From the first bit of one element to the last of another of the same size.
fn span(area: Area, blocks: (u16, u16), low: Element, high: Element) -> Option<Memory> {
    let size = size(low.scalar);
    let apart = high.bit.checked_sub(low.bit)?;
    if low.scalar != high.scalar || !apart.is_multiple_of(size) {
        return None;
    }
    let bits = (low.bit, high.bit + size - 1);
    Some(Memory { area, blocks, bits, scalar: Some(low.scalar) })
}

/// A range as it is written.
pub(crate) fn written(range: &Range) -> String {
    match *range {
        Range::Memory(memory) => of_memory(&memory),
        Range::Blocks(kind, 0, MAX_BLOCK) => format!("block {}", kind.name()),
        Range::Blocks(kind, low, high) if low == high => format!("block {}{low}", kind.name()),
        Range::Blocks(kind, low, high) => {
            let name = kind.name();
            format!("block {name}{low}-{name}{high}")
        }
        Range::Lists(low, high) if low == high => format!("szl {low:#06x}"),
        Range::Lists(low, high) => format!("szl {low:#06x}-{high:#06x}"),
        Range::Role(role) => format!("role {}", Role::of(role).map_or("other", Role::name)),
    }
}

fn of_memory(memory: &Memory) -> String {
    let Memory { area, blocks, bits, scalar } = *memory;
    let all = bits == (0, u32::MAX);
    let name = area.name();
    match (all, area.is_of_blocks()) {
        (true, true) if blocks == (0, u16::MAX) => return format!("address {name}"),
        (true, true) if blocks.0 == blocks.1 => return format!("address {name}{}", blocks.0),
        (true, true) => return format!("address {name}{}-{name}{}", blocks.0, blocks.1),
        (true, false) => return format!("address {name}"),
        (false, _) => {}
    }
    let count = bits.1 - bits.0 + 1;
    let operand = Operand { area, db: blocks.0, start: bits.0, count };
    let kind = scalar.and_then(|of| SCALARS.iter().find(|(_, known)| *known == of));
    let kind = kind.map_or(String::new(), |(word, _)| format!(" ({word})"));
    format!("address {operand}{kind}")
}

/// Whether objects of this kind are those of S7.
pub(crate) const fn is_operand(space: Space) -> bool {
    matches!(space, Space::Memory { .. } | Space::Block(_) | Space::Szl | Space::Role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_programmers_write_them() {
        let read = |text| range(text).map(|memory| (memory.blocks, memory.bits, memory.scalar));
        assert_eq!(read("DB10"), Ok(((10, 10), (0, u32::MAX), None)));
        assert_eq!(read("DB1-DB9"), Ok(((1, 9), (0, u32::MAX), None)));
        assert_eq!(read("DB10.DBW0"), Ok(((10, 10), (0, 15), Some(Scalar::Uint))));
        assert_eq!(read("DB10.DBW0-DBW18"), Ok(((10, 10), (0, 159), Some(Scalar::Uint))));
        assert_eq!(read("DB10.DBX0.3-DB10.DBX1.7"), Ok(((10, 10), (3, 15), Some(Scalar::Bool))));
        assert_eq!(read("M10.3"), Ok(((0, 0), (83, 83), Some(Scalar::Bool))));
        assert_eq!(read("MB0-MB9"), Ok(((0, 0), (0, 79), Some(Scalar::Usint))));
        assert_eq!(read("QD4"), Ok(((0, 0), (32, 63), Some(Scalar::Udint))));
        assert_eq!(read("T0-T9"), Ok(((0, 0), (0, 9), None)));
        assert_eq!(read("I"), Ok(((0, 0), (0, u32::MAX), None)));
    }

    #[test]
    fn what_is_no_address_is_said() {
        for text in [
            "",
            "DB10.",
            "DB10.DBW",
            "DB10.DBX0",
            "DB10.DBX0.8",
            "DB10.DBW0.1",
            "DB70000",
            "DB10.DBW0-DBB3",
            "DB10.DBW0-DBW1",
            "DB9-DB1",
            "M10",
            "MX1.0",
            "X1",
            "T9-T0",
            "10-20",
        ] {
            let wrong = range(text);
            assert!(wrong.is_err(), "{text}: {wrong:?}");
        }
    }
}
