//! Logins and grants: what proven people may use now, and what takes it back.
//!
//! A state machine without I/O. Each input takes `now`; what the daemon has to do comes out of
//! [`Access::poll_effect`]; [`Access::next_deadline`] says when [`Access::tick`] is due at the latest.
//!
//! # A grant
//!
//! ```text
//!              request
//!                 |
//!                 v         a proof lacks or is too old
//!          +------+------+ ------------------------------> +------------+
//!          |  requested  |                                 | challenged |
//!          | (approver?) | <------------------------------ |  (prove!)  |
//!          +------+------+            step up              +-----+------+
//!                 | approved, or needs nobody                    |
//!                 v                                              | unanswered for
//!          +------+------+                                       | REQUEST_LIFETIME,
//!          |   granted   |                                       | denied, taken back
//!          |    until    |                                       |
//!          +--+-------+--+                                       |
//!   ends by   |       |  taken back: revoked, disabled, role     |
//!   itself    |       |  lost, policy changed, disarmed          |
//!             v       |                                          |
//!   operation under   |                                          |
//!   way? yes: +-----------+                                      |
//!             | draining  |                                      |
//!             |   until   |                                      |
//!             +--+-----+--+                                      |
//!   over or done |     | taken back                              |
//!                v     v                                         v
//!            expired | revoked  <--------------------------------+
//! ```
//!
//! What a login may use without asking ([`Terms::on_request`] is false) is no grant but a *standing
//! right*: [`Access::standing`] says at any time whether it holds and until when.
//!
//! # Two clocks
//!
//! A grant ends at the earlier of two deadlines. Durations, idle times and the age of proofs count on
//! the monotonic clock alone. A window is laid out when the grant begins, on both clocks:
//!
//! - the wall clock set *forward* past the window's end closes it now; set forward within the window
//!   it changes nothing;
//! - set *back*, it extends nothing, for the window also closes on the monotonic clock, at the time
//!   that was left when the grant began;
//! - set back to before the window opened, it shuts the grant without ending it: no clock says that
//!   the window is open.
//!
//! So a step of the wall clock touches only what asks for a time of day, and there it can make a
//! right shorter and never longer.

pub mod break_glass;
mod effect;
mod errors;
mod grant;
mod grants;
mod login;
mod logins;
mod requests;
mod terms;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub use break_glass::{Armed, BreakGlassId};
pub use effect::{Effect, End, Event, EventKind};
pub use errors::{ApproveError, BreakGlassError, LoginError, RequestError};
pub use grant::{Grant, GrantId, Limits, State};
pub use grants::Right;
pub use login::{Binding, Lifetimes, Login, LoginId};
pub use logins::Standing;
pub use terms::{Rules, Scope, Terms};

use crate::store::UserId;
use crate::time::{Monotonic, Now};

/// Most logins at once.
pub const MAX_LOGINS: usize = 16_384;

/// Most grants and requests at once.
pub const MAX_GRANTS: usize = 16_384;

/// Most grants and requests of one user at once, so that nobody fills the table alone.
pub const MAX_USER_GRANTS: usize = 64;

/// Longest reason, in bytes.
pub const MAX_REASON: usize = 1024;

/// A request that nobody answers is over after this time.
pub const REQUEST_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// A proof must become a login within this time; an admin's change in between voids it.
pub const PROOF_LIFETIME: Duration = Duration::from_secs(30);

/// Logins, grants, and armed break-glass of one gate.
///
/// Nothing of it survives a restart: whoever was logged in logs in again.
#[derive(Debug)]
pub struct Access {
    lifetimes: Lifetimes,
    logins: BTreeMap<LoginId, Login>,
    by_binding: BTreeMap<Binding, LoginId>,
    grants: BTreeMap<GrantId, Grant>,
    armed: BTreeMap<BreakGlassId, Armed>,
    /// Users that an admin changed, for as long as a proof from before might still come.
    changed: BTreeMap<UserId, Monotonic>,
    effects: VecDeque<Effect>,
    compile: bool,
    last_id: u64,
}

impl Access {
    /// Nobody is logged in.
    pub fn new(lifetimes: Lifetimes) -> Access {
        Access {
            lifetimes,
            logins: BTreeMap::new(),
            by_binding: BTreeMap::new(),
            grants: BTreeMap::new(),
            armed: BTreeMap::new(),
            changed: BTreeMap::new(),
            effects: VecDeque::new(),
            compile: false,
            last_id: 0,
        }
    }

    /// Ends whatever is over. To be called at [`Access::next_deadline`], and every 100 ms besides:
    /// the wall clock may step at any time.
    pub fn tick(&mut self, now: Now) {
        self.expire_logins(now);
        self.expire_grants(now);
        self.expire_armed(now.monotonic);
        self.changed.retain(|_, at| now.monotonic < *at + PROOF_LIFETIME);
    }

    /// When something ends next, if no input comes before.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        let logins = self.logins.values().map(|login| login.deadline(self.lifetimes));
        let grants = self.grants.values().map(|grant| self.deadline(grant));
        let armed = self.armed.values().map(|armed| armed.until);
        let next = logins.chain(grants).chain(armed).min();
        next.filter(|deadline| *deadline < Monotonic::NEVER)
    }

    /// What the daemon has to do next; `None` when all is done. To be asked until then after each
    /// input: nothing else empties the queue. Cuts come as they arise, [`Effect::Compile`]
    /// once, at the end.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front().or_else(|| {
            let compile = std::mem::take(&mut self.compile);
            compile.then_some(Effect::Compile)
        })
    }

    /// The login of that number.
    pub fn login_of(&self, id: LoginId) -> Option<&Login> {
        self.logins.get(&id)
    }

    /// All logins.
    pub fn logins(&self) -> impl Iterator<Item = (LoginId, &Login)> {
        self.logins.iter().map(|(id, login)| (*id, login))
    }

    /// The grant or request of that number.
    pub fn grant(&self, id: GrantId) -> Option<&Grant> {
        self.grants.get(&id)
    }

    /// All grants and requests.
    pub fn grants(&self) -> impl Iterator<Item = (GrantId, &Grant)> {
        self.grants.iter().map(|(id, grant)| (*id, grant))
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn audit(&mut self, event: Event) {
        self.effects.push_back(Effect::Audit(event));
    }

    fn cut(&mut self, effect: Effect) {
        self.effects.push_back(effect);
        self.compile = true;
    }
}
