//! What the control socket asks, executed between control's other work.

use std::sync::Arc;
use std::time::Duration;

use wicketgate_engine::{SessionId, Sessions};
use wicketgate_policy::explain;

use super::clock;
use super::control::Control;
use super::sessions::SessionBook;
use super::stats::Gathering;
use crate::api::desk::{Answer, Ask, Inbox};
use crate::api::model::{Actor, Fault, Request};
use crate::api::reply::{self, Reply};
use crate::words;

/// How long workers have to tell what they have counted; after that the answer says who has not.
const GATHERING: Duration = Duration::from_secs(1);

/// Control's side of the socket.
pub(super) struct Counter {
    pub(super) inbox: Inbox,
    pub(super) sessions: Arc<Sessions>,
    pub(super) book: SessionBook,
    /// Since the machine started.
    pub(super) started: Duration,
    gathering: Option<Gathered>,
}

/// Figures that are being gathered, for all who have asked since.
struct Gathered {
    gathering: Gathering,
    since: Duration,
    asks: Vec<Ask>,
}

impl Counter {
    pub(super) fn new(inbox: Inbox, sessions: Arc<Sessions>) -> Counter {
        let (book, started) = (SessionBook::default(), clock::since_boot());
        Counter { inbox, sessions, book, started, gathering: None }
    }
}

impl Control {
    /// Answers what is asked, for as long as a tick lasts: in place of a sleep, so that an answer takes
    /// no tick. Who asks without end has no more of control than the ticks are long.
    pub(super) fn serve(&mut self, tick: Duration) {
        let until = clock::since_boot().saturating_add(tick);
        loop {
            let left = until.saturating_sub(clock::since_boot());
            let Some(ask) = self.counter.inbox.next(left) else { break };
            self.answer(ask);
            if left.is_zero() {
                break;
            }
        }
        self.tell_figures();
    }

    fn answer(&mut self, ask: Ask) {
        if matches!(ask.request, Request::Stats) {
            return self.gather_for(ask);
        }
        let answer = self.execute(&ask.actor, &ask.request);
        ask.answer(answer);
    }

    fn execute(&mut self, _actor: &Actor, request: &Request) -> Answer {
        match request {
            Request::Reload => self.reload_for_desk(),
            Request::Sessions => {
                let Counter { book, sessions, .. } = &self.counter;
                Ok(Reply::Sessions(book.list(sessions, clock::now())))
            }
            Request::RevokeSession { id } => self.revoke_session(*id),
            Request::Assets => Ok(Reply::Assets(self.assets())),
            Request::PolicyShow => self.policy_in_force(),
            _ => Err(Fault::unavailable("the gate does not do this yet")),
        }
    }

    fn reload_for_desk(&mut self) -> Answer {
        self.reload().map_err(|what| Fault::conflict("config-not-taken", what))?;
        let epoch = self.generations.epoch();
        Ok(Reply::done(format_args!("config read again, epoch {epoch}")))
    }

    fn revoke_session(&self, id: u64) -> Answer {
        if self.counter.sessions.revoke(SessionId(id)) {
            return Ok(Reply::done(format_args!("session {id} is revoked")));
        }
        Err(Fault::missing("no-such-session", format_args!("there is no live session {id}")))
    }

    fn assets(&self) -> Vec<reply::Asset> {
        let policy = self.generations.policy();
        let tables = self.generations.latest();
        let mac = |overlay| {
            let assets = tables?.assets();
            assets.iter().find(|asset| asset.overlay == overlay)?.mac.map(words::mac)
        };
        let line = |asset: &wicketgate_policy::Asset| reply::Asset {
            name: asset.name.clone(),
            zone: asset.zone.clone(),
            port: policy.port(asset.port).map(|port| port.name.clone()).unwrap_or_default(),
            vlan: asset.vlan,
            overlay: asset.overlay,
            underlay: asset.underlay,
            protocols: asset.doors.iter().map(ToString::to_string).collect(),
            mac: mac(asset.overlay),
        };
        policy.assets().iter().map(line).collect()
    }

    fn policy_in_force(&self) -> Answer {
        let explained = explain(self.generations.policy());
        let explanation = serde_json::to_value(&explained).map_err(Fault::unavailable)?;
        Ok(Reply::Policy(reply::Policy {
            file: self.generations.path().display().to_string(),
            epoch: self.generations.epoch(),
            explanation,
            words: explained.to_string(),
        }))
    }

    /// The answer waits until workers have told; who asks meanwhile gets the same.
    fn gather_for(&mut self, ask: Ask) {
        let shared = &self.shared;
        let begin = || Gathered {
            gathering: Gathering::begin(shared),
            since: clock::since_boot(),
            asks: Vec::new(),
        };
        self.counter.gathering.get_or_insert_with(begin).asks.push(ask);
    }

    /// Answers with the figures, once they are there.
    fn tell_figures(&mut self) {
        let late = |since| clock::since_boot().saturating_sub(since) > GATHERING;
        let ready = |open: &mut Gathered| open.gathering.gather() || late(open.since);
        let Some(Gathered { gathering, asks, .. }) = self.counter.gathering.take_if(ready) else {
            return;
        };
        let figures = reply::Stats {
            uptime: clock::since_boot().saturating_sub(self.counter.started).as_secs_f64(),
            epoch: self.generations.epoch(),
            sessions: self.counter.sessions.list().count() as u64,
            ..gathering.figures(self.generations.latest().map(Arc::as_ref))
        };
        asks.into_iter().for_each(|ask| ask.answer(Ok(Reply::Stats(figures.clone()))));
    }
}
