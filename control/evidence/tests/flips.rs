//! No check is a constant: each changes with what it looks at.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

mod common;

use wicketgate_evidence::checks::boundary::*;
use wicketgate_evidence::checks::crypto::*;
use wicketgate_evidence::checks::gate::*;
use wicketgate_evidence::checks::log::*;
use wicketgate_evidence::checks::machines::*;
use wicketgate_evidence::checks::people::*;
use wicketgate_evidence::checks::rights::*;
use wicketgate_evidence::checks::{self, Check};
use wicketgate_evidence::facts::*;
use wicketgate_evidence::{Outcome, Report};

use Outcome::{NotSatisfied, Partly};

/// A check, what is done to the facts, and how it stands then.
type Flip = (Check, fn(&mut Facts), Outcome);

fn rule(facts: &mut Facts) -> &mut Rule {
    &mut facts.policy.rules[0]
}

fn user(facts: &mut Facts) -> &mut User {
    &mut facts.people.as_mut().unwrap().users[0]
}

fn live(facts: &mut Facts) -> &mut Live {
    facts.live.as_mut().unwrap()
}

fn log(facts: &mut Facts) -> &mut Log {
    facts.log.as_mut().unwrap()
}

fn syslog(facts: &mut Facts) -> &mut Collector {
    facts.policy.keeping.syslog.as_mut().unwrap()
}

fn sending(facts: &mut Facts) -> &mut Sending {
    live(facts).sending.as_mut().unwrap()
}

/// One more rule, which is not as it is asked for.
fn loose(facts: &mut Facts) {
    let right = Right { name: "loose".to_owned(), ..facts.policy.rules[0].right.clone() };
    facts.policy.rules.push(Rule { right, roles: vec!["engineer".to_owned()], ..Rule::default() });
}

const FLIPS: &[Flip] = &[
    (ACCOUNTS, |facts| user(facts).disabled = true, NotSatisfied),
    (ACCOUNTS, |facts| user(facts).idle_days = Some(91), Partly),
    (ENROLLED, |facts| user(facts).factors.truncate(1), NotSatisfied),
    (TWO_FACTORS, |facts| rule(facts).factors.truncate(1), NotSatisfied),
    (TWO_FACTORS, loose, NotSatisfied),
    (TWO_FACTORS, |facts| facts.policy.trials.password_alone = 1, NotSatisfied),
    (REPLAY, |facts| rule(facts).factors.truncate(1), NotSatisfied),
    (REPLAY, |facts| facts.program.limits.code = 600, NotSatisfied),
    (LOCKOUT, |facts| facts.program.limits.lock = 0, NotSatisfied),
    (LOCKOUT, |facts| facts.program.limits.lock = 1000, NotSatisfied),
    (PASSWORDS, |facts| facts.program.limits.password = 8, NotSatisfied),
    (PASSWORDS, |facts| facts.program.limits.hash = (8, 1), NotSatisfied),
    (LOGINS_END, |facts| facts.program.limits.idle = 86_400, NotSatisfied),
    (CERTIFICATES, |facts| facts.policy.tunnel = Some(Tunnel::default()), Partly),
    (COMMANDS, |facts| rule(facts).right.read = false, Partly),
    (ROLES, |facts| facts.policy.rules.clear(), NotSatisfied),
    (ROLES, |facts| user(facts).roles.clear(), NotSatisfied),
    (SERIOUS_LIMITED, loose, Partly),
    (SERIOUS_LIMITED, |facts| rule(facts).factors.clear(), NotSatisfied),
    (SERIOUS_APPROVED, |facts| rule(facts).approval = None, NotSatisfied),
    (SERIOUS_APPROVED, loose, Partly),
    (APPROVAL, |facts| rule(facts).approval = None, NotSatisfied),
    (CONCURRENT, |facts| rule(facts).max_sessions = None, NotSatisfied),
    (
        OVERRIDE,
        |facts| {
            log(facts).types.remove("break-glass-armed");
        },
        Partly,
    ),
    (DUTIES, |facts| facts.policy.control.clear(), NotSatisfied),
    (DUTIES, |facts| facts.policy.control.truncate(1), Partly),
    (SENTENCES, |facts| facts.policy.sentences = (0, 0), Partly),
    (SENTENCES, |facts| facts.policy.sentences = (4, 1), NotSatisfied),
    (DENY, |facts| facts.policy.trials.stranger = 1, NotSatisfied),
    (DENY, |facts| facts.policy.trials.no_role = 1, NotSatisfied),
    (SEGMENTS, |facts| facts.policy.trials.stray_ways.push("a to b".to_owned()), NotSatisfied),
    (ONE_DOOR, |facts| facts.policy.cleartext_ports.push("office".to_owned()), NotSatisfied),
    (ISLAND, |facts| facts.policy.trials.essential_open = 0, NotSatisfied),
    (LEAST, |facts| facts.policy.trials.unused.push("tcp of press-3".to_owned()), Partly),
    (INVENTORY, |facts| facts.policy.assets.clear(), NotSatisfied),
    (KNOWN, |facts| facts.policy.conduits[0].has_mac = false, NotSatisfied),
    (LISTED, |facts| facts.policy.conduits[0].right.read = false, NotSatisfied),
    (RATES, |facts| facts.policy.conduits[0].rate = None, NotSatisfied),
    (WHOLE, |facts| log(facts).fault = Some("line 7: changed".to_owned()), NotSatisfied),
    (WHOLE, |facts| log(facts).signed = None, Partly),
    (WHOLE, |facts| log(facts).checkpoint_age = Some(31), Partly),
    (OFF_BOX, |facts| facts.policy.keeping.off_box = None, NotSatisfied),
    (OFF_BOX, |facts| log(facts).matched = None, Partly),
    (OFF_BOX, |facts| log(facts).matched = Some(0), NotSatisfied),
    (SENT, |facts| facts.policy.keeping.syslog = None, NotSatisfied),
    (SENT, |facts| syslog(facts).by_tls = false, Partly),
    (SENT, |facts| log(facts).syslog_fails = true, NotSatisfied),
    (SENT, |facts| sending(facts).lost = 1, NotSatisfied),
    (SENT, |facts| sending(facts).connected = false, Partly),
    (SENT, |facts| facts.live = Err("no gate".to_owned()), Partly),
    (COMPLETE, |facts| log(facts).lost = 1, NotSatisfied),
    (FIELDS, |facts| log(facts).headed -= 1, NotSatisfied),
    (
        EVENTS,
        |facts| {
            log(facts).categories.remove("login");
        },
        Partly,
    ),
    (ATTRIBUTED, |facts| log(facts).attributed -= 1, NotSatisfied),
    (REFUSALS, |facts| log(facts).reasoned -= 1, NotSatisfied),
    (SESSIONS, |facts| live(facts).sessions = 0, Partly),
    (CHANGES, |facts| log(facts).attributed -= 1, NotSatisfied),
    (KEPT, |facts| facts.policy.keeping.size = None, Partly),
    (TIME, |facts| log(facts).steps_back = 1, Partly),
    (RUNS, |facts| live(facts).is_of_the_file = false, NotSatisfied),
    (
        ALARMS,
        |facts| {
            live(facts).alarms.insert("frames-lost".to_owned(), true);
        },
        NotSatisfied,
    ),
    (AUDIT_TAKES, |facts| live(facts).waiting = (4096, 4096), NotSatisfied),
    (
        AUDIT_TAKES,
        |facts| {
            live(facts).alarms.insert("audit-fails".to_owned(), true);
        },
        NotSatisfied,
    ),
    (
        WATCHES,
        |facts| {
            live(facts).alarms.insert("worker-stalled".to_owned(), true);
        },
        NotSatisfied,
    ),
    (LOGINS_NOW, |facts| live(facts).logins[0].1.truncate(1), Partly),
    (HOP, |facts| facts.program.tls.push("TLSv1_2".to_owned()), NotSatisfied),
    (HOP, |facts| facts.policy.cleartext_ports.push("office".to_owned()), NotSatisfied),
    (FIPS, |facts| facts.program.fips = false, NotSatisfied),
    (KEYS, |facts| facts.keys.as_mut().unwrap()[0].mode = 0o640, NotSatisfied),
];

#[test]
fn all_is_satisfied_where_all_is_as_asked() {
    let report = Report::of(&common::good());
    for finding in &report.findings {
        assert_eq!(finding.outcome, Outcome::Satisfied, "{finding:?}");
        assert_eq!(finding.remedy, None, "{finding:?}");
    }
    assert!(!report.has_gaps());
}

#[test]
fn each_check_changes_with_what_it_looks_at() {
    for (check, change, outcome) in FLIPS {
        let mut facts = common::good();
        let before = check.ask(&facts);
        change(&mut facts);
        let after = check.ask(&facts);
        assert_eq!(after.outcome, *outcome, "{after:?}");
        assert_ne!(after.seen, before.seen, "{}: the values seen are told", check.name);
        assert!(after.remedy.as_ref().is_some_and(|remedy| !remedy.is_empty()), "{after:?}");
    }
}

#[test]
fn no_check_is_left_out() {
    for check in checks::all() {
        assert!(FLIPS.iter().any(|(flipped, ..)| flipped.name == check.name), "{}", check.name);
    }
}

/// A check's name is how requirements find it.
#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = checks::all().iter().map(|check| check.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn what_cannot_be_looked_at_is_said() {
    let good = common::good();
    let blind = Facts {
        people: Err("no store".to_owned()),
        live: Err("no gate".to_owned()),
        log: Err("no log".to_owned()),
        keys: Err("no folder".to_owned()),
        ..good
    };
    let findings = Report::of(&blind).findings;
    let unseen: Vec<_> = findings.iter().filter(|f| f.outcome == Outcome::NotLooked).collect();
    for why in ["no store", "no gate", "no log", "no folder"] {
        assert!(unseen.iter().any(|finding| finding.seen == why), "{why}");
    }
    let whole = findings.iter().find(|finding| finding.check == WHOLE.name).unwrap();
    assert_eq!((whole.outcome, whole.seen.as_str()), (Outcome::NotLooked, "no log"));
}

#[test]
fn the_values_seen_are_in_the_words() {
    let facts = common::good();
    assert_eq!(
        WHOLE.ask(&facts).seen,
        "chain of 3 files, 1,204,331 records whole, 40 checkpoints signed by the gate's key, the \
         last 4 s old, 2 records behind it"
    );
    let seen = TWO_FACTORS.ask(&facts).seen;
    assert!(seen.starts_with("1 of 1 rule that people have need two kinds of factors"), "{seen}");
}
