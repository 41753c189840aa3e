//! Break-glass: armed by an admin, used with a reason, loud, over by itself.

use super::*;

fn armed() -> (Plant, LoginId, BreakGlassId) {
    let rule = terms(|terms| {
        terms.approver = Some(role("shift-lead"));
        terms.window = window(10 * HOUR, 11 * HOUR);
        terms.max_sessions = Some(0);
    });
    let mut plant = Plant::new(&[("program", rule)]);
    let admin = plant.login(9, &["admin"]);
    let now = plant.clock.now();
    let what = ("program".into(), role("night-shift"));
    let id = plant.access.arm(admin, what, 24 * HOUR, HOUR / 4, now).unwrap();
    (plant, admin, id)
}

fn use_it(plant: &mut Plant, login: LoginId, reason: &str) -> Result<GrantId, BreakGlassError> {
    let now = plant.clock.now();
    plant.access.break_glass(login, scope("program"), reason, &plant.book, now)
}

#[test]
fn only_an_admin_arms_and_only_for_a_while() {
    let (mut plant, admin, _) = armed();
    let night = plant.login(1, &["night-shift"]);
    let now = plant.clock.now();
    let mut arm = |login, lifetime, duration| {
        let what = ("program".into(), role("night-shift"));
        plant.access.arm(login, what, lifetime, duration, now).map(|_| ())
    };
    assert_eq!(arm(night, HOUR, HOUR), Err(BreakGlassError::NotAdmin));
    let too_long = break_glass::MAX_ARMED + HOUR;
    for (lifetime, duration) in
        [(Duration::ZERO, HOUR), (HOUR, Duration::ZERO), (too_long, HOUR), (HOUR, 9 * HOUR)]
    {
        assert_eq!(arm(admin, lifetime, duration), Err(BreakGlassError::BadTime));
    }
}

#[test]
fn it_goes_past_approval_and_window_and_is_loud() {
    let (mut plant, _, id) = armed();
    let night = plant.login(1, &["night-shift"]);
    assert_eq!(plant.request(night, "program"), Err(RequestError::NoSuchRule));
    plant.effects();
    let grant = use_it(&mut plant, night, "press 3 burns").unwrap();
    assert!(plant.permits(night, "program"));
    let effects = plant.effects();
    let alarm = effects.iter().find_map(|effect| match effect {
        Effect::Alarm(event) => Some(event.clone()),
        _ => None,
    });
    let alarm = alarm.unwrap();
    assert_eq!((alarm.kind, alarm.grant), (EventKind::BreakGlass(id), Some(grant)));
    assert_eq!(alarm.reason.as_deref(), Some("press 3 burns"));
    // A reload and other roles leave it; the time does not.
    plant.reload();
    assert!(plant.permits(night, "program"));
    plant.pass(HOUR / 4);
    assert!(!plant.permits(night, "program"));
}

#[test]
fn it_asks_for_role_reason_and_factors() {
    let (mut plant, _, _) = armed();
    let other = plant.login(1, &["maintenance"]);
    assert_eq!(use_it(&mut plant, other, "x"), Err(BreakGlassError::NotArmed));
    let night = plant.login(2, &["night-shift"]);
    assert_eq!(use_it(&mut plant, night, " "), Err(BreakGlassError::BadReason));
    plant.book.change("program", |terms| terms.factors.push(Factor::Totp));
    let lacks = BreakGlassError::NotProven(vec![Factor::Totp]);
    assert_eq!(use_it(&mut plant, night, "x"), Err(lacks));
    plant.step_up(night, 2, &[Factor::Totp]);
    use_it(&mut plant, night, "x").unwrap();
}

#[test]
fn it_expires_unused() {
    let (mut plant, _, id) = armed();
    plant.pass(24 * HOUR);
    let effects = plant.effects();
    assert!(told(&effects).contains(&EventKind::ArmedExpired(id)));
    let night = plant.login(1, &["night-shift"]);
    assert_eq!(use_it(&mut plant, night, "x"), Err(BreakGlassError::NotArmed));
}

#[test]
fn disarming_takes_back_what_came_of_it() {
    let (mut plant, admin, id) = armed();
    let night = plant.login(1, &["night-shift"]);
    use_it(&mut plant, night, "x").unwrap();
    let now = plant.clock.now();
    assert_eq!(plant.access.disarm(id, night, now), Err(BreakGlassError::NotAdmin));
    plant.access.disarm(id, admin, now).unwrap();
    assert!(!plant.permits(night, "program"));
    assert_eq!(plant.ends(), [End::Disarmed]);
}

#[test]
fn losing_the_role_ends_it() {
    let (mut plant, _, _) = armed();
    let night = plant.login(1, &["night-shift"]);
    use_it(&mut plant, night, "x").unwrap();
    let now = plant.clock.now();
    let more = [role("night-shift"), role("office")];
    plant.access.roles_changed(UserId(1), &more, &plant.book, None, now);
    assert!(plant.permits(night, "program"));
    plant.access.roles_changed(UserId(1), &[role("office")], &plant.book, None, now);
    assert!(!plant.permits(night, "program"));
}
