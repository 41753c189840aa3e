//! Logins, grants and sessions as the control socket tells them.

use wicketgate_engine::session::SessionState;
use wicketgate_identity::access::State;
use wicketgate_identity::{Factor, GrantId, LoginId, Monotonic, Now};

use super::{People, clock};
use crate::api::reply;

impl People {
    /// Logins that are live.
    pub(in crate::run) fn logins(&self) -> u64 {
        self.access.logins().count() as u64
    }

    /// A login.
    pub(super) fn login(&self, id: LoginId) -> Option<reply::Login> {
        let (login, now) = (self.access.login_of(id)?, clock::both());
        let proof = |factor: Factor| {
            let at = login.proofs.at(factor)?;
            Some(reply::Proven { factor: factor.name().to_owned(), age: age(at, now) })
        };
        Some(reply::Login {
            id: id.0,
            user: login.name.to_string(),
            roles: login.roles.iter().map(ToString::to_string).collect(),
            source: self.faces.get(&id).and_then(|face| face.address),
            proven: Factor::ALL.into_iter().filter_map(proof).collect(),
            age: age(login.since, now),
            idle: age(login.seen, now),
            left: left(login.until, now),
        })
    }

    /// A grant or request.
    pub(super) fn grant(&self, id: GrantId) -> Option<reply::Grant> {
        let (grant, now) = (self.access.grant(id)?, clock::both());
        let name = |user| self.name(user).map_or_else(|| "#?".to_owned(), str::to_owned);
        let until = self.access.rights(now).find(|right| right.grant == id);
        let lacking: &[Factor] = match &grant.state {
            State::Challenged(lacking) => lacking,
            _ => &[],
        };
        Some(reply::Grant {
            id: id.0,
            login: grant.login.0,
            user: name(grant.user),
            rule: grant.scope.rule.to_string(),
            asset: grant.scope.asset.to_string(),
            state: match grant.state {
                State::Challenged(_) => reply::GrantState::Challenged,
                State::Requested => reply::GrantState::Requested,
                State::Granted(_) => reply::GrantState::Granted,
                State::Draining { .. } => reply::GrantState::Draining,
            },
            lacking: lacking.iter().map(|factor| factor.name().to_owned()).collect(),
            reason: grant.reason.as_deref().map(str::to_owned),
            approved_by: grant.approved_by.map(name),
            break_glass: grant.break_glass.is_some(),
            age: age(grant.requested, now),
            left: until.map(|right| match grant.state {
                State::Draining { until, .. } => left(until, now),
                _ => left(right.until, now),
            }),
        })
    }

    /// All grants and requests.
    pub(super) fn grants_told(&self) -> Vec<reply::Grant> {
        self.access.grants().filter_map(|(id, _)| self.grant(id)).collect()
    }

    /// What is armed.
    pub(super) fn armed_told(&self) -> Vec<reply::Armed> {
        let now = clock::both();
        let armed = self.access.armed().map(|(id, armed)| reply::Armed {
            id: id.0,
            rule: armed.rule.to_string(),
            role: armed.role.to_string(),
            by: self.name(armed.by).unwrap_or("#?").to_owned(),
            duration: armed.duration.as_secs(),
            left: left(armed.until, now),
        });
        armed.collect()
    }

    /// All sessions; one that its worker has begun and not told of yet has no name.
    pub(super) fn sessions_told(&self) -> Vec<reply::Session> {
        let now = clock::now();
        let sessions = self.sessions.list().map(|(id, state, totals)| {
            let known = self.registry.get(id);
            let login = known.and_then(|session| session.login);
            reply::Session {
                id: id.0,
                kind: match (known, login) {
                    (None, _) => reply::SessionKind::Unknown,
                    (_, Some(_)) => reply::SessionKind::User,
                    (_, None) => reply::SessionKind::Conduit,
                },
                name: known.map_or_else(String::new, |session| session.name.to_string()),
                login: login.map(|login| login.0),
                asset: known.map_or_else(String::new, |session| session.asset.to_string()),
                source: known.map(|session| session.source),
                revoked: state == SessionState::Revoked,
                age: known.map_or(0, |session| now.since(session.since).as_secs()),
                frames: totals.frames,
                bytes: totals.bytes,
                commands: totals.commands,
                denied: totals.denied,
            }
        });
        sessions.collect()
    }
}

fn age(since: Monotonic, now: Now) -> u64 {
    now.monotonic.since(since).as_secs()
}

fn left(until: Monotonic, now: Now) -> u64 {
    until.since(now.monotonic).as_secs()
}
