//! Sessions that are live, as workers have told of them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use wicketgate_engine::event::{Event, EventKind};
use wicketgate_engine::{SessionId, Tables};
use wicketgate_identity::LoginId;
use wicketgate_packet::Time;

/// A session.
#[derive(Clone, Debug)]
pub(in crate::run) struct Session {
    /// The user's or the conduit's name.
    pub(in crate::run) name: Box<str>,
    /// The login; none for a conduit.
    pub(in crate::run) login: Option<LoginId>,
    /// The number of the right that it began by.
    pub(super) right: u64,
    pub(in crate::run) asset: Box<str>,
    pub(in crate::run) source: Ipv4Addr,
    /// When it began, by the engine's clock.
    pub(in crate::run) since: Time,
    /// Frames when it was looked at last.
    frames: u64,
}

/// Numbers of rights: the login in the upper half, how often something was taken back below.
const SHIFT: u32 = 24;

/// The first number of a login's rights.
pub(super) fn first_right(login: LoginId) -> u64 {
    login.0 << SHIFT
}

fn login_of(right: u64) -> Option<LoginId> {
    Some(LoginId(right >> SHIFT)).filter(|login| login.0 != 0)
}

/// All of them. As many as the slab has, and a few that have ended and were not told yet.
#[derive(Debug, Default)]
pub(in crate::run) struct Registry(BTreeMap<u64, Session>);

impl Registry {
    /// Takes note of what a worker tells.
    pub(super) fn note(&mut self, tables: &Tables, event: &Event) {
        match event.kind {
            EventKind::SessionStart => {
                if let Some(session) = Session::of(tables, event) {
                    self.0.insert(event.session, session);
                }
            }
            EventKind::SessionEnd { .. } => drop(self.0.remove(&event.session)),
            _ => {}
        }
    }

    /// The session of that number, where it was told.
    pub(in crate::run) fn get(&self, id: SessionId) -> Option<&Session> {
        self.0.get(&id.0)
    }

    /// The sessions of a login: on one asset, or on all but some.
    pub(super) fn of_login(
        &self,
        login: LoginId,
        on: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = SessionId> {
        let mine = self.0.iter().filter(move |(_, session)| session.login == Some(login));
        mine.filter(move |(_, session)| on(&session.asset)).map(|(id, _)| SessionId(*id))
    }

    /// Whether more frames have passed in a session than when that was asked last; whose it is.
    pub(super) fn has_moved(&mut self, id: SessionId, frames: u64) -> Option<LoginId> {
        let session = self.0.get_mut(&id.0)?;
        let moved = std::mem::replace(&mut session.frames, frames) != frames;
        session.login.filter(|_| moved)
    }
}

impl Session {
    fn of(tables: &Tables, event: &Event) -> Option<Session> {
        let grant = tables.grant(event.grant?)?;
        let subject = tables.subject(grant.subject)?;
        let endpoint = tables.endpoint(grant.endpoint)?;
        Some(Session {
            name: subject.name.clone(),
            login: login_of(grant.right),
            right: grant.right,
            asset: tables.asset(endpoint.asset)?.name.clone(),
            source: event.source,
            since: event.time,
            frames: 0,
        })
    }
}
