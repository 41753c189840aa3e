//! One seed through the gate.

use std::sync::Arc;

use wicketgate_engine::Tables;

use crate::gate::Gate;
use crate::protocol::Protocol;
use crate::relay::Relay;
use crate::scenario::Scenario;
use crate::smol::Smol;
use crate::violation::Violation;
use crate::world::{Outcome, Record, World};

/// Runs a scenario with this relay in the middle.
///
/// # Errors
/// The first thing that was wrong.
pub fn run_with<P: Protocol, R: Relay>(
    scenario: &Scenario,
    relay: R,
) -> Result<Outcome, Violation> {
    World::<P, Smol, R>::new(scenario.clone(), Smol::new, relay).run()
}

/// Runs a scenario with the gate in the middle.
///
/// # Errors
/// The first thing that was wrong.
pub fn run<P: Protocol>(scenario: &Scenario, tables: &Arc<Tables>) -> Result<Outcome, Violation> {
    run_with::<P, Gate>(scenario, Gate::new(tables.clone(), scenario.tick))
}

/// The same, with every frame.
pub fn record<P: Protocol>(
    scenario: &Scenario,
    tables: &Arc<Tables>,
) -> (Result<Outcome, Violation>, Record) {
    let gate = Gate::new(tables.clone(), scenario.tick);
    World::<P, Smol, Gate>::new(scenario.clone(), Smol::new, gate).run_recorded()
}
