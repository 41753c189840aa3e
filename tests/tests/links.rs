//! What the links demand: MTU, segment sizes, MAC addresses, one card for both sides.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;

use wicketgate_engine::arp::Sign;
use wicketgate_engine::{Reason, Verdict};
use wicketgate_tests::frame::flag;
use wicketgate_tests::modbus::{read, values};
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Outcome, Packet, Plant, Seen, Talk};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);
const WEB_DOOR: (Ipv4Addr, u16) = (PRESS_3, 80);

fn with_mtu(office: u16, line: u16) -> Gate {
    Gate::new(&Plant { mtu: [office, line], ..Plant::usual() })
}

fn with_options(packet: Packet, options: &[u8]) -> Packet {
    Packet { tcp_options: options.to_vec(), ..packet }
}

/// The segment size that arrives of one that is said, in the SYN and in its answer.
fn said(gate: &mut Gate, mss: u16) -> (Vec<u8>, Vec<u8>) {
    let [high, low] = mss.to_be_bytes();
    let options = [2, 4, high, low, 1, 3, 3, 7];
    let mut talk = Talk { client: CLIENT, overlay: WEB_DOOR, ..Talk::open(gate, (ALICE, 51001)) };
    let there = gate.office(&with_options(talk.syn(), &options)).seen();
    talk.nat = there.src.1;
    let back = gate.line(&with_options(talk.syn_ack(), &options)).seen();
    assert_eq!((&there.options[4..], &back.options[4..]), (&options[4..], &options[4..]));
    (there.options[..4].to_vec(), back.options[..4].to_vec())
}

#[test]
fn segments_are_made_for_the_narrower_link() {
    let narrow = (vec![2, 4, 3, 192], vec![2, 4, 3, 192]);
    assert_eq!(said(&mut with_mtu(1500, 1000), 1460), narrow);
    assert_eq!(said(&mut with_mtu(1000, 1500), 1460), narrow);
    let as_said = (vec![2, 4, 2, 24], vec![2, 4, 2, 24]);
    assert_eq!(said(&mut with_mtu(1500, 1000), 536), as_said);
}

#[test]
fn a_segment_size_is_said_in_a_syn_only() {
    let mut gate = with_mtu(1500, 1000);
    let talk = Talk::open_to(&mut gate, CLIENT, WEB_DOOR);
    let ack = talk.from_client(talk.client_next, flag::ACK, &[]);
    let options = [2, 4, 5, 180];
    assert_eq!(gate.office(&with_options(ack, &options)).seen().options, options);
}

/// The error that a frame was turned into: to its sender, with the MTU, and what it quotes.
fn too_long(outcome: &Outcome, port: wicketgate_packet::PortId) -> Seen {
    assert_eq!(outcome.verdict, Verdict::Answer(port, Reason::FragmentationNeeded));
    let seen = outcome.seen();
    assert_eq!((seen.protocol, seen.flags, seen.words.0), (1, 3, 0));
    assert!(20 + 8 + seen.payload.len() <= 576);
    seen
}

#[test]
fn who_sends_too_much_is_told_how_much_is_not() {
    let mut gate = with_mtu(1500, 1000);
    let mut talk = Talk::open_to(&mut gate, CLIENT, WEB_DOOR);
    let long = talk.from_client(talk.client_next, flag::ACK, &[7; 961]);
    let seen = too_long(&gate.office(&long), OFFICE);
    assert_eq!((seen.src.0, seen.dst.0, seen.words.1), (PRESS_3, ALICE, 1000));
    assert_eq!(seen.macs, (OFFICE_MAC, GATE_MAC[0]));
    assert_eq!(seen.payload[..], long.ip_bytes()[..548], "as Alice sent it");
    let right = talk.send(&mut gate, &[7; 960]);
    assert!(right.left_by(LINE), "what was refused was not sent: {:?}", right.verdict);
}

#[test]
fn an_asset_is_told_too() {
    let mut gate = with_mtu(1000, 1500);
    let mut talk = Talk::open_to(&mut gate, CLIENT, WEB_DOOR);
    let long = talk.from_asset(talk.asset_next, flag::ACK, &[7; 1400]);
    let seen = too_long(&gate.line(&long), LINE);
    assert_eq!((seen.src.0, seen.dst.0, seen.words.1), (NAT, PRESS_3_UNDERLAY, 1000));
    assert_eq!(seen.macs, (PRESS_MAC, GATE_MAC[1]));
    assert_eq!(seen.payload[..], long.ip_bytes()[..548], "as press 3 sent it");
    assert!(talk.answer(&mut gate, &[7; 900]).left_by(OFFICE));
}

#[test]
fn an_asset_in_a_vlan_is_told_there() {
    let mut gate = with_mtu(600, 1500);
    let talk = Talk::open_to(&mut gate, CLIENT, (PRESS_4, 502));
    let long = talk.from_asset(talk.asset_next, flag::ACK, &[7; 700]);
    let seen = too_long(&gate.line(&long), LINE);
    assert_eq!((seen.tag, seen.words.1), (Some(VLAN), 600));
}

#[test]
fn the_gate_makes_no_fragments() {
    let mut gate = with_mtu(1500, 300);
    let may = Packet { fragment: 0, ..Packet::udp(CLIENT, (PRESS_3, 502), &[7; 300]) };
    gate.office(&may).refused(Reason::TooLong);
}

/// A router says that a packet was too long for the link behind it.
fn needs(from: Ipv4Addr, to: Ipv4Addr, left: &[u8], at: usize) -> Packet {
    Packet::icmp(from, to, (3, 4), (0, 1400), &left[at..at + 28])
}

#[test]
fn a_path_that_narrows_is_told_to_either_end() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk::open_to(&mut gate, CLIENT, WEB_DOOR);
    let left = talk.send(&mut gate, &[7; 1460]).left.unwrap();
    let inside = Ipv4Addr::new(192, 168, 10, 1);
    let seen = gate.line(&needs(inside, NAT, &left, 14)).seen();
    assert_eq!((seen.src.0, seen.dst.0, seen.words.1), (PRESS_3, ALICE, 1400));
    let left = talk.answer(&mut gate, &[7; 1460]).left.unwrap();
    let outside = Ipv4Addr::new(192, 168, 20, 250);
    let seen = gate.office(&needs(outside, PRESS_3, &left, 14)).seen();
    assert_eq!((seen.src.0, seen.dst.0, seen.words.1), (NAT, PRESS_3_UNDERLAY, 1400));
}

#[test]
fn a_flow_follows_the_mac_address_of_its_asset() {
    let plant = Plant::usual();
    let mut gate = Gate::new(&plant);
    let mut talk = Talk::open(&mut gate, CLIENT);
    let other = [2, 0x1d, 0x9c, 0, 0, 0x99];
    gate.engine.install(Plant { press_3_mac: Some(other), ..plant }.tables(2));
    assert_eq!(talk.send(&mut gate, &read(1, 0, 1)).seen().macs, (other, GATE_MAC[1]));
    let answer = Packet { macs: (GATE_MAC[1], other), ..answer(&mut talk) };
    assert_eq!(gate.raw(LINE, &answer.bytes()).seen().macs, (OFFICE_MAC, GATE_MAC[0]));
}

fn answer(talk: &mut Talk) -> Packet {
    talk.from_asset(talk.asset_next, flag::ACK | flag::PSH, &values(1, &[7]))
}

#[test]
fn a_pinned_asset_has_one_mac_address() {
    let mut gate = Gate::new(&Plant { pinned: true, ..Plant::usual() });
    let mut talk = Talk::open(&mut gate, CLIENT);
    talk.send(&mut gate, &read(1, 0, 1));
    let other = [2, 0x1d, 0x9c, 0, 0, 0x99];
    let forged = Packet { macs: (GATE_MAC[1], other), ..answer(&mut talk) };
    gate.raw(LINE, &forged.bytes()).refused(Reason::WrongMac);
    let sighting = gate.engine.sighting().unwrap();
    assert_eq!(
        (sighting.mac, sighting.by, sighting.hop.address),
        (other, Sign::Refused, PRESS_3_UNDERLAY)
    );
    assert!(talk.answer(&mut gate, &values(1, &[7])).left_by(OFFICE));
    assert_eq!(gate.engine.sighting(), None);
}

#[test]
fn one_card_serves_both_sides() {
    let mut gate = Gate::new(&Plant { one_armed: true, ..Plant::usual() });
    let mut talk = Talk::open(&mut gate, CLIENT);
    assert!(talk.send(&mut gate, &read(1, 0, 1)).left_by(LINE));
    let asset = (PRESS_3_UNDERLAY, 502);
    for port in [OFFICE, LINE] {
        let macs = (GATE_MAC[usize::from(port.0)], PRESS_MAC);
        let syn = Packet { macs, ..Packet::tcp(asset, (PRESS_4, 502), (1, 0), flag::SYN, &[]) };
        let reason = if port == LINE { Reason::FromAsset } else { Reason::NoGrant };
        gate.raw(port, &syn.bytes()).refused(reason);
    }
}
