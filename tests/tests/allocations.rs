//! After the start, nothing allocates.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use wicketgate_engine::{Copies, Engine, EventRing, Limits, Reason, Sessions, Verdict};
use wicketgate_packet::{Nowhere, PortId};
use wicketgate_ports::Pool;
use wicketgate_tests::frame::flag;
use wicketgate_tests::gate::START;
use wicketgate_tests::modbus::*;
use wicketgate_tests::plant::*;
use wicketgate_tests::{Packet, Plant, Talk};

/// Everything that the path does: openings, refusals, requests allowed, denied, malformed, split
/// and repeated, answers, datagrams answered, echoes, ICMP errors, resets.
fn workload() -> Vec<(PortId, Vec<u8>)> {
    let mut frames: Vec<(PortId, Packet)> = Vec::new();
    for port in 51000..51020 {
        let mut talk = Talk {
            client: (ALICE, port),
            overlay: (PRESS_3, 502),
            nat: port,
            client_next: wicketgate_tests::talk::CLIENT_ISN.wrapping_add(1),
            asset_next: wicketgate_tests::talk::ASSET_ISN + 1,
            withheld: 0,
            injected: 0,
        };
        frames.extend([(OFFICE, talk.syn()), (LINE, talk.syn_ack())]);
        for n in 0..20u16 {
            let request = match n % 5 {
                0 => write(n, 5, 5),
                1 => adu(n, &[16, 0, 0, 0, 2, 2, 0, 1]),
                _ => read(n, 0, 9),
            };
            for piece in request.chunks(if n % 2 == 0 { 5 } else { 100 }) {
                let segment = talk.from_client(talk.client_next, flag::ACK, piece);
                frames.extend([(OFFICE, segment.clone()), (OFFICE, segment)]);
                talk.client_next = talk.client_next.wrapping_add(piece.len() as u32);
            }
            if n % 5 > 1 {
                let answer = values(n, &[1; 9]);
                frames.push((LINE, talk.from_asset(talk.asset_next, flag::ACK, &answer)));
                talk.asset_next += answer.len() as u32;
            }
        }
        frames.push((OFFICE, talk.from_client(talk.client_next, flag::RST, &[])));
        let datagram = Packet::udp((ALICE, port), (PRESS_3, 502), &read(port, 0, 1));
        let error = Packet::icmp(PRESS_3_UNDERLAY, NAT, (3, 3), (0, 0), &quote(&datagram, port));
        let denied = Packet::udp((ALICE, port), (PRESS_3, 502), &write(port, 0, 1));
        let echo = Packet::icmp(ALICE, PRESS_3, (8, 0), (port, 1), b"ping");
        let stranger = Packet::tcp((STRANGER, port), (PRESS_3, 502), (1, 0), flag::SYN, &[]);
        frames.extend([(OFFICE, datagram), (LINE, error), (OFFICE, denied), (OFFICE, echo)]);
        let long = Packet::udp((ALICE, port), (PRESS_3, 502), &[7; 1600]);
        frames.extend([(OFFICE, stranger), (OFFICE, long)]);
    }
    let arp = (LINE, arp_request());
    let bytes = frames.into_iter().map(|(port, packet)| (port, bytes(port, packet)));
    bytes.chain([arp]).collect()
}

/// Press 4, under another MAC address than before, asks for the gate in its VLAN.
fn arp_request() -> Vec<u8> {
    let mut frame = [[0xff; 6], [2, 0, 0, 0, 0, 9]].concat();
    frame.extend([0x81, 0, 0, 30, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9]);
    frame.extend(PRESS_4_UNDERLAY.octets());
    frame.extend([0; 6]);
    frame.extend(NAT.octets());
    frame
}

/// The datagram as it lies on the press line.
fn quote(datagram: &Packet, port: u16) -> Vec<u8> {
    let inside = Packet::udp((NAT, port), (PRESS_3_UNDERLAY, 502), &datagram.payload);
    inside.ip_bytes()
}

fn bytes(port: PortId, mut packet: Packet) -> Vec<u8> {
    packet.macs = (GATE_MAC[usize::from(port.0)], OFFICE_MAC);
    packet.bytes()
}

#[test]
fn no_frame_allocates() {
    nothing_allocates(&Plant::usual(), None);
}

#[test]
fn no_frame_that_is_recorded_allocates_whether_there_is_room_or_not() {
    let mut plant = Plant::usual();
    plant.rights.iter_mut().for_each(|right| right.record = true);
    for (room, takes) in [(4096, true), (16, true), (16, false)] {
        let copies = Arc::new(Copies::new(room));
        nothing_allocates(&plant, Some((copies.clone(), takes)));
        assert!(copies.made() >= 16 && (takes || copies.lost() > 0));
    }
}

/// What `check` and the start tell is what is taken: all but some KiB, which no setting changes.
#[test]
fn the_tables_take_the_memory_that_is_told() {
    for (streams, sessions) in [(64, 64), (64, 5000), (500, 64)] {
        let limits = Limits { flows: 1000, streams, long_requests: 3, io_connections: 20 };
        let (tables, slab) = (Plant::usual().tables(1), Arc::new(Sessions::new(sessions)));
        let counted = measure(|| drop(Engine::new(limits, tables, slab)));
        let taken = usize::try_from(counted.bytes_max).unwrap();
        let told = limits.bytes(sessions);
        assert!((told..told + 16 * 1024).contains(&taken), "{taken} taken, {told} told");
        let counted = measure(|| drop(Sessions::new(sessions)));
        assert_eq!(usize::try_from(counted.bytes_max).unwrap(), Sessions::bytes(sessions));
    }
}

/// Copies are taken after each frame, if `takes`.
fn nothing_allocates(plant: &Plant, recorded: Option<(Arc<Copies>, bool)>) {
    let frames = workload();
    let sessions = Arc::new(Sessions::new(64));
    let mut engine = Engine::new(
        Limits { flows: 128, streams: 64, ..Limits::default() },
        plant.tables(1),
        sessions,
    );
    if let Some((copies, _)) = &recorded {
        engine.set_copies(copies.clone());
    }
    let take = |copies: &Copies| while copies.take(|_| ()) {};
    // Its asset answers as if there were no gate.
    engine.set_captured(true);
    let (mut events, mut frame) = (EventRing::new(1 << 12), Pool::new(1).take().unwrap());
    let (mut now, mut forwarded, mut told) = (START, 0, 0);
    let counted = measure(|| {
        for _ in 0..3 {
            for (port, bytes) in &frames {
                frame.fill(&[], bytes);
                let verdict = engine.process(now, *port, &mut frame, &mut Nowhere, &mut events);
                forwarded += usize::from(matches!(verdict, Verdict::Forward(_) | Verdict::Kept));
                engine.age(now, &mut events);
                recorded.iter().filter(|(_, takes)| *takes).for_each(|(copies, _)| take(copies));
                told += usize::from(events.pop().is_some());
            }
            now = now + Duration::from_secs(400);
            (0..16).for_each(|_| engine.age(now, &mut events));
            while events.pop().is_some() {
                told += 1;
            }
        }
    });
    assert_eq!(counted.count_total, 0, "{counted:?} over {} frames", 3 * frames.len());
    assert_eq!(events.lost(), 0);
    let counters = engine.counters();
    assert!(counters.answered >= 60 && counters.denied >= 480, "{counters:?}");
    let answers = [Reason::FragmentationNeeded, Reason::Arp].map(|reason| counters.of(reason));
    assert!(answers.iter().all(|count| *count > 0), "{counters:?}");
    assert!(forwarded > 1500 && told > 1500, "{forwarded} {told} {counters:?}");
    assert_eq!(engine.flow_count(), 0, "ageing was part of it");
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(vec![1]))).count_total, 1);
}
