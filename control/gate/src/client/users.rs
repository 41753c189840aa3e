//! What is asked about users, in the words of the control socket.

use serde::Serialize;
use wicketgate_identity::{Factor, UserName};

use super::{Failure, Gate};
use crate::api::model::{Code, Fault, NewPassword, NewRoles, Request};
use crate::api::reply::Reply;

/// Asks the gate.
///
/// # Errors
/// It says no, or cannot be asked.
pub(crate) fn ask(gate: &Gate, request: &Request) -> Result<Reply, Failure> {
    match request {
        Request::Users => gate.ask("GET", "/v1/users").map(Reply::Users),
        Request::AddUser(new) => gate.ask_with("POST", "/v1/users", new).map(Reply::User),
        Request::RemoveUser { name } => done(gate, "DELETE", &of(name, "")?),
        Request::SetRoles { name, roles } => {
            put(gate, &of(name, "/roles")?, &NewRoles { roles: roles.clone() })
        }
        Request::SetDisabled { name, disabled } => {
            done(gate, if *disabled { "PUT" } else { "DELETE" }, &of(name, "/disabled")?)
        }
        Request::Unlock { name } => done(gate, "DELETE", &of(name, "/lock")?),
        _ => factors(gate, request),
    }
}

fn factors(gate: &Gate, request: &Request) -> Result<Reply, Failure> {
    match request {
        Request::SetPassword { name, password } => {
            put(gate, &of(name, "/password")?, &NewPassword { password: password.clone() })
        }
        Request::EnrolTotp { name } => gate.ask("POST", &of(name, "/totp")?).map(Reply::Totp),
        Request::ConfirmTotp { name, code } => {
            let (path, code) = (of(name, "/totp/confirm")?, Code { code: code.clone() });
            gate.ask_with("POST", &path, &code).map(Reply::Done)
        }
        Request::NewRecoveryCodes { name } => {
            gate.ask("POST", &of(name, "/recovery-codes")?).map(Reply::RecoveryCodes)
        }
        Request::EnrolCertificate { name, new } => {
            gate.ask_with("POST", &of(name, "/certificates")?, new).map(Reply::Done)
        }
        Request::ResetFactor { name, factor } => {
            let factor = Factor::from_name(factor)
                .ok_or_else(|| invalid(format_args!("there is no factor `{factor}`")))?;
            done(gate, "DELETE", &of(name, &format!("/factors/{factor}"))?)
        }
        _ => Err(invalid("that is not about users")),
    }
}

/// Where a user is. A name that cannot be one has no place in a path.
fn of(name: &str, what: &str) -> Result<String, Failure> {
    let name = UserName::new(name).map_err(invalid)?;
    Ok(format!("/v1/users/{name}{what}"))
}

fn done(gate: &Gate, method: &str, path: &str) -> Result<Reply, Failure> {
    gate.ask(method, path).map(Reply::Done)
}

fn put(gate: &Gate, path: &str, body: &impl Serialize) -> Result<Reply, Failure> {
    gate.ask_with("PUT", path, body).map(Reply::Done)
}

fn invalid(what: impl std::fmt::Display) -> Failure {
    Failure::Refused(Fault::invalid(what))
}
