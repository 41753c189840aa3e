//! What the compiled tables answer: the engine's own look-up is asked for every door, by whoever could knock.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use wicketgate_engine::Tables;
use wicketgate_engine::tables::{AssetId, EndpointId};
use wicketgate_evidence::facts::Trials;
use wicketgate_packet::{PortId, Time};
use wicketgate_policy::trial::Asker;
use wicketgate_policy::{Conduit, Factor, Login, Policy};

/// An address that nobody has: of a network that is for documents alone (RFC 5737).
const STRANGER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Knocks at every door.
///
/// # Errors
/// The policy cannot be compiled.
pub(super) fn of(policy: &Policy, now: Time) -> Result<Trials, String> {
    let person = Asker::person(0);
    let everyone = roles(policy);
    let closed = compile(policy, &[], now)?;
    let no_role = compile(policy, &[person.login("nobody", &[], Factor::ALL)], now)?;
    let proven = compile(policy, &[person.login("everyone", &everyone, Factor::ALL)], now)?;
    let password = [person.login("everyone", &everyone, &[Factor::Password])];
    let password = compile(policy, &password, now)?;
    let machines: Vec<(Asker, EndpointId)> =
        policy.conduits().iter().flat_map(|of| given(of, &closed)).collect();
    let is_open = |(asker, door): &&(Asker, EndpointId)| opens(&closed, *asker, *door);
    let mut trials = Trials {
        doors: closed.endpoints().len(),
        stranger: doors(&closed).filter(|door| lets_strangers_in(&closed, *door)).count(),
        no_role: open(&no_role, person).len(),
        proven: open(&proven, person).len(),
        password_alone: open(&password, person).len(),
        essential: machines.len(),
        essential_open: machines.iter().filter(is_open).count(),
        ..Trials::default()
    };
    trials.unused = unused(policy, &proven, &machines);
    ways(policy, &closed, &mut trials);
    Ok(trials)
}

fn roles(policy: &Policy) -> Vec<String> {
    let all: BTreeSet<&String> = policy.rules().iter().flat_map(|rule| &rule.roles).collect();
    all.into_iter().cloned().collect()
}

fn compile(policy: &Policy, logins: &[Login], now: Time) -> Result<Tables, String> {
    let compiled = policy.compile(logins, now, 1).map_err(|error| error.to_string())?;
    Ok(compiled.tables)
}

fn doors(tables: &Tables) -> impl Iterator<Item = EndpointId> {
    (0..).map(EndpointId).take(tables.endpoints().len())
}

/// Whether anything is granted there, at whatever hour.
fn opens(tables: &Tables, asker: Asker, door: EndpointId) -> bool {
    tables.grant_for(asker.port, asker.mac, asker.address, door).is_some()
}

/// Whether a stranger who comes in by some port is granted anything there.
fn lets_strangers_in(tables: &Tables, door: EndpointId) -> bool {
    let mut ports = (0..).map(PortId).take(tables.ports().len());
    ports.any(|port| opens(tables, Asker { port, mac: [0; 6], address: STRANGER }, door))
}

fn open(tables: &Tables, asker: Asker) -> Vec<EndpointId> {
    doors(tables).filter(|door| opens(tables, asker, *door)).collect()
}

/// The doors that a conduit gives its machine.
fn given<'t>(
    conduit: &'t Conduit,
    tables: &'t Tables,
) -> impl Iterator<Item = (Asker, EndpointId)> + 't {
    let is_given = |door: &EndpointId| {
        let door = tables.endpoint(*door);
        door.is_some_and(|door| conduit.is_about(door.asset) && door.protocol == conduit.protocol)
    };
    doors(tables).filter(is_given).map(|door| (Asker::machine(conduit), door))
}

/// Doors that no role opens, and no conduit.
fn unused(policy: &Policy, proven: &Tables, machines: &[(Asker, EndpointId)]) -> Vec<String> {
    let is_used = |door: &EndpointId| {
        opens(proven, Asker::person(0), *door) || machines.iter().any(|(_, of)| of == door)
    };
    let unused = doors(proven).filter(|door| !is_used(door));
    unused.filter_map(|door| name(policy, proven, door)).collect()
}

/// `modbus of press-3`.
fn name(policy: &Policy, tables: &Tables, door: EndpointId) -> Option<String> {
    let door = tables.endpoint(door)?;
    Some(format!("{} of {}", door.protocol, policy.asset(door.asset)?.name))
}

/// Each asset knocks at the doors of every other.
fn ways(policy: &Policy, tables: &Tables, trials: &mut Trials) {
    for (from, id) in policy.assets().iter().zip((0..).map(AssetId)) {
        let conduits: Vec<&Conduit> =
            policy.conduits().iter().filter(|of| of.from.address == from.underlay).collect();
        let plain =
            Asker { port: from.port, mac: from.mac.unwrap_or_default(), address: from.underlay };
        let askers = conduits.iter().map(|of| Asker { port: from.port, ..Asker::machine(of) });
        let askers: Vec<Asker> = std::iter::once(plain).chain(askers).collect();
        for door in doors(tables) {
            let Some(of) = tables.endpoint(door).filter(|of| of.asset != id) else { continue };
            trials.ways += 1;
            if !askers.iter().any(|asker| opens(tables, *asker, door)) {
                continue;
            }
            let way = name(policy, tables, door).map(|to| format!("{} to {to}", from.name));
            let is_said = conduits.iter().any(|conduit| conduit.is_about(of.asset));
            let list = if is_said { &mut trials.open_ways } else { &mut trials.stray_ways };
            list.extend(way);
        }
    }
}
