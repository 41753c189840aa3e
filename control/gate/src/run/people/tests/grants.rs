//! Random days of a plant: after each thing that happens every desk asks every asset for everything. What
//! the model forbids never passes, what it allows always does, and nobody ever stops the machine.

use proptest::prelude::*;

use super::model::Model;
use super::plant::{ASKED, ASSETS, DESKS, HMI, VARIANTS, What, policy, rules};
use super::*;
use crate::users::{Change, What as Changed};
use wicketgate_identity::GrantId;
use wicketgate_identity::access::Effect;

const USERS: [&str; 3] = ["anna", "ben", "chris"];

/// Sets of roles; the first three are what the users begin with.
const ROLES: [&[&str]; 4] = [&["maintenance"], &["lead"], &["lead", "maintenance"], &["office"]];

/// What can be asked for.
const ASKABLE: [&str; 4] = ["timed", "windowed", "eyes", "both"];

/// One thing that happens. Logins and grants are picked among the last few there were, ended or not.
#[derive(Clone, Debug)]
enum Input {
    Login {
        user: usize,
        desk: usize,
        totp: bool,
    },
    Logout(usize),
    RevokeLogin(usize),
    Disable(usize),
    Roles {
        user: usize,
        set: usize,
    },
    StepUp {
        login: usize,
        totp: bool,
    },
    Request {
        login: usize,
        rule: usize,
    },
    Approve {
        grant: usize,
        login: usize,
    },
    GiveBack(usize),
    Revoke(usize),
    Reload(usize),
    /// Minutes.
    Pass(u64),
    /// Minutes.
    SetWall(i64),
}

/// How many logins and grants back an input may pick.
const BACK: usize = 4;

fn input() -> impl Strategy<Value = Input> {
    let (user, desk) = (0..USERS.len(), 0..DESKS.len());
    let (login, grant) = (0..BACK, 0..BACK);
    prop_oneof![
        5 => (user.clone(), desk, any::<bool>())
            .prop_map(|(user, desk, totp)| Input::Login { user, desk, totp }),
        1 => login.clone().prop_map(Input::Logout),
        1 => login.clone().prop_map(Input::RevokeLogin),
        1 => user.clone().prop_map(Input::Disable),
        1 => (user, 0..ROLES.len()).prop_map(|(user, set)| Input::Roles { user, set }),
        3 => (login.clone(), any::<bool>()).prop_map(|(login, totp)| Input::StepUp { login, totp }),
        10 => (login.clone(), 0..ASKABLE.len())
            .prop_map(|(login, rule)| Input::Request { login, rule }),
        5 => (grant.clone(), login).prop_map(|(grant, login)| Input::Approve { grant, login }),
        1 => grant.clone().prop_map(Input::GiveBack),
        1 => grant.prop_map(Input::Revoke),
        3 => (0..VARIANTS).prop_map(Input::Reload),
        9 => (0_u64..60).prop_map(Input::Pass),
        4 => prop_oneof![4 => -60_i64..60, 1 => -1500_i64..1500].prop_map(Input::SetWall),
    ]
}

/// The gate and the model side by side.
struct Pair {
    bench: Bench,
    model: Model,
    roles: [&'static [&'static str]; 3],
    /// Numbers in the gate of the model's logins and grants.
    logins: Vec<LoginId>,
    grants: Vec<GrantId>,
    /// The port that clients ask from: another after each step.
    port: u16,
    /// What passed, so that nothing is proven by a gate that is shut.
    passed: u64,
}

impl Pair {
    fn new() -> Pair {
        Pair {
            bench: Bench::new(&policy(&rules(0))),
            model: Model { rules: rules(0), ..Model::default() },
            roles: [ROLES[0], ROLES[1], ROLES[2]],
            logins: Vec::new(),
            grants: Vec::new(),
            port: 50_001,
            passed: 0,
        }
    }

    fn now(&self) -> Now {
        self.bench.at.now()
    }

    /// What happens, to both. What the gate answers must be what the model says.
    fn input(&mut self, input: &Input) {
        let (now, at) = (self.now(), self.bench.at);
        let pick = |back: usize, count: usize| Some(count.checked_sub(1)? - back % count.min(BACK));
        let login_of = |back| pick(back, self.logins.len());
        let grant_of = |back| pick(back, self.grants.len());
        match *input {
            Input::Login { user, desk, totp } => self.log_in(user, desk, totp),
            Input::Disable(user) => {
                self.change(user, Changed::Disabled);
                self.model.disable(user);
            }
            Input::Roles { user, set } => {
                self.roles[user] = ROLES[set];
                let roles = super::user(1, "x", ROLES[set]).roles;
                self.change(user, Changed::Roles(roles));
                self.model.set_roles(user, ROLES[set]);
            }
            Input::Reload(variant) => {
                self.bench.reload(&policy(&rules(variant)));
                self.model.reload(rules(variant), at);
            }
            Input::Pass(minutes) => {
                self.bench.at.mono += minutes * 60;
                self.bench.at.wall += minutes * 60;
            }
            Input::SetWall(minutes) => {
                self.bench.at.wall = self.bench.at.wall.saturating_add_signed(minutes * 60);
            }
            Input::StepUp { login, totp } => {
                let Some(login) = login_of(login) else { return };
                self.step_up(login, totp);
            }
            Input::Logout(login) | Input::RevokeLogin(login) => {
                let Some(login) = login_of(login) else { return };
                let (id, access) = (self.logins[login], &mut self.bench.people.access);
                let _ = match input {
                    Input::Logout(_) => access.logout(id, now),
                    _ => access.revoke_login(id, None, now),
                };
                self.model.end_login(login);
            }
            Input::Request { login, rule } => {
                let Some(login) = login_of(login) else { return };
                self.request(login, ASKABLE[rule]);
            }
            Input::Approve { grant, login } => {
                let Some((grant, by)) = grant_of(grant).zip(login_of(login)) else { return };
                let People { access, book, .. } = &mut self.bench.people;
                let _ = access.approve(self.grants[grant], self.logins[by], book, now);
                self.model.approve(grant, by, at);
            }
            Input::GiveBack(grant) | Input::Revoke(grant) => {
                let Some(grant) = grant_of(grant) else { return };
                let (id, access) = (self.grants[grant], &mut self.bench.people.access);
                match input {
                    Input::Revoke(_) => drop(access.revoke(id, None, now)),
                    _ => {
                        let login = self.logins[self.model.grants[grant].login];
                        access.give_back(id, login, now);
                    }
                }
                self.model.end_grant(grant);
            }
        }
    }

    fn log_in(&mut self, user: usize, desk: usize, totp: bool) {
        let now = self.now();
        let known = super::user(user as i64 + 1, USERS[user], self.roles[user]);
        let proven = Authenticated::unproven(known, factors(totp), now.monotonic);
        let Bench { people, policy, .. } = &mut self.bench;
        // Only a proof from before an admin's change is refused: it comes in the same moment.
        let Ok(id) = people.log_in(Some(DESKS[desk].into()), &proven, policy, now) else { return };
        self.logins.push(id);
        self.model.log_in(user, desk, self.roles[user], totp, self.bench.at);
    }

    fn step_up(&mut self, login: usize, totp: bool) {
        let (now, user) = (self.now(), self.model.logins[login].user);
        let known = super::user(user as i64 + 1, USERS[user], self.roles[user]);
        let proven = Authenticated::unproven(known, factors(totp), now.monotonic);
        let People { access, book, .. } = &mut self.bench.people;
        if access.step_up(self.logins[login], &proven, book, now).is_ok() {
            self.model.step_up(login, totp, self.bench.at);
        }
    }

    fn request(&mut self, login: usize, rule: &'static str) {
        let (now, rules) = (self.now(), &self.model.rules);
        let asset = rules.iter().find(|known| known.name == rule).map_or(0, |rule| rule.asset);
        let People { access, book, .. } = &mut self.bench.people;
        let scope = book.scope(rule, &format!("a{asset}"));
        let id = access.request(self.logins[login], scope, Some("pump 4 leaks"), book, now);
        let taken = self.model.request(login, rule, self.bench.at);
        assert_eq!(id.is_ok(), taken, "{id:?}");
        self.grants.extend(id);
    }

    fn change(&mut self, user: usize, what: Changed) {
        let change = Change { user: UserId(user as i64 + 1), name: USERS[user].to_owned(), what };
        let now = self.now();
        self.bench.people.user_changed(&change, now);
    }

    /// Everybody asks for everything, of flows that are there and in new ones.
    fn probe(&mut self, exact: bool) {
        for (asset, overlay) in ASSETS.into_iter().enumerate() {
            for what in ASKED {
                for (desk, from) in DESKS.into_iter().enumerate() {
                    self.ask(desk, from, (asset, overlay), what, exact);
                }
                let may = matches!(what, What::Read | What::Write(0));
                let passed = self.bench.passes((HMI, 40_000), overlay, &what.pdu());
                assert_eq!(passed, may, "the machine: {what:?}");
            }
        }
    }

    fn ask(
        &mut self,
        desk: usize,
        from: Ipv4Addr,
        (asset, overlay): (usize, Ipv4Addr),
        what: What,
        exact: bool,
    ) {
        let may = self.model.may(desk, asset, what, self.bench.at);
        for port in [50_000, self.port] {
            let passed = self.bench.passes((from, port), overlay, &what.pdu());
            let said = format!("desk {desk} asks a{asset} for {what:?} from port {port}");
            assert!(may || !passed, "{said}: passes, though the model forbids it");
            assert!(!exact || passed || !may, "{said}: refused, though the model allows it");
            self.passed += u64::from(passed);
        }
    }

    /// One thing happens. Packets come when it is cut and tables are still the old ones, when they are
    /// new, and when control has looked at its clocks. A reload and what is given back are in force with
    /// their tables, a step of the wall clock when it has been seen.
    ///
    /// `asks` says whether anybody asks after it: not everything that is given is used before it is gone.
    fn step(&mut self, input: &Input, asks: bool) {
        self.input(input);
        let due = self.bench.cut();
        if !matches!(input, Input::SetWall(_) | Input::Reload(_) | Input::GiveBack(_)) {
            self.probe(false);
        }
        if due {
            self.bench.publish();
        }
        if asks && !matches!(input, Input::SetWall(_)) {
            self.probe(false);
        }
        self.bench.mind();
        self.model.settle(self.bench.at);
        if !asks {
            return;
        }
        // The first frame of a connection that was cut ends it.
        self.probe(false);
        self.probe(true);
        for (desk, _) in DESKS.iter().enumerate() {
            self.see(desk);
        }
        self.bench.log();
        self.bench.people.see(self.bench.at.now());
        self.port += 1;
    }

    fn see(&mut self, desk: usize) {
        let now = self.bench.at;
        let all = (0..ASSETS.len()).flat_map(|asset| ASKED.map(|what| (asset, what)));
        if all.into_iter().any(|(asset, what)| self.model.may(desk, asset, what, now)) {
            self.model.seen(desk, now);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn no_packet_passes_that_is_forbidden_and_none_is_refused_that_is_allowed(
        inputs in prop::collection::vec((input(), prop::bool::weighted(0.7)), 1..60)
    ) {
        let mut pair = Pair::new();
        for (input, asks) in &inputs {
            pair.step(input, *asks);
        }
    }
}

/// What the property is about does happen.
#[test]
fn the_model_lets_something_pass() {
    let mut pair = Pair::new();
    let day = [
        Input::Login { user: 0, desk: 0, totp: true },
        Input::Login { user: 1, desk: 1, totp: true },
        Input::Request { login: 1, rule: 0 },
        Input::Request { login: 1, rule: 1 },
        Input::Request { login: 1, rule: 2 },
        Input::Approve { grant: 0, login: 0 },
        Input::Pass(30),
        Input::SetWall(-120),
        Input::SetWall(120),
        Input::Logout(1),
    ];
    let passed = day.map(|input| {
        let before = pair.passed;
        pair.step(&input, true);
        pair.passed - before
    });
    assert_eq!(passed, [18, 24, 30, 38, 40, 46, 32, 4, 16, 0]);
    let none = std::iter::from_fn(|| pair.bench.people.access.poll_effect());
    assert!(none.collect::<Vec<Effect>>().is_empty());
}
