//! Break-glass: a way past approval and window for the night when nobody is there to approve.
//!
//! Armed beforehand by an admin for one rule and one role, it expires by itself. Whoever has the role
//! may then use the rule without its roles, window, approval and limit of sessions, giving a reason;
//! factors are asked as ever. Every use is an alarm.

use std::sync::Arc;
use std::time::Duration;

use super::effect::{Effect, End, Event, EventKind};
use super::errors::BreakGlassError;
use super::grant::{Grant, GrantId, Limits, State};
use super::login::LoginId;
use super::requests::check_reason;
use super::terms::{Rules, Scope, Terms};
use super::{Access, MAX_GRANTS};
use crate::name::Role;
use crate::store::{ADMIN, UserId};
use crate::time::{Monotonic, Now};

/// Longest time that break-glass stays armed.
pub const MAX_ARMED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Longest grant by break-glass: one shift.
pub const MAX_DURATION: Duration = Duration::from_secs(8 * 3600);

/// Most that are armed at once.
pub const MAX_BREAK_GLASS: usize = 64;

/// The number of an armed break-glass: 1, 2, 3, … Never used twice while the gate runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BreakGlassId(pub u64);

/// An armed break-glass.
#[derive(Clone, Debug)]
pub struct Armed {
    /// For this rule, on any asset it is about.
    pub rule: Arc<str>,
    /// For whoever has this role.
    pub role: Role,
    /// How long a grant by it lasts.
    pub duration: Duration,
    /// Until then.
    pub until: Monotonic,
    /// Who armed it.
    pub by: UserId,
}

impl Access {
    /// An admin arms break-glass for a rule and a role, for `lifetime`; each grant by it lasts
    /// `duration`.
    ///
    /// # Errors
    /// [`BreakGlassError::NotAdmin`], [`BreakGlassError::BadTime`], [`BreakGlassError::Full`],
    /// [`BreakGlassError::NoSuchLogin`].
    pub fn arm(
        &mut self,
        admin: LoginId,
        (rule, role): (Arc<str>, Role),
        lifetime: Duration,
        duration: Duration,
        now: Now,
    ) -> Result<BreakGlassId, BreakGlassError> {
        let by = self.admin(admin, now)?;
        let sane = |time: Duration, most| !time.is_zero() && time <= most;
        if !sane(lifetime, MAX_ARMED) || !sane(duration, MAX_DURATION) {
            return Err(BreakGlassError::BadTime);
        }
        if self.armed.len() >= MAX_BREAK_GLASS {
            return Err(BreakGlassError::Full);
        }
        let id = BreakGlassId(self.next_id());
        let until = now.monotonic + lifetime;
        self.armed.insert(id, Armed { rule, role, duration, until, by });
        self.alarm_armed(EventKind::Armed(id), Some(by));
        Ok(id)
    }

    /// An admin disarms break-glass; grants by it end at once.
    ///
    /// # Errors
    /// [`BreakGlassError::NotAdmin`], [`BreakGlassError::NotArmed`], [`BreakGlassError::NoSuchLogin`].
    pub fn disarm(
        &mut self,
        id: BreakGlassId,
        admin: LoginId,
        now: Now,
    ) -> Result<(), BreakGlassError> {
        let by = self.admin(admin, now)?;
        self.armed.remove(&id).ok_or(BreakGlassError::NotArmed)?;
        self.alarm_armed(EventKind::Disarmed(id), Some(by));
        let used = self.grants.iter().filter(|(_, grant)| grant.break_glass == Some(id));
        for grant in used.map(|(grant, _)| *grant).collect::<Vec<_>>() {
            self.end_grant(grant, End::Disarmed, Some(by), now);
        }
        Ok(())
    }

    /// What is armed.
    pub fn armed(&self) -> impl Iterator<Item = (BreakGlassId, &Armed)> {
        self.armed.iter().map(|(id, armed)| (*id, armed))
    }

    /// Someone uses break-glass: a grant at once, and an alarm.
    ///
    /// # Errors
    /// [`BreakGlassError`].
    pub fn break_glass(
        &mut self,
        login: LoginId,
        scope: Scope,
        reason: &str,
        rules: &impl Rules,
        now: Now,
    ) -> Result<GrantId, BreakGlassError> {
        self.tick(now);
        let user = self.logins.get(&login).ok_or(BreakGlassError::NoSuchLogin)?;
        let fits = |armed: &Armed| armed.rule == scope.rule && user.has(&armed.role);
        let found = self.armed.iter().find(|(_, armed)| fits(armed));
        let (id, armed) = found.ok_or(BreakGlassError::NotArmed)?;
        let (id, role, duration) = (*id, armed.role.clone(), armed.duration);
        let terms = rules.terms(&scope, now.wall).ok_or(BreakGlassError::NoSuchRule)?;
        let reason = check_reason(Some(reason)).ok().flatten();
        let reason = Some(reason.ok_or(BreakGlassError::BadReason)?);
        let lacking = terms.lacking(&user.proofs, now.monotonic);
        if !lacking.is_empty() {
            return Err(BreakGlassError::NotProven(lacking));
        }
        if self.grants.len() >= MAX_GRANTS {
            return Err(BreakGlassError::Full);
        }
        let mut grant = Grant::requested(login, user, scope, reason, now);
        grant.state = State::Granted(Limits::new(emergency(terms, role, duration), now));
        grant.break_glass = Some(id);
        Ok(self.begin_emergency(grant, id))
    }

    fn begin_emergency(&mut self, grant: Grant, id: BreakGlassId) -> GrantId {
        let same = |(_, old): &(&GrantId, &Grant)| {
            old.login == grant.login && old.scope == grant.scope && old.is_pending()
        };
        // A request for the same is answered by this.
        if let Some(old) = self.grants.iter().find(same).map(|(old, _)| *old) {
            self.audit_grant(old, EventKind::GrantEnd(End::GivenBack), None);
            self.grants.remove(&old);
        }
        let grant = self.add_grant(grant);
        self.compile = true;
        let event = self.grant_event(grant, EventKind::BreakGlass(id), None);
        self.effects.push_back(Effect::Alarm(event));
        grant
    }

    pub(super) fn expire_armed(&mut self, now: Monotonic) {
        let over = self.armed.iter().filter(|(_, armed)| armed.until <= now);
        for id in over.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.armed.remove(&id);
            self.audit(Event::new(EventKind::ArmedExpired(id)));
        }
    }

    fn admin(&self, login: LoginId, now: Now) -> Result<UserId, BreakGlassError> {
        let login = self.live(login, now).ok_or(BreakGlassError::NoSuchLogin)?;
        let admin = login.roles.iter().any(|role| role.as_str() == ADMIN);
        if admin { Ok(login.user) } else { Err(BreakGlassError::NotAdmin) }
    }

    fn alarm_armed(&mut self, kind: EventKind, actor: Option<UserId>) {
        self.effects.push_back(Effect::Alarm(Event { actor, ..Event::new(kind) }));
    }
}

/// What remains of a rule's terms in an emergency.
fn emergency(terms: Terms, role: Role, duration: Duration) -> Terms {
    let (roles, max_duration) = (vec![role], Some(duration));
    Terms { roles, window: None, max_duration, approver: None, max_sessions: None, ..terms }
}
