//! Capabilities (capabilities(7)) and the user.

use std::fs;
use std::io;

use rustix::process::{Gid, Uid, getuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    set_keep_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};

/// What a running gate needs: neighbours are resolved by netlink (NET_ADMIN), assets change in the maps
/// of the XDP program at a reload (BPF; without it from Linux 5.19 on). Sockets are open, so NET_RAW is
/// not among them.
const NEEDED: CapabilitySet = CapabilitySet::NET_ADMIN.union(CapabilitySet::BPF);

/// Where users are looked up: the machine's own, none of a directory service.
const USERS: &str = "/etc/passwd";

/// A user of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    name: String,
    uid: Uid,
    gid: Gid,
}

impl User {
    /// The user of that name.
    ///
    /// # Errors
    /// There is none, or it is root.
    pub(crate) fn find(name: &str) -> Result<User, String> {
        let text = fs::read_to_string(USERS).map_err(|error| format!("{USERS}: {error}"))?;
        let user = text.lines().filter_map(User::parse).find(|user| user.name == name);
        let user = user.ok_or_else(|| {
            format!("there is no user {name} in {USERS}: `useradd --system {name}`")
        })?;
        if user.uid.is_root() {
            return Err(format!("--user {name}: that is root: name another, or none"));
        }
        Ok(user)
    }

    /// User and group, by number.
    pub(crate) fn ids(&self) -> (u32, u32) {
        (self.uid.as_raw(), self.gid.as_raw())
    }

    /// A line of passwd(5): name, password, uid, gid, more.
    fn parse(line: &str) -> Option<User> {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid = Uid::from_raw(fields.nth(1)?.parse().ok()?);
        let gid = Gid::from_raw(fields.next()?.parse().ok()?);
        Some(User { name, uid, gid })
    }
}

/// Keeps what is needed, as `user` where one is given, and says what that is.
///
/// # Errors
/// What the kernel refused.
pub(super) fn drop_to(user: Option<&User>) -> Result<String, String> {
    let keep = NEEDED & held()?.permitted;
    refused("the bounding set", cut_bounding_set(keep))?;
    if let Some(user) = user {
        refused(&format!("becoming user {}", user.name), become_user(user))?;
    }
    let sets =
        CapabilitySets { effective: keep, permitted: keep, inheritable: CapabilitySet::empty() };
    refused("capabilities", set_capabilities(None, sets))?;
    refused("ambient capabilities", clear_ambient_capability_set())?;
    refused("no_new_privs", set_no_new_privs(true))?;
    Ok(words(keep))
}

fn held() -> Result<CapabilitySets, String> {
    refused("reading capabilities", capabilities(None))
}

fn refused<T>(what: &str, outcome: rustix::io::Result<T>) -> Result<T, String> {
    outcome.map_err(|error| {
        format!("privileges cannot be given up: {what}: {}", io::Error::from(error))
    })
}

/// Takes everything but `keep` out of what a program that is started could ever get. Who may not change
/// the set has been given it by whoever started the gate.
fn cut_bounding_set(keep: CapabilitySet) -> rustix::io::Result<()> {
    if !capabilities(None)?.effective.contains(CapabilitySet::SETPCAP) {
        return Ok(());
    }
    // Numbers that this kernel does not know are refused: those it knows have no gap.
    let all = (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit));
    let known = all.map_while(|one| capability_is_in_bounding_set(one).ok().map(|has| (one, has)));
    known
        .filter(|(one, has)| *has && !keep.contains(*one))
        .try_for_each(|(one, _)| remove_capability_from_bounding_set(one))
}

/// Leaves root behind and takes the permitted capabilities along.
fn become_user(user: &User) -> rustix::io::Result<()> {
    if getuid() == user.uid {
        return Ok(());
    }
    set_keep_capabilities(true)?;
    set_thread_groups(&[])?;
    set_thread_res_gid(user.gid, user.gid, user.gid)?;
    set_thread_res_uid(user.uid, user.uid, user.uid)?;
    set_keep_capabilities(false)
}

/// `CAP_NET_ADMIN, CAP_BPF`.
fn words(set: CapabilitySet) -> String {
    let names: Vec<String> = set.iter_names().map(|(name, _)| format!("CAP_{name}")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_from_passwd() {
        let user = User::parse("gate:x:990:980:The gate:/nonexistent:/usr/sbin/nologin").unwrap();
        assert_eq!((user.uid, user.gid), (Uid::from_raw(990), Gid::from_raw(980)));
        for broken in ["", "gate", "gate:x", "gate:x:a:1", "gate:x:1"] {
            assert_eq!(User::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn root_is_no_user_to_become() {
        assert!(User::find("root").unwrap_err().contains("that is root"));
        assert!(User::find("no-such-user").unwrap_err().contains("useradd"));
    }
}
