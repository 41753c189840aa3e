//! The functions of a protocol, to tell what an element of `allow` can match.

use wicketgate_dissectors::modbus::functions as modbus;
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
        Protocol::Icmp => vec![ECHO],
        Protocol::Tcp | Protocol::Udp => Vec::new(),
    }
}

/// Highest function code that a request of `protocol` can carry, and the lowest.
pub(crate) fn codes(protocol: Protocol) -> core::ops::RangeInclusive<u32> {
    match protocol {
        // 0 is no function, the upper half are exceptions (Modbus Application Protocol 4.1).
        Protocol::Modbus => 1..=127,
        Protocol::Icmp | Protocol::Tcp | Protocol::Udp => 0..=255,
    }
}

/// ICMP echo (RFC 792).
const ECHO: Function = Function {
    code: 8,
    sub: None,
    name: "echo",
    class: Class::Diag,
    space: Space::None,
    writes: false,
};

fn from_modbus(function: &modbus::Function) -> impl Iterator<Item = Function> {
    let writes = matches!(function.class, Class::Write | Class::FileWrite);
    let main = Function {
        code: u16::from(function.code),
        sub: function.sub,
        name: function.name,
        class: function.class,
        space: function.space,
        writes: writes && function.space != Space::None,
    };
    let reads_too = function.code == modbus::READ_WRITE_MULTIPLE_REGISTERS;
    let read = Function { class: Class::Read, writes: false, ..main };
    [Some(main), reads_too.then_some(read)].into_iter().flatten()
}
