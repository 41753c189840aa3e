//! ARP in VLANs: who is answered, who is believed, who is not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;

use wicketgate_engine::arp::Sign;
use wicketgate_engine::tables::Mac;
use wicketgate_engine::{NextHop, Reason, Sighting, Verdict, solicit};
use wicketgate_packet::FrameBuf;
use wicketgate_ports::Pool;
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Plant};

const HOP: NextHop = NextHop { port: LINE, vlan: Some(VLAN), address: PRESS_4_UNDERLAY };
const EVERYONE: Mac = [0xff; 6];

/// An ARP message, field by field (RFC 826).
#[derive(Clone, Copy)]
struct Arp {
    macs: (Mac, Mac),
    vlan: u16,
    operation: u16,
    sender: (Mac, Ipv4Addr),
    target: (Mac, Ipv4Addr),
}

const REQUEST: Arp = Arp {
    macs: (EVERYONE, PRESS_4_MAC),
    vlan: VLAN,
    operation: 1,
    sender: (PRESS_4_MAC, PRESS_4_UNDERLAY),
    target: ([0; 6], NAT),
};

const REPLY: Arp =
    Arp { macs: (GATE_MAC[1], PRESS_4_MAC), operation: 2, target: (GATE_MAC[1], NAT), ..REQUEST };

impl Arp {
    fn bytes(&self) -> Vec<u8> {
        let [high, low] = self.vlan.to_be_bytes();
        let mut bytes = [self.macs.0, self.macs.1].concat();
        bytes.extend([0x81, 0, high, low, 8, 6, 0, 1, 8, 0, 6, 4]);
        bytes.extend(self.operation.to_be_bytes());
        for (mac, address) in [self.sender, self.target] {
            bytes.extend(mac);
            bytes.extend(address.octets());
        }
        bytes
    }
}

/// Press 4's MAC address is not known.
fn unknown() -> Gate {
    Gate::new(&Plant { press_4_mac: None, ..Plant::usual() })
}

fn sighting(by: Sign) -> Sighting {
    Sighting { hop: HOP, mac: PRESS_4_MAC, by }
}

#[test]
fn an_asset_that_asks_for_the_gate_is_answered() {
    let mut gate = unknown();
    let padded = [REQUEST.bytes(), vec![0; 14]].concat();
    for bytes in [REQUEST.bytes(), padded] {
        let outcome = gate.raw(LINE, &bytes);
        assert_eq!(outcome.verdict, Verdict::Answer(LINE, Reason::Arp));
        let answer = Arp {
            macs: (PRESS_4_MAC, GATE_MAC[1]),
            operation: 2,
            sender: (GATE_MAC[1], NAT),
            target: (PRESS_4_MAC, PRESS_4_UNDERLAY),
            ..REQUEST
        };
        assert_eq!(outcome.left.unwrap(), answer.bytes());
        assert_eq!(gate.engine.sighting(), Some(sighting(Sign::Request)));
    }
}

#[test]
fn a_reply_is_told_and_nothing_leaves() {
    let mut gate = unknown();
    gate.raw(LINE, &REPLY.bytes()).refused(Reason::Arp);
    assert_eq!(gate.engine.sighting(), Some(sighting(Sign::Reply)));
}

#[test]
fn what_is_known_is_not_told_again() {
    let mut gate = Gate::new(&Plant::usual());
    assert!(gate.raw(LINE, &REQUEST.bytes()).left.is_some());
    gate.raw(LINE, &REPLY.bytes()).refused(Reason::Arp);
    assert_eq!(gate.engine.sighting(), None);
}

#[test]
fn what_concerns_no_asset_of_this_vlan_is_left_alone() {
    let mut gate = unknown();
    let other = Ipv4Addr::new(192, 168, 10, 99);
    for arp in [
        Arp { vlan: VLAN + 1, ..REQUEST },
        Arp { vlan: 0, ..REQUEST },
        Arp { sender: (PRESS_4_MAC, PRESS_3_UNDERLAY), ..REQUEST },
        Arp { sender: (PRESS_4_MAC, other), ..REQUEST },
        Arp { target: ([0; 6], other), ..REQUEST },
        Arp { target: ([0; 6], PRESS_4_UNDERLAY), ..REQUEST },
        Arp { macs: (EVERYONE, PRESS_4_MAC), ..REPLY },
        Arp { target: (PRESS_4_MAC, NAT), ..REPLY },
    ] {
        gate.raw(LINE, &arp.bytes()).refused(Reason::Arp);
        gate.raw(OFFICE, &arp.bytes()).refused(Reason::Arp);
    }
    assert_eq!(gate.engine.sighting(), None);
}

#[test]
fn who_gives_a_mac_address_that_is_not_its_own_is_not_believed() {
    let mut gate = unknown();
    let forged =
        |mac: Mac| Arp { macs: (EVERYONE, mac), sender: (mac, PRESS_4_UNDERLAY), ..REQUEST };
    for arp in [
        Arp { sender: ([2; 6], PRESS_4_UNDERLAY), ..REQUEST },
        Arp { sender: ([2; 6], PRESS_4_UNDERLAY), ..REPLY },
        forged([0; 6]),
        forged([1, 0, 0x5e, 0, 0, 1]),
        forged(EVERYONE),
        forged(GATE_MAC[1]),
    ] {
        gate.raw(LINE, &arp.bytes()).refused(Reason::BadArp);
    }
    assert_eq!(gate.engine.sighting(), None);
}

#[test]
fn a_pinned_asset_is_told_by_its_mac_address_only() {
    let mut gate = Gate::new(&Plant { pinned: true, ..Plant::usual() });
    let other = [2, 0x1d, 0x9c, 0, 0, 0x99];
    let forged = Arp { macs: (EVERYONE, other), sender: (other, PRESS_4_UNDERLAY), ..REQUEST };
    gate.raw(LINE, &forged.bytes()).refused(Reason::WrongMac);
    let told = Sighting { mac: other, ..sighting(Sign::Refused) };
    assert_eq!(gate.engine.sighting(), Some(told));
    assert!(gate.raw(LINE, &REQUEST.bytes()).left.is_some());
}

#[test]
fn a_flood_is_bounded() {
    let mut gate = unknown();
    for number in 0..1000_u16 {
        let [high, low] = number.to_be_bytes();
        let mac = [2, 0, 0, 0, high, low];
        let arp = Arp { macs: (EVERYONE, mac), sender: (mac, PRESS_4_UNDERLAY), ..REQUEST };
        assert!(gate.raw(LINE, &arp.bytes()).left.is_some());
    }
    assert_eq!(std::iter::from_fn(|| gate.engine.sighting()).count(), 64);
}

#[test]
fn the_gate_asks_for_an_asset_in_its_vlan() {
    let tables = Plant::usual().tables(1);
    let mut frame = Pool::new(1).take().unwrap();
    assert!(solicit(&tables, HOP, &mut frame));
    let question = Arp {
        macs: (EVERYONE, GATE_MAC[1]),
        sender: (GATE_MAC[1], NAT),
        target: ([0; 6], PRESS_4_UNDERLAY),
        ..REQUEST
    };
    assert_eq!(frame.bytes(), question.bytes());
    let untagged = NextHop { vlan: None, address: PRESS_3_UNDERLAY, ..HOP };
    for hop in [untagged, NextHop { vlan: Some(31), ..HOP }, NextHop { port: OFFICE, ..HOP }] {
        assert!(!solicit(&tables, hop, &mut frame), "{hop:?}");
    }
}
