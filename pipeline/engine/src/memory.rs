//! How much memory the tables take: all of it at the start, so it can be told before.

use crate::engine::Limits;
use crate::flow::Flows;
use crate::implicit::IoTable;
use crate::live::LiveSessions;
use crate::splice::long::LongCopies;
use crate::stream::Stream;
use crate::timers::Timers;

/// A number on the list of places that are free.
const FREE: usize = size_of::<u32>();

impl Limits {
    /// Flows of a worker.
    pub const FLOWS: usize = 1 << 16;
    /// Inspected connections of a worker where nobody says how many.
    pub const STREAMS: usize = 1 << 12;

    /// Bytes that the tables of one worker take, where the gate has so many `sessions`: beside them an engine
    /// needs some KiB only.
    pub fn bytes(&self, sessions: usize) -> usize {
        let streams = self.streams * (size_of::<Stream>() + FREE) + Timers::bytes(self.streams);
        let flows = Flows::bytes(self.flows) + LiveSessions::bytes(sessions);
        flows
            + streams
            + LongCopies::bytes(self.long_requests)
            + IoTable::bytes(self.io_connections)
    }
}
