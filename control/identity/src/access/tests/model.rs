//! A reference model beside the machine, under random sequences of inputs and clock changes.
//!
//! The model keeps no deadlines. It keeps what was observed (what the rule asked, and what both
//! clocks said, when a grant began and at each reload since) and asks after every step whether all of
//! it still holds. The machine must permit exactly what the model permits.

use proptest::prelude::*;

use super::*;

/// Long enough for windows and durations to end first.
const IDLE: Duration = Duration::from_secs(5 * 3600);

const RULES: [&str; 4] = ["plain", "timed", "windowed", "eyes"];

/// One input. Logins and grants are picked among the last few that there were, ended or not.
#[derive(Clone, Debug)]
enum Input {
    Login { user: i64, tunnel: u64, totp: bool },
    Logout(usize),
    RevokeLogin(usize),
    Disable(i64),
    Roles { user: i64, set: usize },
    StepUp { login: usize, totp: bool },
    Request { login: usize, rule: usize },
    Approve { grant: usize, login: usize },
    Deny { grant: usize, login: usize },
    GiveBack(usize),
    Revoke(usize),
    Reload(usize),
    Pass(u64),
    SetWall(i64),
}

/// How many logins and grants back an input may pick.
const BACK: usize = 6;

/// The input's pick among `count` things.
fn pick(number: usize, count: usize) -> Option<usize> {
    number.checked_rem(count.min(BACK)).map(|back| count - 1 - back)
}

fn input() -> impl Strategy<Value = Input> {
    let (user, tunnel) = (1_i64..4, 1_u64..5);
    let (login, grant) = (0..BACK, 0..BACK);
    prop_oneof![
        6 => (user.clone(), tunnel, any::<bool>())
            .prop_map(|(user, tunnel, totp)| Input::Login { user, tunnel, totp }),
        1 => login.clone().prop_map(Input::Logout),
        1 => login.clone().prop_map(Input::RevokeLogin),
        1 => user.clone().prop_map(Input::Disable),
        1 => (user, 0_usize..4).prop_map(|(user, set)| Input::Roles { user, set }),
        3 => (login.clone(), any::<bool>())
            .prop_map(|(login, totp)| Input::StepUp { login, totp }),
        12 => (login.clone(), 0_usize..4).prop_map(|(login, rule)| Input::Request { login, rule }),
        5 => (grant.clone(), login.clone())
            .prop_map(|(grant, login)| Input::Approve { grant, login }),
        1 => (grant.clone(), login).prop_map(|(grant, login)| Input::Deny { grant, login }),
        1 => grant.clone().prop_map(Input::GiveBack),
        1 => grant.prop_map(Input::Revoke),
        4 => (0_usize..6).prop_map(Input::Reload),
        10 => (0_u64..60).prop_map(Input::Pass),
        3 => prop_oneof![-60_i64..60, -1500_i64..1500].prop_map(Input::SetWall),
    ]
}

fn roles(set: usize) -> Vec<Role> {
    let sets: [&[&str]; 4] =
        [&["maintenance"], &["shift-lead"], &["maintenance", "shift-lead"], &["office"]];
    sets[set].iter().map(|name| role(name)).collect()
}

/// The policy of a variant: what a rule asks, and from which hour to which it is open.
fn policy(variant: usize, rule: &str) -> Option<(Terms, Option<(u64, u64)>)> {
    let both = || vec![Factor::Password, Factor::Totp];
    let hours = if variant == 1 { (10, 12) } else { (8, 11) };
    Some(match rule {
        "plain" if variant == 2 => (terms(|terms| terms.factors = both()), None),
        "plain" => (terms(|_| {}), (variant == 3).then_some((8, 20))),
        "timed" => {
            let minutes = if variant == 1 { 10 } else { 25 };
            let change = |terms: &mut Terms| {
                terms.max_duration = Some(minutes * MINUTE);
                terms.max_proof_age = Some(20 * MINUTE);
            };
            (terms(change), None)
        }
        "windowed" if variant == 4 => return None,
        "windowed" => (terms(|_| {}), Some(hours)),
        "eyes" => {
            let change = |terms: &mut Terms| {
                terms.approver = Some(role("shift-lead"));
                terms.max_sessions = Some(1);
            };
            (terms(change), (variant != 5).then_some(hours))
        }
        _ => return None,
    })
}

/// The stretch that is open at `wall` or opens next, every day.
fn stretch((from, until): (u64, u64), wall: Time) -> Window {
    let hour = HOUR.as_nanos() as u64;
    let midnight = wall.as_nanos() / (24 * hour) * 24 * hour;
    let on = |midnight: u64| Window {
        from: Time::from_nanos(midnight + from * hour),
        until: Time::from_nanos(midnight + until * hour),
    };
    let today = on(midnight);
    if wall < today.until { today } else { on(midnight + 24 * hour) }
}

struct Variant(usize);

impl Rules for Variant {
    fn terms(&self, scope: &Scope, wall: Time) -> Option<Terms> {
        let (terms, hours) = policy(self.0, &scope.rule)?;
        Some(Terms { window: hours.map(|hours| stretch(hours, wall)), ..terms })
    }
}

/// What both clocks said and the rule asked at one moment.
#[derive(Clone)]
struct Observed {
    now: Now,
    terms: Terms,
}

struct ModelLogin {
    user: i64,
    tunnel: u64,
    roles: Vec<Role>,
    proofs: Vec<(Factor, Monotonic)>,
    began: Monotonic,
    seen: Monotonic,
    over: bool,
}

struct ModelGrant {
    login: usize,
    rule: &'static str,
    asked: Monotonic,
    approved: Option<i64>,
    /// Empty while it waits.
    observed: Vec<Observed>,
    /// What it waits for, if it does.
    waits_for_approval: bool,
    over: bool,
}

#[derive(Default)]
struct Model {
    variant: usize,
    logins: Vec<ModelLogin>,
    grants: Vec<ModelGrant>,
    changed: BTreeMap<i64, Monotonic>,
}

impl Model {
    fn terms(&self, rule: &str, now: Now) -> Option<Terms> {
        Variant(self.variant).terms(&scope(rule), now.wall)
    }

    fn is_live(&self, login: usize) -> bool {
        self.logins.get(login).is_some_and(|login| !login.over)
    }

    /// When a factor was proven last.
    fn proof(&self, login: usize, factor: Factor) -> Option<Monotonic> {
        let proofs = self.logins[login].proofs.iter();
        proofs.filter(|(proven, _)| *proven == factor).map(|(_, at)| *at).max()
    }

    fn is_proven(&self, login: usize, terms: &Terms, now: Now) -> bool {
        terms.factors.iter().all(|factor| match self.proof(login, *factor) {
            None => false,
            Some(at) => terms.max_proof_age.is_none_or(|age| now.monotonic.since(at) < age),
        })
    }

    fn is_for(&self, login: usize, terms: &Terms) -> bool {
        terms.roles.iter().any(|role| self.logins[login].roles.contains(role))
    }

    fn is_crowded(&self, user: i64, terms: &Terms) -> bool {
        let held = |grant: &&ModelGrant| {
            !grant.over && !grant.observed.is_empty() && self.logins[grant.login].user == user
        };
        let held = self.grants.iter().filter(held).count();
        terms.max_sessions.is_some_and(|most| held >= most as usize)
    }

    /// Whether all that was observed of a grant still holds.
    fn holds(&self, grant: &ModelGrant, now: Now) -> bool {
        let Some(first) = grant.observed.first() else { return false };
        let Some(last) = grant.observed.last() else { return false };
        !self.logins[grant.login].over
            && self.is_proven(grant.login, &last.terms, now)
            && grant.observed.iter().all(|then| {
                let lasts = then
                    .terms
                    .max_duration
                    .is_none_or(|most| now.monotonic.since(first.now.monotonic) < most);
                // Neither clock may say that the window closed.
                let open = then.terms.window.is_none_or(|window| {
                    let left = window.until.since(then.now.wall);
                    now.wall < window.until && now.monotonic.since(then.now.monotonic) < left
                });
                lasts && open
            })
    }

    fn permits(&self, login: usize, rule: &str, now: Now) -> bool {
        self.grants.iter().any(|grant| {
            let opened =
                |then: &Observed| then.terms.window.is_none_or(|window| window.from <= now.wall);
            grant.login == login
                && grant.rule == rule
                && !grant.over
                && self.holds(grant, now)
                && grant.observed.iter().all(opened)
        })
    }

    /// Ends whatever does not hold any more.
    fn settle(&mut self, now: Now) {
        for login in &mut self.logins {
            let old = now.monotonic.since(login.began) >= 12 * HOUR;
            login.over |= old || now.monotonic.since(login.seen) >= IDLE;
        }
        for at in 0..self.grants.len() {
            let grant = &self.grants[at];
            let waits = grant.observed.is_empty();
            let late = waits && now.monotonic.since(grant.asked) >= REQUEST_LIFETIME;
            let fails = !waits && !self.holds(grant, now);
            self.grants[at].over |= late || fails || self.logins[grant.login].over;
        }
    }

    /// Judges a grant that waits.
    fn advance(&mut self, at: usize, now: Now) {
        let grant = &self.grants[at];
        if grant.over || !grant.observed.is_empty() {
            return;
        }
        let (login, approved) = (grant.login, grant.approved.is_some());
        let terms = self.terms(grant.rule, now).filter(|terms| self.is_for(login, terms));
        let Some(terms) = terms.filter(|terms| is_open(terms, now)) else {
            self.grants[at].over = true;
            return;
        };
        let proven = self.is_proven(login, &terms, now);
        let needs_approval = proven && terms.approver.is_some() && !approved;
        self.grants[at].waits_for_approval = needs_approval;
        if proven && !needs_approval {
            if self.is_crowded(self.logins[login].user, &terms) {
                self.grants[at].over = true;
            } else {
                self.grants[at].observed.push(Observed { now, terms });
            }
        }
    }

    /// Whether a request is taken.
    fn request(&mut self, login: usize, rule: &'static str, now: Now) -> bool {
        let user = self.logins[login].user;
        let terms = self.terms(rule, now).filter(|terms| self.is_for(login, terms));
        let Some(terms) = terms else { return false };
        let same = |grant: &ModelGrant| !grant.over && grant.login == login && grant.rule == rule;
        let taken = self.is_live(login)
            && is_open(&terms, now)
            && !self.grants.iter().any(same)
            && !self.is_crowded(user, &terms);
        if taken {
            self.grants.push(ModelGrant {
                login,
                rule,
                asked: now.monotonic,
                approved: None,
                observed: Vec::new(),
                waits_for_approval: false,
                over: false,
            });
            self.advance(self.grants.len() - 1, now);
        }
        taken
    }

    /// Whether someone may decide on a request.
    fn may_decide(&self, grant: &ModelGrant, login: usize, terms: &Terms) -> bool {
        let approver = &self.logins[login];
        !grant.over
            && grant.observed.is_empty()
            && grant.waits_for_approval
            && self.is_live(login)
            && approver.user != self.logins[grant.login].user
            && terms.approver.as_ref().is_some_and(|role| approver.roles.contains(role))
    }

    fn approve(&mut self, at: usize, login: usize, now: Now) -> bool {
        let grant = &self.grants[at];
        let Some(terms) = self.terms(grant.rule, now) else { return false };
        let user = self.logins[grant.login].user;
        let may = self.may_decide(grant, login, &terms)
            && self.is_proven(login, &terms, now)
            && !self.is_crowded(user, &terms);
        if may {
            self.grants[at].approved = Some(self.logins[login].user);
            self.advance(at, now);
        }
        may && !self.grants[at].over
    }

    fn deny(&mut self, at: usize, login: usize, now: Now) -> bool {
        let Some(terms) = self.terms(self.grants[at].rule, now) else { return false };
        let may = self.may_decide(&self.grants[at], login, &terms);
        self.grants[at].over |= may;
        may
    }

    fn reload(&mut self, variant: usize, now: Now) {
        self.variant = variant;
        for at in 0..self.grants.len() {
            if self.grants[at].over {
                continue;
            }
            if self.grants[at].observed.is_empty() {
                self.advance(at, now);
            } else if let Some(terms) = self.still_given(at, now) {
                self.grants[at].observed.push(Observed { now, terms });
            } else {
                self.grants[at].over = true;
            }
        }
    }

    /// What the policy of now asks of a grant, if it still gives it.
    fn still_given(&self, at: usize, now: Now) -> Option<Terms> {
        let grant = &self.grants[at];
        let terms = self.terms(grant.rule, now)?;
        let windows: Vec<Window> =
            grant.observed.iter().filter_map(|then| then.terms.window).collect();
        let in_common = match terms.window {
            None => true,
            Some(window) if windows.is_empty() => window.is_open(now.wall),
            Some(window) => {
                let from = windows.iter().map(|old| old.from).max().unwrap().max(window.from);
                let until = windows.iter().map(|old| old.until).min().unwrap().min(window.until);
                from < until
            }
        };
        let given = in_common
            && self.is_for(grant.login, &terms)
            && self.is_proven(grant.login, &terms, now)
            && (terms.approver.is_none() || grant.approved.is_some());
        given.then_some(terms)
    }

    fn end_login(&mut self, login: usize) {
        self.logins[login].over = true;
        self.grants.iter_mut().filter(|grant| grant.login == login).for_each(|g| g.over = true);
    }

    fn forget_approvals(&mut self, user: i64) {
        let waiting = self.grants.iter_mut().filter(|grant| grant.observed.is_empty());
        waiting.filter(|grant| grant.approved == Some(user)).for_each(|g| g.approved = None);
    }
}

fn is_open(terms: &Terms, now: Now) -> bool {
    terms.window.is_none_or(|window| window.from <= now.wall && now.wall < window.until)
}

/// Machine and model side by side.
struct Pair {
    access: Access,
    model: Model,
    clock: Clock,
    /// Numbers in the machine of the model's logins and grants.
    logins: Vec<LoginId>,
    grants: Vec<GrantId>,
    /// What was reached, so that the test cannot pass by reaching nothing.
    permitted: u32,
}

impl Pair {
    fn new() -> Pair {
        let access = Access::new(Lifetimes { idle: IDLE, ..Lifetimes::default() });
        let (model, clock) = (Model::default(), Clock::new());
        Pair { access, model, clock, logins: Vec::new(), grants: Vec::new(), permitted: 0 }
    }

    fn input(&mut self, input: &Input) {
        let now = self.clock.now();
        let login_of = |number| pick(number, self.logins.len());
        let grant_of = |number| pick(number, self.grants.len());
        match *input {
            Input::Login { user, tunnel, totp } => self.login(user, tunnel, totp, now),
            Input::Disable(user) => self.disable(user, now),
            Input::Roles { user, set } => self.roles(user, set, now),
            Input::Reload(variant) => {
                self.access.reload(&Variant(variant), now);
                self.model.reload(variant, now);
            }
            Input::Pass(minutes) => self.clock.pass(MINUTE * minutes as u32),
            Input::SetWall(minutes) => {
                let seconds = self.clock.wall.as_secs().saturating_add_signed(minutes * 60);
                self.clock.wall = Duration::from_secs(seconds);
            }
            Input::StepUp { login, totp } => {
                let Some(login) = login_of(login) else { return };
                self.step_up(login, totp, now);
            }
            Input::Logout(login) | Input::RevokeLogin(login) => {
                let Some(login) = login_of(login) else { return };
                self.end_login(login, matches!(input, Input::Logout(_)), now);
            }
            Input::Request { login, rule } => {
                let Some(login) = login_of(login) else { return };
                self.request(login, RULES[rule], now);
            }
            Input::Approve { grant, login } | Input::Deny { grant, login } => {
                let Some((grant, login)) = grant_of(grant).zip(login_of(login)) else { return };
                self.decide(grant, login, matches!(input, Input::Approve { .. }), now);
            }
            Input::GiveBack(grant) | Input::Revoke(grant) => {
                let Some(grant) = grant_of(grant) else { return };
                self.end_grant(grant, matches!(input, Input::GiveBack(_)), now);
            }
        }
    }

    fn end_login(&mut self, login: usize, by_user: bool, now: Now) {
        let (id, live) = (self.logins[login], self.model.is_live(login));
        let real = match by_user {
            true => self.access.logout(id, now),
            false => self.access.revoke_login(id, None, now),
        };
        assert_eq!(real.is_ok(), live);
        self.model.end_login(login);
    }

    fn disable(&mut self, user: i64, now: Now) {
        self.access.user_disabled(UserId(user), None, now);
        self.model.changed.insert(user, now.monotonic);
        for login in 0..self.model.logins.len() {
            if self.model.logins[login].user == user {
                self.model.end_login(login);
            }
        }
        self.model.forget_approvals(user);
    }

    fn request(&mut self, login: usize, rule: &'static str, now: Now) {
        let (id, rules) = (self.logins[login], Variant(self.model.variant));
        let real = self.access.request(id, scope(rule), Some("x"), &rules, now);
        assert_eq!(real.is_ok(), self.model.request(login, rule, now), "{real:?}");
        self.grants.extend(real);
    }

    fn decide(&mut self, grant: usize, login: usize, yes: bool, now: Now) {
        let (id, by) = (self.grants[grant], self.logins[login]);
        let rules = Variant(self.model.variant);
        let (real, model) = if yes {
            (self.access.approve(id, by, &rules, now), self.model.approve(grant, login, now))
        } else {
            (self.access.deny(id, by, &rules, now), self.model.deny(grant, login, now))
        };
        assert_eq!(real.is_ok(), model, "{real:?}");
    }

    fn end_grant(&mut self, grant: usize, by_user: bool, now: Now) {
        let (id, there) = (self.grants[grant], !self.model.grants[grant].over);
        let ended = if by_user {
            let login = self.logins[self.model.grants[grant].login];
            self.access.give_back(id, login, now)
        } else {
            self.access.revoke(id, None, now).is_ok()
        };
        assert_eq!(ended, there);
        self.model.grants[grant].over = true;
    }

    fn factors(totp: bool) -> Vec<Factor> {
        if totp { vec![Factor::Password, Factor::Totp] } else { vec![Factor::Password] }
    }

    fn login(&mut self, user: i64, tunnel: u64, totp: bool, now: Now) {
        let factors = Pair::factors(totp);
        let set = roles(usize::try_from(user - 1).unwrap());
        let mut proven = proven(user, &[], &factors, now);
        proven.user.roles = set.clone();
        let real = self.access.login(&proven, Binding::Tunnel(tunnel), now);
        let stale = self.model.changed.get(&user) == Some(&now.monotonic);
        assert_eq!(real.is_err(), stale);
        if stale {
            return;
        }
        for old in 0..self.model.logins.len() {
            if self.model.logins[old].tunnel == tunnel {
                self.model.end_login(old);
            }
        }
        self.model.logins.push(ModelLogin {
            user,
            tunnel,
            roles: set,
            proofs: factors.into_iter().map(|factor| (factor, now.monotonic)).collect(),
            began: now.monotonic,
            seen: now.monotonic,
            over: false,
        });
        self.logins.extend(real);
    }

    fn step_up(&mut self, login: usize, totp: bool, now: Now) {
        let user = self.model.logins[login].user;
        let factors = Pair::factors(totp);
        let proven = proven(user, &[], &factors, now);
        let rules = Variant(self.model.variant);
        let real = self.access.step_up(self.logins[login], &proven, &rules, now);
        let stale = self.model.changed.get(&user) == Some(&now.monotonic);
        assert_eq!(real.is_ok(), self.model.is_live(login) && !stale);
        if real.is_ok() {
            let known = &mut self.model.logins[login];
            known.proofs.extend(factors.into_iter().map(|factor| (factor, now.monotonic)));
            known.seen = now.monotonic;
            for grant in 0..self.model.grants.len() {
                if self.model.grants[grant].login == login {
                    self.model.advance(grant, now);
                }
            }
        }
    }

    fn roles(&mut self, user: i64, set: usize, now: Now) {
        let rules = Variant(self.model.variant);
        self.access.roles_changed(UserId(user), &roles(set), &rules, None, now);
        self.model.changed.insert(user, now.monotonic);
        for login in self.model.logins.iter_mut().filter(|login| login.user == user) {
            login.roles = roles(set);
        }
        for at in 0..self.model.grants.len() {
            let (login, rule) = (self.model.grants[at].login, self.model.grants[at].rule);
            let terms = self.model.terms(rule, now);
            let keeps = terms.is_some_and(|terms| self.model.is_for(login, &terms));
            self.model.grants[at].over |= self.model.logins[login].user == user && !keeps;
        }
        self.model.forget_approvals(user);
    }

    /// Both after the same step: what is permitted, and what is there.
    fn compare(&mut self) {
        let now = self.clock.now();
        self.access.tick(now);
        self.model.settle(now);
        for (login, id) in self.logins.iter().enumerate() {
            assert_eq!(self.access.login_of(*id).is_some(), self.model.is_live(login));
            for rule in RULES {
                let (real, model) = (
                    self.access.permits(*id, &scope(rule), now),
                    self.model.permits(login, rule, now),
                );
                assert_eq!(real, model, "login {login}, rule {rule}");
                self.permitted += u32::from(real);
            }
        }
        for (grant, id) in self.grants.iter().enumerate() {
            let there = self.access.grant(*id).is_some();
            assert_eq!(there, !self.model.grants[grant].over, "grant {grant}");
        }
    }
}

/// The daemon's side: rights that were compiled go when cuts and `Compile` say so, and not else.
fn follow(pair: &mut Pair, known: &mut BTreeMap<GrantId, LoginId>) {
    let now = pair.clock.now();
    let mut compile = false;
    while let Some(effect) = pair.access.poll_effect() {
        match effect {
            Effect::CutGrant { grant, .. } => drop(known.remove(&grant)),
            Effect::CutLogin { login, keep } => {
                known.retain(|grant, of| *of != login || keep.contains(grant));
            }
            Effect::Compile => compile = true,
            Effect::CutSessions { .. } | Effect::Audit(_) | Effect::Alarm(_) => {}
        }
    }
    let rights: BTreeMap<GrantId, LoginId> =
        pair.access.rights(now).map(|right| (right.grant, right.login)).collect();
    if compile {
        *known = rights.clone();
    }
    assert_eq!(*known, rights, "effects say all that the daemon has to know");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_permits_what_the_model_permits(
        inputs in prop::collection::vec(input(), 1..100)
    ) {
        let mut pair = Pair::new();
        let mut known = BTreeMap::new();
        for input in &inputs {
            pair.input(input);
            pair.compare();
            follow(&mut pair, &mut known);
        }
    }
}

#[test]
fn the_model_permits_something() {
    let mut pair = Pair::new();
    let inputs = [
        Input::Login { user: 1, tunnel: 1, totp: true },
        Input::Login { user: 2, tunnel: 2, totp: true },
        Input::Request { login: 1, rule: 3 },
        Input::Approve { grant: 0, login: 0 },
        Input::Request { login: 1, rule: 2 },
        Input::SetWall(-120),
        Input::SetWall(120),
    ];
    let permitted = inputs.map(|input| {
        pair.input(&input);
        let before = pair.permitted;
        pair.compare();
        pair.permitted - before
    });
    assert_eq!(permitted, [0, 0, 0, 1, 2, 0, 2]);
}
