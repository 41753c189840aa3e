//! A login: a user proven by some factors, bound to one tunnel or one address.

use std::net::IpAddr;
use std::time::Duration;

use super::effect::End;
use crate::factor::Proofs;
use crate::name::{Role, UserName};
use crate::store::UserId;
use crate::time::Monotonic;

/// The number of a login: 1, 2, 3, … Never used twice while the gate runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginId(pub u64);

/// What a login is bound to: frames from elsewhere are not its.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Binding {
    /// One tunnel, by its number.
    Tunnel(u64),
    /// One source address, on a port that allows logins in clear.
    Address(IpAddr),
}

/// How long logins last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// A login ends this long after it began.
    pub login: Duration,
    /// A login ends when nothing of it was seen for this long.
    pub idle: Duration,
}

impl Default for Lifetimes {
    /// One shift, and half an hour: the limits of SP 800-63B-4 for AAL2 are 24 h and 1 h.
    fn default() -> Lifetimes {
        Lifetimes { login: Duration::from_secs(12 * 3600), idle: Duration::from_secs(30 * 60) }
    }
}

/// A login.
#[derive(Clone, Debug)]
pub struct Login {
    /// Who.
    pub user: UserId,
    /// By which name.
    pub name: UserName,
    /// Which person.
    pub(super) person: Box<str>,
    /// With which roles.
    pub roles: Vec<Role>,
    /// Bound to what.
    pub binding: Binding,
    /// What was proven, and when.
    pub proofs: Proofs,
    /// When it began.
    pub since: Monotonic,
    /// When something of it was seen last.
    pub seen: Monotonic,
    /// When it ends at the latest.
    pub until: Monotonic,
}

impl Login {
    /// Whether it is over, and why.
    pub(super) fn end(&self, now: Monotonic, lifetimes: Lifetimes) -> Option<End> {
        if now >= self.until {
            Some(End::Expired)
        } else if now >= self.seen + lifetimes.idle {
            Some(End::Idle)
        } else {
            None
        }
    }

    /// When it is over if nothing more is seen of it.
    pub(super) fn deadline(&self, lifetimes: Lifetimes) -> Monotonic {
        self.until.min(self.seen + lifetimes.idle)
    }

    pub(super) fn has(&self, role: &Role) -> bool {
        self.roles.contains(role)
    }
}
