//! Proving a person: one attempt in, a proven user or a refusal out.
//!
//! Unknown name, disabled user, wrong password, wrong or used code, delay, lock: to the one who asks
//! they are one answer, after the same work. Which it was is in the event, for the audit.
//!
//! An attempt is counted before it is checked. So a thousand attempts at once are no more guesses
//! than a thousand in a row, and killing the gate between check and count wins nothing.

use std::fmt;

pub use crate::attempt::{Attempt, AttemptEvent, Authenticated, Cause, Outcome, Refusal};
use crate::factor::password;
use crate::factor::recovery::RecoveryCode;
use crate::factor::totp::{DIGITS, Seed};
use crate::factor::{Password, Proofs};
use crate::name::UserName;
use crate::secret::{NoRandomness, Secret};
use crate::store::{Accepted, Known, Shown, Store, StoreError, UserId, Verdict};
use crate::throttle::{Held, Throttle};
use crate::time::{Monotonic, Now};

/// Proves people against a [`Store`].
///
/// Attempts are checked one after the other; each costs one argon2id (about 20 ms on one core), so it
/// belongs on a thread of its own, away from workers and from control.
pub struct Authenticator {
    store: Store,
    throttle: Throttle,
    decoy: Decoy,
}

/// What is checked in place of what is not there, so that absence takes as long.
struct Decoy {
    phc: String,
    seed: Seed,
}

/// The state of one attempt under way.
struct Check<'a> {
    attempt: &'a Attempt<'a>,
    known: Known,
    now: Now,
    cause: Option<Cause>,
}

impl Authenticator {
    /// An authenticator over `store`. Delays that ran when the gate stopped run anew from `now`.
    ///
    /// # Errors
    /// The kernel has no random bytes.
    pub fn new(store: Store, now: Monotonic) -> Result<Authenticator, NoRandomness> {
        let random = Secret::random(32)?;
        let text = random.expose().iter().map(|byte| char::from(*byte)).collect();
        let phc = Password::new(text).hash()?;
        let decoy = Decoy { phc, seed: Seed::new()? };
        Ok(Authenticator { store, throttle: Throttle::new(now), decoy })
    }

    /// The store, for administration.
    pub fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Checks an attempt. It never fails: what cannot be checked is refused.
    pub fn authenticate(&mut self, attempt: &Attempt<'_>, now: Now) -> Outcome {
        let mut event = AttemptEvent {
            source: attempt.source,
            user: None,
            shown: attempt.factors().collect(),
            recovery: attempt.code.is_some_and(|code| !is_totp(code)),
            result: Ok(()),
            failures: 0,
            error: None,
        };
        if let Err(wait) = self.throttle.charge(attempt.source, now.monotonic) {
            event.result = Err(Cause::SourceDelayed);
            return Outcome { answer: Err(Refusal::Wait(wait)), event };
        }
        let result = self.check(attempt, now, &mut event).unwrap_or_else(|error| {
            event.error = Some(error);
            Err(Cause::StoreFailed)
        });
        if result.is_ok() {
            self.throttle.refund(attempt.source, now.monotonic);
        }
        event.result = result.as_ref().map(|_| ()).map_err(|cause| *cause);
        Outcome { answer: result.map_err(|_| Refusal::Refused), event }
    }

    fn check(
        &mut self,
        attempt: &Attempt<'_>,
        now: Now,
        event: &mut AttemptEvent,
    ) -> Result<Result<Authenticated, Cause>, StoreError> {
        let known = self.store.known(UserName::new(attempt.user).ok().as_ref())?;
        event.user = known.user.as_ref().map(|user| (user.id, user.name.clone()));
        let (held, failures) = self.count(known.id(), now.monotonic)?;
        event.failures = failures;
        let mut check = Check { attempt, known, now, cause: held.map(cause_of) };
        check.user();
        check.password(&self.decoy);
        let code = check.code(&self.store, &self.decoy)?;
        check.certificate(&self.store)?;
        match check.cause {
            Some(cause) => Ok(Err(cause)),
            None => self.accept(check, code),
        }
    }

    /// Counts the attempt; returns whether the user is held, and the failures with this one.
    fn count(&mut self, user: UserId, now: Monotonic) -> Result<(Option<Held>, u32), StoreError> {
        if user == UserId::NOBODY {
            return self.store.count_attempt(user, |_| false).map(|_| (None, 0));
        }
        let mut held = None;
        let throttle = &mut self.throttle;
        let (is_held, failures) = self.store.count_attempt(user, |failures| {
            held = throttle.held(user, failures, now);
            held.is_some()
        })?;
        if !is_held {
            self.throttle.attempted(user, failures, now);
        }
        Ok((held, failures))
    }

    fn accept(
        &mut self,
        check: Check<'_>,
        code: Option<Shown>,
    ) -> Result<Result<Authenticated, Cause>, StoreError> {
        let Check { attempt, known, now, .. } = check;
        let Some(user) = known.user else { return Ok(Err(Cause::UnknownUser)) };
        let phc = known.phc.as_deref().filter(|_| attempt.password.is_some());
        let outdated = attempt.password.filter(|_| phc.is_some_and(password::is_outdated));
        let rehash = outdated.map(Password::hash).transpose()?;
        let accepted = Accepted { code, phc, rehash, certificate: attempt.certificate };
        match self.store.accept(user.id, &accepted, now)? {
            Verdict::Reused => return Ok(Err(Cause::ReusedCode)),
            Verdict::TakenBack => return Ok(Err(Cause::TakenBack)),
            Verdict::Recorded => {}
        }
        let mut proofs = Proofs::default();
        attempt.factors().for_each(|factor| proofs.add(factor, now.monotonic));
        Ok(Ok(Authenticated { user, proofs, at: now.monotonic }))
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Known {
    fn id(&self) -> UserId {
        self.user.as_ref().map_or(UserId::NOBODY, |user| user.id)
    }
}

/// Each step does its work whatever the steps before found.
impl Check<'_> {
    /// The first cause found is the one that is told.
    fn demand(&mut self, right: bool, cause: Cause) {
        if !right && self.cause.is_none() {
            self.cause = Some(cause);
        }
    }

    fn user(&mut self) {
        self.demand(self.known.user.is_some(), Cause::UnknownUser);
        let disabled = self.known.user.as_ref().is_some_and(|user| user.disabled);
        self.demand(!disabled, Cause::Disabled);
        self.demand(self.attempt.factors().next().is_some(), Cause::NothingShown);
    }

    fn password(&mut self, decoy: &Decoy) {
        let Some(password) = self.attempt.password else { return };
        let right = password.verify(self.known.phc.as_ref().unwrap_or(&decoy.phc));
        self.demand(right && self.known.phc.is_some(), Cause::WrongPassword);
    }

    fn code(&mut self, store: &Store, decoy: &Decoy) -> Result<Option<Shown>, StoreError> {
        let Some(code) = self.attempt.code else { return Ok(None) };
        let shown = if is_totp(code) {
            let seed = self.known.seed.as_ref().unwrap_or(&decoy.seed);
            let step = seed.step_of(code, self.now.unix_seconds());
            step.filter(|_| self.known.seed.is_some()).map(Shown::Step)
        } else {
            let code = RecoveryCode::parse(code);
            code.map(|code| store.has_recovery_code(self.known.id(), &code)).transpose()?.flatten()
        };
        self.demand(shown.is_some(), Cause::WrongCode);
        Ok(shown)
    }

    fn certificate(&mut self, store: &Store) -> Result<(), StoreError> {
        let Some(thumbprint) = self.attempt.certificate else { return Ok(()) };
        let right = store.has_certificate(self.known.id(), thumbprint)?;
        self.demand(right, Cause::WrongCertificate);
        Ok(())
    }
}

/// Whether a code as typed has the form of a TOTP code; else it is taken for a recovery code.
fn is_totp(code: &str) -> bool {
    code.len() == usize::from(DIGITS)
}

fn cause_of(held: Held) -> Cause {
    match held {
        Held::Delayed => Cause::Delayed,
        Held::Locked => Cause::Locked,
    }
}
