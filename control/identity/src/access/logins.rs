//! Inputs about logins: begun, proven anew, seen, ended.

use std::time::Duration;

use super::effect::{Effect, End, Event, EventKind};
use super::errors::LoginError;
use super::grant::Grant;
use super::login::{Binding, Login, LoginId};
use super::terms::{Rules, Terms};
use super::{Access, MAX_LOGINS, PROOF_LIFETIME};
use crate::authenticate::Authenticated;
use crate::factor::Factor;
use crate::name::Role;
use crate::store::{User, UserId};
use crate::time::{Monotonic, Now};

/// How a standing right stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It holds until then, in its window; tables have both.
    Until(Monotonic),
    /// These must be proven, or proven anew.
    Lacks(Vec<Factor>),
    /// It is not for this login, or must be asked for.
    No,
}

impl Access {
    /// Begins a login. Another one on the same tunnel or address ends: two people on one address
    /// would have each other's rights.
    ///
    /// # Errors
    /// [`LoginError::Stale`], [`LoginError::Full`].
    pub fn login(
        &mut self,
        proven: &Authenticated,
        binding: Binding,
        now: Now,
    ) -> Result<LoginId, LoginError> {
        self.tick(now);
        self.check_fresh(proven, now)?;
        self.supersede(&proven.user, binding, now);
        if self.logins.len() >= MAX_LOGINS {
            return Err(LoginError::Full);
        }
        let id = LoginId(self.next_id());
        let login = self.new_login(proven, binding, now.monotonic);
        self.logins.insert(id, login);
        self.by_binding.insert(binding, id);
        self.compile = true;
        self.audit_login(id, EventKind::Login(proven.proofs.factors().collect()), None);
        Ok(id)
    }

    /// Ends what the tunnel or address had: the login, and what drains there for someone else.
    fn supersede(&mut self, user: &User, binding: Binding, now: Now) {
        if let Some(old) = self.by_binding.get(&binding).copied() {
            self.end_login(old, End::Superseded, None, now);
        }
        let others = |grant: &&Grant| grant.binding == binding && *grant.person != *user.person;
        let drains = self.grants.iter().filter(|(_, grant)| others(grant));
        for id in drains.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.end_grant(id, End::Superseded, None, now);
        }
    }

    fn new_login(&self, proven: &Authenticated, binding: Binding, now: Monotonic) -> Login {
        let user = &proven.user;
        Login {
            user: user.id,
            name: user.name.clone(),
            person: user.person.as_str().into(),
            roles: user.roles.clone(),
            binding,
            proofs: proven.proofs,
            since: now,
            seen: now,
            until: now + self.lifetimes.login,
        }
    }

    /// Adds proofs to a login: what it lacked, or anew what was too old. Requests that waited for
    /// them go on.
    ///
    /// # Errors
    /// [`LoginError::Stale`], [`LoginError::NoSuchLogin`], [`LoginError::OtherUser`].
    pub fn step_up(
        &mut self,
        id: LoginId,
        proven: &Authenticated,
        rules: &impl Rules,
        now: Now,
    ) -> Result<(), LoginError> {
        self.tick(now);
        self.check_fresh(proven, now)?;
        let login = self.logins.get_mut(&id).ok_or(LoginError::NoSuchLogin)?;
        if login.user != proven.user.id {
            return Err(LoginError::OtherUser);
        }
        login.proofs.merge(&proven.proofs);
        login.seen = now.monotonic;
        self.compile = true;
        self.audit_login(id, EventKind::StepUp(proven.proofs.factors().collect()), None);
        for grant in self.grants_of(id) {
            self.advance(grant, rules, now);
        }
        Ok(())
    }

    /// Has a login end so long after it began, if it would last longer.
    pub fn shorten(&mut self, id: LoginId, lifetime: Duration) {
        if let Some(login) = self.logins.get_mut(&id) {
            login.until = login.until.min(login.since + lifetime);
            self.compile = true;
        }
    }

    /// Frames or requests of the login were seen.
    pub fn seen(&mut self, id: LoginId, now: Now) {
        if let Some(login) = self.logins.get_mut(&id) {
            login.seen = login.seen.max(now.monotonic);
        }
    }

    /// The user logs out.
    ///
    /// # Errors
    /// [`LoginError::NoSuchLogin`].
    pub fn logout(&mut self, id: LoginId, now: Now) -> Result<(), LoginError> {
        if !self.logins.contains_key(&id) {
            return Err(LoginError::NoSuchLogin);
        }
        self.end_login(id, End::GivenBack, None, now);
        Ok(())
    }

    /// The tunnel of a login is gone, and with it whoever could use it.
    ///
    /// # Errors
    /// [`LoginError::NoSuchLogin`].
    pub fn tunnel_lost(&mut self, id: LoginId, now: Now) -> Result<(), LoginError> {
        if !self.logins.contains_key(&id) {
            return Err(LoginError::NoSuchLogin);
        }
        self.end_login(id, End::TunnelLost, None, now);
        Ok(())
    }

    /// Takes a login back, with all its grants; `actor` is who did.
    ///
    /// # Errors
    /// [`LoginError::NoSuchLogin`].
    pub fn revoke_login(
        &mut self,
        id: LoginId,
        actor: Option<UserId>,
        now: Now,
    ) -> Result<(), LoginError> {
        if !self.logins.contains_key(&id) {
            return Err(LoginError::NoSuchLogin);
        }
        self.end_login(id, End::Revoked, actor, now);
        Ok(())
    }

    /// The user was disabled or removed, or lost a factor by a reset: all that is the user's ends.
    pub fn user_disabled(&mut self, user: UserId, actor: Option<UserId>, now: Now) {
        self.changed.insert(user, now.monotonic);
        for login in self.logins_of(user) {
            self.end_login(login, End::Disabled, actor, now);
        }
        // What drains without a login.
        for grant in self.grants_by(user) {
            self.end_grant(grant, End::Disabled, actor, now);
        }
        self.forget_approvals(user);
    }

    /// The user has these roles now: grants that rest on a lost one end.
    pub fn roles_changed(
        &mut self,
        user: UserId,
        roles: &[Role],
        rules: &impl Rules,
        actor: Option<UserId>,
        now: Now,
    ) {
        self.changed.insert(user, now.monotonic);
        for id in self.logins_of(user) {
            let Some(login) = self.logins.get_mut(&id) else { continue };
            let before = std::mem::replace(&mut login.roles, roles.to_vec());
            self.compile = true;
            if !before.iter().all(|role| roles.contains(role)) {
                self.cut(Effect::CutSessions { login: id });
            }
        }
        for id in self.grants_by(user) {
            let keeps = |grant: &Grant| grant.is_for(roles, rules, now);
            if !self.grants.get(&id).is_some_and(keeps) {
                self.end_grant(id, End::RoleLost, actor, now);
            }
        }
        self.forget_approvals(user);
    }

    /// Approvals of a user that have not led to a grant yet.
    fn forget_approvals(&mut self, user: UserId) {
        for grant in self.grants.values_mut().filter(|grant| grant.approved_by == Some(user)) {
            grant.forget_approval();
        }
    }

    /// Whether the login has a right that need not be asked for. Its window is for the tables.
    pub fn standing(&self, id: LoginId, terms: &Terms, now: Now) -> Standing {
        let Some(login) = self.live(id, now) else { return Standing::No };
        if terms.on_request() || !terms.is_for(&login.roles) {
            return Standing::No;
        }
        let lacking = terms.lacking(&login.proofs, now.monotonic);
        if lacking.is_empty() {
            Standing::Until(login.until.min(terms.proven_until(&login.proofs)))
        } else {
            Standing::Lacks(lacking)
        }
    }

    /// A login that is not over.
    pub(super) fn live(&self, id: LoginId, now: Now) -> Option<&Login> {
        let login = self.logins.get(&id)?;
        login.end(now.monotonic, self.lifetimes).is_none().then_some(login)
    }

    pub(super) fn expire_logins(&mut self, now: Now) {
        let over = |(id, login): (&LoginId, &Login)| {
            login.end(now.monotonic, self.lifetimes).map(|end| (*id, end))
        };
        let over: Vec<(LoginId, End)> = self.logins.iter().filter_map(over).collect();
        for (id, end) in over {
            self.end_login(id, end, None, now);
        }
    }

    fn check_fresh(&self, proven: &Authenticated, now: Now) -> Result<(), LoginError> {
        let changed = self.changed.get(&proven.user.id);
        let void = changed.is_some_and(|changed| proven.at <= *changed);
        let old = now.monotonic >= proven.at + PROOF_LIFETIME;
        if void || old { Err(LoginError::Stale) } else { Ok(()) }
    }

    /// Ends a login and its grants; grants with an operation under way may drain.
    fn end_login(&mut self, id: LoginId, end: End, actor: Option<UserId>, now: Now) {
        let grants = self.grants_of(id);
        for grant in &grants {
            self.end_grant(*grant, end, actor, now);
        }
        let keep = grants.into_iter().filter(|grant| self.grants.contains_key(grant)).collect();
        self.cut(Effect::CutLogin { login: id, keep });
        self.audit_login(id, EventKind::LoginEnd(end), actor);
        if let Some(login) = self.logins.remove(&id) {
            self.by_binding.remove(&login.binding);
        }
    }

    fn logins_of(&self, user: UserId) -> Vec<LoginId> {
        let mine = self.logins.iter().filter(|(_, login)| login.user == user);
        mine.map(|(id, _)| *id).collect()
    }

    pub(super) fn audit_login(&mut self, id: LoginId, kind: EventKind, actor: Option<UserId>) {
        let user = self.logins.get(&id).map(|login| login.user);
        self.audit(Event { login: Some(id), user, actor, ..Event::new(kind) });
    }
}
