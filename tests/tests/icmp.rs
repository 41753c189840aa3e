//! ICMP errors: translated outside and inside, and only about what is under way.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;

use wicketgate_engine::Reason;
use wicketgate_tests::frame::{checksum, flag};
use wicketgate_tests::modbus::{read, values};
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Packet, Plant, Seen, Talk};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);
const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 10, 1);
const PORT_UNREACHABLE: (u8, u8) = (3, 3);

/// The IPv4 packet of a frame that left, as its receiver would quote it.
fn quoted(left: &[u8], l4_bytes: usize) -> Vec<u8> {
    let at = if left[12..14] == [0x81, 0] { 18 } else { 14 };
    left[at..(at + 20 + l4_bytes).min(left.len())].to_vec()
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The quote in an error that left: addresses, ports and the rest of 8 bytes.
fn quote_of(error: &Seen) -> ((Ipv4Addr, u16), (Ipv4Addr, u16), Vec<u8>) {
    let quote = &error.payload;
    assert_eq!(checksum(&quote[..20]), 0, "the quoted header's checksum is right again");
    let end = |address: usize, port: usize| {
        (Ipv4Addr::from(long(quote, address)), (long(quote, port) >> 16) as u16)
    };
    (end(12, 20), end(16, 22), quote[24..].to_vec())
}

#[test]
fn an_error_about_a_datagram_reaches_who_sent_it() {
    for l4_bytes in [8, 1000] {
        let mut gate = Gate::new(&Plant::usual());
        let request = Packet::udp(CLIENT, (PRESS_3, 502), &read(1, 0, 1));
        let left = gate.office(&request).left.unwrap();
        let quote = quoted(&left, l4_bytes);
        let error = Packet::icmp(PRESS_3_UNDERLAY, NAT, PORT_UNREACHABLE, (0, 0), &quote);
        let seen = gate.line(&error).seen();
        assert_eq!((seen.src.0, seen.dst.0), (PRESS_3, ALICE));
        assert_eq!((seen.flags, seen.macs.0), (3, OFFICE_MAC));
        let (from, to, rest) = quote_of(&seen);
        assert_eq!((from, to), (CLIENT, (PRESS_3, 502)));
        let sent = request.ip_bytes();
        assert_eq!(rest[..4], sent[24..28], "length and checksum are those that Alice sent");
        assert_eq!(rest.len(), quote.len() - 24);
    }
}

#[test]
fn an_error_about_a_segment_reaches_either_end() {
    for l4_bytes in [8, 1000] {
        let mut gate = Gate::new(&Plant::usual());
        let mut talk = Talk::open(&mut gate, CLIENT);
        let sent = talk.from_client(talk.client_next, flag::ACK | flag::PSH, &read(1, 0, 1));
        let left = talk.send(&mut gate, &read(1, 0, 1)).left.unwrap();
        let error = Packet::icmp(ROUTER, NAT, PORT_UNREACHABLE, (0, 0), &quoted(&left, l4_bytes));
        let seen = gate.line(&error).seen();
        assert_eq!(seen.src.0, PRESS_3, "routers inside are not shown outside");
        let (from, to, rest) = quote_of(&seen);
        assert_eq!((from, to), (CLIENT, (PRESS_3, 502)));
        let as_sent = sent.ip_bytes();
        assert_eq!(rest[..4], as_sent[24..28], "with Alice's number");
        assert_eq!(rest.get(16..), as_sent[24..24 + rest.len()].get(16..), "and her bytes");

        let sent = talk.from_asset(talk.asset_next, flag::ACK | flag::PSH, &values(1, &[7]));
        let left = talk.answer(&mut gate, &values(1, &[7])).left.unwrap();
        let error =
            Packet::icmp(ALICE, PRESS_3, PORT_UNREACHABLE, (0, 0), &quoted(&left, l4_bytes));
        let seen = gate.office(&error).seen();
        assert_eq!((seen.src.0, seen.dst.0), (NAT, PRESS_3_UNDERLAY));
        let (from, to, rest) = quote_of(&seen);
        assert_eq!((from, to), ((PRESS_3_UNDERLAY, 502), (NAT, 51000)));
        assert_eq!(rest[..4], sent.ip_bytes()[24..28], "with press 3's number");
    }
}

#[test]
fn an_error_from_a_vlan_reaches_who_is_outside() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk::open_to(&mut gate, CLIENT, (PRESS_4, 502));
    let left = talk.send(&mut gate, &read(1, 0, 1)).left.unwrap();
    let quote = quoted(&left, 8);
    let error = Packet::icmp(PRESS_4_UNDERLAY, NAT, PORT_UNREACHABLE, (0, 0), &quote);
    gate.line(&error).refused(Reason::IcmpUnrelated);
    let seen = gate.line(&error.tagged(VLAN)).seen();
    assert_eq!((seen.src.0, seen.dst.0, seen.tag), (PRESS_4, ALICE, None));
}

#[test]
fn an_error_about_an_echo_carries_the_clients_identifier() {
    let mut gate = Gate::new(&Plant::usual());
    let left = gate.office(&Packet::icmp(ALICE, PRESS_3, (8, 0), (77, 5), b"ping")).left.unwrap();
    let error = Packet::icmp(ROUTER, NAT, (11, 0), (0, 0), &quoted(&left, 1000));
    let seen = gate.line(&error).seen();
    assert_eq!(seen.payload[24..28], [0, 77, 0, 5]);
    assert_eq!(checksum(&seen.payload[20..]), 0, "the quoted echo is whole again");
}

#[test]
fn errors_about_nothing_under_way_are_dropped() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk::open(&mut gate, CLIENT);
    let left = talk.send(&mut gate, &read(1, 0, 1)).left.unwrap();
    let mut quote = quoted(&left, 8);
    let error = |quote: &[u8]| Packet::icmp(ROUTER, NAT, PORT_UNREACHABLE, (0, 0), quote);
    gate.line(&error(&quote[..20])).refused(Reason::IcmpUnrelated);
    gate.line(&error(&quote[..27])).refused(Reason::IcmpUnrelated);
    quote[25] ^= 0x40;
    gate.line(&error(&quote)).refused(Reason::IcmpUnrelated);
    quote[25] ^= 0x40;
    quote[22] ^= 1;
    gate.line(&error(&quote)).refused(Reason::IcmpUnrelated);
    quote[22] ^= 1;
    talk.answer(&mut gate, &values(1, &[7]));
    assert!(gate.line(&error(&quote)).left_by(OFFICE), "it may be slower than the answer");
    quote[24] ^= 0x40;
    gate.line(&error(&quote)).refused(Reason::IcmpUnrelated);
}

#[test]
fn redirects_and_other_messages_are_dropped() {
    let mut gate = Gate::new(&Plant::usual());
    let left = gate.office(&Packet::udp(CLIENT, (PRESS_3, 502), &read(1, 0, 1))).left.unwrap();
    for kind in [4, 5, 9, 10, 13, 14, 17, 18, 40, 255] {
        let message = Packet::icmp(ROUTER, NAT, (kind, 0), (0, 0), &quoted(&left, 8));
        gate.line(&message).refused(Reason::IcmpUnrelated);
    }
}

#[test]
fn a_path_mtu_passes_unless_it_would_make_dust() {
    let mut gate = Gate::new(&Plant::usual());
    let left = gate.office(&Packet::udp(CLIENT, (PRESS_3, 502), &read(1, 0, 1))).left.unwrap();
    let too_big = |mtu| Packet::icmp(ROUTER, NAT, (3, 4), (0, mtu), &quoted(&left, 8));
    assert_eq!(gate.line(&too_big(1400)).seen().words, (0, 1400));
    gate.line(&too_big(0)).refused(Reason::IcmpUnrelated);
    gate.line(&too_big(551)).refused(Reason::IcmpUnrelated);
}

#[test]
fn a_quote_hidden_in_the_padding_is_none() {
    let mut gate = Gate::new(&Plant::usual());
    let left = gate.office(&Packet::udp(CLIENT, (PRESS_3, 502), &read(1, 0, 1))).left.unwrap();
    let mut error = Packet::icmp(ROUTER, NAT, PORT_UNREACHABLE, (0, 0), &[]);
    error.padding = quoted(&left, 8);
    gate.line(&error).refused(Reason::IcmpUnrelated);
}
