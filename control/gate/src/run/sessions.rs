//! Whose the sessions in the slab are: the slab itself knows numbers only.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use wicketgate_engine::session::SessionState;
use wicketgate_engine::{Event, EventKind, SessionId, Sessions, Tables};
use wicketgate_packet::Time;

use super::SESSIONS;
use crate::api::reply::{Session, SessionKind};

/// Most sessions kept: those in the slab, and as many whose end is still on its way.
const MOST: usize = 2 * SESSIONS;

/// Whose each session is, as its start told.
#[derive(Debug, Default)]
pub(super) struct SessionBook {
    open: HashMap<u64, Holder>,
}

#[derive(Debug)]
struct Holder {
    kind: SessionKind,
    name: Box<str>,
    asset: Box<str>,
    source: Ipv4Addr,
    since: Time,
}

impl SessionBook {
    /// Notes what an event says of sessions.
    pub(super) fn note(&mut self, tables: &Tables, event: &Event) {
        match event.kind {
            EventKind::SessionStart if self.open.len() < MOST => {
                self.open.insert(event.session, Holder::of(tables, event));
            }
            EventKind::SessionEnd { .. } => drop(self.open.remove(&event.session)),
            _ => {}
        }
    }

    /// The sessions that are not over.
    pub(super) fn list(&self, sessions: &Sessions, now: Time) -> Vec<Session> {
        let mut all: Vec<Session> = sessions
            .list()
            .map(|(id, state, totals)| Session {
                revoked: state == SessionState::Revoked,
                frames: totals.frames,
                bytes: totals.bytes,
                commands: totals.commands,
                denied: totals.denied,
                ..self.known(id, now)
            })
            .collect();
        all.sort_unstable_by_key(|session| session.id);
        all
    }

    /// What the book has of a session: nothing, where its start is still on its way.
    fn known(&self, SessionId(id): SessionId, now: Time) -> Session {
        let holder = self.open.get(&id);
        let age = holder.map_or(0, |holder| seconds(holder.since, now));
        Session {
            id,
            kind: holder.map_or(SessionKind::Unknown, |holder| holder.kind),
            name: holder.map_or_else(String::new, |holder| holder.name.to_string()),
            asset: holder.map_or_else(String::new, |holder| holder.asset.to_string()),
            source: holder.map(|holder| holder.source),
            login: None,
            age,
            revoked: false,
            frames: 0,
            bytes: 0,
            commands: 0,
            denied: 0,
        }
    }
}

fn seconds(from: Time, to: Time) -> u64 {
    to.as_nanos().saturating_sub(from.as_nanos()) / 1_000_000_000
}

impl Holder {
    fn of(tables: &Tables, event: &Event) -> Holder {
        let grant = event.grant.and_then(|id| tables.grant(id));
        let subject = grant.and_then(|grant| tables.subject(grant.subject));
        let endpoint = grant.and_then(|grant| tables.endpoint(grant.endpoint));
        let asset = endpoint.and_then(|endpoint| tables.asset(endpoint.asset));
        let kind = match subject {
            Some(subject) if subject.essential => SessionKind::Conduit,
            Some(_) => SessionKind::User,
            None => SessionKind::Unknown,
        };
        Holder {
            kind,
            name: subject.map(|subject| subject.name.clone()).unwrap_or_default(),
            asset: asset.map(|asset| asset.name.clone()).unwrap_or_default(),
            source: event.source,
            since: event.time,
        }
    }
}

#[cfg(test)]
mod tests {
    use wicketgate_engine::TablesBuilder;

    use super::*;

    fn event(session: u64, kind: EventKind) -> Event {
        let (time, source) = (Time::from_nanos(1_000_000_000), Ipv4Addr::LOCALHOST);
        Event { time, session, grant: None, source, source_port: 0, kind }
    }

    #[test]
    fn a_session_is_listed_from_its_claim_to_its_end() {
        let tables = TablesBuilder::default().build(1).unwrap();
        let (sessions, mut book) = (Sessions::new(4), SessionBook::default());
        let now = Time::from_nanos(6_000_000_000);
        let (slot, id) = sessions.claim(0, true).unwrap();
        assert_eq!(book.list(&sessions, now)[0].source, None, "its start is on its way");
        book.note(&tables, &event(id.0, EventKind::SessionStart));
        let listed = book.list(&sessions, now);
        assert_eq!((listed.len(), listed[0].age), (1, 5));
        assert_eq!(listed[0].source, Some(Ipv4Addr::LOCALHOST));
        sessions.revoke(id);
        assert!(book.list(&sessions, now)[0].revoked);
        sessions.end(slot);
        assert!(book.list(&sessions, now).is_empty());
        let (cause, totals) = (wicketgate_engine::event::EndCause::Closed, Default::default());
        book.note(&tables, &event(id.0, EventKind::SessionEnd { cause, totals }));
        assert!(book.open.is_empty());
    }
}
