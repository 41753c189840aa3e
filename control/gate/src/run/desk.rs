//! When the control socket's questions are answered; and what it asks of machines. What concerns people is
//! in `people`.

use std::sync::Arc;
use std::time::Duration;

use wicketgate_audit::{Act, Deed};
use wicketgate_engine::Sessions;
use wicketgate_policy::Asset;

use super::clock;
use super::control::Control;
use super::record::Records;
use super::stats::Gathering;
use crate::api::desk::{Ask, WAITING};
use crate::api::reply::{self, Reply};
use crate::words;

/// How long workers have to tell what they have counted; after that the answer says who has not.
const GATHERING: Duration = Duration::from_secs(1);

/// Who waits for figures.
pub(super) struct Gatherer {
    sessions: Arc<Sessions>,
    /// Since the machine started.
    started: Duration,
    open: Option<Gathered>,
}

/// Figures that are being gathered, for all who have asked since.
struct Gathered {
    gathering: Gathering,
    since: Duration,
    asks: Vec<Ask>,
}

impl Gatherer {
    pub(super) fn new(sessions: Arc<Sessions>) -> Gatherer {
        Gatherer { sessions, started: clock::since_boot(), open: None }
    }
}

impl Control {
    /// Answers what is asked and logs what has happened, for as long as a tick lasts. Where there is more to be
    /// logged than can be, they take turns.
    pub(super) fn work(&mut self, tick: Duration) {
        let until = clock::since_boot().saturating_add(tick);
        loop {
            let behind = self.log();
            let left = until.saturating_sub(clock::since_boot());
            self.serve(if behind { Duration::ZERO } else { left });
            if left.is_zero() {
                return;
            }
        }
    }

    /// Answers what is asked, for as long as a tick lasts: in place of a sleep, so that an answer takes
    /// no tick. Who asks without end has no more of control than the ticks are long.
    fn serve(&mut self, tick: Duration) {
        let until = clock::since_boot().saturating_add(tick);
        loop {
            let left = until.saturating_sub(clock::since_boot());
            let Some(ask) = self.inbox.next(left) else { break };
            self.answer_with_others(ask);
            if left.is_zero() {
                break;
            }
        }
        self.tell_figures();
    }

    /// Answers, and whoever else has asked by then: what they change takes one generation of tables.
    fn answer_with_others(&mut self, first: Ask) {
        self.answer(first);
        for _ in 1..WAITING {
            let Some(ask) = self.inbox.next(Duration::ZERO) else { break };
            self.answer(ask);
        }
        self.conclude();
    }

    /// Writes down which requests were refused at the socket, whoever was asking and how often, by `now` (since
    /// boot).
    pub(super) fn tell_refusals(&mut self, now: Duration) {
        for (refused, times) in self.inbox.refusals(now) {
            let act = Act {
                refused: true,
                actor: refused.actor.as_deref(),
                what: refused.asked.as_deref(),
                times: Some(times),
                reason: Some(&refused.code),
                ..Act::new(Deed::RequestRefused)
            };
            self.audit.act(self.generations.epoch(), &act);
        }
    }

    /// The assets of the policy in force, with what is known of them now.
    pub(super) fn assets_told(&self) -> Vec<reply::Asset> {
        let policy = self.generations.policy();
        let assets = self.generations.latest().map_or(&[][..], |tables| tables.assets());
        let mac = |overlay| assets.iter().find(|asset| asset.overlay == overlay)?.mac;
        let line = |asset: &Asset| reply::Asset {
            name: asset.name.clone(),
            zone: asset.zone.clone(),
            port: policy.port(asset.port).map(|port| port.name.clone()).unwrap_or_default(),
            vlan: asset.vlan,
            overlay: asset.overlay,
            underlay: asset.underlay,
            protocols: asset.doors.iter().map(ToString::to_string).collect(),
            mac: mac(asset.overlay).map(words::mac),
        };
        policy.assets().iter().map(line).collect()
    }

    /// The answer waits until workers have told; who asks meanwhile gets the same.
    pub(super) fn gather_for(&mut self, ask: Ask) {
        self.gather().asks.push(ask);
    }

    /// Has workers tell, where nobody has asked them yet.
    fn gather(&mut self) -> &mut Gathered {
        let shared = &self.shared;
        let begin = || Gathered {
            gathering: Gathering::begin(shared),
            since: clock::since_boot(),
            asks: Vec::new(),
        };
        self.gatherer.open.get_or_insert_with(begin)
    }

    /// Has workers tell at the end of each window, where a cycle budget is to be kept.
    pub(super) fn mind_budgets(&mut self) {
        let has_cycles = self.generations.policy().assets().iter().any(|it| it.cycle.is_some());
        if (has_cycles || self.budgets.fault().is_some()) && self.is_window_over() {
            self.gather();
        }
    }

    fn is_window_over(&self) -> bool {
        let window = self.generations.policy().gate().budget_window;
        self.budgets.is_due(clock::since_boot(), window)
    }

    /// Holds what all workers have told against the budgets, and logs which are breached or kept again.
    fn hold_against_budgets(&mut self, figures: &mut reply::Stats) {
        if self.is_window_over() && figures.workers.iter().all(|worker| worker.whole) {
            for finding in self.budgets.close(clock::since_boot(), figures) {
                let epoch = self.generations.epoch();
                self.audit.budget(epoch, &finding.record(), finding.breached);
            }
        }
        for asset in &mut figures.assets {
            asset.budget_breached = self.budgets.is_breached(&asset.asset);
        }
    }

    /// Answers with the figures, once they are there.
    fn tell_figures(&mut self) {
        let late = |since| clock::since_boot().saturating_sub(since) > GATHERING;
        let ready = |open: &mut Gathered| open.gathering.gather() || late(open.since);
        let Some(Gathered { gathering, asks, .. }) = self.gatherer.open.take_if(ready) else {
            return;
        };
        let mut figures = reply::Stats {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime: clock::since_boot().saturating_sub(self.gatherer.started).as_secs_f64(),
            epoch: self.generations.epoch(),
            sessions: self.gatherer.sessions.list().count() as u64,
            logins: self.people.logins(),
            alarms: self.alarms.told(),
            tunnels: self.tunnels_told(),
            log: self.audit.stands(),
            syslog: self.audit.syslog_told(),
            classes: self.classes.told(),
            records: self.records.as_ref().map(Records::stands),
            ..gathering.figures(self.generations.latest().map(Arc::as_ref))
        };
        self.hold_against_budgets(&mut figures);
        asks.into_iter().for_each(|ask| ask.answer(Ok(Reply::Stats(Box::new(figures.clone())))));
    }
}
