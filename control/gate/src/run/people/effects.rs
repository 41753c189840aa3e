//! What access wants done, done: cuts first, tables last.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use wicketgate_identity::access::{Effect, Event, EventKind};
use wicketgate_identity::{GrantId, LoginId};

use super::clerk::Word;
use super::{Clerk, Face, People, clock};
use crate::exit::complain;
use crate::run::control::Control;
use crate::users::Change;

/// Words of the clerk that are heard at a time.
const WORDS: usize = 64;

/// What is left to control of an effect.
pub(super) enum Step {
    /// To be written down; heard too, where it is an alarm.
    Tell(Event, bool),
    /// Tables are to be made anew.
    Compile,
}

impl People {
    /// The next thing that control has to do. Cuts are done on the way, before anything that comes after.
    pub(super) fn step(&mut self) -> Option<Step> {
        loop {
            match self.access.poll_effect()? {
                Effect::CutLogin { login, keep } => self.cut_login(login, &keep),
                Effect::CutSessions { login } => self.cut_sessions(login),
                Effect::CutGrant { login, asset, .. } => self.cut_grant(login, &asset),
                Effect::Audit(event) => return Some(Step::Tell(event, false)),
                Effect::Alarm(event) => return Some(Step::Tell(event, true)),
                Effect::Compile => return Some(Step::Compile),
            }
        }
    }

    /// What was told; the face of its login, where that needs none any more.
    pub(super) fn told(&mut self, event: &Event) -> Option<Face> {
        let login = event.login?;
        let face = self.faces.get_mut(&login)?;
        if let EventKind::LoginEnd(end) = event.kind {
            face.over = Some(end);
        }
        let needed =
            face.over.is_none() || self.access.grants().any(|(_, grant)| grant.login == login);
        if needed { None } else { self.faces.remove(&login) }
    }

    /// Ends a login's sessions; of those on assets where a grant of it drains, all but the operations that
    /// are under way.
    fn cut_login(&mut self, login: LoginId, keep: &[GrantId]) {
        let scope = |id: &GrantId| Some(self.access.grant(*id)?.scope.asset.clone());
        let kept: Vec<_> = keep.iter().filter_map(scope).collect();
        let drains = |asset: &str| kept.iter().any(|kept| **kept == *asset);
        for session in self.registry.of_login(login, drains) {
            self.sessions.drain(session);
        }
        self.cut(login, |asset| !drains(asset));
    }

    /// Ends a login's sessions on the asset of a grant that was taken back. What else it may do there, it
    /// may do again, in another session.
    fn cut_grant(&mut self, login: LoginId, asset: &Arc<str>) {
        self.cut(login, |on| *on == **asset);
        self.renew(login, asset);
    }

    /// Ends all sessions of a login that goes on. What is left to it, it may do in others.
    fn cut_sessions(&mut self, login: LoginId) {
        self.cut(login, |_| true);
        if let Some(face) = self.faces.get_mut(&login) {
            face.last += 1;
            face.right = face.last;
            face.renewed.clear();
        }
    }

    /// Ends sessions, and lets none begin by the tables in force. What a worker has begun and not told of
    /// yet is ended when it is told.
    fn cut(&self, login: LoginId, on: impl Fn(&str) -> bool) {
        if let Some(IpAddr::V4(source)) = self.faces.get(&login).and_then(|face| face.address) {
            self.sessions.bar(source, self.epoch);
        }
        for session in self.registry.of_login(login, on) {
            self.sessions.revoke(session);
        }
    }
}

impl Control {
    /// Does what access wants done, but for new tables: those come with [`Control::conclude`].
    pub(in crate::run) fn settle(&mut self) {
        if self.take_effect() {
            self.due.want_tables();
        }
    }

    /// All of it but new tables; true where these are due.
    pub(in crate::run) fn take_effect(&mut self) -> bool {
        // Whose sessions they are, workers have told.
        self.log();
        let mut compile = false;
        while let Some(step) = self.people.step() {
            match step {
                Step::Tell(event, false) => self.tell(&event),
                Step::Tell(event, true) => self.cry(&event),
                Step::Compile => compile = true,
            }
        }
        compile
    }

    fn cry(&mut self, event: &Event) {
        let said = self.people.words(event);
        complain(format_args!("ALARM: {said}"));
        self.notifier.status(format_args!("ALARM: {said}"));
        self.tell(event);
    }

    /// Hears what the clerk has to say.
    pub(in crate::run) fn hear(&mut self) {
        for _ in 0..WORDS {
            match self.people.clerk.as_ref().map(Clerk::word) {
                Some(Ok(Some(word))) => self.heed(word),
                Some(Err(())) => {
                    complain("the thread of the identity store has ended: nobody can log in");
                    self.people.clerk = None;
                }
                Some(Ok(None)) | None => return,
            }
        }
    }

    fn heed(&mut self, word: Word) {
        match word {
            Word::Attempt(attempt) => {
                let (ask, outcome) = *attempt;
                self.attempted(ask, outcome);
            }
            Word::Stored(stored) => {
                let (ask, answer, change) = *stored;
                if let Some(change) = change {
                    self.changed(&change, ask.actor.to_string());
                }
                self.due.answer(ask, answer);
            }
        }
    }

    /// A user was changed: what rests on what is no more, ends.
    fn changed(&mut self, change: &Change, actor: String) {
        let now = clock::both();
        self.people.acting = Some(actor);
        self.tell_change(change);
        self.people.user_changed(change, now);
        self.settle();
        self.people.acting = None;
    }

    /// What has to be looked at all the time: 100 ms are what a step of the wall clock may take to be seen.
    pub(in crate::run) fn mind_people(&mut self, ticks: u32, tick: Duration) {
        self.hear();
        let every = u32::try_from(100 / tick.as_millis().max(1)).unwrap_or(1).max(1);
        if ticks.is_multiple_of(every) {
            self.people.tick(clock::both());
        }
        self.settle();
        self.conclude();
    }
}
