//! The quick way in: a segment that needs no more than other addresses, as nearly all do.
//!
//! What its connection's frames become was worked out once, so it is looked up once and written where it lies.
//! Whatever is not sure to be such a segment goes the long way, which does the same with each.

use std::hash::{Hash, Hasher};
use std::net::Ipv4Addr;

use wicketgate_packet::checksum::{self, Delta};
use wicketgate_packet::wire::{Ethernet, Ipv4, Ipv4Tcp, protocol};
use wicketgate_packet::{Plain, PortId};

use super::craft::Ends;

/// The two ends of a connection, whichever of them sends: the same for both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    low: u64,
    /// The other end, and above it the transport.
    high: u64,
}

impl Pair {
    #[inline]
    fn new(transport: u8, one: u64, other: u64) -> Pair {
        Pair { low: one.min(other), high: one.max(other) | u64::from(transport) << 48 }
    }

    pub(super) fn of(ends: &Ends) -> Pair {
        Pair::new(ends.transport, number(ends.client), number(ends.asset))
    }
}

/// As two numbers, which a hasher takes at once.
impl Hash for Pair {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.low);
        state.write_u64(self.high);
    }
}

/// An end as one number of 48 bits.
#[inline]
pub(super) fn number((address, port): (Ipv4Addr, u16)) -> u64 {
    u64::from(address.to_bits()) << 16 | u64::from(port)
}

/// An untagged segment of an open connection, as the capture shows it.
#[derive(Clone, Copy)]
pub(super) struct Ordinary {
    pub(super) pair: Pair,
    /// Who sends it.
    pub(super) from: u64,
    pub(super) seq: u32,
    pub(super) ack: u32,
    /// Bytes of payload.
    pub(super) len: u32,
}

impl Ordinary {
    /// The frame as one whose checksum stays as it is; `None` where that or anything else is not sure. All
    /// checksums that are wrong are to be completed, if `complete`.
    #[inline(always)]
    pub(super) fn read(bytes: &[u8], complete: bool) -> Option<Ordinary> {
        let plain = &Plain::read(bytes)?;
        let Ipv4Tcp { ip, tcp } = plain.headers;
        // A MAC address of zeros is replaced, and a full time to live stays.
        let untagged = plain.ip_at == Ethernet::LEN;
        let is_usual = untagged && plain.ethernet.src != [0; 6] && ip.ttl < u8::MAX;
        if !is_usual || may_be_partial(plain) || complete && !plain.is_intact() {
            return None;
        }
        let from = number((ip.src.into(), tcp.src_port.get()));
        let to = number((ip.dst.into(), tcp.dst_port.get()));
        Some(Ordinary {
            pair: Pair::new(protocol::TCP, from, to),
            from,
            seq: tcp.seq.get(),
            ack: tcp.ack.get(),
            // An IPv4 packet is below 64 KiB.
            len: plain.payload.len() as u32,
        })
    }
}

/// Whether the checksum is one that a sending host may have left to its network card.
#[inline(always)]
fn may_be_partial(plain: &Plain<'_>) -> bool {
    let Ipv4Tcp { ip, tcp } = plain.headers;
    let len = ip.total_length.get().saturating_sub(Ipv4::LEN as u16);
    let pseudo = checksum::pseudo_header(ip.src.into(), ip.dst.into(), ip.protocol, len);
    let stored = tcp.checksum.get();
    stored == 0 || stored == checksum::fold(pseudo)
}

/// What a connection's segments in one direction become on their way to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// The port that they come in by.
    pub(super) port: PortId,
    mac: [u8; 6],
    src: Ipv4Addr,
    dst: (Ipv4Addr, u16),
    /// What that changes in IPv4's checksum, with one hop more.
    ip: Delta,
    /// What it changes in TCP's.
    tcp: Delta,
}

impl Way {
    /// From ends as the capture shows them, source and destination, to those that the gate is to see.
    pub(super) fn new(
        shown: (Ipv4Addr, (Ipv4Addr, u16)),
        (src, dst): (Ipv4Addr, (Ipv4Addr, u16)),
        port: PortId,
        mac: [u8; 6],
    ) -> Way {
        let addresses = Delta::NONE.address(shown.0, src).address(shown.1.0, dst.0);
        // The time to live is the high half of its word.
        let (ip, tcp) = (addresses.word(0, 1 << 8), addresses.word(shown.1.1, dst.1));
        Way { port, mac, src, dst, ip, tcp }
    }

    /// Changes a frame that is [`Ordinary`].
    #[inline(always)]
    pub(super) fn apply(&self, bytes: &mut [u8]) {
        if let Some(ethernet) = Ethernet::at_mut(bytes, 0) {
            ethernet.dst = self.mac;
        }
        if let Some(Ipv4Tcp { ip, tcp }) = Ipv4Tcp::at_mut(bytes, Ethernet::LEN) {
            // The gate is one hop more than the capture shows.
            ip.ttl = ip.ttl.saturating_add(1);
            ip.src = self.src.octets();
            ip.dst = self.dst.0.octets();
            ip.checksum.set(self.ip.apply(ip.checksum.get()));
            tcp.dst_port.set(self.dst.1);
            tcp.checksum.set(self.tcp.apply(tcp.checksum.get()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wicketgate_packet::parse::flags;
    use wicketgate_packet::{FrameBuf, Headers, rewrite};

    use super::super::plan::{Door, Plan};
    use super::*;
    use crate::pool::{HeapFrame, Pool};

    const ASSET: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 0, 0, 20), 502);
    const CLIENT: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 0, 0, 5), 51000);
    const NAT: u16 = 1025;

    fn plan() -> Plan {
        let door = Door {
            overlay: Ipv4Addr::new(100, 64, 0, 20),
            underlay: ASSET.0,
            port: PortId(7),
            vlan: None,
            nat: Ipv4Addr::new(10, 0, 0, 1),
            gate_mac: [2, 0, 0, 0, 0, 7],
            ports: vec![502],
        };
        let doors = [(ASSET.0, door)].into_iter().collect();
        Plan { overlay: PortId(3), overlay_mac: [2, 0, 0, 0, 0, 3], doors, ..Plan::default() }
    }

    fn ends(client: Ipv4Addr) -> Ends {
        Ends { client: (client, CLIENT.1), asset: ASSET, transport: protocol::TCP }
    }

    /// A segment whose TCP checksum is wrong by `harm`.
    fn frame(
        (src, dst): ((Ipv4Addr, u16), (Ipv4Addr, u16)),
        ttl: u8,
        harm: u16,
        payload: &[u8],
    ) -> HeapFrame {
        let mut frame = Pool::new(1).take().unwrap();
        let length = (40 + payload.len() as u16).to_be_bytes();
        let ip = [0x45, 0, length[0], length[1], 0, 1, 0x40, 0, ttl, protocol::TCP, 0, 0];
        let ports = [src.1.to_be_bytes(), dst.1.to_be_bytes()].concat();
        let tcp = [1, 2, 3, 4, 5, 6, 7, 8, 0x50, flags::ACK, 1, 0, 0, 0, 0, 0];
        let addresses = [src.0.octets(), dst.0.octets()].concat();
        let packet = [&ip[..], &addresses, &ports, &tcp, payload].concat();
        frame.fill(&[2, 0, 0, 0, 9, 9, 2, 0, 0, 0, 8, 8, 8, 0], &packet);
        let headers = Headers::parse(frame.bytes()).unwrap();
        rewrite::complete_checksums(frame.bytes_mut(), &headers);
        let tcp = &mut Ipv4Tcp::at_mut(frame.bytes_mut(), Ethernet::LEN).unwrap().tcp;
        tcp.checksum.set(tcp.checksum.get().wrapping_add(harm));
        frame
    }

    proptest! {
        #[test]
        fn becomes_what_it_would_the_long_way(
            ttl: u8,
            harm in prop_oneof![Just(0u16), any::<u16>()],
            payload in proptest::collection::vec(any::<u8>(), 0..40),
            client in prop_oneof![Just(CLIENT.0), Just(Ipv4Addr::LOCALHOST), any::<u32>().prop_map(Ipv4Addr::from)],
            asks: bool,
        ) {
            let (plan, ends) = (plan(), ends(client));
            let way = if asks { (ends.client, ends.asset) } else { (ends.asset, ends.client) };
            let [mut quick, mut long] = [0; 2].map(|_| frame(way, ttl, harm, &payload));
            let Some(ordinary) = Ordinary::read(quick.bytes(), false) else { return Ok(()) };
            prop_assert_eq!((ordinary.pair, ordinary.len as usize), (Pair::of(&ends), payload.len()));
            let ways = plan.ways(&ends, NAT).map(Option::unwrap);
            ways[usize::from(!asks)].apply(quick.bytes_mut());
            let headers = Headers::parse(long.bytes()).unwrap();
            prop_assert!(!plan.needs_checksum(long.bytes(), &headers));
            match asks {
                true => plan.to_overlay(&mut long, headers, false),
                false => plan.to_underlay(&mut long, headers, NAT, false),
            }
            prop_assert_eq!(quick.bytes(), long.bytes());
        }
    }

    #[test]
    fn what_may_have_to_change_otherwise_is_not_ordinary() {
        let way = (CLIENT, ASSET);
        let read = |frame: HeapFrame, complete| Ordinary::read(frame.bytes(), complete).is_some();
        assert!(read(frame(way, 64, 0, b"ab"), true) && read(frame(way, 64, 1, b"ab"), false));
        assert!(!read(frame(way, 64, 1, b"ab"), true), "its checksum is to be completed");
        assert!(!read(frame(way, 255, 0, b"ab"), false), "a full time to live stays");
        let set = |checksum: u16| {
            let mut frame = frame(way, 64, 0, b"ab");
            let tcp = &mut Ipv4Tcp::at_mut(frame.bytes_mut(), Ethernet::LEN).unwrap().tcp;
            tcp.checksum.set(checksum);
            frame
        };
        let pseudo = checksum::fold(checksum::pseudo_header(CLIENT.0, ASSET.0, protocol::TCP, 22));
        assert!(!read(set(0), false) && !read(set(pseudo), false), "left to the network card");
        let mut without_sender = frame(way, 64, 0, b"ab");
        without_sender.bytes_mut()[6..12].fill(0);
        assert!(!read(without_sender, false), "it gets a MAC address");
    }
}
