//! `[[control]]`: who may ask what of the control socket.

use std::fmt;

use crate::diagnostic::Report;
use crate::reader::{Node, Table};
use crate::suggest;

/// `[[control]]`: a role of the control socket, and the users of the machine who have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// The role.
    pub role: ControlRole,
    /// Users of the machine.
    pub users: Vec<Account>,
    /// Groups of the machine: all their members.
    pub groups: Vec<Account>,
}

/// A role of the control socket. Not of the policy: those are of people who log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlRole {
    /// Everything.
    Admin,
    /// Logs in, sees, revokes.
    Operator,
    /// Sees everything, changes nothing.
    Auditor,
    /// Says yes or no to requests.
    Approver,
}

impl ControlRole {
    /// All roles.
    pub const ALL: &[ControlRole] =
        &[ControlRole::Admin, ControlRole::Operator, ControlRole::Auditor, ControlRole::Approver];

    /// The word used in policy files.
    pub const fn name(self) -> &'static str {
        match self {
            ControlRole::Admin => "admin",
            ControlRole::Operator => "operator",
            ControlRole::Auditor => "auditor",
            ControlRole::Approver => "approver",
        }
    }
}

/// A user or group of the machine, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// By name, looked up when the gate starts.
    Name(String),
    /// By number.
    Number(u32),
}

/// `anna`, `1001`.
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Account::Name(name) => f.write_str(name),
            Account::Number(number) => write!(f, "{number}"),
        }
    }
}

/// Reads a `[[control]]`.
pub(crate) fn read(mut table: Table<'_>, report: &mut Report<'_>) -> Option<Control> {
    let role = table.required("role", report).and_then(|node| role(node, report));
    let users = table.optional("users");
    let groups = table.optional("groups");
    if users.is_none() && groups.is_none() {
        let help = "name `users` or `groups` of this machine";
        report.error_with(table.span(), "[[control]] is for nobody".to_owned(), help);
    }
    let mut accounts = |node: Option<Node<'_>>| match node {
        Some(node) => accounts(node, report),
        None => Some(Vec::new()),
    };
    let (users, groups) = (accounts(users), accounts(groups));
    table.close(report);
    Some(Control { role: role?, users: users?, groups: groups? })
}

fn role(node: Node<'_>, report: &mut Report<'_>) -> Option<ControlRole> {
    let text = node.text(report)?;
    let found = ControlRole::ALL.iter().copied().find(|role| role.name() == text);
    if found.is_none() {
        let help = suggest::known(text, ControlRole::ALL.iter().map(|role| role.name()));
        report.error_with(&node.span(), format!("there is no role `{text}` here"), help);
    }
    found
}

fn accounts(node: Node<'_>, report: &mut Report<'_>) -> Option<Vec<Account>> {
    let nodes = node.list(report)?;
    let count = nodes.len();
    let found: Vec<Account> = nodes.into_iter().filter_map(|node| account(node, report)).collect();
    (found.len() == count).then_some(found)
}

/// A user or group.
pub(crate) fn account(node: Node<'_>, report: &mut Report<'_>) -> Option<Account> {
    if node.is_integer() {
        // The highest number stands for "none" in the kernel's interfaces (chown(2)).
        return node.number(0..=u32::MAX - 1, report).map(Account::Number);
    }
    node.name(report).map(|name| Account::Name(name.to_owned()))
}
