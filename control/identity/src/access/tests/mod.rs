//! The machine of logins and grants: every edge, and a model beside it.

mod edges;
mod emergency;
mod model;

mod windows;

use std::cell::RefCell;
use std::collections::BTreeMap;

use wicketgate_engine::tables::Window;
use wicketgate_packet::Time;

use super::*;
use crate::authenticate::Authenticated;
use crate::factor::{Factor, Proofs};
use crate::name::{Role, UserName};
use crate::store::User;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A Monday, 09:00 UTC.
const MORNING: Duration = Duration::from_secs(1_772_442_000);

/// Rules by name; every rule is about every asset.
#[derive(Default)]
struct Book(RefCell<BTreeMap<String, Terms>>);

impl Book {
    fn of(rules: &[(&str, Terms)]) -> Book {
        let rules = rules.iter().map(|(name, terms)| ((*name).to_owned(), terms.clone()));
        Book(RefCell::new(rules.collect()))
    }

    fn change(&self, rule: &str, change: impl FnOnce(&mut Terms)) {
        change(self.0.borrow_mut().get_mut(rule).unwrap());
    }

    fn remove(&self, rule: &str) {
        self.0.borrow_mut().remove(rule);
    }
}

impl Rules for Book {
    fn terms(&self, scope: &Scope, _: Time) -> Option<Terms> {
        self.0.borrow().get(&*scope.rule).cloned()
    }
}

/// Both clocks of a test; they start an hour after the machine did, on [`MORNING`].
#[derive(Clone, Copy)]
struct Clock {
    monotonic: Duration,
    wall: Duration,
}

impl Clock {
    fn new() -> Clock {
        Clock { monotonic: HOUR, wall: MORNING }
    }

    fn now(self) -> Now {
        Now { monotonic: Monotonic::START + self.monotonic, wall: Time::EPOCH + self.wall }
    }

    fn pass(&mut self, time: Duration) {
        self.monotonic += time;
        self.wall += time;
    }
}

fn role(name: &str) -> Role {
    Role::new(name).unwrap()
}

fn terms(change: impl FnOnce(&mut Terms)) -> Terms {
    let mut terms = Terms {
        roles: vec![role("maintenance")],
        factors: vec![Factor::Password],
        ..Terms::default()
    };
    change(&mut terms);
    terms
}

fn scope(rule: &str) -> Scope {
    Scope { rule: rule.into(), asset: "press-3".into() }
}

/// From so long after [`MORNING`] to so long after.
fn window(from: Duration, until: Duration) -> Option<Window> {
    Some(Window { from: Time::EPOCH + MORNING + from, until: Time::EPOCH + MORNING + until })
}

fn proven(user: i64, roles: &[&str], factors: &[Factor], now: Now) -> Authenticated {
    let name = format!("user-{user}");
    let mut proofs = Proofs::default();
    factors.iter().for_each(|factor| proofs.add(*factor, now.monotonic));
    let user = User {
        id: UserId(user),
        name: UserName::new(&name).unwrap(),
        display_name: name.clone(),
        person: name,
        roles: roles.iter().map(|name| role(name)).collect(),
        disabled: false,
        last_login: None,
        failures: 0,
        has_password: true,
        has_totp: true,
        recovery_codes: 0,
        certificates: 0,
    };
    Authenticated { user, proofs, at: now.monotonic }
}

/// A machine, rules and clocks, with what tests do to them.
struct Plant {
    access: Access,
    book: Book,
    clock: Clock,
    tunnels: u64,
}

impl Plant {
    fn new(rules: &[(&str, Terms)]) -> Plant {
        let access = Access::new(Lifetimes::default());
        Plant { access, book: Book::of(rules), clock: Clock::new(), tunnels: 0 }
    }

    /// A login by password.
    fn login(&mut self, user: i64, roles: &[&str]) -> LoginId {
        let proven = proven(user, roles, &[Factor::Password], self.clock.now());
        self.enter(&proven)
    }

    fn enter(&mut self, proven: &Authenticated) -> LoginId {
        self.tunnels += 1;
        self.access.login(proven, Binding::Tunnel(self.tunnels), self.clock.now()).unwrap()
    }

    fn request(&mut self, login: LoginId, rule: &str) -> Result<GrantId, RequestError> {
        let now = self.clock.now();
        self.access.request(login, scope(rule), Some("pump 4 leaks"), &self.book, now)
    }

    fn step_up(&mut self, login: LoginId, user: i64, factors: &[Factor]) {
        let now = self.clock.now();
        let proven = proven(user, &[], factors, now);
        self.access.step_up(login, &proven, &self.book, now).unwrap();
    }

    fn approve(&mut self, grant: GrantId, approver: LoginId) -> Result<(), ApproveError> {
        self.access.approve(grant, approver, &self.book, self.clock.now())
    }

    fn pass(&mut self, time: Duration) {
        self.clock.pass(time);
        self.tick();
    }

    fn tick(&mut self) {
        self.access.tick(self.clock.now());
    }

    fn reload(&mut self) {
        self.access.reload(&self.book, self.clock.now());
    }

    fn permits(&self, login: LoginId, rule: &str) -> bool {
        self.access.permits(login, &scope(rule), self.clock.now())
    }

    fn state(&self, grant: GrantId) -> Option<State> {
        self.access.grant(grant).map(|grant| grant.state.clone())
    }

    fn effects(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.access.poll_effect()).collect()
    }

    /// Why the grant ended, by what the audit was told.
    fn ends(&mut self) -> Vec<End> {
        let end = |effect| match effect {
            Effect::Audit(Event { kind: EventKind::GrantEnd(end), .. }) => Some(end),
            _ => None,
        };
        self.effects().into_iter().filter_map(end).collect()
    }
}

/// What the audit was told.
fn told(effects: &[Effect]) -> Vec<EventKind> {
    let kind = |effect: &Effect| match effect {
        Effect::Audit(event) | Effect::Alarm(event) => Some(event.kind.clone()),
        _ => None,
    };
    effects.iter().filter_map(kind).collect()
}
