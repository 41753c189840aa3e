//! A program download in the middle of whatever ends its grant.

use super::plant::{ASSETS, DESKS, policy, rules};
use super::*;
use wicketgate_identity::GrantId;

const BEGIN: [u8; 3] = [90, 0, 0x33];
const BLOCK: [u8; 3] = [90, 0, 0x34];
const END: [u8; 3] = [90, 0, 0x35];
const DONE: [u8; 3] = [90, 0, 0xfe];
const READ: [u8; 5] = [3, 0, 0, 0, 1];

/// The port that the tool asks from.
const TOOL: u16 = 51_000;

/// For half an hour; takes two minutes, drains for one. Whoever looks may do so besides.
const PROGRAM: &str = r#"
[[rule]]
name = "program"
roles = ["maintenance"]
assets = ["a0"]
protocol = "modbus"
allow = ["program-write"]
factors = ["password"]
max_duration = "30min"
operation = "2min"
drain = "1min"
"#;

struct Tool {
    bench: Bench,
    login: LoginId,
    grant: GrantId,
}

impl Tool {
    /// Somebody has logged in, was granted it, and has begun a download.
    fn at_work() -> Tool {
        let mut bench = Bench::new(&(policy(&rules(0)) + PROGRAM));
        let login = Tool::log_in(&mut bench, 1, "anna");
        let now = bench.at.now();
        let People { access, book, .. } = &mut bench.people;
        let grant = access.request(login, book.scope("program", "a0"), None, book, now).unwrap();
        bench.mind();
        let mut tool = Tool { bench, login, grant };
        assert!(tool.asks(&READ) && tool.asks(&BEGIN));
        tool.bench.mind();
        tool
    }

    fn log_in(bench: &mut Bench, id: i64, name: &str) -> LoginId {
        let known = user(id, name, &["maintenance"]);
        let now = bench.at.now();
        let proven = Authenticated::unproven(known, factors(false), now.monotonic);
        let Bench { people, policy, .. } = bench;
        people.log_in(Some(DESKS[0].into()), &proven, policy, now).unwrap()
    }

    fn asks(&mut self, pdu: &[u8]) -> bool {
        self.bench.passes((DESKS[0], TOOL), ASSETS[0], pdu)
    }

    fn asks_anew(&mut self, pdu: &[u8]) -> bool {
        self.bench.passes((DESKS[0], TOOL + 1), ASSETS[0], pdu)
    }

    /// Looks at whether the download goes on: before there are other tables, and after. While it does, no
    /// other flow is opened for it, and nothing else begins.
    fn goes_on(&mut self) -> bool {
        let due = self.bench.cut();
        let before = self.asks(&BLOCK);
        if due {
            self.bench.publish();
        }
        self.bench.mind();
        let after = self.asks(&BLOCK);
        assert_eq!(before, after, "the same with the old tables and the new");
        assert!(!self.asks(&BEGIN) && !self.asks_anew(&BEGIN) && !self.asks_anew(&BLOCK));
        after
    }
}

type Act = fn(&mut Tool);

/// What ends by itself, or by the user's own doing.
const BY_ITSELF: [(&str, Act); 5] = [
    ("logged out", |tool| {
        tool.bench.people.access.logout(tool.login, tool.bench.at.now()).unwrap()
    }),
    ("tunnel lost", |tool| {
        tool.bench.people.access.tunnel_lost(tool.login, tool.bench.at.now()).unwrap();
    }),
    ("given back", |tool| {
        let now = tool.bench.at.now();
        assert!(tool.bench.people.access.give_back(tool.grant, tool.login, now));
    }),
    ("expired", |tool| {
        // The tool is busy: its flow is never silent.
        for _ in 0..30 {
            tool.bench.pass(60);
            assert!(tool.asks(&BLOCK));
        }
    }),
    ("logged in anew", |tool| {
        tool.bench.people.access.logout(tool.login, tool.bench.at.now()).unwrap();
        assert!(tool.goes_on());
        Tool::log_in(&mut tool.bench, 1, "anna");
    }),
];

/// What is taken back.
const TAKEN: [(&str, Act); 6] = [
    ("grant revoked", |tool| {
        tool.bench.people.access.revoke(tool.grant, None, tool.bench.at.now()).unwrap();
    }),
    ("login revoked", |tool| {
        tool.bench.people.access.revoke_login(tool.login, None, tool.bench.at.now()).unwrap();
    }),
    ("user disabled", |tool| {
        tool.bench.people.access.user_disabled(UserId(1), None, tool.bench.at.now());
    }),
    ("role lost", |tool| {
        let (now, People { access, book, .. }) = (tool.bench.at.now(), &mut tool.bench.people);
        access.roles_changed(UserId(1), &[], book, None, now);
    }),
    ("somebody else at the desk", |tool| {
        Tool::log_in(&mut tool.bench, 2, "ben");
    }),
    ("policy changed", |tool| tool.bench.reload(&policy(&rules(0)))),
];

/// Else another login would have it, and a tunnel would be closed in the middle of the download.
#[test]
fn a_login_that_is_over_keeps_its_address_until_nothing_of_it_drains() {
    let mut tool = Tool::at_work();
    let login = tool.login;
    tool.bench.people.access.logout(login, tool.bench.at.now()).unwrap();
    assert!(tool.goes_on());
    let address = tool.bench.people.faces.get(&login).and_then(|face| face.address);
    assert_eq!(address, Some(DESKS[0].into()));
    tool.bench.pass(60);
    tool.bench.mind();
    assert!(!tool.asks(&BLOCK));
    assert!(!tool.bench.people.faces.contains_key(&login));
}

#[test]
fn what_ends_by_itself_lets_a_download_go_on_to_its_deadline() {
    for (what, act) in BY_ITSELF {
        let mut tool = Tool::at_work();
        act(&mut tool);
        assert!(tool.goes_on(), "{what}");
        tool.bench.pass(59);
        assert!(tool.asks(&BLOCK), "{what}");
        tool.bench.at.mono += 1;
        assert!(!tool.asks(&BLOCK), "{what}: by the engine alone");
        tool.bench.mind();
        assert!(!tool.asks(&BLOCK), "{what}");
        assert!(tool.bench.people.access.grant(tool.grant).is_none(), "{what}");
    }
}

#[test]
fn what_is_taken_back_is_cut_in_the_middle_of_a_download() {
    for (what, act) in TAKEN {
        let mut tool = Tool::at_work();
        act(&mut tool);
        if what == "policy changed" {
            // Its cut comes before its tables.
            assert!(tool.bench.cut());
            assert!(!tool.asks(&BLOCK));
        }
        assert!(!tool.goes_on(), "{what}");
    }
}

/// Before there are other tables, too.
#[test]
fn what_else_is_open_ends_when_its_user_logs_out() {
    let mut tool = Tool::at_work();
    assert!(tool.asks_anew(&READ));
    tool.bench.people.access.logout(tool.login, tool.bench.at.now()).unwrap();
    assert!(tool.bench.cut());
    assert!(tool.asks(&BLOCK) && !tool.asks_anew(&READ));
}

/// The same for what drains already.
#[test]
fn what_drains_can_be_taken_back() {
    for (what, act) in TAKEN {
        if matches!(what, "login revoked" | "role lost") {
            continue;
        }
        let mut tool = Tool::at_work();
        tool.bench.people.access.logout(tool.login, tool.bench.at.now()).unwrap();
        assert!(tool.goes_on());
        act(&mut tool);
        tool.bench.mind();
        assert!(!tool.asks(&BLOCK), "{what}");
    }
}

#[test]
fn a_download_that_is_done_ends_the_draining() {
    let mut tool = Tool::at_work();
    tool.bench.people.access.logout(tool.login, tool.bench.at.now()).unwrap();
    assert!(tool.goes_on() && tool.asks(&END));
    tool.bench.mind();
    assert!(tool.bench.people.access.grant(tool.grant).is_some(), "its answer is still to come");
    assert!(tool.bench.answers(TOOL, &DONE));
    tool.bench.mind();
    assert!(tool.bench.people.access.grant(tool.grant).is_none());
    assert!(!tool.asks(&BLOCK) && !tool.asks(&READ));
    assert!(tool.bench.people.faces.is_empty(), "nothing is remembered of who has gone");
}

/// A grant that ends beside it is another one's.
#[test]
fn the_end_of_another_grant_does_not_cut_a_download() {
    let mut tool = Tool::at_work();
    let now = tool.bench.at.now();
    let People { access, book, .. } = &mut tool.bench.people;
    access.request(tool.login, book.scope("timed", "a0"), None, book, now).unwrap();
    for _ in 0..26 {
        tool.bench.pass(60);
        assert!(tool.asks(&BLOCK));
    }
    assert_eq!(tool.bench.people.access.grants().count(), 1, "timed is over");
}
