//! Who may do what at the socket: roles by user of the machine.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::model::{Role, Roles};

/// The user who may do everything, whatever the policy says.
const ROOT: u32 = 0;

/// Who has which role. Who is not here has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    by_uid: HashMap<u32, Peer>,
}

/// A user of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// What it may do.
    pub roles: Roles,
    /// Its name.
    pub name: Option<String>,
}

impl Peers {
    /// Gives a user a role, beside those that it has.
    pub fn give(&mut self, uid: u32, role: Role) {
        let peer = self.by_uid.entry(uid).or_default();
        peer.roles = peer.roles.with(Roles::of(&[role]));
    }

    /// Says what a user is called.
    pub fn name(&mut self, uid: u32, name: &str) {
        self.by_uid.entry(uid).or_default().name = Some(name.to_owned());
    }

    /// What is known of a user.
    pub fn find(&self, uid: u32) -> Peer {
        let mut peer = self.by_uid.get(&uid).cloned().unwrap_or_default();
        if uid == ROOT {
            peer.roles = peer.roles.with(Roles::of(&[Role::Admin]));
        }
        peer
    }
}

/// The peers in force: control replaces them when the policy is read again, and the next connection is
/// held against the new ones.
#[derive(Clone, Debug, Default)]
pub struct Admission(Arc<RwLock<Peers>>);

impl Admission {
    /// These, from now on.
    pub fn set(&self, peers: Peers) {
        // A panic between lock and unlock cannot leave half a set: it is moved in whole.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = peers;
    }

    /// What is known of a user now.
    pub fn find(&self, uid: u32) -> Peer {
        self.0.read().unwrap_or_else(PoisonError::into_inner).find(uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_admin_and_who_is_not_named_is_nobody() {
        let peers = Peers::default();
        assert_eq!(peers.find(0).roles, Roles::of(&[Role::Admin]));
        assert_eq!(peers.find(1000).roles, Roles::NONE);
    }

    #[test]
    fn roles_add_up_and_are_replaced_as_a_whole() {
        let mut peers = Peers::default();
        peers.give(1000, Role::Operator);
        peers.give(1000, Role::Approver);
        peers.name(1000, "anna");
        let admission = Admission::default();
        admission.set(peers);
        let anna = admission.find(1000);
        assert_eq!(anna.roles, Roles::of(&[Role::Operator, Role::Approver]));
        assert_eq!(anna.name.as_deref(), Some("anna"));
        admission.set(Peers::default());
        assert_eq!(admission.find(1000), Peer::default());
    }
}
