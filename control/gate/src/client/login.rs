//! `wicketgate login`, `wicketgate logout`.

use super::arguments::{At, Login};
use super::http::Gate;
use super::{Failure, logged_in, say, span, token};
use crate::api::model::{Credentials, Proof};
use crate::api::reply::{self, LoggedIn};
use crate::api::secret::Secret;
use crate::output::{self, text};
use crate::user::ask;

pub(super) fn log_in(arguments: &Login) -> Result<(), Failure> {
    if arguments.again {
        return step_up(&arguments.at);
    }
    let gate = Gate::at(arguments.at.socket.clone());
    let (password, code) = factors()?;
    let (user, source) = (arguments.user.clone(), arguments.source);
    let credentials = Credentials { user, password: Some(password), code, source };
    let LoggedIn { login, token } = gate.ask_with("POST", "/v1/logins", &credentials)?;
    token::keep(gate.socket(), &token)?;
    print(&arguments.at, &login);
    Ok(())
}

fn step_up(at: &At) -> Result<(), Failure> {
    let gate = logged_in(at)?;
    let (password, code) = factors()?;
    let proof = Proof { password: Some(password), code };
    print(at, &gate.ask_with("POST", "/v1/login/proof", &proof)?);
    Ok(())
}

/// The password, and a code where one is typed.
fn factors() -> Result<(Secret, Option<Secret>), Failure> {
    let password = ask::hidden("Password: ").map_err(Failure::Unusable)?;
    Ok((password, ask::hidden("Code (none: just Enter): ").ok()))
}

fn print(at: &At, login: &reply::Login) {
    if at.json {
        return output::json(login);
    }
    let proven: Vec<&str> = login.proven.iter().map(|proven| proven.factor.as_str()).collect();
    let place = match login.source {
        Some(source) => format!("for {source}"),
        None => "for no address".to_owned(),
    };
    text(format_args!(
        "{} is logged in {place} as login {}: {} proven, {} left",
        login.user,
        login.id,
        proven.join(" and "),
        span(login.left)
    ));
}

pub(super) fn log_out(at: &At) -> Result<(), Failure> {
    let gate = logged_in(at)?;
    let outcome = gate.ask("DELETE", "/v1/login");
    // The token is of no use whatever the gate says: a gate that was started anew knows no logins.
    token::forget(gate.socket())?;
    say(at, &outcome?);
    Ok(())
}
