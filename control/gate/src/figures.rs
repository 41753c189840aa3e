//! Figures that a replay and a gate report alike.

use serde::Serialize;
use wicketgate_engine::Counters;

use crate::table::Table;

/// Frames by verdict.
#[derive(Debug, Serialize)]
pub(crate) struct Frames {
    pub(crate) total: u64,
    pub(crate) forwarded: u64,
    pub(crate) answered: u64,
    /// Their bytes left in frames of the gate's own, or wait.
    pub(crate) kept: u64,
    /// Frames of the gate's own.
    pub(crate) own: u64,
    pub(crate) dropped: Vec<Dropped>,
    /// Forwarded, but there was no room for them to leave.
    pub(crate) unsent: u64,
}

/// Frames that did not pass, for one reason.
#[derive(Debug, Serialize)]
pub(crate) struct Dropped {
    pub(crate) reason: &'static str,
    pub(crate) frames: u64,
}

impl Frames {
    /// What an engine counted, and its port.
    pub(crate) fn new(counters: &Counters, unsent: u64) -> Frames {
        let dropped = counters.reasons();
        Frames {
            total: counters.frames(),
            forwarded: counters.forwarded,
            answered: counters.answered,
            kept: counters.kept,
            own: counters.own,
            dropped: dropped
                .map(|(reason, frames)| Dropped { reason: reason.code(), frames })
                .collect(),
            unsent,
        }
    }

    /// Prints those that did not pass.
    pub(crate) fn print_dropped(&self) {
        let mut table = Table::new("Frames that did not pass", &["reason", ">frames"]);
        for line in &self.dropped {
            table.row([line.reason, &line.frames.to_string()]);
        }
        table.print();
    }
}
