//! Users and groups of the machine, read once: a running gate opens no such file.

use std::collections::HashMap;
use std::fs;

use wicketgate_policy::{Account, Control, ControlRole};

use crate::api::model::Role;
use crate::api::peers::Peers;

/// Where they are looked up: the machine's own, none of a directory service.
const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

/// Who is on the machine, as it was when the gate started.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    users: Vec<User>,
    groups: HashMap<String, Group>,
}

/// A line of passwd(5).
#[derive(Debug)]
struct User {
    name: String,
    uid: u32,
    gid: u32,
}

/// A line of group(5).
#[derive(Debug)]
struct Group {
    gid: u32,
    members: Vec<String>,
}

impl Accounts {
    /// Reads them; a machine without such files has none.
    pub(super) fn read() -> Accounts {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        Accounts::parse(&text(USERS), &text(GROUPS))
    }

    fn parse(users: &str, groups: &str) -> Accounts {
        Accounts {
            users: users.lines().filter_map(user).collect(),
            groups: groups.lines().filter_map(group).collect(),
        }
    }

    /// Who has which role of the control socket.
    ///
    /// # Errors
    /// A name that nobody has.
    pub(super) fn peers(&self, control: &[Control]) -> Result<Peers, String> {
        let mut peers = Peers::default();
        for Control { role, users, groups } in control {
            for account in users {
                peers.give(self.uid(account)?, role_of(*role));
            }
            for account in groups {
                let members = self.members(account)?;
                members.for_each(|uid| peers.give(uid, role_of(*role)));
            }
        }
        self.users.iter().for_each(|user| peers.name(user.uid, &user.name));
        Ok(peers)
    }

    fn uid(&self, account: &Account) -> Result<u32, String> {
        let name = match account {
            Account::Number(number) => return Ok(*number),
            Account::Name(name) => name,
        };
        let found = self.users.iter().find(|user| user.name == *name);
        found.map(|user| user.uid).ok_or_else(|| unknown("user", name, USERS))
    }

    /// The number of a group.
    ///
    /// # Errors
    /// There is none of that name.
    pub(super) fn gid(&self, account: &Account) -> Result<u32, String> {
        match account {
            Account::Number(number) => Ok(*number),
            Account::Name(name) => {
                let found = self.groups.get(name).map(|group| group.gid);
                found.ok_or_else(|| unknown("group", name, GROUPS))
            }
        }
    }

    /// Whose first group it is, and whom the group names.
    fn members(&self, account: &Account) -> Result<impl Iterator<Item = u32>, String> {
        let gid = self.gid(account)?;
        let groups = self.groups.values().filter(|group| group.gid == gid);
        let named: Vec<&str> =
            groups.flat_map(|group| group.members.iter().map(String::as_str)).collect();
        let is_in = move |user: &&User| user.gid == gid || named.contains(&user.name.as_str());
        Ok(self.users.iter().filter(is_in).map(|user| user.uid))
    }
}

fn unknown(what: &str, name: &str, file: &str) -> String {
    format!(
        "the policy names the {what} {name}: there was none in {file} when the gate started; add it and \
         start the gate anew, or write its number"
    )
}

fn role_of(role: ControlRole) -> Role {
    match role {
        ControlRole::Admin => Role::Admin,
        ControlRole::Operator => Role::Operator,
        ControlRole::Auditor => Role::Auditor,
        ControlRole::Approver => Role::Approver,
    }
}

/// `name:password:uid:gid:more`.
fn user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    Some(User { name, uid, gid: fields.next()?.parse().ok()? })
}

/// `name:password:gid:member,member`.
fn group(line: &str) -> Option<(String, Group)> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let gid = fields.nth(1)?.parse().ok()?;
    let members = fields.next()?.split(',').map(str::to_owned).collect();
    Some((name, Group { gid, members }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::model::Roles;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nanna:x:1001:1001:Anna:/:/bin/sh\n\
        bert:x:1002:100::/:/bin/sh\ncarl:x:1003:1003::/:/bin/sh\nnot a line\n+::::::\n";
    const GROUP: &str = "users:x:100:\nplant:x:2000:anna,carl,gone\nbroken\n";

    fn control(role: ControlRole, users: &[Account], groups: &[Account]) -> Control {
        Control { role, users: users.to_vec(), groups: groups.to_vec() }
    }

    fn name(name: &str) -> Account {
        Account::Name(name.to_owned())
    }

    #[test]
    fn roles_come_by_user_and_by_either_kind_of_group() {
        let accounts = Accounts::parse(PASSWD, GROUP);
        let peers = accounts.peers(&[
            control(
                ControlRole::Operator,
                &[name("anna"), Account::Number(4000)],
                &[name("users")],
            ),
            control(ControlRole::Approver, &[], &[Account::Number(2000)]),
        ]);
        let peers = peers.unwrap();
        let roles = |uid| peers.find(uid).roles;
        assert_eq!(roles(1001), Roles::of(&[Role::Operator, Role::Approver]));
        assert_eq!(roles(1002), Roles::of(&[Role::Operator]), "by the first group");
        assert_eq!(roles(1003), Roles::of(&[Role::Approver]), "by a line of group(5)");
        assert_eq!(roles(4000), Roles::of(&[Role::Operator]), "a number needs no name");
        assert_eq!(roles(0), Roles::of(&[Role::Admin]));
        assert_eq!(roles(5), Roles::NONE);
        assert_eq!(peers.find(1003).name.as_deref(), Some("carl"));
    }

    #[test]
    fn a_name_that_nobody_has_is_an_error() {
        let accounts = Accounts::parse(PASSWD, GROUP);
        let wrong = |control| accounts.peers(&[control]).unwrap_err();
        let said = wrong(control(ControlRole::Admin, &[name("dora")], &[]));
        assert!(said.contains("the user dora"), "{said}");
        let said = wrong(control(ControlRole::Admin, &[], &[name("dora")]));
        assert!(said.contains("the group dora"), "{said}");
    }
}
