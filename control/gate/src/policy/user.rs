//! `--user USER:ROLE[,...]`.

use std::str::FromStr;

/// Says which roles a user of an audit log has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserArgument {
    pub(super) user: String,
    pub(super) roles: Vec<String>,
}

impl FromStr for UserArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<UserArgument, String> {
        let form = || format!("`{text}` is not of the form USER:ROLE[,...]");
        let (user, roles) = text.rsplit_once(':').ok_or_else(form)?;
        let roles: Vec<String> = roles.split(',').map(str::to_owned).collect();
        if user.is_empty() || roles.iter().any(String::is_empty) {
            return Err(form());
        }
        Ok(UserArgument { user: user.to_owned(), roles })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_and_its_roles() {
        let alice: UserArgument = "alice:maintenance,view".parse().unwrap();
        assert_eq!(
            alice,
            UserArgument {
                user: "alice".to_owned(),
                roles: vec!["maintenance".to_owned(), "view".to_owned()],
            }
        );
        for bad in ["alice", ":view", "alice:", "alice:a,,b"] {
            assert!(bad.parse::<UserArgument>().is_err(), "{bad}");
        }
    }
}
