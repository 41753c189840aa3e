//! The kinds of things that EtherNet/IP commands do.
//!
//! What a service does depends on the class of its object: one kind for each code and each set of classes
//! on which it is the same, one for tags. Codes that the gate does not know pass only where a rule names
//! them, so there are kinds of those that are named.

use std::collections::BTreeSet;

use wicketgate_dissectors::enip::command::ENCAPSULATION;
use wicketgate_dissectors::enip::pccc::{self, Fields};
use wicketgate_dissectors::enip::services::{
    self, EXECUTE_PCCC, FORWARD_OPEN, LARGE_FORWARD_OPEN, MODBUS_PASSTHROUGH, Of, READ_TAG,
    READ_TAG_FRAGMENTED, Service, WRITE_TAG, WRITE_TAG_FRAGMENTED, object,
};
use wicketgate_dissectors::modbus::functions as modbus;
use wicketgate_dissectors::{Class, Protocol, Space};
use wicketgate_engine::{CodeSet, Entry};

use super::kind::{Kind, MAX_WORD, Writes};
use super::place::file_key;
use super::set::Set;
use crate::catalog::{self, Function};

/// Highest service; the upper half are replies (CIP 2-4.1).
const MAX_SERVICE: u8 = 0x7f;
/// Most elements of a data file in one command: 255 bytes, of at least two for each.
const MAX_FILE_ELEMENTS: u32 = 128;
/// Objects of the classes that vendors may use as they like (CIP 4-9).
const VENDORS: [(u32, u32); 2] = [(0x64, 0xc7), (0x300, 0x4ff)];

/// All kinds, the codes that these entries name among them.
pub(super) fn kinds<'e>(entries: impl Iterator<Item = &'e Entry>) -> Vec<Kind> {
    let named = Named::by(entries);
    let encapsulation = catalog::functions(Protocol::Enip);
    let encapsulation = encapsulation.iter().filter(|function| function.code >= ENCAPSULATION);
    let services = (0..=MAX_SERVICE).flat_map(|code| of_code(code, &named));
    let inside = of_pccc(&named).into_iter().chain(of_modbus(&named));
    encapsulation.map(plain).chain(services).chain(inside).collect()
}

/// Codes that entries name.
struct Named {
    codes: BTreeSet<u16>,
    subs: BTreeSet<u16>,
}

impl Named {
    fn by<'e>(entries: impl Iterator<Item = &'e Entry>) -> Named {
        let mut named = Named { codes: BTreeSet::new(), subs: BTreeSet::new() };
        for entry in entries {
            for (set, codes) in
                [(&entry.functions, &mut named.codes), (&entry.subs, &mut named.subs)]
            {
                if let CodeSet::Codes(list) = set {
                    codes.extend(list);
                }
            }
        }
        named
    }
}

fn bare(code: u16, sub: Option<u16>, name: &'static str, class: Class) -> Kind {
    Kind {
        protocol: Protocol::Enip,
        code,
        sub,
        name,
        class,
        space: Space::None,
        most: 0,
        writes: Writes::Nothing,
        others: false,
        objects: Set::default(),
    }
}

fn plain(function: &Function) -> Kind {
    bare(function.code, function.sub, function.name, function.class)
}

fn on_objects(kind: Kind, objects: Set) -> Kind {
    Kind { space: Space::Object { class: 0, attribute: None }, most: 1, objects, ..kind }
}

fn on_tags(kind: Kind) -> Kind {
    Kind { space: Space::Tag, most: 1, ..kind }
}

/// What the service is on each class of objects: the first of the list that is of it.
fn of_code(code: u8, named: &Named) -> Vec<Kind> {
    let (mut left, mut tags_left) = (Set::span(0, MAX_WORD), true);
    let mut kinds = Vec::new();
    for service in services::services().iter().filter(|service| service.code == code) {
        let objects = classes(service.of).intersect(&left);
        left = left.minus(&objects);
        let of_tags = tags_left && service.of.holds(None, true);
        tags_left &= !of_tags;
        let what = bare(u16::from(code), None, service.name, service.class);
        let of_tags = of_tags.then(|| on_tags(what.clone()));
        let of_objects = (!objects.is_empty()).then(|| on_objects(what, objects));
        let both = of_objects.into_iter().chain(of_tags);
        kinds.extend(both.map(|kind| counted(service, kind)));
    }
    kinds.extend(opened(code));
    let vendors = Set::of(VENDORS.to_vec()).intersect(&left);
    let (vendor, unknown) = (&services::VENDOR_SPECIFIC, &services::UNKNOWN);
    let bare = |service: &Service| bare(u16::from(code), None, service.name, service.class);
    left = left.minus(&vendors);
    kinds.push(on_objects(bare(vendor), vendors));
    kinds.push(on_objects(bare(unknown), left));
    kinds.extend(tags_left.then(|| on_tags(bare(unknown))));
    // Of a path that leads to nothing known.
    kinds.push(bare(unknown));
    let may_pass = |kind: &Kind| kind.class != Class::Unknown || named.codes.contains(&kind.code);
    kinds.retain(may_pass);
    kinds
}

/// Of a tag, by name or by the number of its symbol, some services count elements and write numbers.
fn counted(service: &Service, kind: Kind) -> Kind {
    let is_tag = matches!(service.of, Of::Tag | Of::Class(object::SYMBOL));
    match service.code {
        READ_TAG | READ_TAG_FRAGMENTED if is_tag => Kind { most: MAX_WORD, ..kind },
        WRITE_TAG | WRITE_TAG_FRAGMENTED if is_tag => {
            Kind { most: MAX_WORD, writes: Writes::Typed, ..kind }
        }
        _ => kind,
    }
}

/// What a connection may do with what it leads to.
fn opened(code: u8) -> Vec<Kind> {
    let name = match code {
        FORWARD_OPEN => "forward-open",
        LARGE_FORWARD_OPEN => "large-forward-open",
        _ => return Vec::new(),
    };
    let classes = [Class::Read, Class::Write, Class::Config];
    let kinds = classes.map(|class| bare(u16::from(code), None, name, class));
    let all = || Set::span(0, MAX_WORD);
    kinds.into_iter().flat_map(|kind| [on_objects(kind.clone(), all()), on_tags(kind)]).collect()
}

/// Classes of objects.
fn classes(of: Of) -> Set {
    let span = |first: u16, last: u16| Set::span(u32::from(first), u32::from(last));
    match of {
        Of::Any => Set::span(0, MAX_WORD),
        Of::Tag => Set::default(),
        Of::Class(class) => span(class, class),
        Of::Classes(first, last) => span(first, last),
        Of::Vendor => Set::of(VENDORS.to_vec()),
    }
}

/// Commands of PCCC, those on data files once for each class that a type of file gives them.
fn of_pccc(named: &Named) -> Vec<Kind> {
    let code = u16::from(EXECUTE_PCCC);
    let on_object = |kind| on_objects(kind, classes(Of::Class(object::PCCC)));
    let mut kinds = Vec::new();
    for function in pccc::functions() {
        let sub = u16::from(function.cmd) << 8 | u16::from(function.fnc.unwrap_or_default());
        let kind = bare(code, Some(sub), function.name, function.class);
        match function.address {
            None => kinds.push(on_object(kind)),
            Some(fields) => kinds.extend(of_files(&kind, fields)),
        }
    }
    if named.codes.contains(&code) {
        let known: BTreeSet<u16> = kinds.iter().filter_map(|kind: &Kind| kind.sub).collect();
        let other = (0..=u16::MAX).find(|sub| !known.contains(sub) && !named.subs.contains(sub));
        let new = named.subs.difference(&known).map(|sub| (*sub, false));
        let unknown = |(sub, others)| {
            let kind = bare(code, Some(sub), "pccc-unknown", Class::Unknown);
            Kind { others, ..on_object(kind) }
        };
        kinds.extend(new.chain(other.map(|sub| (sub, true))).map(unknown));
    }
    kinds
}

/// By the types of files that make the command one of another class (DF1: file types of SLC 500).
fn of_files(kind: &Kind, fields: Fields) -> Vec<Kind> {
    let special: &[(Class, &[u8])] = match kind.class {
        Class::Write => &[
            (Class::ProgramWrite, &[0x22, 0x65]),
            (Class::Force, &[0xa1, 0xa2]),
            (Class::Config, &[0x49]),
        ],
        _ => &[(Class::ProgramRead, &[0x22])],
    };
    let files = |kind: &u8| (file_key(*kind, 0), file_key(*kind, u16::MAX));
    let set = |types: &[u8]| Set::of(types.iter().map(files).collect());
    let of = |class, objects, writes| {
        let space = Space::DataFile { kind: 0, number: 0 };
        Kind { class, space, most: MAX_FILE_ELEMENTS, objects, writes, ..kind.clone() }
    };
    let all = Set::span(0, file_key(u8::MAX, u16::MAX));
    let rest = special.iter().fold(all, |rest, (_, types)| rest.minus(&set(types)));
    let numbers = kind.class == Class::Write && fields == Fields::Three;
    let writes = if numbers { Writes::Typed } else { Writes::Nothing };
    let special = special.iter().map(|(class, types)| of(*class, set(types), Writes::Nothing));
    special.chain([of(kind.class, rest, writes)]).collect()
}

/// Modbus functions in a message for the Modbus object: judged by class and code.
fn of_modbus(named: &Named) -> Vec<Kind> {
    let code = u16::from(MODBUS_PASSTHROUGH);
    let mut kinds: Vec<Kind> = Vec::new();
    let all = modbus::functions();
    for function in 1..=u8::MAX {
        let known = || all.iter().filter(|known| known.code == function);
        let classes = known().map(|known| known.class).chain([Class::Unknown]);
        for class in classes.collect::<BTreeSet<_>>() {
            let name = known().find(|known| known.class == class).map_or("modbus", |f| f.name);
            let kind = bare(code, Some(u16::from(function)), name, class);
            kinds.push(on_objects(kind, self::classes(Of::Class(object::MODBUS))));
        }
    }
    kinds.retain(|kind| kind.class != Class::Unknown || named.codes.contains(&code));
    kinds
}
