//! What a request asks for: the thing that is judged.

use core::fmt;

use crate::enip::{Path, Services};
use crate::opcua::{Nodes, Target};
use crate::s7comm::plus::Addresses;
use crate::s7comm::{self, Area, BlockType, Blocks, Variables};
use crate::{Class, Protocol, Scalar};

/// What one request PDU asks for.
///
/// Borrowed from the PDU's bytes: nothing is copied, values are read where they lie.
#[derive(Clone, Debug)]
pub struct Command<'a> {
    /// The protocol it is spoken in.
    pub protocol: Protocol,
    /// The class; of a command with several items the most consequential one.
    pub class: Class,
    /// The protocol's primary code (Modbus: function code, 0 to 255; EtherNet/IP: CIP service, or an
    /// encapsulation command and 0x100; OPC UA: type of the request).
    pub function: u16,
    /// The code below it, where the function has one (Modbus: diagnostics sub-function, MEI type,
    /// UMAS code; EtherNet/IP: command and function of PCCC).
    pub sub: Option<u16>,
    /// The station behind the address (Modbus: unit identifier).
    pub unit: u8,
    /// The command's name, in words of the protocol: `read-holding-registers`.
    pub name: &'static str,
    /// What it touches. A command is allowed only if each of its items is.
    pub items: Items<'a>,
}

/// What a command is to an operation of several steps, which leaves a device half-changed where it stops
/// in the middle: a program download.
///
/// The tables are [`modbus::umas::STEPS`](crate::modbus::umas::STEPS) and
/// [`enip::steps::STEPS`](crate::enip::steps::STEPS). Neither protocol knows select-before-operate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// It stands by itself.
    #[default]
    Alone,
    /// One goes on.
    Continues,
    /// One is done with it.
    Ends,
    /// One begins.
    Begins,
}

impl Command<'_> {
    /// Which step of an operation it is; of several services the weightiest: what begins one counts
    /// before what ends one.
    pub fn step(&self) -> Step {
        match self.protocol {
            Protocol::Modbus => crate::modbus::umas::step(self.function, self.sub),
            Protocol::Enip => self
                .items
                .clone()
                .map(|item| crate::enip::steps::of(&item))
                .max()
                .unwrap_or_default(),
            Protocol::S7comm | Protocol::Opcua | Protocol::Icmp | Protocol::Tcp | Protocol::Udp => {
                Step::Alone
            }
        }
    }
}

/// One thing that a command touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The class of this item alone: reading half of function 23 is `read`, its other half `write`.
    pub class: Class,
    /// Which of the device's tables.
    pub space: Space,
    /// First element, zero-based, as on the wire.
    pub start: u32,
    /// How many elements; zero only where `space` is [`Space::None`].
    pub count: u32,
    /// The values that are written.
    pub values: Values<'a>,
    /// Its own function and code below it, where a command is made of several.
    pub code: Option<(u16, Option<u16>)>,
    /// CIP: the path to it.
    pub path: Path<'a>,
    /// OPC UA: the node, the method, the channel or the user.
    pub target: Option<Target<'a>>,
}

impl Item<'_> {
    /// An item without an object: the command itself is all there is to judge.
    pub const fn bare(class: Class) -> Item<'static> {
        Item {
            class,
            space: Space::None,
            start: 0,
            count: 0,
            values: Values::None,
            code: None,
            path: Path::EMPTY,
            target: None,
        }
    }
}

impl<'a> Item<'a> {
    /// Whether it has a name rather than a number.
    pub const fn is_named(&self) -> bool {
        matches!(
            self.space,
            Space::Tag | Space::Node | Space::Method | Space::Channel | Space::Identity
        )
    }

    /// Its name, where it has one.
    pub fn label(&self) -> impl fmt::Display + 'a {
        Named { path: self.path, target: self.target }
    }
}

/// The name of an item.
struct Named<'a> {
    path: Path<'a>,
    target: Option<Target<'a>>,
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Some(target) => target.fmt(f),
            None => self.path.tag().fmt(f),
        }
    }
}

/// The address space that an item lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// The command has no object.
    None,
    /// Modbus coils (0xxxx).
    Coils,
    /// Modbus discrete inputs (1xxxx).
    DiscreteInputs,
    /// Modbus input registers (3xxxx).
    InputRegisters,
    /// Modbus holding registers (4xxxx).
    HoldingRegisters,
    /// Modbus FIFO queue, by pointer address.
    Fifo,
    /// Records of the Modbus file of this number.
    File(u16),
    /// A tag of a controller, by the name that the item's path spells.
    Tag,
    /// A CIP object: `start` is its instance.
    Object {
        /// Its class.
        class: u16,
        /// The attribute, where the path names one.
        attribute: Option<u16>,
    },
    /// Elements of a data file of PCCC.
    DataFile {
        /// File type, as in [`FILE_TYPES`](crate::enip::pccc::FILE_TYPES).
        kind: u8,
        /// File number.
        number: u16,
    },
    /// Memory of an S7 controller, by the bit; timers and counters by their numbers.
    Memory {
        /// Which area.
        area: Area,
        /// Number of the data block; 0 in other areas.
        db: u16,
    },
    /// Variables of a Sinumerik: `start` is the column, the count that of lines.
    Nck {
        /// Area in the upper three bits, unit in the lower five.
        unit: u8,
        /// Module.
        module: u8,
    },
    /// A block of an S7 program: `start` is its number.
    Block(BlockType),
    /// A list of the system state of an S7 controller: `start` is its id.
    Szl,
    /// What a connection to an S7 controller is for: `start` is a
    /// [`Role`](crate::s7comm::Role), 0 another.
    Role,
    /// A node of OPC UA: `start` is the attribute.
    Node,
    /// A method of OPC UA.
    Method,
    /// A secure channel of OPC UA.
    Channel,
    /// Who uses a session of OPC UA.
    Identity,
}

/// The values that an item writes, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values<'a> {
    /// Nothing is written, or what is written is not a number.
    None,
    /// 16-bit registers, big-endian, two bytes each.
    Registers(&'a [u8]),
    /// Coils, eight to a byte, least significant first; the item's count says how many.
    Coils(&'a [u8]),
    /// Mask write: new = (old AND `and`) OR (`or` AND NOT `and`).
    Mask {
        /// Bits kept.
        and: u16,
        /// Bits set where they are not kept.
        or: u16,
    },
    /// Numbers of a type that the command names.
    Scalars(Scalar, &'a [u8]),
    /// Big-endian numbers of a type that the command does not tell.
    Raw(&'a [u8]),
}

/// What a device says of an item of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// It was read, and holds this; [`Values::None`] where that is no number.
    Read(Values<'a>),
    /// It was done.
    Done,
    /// It was not.
    Failed,
}

impl<'a> Values<'a> {
    /// Registers and coils one by one; empty for all others.
    pub fn numbers(self, count: u32) -> impl Iterator<Item = u32> + 'a {
        let (registers, coils): (&[u8], &[u8]) = match self {
            Values::Registers(bytes) => (bytes, &[]),
            Values::Coils(bytes) => (&[], bytes),
            Values::None | Values::Mask { .. } | Values::Scalars(..) | Values::Raw(_) => (&[], &[]),
        };
        let (pairs, _) = registers.as_chunks::<2>();
        let bits = coils.iter().flat_map(|byte| (0..8).map(move |bit| u32::from(byte >> bit & 1)));
        pairs
            .iter()
            .map(|pair| u32::from(u16::from_be_bytes(*pair)))
            .chain(bits.take(usize::try_from(count).unwrap_or(usize::MAX)))
    }
}

/// The items of a command, in the order of the wire. Cheap to clone; walks bytes already validated.
#[derive(Clone, Debug)]
pub enum Items<'a> {
    /// At most two, known at once.
    Few([Option<Item<'a>>; 2]),
    /// Modbus file sub-requests (FC 20 and 21), already checked for length.
    Records {
        /// What is left to read: groups of 7 bytes, each followed by its data when writing.
        rest: &'a [u8],
        /// Whether data follow each group (FC 21).
        write: bool,
    },
    /// The services of a CIP message, already checked.
    Services(Services<'a>),
    /// The variables of an S7 job, already checked.
    Variables(Variables<'a>),
    /// The blocks of an S7 program invocation, all of this class.
    Blocks(Blocks<'a>, Class),
    /// The addresses of an S7comm-plus request, already checked.
    Addresses(Addresses<'a>),
    /// The nodes or methods of a request of OPC UA, already checked.
    Nodes(Nodes<'a>),
}

impl<'a> Items<'a> {
    /// One item.
    pub const fn one(item: Item<'a>) -> Items<'a> {
        Items::Few([Some(item), None])
    }

    /// Two items: both must be allowed.
    pub const fn two(first: Item<'a>, second: Item<'a>) -> Items<'a> {
        Items::Few([Some(first), Some(second)])
    }

    /// Shows every item where it lies, in order, until `see` says no.
    ///
    /// # Errors
    /// What `see` says.
    #[inline]
    pub fn each<E>(&self, see: impl FnMut(&Item<'a>) -> Result<(), E>) -> Result<(), E> {
        match self {
            Items::Few(few) => few.iter().flatten().try_for_each(see),
            many => many.each_of_many(see),
        }
    }

    fn each_of_many<E>(&self, mut see: impl FnMut(&Item<'a>) -> Result<(), E>) -> Result<(), E> {
        match self {
            Items::Nodes(nodes) => nodes.each(see),
            others => others.clone().try_for_each(|item| see(&item)),
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            Items::Few([first, second]) => first.take().or_else(|| second.take()),
            Items::Records { rest, write } => crate::modbus::command::next_record(rest, *write),
            Items::Services(services) => services.next_item(),
            Items::Variables(variables) => variables.next_item()?.ok(),
            Items::Blocks(blocks, class) => s7comm::command::next_block(blocks, *class),
            Items::Addresses(addresses) => addresses.next(),
            Items::Nodes(nodes) => nodes.next_item(),
        }
    }
}
