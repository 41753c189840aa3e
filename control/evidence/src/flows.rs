//! Who reaches what with what: the table, and the paragraph for a system security plan.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::facts::{Asset, Conduit, Facts, Right, Rule};

/// One way for information: who, to which asset, with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// `role maintenance`, or `machine 192.168.20.5`.
    pub who: String,
    /// The rule or conduit that gives it.
    pub right: String,
    /// The asset's zone.
    pub zone: String,
    /// The asset.
    pub asset: String,
    /// The protocol.
    pub protocol: String,
    /// Command classes; of what is not read, that it is not.
    pub classes: String,
    /// Each element of the `allow` list in words: functions, addresses, values.
    pub allow: Vec<String>,
    /// What must be proven, and what else is asked.
    pub needs: String,
}

/// All flows that a policy gives, by asset.
pub fn flows(facts: &Facts) -> Vec<Flow> {
    facts.policy.assets.iter().flat_map(|asset| to_asset(facts, asset)).collect()
}

fn to_asset<'f>(facts: &'f Facts, asset: &'f Asset) -> impl Iterator<Item = Flow> + 'f {
    let is_about = |right: &Right| right.assets.contains(&asset.name);
    let rules = facts.policy.rules.iter().filter(move |rule| is_about(&rule.right));
    let conduits = facts.policy.conduits.iter().filter(move |of| is_about(&of.right));
    rules
        .flat_map(move |rule| rule.roles.iter().map(move |role| of_rule(asset, rule, role)))
        .chain(conduits.map(move |conduit| of_conduit(asset, conduit)))
}

fn of_rule(asset: &Asset, rule: &Rule, role: &str) -> Flow {
    let asks = [
        Some(rule.factors.join(" and ")).filter(|factors| !factors.is_empty()),
        rule.approval.as_ref().map(|role| format!("approval by {role}")),
        rule.window.clone(),
    ];
    let needs: Vec<String> = asks.into_iter().flatten().collect();
    let needs = if needs.is_empty() { "any login".to_owned() } else { needs.join(", ") };
    flow(asset, format!("role {role}"), &rule.right, needs)
}

fn of_conduit(asset: &Asset, conduit: &Conduit) -> Flow {
    let needs = conduit.rate.clone().unwrap_or_else(|| "always".to_owned());
    flow(asset, format!("machine {}", conduit.from), &conduit.right, needs)
}

fn flow(asset: &Asset, who: String, right: &Right, needs: String) -> Flow {
    Flow {
        who,
        right: right.name.clone(),
        zone: asset.zone.clone(),
        asset: asset.name.clone(),
        protocol: right.protocol.clone(),
        classes: classes(right),
        allow: right.allow.clone(),
        needs,
    }
}

fn classes(right: &Right) -> String {
    let named = right.classes.iter().copied();
    let code = right.by_code.then_some("by code");
    match right.read {
        true => named.chain(code).collect::<Vec<_>>().join(" "),
        false => "everything, unread".to_owned(),
    }
}

/// What an assessor may paste: one paragraph for the gate, one for each zone.
pub fn paragraphs(facts: &Facts, flows: &[Flow]) -> Vec<String> {
    let mut zones: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for asset in &facts.policy.assets {
        zones.entry(&asset.zone).or_default().push(&asset.name);
    }
    let zones = zones.iter().map(|(zone, assets)| paragraph(zone, assets, flows));
    std::iter::once(introduction(facts)).chain(zones).collect()
}

fn introduction(facts: &Facts) -> String {
    let trials = &facts.policy.trials;
    let way = match (&facts.policy.tunnel, facts.policy.cleartext_ports.is_empty()) {
        (Some(_), true) => "People reach them through an encrypted tunnel that ends in the gate.",
        (None, true) => "No person can log in from afar.",
        (_, false) => "People log in from source addresses, without encryption.",
    };
    format!(
        "All connections to the assets of {} cross a Wicketgate gate, which reads each command and \
         forwards what a rule or conduit allows; all else is denied. {way} Of {} doors {} are open to \
         an address that nobody knows; {} ways lead from one asset to another.",
        facts.config,
        trials.doors,
        trials.stranger,
        trials.open_ways.len() + trials.stray_ways.len()
    )
}

fn paragraph(zone: &str, assets: &[&str], flows: &[Flow]) -> String {
    let mut ways: Vec<String> = Vec::new();
    for flow in flows.iter().filter(|flow| flow.zone == zone) {
        let way = format!("{} with {} ({}; {})", flow.who, flow.protocol, flow.classes, flow.needs);
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    let ways = match ways.as_slice() {
        [] => "Nobody reaches it.".to_owned(),
        _ => format!("It is reached by {}. By nobody else.", ways.join("; by ")),
    };
    format!("Zone {zone} holds {}. {ways}", assets.join(", "))
}
