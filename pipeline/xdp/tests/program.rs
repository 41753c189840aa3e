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
