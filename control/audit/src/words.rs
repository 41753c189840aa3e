//! The words that events become.

use wicketgate_dissectors::{Space, Transport};
use wicketgate_engine::event::{CommandEvent, EventKind};

/// The fields `category`, `type` and `result` of IEC 62443-3-3 SR 2.8.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    pub(crate) category: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) result: &'static str,
}

impl Words {
    /// A record of the log about itself; a failure where it was not found whole.
    pub(crate) const fn of_log(kind: &'static str, whole: bool) -> Words {
        Words::new("audit", kind, if whole { SUCCESS } else { FAILURE })
    }

    /// Something is wrong with the gate itself.
    pub(crate) const ALARM: Words = Words::new("system", "alarm", FAILURE);
    /// It is not any more.
    pub(crate) const ALARM_END: Words = Words::new("system", "alarm-end", SUCCESS);

    /// The gate holds frames of an asset for longer than its budget.
    pub(crate) const BUDGET_BREACHED: Words = Words::new("system", "budget-breached", FAILURE);
    /// It does not any more.
    pub(crate) const BUDGET_RECOVERED: Words = Words::new("system", "budget-recovered", SUCCESS);

    pub(crate) const fn new(
        category: &'static str,
        kind: &'static str,
        result: &'static str,
    ) -> Words {
        Words { category, kind, result }
    }

    /// What an event is called.
    pub(crate) fn of(kind: &EventKind) -> Words {
        match kind {
            EventKind::SessionStart => Words::new("session", "session-start", SUCCESS),
            EventKind::SessionEnd { .. } => Words::new("session", "session-end", SUCCESS),
            EventKind::FlowStart { .. } => Words::new("session", "flow-start", SUCCESS),
            EventKind::FlowEnd { .. } => Words::new("session", "flow-end", SUCCESS),
            EventKind::OperationStart { .. } => Words::new("session", "operation-start", SUCCESS),
            EventKind::OperationEnd { .. } => Words::new("session", "operation-end", SUCCESS),
            EventKind::IoStart { .. } => Words::new("session", "io-start", SUCCESS),
            EventKind::IoEnd { .. } => Words::new("session", "io-end", SUCCESS),
            EventKind::Refused { .. } => Words::new("access", "access-refused", DENIED),
            EventKind::Command(command) => Words::new("command", "command", result(command)),
        }
    }
}

const SUCCESS: &str = "success";
const DENIED: &str = "denied";
const FAILURE: &str = "failure";
const OBSERVED: &str = "observed";

fn result(command: &CommandEvent) -> &'static str {
    match command.denied {
        _ if command.observed => OBSERVED,
        Some(_) => DENIED,
        None => SUCCESS,
    }
}

/// A table as the word of the policy file; empty for what is no table.
pub(crate) fn table(space: Space) -> &'static str {
    match space {
        Space::None
        | Space::Tag
        | Space::Object { .. }
        | Space::DataFile { .. }
        | Space::Memory { .. }
        | Space::Nck { .. }
        | Space::Block(_)
        | Space::Szl
        | Space::Role
        | Space::Node
        | Space::Method
        | Space::Channel
        | Space::Identity => "",
        Space::Coils => "coils",
        Space::DiscreteInputs => "discrete-inputs",
        Space::InputRegisters => "input-registers",
        Space::HoldingRegisters => "holding-registers",
        Space::Fifo => "fifo",
        Space::File(_) => "files",
    }
}

/// The file's number, where the table is one.
pub(crate) fn file(space: Space) -> Option<u16> {
    match space {
        Space::File(number) => Some(number),
        _ => None,
    }
}

/// A transport's name.
pub(crate) fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Icmp => "icmp",
    }
}
