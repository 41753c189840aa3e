//! A bounded part of what `make sim` runs.

#![allow(clippy::unwrap_used, reason = "a test asserts by panicking")]

use std::time::Duration;

use wicketgate_sim::gate::compile;
use wicketgate_sim::protocol::Protocol;
use wicketgate_sim::runner::{record, run, run_with};
use wicketgate_sim::wire::Wire;
use wicketgate_sim::{Knobs, Modbus, Scenario};

/// Seeds of each test: a second or two where nothing is optimised.
const SEEDS: u64 = 24;

#[test]
fn the_device_executes_what_is_allowed_and_the_client_is_answered() {
    let tables = compile(Modbus::POLICY);
    for seed in 0..SEEDS {
        let scenario = Knobs::default().scenario(seed);
        let outcome = run::<Modbus>(&scenario, &tables).unwrap_or_else(|violation| {
            panic!("seed {seed}: {violation}; see `make sim SEEDS=1 from={seed}`")
        });
        assert!(!outcome.given_up, "seed {seed}: none of these needs to be");
    }
}

/// Seeds that reset the connection or never ended: what was wrong is named in `tests/tests/lossy.rs`, or, where
/// it was a stack's fault, in `stacks.rs`.
#[test]
fn seeds_that_once_failed() {
    let tables = compile(Modbus::POLICY);
    for seed in [300_574, 302_322, 302_904, 306_879, 301_050, 309_004] {
        let outcome = run::<Modbus>(&Knobs::default().scenario(seed), &tables);
        assert!(outcome.as_ref().is_ok_and(|run| !run.given_up), "seed {seed}: {outcome:?}");
    }
}

/// Nothing passes for five minutes after both FINs have left the gate: it keeps a closing connection for four, and says
/// so to who asks later. Two minutes, and the minute a stack may wait to send again, it waits out.
#[test]
fn a_connection_that_is_over_is_not_kept_for_ever() {
    let tables = compile(Modbus::POLICY);
    for (minutes, given_up) in [(2, false), (5, true)] {
        for seed in 0..SEEDS {
            let outage = Duration::from_secs(minutes * 60);
            let scenario = Scenario { outage, ..Knobs::default().scenario(seed) };
            let outcome = run::<Modbus>(&scenario, &tables);
            let as_said = outcome.as_ref().is_ok_and(|run| run.given_up == given_up);
            assert!(as_said, "seed {seed}, {minutes} min: {outcome:?}");
        }
    }
}

/// The control: what fails with NAT alone in the middle is no fault of the gate.
#[test]
fn stacks_links_and_programs_work_without_a_gate() {
    for seed in 0..SEEDS {
        let scenario = Knobs { denied: Some(0), ..Knobs::default() }.scenario(seed);
        let outcome = run_with::<Modbus, Wire>(&scenario, Wire::default());
        assert!(outcome.is_ok(), "seed {seed}: {outcome:?}");
    }
}

#[test]
fn a_seed_is_the_same_twice() {
    let tables = compile(Modbus::POLICY);
    for seed in [2, 7] {
        let scenario = Knobs { commands: Some(40), ..Knobs::default() }.scenario(seed);
        let (first, second) =
            (record::<Modbus>(&scenario, &tables), record::<Modbus>(&scenario, &tables));
        assert!(first == second, "seed {seed}");
        assert!(first.0.unwrap().entered > 40);
    }
}

/// Shrinking takes away what a failure does not need, and keeps what it does.
#[test]
fn a_failure_shrinks_to_what_it_needs() {
    let small = Knobs::default().shrunk(2, |scenario| {
        scenario.commands >= 17 && scenario.office.iter().any(|link| link.loss > 0)
    });
    assert_eq!(small.commands, Some(17));
    let without: Vec<String> = small.without.iter().map(|trouble| format!("{trouble:?}")).collect();
    assert!(!without.contains(&"Loss".to_owned()) && without.len() == 10, "{without:?}");
}
