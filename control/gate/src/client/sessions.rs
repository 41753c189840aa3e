//! `wicketgate session`.

use super::arguments::{Numbered, Session, Shown};
use super::http::Gate;
use super::{Failure, done, list, span};
use crate::api::model::Fault;
use crate::api::reply::{self, SessionKind};
use crate::output::{self, text};
use crate::table::Table;

pub(super) fn run(command: &Session) -> Result<(), Failure> {
    match command {
        Session::List(at) => list(at, "/v1/sessions", table),
        Session::Show(which) => show(which),
        // Of what is over no gate is asked.
        Session::Export(_) => Ok(()),
        Session::Logins(at) => list(at, "/v1/logins", logins),
        Session::Revoke(Numbered { id, at }) => {
            done(at, &Gate::at(at.socket.clone()), "DELETE", &format!("/v1/sessions/{id}"))
        }
        Session::RevokeLogin(Numbered { id, at }) => {
            done(at, &Gate::at(at.socket.clone()), "DELETE", &format!("/v1/logins/{id}"))
        }
    }
}

fn table(sessions: &[reply::Session]) -> Table {
    let heads = [
        ">id",
        "who",
        "kind",
        "from",
        "asset",
        ">since",
        ">frames",
        ">bytes",
        ">commands",
        ">denied",
        "",
    ];
    let mut table = Table::new("Sessions", &heads);
    for session in sessions {
        let source = session.source.map(|source| source.to_string()).unwrap_or_default();
        table.row([
            &session.id.to_string(),
            &session.name,
            kind(session.kind),
            &source,
            &session.asset,
            &span(session.age),
            &session.frames.to_string(),
            &session.bytes.to_string(),
            &session.commands.to_string(),
            &session.denied.to_string(),
            state(session),
        ]);
    }
    table
}

const fn kind(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::User => "user",
        SessionKind::Conduit => "conduit",
        SessionKind::Unknown => "starting",
    }
}

const fn state(session: &reply::Session) -> &'static str {
    if session.revoked { "revoked" } else { "" }
}

fn show(Shown { id, at, .. }: &Shown) -> Result<(), Failure> {
    let sessions: Vec<reply::Session> = Gate::at(at.socket.clone()).ask("GET", "/v1/sessions")?;
    let found = sessions.into_iter().find(|session| session.id == *id);
    let session = found.ok_or_else(|| {
        let what =
            format!("there is no live session {id}; of one that has ended --config FILE tells");
        Failure::Refused(Fault::missing("no-such-session", what))
    })?;
    if at.json {
        output::json(&session);
        return Ok(());
    }
    let source = session.source.map(|source| source.to_string()).unwrap_or_default();
    let login = session.login.map(|login| login.to_string()).unwrap_or_default();
    for (what, value) in [
        ("session", id.to_string()),
        ("who", session.name.clone()),
        ("kind", kind(session.kind).to_owned()),
        ("login", login),
        ("from", source),
        ("asset", session.asset.clone()),
        ("since", span(session.age)),
        ("frames", session.frames.to_string()),
        ("bytes", session.bytes.to_string()),
        ("commands", session.commands.to_string()),
        ("denied", session.denied.to_string()),
        ("state", if session.revoked { "revoked" } else { "live" }.to_owned()),
    ] {
        if !value.is_empty() {
            text(format_args!("{what:9} {value}"));
        }
    }
    Ok(())
}

fn logins(logins: &[reply::Login]) -> Table {
    let heads = [">id", "user", "roles", "from", "proven", ">since", ">idle", ">left"];
    let mut table = Table::new("Logins", &heads);
    for login in logins {
        let proven = login.proven.iter().map(|p| format!("{} {} ago", p.factor, span(p.age)));
        table.row([
            &login.id.to_string(),
            &login.user,
            &login.roles.join(", "),
            &login.source.map(|source| source.to_string()).unwrap_or_default(),
            &proven.collect::<Vec<_>>().join(", "),
            &span(login.age),
            &span(login.idle),
            &span(login.left),
        ]);
    }
    table
}
