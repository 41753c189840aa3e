//! The kinds of things that a command can do, as far as a policy can tell them apart.

use std::collections::BTreeSet;

use wicketgate_dissectors::modbus::functions as modbus;
use wicketgate_dissectors::{Class, Command, Item, Items, Protocol, Space};
use wicketgate_engine::{CodeSet, Entry};
use wicketgate_packet::Time;

use super::operands;
use super::services;
use super::set::Set;
use crate::catalog;

/// Highest register, coil, value and file number.
pub(super) const MAX_WORD: u32 = 0xffff;
/// Records in a file, numbered from 0 (Modbus Application Protocol 6.14).
const MAX_RECORD: u32 = 9_999;
/// What several codes have below them.
const WITH_SUBS: [(u8, u16); 3] =
    [(modbus::DIAGNOSTICS, u16::MAX), (modbus::ENCAPSULATED_INTERFACE, 0xff), (modbus::UMAS, 0xff)];

/// One kind of item: a function, or half of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) protocol: Protocol,
    pub(super) code: u16,
    pub(super) sub: Option<u16>,
    pub(super) name: &'static str,
    pub(super) class: Class,
    pub(super) space: Space,
    /// Most elements of one item; 0 where it has none.
    pub(super) most: u32,
    pub(super) writes: Writes,
    /// Stands for all codes that neither policy names.
    pub(super) others: bool,
    /// Of CIP: the classes of objects, or the data files, on which the code is this.
    pub(super) objects: Set,
}

/// What an item writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writes {
    /// Nothing that policy can speak of.
    Nothing,
    /// A number for each element.
    Numbers,
    /// A mask that sets a whole register: one number.
    Whole,
    /// A mask that leaves some bits as they are: the bits that it touches.
    Bits,
    /// Numbers of a type that the command names, or something else than numbers.
    Typed,
}

impl Kind {
    /// Highest number among what is written.
    pub(super) fn most_value(&self) -> u32 {
        match (self.writes, self.space) {
            (Writes::Bits, _) => 15,
            (Writes::Numbers, Space::Coils) => 1,
            (Writes::Nothing | Writes::Typed, _) => 0,
            _ => MAX_WORD,
        }
    }

    /// Highest address of an element.
    pub(super) fn most_address(&self) -> u32 {
        match self.space {
            Space::None => 0,
            Space::File(_) => MAX_RECORD,
            Space::DataFile { .. } => MAX_WORD + self.most,
            _ => MAX_WORD,
        }
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self.space, Space::File(_))
    }

    /// Half of function 23: a command of it has the other half too.
    pub(super) fn is_half_of(&self, other: &Kind) -> bool {
        let code = u16::from(modbus::READ_WRITE_MULTIPLE_REGISTERS);
        let modbus = self.protocol == Protocol::Modbus;
        modbus && (self.code, other.code) == (code, code) && self.class != other.class
    }

    /// Whether the entry speaks of it at all: class, codes and table, judged by the engine.
    pub(super) fn is_given_by(&self, entry: &Entry) -> bool {
        if !self.protocol.is_inspected() && self.protocol != Protocol::Icmp {
            return true;
        }
        let bare = Entry {
            functions: entry.functions.clone(),
            subs: entry.subs.clone(),
            spaces: entry.spaces,
            ..Entry::classes(entry.rule, entry.classes)
        };
        let matcher = wicketgate_engine::Matcher::new(vec![bare]);
        matcher.judge(&self.command(Items::one(self.item())), Time::EPOCH).is_ok()
    }

    fn item(&self) -> Item<'static> {
        let (class, space) = (self.class, self.space);
        let code = Some((self.code, self.sub));
        Item { class, space, count: self.most.min(1), code, ..Item::bare(class) }
    }

    pub(super) fn command<'a>(&self, items: Items<'a>) -> Command<'a> {
        Command {
            protocol: self.protocol,
            class: self.class,
            function: self.code,
            sub: self.sub,
            unit: 0,
            name: self.name,
            items,
        }
    }
}

/// The kinds of a protocol, the codes that these entries name among them.
pub(super) fn kinds<'e>(protocol: Protocol, entries: impl Iterator<Item = &'e Entry>) -> Vec<Kind> {
    match protocol {
        Protocol::Modbus => {
            let known = modbus::functions().iter().flat_map(of_function);
            known.chain(unknown(entries)).collect()
        }
        Protocol::Enip => services::kinds(entries),
        Protocol::S7comm => operands::kinds(entries),
        Protocol::Opcua => opcua(entries),
        Protocol::Icmp | Protocol::Tcp | Protocol::Udp => vec![whole(protocol)],
    }
}

/// Services of OPC UA, those without a class where an entry names them.
fn opcua<'e>(entries: impl Iterator<Item = &'e Entry>) -> Vec<Kind> {
    let named: BTreeSet<u16> = entries.flat_map(|entry| codes(&entry.functions)).collect();
    let known = catalog::functions(Protocol::Opcua);
    let is_new = |code: &&u16| !known.iter().any(|function| function.code == **code);
    let new = named.iter().filter(is_new).map(|code| catalog::Function::unknown(*code, None));
    let may_pass = |f: &catalog::Function| f.class != Class::Unknown || named.contains(&f.code);
    let all = known.iter().copied().chain(new).filter(may_pass);
    let kind = |f: catalog::Function| Kind {
        protocol: Protocol::Opcua,
        space: f.space,
        most: u32::from(f.space != Space::None),
        writes: if f.writes { Writes::Typed } else { Writes::Nothing },
        ..bare(f.code, None, f.name, f.class)
    };
    all.map(kind).collect()
}

/// What is granted whole: the connection, or the echo.
fn whole(protocol: Protocol) -> Kind {
    let echo = catalog::functions(protocol).into_iter().next();
    let (code, name) = echo.map_or((0, "everything"), |echo| (echo.code, echo.name));
    let class = echo.map_or(Class::Unknown, |echo| echo.class);
    Kind { protocol, ..bare(code, None, name, class) }
}

fn bare(code: u16, sub: Option<u16>, name: &'static str, class: Class) -> Kind {
    let (space, writes) = (Space::None, Writes::Nothing);
    let protocol = Protocol::Modbus;
    let objects = Set::default();
    Kind { protocol, code, sub, name, class, space, most: 0, writes, others: false, objects }
}

fn of_function(function: &modbus::Function) -> Vec<Kind> {
    let code = u16::from(function.code);
    let bare = bare(code, function.sub, function.name, function.class);
    let kind = |class, most: u16, writes| Kind {
        class,
        space: function.space,
        most: u32::from(most),
        writes,
        ..bare.clone()
    };
    match (function.code, function.class) {
        _ if function.space == Space::None => vec![bare],
        (modbus::MASK_WRITE_REGISTER, class) => {
            vec![kind(class, 1, Writes::Whole), kind(class, 1, Writes::Bits)]
        }
        (modbus::READ_WRITE_MULTIPLE_REGISTERS, class) => vec![
            kind(Class::Read, function.max_quantity, Writes::Nothing),
            kind(class, modbus::MAX_WRITE_OF_READ_WRITE, Writes::Numbers),
        ],
        (_, Class::Write | Class::FileWrite) => {
            vec![kind(function.class, function.max_quantity, Writes::Numbers)]
        }
        (_, class) => vec![kind(class, function.max_quantity, Writes::Nothing)],
    }
}

/// Codes that the dissector does not know: each code by itself; of sub-codes those that are named, and
/// one that stands for the rest.
fn unknown<'e>(entries: impl Iterator<Item = &'e Entry>) -> Vec<Kind> {
    let named: BTreeSet<u16> = entries.flat_map(|entry| codes(&entry.subs)).collect();
    let known = |code: u8, sub| modbus::find(code, sub).class != Class::Unknown;
    let kind = |code: u8, sub| bare(u16::from(code), sub, "unknown", Class::Unknown);
    let with_subs = |code: &u8| WITH_SUBS.iter().any(|(with, _)| with == code);
    let plain = (1..128).filter(|code| !with_subs(code) && !known(*code, None));
    let mut kinds: Vec<Kind> = plain.map(|code| kind(code, None)).collect();
    for (code, most) in WITH_SUBS {
        let new = |sub: &u16| *sub <= most && !known(code, Some(*sub));
        kinds.extend(named.iter().copied().filter(new).map(|sub| kind(code, Some(sub))));
        let other = (0..=most).find(|sub| new(sub) && !named.contains(sub));
        kinds.extend(other.map(|sub| Kind { others: true, ..kind(code, Some(sub)) }));
    }
    kinds
}

pub(super) fn codes(set: &CodeSet) -> Vec<u16> {
    match set {
        CodeSet::Any => Vec::new(),
        CodeSet::Codes(codes) => codes.to_vec(),
    }
}
