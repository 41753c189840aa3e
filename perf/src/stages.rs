//! Each stage in a loop of its own, over the same frames.

use std::hint::black_box;

use allocation_counter::measure;
use wicketgate_dissectors::opcua::items::MAX_ITEMS;
use wicketgate_dissectors::opcua::variant::MAX_VALUES;
use wicketgate_dissectors::s7comm::Area;
use wicketgate_dissectors::{Class, Dialog, Direction, Framed, Portion, Protocol};
use wicketgate_engine::event::{CommandEvent, Label, PAYLOAD};
use wicketgate_engine::node_set::NodeSet;
use wicketgate_engine::nodes::{NamePattern, NodePattern, NodeRule};
use wicketgate_engine::objects::{Glob, ObjectRule, Objects};
use wicketgate_engine::operands::{Memory, Range};
use wicketgate_engine::tcp::Connection;
use wicketgate_engine::translate::Rewrite;
use wicketgate_engine::{
    EndpointId, Engine, Event, EventKind, EventRing, GrantId, Limits, Sessions,
};
use wicketgate_packet::parse::{Segment, flags};
use wicketgate_packet::{FrameBuf, Headers, L4, Nowhere, PortId, Time};
use wicketgate_ports::{HeapFrame, Pool};
use wicketgate_tests::plant::{ALICE, GATE_MAC, NAT, OFFICE, OFFICE_MAC, PRESS_3, PRESS_MAC};
use wicketgate_tests::{Packet, Plant, enip, modbus, opcua, s7comm};

use crate::figures::Nanos;

/// Calls in one round, of a stage that takes nanoseconds; and of one that takes many microseconds.
const CALLS: usize = 20_000;
const FEW_CALLS: usize = 50;

/// One stage: its name and one call of it.
pub(crate) struct Stage {
    /// Its word, a colon, and what it includes.
    pub(crate) name: &'static str,
    /// In one round.
    pub(crate) calls: usize,
    call: Box<dyn FnMut()>,
    pub(crate) nanos: Nanos,
}

impl Stage {
    /// The word before the colon.
    pub(crate) fn word(&self) -> &'static str {
        self.name.split(':').next().unwrap_or(self.name)
    }

    /// Calls it so many times.
    pub(crate) fn calls(&mut self, count: usize) {
        (0..count).for_each(|_| (self.call)());
    }

    /// Allocations per call, of all but the first.
    pub(crate) fn allocations(&mut self) -> f64 {
        self.calls(1);
        let calls = self.calls;
        measure(|| self.calls(calls)).count_total as f64 / calls as f64
    }

    /// Times one round.
    pub(crate) fn round(&mut self) {
        let Stage { calls, call, nanos, .. } = self;
        nanos.round(*calls, || (0..*calls).for_each(|_| call()));
    }
}

fn stage(name: &'static str, call: impl FnMut() + 'static) -> Stage {
    Stage { name, calls: CALLS, call: Box::new(call), nanos: Nanos::default() }
}

/// The dearest of their kind.
fn long_stage(name: &'static str, call: impl FnMut() + 'static) -> Stage {
    Stage { calls: FEW_CALLS, ..stage(name, call) }
}

/// An ordinary request of ten registers.
fn request() -> HeapFrame {
    let pdu = modbus::read(1, 100, 10);
    let mut packet = Packet::tcp((ALICE, 51000), (PRESS_3, 502), (101, 501), flags::ACK, &pdu);
    packet.macs = (GATE_MAC[0], OFFICE_MAC);
    let mut frame = Pool::new(1).take().expect("a pool of one");
    frame.fill(&[], &packet.bytes());
    frame
}

pub(crate) fn all() -> Vec<Stage> {
    let modbus = [parse(), verify(), refuse(), place(), dissect(), judge(), tell(), translate()];
    let enip = [dissect_enip(), judge_enip(), dissect_many()];
    let s7comm = [dissect_s7comm(), judge_s7comm(), dissect_s7comm_many()];
    let opcua = [dissect_opcua(), judge_opcua(), dissect_nodes(), judge_most_nodes()];
    let many = [
        dissect_values(),
        judge_nodes(),
        judge_listed(),
        judge_entries(),
        judge_patterns(),
        judge_writes(),
    ];
    modbus.into_iter().chain(enip).chain(s7comm).chain(opcua).chain(many).collect()
}

fn parse() -> Stage {
    let frame = request();
    stage("parse", move || {
        let _ = black_box(Headers::parse(black_box(frame.bytes())));
    })
}

fn verify() -> Stage {
    let frame = request();
    let headers = Headers::parse(frame.bytes()).expect("a right frame");
    stage("verify: both checksums", move || {
        let _ = black_box(black_box(&headers).verify(black_box(frame.bytes())));
    })
}

/// The engine on a frame that belongs to no flow: parse, verify, and a search that finds nothing.
fn refuse() -> Stage {
    let mut frame = request();
    let sessions = std::sync::Arc::new(Sessions::new(1));
    let limits = Limits { flows: 1 << 12, streams: 1, ..Limits::default() };
    let mut engine = Engine::new(limits, Plant::usual().tables(1), sessions);
    let mut events = EventRing::new(128);
    stage("refuse: parse, verify, find no flow", move || {
        let _ =
            black_box(engine.process(Time::EPOCH, OFFICE, &mut frame, &mut Nowhere, &mut events));
    })
}

fn place() -> Stage {
    let segment = |seq, flags| Segment { seq, ack: 501, flags, ..Segment::default() };
    let mut tcp = Connection::open(&segment(100, flags::SYN));
    let answer = Segment { seq: 500, ack: 101, ..segment(0, flags::SYN | flags::ACK) };
    tcp.accept(Direction::ToClient, &answer, 0);
    let mut seq = 101u32;
    stage("place: and accept", move || {
        let data = black_box(segment(seq, flags::ACK));
        let _ = black_box(tcp.place(Direction::ToServer, &data, 12));
        tcp.accept(Direction::ToServer, &data, 12);
        seq = seq.wrapping_add(12);
    })
}

fn dissect() -> Stage {
    let pdu = modbus::read(1, 100, 10);
    stage("dissect: frame and command", move || {
        let pdu = black_box(&pdu[..]);
        if let Ok(Framed::Whole(_)) = Protocol::Modbus.frame(pdu) {
            let _ = black_box(Protocol::Modbus.command(pdu));
        }
    })
}

fn judge() -> Stage {
    let pdu = modbus::write(1, 110, 700);
    let ranges = |low, high| wicketgate_engine::RangeSet::of(vec![(low, high)]);
    let writes = wicketgate_engine::Entry {
        addresses: ranges(100, 119),
        values: wicketgate_engine::ValueRule::In(ranges(0, 1500)),
        ..wicketgate_tests::plant::entry(&[Class::Write])
    };
    let matcher = wicketgate_engine::Matcher::new(vec![writes]);
    stage("judge: dissect, address, value", move || {
        if let Ok(command) = Protocol::Modbus.command(black_box(&pdu)) {
            let _ = black_box(matcher.judge(&command, Time::EPOCH));
        }
    })
}

/// A Write Tag of one DINT in program scope, by itself.
fn write_tag() -> Vec<u8> {
    enip::unconnected(&enip::write_tag("Program:Main.Setpoint", 700))
}

fn dissect_enip() -> Stage {
    let pdu = write_tag();
    stage("dissect-enip: frame and command, one tag", move || {
        let pdu = black_box(&pdu[..]);
        if let Ok(Framed::Whole(_)) = Protocol::Enip.frame(pdu) {
            let _ = black_box(Protocol::Enip.command(pdu));
        }
    })
}

fn judge_enip() -> Stage {
    let pdu = write_tag();
    let range = wicketgate_engine::RangeSet::of(vec![(0, 1500)]);
    let tags = [Glob::new("Program:Main.Set*")].into();
    let writes = wicketgate_engine::Entry {
        objects: ObjectRule::Only(Box::new(Objects { tags, ..Objects::default() })),
        values: wicketgate_engine::ValueRule::In(range),
        ..wicketgate_tests::plant::entry(&[Class::Write])
    };
    let matcher = wicketgate_engine::Matcher::new(vec![writes]);
    stage("judge-enip: dissect, tag, value", move || {
        if let Ok(command) = Protocol::Enip.command(black_box(&pdu)) {
            let _ = black_box(matcher.judge(&command, Time::EPOCH));
        }
    })
}

fn dissect_opcua() -> Stage {
    let (pdu, dialog) = (opcua::read(7, "Line.Press.Level"), Dialog::NEW);
    stage("dissect-opcua: frame and command, one node", move || {
        let (pdu, room) = (black_box(&pdu[..]), Protocol::Opcua.max_pdu());
        let asked = dialog.portion(Protocol::Opcua, Direction::ToServer, pdu, room);
        if let Ok(Portion::Whole(_)) = asked {
            let _ = black_box(Protocol::Opcua.command(pdu));
        }
    })
}

fn judge_opcua() -> Stage {
    let pdu = opcua::write(7, "Line.Press.Setpoint", 700);
    let name = NamePattern::Text(b"Line.Press.Set*"[..].into());
    let nodes = [NodePattern { namespace: 2, name }].into();
    let range = wicketgate_engine::RangeSet::of(vec![(0, 1500)]);
    let writes = wicketgate_engine::Entry {
        objects: ObjectRule::Nodes(Box::new(NodeRule { nodes, ..NodeRule::default() })),
        values: wicketgate_engine::ValueRule::In(range),
        ..wicketgate_tests::plant::entry(&[Class::Write])
    };
    let matcher = wicketgate_engine::Matcher::new(vec![writes]);
    stage("judge-opcua: dissect, node, value", move || {
        if let Ok(command) = Protocol::Opcua.command(black_box(&pdu)) {
            let _ = black_box(matcher.judge(&command, Time::EPOCH));
        }
    })
}

/// A request with as many items as it may have.
fn most_of(service: u16, item: &[u8]) -> Vec<u8> {
    let body = [&(MAX_ITEMS as u32).to_le_bytes()[..], &item.repeat(MAX_ITEMS)].concat();
    opcua::service(7, service, &body)
}

/// The most nodes that a request may name: BrowsePaths without elements, six bytes each.
fn most_nodes() -> Vec<u8> {
    most_of(554, &[0, 85, 0, 0, 0, 0])
}

/// Dissects and judges a request that `nodes` and `class` allow.
fn judge_many(name: &'static str, pdu: Vec<u8>, class: Class, nodes: NodeSet) -> Stage {
    judge_by(name, pdu, class, vec![nodes])
}

/// The same by an entry for each of these sets.
fn judge_by(name: &'static str, pdu: Vec<u8>, class: Class, sets: Vec<NodeSet>) -> Stage {
    let of = |nodes| wicketgate_engine::Entry {
        objects: ObjectRule::Nodes(Box::new(NodeRule { nodes, ..NodeRule::default() })),
        ..wicketgate_tests::plant::entry(&[class])
    };
    let matcher = wicketgate_engine::Matcher::new(sets.into_iter().map(of).collect());
    long_stage(name, move || {
        if let Ok(command) = Protocol::Opcua.command(black_box(&pdu)) {
            assert!(matcher.judge(&command, Time::EPOCH).is_ok());
        }
    })
}

fn judge_most_nodes() -> Stage {
    let nodes = [NodePattern { namespace: 0, name: NamePattern::Numbers(85, 85) }];
    let name = "judge-opcua-nodes: the same, by number";
    judge_many(name, most_nodes(), Class::Discover, nodes.into())
}

/// As many values as a request may write, one byte each.
fn judge_writes() -> Stage {
    let pdu = most_of(673, &[0, 85, 13, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 1, 0]);
    let nodes = [NodePattern { namespace: 0, name: NamePattern::Numbers(80, 90) }];
    let name = "judge-opcua-writes: as many values, by number";
    judge_many(name, pdu, Class::Write, nodes.into())
}

fn dissect_nodes() -> Stage {
    let pdu = most_nodes();
    long_stage("dissect-opcua-nodes: as many as a request may have", move || {
        let _ = black_box(Protocol::Opcua.command(black_box(&pdu[..])));
    })
}

/// The most values that a request may carry: arguments of a call, null, of one byte each.
fn dissect_values() -> Stage {
    let count = MAX_VALUES;
    let item = [&[0, 85, 0, 85][..], &(count as u32).to_le_bytes(), &vec![0; count]].concat();
    let pdu = opcua::service(7, 712, &[&1_u32.to_le_bytes()[..], &item].concat());
    long_stage("dissect-opcua-values: as many values as a request may carry", move || {
        let _ = black_box(Protocol::Opcua.command(black_box(&pdu[..])));
    })
}

/// A request of 60 KiB, as large controllers allow: 1500 nodes, judged by name.
fn judge_nodes() -> Stage {
    let name = NamePattern::Text(b"Line.Press.Level*"[..].into());
    let nodes = [NodePattern { namespace: 2, name }];
    let pdu = opcua::read_many(7, 1500);
    judge_many("judge-opcua-1500: 1500 nodes by name", pdu, Class::Read, nodes.into())
}

fn text(name: &str) -> NodePattern {
    NodePattern { namespace: 2, name: NamePattern::Text(name.as_bytes().into()) }
}

/// A set that lists 1500 names, of which `front` is the first part.
fn listed(front: &str) -> NodeSet {
    NodeSet::new((0..1500).map(|at| text(&format!("{front}{at}"))).collect::<Vec<_>>())
}

/// The same where the rule lists each of them.
fn judge_listed() -> Stage {
    let (pdu, nodes) = (opcua::read_many(7, 1500), listed("Line.Press.Level"));
    judge_many("judge-opcua-listed: as many names in the rule", pdu, Class::Read, nodes)
}

/// The same where seven entries list other names before.
fn judge_entries() -> Stage {
    let mut sets: Vec<NodeSet> =
        (0..7).map(|at| listed(&format!("Line.Robot{at}.Level"))).collect();
    sets.push(listed("Line.Press.Level"));
    let pdu = opcua::read_many(7, 1500);
    judge_by("judge-opcua-entries: by the last of eight such entries", pdu, Class::Read, sets)
}

/// The same where seven entries have other patterns before.
fn judge_patterns() -> Stage {
    let other = |at: u32| NodeSet::from([text(&format!("Line.Robot{at}.*"))]);
    let mut sets: Vec<NodeSet> = (0..7).map(other).collect();
    sets.push([text("Line.Press.Level*")].into());
    let pdu = opcua::read_many(7, 1500);
    judge_by("judge-opcua-patterns: by the last of eight patterns", pdu, Class::Read, sets)
}

/// The most that one PDU can ask for: as many services as a message may carry.
fn dissect_many() -> Stage {
    let read = enip::object(0x0e, 1, 1, 7);
    let pdu = enip::unconnected(&enip::multiple(&vec![&read[..]; 255]));
    long_stage("dissect-enip-255: a packet of 255 services", move || {
        let _ = black_box(Protocol::Enip.command(black_box(&pdu[..])));
    })
}

fn dissect_s7comm() -> Stage {
    let pdu = s7comm::read(1, &[s7comm::item((Area::DataBlocks, 10), 2, 20, 0)]);
    stage("dissect-s7comm: frame and command, one item", move || {
        let pdu = black_box(&pdu[..]);
        if let Ok(Framed::Whole(_)) = Protocol::S7comm.frame(pdu) {
            let _ = black_box(Protocol::S7comm.command(pdu));
        }
    })
}

fn judge_s7comm() -> Stage {
    let pdu = s7comm::write(1, 10, 0, &700_u16.to_be_bytes());
    let (area, scalar) = (Area::DataBlocks, Some(wicketgate_dissectors::Scalar::Uint));
    let word = Memory { area, blocks: (10, 10), bits: (0, 15), scalar };
    let writes = wicketgate_engine::Entry {
        objects: ObjectRule::Operands([Range::Memory(word)].into()),
        values: wicketgate_engine::ValueRule::In(wicketgate_engine::RangeSet::of(vec![(0, 1500)])),
        ..wicketgate_tests::plant::entry(&[Class::Write])
    };
    let matcher = wicketgate_engine::Matcher::new(vec![writes]);
    stage("judge-s7comm: dissect, address, value", move || {
        if let Ok(command) = Protocol::S7comm.command(black_box(&pdu)) {
            let _ = black_box(matcher.judge(&command, Time::EPOCH));
        }
    })
}

/// The most that one job can ask for.
fn dissect_s7comm_many() -> Stage {
    let item = s7comm::item((Area::DataBlocks, 10), 2, 1, 0);
    let pdu = s7comm::read(1, &vec![item; 255]);
    long_stage("dissect-s7comm-255: a job of 255 items", move || {
        let _ = black_box(Protocol::S7comm.command(black_box(&pdu[..])));
    })
}

fn tell() -> Stage {
    let mut events = EventRing::new(1 << 10);
    let pdu = modbus::read(1, 100, 10);
    stage("tell: one event in and out", move || {
        let mut payload = [0; PAYLOAD];
        payload[..pdu.len()].copy_from_slice(black_box(&pdu));
        events.push(event(payload, pdu.len()));
        events.drain(|event| {
            black_box(event);
        });
    })
}

fn event(payload: [u8; PAYLOAD], len: usize) -> Event {
    let kind = EventKind::Command(CommandEvent {
        endpoint: EndpointId(0),
        protocol: Protocol::Modbus,
        class: Class::Read,
        name: "read-holding-registers",
        function: 3,
        sub: None,
        unit: 1,
        object: (wicketgate_dissectors::Space::HoldingRegisters, 100, 10),
        tag: Label::EMPTY,
        denied: None,
        observed: false,
        rule: None,
        payload,
        payload_len: len as u16,
    });
    let (time, source) = (Time::EPOCH, ALICE);
    Event { time, session: 1, grant: Some(GrantId(0)), source, source_port: 51000, kind }
}

fn translate() -> Stage {
    let mut frame = request();
    let (outside, inside) = (((ALICE, 51000), (PRESS_3, 502)), ((NAT, 51000), (PRESS_3, 502)));
    let rewrite = Rewrite::new(PortId(1), (GATE_MAC[1], PRESS_MAC), None, outside, inside);
    let headers = Headers::parse(frame.bytes()).expect("a right frame");
    stage("translate", move || {
        debug_assert!(matches!(headers.l4, L4::Tcp(_)));
        let _ = black_box(rewrite.apply(&mut frame, black_box(&headers)));
    })
}
