//! What is asked at the control socket.

use std::net::IpAddr;
use std::time::Duration;

use wicketgate_audit::{Act, Deed};
use wicketgate_engine::SessionId;
use wicketgate_identity::access::{
    ApproveError, BreakGlassError, BreakGlassId, LoginError, RequestError,
};
use wicketgate_identity::{Authenticated, GrantId, LoginId, Outcome, Refusal, Role};
use wicketgate_policy::explain;

use super::{Clerk, clock, port_of};
use crate::api::desk::{Answer, Ask};
use crate::api::model::{Arm, Fault, GrantRequest, Request};
use crate::api::reply::{self, Reply};
use crate::run::control::Control;

impl Control {
    /// Executes what is asked, or has the clerk do it, who answers later.
    pub(in crate::run) fn answer(&mut self, ask: Ask) {
        if matches!(ask.request, Request::Stats) {
            return self.gather_for(ask);
        }
        if is_the_clerks(&ask.request) {
            return self.hand_on(ask);
        }
        if matches!(ask.request, Request::Reload) {
            // It takes its time, and nobody's who has asked before.
            self.conclude();
        }
        let own =
            matches!(ask.request, Request::CloseTunnel { .. } | Request::TunnelSpoofed { .. });
        self.people.acting = (!own).then(|| asker(&ask));
        let answer = self.execute(&ask.request);
        self.settle();
        self.people.acting = None;
        self.due.answer(ask, answer);
    }

    /// Gives a request to the clerk, once it is known that its answer can be used.
    fn hand_on(&mut self, ask: Ask) {
        let user = match &ask.request {
            Request::Login(shown) => self.check_source(shown.source).map(|()| None),
            Request::StepUp { login, .. } => self.user_of(LoginId(*login)).map(Some),
            Request::StepUpTunnel(step) => {
                self.login_in(step.tunnel).and_then(|login| self.user_of(login)).map(Some)
            }
            _ => Ok(None),
        };
        let user = match user {
            Ok(user) => user,
            Err(fault) => return ask.answer(Err(fault)),
        };
        let refused = match &self.people.clerk {
            None => Some((ask, "there is no identity store: nobody can log in")),
            Some(clerk) => {
                Clerk::hand_on(clerk, ask, user).err().map(|ask| (*ask, "too many requests wait"))
            }
        };
        if let Some((ask, why)) = refused {
            ask.answer(Err(Fault::unavailable(why)));
        }
    }

    fn check_source(&self, source: Option<IpAddr>) -> Result<(), Fault> {
        let allowed = match source {
            None => true,
            Some(IpAddr::V4(address)) => port_of(self.generations.policy(), address).is_some(),
            Some(IpAddr::V6(_)) => false,
        };
        let why = "no port lets people log in from this address: cleartext_logins in [[port]]";
        allowed.then_some(()).ok_or_else(|| Fault::forbidden(why))
    }

    fn user_of(&self, login: LoginId) -> Result<String, Fault> {
        let login = self.people.access.login_of(login);
        login.map(|login| login.name.to_string()).ok_or_else(no_login)
    }

    /// The clerk has looked at an attempt.
    pub(super) fn attempted(&mut self, ask: Ask, outcome: Outcome) {
        self.people.acting = Some(asker(&ask));
        let answer = match &outcome.answer {
            Ok(proven) => self.proven(&ask.request, proven, &outcome),
            Err(refusal) => {
                let cause = outcome.event.result.as_ref().err().map_or("", |cause| cause.name());
                self.tell_refused(&outcome, cause);
                Err(refused(*refusal))
            }
        };
        self.settle();
        self.people.acting = None;
        self.due.answer(ask, answer);
    }

    fn proven(&mut self, request: &Request, proven: &Authenticated, outcome: &Outcome) -> Answer {
        let now = clock::both();
        let user = proven.user();
        self.people.names.insert(user.id, user.name.clone());
        if let Request::OpenTunnel(open) = request {
            return self.open_tunnel(open, proven, outcome);
        }
        let login = match request {
            Request::StepUp { login, .. } => self.people.step_up(LoginId(*login), proven, now),
            Request::StepUpTunnel(step) => match self.people.in_tunnel(step.tunnel) {
                Some(id) => self.people.step_up(id, proven, now),
                None => Err(LoginError::NoSuchLogin),
            },
            Request::Login(shown) => {
                self.people.log_in(shown.source, proven, self.generations.policy(), now)
            }
            _ => return Err(Fault::unavailable("that needs no proof")),
        };
        match login {
            Ok(id) => self.people.login(id).map(Reply::Login).ok_or_else(no_login),
            Err(error) => {
                self.tell_refused(outcome, "no-login");
                Err(login_fault(error))
            }
        }
    }

    fn execute(&mut self, request: &Request) -> Answer {
        match request {
            Request::Reload => self.reload_for_desk(),
            Request::Sessions => Ok(Reply::Sessions(self.people.sessions_told())),
            Request::Assets => Ok(Reply::Assets(self.assets_told())),
            Request::RevokeSession { id } => self.revoke_session(SessionId(*id)),
            Request::PolicyShow => Ok(Reply::Policy(self.policy_told())),
            Request::Logins => {
                let people = &self.people;
                let logins = people.access.logins().filter_map(|(id, _)| people.login(id));
                Ok(Reply::Logins(logins.collect()))
            }
            Request::Grants => Ok(Reply::Grants(self.people.grants_told())),
            Request::BreakGlass => Ok(Reply::BreakGlass(self.people.armed_told())),
            _ => self.change(request),
        }
    }

    fn change(&mut self, request: &Request) -> Answer {
        let now = clock::both();
        let people = &mut self.people;
        match request {
            Request::Logout { login } => {
                people.access.logout(LoginId(*login), now).map_err(login_fault)?;
                Ok(Reply::done("logged out"))
            }
            Request::RevokeLogin { id } => {
                people.access.revoke_login(LoginId(*id), None, now).map_err(login_fault)?;
                Ok(Reply::done(format_args!("login {id} is taken back")))
            }
            Request::RequestGrant { login, wanted } => self.request_grant(LoginId(*login), wanted),
            Request::AskByTunnel(ask) => {
                let login = self.login_in(ask.tunnel)?;
                self.request_grant(login, &ask.wanted)
            }
            Request::Approve { login, grant } => {
                let (id, by) = (GrantId(*grant), LoginId(*login));
                let approved = people.access.approve(id, by, &people.book, now);
                approved.map_err(approve_fault)?;
                Ok(Reply::done(format_args!("request {grant} is approved")))
            }
            Request::Deny { login, grant, .. } => {
                let (id, by) = (GrantId(*grant), LoginId(*login));
                people.access.deny(id, by, &people.book, now).map_err(approve_fault)?;
                Ok(Reply::done(format_args!("request {grant} is denied")))
            }
            Request::GiveBack { login, grant } => {
                if !people.access.give_back(GrantId(*grant), LoginId(*login), now) {
                    return Err(no_grant());
                }
                Ok(Reply::done(format_args!("grant {grant} is given back")))
            }
            Request::RevokeGrant { grant } => {
                let revoked = people.access.revoke(GrantId(*grant), None, now);
                revoked.map_err(|_| no_grant())?;
                Ok(Reply::done(format_args!("grant {grant} is taken back")))
            }
            Request::CloseTunnel { tunnel, by_user } => Ok(self.close_tunnel(*tunnel, *by_user)),
            Request::TunnelSpoofed { tunnel, source, packets } => {
                Ok(self.tell_spoofed(*tunnel, *source, *packets))
            }
            _ => self.emergency(request),
        }
    }

    fn request_grant(&mut self, login: LoginId, wanted: &GrantRequest) -> Answer {
        let people = &mut self.people;
        let scope = people.book.scope(&wanted.rule, &wanted.asset);
        let (reason, now) = (wanted.reason.as_deref(), clock::both());
        let id = people.access.request(login, scope, reason, &people.book, now);
        self.grant_answer(id.map_err(request_fault)?)
    }

    fn emergency(&mut self, request: &Request) -> Answer {
        match request {
            Request::ArmBreakGlass { login, arm } => self.arm(LoginId(*login), arm),
            Request::UseBreakGlass { login, wanted } => {
                self.use_break_glass(LoginId(*login), wanted)
            }
            Request::DisarmBreakGlass { login, id } => {
                let (access, now) = (&mut self.people.access, clock::both());
                let disarmed = access.disarm(BreakGlassId(*id), LoginId(*login), now);
                disarmed.map_err(emergency_fault)?;
                Ok(Reply::done(format_args!("break-glass {id} is disarmed")))
            }
            _ => Err(Fault::unavailable("the gate does not do this yet")),
        }
    }

    fn arm(&mut self, login: LoginId, arm: &Arm) -> Answer {
        let people = &mut self.people;
        let role = Role::new(&arm.role).map_err(Fault::invalid)?;
        if people.book.rule(&arm.rule).is_none() {
            return Err(Fault::missing("no-such-rule", "there is no such rule"));
        }
        let (lifetime, duration) =
            (Duration::from_secs(arm.lifetime), Duration::from_secs(arm.duration));
        let what = (arm.rule.as_str().into(), role);
        let armed = people.access.arm(login, what, lifetime, duration, clock::both());
        let id = armed.map_err(emergency_fault)?;
        let armed = people.armed_told().into_iter().find(|armed| armed.id == id.0);
        armed.map(Reply::Armed).ok_or_else(|| Fault::missing("not-armed", "it is over already"))
    }

    fn use_break_glass(&mut self, login: LoginId, wanted: &GrantRequest) -> Answer {
        let people = &mut self.people;
        let scope = people.book.scope(&wanted.rule, &wanted.asset);
        let reason = wanted.reason.as_deref().unwrap_or_default();
        let used = people.access.break_glass(login, scope, reason, &people.book, clock::both());
        self.grant_answer(used.map_err(emergency_fault)?)
    }

    fn grant_answer(&self, id: GrantId) -> Answer {
        self.people.grant(id).map(Reply::Grant).ok_or_else(no_grant)
    }

    /// A conduit is taken back by the policy: no operator stops a machine by a slip of the hand.
    fn revoke_session(&mut self, id: SessionId) -> Answer {
        self.log();
        let people = &self.people;
        let missing = || Fault::missing("no-such-session", "there is no such session");
        let session = people.registry.get(id).ok_or_else(missing)?;
        if session.login.is_none() {
            let what = "a conduit is taken back by the policy, not by its session";
            return Err(Fault::conflict("conduit", what));
        }
        if !people.sessions.revoke(id) {
            return Err(missing());
        }
        let act = Act {
            user: Some(&session.name),
            login: session.login.map(|login| login.0),
            session: Some(id.0),
            actor: people.acting.as_deref(),
            client: Some(session.source.into()),
            asset: Some(&session.asset),
            ..Act::new(Deed::SessionRevoked)
        };
        self.audit.act(self.generations.epoch(), &act);
        Ok(Reply::done(format_args!("session {} is taken back", id.0)))
    }

    fn policy_told(&self) -> reply::Policy {
        let explanation = explain(self.generations.policy());
        reply::Policy {
            file: self.generations.path().display().to_string(),
            epoch: self.generations.epoch(),
            words: explanation.to_string(),
            explanation: serde_json::to_value(explanation).unwrap_or_default(),
        }
    }

    fn reload_for_desk(&mut self) -> Answer {
        match self.reload() {
            Ok(()) => Ok(Reply::done(format_args!(
                "config read again, epoch {}",
                self.generations.epoch()
            ))),
            Err(what) => Err(Fault::conflict("config-not-taken", what)),
        }
    }
}

/// Whether it takes the store.
fn is_the_clerks(request: &Request) -> bool {
    matches!(
        request,
        Request::Login(_)
            | Request::OpenTunnel(_)
            | Request::StepUp { .. }
            | Request::StepUpTunnel(_)
            | Request::Users
            | Request::AddUser(_)
            | Request::RemoveUser { .. }
            | Request::SetRoles { .. }
            | Request::SetDisabled { .. }
            | Request::Unlock { .. }
            | Request::SetPassword { .. }
            | Request::EnrolTotp { .. }
            | Request::ConfirmTotp { .. }
            | Request::NewRecoveryCodes { .. }
            | Request::EnrolCertificate { .. }
            | Request::ResetFactor { .. }
    )
}

/// Who asks, for the audit: of a tunnel, where it comes from.
fn asker(ask: &Ask) -> String {
    let peer = match &ask.request {
        Request::OpenTunnel(open) => open.peer,
        Request::StepUpTunnel(step) => step.peer,
        Request::AskByTunnel(asked) => asked.peer,
        _ => return ask.actor.to_string(),
    };
    format!("tunnel from {peer}")
}

pub(super) fn no_login() -> Fault {
    Fault::unproven("the login is over: log in")
}

fn no_grant() -> Fault {
    Fault::missing("no-such-grant", "there is no such grant or request")
}

fn refused(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::Refused => Fault::new(401, "refused", refusal),
        Refusal::Wait(_) => Fault::new(429, "wait", refusal),
    }
}

pub(super) fn login_fault(error: LoginError) -> Fault {
    match error {
        LoginError::NoSuchLogin => no_login(),
        LoginError::Full => Fault::unavailable(error),
        LoginError::Stale | LoginError::OtherUser => Fault::new(401, "refused", error),
    }
}

fn request_fault(error: RequestError) -> Fault {
    match error {
        RequestError::NoSuchLogin => no_login(),
        RequestError::NoSuchRule => Fault::missing("no-such-rule", error),
        RequestError::ReasonNeeded | RequestError::BadReason => {
            Fault::new(422, "reason-needed", error)
        }
        RequestError::OutsideWindow => Fault::conflict("outside-window", error),
        RequestError::TooManySessions => Fault::conflict("too-many-sessions", error),
        RequestError::Duplicate(_) => Fault::conflict("duplicate", error),
        RequestError::Full => Fault::unavailable(error),
    }
}

fn approve_fault(error: ApproveError) -> Fault {
    match error {
        ApproveError::NoSuchLogin => no_login(),
        ApproveError::NotWaiting => Fault::missing("no-such-grant", error),
        ApproveError::SamePerson | ApproveError::NotApprover => Fault::forbidden(error),
        ApproveError::NotProven(_) => Fault::new(403, "not-proven", error),
        ApproveError::Over => Fault::conflict("over", error),
        ApproveError::TooManySessions => Fault::conflict("too-many-sessions", error),
    }
}

fn emergency_fault(error: BreakGlassError) -> Fault {
    match error {
        BreakGlassError::NoSuchLogin => no_login(),
        BreakGlassError::NotAdmin => Fault::forbidden(error),
        BreakGlassError::NotProven(_) => Fault::new(403, "not-proven", error),
        BreakGlassError::BadTime | BreakGlassError::BadReason => Fault::new(422, "invalid", error),
        BreakGlassError::NotArmed | BreakGlassError::NoSuchRule => {
            Fault::missing("not-armed", error)
        }
        BreakGlassError::Full => Fault::unavailable(error),
    }
}
