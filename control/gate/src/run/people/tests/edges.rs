//! Every edge of time and of will, one row each: what a rule asks, what happens, and whether a frame of the
//! rule's user passes after it.
//!
//! Edges without frames are elsewhere: a used TOTP code in `identity/tests/authenticate.rs`, approvals in
//! `identity/src/access/tests/edges.rs`.

use super::plant::{ASSETS, DESKS, policy};
use super::*;

/// What happens. Times are in minutes.
#[derive(Clone, Copy, Debug)]
enum Act {
    Wait(u64),
    /// The wall clock is set, by so much.
    SetWall(i64),
    /// The factors are proven anew.
    Prove,
    Revoke,
    Logout,
    Disable,
    /// The policy is read again, and asks the same.
    Reload,
}
use Act::{Disable, Logout, Prove, Reload, Revoke, SetWall, Wait};

/// A name, when it begins (seconds since 1970), what the rule asks, and what happens.
type Row = (&'static str, u64, &'static str, &'static [(Act, bool)]);

const HOURS: &str = r#"window = { days = "mon-sun", from = "08:00", to = "11:00", zone = "UTC" }"#;
const NIGHT: &str =
    r#"window = { days = "mon-sun", from = "01:00", to = "05:00", zone = "Europe/Paris" }"#;
/// 00:30 in Paris on the days that summer time begins, ends, and on one in between.
const SPRING: u64 = 1_774_740_600;
const AUTUMN: u64 = 1_792_881_000;
const SUMMER: u64 = 1_782_858_600;

const TABLE: &[Row] = &[
    ("nothing is asked", MORNING, "", &[(Wait(20), true), (SetWall(-900), true)]),
    ("a window closes in a session", MORNING, HOURS, &[(Wait(119), true), (Wait(1), false)]),
    ("a window opens in a login", MORNING - 2 * 3600, HOURS, &[(Wait(59), false), (Wait(1), true)]),
    ("set forward in the window", MORNING, HOURS, &[(SetWall(60), true), (Wait(60), false)]),
    ("set forward past its end", MORNING, HOURS, &[(SetWall(120), false)]),
    ("set back to before it", MORNING, HOURS, &[(SetWall(-120), false), (SetWall(120), true)]),
    ("summer time begins", SPRING, NIGHT, &[(Wait(30), true), (Wait(179), true), (Wait(1), false)]),
    ("summer time ends", AUTUMN, NIGHT, &[(Wait(30), true), (Wait(299), true), (Wait(1), false)]),
    ("it is summer", SUMMER, NIGHT, &[(Wait(30), true), (Wait(239), true), (Wait(1), false)]),
    (
        "a proof becomes too old, and is renewed",
        MORNING,
        "max_proof_age = \"15min\"",
        &[(Wait(14), true), (Wait(1), false), (Prove, true), (Wait(14), true), (Wait(1), false)],
    ),
    (
        "no clock that is set makes a proof younger",
        MORNING,
        "max_proof_age = \"15min\"",
        &[(Wait(14), true), (SetWall(-60), true), (Wait(1), false)],
    ),
    (
        "a login is over after twelve hours",
        MORNING,
        "",
        &[(Wait(299), true), (Wait(299), true), (Wait(121), true), (Wait(1), false)],
    ),
    ("a reload that changes nothing", MORNING, HOURS, &[(Reload, true), (Wait(120), false)]),
    ("taken back", MORNING, "", &[(Revoke, false), (Prove, false)]),
    ("logged out", MORNING, "", &[(Logout, false)]),
    ("disabled", MORNING, "", &[(Disable, false)]),
];

fn text(asks: &str) -> String {
    policy(&[])
        + "[[rule]]\nname = \"rule\"\nroles = [\"maintenance\"]\nassets = [\"a0\"]\n\
           protocol = \"modbus\"\nallow = [\"read\"]\nfactors = [\"password\"]\n"
        + asks
}

fn act(bench: &mut Bench, login: LoginId, asks: &str, act: Act) {
    let now = bench.at.now();
    let People { access, book, .. } = &mut bench.people;
    match act {
        Wait(minutes) => {
            bench.at.mono += minutes * 60;
            bench.at.wall += minutes * 60;
        }
        SetWall(minutes) => {
            bench.at.wall = bench.at.wall.saturating_add_signed(minutes * 60);
        }
        Prove => {
            let known = user(1, "anna", &["maintenance"]);
            let proven = Authenticated::unproven(known, factors(false), now.monotonic);
            let _ = access.step_up(login, &proven, book, now);
        }
        Revoke => access.revoke_login(login, None, now).unwrap(),
        Logout => access.logout(login, now).unwrap(),
        Disable => access.user_disabled(UserId(1), None, now),
        Reload => bench.reload(&text(asks)),
    }
}

#[test]
fn every_edge() {
    for (name, start, asks, acts) in TABLE {
        let mut bench = Bench::new(&text(asks));
        bench.at.wall = *start;
        bench.mind();
        let known = user(1, "anna", &["maintenance"]);
        let proven = Authenticated::unproven(known, factors(false), bench.at.now().monotonic);
        let Bench { people, policy, at, .. } = &mut bench;
        let login = people.log_in(Some(DESKS[0].into()), &proven, policy, at.now()).unwrap();
        bench.mind();
        for (nth, (what, passes)) in acts.iter().enumerate() {
            act(&mut bench, login, asks, *what);
            bench.mind();
            let passed = bench.passes((DESKS[0], 50_000), ASSETS[0], &plant::What::Read.pdu());
            assert_eq!(passed, *passes, "{name}: {nth}, {what:?}");
            bench.log();
            bench.people.see(bench.at.now());
        }
    }
}
