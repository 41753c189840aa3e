//! Who may log in: asked of the gate that runs, or of the store where none does. No secret is among it.

use std::path::Path;

use wicketgate_evidence::facts::{Looked, People, User};
use wicketgate_packet::Time;
use wicketgate_policy::Policy;

use crate::api::model::Request;
use crate::api::reply::{self, Reply};
use crate::client::{Failure, Gate};
use crate::run::socket;
use crate::user::place::Users;
use crate::{cli, identity};

/// Seconds of a day.
const DAY: u64 = 24 * 3600;

/// All users. A store that is not there is not made.
pub(super) fn look(config: &Path, policy: &Policy, now: Time) -> Looked<People> {
    let state = policy.gate().state_dir().ok_or("no state_dir in [gate]: there are no users")?;
    let (store, _) = identity::files(state);
    if !store.exists() && !Gate::at(socket::path(policy.gate())).is_there() {
        return Err(format!(
            "{}: no identity store is there, or not for you to see",
            store.display()
        ));
    }
    let place = cli::Place { config: Some(config.to_owned()), state_dir: None, socket: None };
    match Users::at(&place)?.ask(&Request::Users) {
        Ok(Reply::Users(users)) => {
            Ok(People { users: users.into_iter().map(|of| user(of, now)).collect() })
        }
        Ok(_) => Err("the gate did not tell its users".to_owned()),
        Err(Failure::Refused(fault)) => Err(format!("users: {}", fault.what)),
        Err(Failure::Unusable(what)) => Err(format!("users: {what}")),
    }
}

fn user(user: reply::User, now: Time) -> User {
    let now = now.as_nanos() / 1_000_000_000;
    User {
        name: user.name,
        roles: user.roles,
        disabled: user.disabled,
        factors: user.factors,
        failures: user.failures,
        idle_days: user.last_login.map(|last| now.saturating_sub(last) / DAY),
    }
}
