//! The functions of a protocol, to tell what an element of `allow` can match.

use wicketgate_dissectors::enip::command::{ENCAPSULATION, encapsulation};
use wicketgate_dissectors::enip::frame::code;
use wicketgate_dissectors::enip::pccc;
use wicketgate_dissectors::enip::services::{self, EXECUTE_PCCC, Of, Service, object};
use wicketgate_dissectors::modbus::functions as modbus;
use wicketgate_dissectors::opcua;
use wicketgate_dissectors::opcua::services::{OPAQUE, OPEN_SECURED};
use wicketgate_dissectors::s7comm::{Area, BlockType, functions as s7};
use wicketgate_dissectors::{Class, Protocol, Space};

/// One thing that a function of a protocol does, as far as policy can speak of it. A function that
/// reads and writes at once is there twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its code.
    pub(crate) code: u16,
    /// The code below it, where there is one.
    pub(crate) sub: Option<u16>,
    /// Its name.
    pub(crate) name: &'static str,
    /// The class of what it does.
    pub(crate) class: Class,
    /// The table that it touches.
    pub(crate) space: Space,
    /// Of CIP: which objects have it.
    pub(crate) of: Option<Of>,
    /// Whether it writes numbers.
    pub(crate) writes: bool,
}

impl Function {
    /// The name of a function that has none.
    pub(crate) const UNKNOWN: &str = "unknown";

    /// A function that the dissector does not know. It is judged whole: no table, no value.
    pub(crate) fn unknown(code: u16, sub: Option<u16>) -> Function {
        Function {
            code,
            sub,
            name: Function::UNKNOWN,
            class: Class::Unknown,
            space: Space::None,
            of: None,
            writes: false,
        }
    }

    /// Whether it has an address to judge.
    pub(crate) fn has_address(&self) -> bool {
        self.space != Space::None
    }

    /// Whether what it writes are registers, not coils.
    pub(crate) fn writes_registers(&self) -> bool {
        self.writes && self.space != Space::Coils
    }
}

/// The functions of `protocol`; none, if it is not read.
pub(crate) fn functions(protocol: Protocol) -> Vec<Function> {
    match protocol {
        Protocol::Modbus => modbus::functions().iter().flat_map(from_modbus).collect(),
        Protocol::Enip => enip(),
        Protocol::S7comm => s7::functions().iter().map(from_s7).chain([S7_OPAQUE]).collect(),
        Protocol::Opcua => opcua(),
        Protocol::Icmp => vec![ECHO],
        Protocol::Tcp | Protocol::Udp => Vec::new(),
    }
}

/// Highest function code that a request of `protocol` can carry, and the lowest.
pub(crate) fn codes(protocol: Protocol) -> core::ops::RangeInclusive<u32> {
    match protocol {
        // 0 is no function, the upper half are exceptions (Modbus Application Protocol 4.1).
        Protocol::Modbus => 1..=127,
        // The upper half are replies (CIP 2-4.1).
        Protocol::Enip => 0..=127,
        Protocol::S7comm => 0..=s7::OPAQUE.into(),
        // The rest stands for what has no number.
        Protocol::Opcua => 1..=u32::from(OPEN_SECURED) - 1,
        Protocol::Icmp | Protocol::Tcp | Protocol::Udp => 0..=255,
    }
}

/// Services; of Write and Call one for each class that an item can be of.
fn opcua() -> Vec<Function> {
    let services = opcua::services().iter().flat_map(|service| {
        let main = Function {
            name: service.name,
            class: service.class,
            space: space_of(service.request),
            writes: service.request == opcua::services::WRITE,
            ..Function::unknown(service.request, None)
        };
        let others: &[Class] = match service.request {
            opcua::services::WRITE => &[Class::Config],
            opcua::services::CALL => METHOD_CLASSES,
            _ => &[],
        };
        let of = move |class: &Class| Function { class: *class, writes: false, ..main };
        [main].into_iter().chain(others.iter().map(of))
    });
    let secured = Function {
        name: "open-secured-channel",
        space: Space::Channel,
        ..Function::unknown(OPEN_SECURED, None)
    };
    let opaque = Function { name: "opaque", ..Function::unknown(OPAQUE, None) };
    services.chain([secured, opaque]).collect()
}

/// The classes of methods that the specification defines (`opcua::methods`).
const METHOD_CLASSES: &[Class] = &[
    Class::Discover,
    Class::Subscribe,
    Class::Alarm,
    Class::Config,
    Class::Mode,
    Class::FileRead,
    Class::FileWrite,
];

/// What the items of a service are.
const fn space_of(service: u16) -> Space {
    use opcua::services as of;
    match service {
        of::READ
        | of::WRITE
        | of::BROWSE
        | of::HISTORY_READ
        | of::HISTORY_UPDATE
        | of::CREATE_MONITORED_ITEMS
        | of::TRANSLATE_BROWSE_PATHS
        | of::REGISTER_NODES
        | of::UNREGISTER_NODES
        | of::ADD_NODES
        | of::DELETE_NODES
        | of::ADD_REFERENCES
        | of::DELETE_REFERENCES => Space::Node,
        of::CALL => Space::Method,
        of::OPEN_SECURE_CHANNEL => Space::Channel,
        of::ACTIVATE_SESSION => Space::Identity,
        _ => Space::None,
    }
}

/// ICMP echo (RFC 792).
const ECHO: Function = Function {
    code: 8,
    sub: None,
    name: "echo",
    class: Class::Diag,
    space: Space::None,
    of: None,
    writes: false,
};

/// Encapsulation commands, CIP services, and the commands of PCCC.
fn enip() -> Vec<Function> {
    let commands = [
        code::NOP,
        code::LIST_TARGETS,
        code::LIST_SERVICES,
        code::LIST_IDENTITY,
        code::LIST_INTERFACES,
        code::REGISTER_SESSION,
        code::UNREGISTER_SESSION,
    ];
    let services = services::services().iter().flat_map(from_cip);
    commands.into_iter().map(from_encapsulation).chain(services).chain(from_pccc()).collect()
}

fn from_encapsulation(command: u16) -> Function {
    let (class, name) = encapsulation(command);
    Function { name, class, ..Function::unknown(ENCAPSULATION | command, None) }
}

/// A service; of one that opens a connection also what that may do (see `ForwardOpen::classes`).
fn from_cip(service: &Service) -> impl Iterator<Item = Function> {
    let writes = matches!(service.code, services::WRITE_TAG | services::WRITE_TAG_FRAGMENTED)
        && matches!(service.of, Of::Tag | Of::Class(object::SYMBOL));
    let space = match service.of {
        Of::Tag => Space::Tag,
        _ => Space::Object { class: 0, attribute: None },
    };
    let main = Function {
        name: service.name,
        class: service.class,
        space,
        of: Some(service.of),
        writes,
        ..Function::unknown(u16::from(service.code), None)
    };
    let opens = matches!(service.name, "forward-open" | "large-forward-open");
    let opened = [Class::Read, Class::Write, Class::Config].map(|class| {
        // The object is what the connection leads to.
        opens.then_some(Function { class, of: Some(Of::Any), ..main })
    });
    // What carries others is never judged by itself.
    let carries = main.class == Class::Unknown;
    [(!carries).then_some(main)].into_iter().chain(opened).flatten()
}

fn from_pccc() -> impl Iterator<Item = Function> {
    pccc::functions().iter().map(|function| {
        let sub = u16::from(function.cmd) << 8 | u16::from(function.fnc.unwrap_or(0));
        let space = match function.address {
            Some(_) => Space::DataFile { kind: 0, number: 0 },
            None => Space::Object { class: object::PCCC, attribute: None },
        };
        let three = function.address == Some(pccc::Fields::Three);
        Function {
            name: function.name,
            class: function.class,
            space,
            of: Some(Of::Class(object::PCCC)),
            writes: three && function.class == Class::Write,
            ..Function::unknown(u16::from(EXECUTE_PCCC), Some(sub))
        }
    })
}

fn from_modbus(function: &modbus::Function) -> impl Iterator<Item = Function> {
    let writes = matches!(function.class, Class::Write | Class::FileWrite);
    let main = Function {
        code: u16::from(function.code),
        sub: function.sub,
        name: function.name,
        class: function.class,
        space: function.space,
        of: None,
        writes: writes && function.space != Space::None,
    };
    let reads_too = function.code == modbus::READ_WRITE_MULTIPLE_REGISTERS;
    let read = Function { class: Class::Read, writes: false, ..main };
    [Some(main), reads_too.then_some(read)].into_iter().flatten()
}

/// What of S7 cannot be read.
pub(crate) const S7_OPAQUE: Function = Function {
    code: s7::OPAQUE,
    sub: None,
    name: s7::OPAQUE_FUNCTION.name,
    class: Class::Unknown,
    space: Space::None,
    of: None,
    writes: false,
};

fn from_s7(function: &s7::Function) -> Function {
    let db = Space::Memory { area: Area::DataBlocks, db: 0 };
    let space = match function.name {
        "read-var" | "write-var" => db,
        "plus-get-multi-variables" | "plus-set-multi-variables" => db,
        "request-download" | "start-upload" | "block-info" => Space::Block(BlockType::Db),
        "insert-block" | "insert-block-2" | "delete-block" => Space::Block(BlockType::Db),
        "read-szl" => Space::Szl,
        "connect" => Space::Role,
        _ => Space::None,
    };
    Function {
        name: function.name,
        class: function.class,
        space,
        writes: function.name == "write-var",
        ..Function::unknown(function.code, function.sub)
    }
}
