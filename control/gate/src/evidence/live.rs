//! The gate that runs, if it does: asked over its control socket.

use serde::de::DeserializeOwned;
use serde_json::Value;
use wicketgate_evidence::facts::{Live, Looked, Sending};
use wicketgate_policy::Policy;

use crate::api::reply::{self, SessionKind};
use crate::client::{Failure, Gate};
use crate::run::socket;

/// What it tells.
pub(super) fn look(policy: &Policy) -> Looked<Live> {
    let path = socket::path(policy.gate());
    let path = path.ok_or("no state_dir or control_socket in [gate]: no gate can be asked")?;
    let gate = Gate::at(Some(path));
    if !gate.is_there() {
        return Err(format!("no gate runs at {}", gate.socket().display()));
    }
    let (stats, sessions): (reply::Stats, Vec<reply::Session>) =
        (ask(&gate, "/v1/stats")?, ask(&gate, "/v1/sessions")?);
    let (logins, armed): (Vec<reply::Login>, Vec<reply::Armed>) =
        (ask(&gate, "/v1/logins")?, ask(&gate, "/v1/break-glass")?);
    let in_force: reply::Policy = ask(&gate, "/v1/policy")?;
    let of_kind = |kind| sessions.iter().filter(|session| session.kind == kind).count();
    let sum = |of: fn(&reply::Worker) -> u64| stats.workers.iter().map(of).sum();
    Ok(Live {
        uptime: stats.uptime as u64,
        epoch: stats.epoch,
        is_of_the_file: is_same(in_force.explanation, policy),
        logins: logins.into_iter().map(login).collect(),
        sessions: of_kind(SessionKind::User),
        essential_sessions: of_kind(SessionKind::Conduit),
        armed: armed.len(),
        commands: stats.commands,
        denied: stats.denied,
        waiting: (sum(|worker| worker.events_waiting), sum(|worker| worker.events_room)),
        sending: stats.syslog.map(|syslog| Sending {
            connected: syslog.connected,
            waiting: syslog.waiting,
            lost: syslog.dropped + syslog.damaged,
        }),
        version: stats.version,
        alarms: stats.alarms,
    })
}

fn ask<T: DeserializeOwned>(gate: &Gate, path: &str) -> Result<T, String> {
    gate.ask("GET", path).map_err(|failure| match failure {
        Failure::Refused(fault) => format!("the gate says no to {path}: {}", fault.what),
        Failure::Unusable(what) => what,
    })
}

fn login(login: reply::Login) -> (String, Vec<String>) {
    (login.user, login.proven.into_iter().map(|proven| proven.factor).collect())
}

/// Whether two explanations give the same. Warnings name the file by the path that it was read by.
fn is_same(mut in_force: Value, policy: &Policy) -> bool {
    let mut of_file = serde_json::to_value(wicketgate_policy::explain(policy)).unwrap_or_default();
    for explanation in [&mut in_force, &mut of_file] {
        explanation.as_object_mut().map(|fields| fields.remove("warnings"));
    }
    in_force == of_file
}
