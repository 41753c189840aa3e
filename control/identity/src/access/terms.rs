//! What a rule asks of whoever wants to use it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wicketgate_engine::tables::Window;
use wicketgate_packet::Time;

use crate::factor::{Factor, Proofs};
use crate::name::Role;
use crate::time::Monotonic;

/// What is asked for: one rule on one asset, by their names in the policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The rule.
    pub rule: Arc<str>,
    /// The asset.
    pub asset: Arc<str>,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" on {}", self.rule, self.asset)
    }
}

/// What a rule asks. The default asks for nothing and is for nobody: it has no role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Whom the rule is for: whoever has one of these.
    pub roles: Vec<Role>,
    /// What must be proven.
    pub factors: Vec<Factor>,
    /// How old each of these proofs may be, at the start and all the while.
    pub max_proof_age: Option<Duration>,
    /// The stretch of opening hours that is open or opens next; always, if there is none.
    pub window: Option<Window>,
    /// Whether a reason must be given.
    pub reason: bool,
    /// The role of whoever must approve.
    pub approver: Option<Role>,
    /// How long a grant lasts at most.
    pub max_duration: Option<Duration>,
    /// How many grants a user may hold on the asset at once, over all logins.
    pub max_sessions: Option<u32>,
    /// How long an operation of several steps takes; it does not begin where less is left.
    pub operation: Duration,
    /// How long an operation that has begun may go on when its grant ends.
    pub drain: Duration,
}

impl Terms {
    /// Whether a grant must be asked for, by the user or (where it needs no reason) by the daemon in
    /// the user's name: all that has a state of its own. What has none is a standing right, which
    /// [`Access::standing`](super::Access::standing) says.
    pub fn on_request(&self) -> bool {
        self.reason
            || self.approver.is_some()
            || self.max_duration.is_some()
            || self.max_sessions.is_some()
            || !self.operation.is_zero()
            || !self.drain.is_zero()
    }

    /// Whether the rule is for someone with these roles.
    pub(super) fn is_for(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }

    /// The factors that are not proven, or too long ago.
    pub(super) fn lacking(&self, proofs: &Proofs, now: Monotonic) -> Vec<Factor> {
        let good = |factor: Factor| {
            let good = |at: Monotonic| self.max_proof_age.is_none_or(|age| now < at + age);
            proofs.at(factor).is_some_and(good)
        };
        self.factors.iter().copied().filter(|factor| !good(*factor)).collect()
    }

    /// When the first of the proofs is too old.
    pub(super) fn proven_until(&self, proofs: &Proofs) -> Monotonic {
        let Some(age) = self.max_proof_age else { return Monotonic::NEVER };
        let ends = self.factors.iter().map(|factor| match proofs.at(*factor) {
            Some(at) => at + age,
            None => Monotonic::START,
        });
        ends.min().unwrap_or(Monotonic::NEVER)
    }

    /// Whether the window is open.
    pub(super) fn is_open(&self, wall: Time) -> bool {
        self.window.is_none_or(|window| window.is_open(wall))
    }
}

/// The rules of the moment. The daemon answers from the policy, a test from a list.
pub trait Rules {
    /// What the scope's rule asks on the scope's asset, its window laid out at `wall`; `None` where
    /// there is no such rule or it is not about that asset.
    fn terms(&self, scope: &Scope, wall: Time) -> Option<Terms>;
}
