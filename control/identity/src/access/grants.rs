//! Inputs about grants that exist: used, given back, taken back, judged anew.

use std::time::Duration;

use wicketgate_engine::tables::Window;

use super::effect::{Effect, End, Event, EventKind};
use super::errors::ApproveError;
use super::grant::{Grant, GrantId, Limits, State};
use super::login::{Binding, LoginId};
use super::terms::{Rules, Scope};
use super::{Access, REQUEST_LIFETIME};
use crate::name::Role;
use crate::store::UserId;
use crate::time::{Monotonic, Now};

/// What a grant gives at this moment: what the tables are compiled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right<'a> {
    /// The grant.
    pub grant: GrantId,
    /// Its login, which a draining grant may outlive.
    pub login: LoginId,
    /// The user.
    pub user: UserId,
    /// Where the user's frames come from.
    pub binding: Binding,
    /// For what.
    pub scope: &'a Scope,
    /// Open only in here, by the wall clock.
    pub window: Option<Window>,
    /// Over then, whatever the wall clock says.
    pub until: Monotonic,
    /// How long an operation of several steps takes: it does not begin where less is left.
    pub operation: Duration,
    /// How long one that has begun may go on after the end: no new flow then, no new operation.
    pub drain: Duration,
}

impl Access {
    /// All that grants give at this moment. Standing rights are not among them.
    pub fn rights(&self, now: Now) -> impl Iterator<Item = Right<'_>> {
        self.grants.iter().filter_map(move |(id, grant)| self.right(*id, grant, now))
    }

    /// Whether the login may use the scope now by a grant.
    pub fn permits(&self, login: LoginId, scope: &Scope, now: Now) -> bool {
        let open = |right: Right<'_>| right.window.is_none_or(|window| window.is_open(now.wall));
        let mut mine = self.grants.iter().filter(|(_, grant)| grant.login == login);
        mine.any(|(id, grant)| {
            grant.scope == *scope && self.right(*id, grant, now).is_some_and(open)
        })
    }

    fn right<'a>(&self, id: GrantId, grant: &'a Grant, now: Now) -> Option<Right<'a>> {
        let (until, window, operation, drain) = match &grant.state {
            State::Granted(limits) => {
                let login = self.live(grant.login, now)?;
                if limits.end(login, now).is_some() {
                    return None;
                }
                let terms = &limits.terms;
                let until = limits.deadline(login).min(login.until);
                (until, limits.window, terms.operation, terms.drain)
            }
            State::Draining { since, until, .. } if now.monotonic < *until => {
                (*since, None, Duration::ZERO, until.since(*since))
            }
            _ => return None,
        };
        let Grant { login, user, binding, ref scope, .. } = *grant;
        Some(Right { grant: id, login, user, binding, scope, window, until, operation, drain })
    }

    /// An operation of several steps has begun, as the engine has judged by [`Right::operation`]: it may
    /// finish even if the grant ends meanwhile.
    pub fn operation_begun(&mut self, id: GrantId) {
        if let Some(grant) = self.grants.get_mut(&id) {
            grant.operations = grant.operations.saturating_add(1);
        }
    }

    /// An operation of several steps is done, or was given up.
    pub fn operation_ended(&mut self, id: GrantId) {
        let Some(grant) = self.grants.get_mut(&id) else { return };
        grant.operations = grant.operations.saturating_sub(1);
        if let (State::Draining { end, .. }, 0) = (&grant.state, grant.operations) {
            let end = *end;
            self.remove_grant(id, end, None);
        }
    }

    /// The user gives a grant or request back. False if it is not this login's.
    pub fn give_back(&mut self, id: GrantId, login: LoginId, now: Now) -> bool {
        let mine = self.grants.get(&id).is_some_and(|grant| grant.login == login);
        if mine {
            self.end_grant(id, End::GivenBack, None, now);
        }
        mine
    }

    /// Takes a grant or request back, at once; `actor` is who did.
    ///
    /// # Errors
    /// [`ApproveError::NotWaiting`] if there is none of that number.
    pub fn revoke(
        &mut self,
        id: GrantId,
        actor: Option<UserId>,
        now: Now,
    ) -> Result<(), ApproveError> {
        if !self.grants.contains_key(&id) {
            return Err(ApproveError::NotWaiting);
        }
        self.end_grant(id, End::Revoked, actor, now);
        Ok(())
    }

    /// The policy was read anew: what it no longer gives, ends; nothing lasts longer for it.
    pub fn reload(&mut self, rules: &impl Rules, now: Now) {
        self.tick(now);
        self.compile = true;
        let ids: Vec<GrantId> = self.grants.keys().copied().collect();
        for id in ids {
            match self.judge_anew(id, rules, now) {
                Some(state) => {
                    if let Some(grant) = self.grants.get_mut(&id) {
                        grant.state = state;
                    }
                    self.advance(id, rules, now);
                }
                None => self.end_grant(id, End::PolicyChanged, None, now),
            }
        }
    }

    /// Where a grant stands under the rules of now; `None` if it does not any more.
    fn judge_anew(&self, id: GrantId, rules: &impl Rules, now: Now) -> Option<State> {
        let grant = self.grants.get(&id)?;
        let terms = rules.terms(&grant.scope, now.wall)?;
        let State::Granted(limits) = &grant.state else { return Some(grant.state.clone()) };
        if grant.break_glass.is_some() {
            return Some(grant.state.clone());
        }
        let login = self.logins.get(&grant.login)?;
        let asked = (terms.approver.is_none() || grant.approved_by.is_some())
            && (!terms.reason || grant.reason.is_some());
        let holds = asked
            && terms.is_for(&login.roles)
            && terms.lacking(&login.proofs, now.monotonic).is_empty();
        holds.then(|| limits.reloaded(terms, now)).flatten().map(State::Granted)
    }

    pub(super) fn expire_grants(&mut self, now: Now) {
        let over = |(id, grant): (&GrantId, &Grant)| Some((*id, self.end_of(grant, now)?));
        let over: Vec<(GrantId, End)> = self.grants.iter().filter_map(over).collect();
        for (id, end) in over {
            self.end_grant(id, end, None, now);
        }
    }

    /// Whether a grant or request is over, and why.
    fn end_of(&self, grant: &Grant, now: Now) -> Option<End> {
        match &grant.state {
            State::Challenged(_) | State::Requested => {
                (now.monotonic >= grant.requested + REQUEST_LIFETIME).then_some(End::Unanswered)
            }
            State::Granted(limits) => match self.logins.get(&grant.login) {
                Some(login) => limits.end(login, now),
                None => Some(End::Expired),
            },
            State::Draining { until, end, .. } => (now.monotonic >= *until).then_some(*end),
        }
    }

    pub(super) fn deadline(&self, grant: &Grant) -> Monotonic {
        match (&grant.state, self.logins.get(&grant.login)) {
            (State::Challenged(_) | State::Requested, _) => grant.requested + REQUEST_LIFETIME,
            (State::Granted(limits), Some(login)) => limits.deadline(login),
            (State::Granted(_), None) => Monotonic::START,
            (State::Draining { until, .. }, _) => *until,
        }
    }

    /// Ends a grant, or lets it drain.
    pub(super) fn end_grant(&mut self, id: GrantId, end: End, actor: Option<UserId>, now: Now) {
        // Where it ended by a clock: then, and not when that was seen.
        let since = now.monotonic.min(self.runs_out(id).unwrap_or(Monotonic::NEVER));
        let Some(grant) = self.grants.get_mut(&id) else { return };
        match &grant.state {
            State::Granted(limits) if drains(grant, limits, end) => {
                let until = since + limits.terms.drain;
                grant.state = State::Draining { since, until, end };
                self.compile = true;
                self.audit_grant(id, EventKind::Draining(end), actor);
            }
            // It has ended already; only its deadline or a taking back ends the draining.
            State::Draining { until, .. } if end.drains() && now.monotonic < *until => {}
            _ => self.remove_grant(id, end, actor),
        }
    }

    /// When a grant ends by the monotonic clock.
    fn runs_out(&self, id: GrantId) -> Option<Monotonic> {
        let grant = self.grants.get(&id)?;
        let login = self.logins.get(&grant.login)?;
        match &grant.state {
            State::Granted(limits) => Some(limits.deadline(login).min(login.until)),
            _ => None,
        }
    }

    fn remove_grant(&mut self, id: GrantId, end: End, actor: Option<UserId>) {
        self.audit_grant(id, EventKind::GrantEnd(end), actor);
        let Some(grant) = self.grants.remove(&id).filter(|grant| !grant.is_pending()) else {
            return;
        };
        if end.drains() {
            self.compile = true;
        } else {
            let (login, asset) = (grant.login, grant.scope.asset);
            self.cut(Effect::CutGrant { login, grant: id, asset });
        }
    }

    /// The grants and requests of a login.
    pub(super) fn grants_of(&self, login: LoginId) -> Vec<GrantId> {
        let mine = self.grants.iter().filter(|(_, grant)| grant.login == login);
        mine.map(|(id, _)| *id).collect()
    }

    /// The grants and requests of a user.
    pub(super) fn grants_by(&self, user: UserId) -> Vec<GrantId> {
        let mine = self.grants.iter().filter(|(_, grant)| grant.user == user);
        mine.map(|(id, _)| *id).collect()
    }

    pub(super) fn audit_grant(&mut self, id: GrantId, kind: EventKind, actor: Option<UserId>) {
        let event = self.grant_event(id, kind, actor);
        self.audit(event);
    }

    pub(super) fn grant_event(&self, id: GrantId, kind: EventKind, actor: Option<UserId>) -> Event {
        let grant = self.grants.get(&id);
        Event {
            login: grant.map(|grant| grant.login),
            user: grant.map(|grant| grant.user),
            grant: Some(id),
            scope: grant.map(|grant| grant.scope.clone()),
            reason: grant.and_then(|grant| grant.reason.clone()),
            actor,
            ..Event::new(kind)
        }
    }
}

fn drains(grant: &Grant, limits: &Limits, end: End) -> bool {
    end.drains() && grant.operations > 0 && !limits.terms.drain.is_zero()
}

impl Grant {
    /// Whether it gives nothing yet.
    pub(super) fn is_pending(&self) -> bool {
        matches!(self.state, State::Challenged(_) | State::Requested)
    }

    /// Whether its rule is for someone with these roles; break-glass has roles of its own.
    pub(super) fn is_for(&self, roles: &[Role], rules: &impl Rules, now: Now) -> bool {
        match &self.state {
            State::Granted(limits) if self.break_glass.is_some() => limits.terms.is_for(roles),
            _ => rules.terms(&self.scope, now.wall).is_some_and(|terms| terms.is_for(roles)),
        }
    }

    /// An approval that has not led to a grant yet does not count any more.
    pub(super) fn forget_approval(&mut self) {
        if self.is_pending() {
            self.approved_by = None;
        }
    }
}
