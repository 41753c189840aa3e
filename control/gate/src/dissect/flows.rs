//! All flows that are followed, in bounded memory.

use std::collections::HashMap;
use std::net::SocketAddr;

use wicketgate_dissectors::Transport;

use super::flow::Flow;

/// Flows of a generation; there are two.
const GENERATION: usize = 1 << 15;

/// Bytes that all flows together may hold behind holes.
const MAX_HELD: usize = 256 << 20;

/// The two ends of a flow, whichever way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FlowKey {
    is_tcp: bool,
    low: SocketAddr,
    high: SocketAddr,
}

impl FlowKey {
    pub(super) fn new(transport: Transport, one: SocketAddr, other: SocketAddr) -> FlowKey {
        let is_tcp = transport == Transport::Tcp;
        FlowKey { is_tcp, low: one.min(other), high: one.max(other) }
    }
}

/// The flow table: at most 65,536 flows, those not seen for longest forgotten first.
///
/// It ages by generations. A flow that is used is moved to the young one; when that is full, it
/// becomes the old one, and who was still in the old one was not used for at least 32,768 others.
#[derive(Debug, Default)]
pub(super) struct Flows {
    young: HashMap<FlowKey, Box<Flow>>,
    old: HashMap<FlowKey, Box<Flow>>,
    held: usize,
}

impl Flows {
    /// Takes a flow out of the table, to be used and [put](Flows::put) back.
    pub(super) fn take(&mut self, key: &FlowKey) -> Option<Box<Flow>> {
        let flow = self.young.remove(key).or_else(|| self.old.remove(key))?;
        self.held -= flow.held_bytes();
        Some(flow)
    }

    /// Puts a flow into the table. Returns the flows that had to leave for it.
    #[must_use]
    pub(super) fn put(&mut self, key: FlowKey, flow: Box<Flow>) -> Vec<Flow> {
        self.held += flow.held_bytes();
        self.young.insert(key, flow);
        if self.young.len() < GENERATION {
            return Vec::new();
        }
        let left = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        self.leave(left)
    }

    /// How many more bytes may be held behind holes.
    pub(super) fn room(&self) -> usize {
        MAX_HELD.saturating_sub(self.held)
    }

    /// Takes all flows out of the table.
    pub(super) fn clear(&mut self) -> Vec<Flow> {
        let mut all = std::mem::take(&mut self.old);
        all.extend(self.young.drain());
        self.leave(all)
    }

    /// In the order of their keys, so that the same capture gives the same output.
    fn leave(&mut self, flows: HashMap<FlowKey, Box<Flow>>) -> Vec<Flow> {
        let mut flows: Vec<(FlowKey, Box<Flow>)> = flows.into_iter().collect();
        flows.sort_unstable_by_key(|(key, _)| *key);
        self.held -= flows.iter().map(|(_, flow)| flow.held_bytes()).sum::<usize>();
        flows.into_iter().map(|(_, flow)| *flow).collect()
    }
}
