//! `wicketgate grant`, `wicketgate break-glass`: what a login asks, approves and arms.

use super::arguments::{Arm, At, BreakGlass, Denied, Grant, Numbered, Wanted};
use super::http::Gate;
use super::{Failure, done, list, logged_in, say, span};
use crate::api::model::{self, Denial, GrantRequest};
use crate::api::reply::{self, GrantState};
use crate::output::{self, text};
use crate::table::Table;

pub(super) fn grant(command: &Grant) -> Result<(), Failure> {
    match command {
        Grant::List(at) => list(at, "/v1/grants", grants),
        Grant::Request(wanted) => request(wanted, "/v1/grants"),
        Grant::Approve(which) => by_login(which, "POST", "/approve"),
        Grant::GiveBack(which) => by_login(which, "POST", "/give-back"),
        Grant::Deny(Denied { id, reason, at }) => {
            let denial = Denial { reason: reason.clone() };
            let path = format!("/v1/grants/{id}/deny");
            say(at, &logged_in(at)?.ask_with("POST", &path, &denial)?);
            Ok(())
        }
        Grant::Revoke(Numbered { id, at }) => {
            done(at, &Gate::at(at.socket.clone()), "DELETE", &format!("/v1/grants/{id}"))
        }
    }
}

fn by_login(Numbered { id, at }: &Numbered, method: &str, what: &str) -> Result<(), Failure> {
    done(at, &logged_in(at)?, method, &format!("/v1/grants/{id}{what}"))
}

fn request(wanted: &Wanted, path: &str) -> Result<(), Failure> {
    let Wanted { rule, asset, reason, at } = wanted;
    let body = GrantRequest { rule: rule.clone(), asset: asset.clone(), reason: reason.clone() };
    let grant: reply::Grant = logged_in(at)?.ask_with("POST", path, &body)?;
    if at.json {
        output::json(&grant);
    } else {
        text(format_args!("grant {}: {}", grant.id, stands(&grant)));
    }
    Ok(())
}

/// How it stands, and what it waits for.
fn stands(grant: &reply::Grant) -> String {
    match grant.state {
        GrantState::Requested => "waits for approval".to_owned(),
        GrantState::Challenged => {
            format!("waits for proof of {}: wicketgate login --again", grant.lacking.join(" and "))
        }
        GrantState::Granted => match grant.left {
            Some(left) => format!("granted, {} left", span(left)),
            None => "granted".to_owned(),
        },
        GrantState::Draining => "over, an operation drains".to_owned(),
    }
}

fn grants(grants: &[reply::Grant]) -> Table {
    let heads = [">id", "user", "rule", "asset", ">asked", "stands", "approved by", "reason"];
    let mut table = Table::new("Grants", &heads);
    for grant in grants {
        let glass = if grant.break_glass { "BREAK-GLASS, " } else { "" };
        table.row([
            &grant.id.to_string(),
            &grant.user,
            &grant.rule,
            &grant.asset,
            &span(grant.age),
            &format!("{glass}{}", stands(grant)),
            grant.approved_by.as_deref().unwrap_or_default(),
            grant.reason.as_deref().unwrap_or_default(),
        ]);
    }
    table
}

pub(super) fn break_glass(command: &BreakGlass) -> Result<(), Failure> {
    match command {
        BreakGlass::List(at) => list(at, "/v1/break-glass", armed),
        BreakGlass::Arm(arguments) => arm(arguments),
        BreakGlass::Use(wanted) => request(wanted, "/v1/break-glass/use"),
        BreakGlass::Disarm(Numbered { id, at }) => {
            done(at, &logged_in(at)?, "DELETE", &format!("/v1/break-glass/{id}"))
        }
    }
}

fn arm(arguments: &Arm) -> Result<(), Failure> {
    let Arm { rule, role, lifetime, duration, at } = arguments;
    let (lifetime, duration) = (u64::from(*lifetime) * 3600, u64::from(*duration) * 60);
    let body = model::Arm { rule: rule.clone(), role: role.clone(), lifetime, duration };
    let armed: reply::Armed = logged_in(at)?.ask_with("POST", "/v1/break-glass", &body)?;
    tell(at, &armed);
    Ok(())
}

fn tell(at: &At, armed: &reply::Armed) {
    if at.json {
        return output::json(armed);
    }
    let reply::Armed { id, rule, role, .. } = armed;
    text(format_args!("break-glass {id} is armed: `{rule}` for {role}, {}", span(armed.left)));
}

fn armed(all: &[reply::Armed]) -> Table {
    let mut table =
        Table::new("Break-glass", &[">id", "rule", "role", "armed by", ">grants last", ">left"]);
    for armed in all {
        let (lasts, left) = (span(armed.duration), span(armed.left));
        table.row([&armed.id.to_string(), &armed.rule, &armed.role, &armed.by, &lasts, &left]);
    }
    table
}
