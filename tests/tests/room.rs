//! How much a gate holds, as its config says: full at that size, and not before.

#![allow(clippy::unwrap_used, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;

use wicketgate_dissectors::Class;
use wicketgate_engine::Reason;
use wicketgate_policy::Tuning;
use wicketgate_tests::frame::flag;
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Packet, Plant, Right};

/// The smallest tables, those of a config that says nothing, and larger ones.
const SIZES: [(&str, usize); 3] = [
    ("sessions = 64\ninspected = 64", 64),
    ("", 4096),
    ("sessions = 9000\ninspected = 9000", 9000),
];

fn tuning(keys: &str) -> Tuning {
    let policy = wicketgate_policy::parse(&format!("[gate]\n{keys}\n"), "policy.toml").unwrap();
    policy.gate().tuning.clone()
}

fn gate(plant: &Plant, tuning: &Tuning) -> Gate {
    Gate::with_limits(plant, tuning.limits(), tuning.sessions)
}

/// Why this client may not connect to press 3, if so.
fn refused(gate: &mut Gate, client: (Ipv4Addr, u16)) -> Option<Reason> {
    gate.office(&Packet::tcp(client, (PRESS_3, 502), (100, 0), flag::SYN, &[])).reason()
}

fn source(n: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(n).unwrap())
}

/// A port of its own for each, so that source NAT keeps it.
fn port(n: usize) -> u16 {
    u16::try_from(n + 1024).unwrap()
}

/// Everybody here is one person or, from `people` on, one machine: a session each.
fn crowd(people: usize, machines: usize) -> Plant {
    let mut plant = Plant::closed();
    plant.rights = (0..people + machines)
        .map(|n| Right {
            essential: n >= people,
            ..Right::classes(source(n), MODBUS, &[Class::Read])
        })
        .collect();
    plant
}

#[test]
fn as_many_sessions_as_the_config_says_and_the_last_are_the_machines() {
    for (keys, size) in SIZES {
        let (people, machines) = (size - size / 16, size / 16);
        // One more of each than there is room for.
        let mut gate = gate(&crowd(people + 1, machines + 1), &tuning(keys));
        for n in 0..people {
            assert_eq!(refused(&mut gate, (source(n), port(n))), None, "person {n} of {size}");
        }
        assert_eq!(
            refused(&mut gate, (source(people), port(people))),
            Some(Reason::SessionTableFull)
        );
        for n in people + 1..=size {
            assert_eq!(refused(&mut gate, (source(n), port(n))), None, "machine {n} of {size}");
        }
        assert_eq!(
            refused(&mut gate, (source(size + 1), port(size + 1))),
            Some(Reason::SessionTableFull)
        );
        assert_eq!(gate.sessions.list().count(), size);
    }
}

#[test]
fn as_many_inspected_connections_as_the_config_says_and_the_last_are_the_machines() {
    for (keys, size) in SIZES {
        let (people, machines) = (size - size / 16, size / 16);
        let mut gate = gate(&Plant::usual(), &tuning(keys));
        for n in 0..people {
            assert_eq!(refused(&mut gate, (ALICE, port(n))), None, "{n} of {size}");
        }
        assert_eq!(refused(&mut gate, (ALICE, 9)), Some(Reason::StreamsUsedUp));
        for n in 0..machines {
            assert_eq!(refused(&mut gate, (HMI, port(n))), None, "machine {n} of {size}");
        }
        assert_eq!(refused(&mut gate, (HMI, 9)), Some(Reason::StreamsUsedUp));
        assert_eq!(gate.engine.flow_count(), size);
    }
}
