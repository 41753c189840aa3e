//! Inputs that lead to a grant: request, approval, denial.

use super::effect::{End, EventKind};
use super::errors::{ApproveError, RequestError};
use super::grant::{Grant, GrantId, Limits, State};
use super::login::{Login, LoginId};
use super::terms::{Rules, Scope, Terms};
use super::{Access, MAX_GRANTS, MAX_REASON, MAX_USER_GRANTS};
use crate::store::UserId;
use crate::time::Now;

impl Access {
    /// A login asks to use a rule on an asset. What it waits for is its grant's [`State`].
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn request(
        &mut self,
        login: LoginId,
        scope: Scope,
        reason: Option<&str>,
        rules: &impl Rules,
        now: Now,
    ) -> Result<GrantId, RequestError> {
        self.tick(now);
        let asker = self.logins.get(&login).ok_or(RequestError::NoSuchLogin)?;
        let terms = rules.terms(&scope, now.wall).filter(|terms| terms.is_for(&asker.roles));
        let terms = terms.ok_or(RequestError::NoSuchRule)?;
        let reason = check_reason(reason)?;
        if terms.reason && reason.is_none() {
            return Err(RequestError::ReasonNeeded);
        }
        if !terms.is_open(now.wall) {
            return Err(RequestError::OutsideWindow);
        }
        self.check_room(asker.user, login, &scope)?;
        if self.has_too_many(asker.user, &scope, &terms) {
            return Err(RequestError::TooManySessions);
        }
        let grant = Grant::requested(login, asker, scope, reason, now);
        let id = self.add_grant(grant);
        self.audit_grant(id, EventKind::Requested, None);
        self.advance(id, rules, now);
        Ok(id)
    }

    /// Someone with the rule's approving role says yes.
    ///
    /// # Errors
    /// [`ApproveError`].
    pub fn approve(
        &mut self,
        id: GrantId,
        approver: LoginId,
        rules: &impl Rules,
        now: Now,
    ) -> Result<(), ApproveError> {
        let (terms, by) = self.check_approver(id, approver, rules, now)?;
        self.check_approval(id, approver, &terms, now)?;
        if let Some(grant) = self.grants.get_mut(&id) {
            grant.approved_by = Some(by);
        }
        self.audit_grant(id, EventKind::Approved, Some(by));
        self.advance(id, rules, now);
        if self.grants.contains_key(&id) { Ok(()) } else { Err(ApproveError::Over) }
    }

    /// What an approval needs, and a denial does not.
    fn check_approval(
        &self,
        id: GrantId,
        approver: LoginId,
        terms: &Terms,
        now: Now,
    ) -> Result<(), ApproveError> {
        let login = self.logins.get(&approver).ok_or(ApproveError::NoSuchLogin)?;
        let grant = self.grants.get(&id).ok_or(ApproveError::NotWaiting)?;
        let lacking = terms.lacking(&login.proofs, now.monotonic);
        if !lacking.is_empty() {
            Err(ApproveError::NotProven(lacking))
        } else if self.has_too_many(grant.user, &grant.scope, terms) {
            Err(ApproveError::TooManySessions)
        } else {
            Ok(())
        }
    }

    /// Someone with the rule's approving role says no.
    ///
    /// # Errors
    /// [`ApproveError`].
    pub fn deny(
        &mut self,
        id: GrantId,
        approver: LoginId,
        rules: &impl Rules,
        now: Now,
    ) -> Result<(), ApproveError> {
        let (_, by) = self.check_approver(id, approver, rules, now)?;
        self.end_grant(id, End::Denied, Some(by), now);
        Ok(())
    }

    /// The rule's terms and who approves, if they may.
    fn check_approver(
        &mut self,
        id: GrantId,
        approver: LoginId,
        rules: &impl Rules,
        now: Now,
    ) -> Result<(Terms, UserId), ApproveError> {
        self.tick(now);
        let login = self.logins.get(&approver).ok_or(ApproveError::NoSuchLogin)?;
        let grant = self.grants.get(&id).filter(|grant| grant.state == State::Requested);
        let grant = grant.ok_or(ApproveError::NotWaiting)?;
        let terms = rules.terms(&grant.scope, now.wall).ok_or(ApproveError::Over)?;
        if login.user == grant.user || login.person == grant.person {
            return Err(ApproveError::SamePerson);
        }
        let may = terms.approver.as_ref().is_some_and(|role| login.has(role));
        if may { Ok((terms, login.user)) } else { Err(ApproveError::NotApprover) }
    }

    /// Takes a request as far as it goes: to the next thing it lacks, or to a grant.
    pub(super) fn advance(&mut self, id: GrantId, rules: &impl Rules, now: Now) {
        let Some(grant) = self.grants.get(&id).filter(|grant| grant.is_pending()) else { return };
        let Some(login) = self.logins.get(&grant.login) else { return };
        let terms = rules.terms(&grant.scope, now.wall).filter(|terms| terms.is_for(&login.roles));
        let Some(terms) = terms else { return self.end_grant(id, End::PolicyChanged, None, now) };
        if !terms.is_open(now.wall) {
            return self.end_grant(id, End::WindowClosed, None, now);
        }
        let lacking = terms.lacking(&login.proofs, now.monotonic);
        let approved = terms.approver.is_none() || grant.approved_by.is_some();
        let crowded = self.has_too_many(grant.user, &grant.scope, &terms);
        let (state, kind) = if !lacking.is_empty() {
            (State::Challenged(lacking.clone()), EventKind::Challenged(lacking))
        } else if !approved {
            (State::Requested, EventKind::AwaitsApproval)
        } else if crowded {
            return self.end_grant(id, End::TooManySessions, None, now);
        } else {
            self.compile = true;
            (State::Granted(Limits::new(terms, now)), EventKind::Granted)
        };
        self.enter(id, state, kind);
    }

    fn enter(&mut self, id: GrantId, state: State, kind: EventKind) {
        if let Some(grant) = self.grants.get_mut(&id)
            && grant.state != state
        {
            grant.state = state;
            self.audit_grant(id, kind, None);
        }
    }

    fn check_room(&self, user: UserId, login: LoginId, scope: &Scope) -> Result<(), RequestError> {
        let same = |(_, grant): &(&GrantId, &Grant)| grant.login == login && grant.scope == *scope;
        if let Some((id, _)) = self.grants.iter().find(same) {
            return Err(RequestError::Duplicate(*id));
        }
        let mine = self.grants_by(user).len();
        let full = self.grants.len() >= MAX_GRANTS || mine >= MAX_USER_GRANTS;
        if full { Err(RequestError::Full) } else { Ok(()) }
    }

    /// Whether the user holds as many grants on the asset as the rule allows.
    fn has_too_many(&self, user: UserId, scope: &Scope, terms: &Terms) -> bool {
        let Some(most) = terms.max_sessions else { return false };
        let counts = |grant: &&Grant| {
            grant.user == user && grant.scope.asset == scope.asset && !grant.is_pending()
        };
        self.grants.values().filter(counts).count() >= most as usize
    }

    pub(super) fn add_grant(&mut self, grant: Grant) -> GrantId {
        let id = GrantId(self.next_id());
        self.grants.insert(id, grant);
        id
    }
}

impl Grant {
    pub(super) fn requested(
        login: LoginId,
        asker: &Login,
        scope: Scope,
        reason: Option<Box<str>>,
        now: Now,
    ) -> Grant {
        Grant {
            login,
            user: asker.user,
            person: asker.person.clone(),
            binding: asker.binding,
            scope,
            reason,
            // Nothing yet; `advance` says what it waits for.
            state: State::Challenged(Vec::new()),
            requested: now.monotonic,
            approved_by: None,
            break_glass: None,
            operations: 0,
        }
    }
}

/// A reason as given, without blanks around it; one of nothing but blanks is none.
pub(super) fn check_reason(reason: Option<&str>) -> Result<Option<Box<str>>, RequestError> {
    let Some(reason) = reason.map(str::trim).filter(|reason| !reason.is_empty()) else {
        return Ok(None);
    };
    if reason.len() > MAX_REASON || !crate::name::is_printable(reason) {
        return Err(RequestError::BadReason);
    }
    Ok(Some(reason.into()))
}
