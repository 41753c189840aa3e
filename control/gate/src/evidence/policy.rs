//! What a policy says.

use std::collections::BTreeSet;

use wicketgate_dissectors::{Class, Protocol};
use wicketgate_engine::Entry;
use wicketgate_engine::tables::AssetId;
use wicketgate_evidence::facts;
use wicketgate_packet::Time;
use wicketgate_policy::explain::{self, Explanation};
use wicketgate_policy::syslog::{Syslog, Transport};
use wicketgate_policy::{Asset, Conduit, Control, Log, Policy, Rule, Tunnel, explain as explained};

use super::trials;

/// The policy as evidence has it.
///
/// # Errors
/// It cannot be compiled, or its sentences cannot be judged.
pub(super) fn facts(policy: &Policy, now: Time) -> Result<facts::Policy, String> {
    let failed = policy.assertions().failures(policy).map_err(|error| error.to_string())?;
    let words = Words(explained(policy));
    let clear = policy.ports().iter().filter(|port| port.cleartext_logins);
    Ok(facts::Policy {
        assets: policy.assets().iter().map(asset).collect(),
        rules: policy.rules().iter().map(|of| rule(policy, &words, of)).collect(),
        conduits: policy.conduits().iter().map(|of| conduit(policy, &words, of)).collect(),
        cleartext_ports: clear.map(|port| port.name.clone()).collect(),
        tunnel: policy.tunnel().map(tunnel),
        sentences: (policy.assertions().len(), failed.len()),
        control: policy.control().iter().map(control).collect(),
        keeping: keeping(policy.log()),
        trials: trials::of(policy, now)?,
    })
}

/// Rights as `wicketgate check` words them, by name.
struct Words(Explanation);

impl Words {
    fn of(&self, name: &str) -> Option<&explain::Right> {
        self.0.assets.iter().flat_map(|asset| &asset.rights).find(|right| right.name == name)
    }
}

fn asset(asset: &Asset) -> facts::Asset {
    facts::Asset {
        name: asset.name.clone(),
        zone: asset.zone.clone(),
        doors: asset.doors.iter().map(ToString::to_string).collect(),
    }
}

fn right(
    policy: &Policy,
    words: Option<&explain::Right>,
    (name, assets): (&str, &[AssetId]),
    (protocol, allow): (Protocol, &[Entry]),
) -> facts::Right {
    let named = |id: &AssetId| policy.asset(*id).map(|asset| asset.name.clone());
    let classes: BTreeSet<&str> =
        allow.iter().flat_map(|entry| entry.classes.iter()).map(Class::name).collect();
    let read = protocol.is_inspected() || protocol == Protocol::Icmp;
    facts::Right {
        name: name.to_owned(),
        assets: assets.iter().filter_map(named).collect(),
        protocol: protocol.name().to_owned(),
        read,
        by_code: read && allow.iter().any(|entry| entry.classes.is_empty()),
        classes,
        allow: words.map(|right| right.allow.clone()).unwrap_or_default(),
    }
}

fn rule(policy: &Policy, words: &Words, rule: &Rule) -> facts::Rule {
    let (conditions, said) = (&rule.conditions, words.of(&rule.name));
    facts::Rule {
        right: right(policy, said, (&rule.name, &rule.assets), (rule.protocol, &rule.allow)),
        roles: rule.roles.clone(),
        factors: rule.factors.iter().map(ToString::to_string).collect(),
        window: rule.window.as_ref().map(ToString::to_string),
        approval: conditions.approval.clone(),
        max_duration: conditions.max_duration.map(|span| span.as_secs()),
        max_proof_age: conditions.max_proof_age.map(|span| span.as_secs()),
        max_sessions: conditions.max_sessions,
    }
}

fn conduit(policy: &Policy, words: &Words, conduit: &Conduit) -> facts::Conduit {
    let said = words.of(&conduit.name);
    let given = (conduit.protocol, &conduit.allow[..]);
    facts::Conduit {
        right: right(policy, said, (&conduit.name, &conduit.assets), given),
        from: said.map_or_else(|| conduit.from.address.to_string(), |right| right.who.clone()),
        has_mac: conduit.from.mac.is_some(),
        has_port: conduit.from.port.is_some(),
        rate: conduit.rate.and_then(|_| said.map(|right| right.when.clone())),
    }
}

fn tunnel(tunnel: &Tunnel) -> facts::Tunnel {
    facts::Tunnel {
        lifetime: tunnel.lifetime.as_secs(),
        site_certificate: tunnel.certificate.is_some(),
        asks_certificates: tunnel.clients.is_some(),
        most: tunnel.most,
    }
}

fn control(control: &Control) -> (String, String) {
    let accounts = control.users.iter().chain(&control.groups);
    let names: Vec<String> = accounts.map(ToString::to_string).collect();
    (control.role.name().to_owned(), names.join(", "))
}

fn collector(syslog: &Syslog) -> facts::Collector {
    let Syslog { host, port, transport, .. } = syslog;
    let by_tls = matches!(transport, Transport::Tls(_));
    facts::Collector { server: format!("{host}:{port}"), by_tls }
}

fn keeping(log: &Log) -> facts::Keeping {
    facts::Keeping {
        size: log.keep_size,
        span: log.keep_for.map(|span| span.as_secs()),
        checkpoint: log.checkpoint.as_secs(),
        off_box: log.checkpoints.as_ref().map(|path| path.display().to_string()),
        syslog: log.syslog.as_ref().map(collector),
    }
}
