//! How long a reload takes at the size of a large plant. Not judged here: `cargo test --release -p
//! wicketgate-policy --test size -- --ignored --nocapture` prints it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "it measures"
)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Instant;

use wicketgate_engine::tables::RuleId;
use wicketgate_packet::Time;
use wicketgate_policy::{Clocks, Held, Holder, parse};

const ASSETS: u32 = 1_000;
const RULES: u32 = 5_000;
const USERS: u32 = 10_000;
/// Rules for each role: 500 roles.
const RULES_A_ROLE: u32 = 10;

/// A plant of this size: rule `n` is for role `n / 10` and about two assets.
fn policy() -> String {
    let mut text = String::from(
        "[gate]\noverlay = \"100.64.0.0/16\"\n[[port]]\nname = \"line\"\nside = \"underlay\"\n\
         address = \"10.0.0.1/16\"\n",
    );
    for n in 0..ASSETS {
        let (high, low) = (n / 250 + 1, n % 250 + 1);
        write!(
            text,
            "[[asset]]\nname = \"a{n}\"\nzone = \"z{}\"\nport = \"line\"\n\
             overlay = \"100.64.{high}.{low}\"\nunderlay = \"10.0.{high}.{low}\"\n\
             protocols = [\"modbus\"]\n",
            n / 20
        )
        .unwrap();
    }
    for n in 0..RULES {
        write!(
            text,
            "[[rule]]\nname = \"r{n}\"\nroles = [\"role{}\"]\nassets = [\"a{}\", \"a{}\"]\n\
             protocol = \"modbus\"\nallow = [\"read\", {{ class = \"write\", address = \"0-99\" }}]\n",
            n / RULES_A_ROLE,
            n % ASSETS,
            (n * 7 + 1) % ASSETS
        )
        .unwrap();
    }
    text
}

fn holder(n: u32) -> Holder {
    let first = n % (RULES / RULES_A_ROLE) * RULES_A_ROLE;
    let (window, until, operations) = (None, Time::NEVER, None);
    let held = |rule| Held { rule: RuleId(rule), asset: None, window, until, operations };
    Holder {
        address: (0x0b00_0000 + n).into(),
        port: None,
        mac: None,
        user: format!("user{n}"),
        until: Time::NEVER,
        held: (first..first + RULES_A_ROLE).map(held).collect(),
        right: u64::from(n) << 24,
        renewed: BTreeMap::new(),
    }
}

#[test]
#[ignore = "it measures, in release only"]
fn reload() {
    let text = policy();
    let start = Instant::now();
    let policy = parse(&text, "policy.toml").unwrap();
    let read = start.elapsed();
    for logins in [0, 100, 1_000, USERS] {
        let holders: Vec<Holder> = (0..logins).map(holder).collect();
        let start = Instant::now();
        let clocks = Clocks::same(Time::from_nanos(1));
        let tables = policy.compile_live(&holders, clocks, 1).unwrap().tables;
        let grants = tables.grants().len();
        println!(
            "read {read:?}; {logins} logins compiled in {:?}, {grants} grants",
            start.elapsed()
        );
    }
}
