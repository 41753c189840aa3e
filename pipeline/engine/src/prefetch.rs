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

use wicketgate_dissectors::Transport;
use wicketgate_packet::parse::Link;
use wicketgate_packet::wire::{Ipv4, Udp, ethertype, protocol};
use wicketgate_packet::{Plain, PortId, Time};

use crate::engine::Engine;
use crate::flow::{FlowId, FlowKey};

/// Frames that are looked at ahead, at most: a worker's burst.
const AHEAD: usize = 32;

/// With fewer flows than this all are in the caches anyway: some 300 bytes each.
const FEW: usize = 512;

impl Engine {
    /// Fetches what the engine holds of the connections that these frames are of. To be called before the first
    /// of a burst is [processed](Engine::process). Neither I/O of EtherNet/IP, which is no flow, nor echoes are looked at.
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
            *hash = key(port, bytes).map(|key| self.flows.fetch_index(&key));
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
            black_box((there.egress, back.link().dst, flow.idle_at, flow.totals.frames, flow.slot));
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

/// The key of a segment of an open connection, or of a datagram.
#[inline]
fn key(port: PortId, bytes: &[u8]) -> Option<FlowKey> {
    match Plain::read(bytes) {
        Some(plain) => Some(FlowKey::of_plain(port, &plain)),
        None => datagram(port, bytes),
    }
}

/// The key of a datagram, read where its addresses and ports lie: whether it is a right one is not asked.
fn datagram(port: PortId, bytes: &[u8]) -> Option<FlowKey> {
    let link = Link::parse(bytes).ok().filter(|link| link.ethertype == ethertype::IPV4)?;
    let ip_at = usize::from(link.end);
    let ip = Ipv4::at(bytes, ip_at).filter(|ip| ip.protocol == protocol::UDP)?;
    let udp = Udp::at(bytes, ip_at + ip.header_len())?;
    let (src, dst) = (udp.src_port.get(), udp.dst_port.get());
    Some(FlowKey::new(
        port,
        link.vlan(),
        Transport::Udp,
        (ip.src.into(), src),
        (ip.dst.into(), dst),
    ))
}

#[cfg(test)]
mod tests {
    use wicketgate_packet::Headers;

    use super::*;

    /// A datagram with these IPv4 options; in VLAN 7, if `tagged`.
    fn frame(tagged: bool, options: &[u8]) -> Vec<u8> {
        let (words, length) = (5 + options.len() as u8 / 4, 28 + options.len() as u8 + 4);
        let tag: &[u8] = if tagged { &[0x81, 0, 0, 7] } else { &[] };
        let ip = [0x40 | words, 0, 0, length, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        let udp = [0xc0, 1, 1, 0xf6, 0, 12, 0, 0, 1, 2, 3, 4];
        [&[2; 12], tag, &[8, 0], &ip, options, &udp].concat()
    }

    #[test]
    fn a_datagram_is_looked_for_where_it_will_be() {
        for (tagged, options) in [(false, &[][..]), (true, &[]), (false, &[1, 1, 1, 0])] {
            let bytes = frame(tagged, options);
            let found = key(PortId(3), &bytes);
            if options.is_empty() {
                let headers = Headers::parse(&bytes).unwrap();
                assert_eq!(found, Some(FlowKey::of(PortId(3), &headers)));
            }
            assert!(found.is_some(), "{bytes:02x?}");
            let whole = bytes.len() - 4;
            assert!((0..whole).all(|end| key(PortId(3), &bytes[..end]).is_none()));
        }
    }
}
