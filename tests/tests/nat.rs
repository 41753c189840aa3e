//! Network address translation, there and back.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::collections::HashSet;
use std::net::Ipv4Addr;

use proptest::collection::vec;
use proptest::prelude::*;
use wicketgate_dissectors::Class;
use wicketgate_engine::{Limits, Reason};
use wicketgate_tests::frame::flag;
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Packet, Plant, Right, Talk};

fn host() -> impl Strategy<Value = Ipv4Addr> {
    (1u8..=223, any::<[u8; 3]>())
        .prop_filter("a host's address", |(first, _)| *first != 127 && *first != 100)
        .prop_map(|(a, [b, c, d])| Ipv4Addr::new(a, b, c, d))
}

fn machine(source: Ipv4Addr, door: wicketgate_engine::EndpointId) -> Right {
    Right { essential: true, ..Right::classes(source, door, &[Class::Read, Class::Diag]) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// `Seen::read` sums every checksum anew.
    #[test]
    fn tcp_arrives_whole_on_both_sides(
        source in host(), port in 1u16.., there in vec(any::<u8>(), 0..1400),
        back in vec(any::<u8>(), 0..1400),
    ) {
        let mut gate = Gate::new(&Plant::with(vec![machine(source, WEB)]));
        let mut talk = Talk::open_to(&mut gate, (source, port), (PRESS_3, 80));
        prop_assert_eq!(talk.nat, port);
        let seen = talk.send(&mut gate, &there).seen();
        prop_assert_eq!((seen.src, seen.dst), ((NAT, port), (PRESS_3_UNDERLAY, 80)));
        prop_assert_eq!(seen.macs, (PRESS_MAC, GATE_MAC[1]));
        prop_assert_eq!((seen.ttl, seen.payload), (63, there));
        let seen = talk.answer(&mut gate, &back).seen();
        prop_assert_eq!((seen.src, seen.dst), ((PRESS_3, 80), (source, port)));
        prop_assert_eq!(seen.macs, (OFFICE_MAC, GATE_MAC[0]));
        prop_assert_eq!((seen.ttl, seen.payload), (63, back));
    }

    #[test]
    fn echo_arrives_whole_on_both_sides(
        source in host(), id: u16, sequence: u16, payload in vec(any::<u8>(), 0..1400),
    ) {
        let mut gate = Gate::new(&Plant::with(vec![machine(source, ECHO)]));
        let words = (id, sequence);
        let there = gate.office(&Packet::icmp(source, PRESS_3, (8, 0), words, &payload)).seen();
        prop_assert_eq!((there.src.0, there.dst.0), (NAT, PRESS_3_UNDERLAY));
        prop_assert_eq!(&there.payload, &payload);
        let reply = Packet::icmp(PRESS_3_UNDERLAY, NAT, (0, 0), there.words, &payload);
        let back = gate.line(&reply).seen();
        prop_assert_eq!((back.src.0, back.dst.0), (PRESS_3, source));
        prop_assert_eq!((back.words, back.payload), (words, payload));
    }

    #[test]
    fn numbers_and_flags_are_the_ends_own(flags in prop::sample::select(vec![
        flag::ACK, flag::ACK | flag::PSH, flag::ACK | flag::FIN, flag::RST | flag::ACK,
    ])) {
        let mut gate = Gate::new(&Plant::usual());
        let talk = Talk::open(&mut gate, (ALICE, 51000));
        let outcome = gate.office(&talk.from_client(talk.client_next, flags, &[]));
        let seen = &outcome.seen_on(LINE)[0];
        prop_assert_eq!(seen.numbers, (talk.client_next, talk.asset_next));
        prop_assert_eq!(seen.flags, flags);
    }
}

#[test]
fn clients_with_the_same_port_get_different_ones_and_their_own_answers() {
    let sources: Vec<Ipv4Addr> = (1..=20).map(|n| Ipv4Addr::new(10, 0, 0, n)).collect();
    let mut gate = Gate::new(&Plant::with(sources.iter().map(|s| machine(*s, WEB)).collect()));
    let mut talks: Vec<Talk> = sources
        .iter()
        .map(|source| Talk::open_to(&mut gate, (*source, 50000), (PRESS_3, 80)))
        .collect();
    assert_eq!(talks[0].nat, 50000, "the first one keeps its own");
    assert_eq!(talks.iter().map(|talk| talk.nat).collect::<HashSet<_>>().len(), 20);
    for talk in &mut talks {
        let seen = talk.answer(&mut gate, b"for you").seen();
        assert_eq!(seen.dst, talk.client);
    }
}

#[test]
fn an_exhausted_search_refuses_instead_of_sharing_a_port() {
    let source = |n: u8| Ipv4Addr::new(10, 0, 0, n);
    let rights = (0..80).map(|n| machine(source(n), WEB)).collect();
    let limits = Limits { flows: 1024, streams: 1, ..Limits::default() };
    let mut gate = Gate::with_limits(&Plant::with(rights), limits, 256);
    let mut ports = HashSet::new();
    for n in 0..80 {
        let syn = Packet::tcp((source(n), 1000), (PRESS_3, 80), (100, 0), flag::SYN, &[]);
        let outcome = gate.office(&syn);
        match outcome.reason() {
            None => assert!(ports.insert(outcome.seen().src.1), "no port is given twice"),
            reason => assert_eq!(reason, Some(Reason::NatPortsUsedUp)),
        }
    }
    assert_eq!(ports.len(), 65, "its own and 64 more");
}

#[test]
fn pings_with_the_same_identifier_get_their_own_answers() {
    let sources = [ALICE, HMI];
    let mut gate = Gate::new(&Plant::with(sources.map(|s| machine(s, ECHO)).to_vec()));
    let there = sources.map(|source| {
        gate.office(&Packet::icmp(source, PRESS_3, (8, 0), (7, 1), b"x")).seen().words.0
    });
    assert_ne!(there[0], there[1]);
    for (source, id) in sources.into_iter().zip(there) {
        let reply = Packet::icmp(PRESS_3_UNDERLAY, NAT, (0, 0), (id, 1), b"x");
        let back = gate.line(&reply).seen();
        assert_eq!((back.dst.0, back.words), (source, (7, 1)));
    }
}

#[test]
fn a_reply_that_nobody_asked_for_and_a_request_the_wrong_way() {
    let mut gate = Gate::new(&Plant::usual());
    gate.office(&Packet::icmp(ALICE, PRESS_3, (8, 0), (7, 1), b"x"));
    gate.office(&Packet::icmp(ALICE, PRESS_3, (0, 0), (7, 1), b"x")).refused(Reason::IcmpUnrelated);
    gate.line(&Packet::icmp(PRESS_3_UNDERLAY, NAT, (8, 0), (7, 1), b"x"))
        .refused(Reason::IcmpUnrelated);
    gate.line(&Packet::icmp(PRESS_3_UNDERLAY, NAT, (0, 0), (8, 1), b"x")).refused(Reason::NoFlow);
}

#[test]
fn a_datagram_without_a_checksum_stays_without() {
    let mut gate = Gate::new(&Plant::usual());
    let request = wicketgate_tests::modbus::read(1, 0, 1);
    let mut packet = Packet::udp((ALICE, 51000), (PRESS_3, 502), &request);
    packet.macs = (GATE_MAC[0], OFFICE_MAC);
    let mut bytes = packet.bytes();
    bytes[14 + 20 + 6..14 + 20 + 8].fill(0);
    let left = gate.raw(OFFICE, &bytes).left.unwrap();
    assert_eq!(left[14 + 20 + 6..14 + 20 + 8], [0, 0]);
}
