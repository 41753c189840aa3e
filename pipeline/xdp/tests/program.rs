//! What the XDP program says to which frame, as the kernel runs it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test asserts by panicking"
)]

mod common;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use common::ipv4;
use wicketgate_lab::need_laboratory;
use wicketgate_xdp::{Action, Redirect};

const USER: [u8; 4] = [10, 1, 0, 2];
const ASSET: [u8; 4] = [192, 168, 10, 20];
const GATE: [u8; 4] = [192, 168, 10, 2];
const OVERLAY: [u8; 4] = [100, 64, 10, 20];

const VLAN: u16 = 0x8100;
const SERVICE: u16 = 0x88a8;

/// With the asset known, and no socket: what is the gate's is dropped.
fn program() -> Redirect {
    let mut program = Redirect::load(common::OVERLAY).unwrap();
    program.set_assets(&BTreeMap::from([(ASSET.into(), GATE.into())])).unwrap();
    program
}

fn says(program: &Redirect, frame: &[u8]) -> Action {
    program.try_on(frame).unwrap()
}

#[test]
fn what_is_the_gates_is_dropped_without_a_socket() {
    need_laboratory!("what_is_the_gates_is_dropped_without_a_socket");
    let program = program();
    for tags in [&[][..], &[VLAN], &[SERVICE], &[SERVICE, VLAN]] {
        assert_eq!(says(&program, &ipv4(tags, USER, OVERLAY)), Action::Drop, "{tags:x?}");
        assert_eq!(says(&program, &ipv4(tags, ASSET, GATE)), Action::Drop, "{tags:x?}");
    }
    for edge in [[100, 64, 0, 0], [100, 64, 255, 255]] {
        assert_eq!(says(&program, &ipv4(&[], USER, edge)), Action::Drop, "{edge:?}");
    }
}

#[test]
fn an_asset_that_reaches_for_another_is_the_gates() {
    need_laboratory!("an_asset_that_reaches_for_another_is_the_gates");
    assert_eq!(says(&program(), &ipv4(&[], ASSET, OVERLAY)), Action::Drop);
}

#[test]
fn everything_else_is_the_kernels() {
    need_laboratory!("everything_else_is_the_kernels");
    let program = program();
    let others: [(&str, [u8; 4], [u8; 4]); 6] = [
        ("below the overlay", USER, [100, 63, 255, 255]),
        ("above the overlay", USER, [100, 65, 0, 0]),
        ("to the gate, not from an asset", [192, 168, 10, 99], GATE),
        ("from an asset, not to the gate", ASSET, [192, 168, 10, 3]),
        ("from an overlay address", OVERLAY, USER),
        ("to an asset", USER, ASSET),
    ];
    for (what, src, dst) in others {
        assert_eq!(says(&program, &ipv4(&[], src, dst)), Action::Pass, "{what}");
    }
    let mut arp = ipv4(&[], USER, OVERLAY);
    arp[12..14].copy_from_slice(&[0x08, 0x06]);
    assert_eq!(says(&program, &arp), Action::Pass);
    let three = ipv4(&[SERVICE, VLAN, VLAN], USER, OVERLAY);
    assert_eq!(says(&program, &three), Action::Pass, "no stack of ours reads three tags");
}

#[test]
fn every_frame_cut_anywhere_has_an_answer() {
    need_laboratory!("every_frame_cut_anywhere_has_an_answer");
    let program = program();
    for tags in [&[][..], &[VLAN], &[SERVICE, VLAN]] {
        let whole = ipv4(tags, USER, OVERLAY);
        for length in 14..whole.len() {
            let addresses = length >= 34 + 4 * tags.len();
            let wanted = if addresses { Action::Drop } else { Action::Pass };
            assert_eq!(says(&program, &whole[..length]), wanted, "{tags:x?} {length}");
        }
    }
}

#[test]
fn assets_come_and_go() {
    need_laboratory!("assets_come_and_go");
    let mut program = program();
    let other = [192, 168, 10, 21];
    program.set_assets(&BTreeMap::from([(other.into(), GATE.into())])).unwrap();
    assert_eq!(says(&program, &ipv4(&[], ASSET, GATE)), Action::Pass);
    assert_eq!(says(&program, &ipv4(&[], other, GATE)), Action::Drop);
    program.set_assets(&BTreeMap::from([(other.into(), Ipv4Addr::from(USER))])).unwrap();
    assert_eq!(says(&program, &ipv4(&[], other, GATE)), Action::Pass, "another address now");
    program.set_assets(&BTreeMap::new()).unwrap();
    assert_eq!(says(&program, &ipv4(&[], other, USER)), Action::Pass);
}

#[test]
fn prefixes_of_all_lengths() {
    need_laboratory!("prefixes_of_all_lengths");
    // The highest bit of the last byte is the sign of what is compared on a little-endian machine.
    let inside = [10, 20, 30, 200];
    for length in 1..=32 {
        let program = Redirect::load((inside.into(), length)).unwrap();
        assert_eq!(says(&program, &ipv4(&[], USER, inside)), Action::Drop, "/{length}");
        let outside = Ipv4Addr::from_bits(Ipv4Addr::from(inside).to_bits() ^ (1 << (32 - length)));
        let frame = ipv4(&[], USER, outside.octets());
        assert_eq!(says(&program, &frame), Action::Pass, "/{length}");
    }
}

/// An ARP request for `target`.
fn arp(tags: &[u16], sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    let mut frame = ipv4(tags, USER, OVERLAY);
    frame.truncate(12 + 4 * tags.len());
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9]);
    frame.extend(sender);
    frame.extend([0; 6]);
    frame.extend(target);
    frame
}

#[test]
fn arp_is_the_kernels_except_that_of_assets_in_vlans() {
    need_laboratory!("arp_is_the_kernels_except_that_of_assets_in_vlans");
    let mut program = program();
    let tagged = [192, 168, 10, 21];
    for tags in [&[][..], &[VLAN]] {
        assert_eq!(says(&program, &arp(tags, tagged, GATE)), Action::Pass, "before: {tags:x?}");
    }
    program.set_tagged(&BTreeMap::from([(tagged.into(), GATE.into())])).unwrap();
    for tags in [&[VLAN][..], &[SERVICE], &[SERVICE, VLAN]] {
        assert_eq!(says(&program, &arp(tags, tagged, GATE)), Action::Drop, "{tags:x?}");
        assert_eq!(says(&program, &arp(tags, ASSET, GATE)), Action::Pass, "not in a VLAN");
        assert_eq!(says(&program, &arp(tags, tagged, USER)), Action::Pass, "not for the gate");
        let whole = arp(tags, tagged, GATE);
        for length in 14..whole.len() {
            assert_eq!(says(&program, &whole[..length]), Action::Pass, "{length}");
        }
    }
    assert_eq!(says(&program, &arp(&[], tagged, GATE)), Action::Pass, "without a tag");
    program.set_tagged(&BTreeMap::new()).unwrap();
    assert_eq!(says(&program, &arp(&[VLAN], tagged, GATE)), Action::Pass);
}

/// An ICMP error from a router about a packet from `from` to `to`.
fn error(kind: u8, outer: ([u8; 4], [u8; 4]), from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
    let mut frame = ipv4(&[], outer.0, outer.1);
    frame.truncate(34);
    frame[23] = 1;
    frame.extend([kind, 4, 0, 0, 0, 0, 5, 0]);
    frame.extend(&ipv4(&[], from, to)[14..34]);
    frame.extend([0; 8]);
    frame
}

#[test]
fn an_error_of_a_router_about_a_packet_to_an_asset_is_the_gates() {
    need_laboratory!("an_error_of_a_router_about_a_packet_to_an_asset_is_the_gates");
    let program = program();
    let router = [192, 168, 10, 1];
    for kind in [3, 11, 12] {
        let about = error(kind, (router, GATE), GATE, ASSET);
        assert_eq!(says(&program, &about), Action::Drop, "{kind}");
        for length in 14..62 {
            assert_eq!(says(&program, &about[..length]), Action::Pass, "{length}");
        }
    }
    let mut options = error(3, (router, GATE), GATE, ASSET);
    options[14] = 0x46;
    let mut tcp = error(3, (router, GATE), GATE, ASSET);
    tcp[23] = 6;
    for (what, frame) in [
        ("an echo request", error(8, (router, GATE), GATE, ASSET)),
        ("about a packet to somebody else", error(3, (router, GATE), GATE, router)),
        ("about a packet from somebody else", error(3, (router, GATE), router, ASSET)),
        ("to somebody else", error(3, (router, router), GATE, ASSET)),
        ("IPv4 options", options),
        ("no ICMP", tcp),
    ] {
        assert_eq!(says(&program, &frame), Action::Pass, "{what}");
    }
}
