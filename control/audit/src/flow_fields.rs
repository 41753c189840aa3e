//! The fields that are the same in all commands of a flow: who asks, from where, which asset, in which protocol. They
//! are written once, and then copied as one piece.

use std::fmt;
use std::net::Ipv4Addr;

use wicketgate_dissectors::Protocol;
use wicketgate_engine::event::CommandEvent;
use wicketgate_engine::{EndpointId, Event, GrantId};

/// Flows whose fields are kept, at most; of two that have one place, those of the last that was written. 270 KiB.
const PLACES: usize = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 10;

/// Bytes that are kept of a flow. What is longer, by long names, is written each time.
const ROOM: usize = 212;

/// All that the fields are made of: with the same key they are the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowKey {
    session: u64,
    client: (Ipv4Addr, u16),
    endpoint: EndpointId,
    grant: Option<GrantId>,
    /// Of the tables that name what the others number. A gate counts them up: no two have the same.
    epoch: u32,
    protocol: Protocol,
}

impl FlowKey {
    /// The flow in which this command was asked for.
    pub(crate) const fn of(epoch: u32, event: &Event, command: &CommandEvent) -> FlowKey {
        FlowKey {
            session: event.session,
            client: (event.source, event.source_port),
            endpoint: command.endpoint,
            grant: event.grant,
            epoch,
            protocol: command.protocol,
        }
    }

    /// Sessions and ports count up: a product spreads them (Knuth, The Art of Computer Programming 3, 6.4).
    const fn place(&self) -> usize {
        let mixed =
            (self.session ^ (self.client.1 as u64) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> (u64::BITS - PLACE_BITS)) as usize
    }
}

/// The fields of one flow.
#[derive(Clone, Copy)]
struct Kept {
    key: Option<FlowKey>,
    len: usize,
    bytes: [u8; ROOM],
}

impl Kept {
    const NONE: Kept = Kept { key: None, len: 0, bytes: [0; ROOM] };

    fn keep(&mut self, key: FlowKey, fields: &[u8]) {
        let Some(bytes) = self.bytes.get_mut(..fields.len()) else { return };
        bytes.copy_from_slice(fields);
        (self.key, self.len) = (Some(key), fields.len());
    }
}

/// The fields of the flows of late.
pub(crate) struct FlowFields(Box<[Kept]>);

impl FlowFields {
    pub(crate) fn new() -> FlowFields {
        FlowFields(vec![Kept::NONE; PLACES].into())
    }

    /// Appends the fields of this flow, which `write` writes where they are not there.
    pub(crate) fn append(
        &mut self,
        key: FlowKey,
        line: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let Some(kept) = self.0.get_mut(key.place()) else { return write(line) };
        if kept.key == Some(key) {
            return line.extend_from_slice(kept.bytes.get(..kept.len).unwrap_or_default());
        }
        let start = line.len();
        write(line);
        kept.keep(key, line.get(start..).unwrap_or_default());
    }
}

impl fmt::Debug for FlowFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowFields").finish_non_exhaustive()
    }
}
