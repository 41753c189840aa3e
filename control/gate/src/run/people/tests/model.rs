//! A reference of what people may do: no deadlines, no tables, no numbers.
//!
//! It keeps what was observed (what the rule asked, and what both clocks said, when a grant began and at
//! each reload since), and asks for every packet whether all of it still holds.

use super::plant::{IDLE, Rule, What};
use super::{DAY, Moment};

/// A login.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) user: usize,
    pub(super) desk: usize,
    roles: Vec<&'static str>,
    password: u64,
    totp: Option<u64>,
    began: u64,
    seen: u64,
    over: bool,
}

/// A grant or request.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) login: usize,
    rule: &'static str,
    asked: u64,
    approved: Option<usize>,
    /// Proven; waits for nothing but someone's approval.
    waits: bool,
    /// Empty as long as it is a request.
    observed: Vec<(Rule, Moment)>,
    over: bool,
}

/// All of them.
#[derive(Default)]
pub(super) struct Model {
    pub(super) rules: Vec<Rule>,
    pub(super) logins: Vec<Login>,
    pub(super) grants: Vec<Grant>,
}

impl Rule {
    /// The opening hours that hold at `wall`, or come next.
    fn stretch(&self, wall: u64) -> Option<(u64, u64)> {
        let (from, to) = self.hours?;
        let today = wall / DAY * DAY;
        let day = if wall < today + to * 3600 { today } else { today + DAY };
        Some((day + from * 3600, day + to * 3600))
    }

    fn is_open(&self, wall: u64) -> bool {
        self.stretch(wall).is_none_or(|(from, to)| from <= wall && wall < to)
    }
}

impl Login {
    fn has_proven(&self, rule: &Rule, mono: u64) -> bool {
        let fresh = |at: u64| rule.age.is_none_or(|age| mono < at + age * 60);
        fresh(self.password) && (!rule.totp || self.totp.is_some_and(fresh))
    }

    fn is_over(&self, mono: u64) -> bool {
        self.over || mono >= self.began + DAY / 2 || mono >= self.seen + IDLE.as_secs()
    }
}

impl Model {
    /// Whether whoever sits at `desk` may do this.
    pub(super) fn may(&self, desk: usize, asset: usize, what: What, now: Moment) -> bool {
        let gives = |rule: &Rule| rule.asset == asset && rule.gives == what;
        let login = self.logins.iter().position(|l| l.desk == desk && !l.is_over(now.mono));
        let Some(login) = login else { return false };
        let mine = &self.logins[login];
        let standing = self.rules.iter().any(|rule| {
            let open = gives(rule) && !rule.on_request() && rule.is_open(now.wall);
            open && mine.roles.contains(&"maintenance") && mine.has_proven(rule, now.mono)
        });
        standing || self.grants.iter().any(|grant| self.gives(grant, login, gives, now))
    }

    fn gives(
        &self,
        grant: &Grant,
        login: usize,
        gives: impl Fn(&Rule) -> bool,
        now: Moment,
    ) -> bool {
        let begun = |(rule, then): &(Rule, Moment)| {
            rule.stretch(then.wall).is_none_or(|(from, _)| from <= now.wall)
        };
        let last = grant.observed.last();
        grant.login == login
            && last.is_some_and(|(rule, _)| gives(rule))
            && self.holds(grant, now)
            && grant.observed.iter().all(begun)
    }

    /// Whether all that was observed of a grant still holds.
    fn holds(&self, grant: &Grant, now: Moment) -> bool {
        let (Some((_, first)), Some((last, _))) = (grant.observed.first(), grant.observed.last())
        else {
            return false;
        };
        let login = &self.logins[grant.login];
        let proven = login.has_proven(last, now.mono);
        !grant.over
            && !login.is_over(now.mono)
            && proven
            && grant.observed.iter().all(|(rule, then)| {
                let lasts = rule.minutes.is_none_or(|most| now.mono < first.mono + most * 60);
                // Neither clock may say that the window closed.
                let open = rule.stretch(then.wall).is_none_or(|(_, to)| {
                    now.wall < to && now.mono < then.mono + to.saturating_sub(then.wall)
                });
                lasts && open
            })
    }

    /// Ends whatever does not hold any more.
    pub(super) fn settle(&mut self, now: Moment) {
        for login in &mut self.logins {
            login.over = login.is_over(now.mono);
        }
        for at in 0..self.grants.len() {
            let grant = &self.grants[at];
            let over = if grant.observed.is_empty() {
                now.mono >= grant.asked + 15 * 60 || self.logins[grant.login].over
            } else {
                !self.holds(grant, now)
            };
            self.grants[at].over |= over;
        }
    }

    /// Frames of whoever sits there have passed.
    pub(super) fn seen(&mut self, desk: usize, now: Moment) {
        let mine = self.logins.iter_mut().filter(|login| login.desk == desk && !login.over);
        mine.for_each(|login| login.seen = now.mono);
    }

    pub(super) fn log_in(
        &mut self,
        user: usize,
        desk: usize,
        roles: &[&'static str],
        totp: bool,
        now: Moment,
    ) {
        for old in 0..self.logins.len() {
            if self.logins[old].desk == desk {
                self.end_login(old);
            }
        }
        let (password, began, seen) = (now.mono, now.mono, now.mono);
        let (roles, totp) = (roles.to_vec(), totp.then_some(now.mono));
        self.logins.push(Login { user, desk, roles, password, totp, began, seen, over: false });
    }

    pub(super) fn step_up(&mut self, login: usize, totp: bool, now: Moment) {
        let mine = &mut self.logins[login];
        (mine.password, mine.seen) = (now.mono, now.mono);
        mine.totp = if totp { Some(now.mono) } else { mine.totp };
        self.advance_all(now, |grant| grant.login == login);
    }

    pub(super) fn end_login(&mut self, login: usize) {
        self.logins[login].over = true;
        self.grants.iter_mut().filter(|grant| grant.login == login).for_each(|g| g.over = true);
    }

    /// Whatever a user has ends, and yeses that have led to nothing yet.
    pub(super) fn disable(&mut self, user: usize) {
        for login in 0..self.logins.len() {
            if self.logins[login].user == user {
                self.end_login(login);
            }
        }
        self.forget(user);
    }

    pub(super) fn set_roles(&mut self, user: usize, roles: &[&'static str]) {
        self.logins.iter_mut().filter(|l| l.user == user).for_each(|l| l.roles = roles.to_vec());
        for at in 0..self.grants.len() {
            let grant = &self.grants[at];
            let known = self.rules.iter().any(|rule| rule.name == grant.rule);
            let keeps = known && roles.contains(&"maintenance");
            self.grants[at].over |= self.logins[grant.login].user == user && !keeps;
        }
        self.forget(user);
    }

    fn forget(&mut self, user: usize) {
        let waits = |grant: &&mut Grant| grant.observed.is_empty() && grant.approved == Some(user);
        self.grants.iter_mut().filter(waits).for_each(|grant| grant.approved = None);
    }

    /// A rule is asked for; whether the request is taken.
    pub(super) fn request(&mut self, login: usize, name: &'static str, now: Moment) -> bool {
        let Some(rule) = self.rule(name).copied() else { return false };
        let (mine, same) = (&self.logins[login], |g: &Grant| g.login == login && g.rule == name);
        let taken = !mine.over
            && mine.roles.contains(&"maintenance")
            && rule.is_open(now.wall)
            && !self.grants.iter().any(|grant| !grant.over && same(grant))
            && !self.is_crowded(login, &rule);
        if taken {
            let (asked, rule) = (now.mono, name);
            let (approved, observed) = (None, Vec::new());
            self.grants.push(Grant {
                login,
                rule,
                asked,
                approved,
                waits: false,
                observed,
                over: false,
            });
            let this = self.grants.len() - 1;
            self.advance(this, now);
        }
        taken
    }

    /// Someone says yes to a request.
    pub(super) fn approve(&mut self, at: usize, by: usize, now: Moment) {
        let grant = &self.grants[at];
        let Some(rule) = self.rule(grant.rule).copied() else { return };
        let approver = &self.logins[by];
        let may = !grant.over
            && grant.observed.is_empty()
            && grant.waits
            && rule.approval
            && !approver.over
            && approver.user != self.logins[grant.login].user
            && approver.roles.contains(&"lead")
            && approver.has_proven(&rule, now.mono)
            && !self.is_crowded(grant.login, &rule);
        if may {
            self.grants[at].approved = Some(self.logins[by].user);
            self.advance(at, now);
        }
    }

    pub(super) fn end_grant(&mut self, grant: usize) {
        self.grants[grant].over = true;
    }

    /// The policy is another.
    pub(super) fn reload(&mut self, rules: Vec<Rule>, now: Moment) {
        self.rules = rules;
        for at in 0..self.grants.len() {
            if self.grants[at].over || self.grants[at].observed.is_empty() {
                continue;
            }
            match self.still_given(&self.grants[at], now) {
                Some(rule) => self.grants[at].observed.push((rule, now)),
                None => self.grants[at].over = true,
            }
        }
        self.advance_all(now, |_| true);
    }

    /// What the policy of now asks of a grant, if it still gives it: its window must have something in
    /// common with all before.
    fn still_given(&self, grant: &Grant, now: Moment) -> Option<Rule> {
        let rule = self.rule(grant.rule)?;
        let login = &self.logins[grant.login];
        let windows = grant.observed.iter().filter_map(|(rule, then)| rule.stretch(then.wall));
        let before = windows.reduce(|a, b| (a.0.max(b.0), a.1.min(b.1)));
        let common = match (rule.stretch(now.wall), before) {
            (None, _) => true,
            (Some(_), None) => rule.is_open(now.wall),
            (Some(new), Some(old)) => new.0.max(old.0) < new.1.min(old.1),
        };
        let given = common
            && login.roles.contains(&"maintenance")
            && login.has_proven(rule, now.mono)
            && (!rule.approval || grant.approved.is_some());
        given.then_some(*rule)
    }

    fn advance_all(&mut self, now: Moment, which: impl Fn(&Grant) -> bool) {
        for at in 0..self.grants.len() {
            if which(&self.grants[at]) {
                self.advance(at, now);
            }
        }
    }

    /// Takes a request as far as it goes.
    fn advance(&mut self, at: usize, now: Moment) {
        let grant = &self.grants[at];
        if grant.over || !grant.observed.is_empty() {
            return;
        }
        let login = &self.logins[grant.login];
        let rule = self.rule(grant.rule).filter(|_| login.roles.contains(&"maintenance"));
        let Some(rule) = rule.filter(|rule| rule.is_open(now.wall)).copied() else {
            self.grants[at].over = true;
            return;
        };
        let proven = login.has_proven(&rule, now.mono);
        let approved = !rule.approval || grant.approved.is_some();
        let crowded = self.is_crowded(grant.login, &rule);
        let grant = &mut self.grants[at];
        grant.waits = proven && !approved;
        if proven && approved && crowded {
            grant.over = true;
        } else if proven && approved {
            grant.observed.push((rule, now));
        }
    }

    fn is_crowded(&self, login: usize, rule: &Rule) -> bool {
        let (user, on) = (self.logins[login].user, rule.asset);
        let held = self.grants.iter().filter(|grant| {
            let there = grant.observed.last().is_some_and(|(rule, _)| rule.asset == on);
            !grant.over && there && self.logins[grant.login].user == user
        });
        rule.most.is_some_and(|most| held.count() >= most as usize)
    }

    fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }
}
