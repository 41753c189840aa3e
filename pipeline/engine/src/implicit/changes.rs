//! Connections that began and ended, until the audit is told.
//!
//! A table of connections does not know whose they are: their openers' flows do. So what changes waits here for
//! the end of the stage that changed it, which is before any of these flows is forgotten.

use std::collections::VecDeque;

use wicketgate_packet::Time;

use crate::engine::Engine;
use crate::event::{Event, EventKind, EventRing, IoEndCause};
use crate::flow::FlowId;

/// What became of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// The flow that it was opened in.
    pub(super) opener: FlowId,
    /// Its identifiers, by direction.
    pub(super) ids: [u32; 2],
    /// When.
    pub(super) time: Time,
    /// Why it ended; `None`: it began.
    pub(super) end: Option<IoEndCause>,
}

impl Change {
    const fn kind(&self) -> EventKind {
        match self.end {
            Some(cause) => EventKind::IoEnd { ids: self.ids, cause },
            None => EventKind::IoStart { ids: self.ids },
        }
    }
}

/// What is to be told, oldest first.
#[derive(Debug)]
pub(super) struct Changes(VecDeque<Change>);

impl Changes {
    /// Room for what one frame can change: a place's connection begins once, and ends once. The only allocation.
    pub(super) fn new(places: usize) -> Changes {
        Changes(VecDeque::with_capacity(places * 2))
    }

    /// Adds one; there is room for it.
    pub(super) fn push(&mut self, change: Change) {
        if self.0.len() < self.0.capacity() {
            self.0.push_back(change);
        }
    }
}

impl Engine {
    /// Tells the audit what became of connections since it was last told.
    #[inline]
    pub(crate) fn tell_io(&mut self, events: &mut EventRing) {
        while let Some(change) = self.io.changes.0.pop_front() {
            self.tell_io_change(&change, events);
        }
    }

    #[cold]
    fn tell_io_change(&self, change: &Change, events: &mut EventRing) {
        match self.flows.get(change.opener) {
            Some(flow) => {
                let grant = self.grant_in_force(flow);
                events.push(Event { grant, ..Event::of(change.time, flow, change.kind()) });
            }
            // Cannot be: a flow's connections end before it does. Were it so, a gap would tell.
            None => events.count_lost(),
        }
    }
}
