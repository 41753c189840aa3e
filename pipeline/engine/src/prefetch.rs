//! What the frames of a burst will ask for, brought into the caches all at once.
//!
//! Of a hundred thousand connections none is in a cache when its next frame comes: index, flow, stream and session
//! are fetched from memory one after the other, and the frame waits for each. Of a burst all are known before the
//! first is decided on, and a processor fetches many lines at a time where none is needed to ask for the next. So
//! this goes over the burst once for each step, and a step asks only for what the one before has brought:
//!
//! | step | reads | finds it by |
//! |---|---|---|
//! | keys | the frames' headers | |
//! | slots | a line of the index each | the key's hash |
//! | flows | the four lines of each that an ordinary frame needs | the slot |
//! | rest | session, grant, stream | the flow |
//! | bytes | where the payload will be kept | the stream |
//!
//! There is no instruction to prefetch without `unsafe`: a load whose value nobody waits for serves as one. But a
//! processor looks only so many instructions beyond a load that is not there yet (some 200 to 500), so a step that has
//! 32 loads in flight does little besides; what it read is joined by exclusive or, and given up at its end.
//!
//! Invariant: nothing is decided here, and nothing changed; a guess that was wrong costs time alone.

use core::hint::black_box;

use wicketgate_dissectors::{Direction, Transport};
use wicketgate_packet::PortId;
use wicketgate_packet::parse::Link;
use wicketgate_packet::wire::{Ethernet, Ipv4, Ipv4Tcp, Udp, VlanTag, ethertype, protocol};

use crate::engine::Engine;
use crate::flow::{Flow, FlowId, FlowKey};
use crate::stream::Stream;

/// Frames that are looked at ahead, at most: a worker's burst.
const AHEAD: usize = 32;

/// With fewer flows than this all are in the caches anyway: 320 bytes each.
const FEW: usize = 512;

/// A frame that is looked at ahead: its key's hash, and how long its payload is at most.
#[derive(Clone, Copy)]
struct Asking {
    hash: u64,
    len: usize,
}

/// A flow that one is most likely of.
#[derive(Clone, Copy)]
struct Asked {
    id: FlowId,
    direction: Direction,
    len: usize,
}

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
        let mut asking = [None; AHEAD];
        for (place, (port, bytes)) in asking.iter_mut().zip(frames) {
            *place = self.asking(port, bytes);
        }
        let slot = |it: &Asking| self.flows.index_line(it.hash);
        read(asking.iter().flatten().map(slot));
        let mut asked = [None; AHEAD];
        for (place, it) in asked.iter_mut().zip(asking) {
            *place = it.and_then(|it| self.asked(it));
        }
        let flow = |it: &Asked| self.flows.get(it.id).map_or(0, Flow::lines);
        read(asked.iter().flatten().map(flow));
        read(asked.iter().flatten().map(|it| self.lines_behind(it)));
        read(asked.iter().flatten().map(|it| self.line_of_bytes(it)));
    }

    #[inline]
    fn asking(&self, port: PortId, bytes: &[u8]) -> Option<Asking> {
        let hash = self.flows.hash(&key(port, bytes)?);
        Some(Asking { hash, len: bytes.len().saturating_sub(Ethernet::LEN + Ipv4Tcp::LEN) })
    }

    #[inline]
    fn asked(&self, Asking { hash, len }: Asking) -> Option<Asked> {
        let (id, direction) = self.flows.guess(hash)?;
        Some(Asked { id, direction, len })
    }

    /// Reads what a flow leads to.
    #[inline]
    fn lines_behind(&self, it: &Asked) -> u64 {
        let Some(flow) = self.flows.get(it.id) else { return 0 };
        let grant = self.tables.grant(flow.grant).map_or(0, |grant| grant.subject.0);
        let stream = flow.stream.and_then(|id| self.streams.get(id));
        let stream = stream.map_or(0, |stream| match flow.transport {
            Transport::Tcp => stream.lines(),
            // Of datagrams nothing is kept.
            Transport::Udp | Transport::Icmp => stream.lines_of_said(),
        });
        self.sessions.line(flow.slot) ^ u64::from(grant) ^ stream
    }

    /// Reads where the payload of a segment will be kept, if it is.
    #[inline]
    fn line_of_bytes(&self, it: &Asked) -> u64 {
        let flow = self.flows.get(it.id).filter(|flow| flow.transport == Transport::Tcp);
        let stream = flow.and_then(|flow| self.streams.get(flow.stream?));
        stream.map_or(0, |stream: &Stream| stream.line_of_next(it.direction, it.len))
    }
}

/// Has all of that read.
#[inline(always)]
fn read(lines: impl Iterator<Item = u64>) {
    black_box(lines.fold(0, |all, line| all ^ line));
}

/// The key of a segment or a datagram, read where its addresses and ports lie: whether it is a right one is not
/// asked.
#[inline]
fn key(port: PortId, bytes: &[u8]) -> Option<FlowKey> {
    segment(port, bytes).or_else(|| datagram(port, bytes))
}

/// The key of a segment in IPv4 without options, behind one tag at most: of others no flow is ever made.
#[inline]
fn segment(port: PortId, bytes: &[u8]) -> Option<FlowKey> {
    let (vlan, ip_at) = match Ethernet::at(bytes, 0)?.ethertype.get() {
        ethertype::IPV4 => (None, Ethernet::LEN),
        ethertype::VLAN => {
            let tag = VlanTag::at(bytes, Ethernet::LEN)?;
            (Some(tag.control.get() & 0x0fff), Ethernet::LEN + VlanTag::LEN)
        }
        _ => return None,
    };
    let Ipv4Tcp { ip, tcp } = Ipv4Tcp::at(bytes, ip_at)?;
    let (src, dst) = (tcp.src_port.get(), tcp.dst_port.get());
    let key = FlowKey::new(port, vlan, Transport::Tcp, (ip.src.into(), src), (ip.dst.into(), dst));
    (ip.protocol == protocol::TCP && ip.header_len() == Ipv4::LEN).then_some(key)
}

/// The key of a datagram.
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
