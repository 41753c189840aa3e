//! `--login ADDRESS=USER[:ROLE,...]`.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::str::FromStr;

use wicketgate_packet::Time;
use wicketgate_policy::{Factor, Login};

/// Says who a source address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoginArgument {
    address: Ipv4Addr,
    user: String,
    roles: Vec<String>,
}

impl FromStr for LoginArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<LoginArgument, String> {
        let form = || format!("`{text}` is not of the form ADDRESS=USER[:ROLE,...]");
        let (address, who) = text.split_once('=').ok_or_else(form)?;
        let address = address.parse().map_err(|_| format!("`{address}` is not an IPv4 address"))?;
        let (user, roles) = who.split_once(':').unwrap_or((who, who));
        let roles: Vec<String> = roles.split(',').map(str::to_owned).collect();
        if user.is_empty() || roles.iter().any(String::is_empty) {
            return Err(form());
        }
        Ok(LoginArgument { address, user: user.to_owned(), roles })
    }
}

impl LoginArgument {
    /// The source address.
    pub(crate) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// The user.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// The login, for as long as the capture lasts. A capture says nothing of factors: whoever names
    /// a login vouches for all of them.
    fn login(&self) -> Login {
        Login {
            address: self.address,
            user: self.user.clone(),
            roles: self.roles.clone(),
            factors: Factor::ALL.to_vec(),
            until: Time::NEVER,
        }
    }
}

/// The logins of a command line.
///
/// # Errors
/// An address with two users: the gate could not say who asked.
pub(crate) fn logins(arguments: &[LoginArgument]) -> Result<Vec<Login>, String> {
    let mut users = HashMap::new();
    for LoginArgument { address, user, .. } in arguments {
        if let Some(other) = users.insert(*address, user) {
            return Err(format!(
                "--login {address}: given for `{other}` and for `{user}`; an address is one \
                 login, with its roles behind the colon: {address}={user}:ROLE,ROLE"
            ));
        }
    }
    Ok(arguments.iter().map(LoginArgument::login).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_roles_has_the_role_of_the_same_name() {
        let login: LoginArgument = "10.0.0.7=engineer".parse().unwrap();
        assert_eq!((login.user.as_str(), login.roles), ("engineer", vec!["engineer".to_owned()]));
    }

    #[test]
    fn roles_are_listed() {
        let login: LoginArgument = "10.0.0.7=alice:maintenance,view".parse().unwrap();
        assert_eq!(login.user, "alice");
        assert_eq!(login.roles, ["maintenance", "view"]);
    }

    #[test]
    fn an_address_is_one_login() {
        let parse = |text: &str| text.parse::<LoginArgument>().unwrap();
        let [alice, bob] = [parse("10.0.0.7=alice"), parse("10.0.0.7=bob")];
        assert_eq!(logins(&[alice.clone(), parse("10.0.0.8=bob")]).unwrap().len(), 2);
        let refused = logins(&[alice, bob]).unwrap_err();
        assert!(refused.contains("`alice` and for `bob`"), "{refused}");
    }

    #[test]
    fn says_what_is_wrong() {
        for bad in ["alice", "10.0.0=alice", "10.0.0.1=", "10.0.0.1=a:", "10.0.0.1=a:b,,c"] {
            assert!(bad.parse::<LoginArgument>().is_err(), "{bad}");
        }
    }
}
