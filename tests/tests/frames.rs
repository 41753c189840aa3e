//! Frames that no honest sender makes, and tags.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;

use wicketgate_engine::Reason;
use wicketgate_tests::frame::flag;
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Layer4, Packet, Plant, Talk, modbus};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);
const DOOR: (Ipv4Addr, u16) = (PRESS_3, 502);

fn syn() -> Packet {
    Packet::tcp(CLIENT, DOOR, (100, 0), flag::SYN, &[])
}

fn gate() -> Gate {
    Gate::new(&Plant::usual())
}

#[test]
fn a_time_to_live_of_one_ends_here() {
    for ttl in [0, 1] {
        gate().office(&Packet { ttl, ..syn() }).refused(Reason::TtlExpired);
    }
    assert_eq!(gate().office(&Packet { ttl: 2, ..syn() }).seen().ttl, 1);
}

#[test]
fn fragments_and_options_do_not_pass() {
    for fragment in [0x2000, 0x0001, 0x3fff] {
        gate().office(&Packet { fragment, ..syn() }).refused(Reason::Fragment);
    }
    gate().office(&Packet { fragment: 0x8000, ..syn() }).refused(Reason::BadIp);
    let ip_options = vec![1, 1, 1, 0];
    gate().office(&Packet { ip_options, ..syn() }).refused(Reason::IpOptions);
}

#[test]
fn a_wrong_bit_anywhere_is_a_wrong_checksum_or_refused_before() {
    let mut packet = Packet::tcp(CLIENT, DOOR, (101, 501), flag::ACK, &modbus::read(1, 0, 1));
    packet.macs = (GATE_MAC[0], OFFICE_MAC);
    let right = packet.bytes();
    for bit in 14 * 8..right.len() * 8 {
        let mut wrong = right.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        let outcome = gate().raw(OFFICE, &wrong);
        let reason = outcome.reason().unwrap();
        assert!(reason < Reason::NoFlow, "bit {bit}: {reason}");
    }
    assert_eq!(gate().raw(OFFICE, &right).reason(), Some(Reason::NoFlow));
}

#[test]
fn cut_anywhere_it_is_refused_and_never_read_beyond() {
    let mut packet = Packet::udp(CLIENT, DOOR, &modbus::read(1, 0, 1));
    packet.macs = (GATE_MAC[0], OFFICE_MAC);
    let whole = packet.bytes();
    for len in 0..whole.len() {
        assert!(gate().raw(OFFICE, &whole[..len]).left.is_none(), "{len} bytes");
    }
}

#[test]
fn other_transports_and_ethertypes_are_not_the_gates() {
    let other = Packet::new(ALICE, PRESS_3, Layer4::Other(47), b"gre");
    gate().office(&other).refused(Reason::UnsupportedTransport);
    let of = |kind: [u8; 2]| [&GATE_MAC[0][..], &OFFICE_MAC, &kind].concat();
    gate().raw(OFFICE, &of([0x86, 0xdd])).refused(Reason::NotIp);
}

#[test]
fn arp_is_named_and_never_forwarded() {
    let request = [0, 1, 8, 0, 6, 4, 0, 1, 2, 2, 2, 2, 2, 2, 100, 64, 0, 2];
    let target = [0, 0, 0, 0, 0, 0, 100, 64, 10, 20];
    let link = [&GATE_MAC[0][..], &OFFICE_MAC, &[8, 6]].concat();
    let arp = [&link[..], &request, &target].concat();
    gate().raw(OFFICE, &arp).refused(Reason::Arp);
    gate().raw(OFFICE, &arp[..30]).refused(Reason::BadArp);
    let mut token_ring = arp.clone();
    token_ring[15] = 6;
    gate().raw(OFFICE, &token_ring).refused(Reason::BadArp);
}

#[test]
fn flags_that_no_stack_sends() {
    let with = |flags| Packet::tcp(CLIENT, DOOR, (100, 0), flags, &[]);
    for flags in [0, flag::SYN | flag::FIN, flag::SYN | flag::RST, flag::FIN, flag::PSH, 0x3f] {
        gate().office(&with(flags)).refused(Reason::BadFlags);
    }
    gate().office(&with(flag::ACK | flag::URG)).refused(Reason::Urgent);
}

#[test]
fn padding_is_cut_off() {
    let mut gate = gate();
    let talk = Talk::open(&mut gate, CLIENT);
    let mut ack = talk.from_client(talk.client_next, flag::ACK, &[]);
    ack.padding = b"secret".to_vec();
    let outcome = gate.office(&ack);
    assert_eq!(outcome.left.as_ref().unwrap().len(), 14 + 20 + 20);
    outcome.seen();
}

#[test]
fn three_tags_are_too_many() {
    let packet = syn().tagged(1).tagged(2).tagged(3);
    gate().office(&packet).refused(Reason::TooManyTags);
}

#[test]
fn a_priority_tag_is_as_none() {
    let mut gate = gate();
    let seen = gate.office(&syn().tagged(0xa000)).seen();
    assert_eq!(seen.tag, None, "towards an asset without a VLAN");
    let untagged = gate.office(&syn());
    assert!(untagged.left_by(LINE), "the same SYN again, of the same flow");
    assert_eq!(gate.engine.flow_count(), 1);
}

#[test]
fn an_asset_in_a_vlan_is_spoken_to_with_its_tag() {
    let mut gate = gate();
    let mut talk = Talk::open_to(&mut gate, CLIENT, (PRESS_4, 502));
    let there = talk.send(&mut gate, &modbus::read(1, 0, 1)).seen();
    assert_eq!(there.tag, Some(VLAN));
    assert_eq!(there.macs.0, [2, 0x1d, 0x9c, 0, 0, 0x21]);
    let back = talk.answer(&mut gate, &modbus::values(1, &[7])).seen();
    assert_eq!((back.tag, back.macs), (None, (OFFICE_MAC, GATE_MAC[0])));
    assert_eq!(back.payload, modbus::values(1, &[7]));
}

#[test]
fn a_client_in_a_vlan_is_answered_with_its_tag() {
    let mut gate = gate();
    let there = gate.office(&syn().tagged(0x6000 | 77)).seen();
    assert_eq!(there.tag, None);
    let answer = Packet::tcp(
        (PRESS_3_UNDERLAY, 502),
        (NAT, there.src.1),
        (500, 101),
        flag::SYN | flag::ACK,
        &[],
    );
    assert_eq!(gate.line(&answer).seen().tag, Some(77));
}

/// The inner tag of a frame with two is no proof of a VLAN: whoever is in the outer one wrote it.
#[test]
fn two_tags_do_not_hop_into_an_assets_vlan() {
    let mut gate = gate();
    let talk = Talk::open_to(&mut gate, CLIENT, (PRESS_4, 502));
    let mut forged = talk.from_asset(talk.asset_next, flag::ACK, &[]);
    forged.tags = vec![(0x8100, 99), (0x8100, VLAN)];
    gate.line(&forged).refused(Reason::WrongVlan);
    forged.tags = vec![(0x88a8, 99), (0x8100, VLAN)];
    gate.line(&forged).refused(Reason::WrongVlan);
    gate.office(&syn().tagged(5).tagged(6)).refused(Reason::WrongVlan);
}
