//! Who gets a flow, and who does not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;

use wicketgate_dissectors::{Class, ClassSet};
use wicketgate_engine::{Entry, Reason, RuleId, Verdict};
use wicketgate_tests::frame::flag;
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Packet, Plant, Right, Talk, modbus};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);
const DOOR: (Ipv4Addr, u16) = (PRESS_3, 502);

fn syn(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16)) -> Packet {
    Packet::tcp(from, to, (100, 0), flag::SYN, &[])
}

fn every_opener(to: Ipv4Addr) -> [Packet; 4] {
    [
        syn(CLIENT, (to, 502)),
        syn(CLIENT, (to, 80)),
        Packet::udp(CLIENT, (to, 502), &modbus::read(1, 0, 1)),
        Packet::icmp(ALICE, to, (8, 0), (1, 1), b"ping"),
    ]
}

#[test]
fn empty_policy_denies_everything() {
    let mut gate = Gate::new(&Plant::closed());
    for packet in every_opener(PRESS_3).iter().chain(&every_opener(PRESS_4)) {
        let outcome = gate.office(packet);
        assert!(outcome.left.is_none(), "{packet:?}: {:?}", outcome.verdict);
    }
    for packet in every_opener(PRESS_3) {
        gate.office(&packet).refused(Reason::NoGrant);
    }
    assert_eq!(gate.engine.counters().forwarded, 0);
    assert_eq!(gate.session_starts(), []);
}

#[test]
fn an_empty_allow_list_allows_nothing() {
    let empty = Entry::classes(RuleId(0), ClassSet::EMPTY);
    for entries in [vec![], vec![empty]] {
        let mut gate = Gate::new(&Plant::with(vec![Right::new(ALICE, MODBUS_UDP, entries)]));
        let command = Packet::udp(CLIENT, DOOR, &modbus::read(1, 0, 1));
        let outcome = gate.office(&command);
        assert!(!matches!(outcome.verdict, Verdict::Forward(_)), "{:?}", outcome.verdict);
    }
}

#[test]
fn every_refused_opening_is_told_with_its_reason() {
    let mut gate = Gate::new(&Plant::usual());
    gate.office(&syn((STRANGER, 51000), DOOR)).refused(Reason::NoGrant);
    gate.office(&syn(CLIENT, (Ipv4Addr::new(100, 64, 99, 99), 502))).refused(Reason::NoAsset);
    gate.office(&syn(CLIENT, (PRESS_3_UNDERLAY, 502))).refused(Reason::NoAsset);
    gate.office(&syn(CLIENT, (PRESS_3, 503))).refused(Reason::NoEndpoint);
    gate.office(&Packet::icmp(ALICE, PRESS_4, (8, 0), (1, 1), &[])).refused(Reason::NoEndpoint);
    gate.office(&syn((HMI, 51000), (PRESS_4, 502))).refused(Reason::NoGrant);
    let told =
        [Reason::NoGrant, Reason::NoAsset, Reason::NoAsset, Reason::NoEndpoint, Reason::NoEndpoint];
    assert_eq!(gate.refusals(), [&told[..], &[Reason::NoGrant]].concat());
}

#[test]
fn an_asset_opens_nothing() {
    let mut gate = Gate::new(&Plant::usual());
    let asset = (PRESS_3_UNDERLAY, 40000);
    for to in [
        (NAT, 502),
        (PRESS_4, 502),
        (PRESS_4_UNDERLAY, 502),
        (Ipv4Addr::new(1, 1, 1, 1), 443),
        (ALICE, 502),
    ] {
        gate.line(&syn(asset, to)).refused(Reason::FromAsset);
        gate.line(&Packet::udp(asset, to, b"hello")).refused(Reason::FromAsset);
    }
    gate.line(&Packet::icmp(asset.0, PRESS_4, (8, 0), (1, 1), &[])).refused(Reason::FromAsset);
    assert_eq!(gate.engine.counters().forwarded, 0);
}

#[test]
fn an_asset_is_no_client_on_the_overlay_either() {
    let asset = Right::classes(PRESS_4, MODBUS, &[Class::Read]);
    let mut gate = Gate::new(&Plant::with(vec![asset]));
    gate.office(&syn((PRESS_4, 40000), DOOR)).refused(Reason::Spoofed);
}

#[test]
fn sources_that_nobody_has_are_spoofed() {
    let mut gate = Gate::new(&Plant::usual());
    for source in ["0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255", "240.1.1.1"] {
        gate.office(&syn((source.parse().unwrap(), 1), DOOR)).refused(Reason::Spoofed);
    }
    gate.office(&syn((PRESS_3, 1), DOOR)).refused(Reason::Spoofed);
    let mut group_mac = syn(CLIENT, DOOR);
    group_mac.macs = (GATE_MAC[0], [1, 0, 0, 0, 0, 1]);
    gate.raw(OFFICE, &group_mac.bytes()).refused(Reason::Spoofed);
    for to in ["224.0.0.1", "255.255.255.255", "127.0.0.1"] {
        gate.office(&syn(CLIENT, (to.parse().unwrap(), 502))).refused(Reason::NotUnicast);
    }
}

#[test]
fn another_asset_cannot_answer_in_the_name_of_one() {
    let mut gate = Gate::new(&Plant::usual());
    let talk = Talk::open(&mut gate, CLIENT);
    let mut forged = talk.from_asset(talk.asset_next, flag::ACK, &[]);
    forged.src = PRESS_4_UNDERLAY;
    gate.line(&forged).refused(Reason::NoFlow);
    let right = talk.from_asset(talk.asset_next, flag::ACK, &[]);
    gate.line(&right.clone().tagged(VLAN)).refused(Reason::NoFlow);
    assert!(gate.line(&right).left_by(OFFICE));
}

#[test]
fn a_frame_for_another_station_is_not_the_gates() {
    let mut gate = Gate::new(&Plant::usual());
    let mut packet = syn(CLIENT, DOOR);
    for mac in [[2, 9, 9, 9, 9, 9], [0xff; 6], GATE_MAC[1]] {
        packet.macs = (mac, OFFICE_MAC);
        gate.raw(OFFICE, &packet.bytes()).refused(Reason::NotForGate);
    }
    packet.macs = (GATE_MAC[0], OFFICE_MAC);
    gate.raw(wicketgate_packet::PortId(7), &packet.bytes()).refused(Reason::NotForGate);
}

#[test]
fn a_flow_belongs_to_the_port_it_was_opened_by() {
    let mut gate = Gate::new(&Plant::usual());
    let talk = Talk::open(&mut gate, CLIENT);
    let mut elsewhere = talk.from_client(talk.client_next, flag::ACK, &[]);
    elsewhere.macs = (GATE_MAC[1], OFFICE_MAC);
    gate.raw(LINE, &elsewhere.bytes()).refused(Reason::NoFlow);
}

#[test]
fn whoever_was_not_seen_from_the_start_gets_no_flow() {
    let mut gate = Gate::new(&Plant::usual());
    for flags in [flag::ACK, flag::ACK | flag::PSH, flag::SYN | flag::ACK] {
        let reset = gate.office(&Packet::tcp(CLIENT, DOOR, (5, 6), flags, &[]));
        assert_eq!(reset.verdict, Verdict::Answer(OFFICE, Reason::NoFlow));
        let seen = reset.seen();
        assert_eq!((seen.flags, seen.numbers.0), (flag::RST, 6), "so that it opens again");
        let stranger = (STRANGER, CLIENT.1);
        gate.office(&Packet::tcp(stranger, DOOR, (5, 6), flags, &[])).refused(Reason::NoFlow);
    }
    gate.office(&Packet::tcp(CLIENT, DOOR, (5, 6), flag::RST, &[])).refused(Reason::NoFlow);
    gate.office(&Packet::icmp(ALICE, PRESS_3, (0, 0), (1, 1), &[])).refused(Reason::NoFlow);
    assert_eq!(gate.log.len(), 0, "stragglers are counted, not told");
}

#[test]
fn an_asset_without_a_neighbour_costs_nothing() {
    let mut plant = Plant::usual();
    plant.press_3_mac = None;
    let mut gate = Gate::new(&plant);
    for port in 0..200 {
        gate.office(&syn((ALICE, 50000 + port), DOOR)).refused(Reason::NoNeighbour);
    }
    assert_eq!(gate.session_starts(), [], "nothing was opened");
    // All streams are still there for press 4: 64, less what is kept back for machines.
    for port in 0..60 {
        Talk::open_to(&mut gate, (ALICE, 52000 + port), (PRESS_4, 502));
    }
}
