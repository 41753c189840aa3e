//! Who may do what on which asset: one side of a comparison.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use wicketgate_dissectors::Protocol;
use wicketgate_engine::tables::Mac;
use wicketgate_engine::{Entry, Rate};

use crate::conditions::Conditions;
use crate::model::{Conduit, Factor, Policy, Rule};
use crate::window::Weekly;

/// Whose rights are compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// People of a role, who meet these conditions. What is given on other conditions is given otherwise.
    Role(String, Conditions),
    /// A machine: its address, the MAC address and port that it must have, and how much it may ask.
    Machine(Ipv4Addr, Option<Mac>, Option<String>, Option<Rate>),
}

/// Subject, asset and protocol.
pub(super) type Key = (Subject, String, Protocol);

/// What one rule or conduit gives there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gift<'p> {
    pub(super) allow: &'p [Entry],
    pub(super) factors: &'p [Factor],
    pub(super) window: Option<&'p Weekly>,
}

/// Everything that a policy gives.
pub(super) type Side<'p> = BTreeMap<Key, Vec<Gift<'p>>>;

pub(super) fn side(policy: &Policy) -> Side<'_> {
    let mut side = Side::new();
    for rule in policy.rules() {
        add_rule(&mut side, policy, rule);
    }
    for conduit in policy.conduits() {
        add_conduit(&mut side, policy, conduit);
    }
    side
}

/// A new setting of rules must be compared too: whoever adds one is told here. How a command is refused
/// gives and takes nothing.
fn add_rule<'p>(side: &mut Side<'p>, policy: &'p Policy, rule: &'p Rule) {
    let Rule { name: _, roles, assets, protocol, allow, window, factors, conditions, deny: _ } =
        rule;
    let gift = Gift { allow, factors, window: window.as_ref() };
    for role in roles {
        for asset in assets.iter().filter_map(|asset| policy.asset(*asset)) {
            let subject = Subject::Role(role.clone(), conditions.clone());
            let key = (subject, asset.name.clone(), *protocol);
            side.entry(key).or_default().push(gift.clone());
        }
    }
}

/// As of rules.
fn add_conduit<'p>(side: &mut Side<'p>, policy: &'p Policy, conduit: &'p Conduit) {
    let Conduit { name: _, from, assets, protocol, allow, rate, deny: _ } = conduit;
    let port = from.port.and_then(|id| policy.port(id)).map(|port| port.name.clone());
    let machine = Subject::Machine(from.address, from.mac, port, *rate);
    for asset in assets.iter().filter_map(|asset| policy.asset(*asset)) {
        let key = (machine.clone(), asset.name.clone(), *protocol);
        let gift = Gift { allow, factors: &[], window: None };
        side.entry(key).or_default().push(gift);
    }
}
