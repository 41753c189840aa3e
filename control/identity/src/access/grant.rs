//! A grant: the right of one login to use one rule on one asset, from request to end.

use wicketgate_engine::tables::Window;
use wicketgate_packet::Time;

use super::BreakGlassId;
use super::effect::End;
use super::login::{Binding, Login, LoginId};
use super::terms::{Scope, Terms};
use crate::factor::Factor;
use crate::store::UserId;
use crate::time::{Monotonic, Now};

/// The number of a grant: 1, 2, 3, … Never used twice while the gate runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantId(pub u64);

/// Where a grant stands. What ended is no longer there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for the user to prove these.
    Challenged(Vec<Factor>),
    /// Waits for someone to approve.
    Requested,
    /// May be used until it ends.
    Granted(Limits),
    /// Is over, but for the operation under way, which may go on until then.
    Draining {
        /// When it ended.
        since: Monotonic,
        /// The deadline.
        until: Monotonic,
        /// Why it is over.
        end: End,
    },
}

/// How long a grant lasts: each limit alone ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What the rule asks.
    pub(super) terms: Terms,
    /// When the grant began.
    pub(super) since: Monotonic,
    /// Open only while the wall clock is in here.
    pub(super) window: Option<Window>,
    /// When that window closes, on the clock that nobody sets; fixed when the grant began.
    pub(super) window_closes: Monotonic,
    /// When the longest duration is over.
    pub(super) expires: Monotonic,
}

/// A grant.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Whose.
    pub login: LoginId,
    /// Which user's.
    pub user: UserId,
    /// The person, as approvals count them.
    pub(super) person: Box<str>,
    /// Bound to what: the login's, which a draining grant may outlive.
    pub binding: Binding,
    /// For what.
    pub scope: Scope,
    /// Why, as the user wrote it.
    pub reason: Option<Box<str>>,
    /// Where it stands.
    pub state: State,
    /// When it was asked for.
    pub requested: Monotonic,
    /// Who approved it.
    pub approved_by: Option<UserId>,
    /// The break-glass that it came of.
    pub break_glass: Option<BreakGlassId>,
    /// Operations of several steps under way.
    pub(super) operations: u32,
}

impl Limits {
    /// Limits that begin now. A later clock never moves them.
    pub(super) fn new(terms: Terms, now: Now) -> Limits {
        let window = terms.window;
        let left = |window: Window| now.monotonic + window.until.since(now.wall);
        let lasts = |duration| now.monotonic + duration;
        Limits {
            since: now.monotonic,
            window,
            window_closes: window.map_or(Monotonic::NEVER, left),
            expires: terms.max_duration.map_or(Monotonic::NEVER, lasts),
            terms,
        }
    }

    /// What has ended a grant with these limits, if anything has.
    pub(super) fn end(&self, login: &Login, now: Now) -> Option<End> {
        if now.monotonic >= self.expires {
            Some(End::Expired)
        } else if now.monotonic >= self.window_closes || self.is_past(now.wall) {
            Some(End::WindowClosed)
        } else if now.monotonic >= self.terms.proven_until(&login.proofs) {
            Some(End::ProofTooOld)
        } else {
            None
        }
    }

    /// Forward steps of the wall clock close a window at once.
    fn is_past(&self, wall: Time) -> bool {
        self.window.is_some_and(|window| window.until <= wall)
    }

    /// When these limits end a grant, on the monotonic clock.
    pub(super) fn deadline(&self, login: &Login) -> Monotonic {
        self.expires.min(self.window_closes).min(self.terms.proven_until(&login.proofs))
    }

    /// The same grant under a policy that was read anew; `None` if the policy's window is shut.
    ///
    /// Nothing is ever longer for it: a reload under a clock set back would else extend what was
    /// granted. Windows that have nothing in common end it, even if it is the clock that is off: what
    /// the new window says of the time that is right cannot be known then.
    pub(super) fn reloaded(&self, terms: Terms, now: Now) -> Option<Limits> {
        let fresh = Limits::new(terms, now);
        let lasts = |most| self.since + most;
        let expires = fresh.terms.max_duration.map_or(Monotonic::NEVER, lasts);
        Some(Limits {
            since: self.since,
            window: common(self.window, fresh.window, now.wall)?,
            window_closes: self.window_closes.min(fresh.window_closes),
            expires: self.expires.min(expires),
            terms: fresh.terms,
        })
    }
}

/// What two windows have in common; `None` if that is nothing.
fn common(old: Option<Window>, new: Option<Window>, wall: Time) -> Option<Option<Window>> {
    match (old, new) {
        (old, None) => Some(old),
        (None, Some(new)) => new.is_open(wall).then_some(Some(new)),
        (Some(old), Some(new)) => {
            let both = Window { from: old.from.max(new.from), until: old.until.min(new.until) };
            (both.from < both.until).then_some(Some(both))
        }
    }
}
