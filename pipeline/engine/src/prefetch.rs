//! What the frames of a burst will ask for, brought into the caches all at once.
//!
//! Of a hundred thousand connections none is in a cache when its next frame comes: index, flow, stream and session
//! are fetched from memory one after the other, and the frame waits for each. Of a burst all are known before the
//! first is decided on, and a processor fetches many lines at a time where none is needed to ask for the next. So
//! this goes over the burst once for each step. There is no instruction to prefetch without `unsafe`: a load whose
//! value nobody waits for serves as one.
//!
//! Invariant: nothing is decided here, and nothing changed; a guess that was wrong costs time alone.

use core::hint::black_box;

use wicketgate_packet::{Plain, PortId, Time};

use crate::engine::Engine;
use crate::flow::{FlowId, FlowKey};

/// Frames that are looked at ahead, at most: a worker's burst.
const AHEAD: usize = 32;

/// With fewer flows than this all are in the caches anyway: some 300 bytes each.
const FEW: usize = 512;

impl Engine {
    /// Fetches what the engine holds of the connections that these frames are of. To be called before the first
    /// of a burst is [processed](Engine::process). Datagrams are passed over.
    #[inline]
    pub fn prefetch<'a>(&self, frames: impl Iterator<Item = (PortId, &'a [u8])>) {
        if self.flows.len() >= FEW {
            self.fetch(frames);
        }
    }

    #[inline(never)]
    fn fetch<'a>(&self, frames: impl Iterator<Item = (PortId, &'a [u8])>) {
        let mut hashes = [None; AHEAD];
        for (hash, (port, bytes)) in hashes.iter_mut().zip(frames) {
            *hash = Plain::read(bytes)
                .map(|plain| self.flows.fetch_index(&FlowKey::of_plain(port, &plain)));
        }
        let mut flows = [None; AHEAD];
        for (flow, hash) in flows.iter_mut().zip(hashes) {
            *flow = hash.and_then(|hash| self.flows.guess(hash));
        }
        flows.iter().flatten().for_each(|flow| self.fetch_flow(*flow));
        flows.iter().flatten().for_each(|flow| self.fetch_rest(*flow));
    }

    /// The lines of a flow that an ordinary frame needs.
    #[inline]
    fn fetch_flow(&self, id: FlowId) {
        if let Some(flow) = self.flows.get(id) {
            let [there, back] = &flow.rewrites;
            black_box((there.egress, back.dst_mac, flow.idle_at, flow.totals.frames, flow.slot));
        }
    }

    /// What a flow leads to.
    #[inline]
    fn fetch_rest(&self, id: FlowId) {
        let Some(flow) = self.flows.get(id) else { return };
        black_box(self.sessions.state(flow.slot, flow.session));
        let grant = self.tables.grant(flow.grant);
        black_box(grant.map(|grant| grant.matcher.is_open(Time::EPOCH)));
        if let Some(stream) = flow.stream.and_then(|id| self.streams.get(id)) {
            stream.fetch();
        }
    }
}
