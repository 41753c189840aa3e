//! Many connections, all open at once, whose frames come in an order that no prefetcher guesses.
//!
//! Each lap every connection has one turn: in one lap its client asks, in the next its asset answers. So the
//! numbers of a segment follow from the lap alone, and nothing has to be remembered of a connection here that
//! would take the engine's place in the caches.

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use wicketgate_dissectors::{Class, Protocol, Transport};
use wicketgate_engine::tables::{Asset, DenialStyle, Endpoint, Port, Side, Subject};
use wicketgate_engine::{
    EndpointId, Engine, Entry, EventRing, Grant, Limits, Matcher, Sessions, SubjectId, Tables,
    TablesBuilder,
};
use wicketgate_packet::parse::flags::{ACK, PSH, SYN};
use wicketgate_packet::{FrameBuf, Nowhere, PortId, Time};
use wicketgate_ports::{HeapFrame, Pool};
use wicketgate_tests::plant::{GATE_MAC, LINE, NAT, OFFICE, OFFICE_MAC, PRESS_MAC, entry};
use wicketgate_tests::{Packet, modbus};
use wicketgate_worker::worker::BURST;

/// Assets, at most: a site's.
const ASSETS: usize = 10_000;

/// The first port that clients use. The gate wears the same towards the asset, for it is no other client's.
const FIRST_PORT: u16 = 1024;

/// Events between two drains.
const EVENTS: usize = 1 << 13;

/// Between two frames: a million a second.
const PACE: Duration = Duration::from_micros(1);

/// The first numbers of clients and of assets.
const CLIENT_ISN: u32 = 100;
const ASSET_ISN: u32 = 500;

/// What connections carry: always the same Modbus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Over TCP, and nobody reads it.
    Opaque,
    /// Over TCP, each command judged.
    Inspected,
    /// Over UDP, each command judged.
    Datagrams,
}

/// How many there are of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) kind: Kind,
    /// Open connections.
    pub(crate) flows: usize,
    /// Sessions, and so grants, that they are spread over; at most as many as connections.
    pub(crate) sessions: usize,
}

impl Size {
    fn assets(self) -> usize {
        self.sessions.min(ASSETS)
    }

    fn door(self) -> (Protocol, Transport, u16) {
        match self.kind {
            Kind::Opaque => (Protocol::Tcp, Transport::Tcp, 80),
            Kind::Inspected => (Protocol::Modbus, Transport::Tcp, 502),
            Kind::Datagrams => (Protocol::Modbus, Transport::Udp, 502),
        }
    }

    /// Streams that are in use: one for whatever is read, datagrams too.
    pub(crate) fn streams(self) -> usize {
        if self.kind == Kind::Opaque { 0 } else { self.flows }
    }

    /// Who the ends of a connection are: connections of one session differ in the client's port.
    fn ends(self, flow: usize) -> Ends {
        let (session, assets) = (flow % self.sessions, self.assets());
        Ends {
            client: (client(session / assets), FIRST_PORT + (flow / assets) as u16),
            asset: session % assets,
            transport: self.door().1,
            door: self.door().2,
        }
    }

    fn tables(self) -> Tables {
        let mut tables = TablesBuilder::default();
        for (name, side, at, address) in [
            ("office", Side::Overlay, 0, Ipv4Addr::new(172, 16, 0, 1)),
            ("line", Side::Underlay, 1, NAT),
        ] {
            let mac = GATE_MAC[at];
            tables.add_port(Port { name: name.into(), side, mac, address, mtu: 1500 });
        }
        let rule = tables.add_rule("read".into());
        let matcher = Matcher::new(vec![Entry { rule, ..entry(&[Class::Read, Class::Session]) }]);
        let doors: Vec<_> = (0..self.assets()).map(|at| self.add_door(&mut tables, at)).collect();
        for session in 0..self.sessions {
            let (at, endpoint) = (session / doors.len(), doors[session % doors.len()]);
            // Only now is a client's address met for the first time.
            if session % doors.len() == 0 {
                tables.add_subject(subject(at));
            }
            tables.add_grant(Grant {
                subject: SubjectId(at as u32),
                endpoint,
                matcher: matcher.clone(),
                until: Time::NEVER,
                right: 0,
                denial: DenialStyle::Reply,
                rate: None,
                observe: false,
                record: false,
            });
        }
        tables.build(1).expect("nothing is there twice")
    }

    fn add_door(self, tables: &mut TablesBuilder, at: usize) -> EndpointId {
        let asset = tables.add_asset(Asset {
            name: format!("asset {at}").into(),
            zone: "line".into(),
            port: LINE,
            vlan: None,
            overlay: overlay(at),
            underlay: underlay(at),
            mac: Some(PRESS_MAC),
            pinned: false,
            cycle: None,
            owner: Default::default(),
        });
        let (protocol, transport, port) = self.door();
        tables.add_endpoint(Endpoint { asset, protocol, transport, port })
    }
}

/// A machine with a conduit, so that none of the table is kept back.
fn subject(at: usize) -> Subject {
    let (name, address) = (format!("machine {at}").into(), client(at));
    Subject { name, essential: true, address, port: None, mac: None }
}

fn client(at: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(172, 16, 1, 0).to_bits() + at as u32)
}

fn overlay(at: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(100, 64, 1, 0).to_bits() + at as u32)
}

fn underlay(at: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 1, 0).to_bits() + at as u32)
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ends {
    client: (Ipv4Addr, u16),
    asset: usize,
    transport: Transport,
    door: u16,
}

impl Ends {
    fn client_says(self, numbers: (u32, u32), flags: u8, payload: &[u8]) -> (PortId, Packet) {
        let to = (overlay(self.asset), self.door);
        let mut packet = self.packet(self.client, to, numbers, flags, payload);
        packet.macs = (GATE_MAC[0], OFFICE_MAC);
        (OFFICE, packet)
    }

    fn asset_says(self, numbers: (u32, u32), flags: u8, payload: &[u8]) -> (PortId, Packet) {
        let (from, to) = ((underlay(self.asset), self.door), (NAT, self.client.1));
        let mut packet = self.packet(from, to, numbers, flags, payload);
        packet.macs = (GATE_MAC[1], PRESS_MAC);
        (LINE, packet)
    }

    /// Numbers and flags are TCP's alone.
    fn packet(
        self,
        from: (Ipv4Addr, u16),
        to: (Ipv4Addr, u16),
        numbers: (u32, u32),
        flags: u8,
        payload: &[u8],
    ) -> Packet {
        match self.transport {
            Transport::Udp => Packet::udp(from, to, payload),
            Transport::Tcp | Transport::Icmp => Packet::tcp(from, to, numbers, flags, payload),
        }
    }

    /// What opens it: of datagrams, the first one, which is answered.
    fn handshake(self) -> Vec<(PortId, Packet)> {
        let (client, asset) = (CLIENT_ISN + 1, ASSET_ISN + 1);
        if self.transport == Transport::Udp {
            return vec![self.segment(0), self.segment(1)];
        }
        vec![
            self.client_says((CLIENT_ISN, 0), SYN, &[]),
            self.asset_says((ASSET_ISN, client), SYN | ACK, &[]),
            self.client_says((client, asset), ACK, &[]),
        ]
    }

    /// The connection's segment of this lap: in the even ones its client asks for ten registers.
    fn segment(self, lap: u32) -> (PortId, Packet) {
        let transaction = lap / 2;
        let (request, answer) = (modbus::read(7, 100, 10), modbus::values(7, &[7; 10]));
        let client = CLIENT_ISN + 1 + transaction * request.len() as u32;
        let asset = ASSET_ISN + 1 + transaction * answer.len() as u32;
        match lap % 2 {
            0 => self.client_says((client, asset), ACK | PSH, &request),
            _ => self.asset_says((asset, client + request.len() as u32), ACK | PSH, &answer),
        }
    }
}

/// An engine with all of them open.
pub(crate) struct Crowd {
    pub(crate) size: Size,
    engine: Engine,
    events: EventRing,
    /// The order in which connections have their turns.
    order: Box<[u32]>,
    /// Frames of connections so far.
    turns: usize,
    burst: Vec<(PortId, HeapFrame)>,
    now: Time,
}

impl Crowd {
    /// Opens them all.
    pub(crate) fn open(size: Size) -> Crowd {
        let sessions = Arc::new(Sessions::new(size.sessions));
        let limits =
            Limits { flows: size.flows, streams: size.streams().max(1), ..Limits::default() };
        let mut pool = Pool::new(BURST);
        let burst = std::iter::from_fn(|| pool.take()).map(|frame| (OFFICE, frame)).collect();
        let mut crowd = Crowd {
            size,
            engine: Engine::new(limits, Arc::new(size.tables()), sessions),
            events: EventRing::new(EVENTS),
            order: shuffled(size.flows),
            turns: 0,
            burst,
            now: Time::EPOCH,
        };
        (0..size.flows).for_each(|flow| crowd.shake_hands(size.ends(flow)));
        assert_eq!(crowd.engine.flow_count(), size.flows, "all are open");
        crowd
    }

    fn shake_hands(&mut self, ends: Ends) {
        for (port, packet) in ends.handshake() {
            self.now = self.now + PACE;
            let (_, frame) = &mut self.burst[0];
            frame.fill(&[], &packet.bytes());
            let Crowd { engine, events, now, .. } = self;
            let _ = engine.process(*now, port, frame, &mut Nowhere, events);
        }
        self.tell();
    }

    /// Copies the next burst in: a network card's work, not the gate's.
    pub(crate) fn fill(&mut self) {
        for (port, frame) in &mut self.burst {
            let (lap, at) = (self.turns / self.order.len(), self.turns % self.order.len());
            let ends = self.size.ends(self.order[at] as usize);
            let (comes_by, packet) = ends.segment(lap as u32);
            frame.fill(&[], &packet.bytes());
            *port = comes_by;
            self.turns += 1;
        }
    }

    /// Decides on the burst, as a worker does in a turn. What is measured.
    #[inline(never)]
    pub(crate) fn decide(&mut self) {
        let Crowd { engine, events, burst, now, .. } = self;
        engine.prefetch(burst.iter().map(|(port, frame)| (*port, frame.bytes())));
        for (port, frame) in burst {
            *now = *now + PACE;
            let _ = black_box(engine.process(*now, *port, frame, &mut Nowhere, events));
        }
        engine.age(*now, events);
        self.tell();
    }

    fn tell(&mut self) {
        self.events.drain(|event| _ = black_box(event));
    }

    /// Whether all turns so far were forwarded, and the frames of the handshakes.
    pub(crate) fn all_forwarded(&self) -> bool {
        let opening = if self.size.kind == Kind::Datagrams { 2 } else { 3 };
        let frames = self.turns + opening * self.size.flows;
        self.engine.counters().forwarded == frames as u64
    }
}

/// The numbers below `count` in an order that is always the same (Fisher and Yates, by xorshift64:
/// Marsaglia 2003).
fn shuffled(count: usize) -> Box<[u32]> {
    let mut order: Box<[u32]> = (0..count as u32).collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..count).rev() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        order.swap(last, (random % (last as u64 + 1)) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_order_has_every_number_once() {
        let order = shuffled(1000);
        assert_eq!(order.iter().copied().collect::<HashSet<_>>().len(), 1000);
        assert!(order.iter().zip(&order[1..]).all(|(a, b)| a.abs_diff(*b) > 0));
        assert_ne!(&order[..4], [0, 1, 2, 3]);
    }

    #[test]
    fn every_segment_of_every_connection_passes() {
        for (kind, flows, sessions) in [
            (Kind::Opaque, 1, 1),
            (Kind::Inspected, 1, 1),
            (Kind::Opaque, 600, 7),
            (Kind::Inspected, 600, 600),
            (Kind::Datagrams, 600, 7),
        ] {
            let size = Size { kind, flows, sessions };
            let mut crowd = Crowd::open(size);
            for _ in 0..3 * flows.div_ceil(BURST) {
                crowd.fill();
                crowd.decide();
            }
            assert!(crowd.all_forwarded(), "{size:?}");
            let commands = crowd.engine.counters().commands;
            assert_eq!(commands > 0, kind != Kind::Opaque, "{size:?}");
        }
    }

    #[test]
    fn ten_thousand_assets_and_a_million_connections_are_all_different() {
        let size = Size { kind: Kind::Opaque, flows: 1_000_000, sessions: 1_000 };
        let ends: HashSet<_> = (0..size.flows).map(|flow| size.ends(flow)).collect();
        assert_eq!(ends.len(), size.flows);
    }
}
