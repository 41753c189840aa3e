//! People: who they are, how they prove it, what they were given, and what takes it back.
//!
//! Two halves that know little of each other. The first proves people and keeps what must survive
//! a restart; the second is a state machine without I/O that says what proven people may use now.
//!
//! ```text
//! Attempt -> Authenticator -> Authenticated -> Access -> Right, Effect
//!            (Store, factors, throttle)        (logins, grants, break-glass)
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`authenticate`] | [`Authenticator`]: an attempt in, a proven user or one and the same refusal out |
//! | [`store`] | [`Store`]: users and factors in SQLite, secrets sealed |
//! | [`factor`] | passwords, TOTP, recovery codes, client certificates |
//! | [`throttle`] | delays after failures, by source and by user |
//! | [`access`] | [`Access`]: logins, grants, approvals, break-glass; `now` is an argument |
//! | [`key`] | [`SealingKey`]: the key that secrets are sealed with, from a file or systemd |
//! | [`secret`] | [`Secret`]: bytes that are wiped and never printed |
//! | [`name`] | [`UserName`], [`Role`]: names that cannot be misread |
//! | [`time`] | [`Now`]: two clocks in one argument |
//! | `attempt` | [`Attempt`], [`Outcome`], and the causes that the audit is told |
//! | `files` | who may read a file, checked before it is trusted |
//!
//! Invariant: nothing here knows a conduit. No state of a user, a store or a clock reaches a machine.
//!
//! `docs/IDENTITY.md` says what is stored, how it is protected, and where each number comes from.

pub mod access;
mod attempt;
pub mod authenticate;
pub mod factor;
mod files;
pub mod key;
pub mod name;
pub mod secret;
pub mod store;
pub mod throttle;
pub mod time;

pub use access::{Access, Effect, GrantId, LoginId, Right, Rules, Terms};
pub use authenticate::{Attempt, Authenticated, Authenticator, Outcome, Refusal};
pub use factor::{Factor, NotAThumbprint, Password, Proofs, RecoveryCode, Thumbprint};
pub use key::SealingKey;
pub use name::{Role, UserName};
pub use secret::Secret;
pub use store::{Store, StoreError, User, UserId};
pub use time::{Monotonic, Now};
