//! What happened, as the audit tells it.

use wicketgate_audit::{Act, Deed};
use wicketgate_identity::access::{End, Event, EventKind};
use wicketgate_identity::{Factor, Outcome};

use super::People;
use crate::run::control::Control;
use crate::users::{Change, What};

impl Control {
    /// Writes what access tells.
    pub(super) fn tell(&mut self, event: &Event) {
        let people = &mut self.people;
        let epoch = self.generations.epoch();
        let what = people.what(event);
        let act = Act { what: what.as_deref(), ..people.act(event) };
        self.audit.act(epoch, &act);
        if let Some(((tunnel, grant), tunnels)) = people.news(event).zip(self.tunnels.as_mut()) {
            tunnels.note_grant(tunnel, grant);
        }
        if let Some(face) = people.told(event) {
            self.end_tunnel(&face);
        }
    }

    /// Writes what came of an attempt that was refused. What succeeded, access tells.
    pub(super) fn tell_refused(&mut self, outcome: &Outcome, reason: &str) {
        let event = &outcome.event;
        let user = event.user.as_ref().map(|(_, name)| name.as_str());
        let shown = words(&event.shown);
        self.audit.act(
            self.generations.epoch(),
            &Act {
                refused: true,
                user,
                actor: self.people.acting.as_deref(),
                client: Some(event.source),
                what: Some(&shown),
                reason: Some(reason),
                ..Act::new(Deed::LoginRefused)
            },
        );
    }

    pub(super) fn tell_change(&mut self, change: &Change) {
        let (deed, what) = match &change.what {
            What::Added => (Deed::UserAdded, None),
            What::Removed => (Deed::UserRemoved, None),
            What::Disabled => (Deed::UserDisabled, None),
            What::Enabled => (Deed::UserEnabled, None),
            What::Roles(roles) => {
                (Deed::UserRoles, Some(joined(roles.iter().map(wicketgate_identity::Role::as_str))))
            }
            What::Unlocked => (Deed::UserUnlocked, None),
            What::Enrolled(factor) => (Deed::FactorEnrolled, Some((*factor).to_owned())),
            What::Reset(factor) => (Deed::FactorReset, Some((*factor).to_owned())),
        };
        let act = Act {
            user: Some(&change.name),
            actor: self.people.acting.as_deref(),
            what: what.as_deref(),
            ..Act::new(deed)
        };
        self.audit.act(self.generations.epoch(), &act);
    }
}

impl People {
    fn act<'a>(&'a self, event: &'a Event) -> Act<'a> {
        let face = event.login.and_then(|login| self.faces.get(&login));
        let named = event.user.and_then(|user| self.name(user));
        let (deed, reason) = deed(&event.kind);
        let by = event.actor.and_then(|user| self.name(user));
        Act {
            user: face.map(|face| face.user.as_str()).or(named),
            login: event.login.map(|login| login.0),
            grant: number(event),
            actor: by.or(self.acting.as_deref()),
            client: face.and_then(|face| face.address),
            asset: event.scope.as_ref().map(|scope| &*scope.asset),
            rule: event.scope.as_ref().map(|scope| &*scope.rule),
            reason,
            text: event.reason.as_deref(),
            ..Act::new(deed)
        }
    }

    fn what(&self, event: &Event) -> Option<String> {
        match &event.kind {
            EventKind::Login(factors) | EventKind::StepUp(factors) => Some(words(factors)),
            EventKind::Challenged(factors) => Some(words(factors)),
            EventKind::Armed(id) => {
                let armed = self.access.armed().find(|(armed, _)| armed == id);
                armed.map(|(_, armed)| format!("rule {} role {}", armed.rule, armed.role))
            }
            _ => None,
        }
    }

    /// An alarm in words.
    pub(super) fn words(&self, event: &Event) -> String {
        let act = self.act(event);
        let about = event.scope.as_ref().map(|scope| format!(" {scope}"));
        let what = self.what(event).map(|what| format!(" {what}"));
        format!(
            "{}{}{} by {}",
            act.deed.name(),
            about.unwrap_or_default(),
            what.unwrap_or_default(),
            act.user.or(act.actor).unwrap_or("somebody")
        )
    }
}

fn number(event: &Event) -> Option<u64> {
    match event.kind {
        EventKind::Armed(id) | EventKind::Disarmed(id) | EventKind::ArmedExpired(id) => Some(id.0),
        _ => event.grant.map(|grant| grant.0),
    }
}

fn deed(kind: &EventKind) -> (Deed, Option<&'static str>) {
    match kind {
        EventKind::Login(_) => (Deed::Login, None),
        EventKind::StepUp(_) => (Deed::StepUp, None),
        EventKind::LoginEnd(end) => (Deed::Logout, Some(end.name())),
        EventKind::Requested | EventKind::AwaitsApproval => (Deed::GrantRequested, waits(kind)),
        EventKind::Challenged(_) => (Deed::GrantChallenged, None),
        EventKind::Approved => (Deed::GrantApproved, None),
        EventKind::Granted => (Deed::GrantBegun, None),
        EventKind::Draining(end) => (Deed::GrantDraining, Some(end.name())),
        EventKind::GrantEnd(end @ End::Denied) => (Deed::GrantDenied, Some(end.name())),
        EventKind::GrantEnd(end) if by_itself(*end) => (Deed::GrantExpired, Some(end.name())),
        EventKind::GrantEnd(end) => (Deed::GrantRevoked, Some(end.name())),
        EventKind::Armed(_) => (Deed::BreakGlassArmed, None),
        EventKind::Disarmed(_) => (Deed::BreakGlassDisarmed, None),
        EventKind::ArmedExpired(_) => (Deed::BreakGlassExpired, None),
        EventKind::BreakGlass(_) => (Deed::BreakGlassUsed, None),
    }
}

fn waits(kind: &EventKind) -> Option<&'static str> {
    (*kind == EventKind::AwaitsApproval).then_some("awaits-approval")
}

fn by_itself(end: End) -> bool {
    end.drains() || matches!(end, End::Unanswered | End::TooManySessions)
}

fn words(factors: &[Factor]) -> String {
    joined(factors.iter().map(|factor| factor.name()))
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}
