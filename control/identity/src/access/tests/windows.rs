//! Windows and clocks: opening, closing, daylight saving, clocks set back and forth.

use jiff::Timestamp;
use wicketgate_policy::Weekly;

use super::*;

fn windowed(from: Duration, until: Duration) -> Plant {
    let rule = terms(|terms| (terms.window, terms.reason) = (window(from, until), true));
    Plant::new(&[("speed", rule)])
}

/// A grant in a window from 09:00 to 13:00, at 09:00, with a login that does not idle.
fn granted() -> (Plant, LoginId) {
    let mut plant = windowed(Duration::ZERO, 4 * HOUR);
    plant.access.lifetimes.idle = 24 * HOUR;
    let alice = plant.login(1, &["maintenance"]);
    plant.request(alice, "speed").unwrap();
    (plant, alice)
}

#[test]
fn a_window_closes_during_a_session() {
    let (mut plant, alice) = granted();
    plant.pass(4 * HOUR - Duration::from_nanos(1));
    assert!(plant.permits(alice, "speed"));
    plant.clock.pass(Duration::from_nanos(1));
    assert!(!plant.permits(alice, "speed"));
    plant.tick();
    assert_eq!(plant.ends(), [End::WindowClosed]);
    // It does not come back by itself when the window opens next.
    plant.book.change("speed", |terms| terms.window = window(24 * HOUR, 28 * HOUR));
    plant.pass(20 * HOUR);
    assert!(!plant.permits(alice, "speed"));
}

#[test]
fn a_window_opens_during_a_login() {
    let mut plant = windowed(HOUR / 4, HOUR);
    let alice = plant.login(1, &["maintenance"]);
    assert_eq!(plant.request(alice, "speed"), Err(RequestError::OutsideWindow));
    plant.pass(HOUR / 4);
    plant.request(alice, "speed").unwrap();
    assert!(plant.permits(alice, "speed"));
}

#[test]
fn a_window_that_closes_while_a_request_waits_ends_it() {
    let mut plant = windowed(Duration::ZERO, 5 * MINUTE);
    plant.book.change("speed", |terms| terms.approver = Some(role("shift-lead")));
    let (alice, lead) = (plant.login(1, &["maintenance"]), plant.login(2, &["shift-lead"]));
    let grant = plant.request(alice, "speed").unwrap();
    plant.pass(5 * MINUTE);
    assert_eq!(plant.approve(grant, lead), Err(ApproveError::Over));
    assert!(!plant.permits(alice, "speed"));
}

/// The wall clock set by so many minutes half an hour into the window: at once, right after and
/// when it is put right again an hour later, what is permitted?
#[test]
fn a_clock_set_back_and_forth() {
    let cases = [
        // Within the window: nothing changes.
        (10, true, true),
        (-10, true, true),
        // To before it opened: shut, then open again.
        (-60, false, true),
        // A day back, as by an empty battery: shut, then open again.
        (-24 * 60, false, true),
        // Past its end: closed, and not open again.
        (4 * 60, false, false),
        (365 * 24 * 60, false, false),
    ];
    for (minutes, then, after) in cases {
        let (mut plant, alice) = granted();
        plant.pass(HOUR / 2);
        let right = plant.clock.wall;
        let offset = i64::from(minutes) * 60;
        plant.clock.wall = Duration::from_secs(right.as_secs().saturating_add_signed(offset));
        assert_eq!(plant.permits(alice, "speed"), then, "set by {minutes} minutes");
        plant.tick();
        assert_eq!(plant.permits(alice, "speed"), then, "set by {minutes} minutes, ticked");
        plant.clock.wall = right;
        plant.pass(HOUR / 4);
        assert_eq!(plant.permits(alice, "speed"), after, "set by {minutes} minutes and back");
    }
}

#[test]
fn a_clock_set_back_extends_nothing() {
    for minutes in [1, 29, 59, 23 * 60] {
        let (mut plant, alice) = granted();
        plant.pass(HOUR);
        plant.clock.wall -= minutes * MINUTE;
        plant.reload();
        plant.pass(3 * HOUR - Duration::from_nanos(1));
        plant.clock.pass(Duration::from_nanos(1));
        assert!(!plant.permits(alice, "speed"), "set back by {minutes} minutes");
        plant.tick();
        assert_eq!(plant.ends(), [End::WindowClosed], "set back by {minutes} minutes");
    }
}

#[test]
fn no_step_of_the_clock_touches_what_asks_for_no_time_of_day() {
    let rule = terms(|terms| {
        terms.max_duration = Some(20 * MINUTE);
        terms.max_proof_age = Some(25 * MINUTE);
    });
    for wall in [Duration::ZERO, MORNING / 2, MORNING * 2] {
        let mut plant = Plant::new(&[("speed", rule.clone())]);
        let alice = plant.login(1, &["maintenance"]);
        plant.request(alice, "speed").unwrap();
        plant.clock.wall = wall;
        plant.tick();
        plant.pass(20 * MINUTE - Duration::from_nanos(1));
        assert!(plant.permits(alice, "speed"), "not cut");
        plant.pass(Duration::from_nanos(1));
        assert!(!plant.permits(alice, "speed"), "not extended");
        assert!(plant.access.login_of(alice).is_some());
    }
}

#[test]
fn a_reload_under_a_wrong_clock_does_not_keep_what_the_right_one_forbids() {
    let (mut plant, alice) = granted();
    // The clock falls back by a day, and the policy moves the window to the evening.
    plant.clock.wall -= 24 * HOUR;
    plant.book.change("speed", |terms| terms.window = window(Duration::ZERO, HOUR));
    plant.book.change("speed", |terms| {
        let yesterday = Time::EPOCH + (MORNING - 14 * HOUR);
        terms.window = Some(Window { from: yesterday, until: yesterday + HOUR });
    });
    plant.reload();
    plant.clock.wall += 24 * HOUR;
    assert!(!plant.permits(alice, "speed"));
}

#[test]
fn a_narrower_window_of_a_new_policy_holds() {
    let (mut plant, alice) = granted();
    plant.book.change("speed", |terms| terms.window = window(Duration::ZERO, HOUR));
    plant.reload();
    plant.pass(HOUR);
    assert!(!plant.permits(alice, "speed"));
    let (mut plant, alice) = granted();
    plant.book.change("speed", |terms| terms.window = window(30 * HOUR, 31 * HOUR));
    plant.reload();
    assert!(!plant.permits(alice, "speed"));
    assert_eq!(plant.ends(), [End::PolicyChanged]);
}

/// Rules whose windows come from a policy file, laid out as the daemon does.
struct Plan(Weekly);

impl Rules for Plan {
    fn terms(&self, _: &Scope, wall: Time) -> Option<Terms> {
        let window = Some(self.0.stretch(wall));
        Some(terms(|terms| (terms.window, terms.reason) = (window, true)))
    }
}

fn plan(from: &str, to: &str) -> Plan {
    let text = format!(
        r#"
        [[port]]
        name = "line"
        side = "underlay"
        address = "192.168.10.2/24"
        [[asset]]
        name = "press-3"
        zone = "press"
        port = "line"
        overlay = "100.64.10.20"
        underlay = "192.168.10.20"
        protocols = ["modbus"]
        [[rule]]
        name = "speed"
        roles = ["maintenance"]
        assets = ["press-3"]
        protocol = "modbus"
        allow = ["read"]
        window = {{ days = "mon-sun", from = "{from}", to = "{to}", zone = "Europe/Paris" }}
        factors = ["password"]
        "#
    );
    let policy = wicketgate_policy::parse(&text, "policy.toml").unwrap();
    Plan(policy.rules()[0].window.clone().unwrap())
}

/// Asks for a grant at `start`; when does it end, on a clock that nobody sets?
fn ends_after(plan: &Plan, start: &str) -> Duration {
    let start: Timestamp = start.parse().unwrap();
    let wall = Duration::from_secs(start.as_second().try_into().unwrap());
    let mut clock = Clock { monotonic: HOUR, wall };
    let mut access = Access::new(Lifetimes { login: 24 * HOUR, idle: 24 * HOUR });
    let proven = proven(1, &["maintenance"], &[Factor::Password], clock.now());
    let login = access.login(&proven, Binding::Tunnel(1), clock.now()).unwrap();
    let scope = scope("speed");
    access.request(login, scope.clone(), Some("x"), plan, clock.now()).unwrap();
    while access.permits(login, &scope, clock.now()) {
        clock.pass(MINUTE);
    }
    clock.monotonic - HOUR
}

#[test]
fn daylight_saving_both_ways() {
    // Paris, 2026-03-29: 02:00 becomes 03:00. From 01:00 to 06:00 are four hours.
    let night = plan("01:00", "06:00");
    assert_eq!(ends_after(&night, "2026-03-29T00:00:00Z"), 4 * HOUR);
    assert_eq!(ends_after(&night, "2026-03-28T00:00:00Z"), 5 * HOUR);
    // 2026-10-25: 03:00 becomes 02:00. From 01:00 to 06:00 are six hours.
    assert_eq!(ends_after(&night, "2026-10-24T23:00:00Z"), 6 * HOUR);
    // A window that ends at 02:30 ends at the first 02:30 of the two.
    let early = plan("01:00", "02:30");
    assert_eq!(ends_after(&early, "2026-10-24T23:00:00Z"), HOUR + HOUR / 2);
    // One that ends at 02:30 on the night without a 02:30 ends at 03:30 CEST.
    assert_eq!(ends_after(&early, "2026-03-29T00:00:00Z"), HOUR + HOUR / 2);
}
