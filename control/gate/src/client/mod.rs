//! The commands that ask a running gate, over its control socket.

pub(crate) mod arguments;
mod http;
mod login;
mod people;
mod sessions;
mod stats;
mod token;
pub(crate) mod users;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::model::Fault;
use crate::api::reply::{self, Done};
use crate::exit::{Exit, complain};
use crate::output::{self, text};
use crate::session;
use crate::table::Table;
use arguments::{Asset, At, BreakGlass, Grant, Login, Logout, Session, Stats};
pub(crate) use http::Gate;

/// Why a command did not get what it asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The gate said no.
    Refused(Fault),
    /// It could not be asked.
    Unusable(String),
}

/// Runs `wicketgate login`.
pub(crate) fn log_in(arguments: &Login) -> Exit {
    finish(login::log_in(arguments))
}

/// Runs `wicketgate logout`.
pub(crate) fn log_out(arguments: &Logout) -> Exit {
    finish(login::log_out(&arguments.at))
}

/// Runs `wicketgate session`.
pub(crate) fn session(command: &Session) -> Exit {
    match command {
        Session::Show(which) if which.past.is_asked() => session::show(which),
        Session::Export(which) => session::export(which),
        command => finish(sessions::run(command)),
    }
}

/// Runs `wicketgate grant`.
pub(crate) fn grant(command: &Grant) -> Exit {
    finish(people::grant(command))
}

/// Runs `wicketgate break-glass`.
pub(crate) fn break_glass(command: &BreakGlass) -> Exit {
    finish(people::break_glass(command))
}

/// Runs `wicketgate stats`.
pub(crate) fn stats(arguments: &Stats) -> Exit {
    finish(stats::run(arguments))
}

/// Runs `wicketgate asset`.
pub(crate) fn asset(Asset::List(at): &Asset) -> Exit {
    finish(list(at, "/v1/assets", asset_table))
}

/// Runs `wicketgate policy reload`.
pub(crate) fn reload(at: &At) -> Exit {
    finish(done(at, &Gate::at(at.socket.clone()), "POST", "/v1/policy/reload"))
}

/// Says what went wrong, and how the command ends.
pub(crate) fn finish(outcome: Result<(), Failure>) -> Exit {
    match outcome {
        Ok(()) => Exit::Success,
        Err(Failure::Refused(fault)) => {
            complain(&fault.what);
            if fault.code == "invalid" { Exit::Usage } else { Exit::Finding }
        }
        Err(Failure::Unusable(what)) => {
            complain(what);
            Exit::Usage
        }
    }
}

/// The gate, asked by the login that is there.
fn logged_in(at: &At) -> Result<Gate, Failure> {
    let gate = Gate::at(at.socket.clone());
    let token = token::find(gate.socket())?;
    Ok(gate.by(token))
}

/// Asks for a list and prints it.
fn list<T: DeserializeOwned + Serialize>(
    at: &At,
    path: &str,
    table: impl FnOnce(&[T]) -> Table,
) -> Result<(), Failure> {
    let rows: Vec<T> = Gate::at(at.socket.clone()).ask("GET", path)?;
    if at.json {
        output::json(&rows);
    } else if rows.is_empty() {
        text(format_args!("none"));
    } else {
        table(&rows).print();
    }
    Ok(())
}

/// Has something done, and says so.
fn done(at: &At, gate: &Gate, method: &str, path: &str) -> Result<(), Failure> {
    say(at, &gate.ask(method, path)?);
    Ok(())
}

fn say(at: &At, done: &Done) {
    if at.json { output::json(done) } else { text(format_args!("{}", done.done)) }
}

fn asset_table(assets: &[reply::Asset]) -> Table {
    let heads = ["asset", "zone", "port", ">vlan", "overlay", "underlay", "mac", "protocols"];
    let mut table = Table::new("Assets", &heads);
    for asset in assets {
        let vlan = asset.vlan.map(|vlan| vlan.to_string()).unwrap_or_default();
        let mac = asset.mac.as_deref().unwrap_or("unknown");
        let (overlay, underlay) = (asset.overlay.to_string(), asset.underlay.to_string());
        let doors = asset.protocols.join(", ");
        table.row([&asset.name, &asset.zone, &asset.port, &vlan, &overlay, &underlay, mac, &doors]);
    }
    table
}

/// `59 s`, `12 min`, `3 h 05 min`.
pub(crate) fn span(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_in_words() {
        let words = [0, 59, 60, 3599, 3600, 11_100].map(span);
        assert_eq!(words, ["0 s", "59 s", "1 min", "59 min", "1 h 00 min", "3 h 05 min"]);
    }
}
