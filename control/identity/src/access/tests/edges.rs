//! Every edge of the diagram, one test each.

use super::*;

fn is_cut(effects: &[Effect], of: GrantId) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::CutGrant { grant, .. } if *grant == of))
}

#[test]
fn what_asks_for_nothing_is_a_standing_right() {
    let mut plant = Plant::new(&[]);
    let rule = terms(|_| {});
    let alice = plant.login(1, &["maintenance"]);
    let bob = plant.login(2, &["office"]);
    let now = plant.clock.now();
    let until = Monotonic::START + 13 * HOUR;
    assert_eq!(plant.access.standing(alice, &rule, now), Standing::Until(until));
    assert_eq!(plant.access.standing(bob, &rule, now), Standing::No);
    assert_eq!(plant.access.standing(LoginId(99), &rule, now), Standing::No);
    let asks = terms(|terms| terms.reason = true);
    assert_eq!(plant.access.standing(alice, &asks, now), Standing::No);
    let nobodys = Terms { roles: Vec::new(), ..rule };
    assert_eq!(plant.access.standing(alice, &nobodys, now), Standing::No, "no role, no right");
}

#[test]
fn a_standing_right_lasts_as_long_as_its_proofs() {
    let mut plant = Plant::new(&[]);
    let rule = terms(|terms| {
        terms.factors = vec![Factor::Password, Factor::Totp];
        terms.max_proof_age = Some(10 * MINUTE);
    });
    let alice = plant.login(1, &["maintenance"]);
    let lacks = |factors: &[Factor]| Standing::Lacks(factors.to_vec());
    assert_eq!(plant.access.standing(alice, &rule, plant.clock.now()), lacks(&[Factor::Totp]));
    plant.pass(9 * MINUTE);
    plant.step_up(alice, 1, &[Factor::Totp]);
    let until = Monotonic::START + HOUR + 10 * MINUTE;
    assert_eq!(plant.access.standing(alice, &rule, plant.clock.now()), Standing::Until(until));
    plant.pass(MINUTE);
    assert_eq!(plant.access.standing(alice, &rule, plant.clock.now()), lacks(&[Factor::Password]));
}

#[test]
fn a_request_that_lacks_nothing_is_granted_and_expires() {
    let rule = terms(|terms| terms.max_duration = Some(HOUR / 4));
    let mut plant = Plant::new(&[("speed", rule)]);
    let alice = plant.login(1, &["maintenance"]);
    plant.effects();
    let grant = plant.request(alice, "speed").unwrap();
    let effects = plant.effects();
    assert_eq!(told(&effects), [EventKind::Requested, EventKind::Granted]);
    assert_eq!(effects.last(), Some(&Effect::Compile));
    assert!(plant.permits(alice, "speed") && !plant.permits(alice, "other"));
    plant.pass(HOUR / 4 - Duration::from_nanos(1));
    assert!(plant.permits(alice, "speed"));
    plant.clock.pass(Duration::from_nanos(1));
    assert!(!plant.permits(alice, "speed"), "even before the tick");
    plant.tick();
    let effects = plant.effects();
    assert_eq!(told(&effects), [EventKind::GrantEnd(End::Expired)]);
    assert_eq!(effects.last(), Some(&Effect::Compile));
    assert!(!is_cut(&effects, grant), "what else the login does there goes on");
    assert_eq!(plant.state(grant), None);
}

#[test]
fn requests_that_are_refused() {
    let mut plant = Plant::new(&[
        ("reason", terms(|terms| terms.reason = true)),
        ("closed", terms(|terms| terms.window = window(HOUR, 2 * HOUR))),
        ("office", terms(|terms| terms.roles = vec![role("office")])),
    ]);
    let alice = plant.login(1, &["maintenance"]);
    let now = plant.clock.now();
    let mut ask = |rule: &str, reason: Option<&str>| {
        plant.access.request(alice, scope(rule), reason, &plant.book, now)
    };
    assert_eq!(ask("reason", None), Err(RequestError::ReasonNeeded));
    assert_eq!(ask("reason", Some("  ")), Err(RequestError::ReasonNeeded));
    assert_eq!(ask("reason", Some("a\u{1b}[2J")), Err(RequestError::BadReason));
    assert_eq!(ask("reason", Some(&"x".repeat(MAX_REASON + 1))), Err(RequestError::BadReason));
    assert_eq!(ask("closed", Some("x")), Err(RequestError::OutsideWindow));
    assert_eq!(ask("office", Some("x")), Err(RequestError::NoSuchRule));
    assert_eq!(ask("nothing", Some("x")), Err(RequestError::NoSuchRule));
    let grant = ask("reason", Some(" pump 4 leaks ")).unwrap();
    assert_eq!(ask("reason", Some("again")), Err(RequestError::Duplicate(grant)));
    assert_eq!(plant.access.grant(grant).unwrap().reason.as_deref(), Some("pump 4 leaks"));
    assert_eq!(plant.request(LoginId(99), "reason"), Err(RequestError::NoSuchLogin));
}

#[test]
fn a_challenge_waits_for_the_missing_factor() {
    let rule = terms(|terms| {
        terms.factors = vec![Factor::Password, Factor::Totp];
        terms.max_proof_age = Some(10 * MINUTE);
        terms.reason = true;
    });
    let mut plant = Plant::new(&[("firmware", rule)]);
    let alice = plant.login(1, &["maintenance"]);
    plant.pass(11 * MINUTE);
    let grant = plant.request(alice, "firmware").unwrap();
    // The password is too old by now: step-up.
    let both = vec![Factor::Password, Factor::Totp];
    assert_eq!(plant.state(grant), Some(State::Challenged(both)));
    plant.step_up(alice, 1, &[Factor::Totp]);
    assert_eq!(plant.state(grant), Some(State::Challenged(vec![Factor::Password])));
    assert!(!plant.permits(alice, "firmware"));
    plant.step_up(alice, 1, &[Factor::Password]);
    assert!(plant.permits(alice, "firmware"));
}

#[test]
fn a_grant_ends_when_a_proof_is_too_old_and_lives_on_when_it_is_renewed() {
    let rule = terms(|terms| {
        terms.max_proof_age = Some(10 * MINUTE);
        terms.max_duration = Some(HOUR);
    });
    let mut plant = Plant::new(&[("mode", rule)]);
    let alice = plant.login(1, &["maintenance"]);
    plant.request(alice, "mode").unwrap();
    plant.pass(9 * MINUTE);
    plant.step_up(alice, 1, &[Factor::Password]);
    plant.pass(9 * MINUTE);
    assert!(plant.permits(alice, "mode"));
    plant.pass(MINUTE);
    assert!(!plant.permits(alice, "mode"));
    assert_eq!(plant.ends(), [End::ProofTooOld]);
}

#[test]
fn a_request_nobody_answers_is_over() {
    let rule = terms(|terms| terms.approver = Some(role("shift-lead")));
    let mut plant = Plant::new(&[("program", rule)]);
    let alice = plant.login(1, &["maintenance"]);
    let lead = plant.login(2, &["shift-lead"]);
    let grant = plant.request(alice, "program").unwrap();
    plant.effects();
    plant.pass(REQUEST_LIFETIME);
    assert_eq!(plant.ends(), [End::Unanswered]);
    assert_eq!(plant.approve(grant, lead), Err(ApproveError::NotWaiting));
}

fn four_eyes() -> Plant {
    Plant::new(&[("program", terms(|terms| terms.approver = Some(role("shift-lead"))))])
}

#[test]
fn someone_else_approves() {
    let mut plant = four_eyes();
    let alice = plant.login(1, &["maintenance", "shift-lead"]);
    let lead = plant.login(2, &["shift-lead"]);
    let other = plant.login(3, &["maintenance"]);
    let grant = plant.request(alice, "program").unwrap();
    assert_eq!(plant.state(grant), Some(State::Requested));
    assert!(!plant.permits(alice, "program"));
    assert_eq!(plant.approve(grant, other), Err(ApproveError::NotApprover));
    assert_eq!(plant.approve(grant, LoginId(99)), Err(ApproveError::NoSuchLogin));
    plant.approve(grant, lead).unwrap();
    assert!(plant.permits(alice, "program"));
    assert_eq!(plant.access.grant(grant).unwrap().approved_by, Some(UserId(2)));
    assert_eq!(plant.approve(grant, lead), Err(ApproveError::NotWaiting), "once");
}

#[test]
fn nobody_approves_for_themselves() {
    let mut plant = four_eyes();
    let roles = ["maintenance", "shift-lead"];
    let alice = plant.login(1, &roles);
    let grant = plant.request(alice, "program").unwrap();
    assert_eq!(plant.approve(grant, alice), Err(ApproveError::SamePerson));
    // Nor by another login, nor by the admin account of the same person.
    let elsewhere = plant.login(1, &roles);
    assert_eq!(plant.approve(grant, elsewhere), Err(ApproveError::SamePerson));
    let mut account = proven(7, &roles, &[Factor::Password], plant.clock.now());
    account.user.person = "user-1".to_owned();
    let account = plant.enter(&account);
    assert_eq!(plant.approve(grant, account), Err(ApproveError::SamePerson));
    // Nor after an admin wrote another person into the account.
    let mut renamed = proven(1, &roles, &[Factor::Password], plant.clock.now());
    renamed.user.person = "someone-else".to_owned();
    let renamed = plant.enter(&renamed);
    assert_eq!(plant.approve(grant, renamed), Err(ApproveError::SamePerson));
    assert_eq!(
        plant.access.deny(grant, alice, &plant.book, plant.clock.now()),
        Err(ApproveError::SamePerson)
    );
    assert!(!plant.permits(alice, "program"));
}

#[test]
fn an_approver_has_proven_what_the_rule_asks() {
    let mut plant = four_eyes();
    plant.book.change("program", |terms| terms.factors.push(Factor::Totp));
    let alice = plant.login(1, &["maintenance"]);
    plant.step_up(alice, 1, &[Factor::Totp]);
    let lead = plant.login(2, &["shift-lead"]);
    let grant = plant.request(alice, "program").unwrap();
    let lacks = ApproveError::NotProven(vec![Factor::Totp]);
    assert_eq!(plant.approve(grant, lead), Err(lacks));
    plant.step_up(lead, 2, &[Factor::Totp]);
    plant.approve(grant, lead).unwrap();
    assert!(plant.permits(alice, "program"));
}

#[test]
fn an_approval_does_not_stand_for_a_proof() {
    let mut plant = four_eyes();
    plant.book.change("program", |terms| terms.max_proof_age = Some(5 * MINUTE));
    let alice = plant.login(1, &["maintenance"]);
    let grant = plant.request(alice, "program").unwrap();
    plant.pass(6 * MINUTE);
    let lead = plant.login(2, &["shift-lead"]);
    plant.approve(grant, lead).unwrap();
    assert_eq!(plant.state(grant), Some(State::Challenged(vec![Factor::Password])));
    // The approval is kept, unless the approver is taken away.
    plant.access.user_disabled(UserId(2), None, plant.clock.now());
    plant.step_up(alice, 1, &[Factor::Password]);
    assert_eq!(plant.state(grant), Some(State::Requested));
}

#[test]
fn a_denied_request_is_over() {
    let mut plant = four_eyes();
    let alice = plant.login(1, &["maintenance"]);
    let lead = plant.login(2, &["shift-lead"]);
    let grant = plant.request(alice, "program").unwrap();
    plant.effects();
    plant.access.deny(grant, lead, &plant.book, plant.clock.now()).unwrap();
    assert_eq!((plant.ends(), plant.state(grant)), (vec![End::Denied], None));
}

#[test]
fn no_more_grants_on_an_asset_than_the_rule_allows() {
    let rule = terms(|terms| terms.max_sessions = Some(1));
    let mut plant = Plant::new(&[("one", rule.clone()), ("two", rule)]);
    let (here, there) = (plant.login(1, &["maintenance"]), plant.login(1, &["maintenance"]));
    let grant = plant.request(here, "one").unwrap();
    assert_eq!(plant.request(there, "two"), Err(RequestError::TooManySessions));
    // Another user, and another asset, are not concerned.
    let bob = plant.login(2, &["maintenance"]);
    plant.request(bob, "one").unwrap();
    let elsewhere = Scope { asset: "press-4".into(), ..scope("two") };
    let now = plant.clock.now();
    plant.access.request(there, elsewhere, Some("x"), &plant.book, now).unwrap();
    assert!(plant.access.give_back(grant, here, now));
    plant.request(there, "two").unwrap();
}

#[test]
fn approvals_do_not_get_past_the_limit_of_sessions() {
    let mut plant = four_eyes();
    plant.book.change("program", |terms| terms.max_sessions = Some(1));
    let (here, there) = (plant.login(1, &["maintenance"]), plant.login(1, &["maintenance"]));
    let lead = plant.login(2, &["shift-lead"]);
    let (first, second) =
        (plant.request(here, "program").unwrap(), plant.request(there, "program").unwrap());
    plant.approve(first, lead).unwrap();
    assert_eq!(plant.approve(second, lead), Err(ApproveError::TooManySessions));
    plant.access.revoke(first, None, plant.clock.now()).unwrap();
    plant.approve(second, lead).unwrap();
}

#[test]
fn a_user_cannot_fill_the_table() {
    let mut plant = Plant::new(&[("speed", terms(|_| {}))]);
    let alice = plant.login(1, &["maintenance"]);
    let now = plant.clock.now();
    for number in 0..MAX_USER_GRANTS {
        let scope = Scope { asset: format!("asset-{number}").into(), ..scope("speed") };
        plant.access.request(alice, scope, None, &plant.book, now).unwrap();
    }
    assert_eq!(plant.request(alice, "speed"), Err(RequestError::Full));
    let bob = plant.login(2, &["maintenance"]);
    plant.request(bob, "speed").unwrap();
}

/// What takes a login or grant back, and what the audit calls it.
#[test]
fn what_is_taken_back_is_taken_at_once() {
    type Act = fn(&mut Plant, LoginId, GrantId);
    let acts: [(End, Act); 9] = [
        (End::Revoked, |plant, _, grant| {
            plant.access.revoke(grant, Some(UserId(9)), plant.clock.now()).unwrap();
        }),
        (End::Revoked, |plant, login, _| {
            plant.access.revoke_login(login, Some(UserId(9)), plant.clock.now()).unwrap();
        }),
        (End::Disabled, |plant, _, _| {
            plant.access.user_disabled(UserId(1), Some(UserId(9)), plant.clock.now());
        }),
        (End::RoleLost, |plant, _, _| {
            let now = plant.clock.now();
            plant.access.roles_changed(UserId(1), &[role("office")], &plant.book, None, now);
        }),
        (End::PolicyChanged, |plant, _, _| {
            plant.book.remove("speed");
            plant.reload();
        }),
        (End::PolicyChanged, |plant, _, _| {
            plant.book.change("speed", |terms| terms.roles = vec![role("office")]);
            plant.reload();
        }),
        (End::PolicyChanged, |plant, _, _| {
            plant.book.change("speed", |terms| terms.factors.push(Factor::Certificate));
            plant.reload();
        }),
        (End::PolicyChanged, |plant, _, _| {
            plant.book.change("speed", |terms| terms.approver = Some(role("shift-lead")));
            plant.reload();
        }),
        (End::Superseded, |plant, login, _| {
            let binding = plant.access.login_of(login).unwrap().binding;
            let proven = proven(5, &[], &[Factor::Password], plant.clock.now());
            plant.access.login(&proven, binding, plant.clock.now()).unwrap();
        }),
    ];
    for (end, act) in acts {
        let rule = terms(|terms| (terms.drain, terms.reason) = (HOUR, true));
        let mut plant = Plant::new(&[("speed", rule)]);
        let alice = plant.login(1, &["maintenance"]);
        let grant = plant.request(alice, "speed").unwrap();
        // Not even an operation under way stays.
        plant.access.operation_begun(grant);
        plant.effects();
        act(&mut plant, alice, grant);
        assert!(!plant.permits(alice, "speed"), "{end:?}");
        let effects = plant.effects();
        assert!(told(&effects).contains(&EventKind::GrantEnd(end)), "{end:?}: {effects:?}");
        assert!(is_cut(&effects, grant), "{end:?}");
        assert_eq!(effects.last(), Some(&Effect::Compile), "after all cuts");
    }
}

/// What needs no grant ends with the role too, at once.
#[test]
fn a_lost_role_ends_the_sessions_of_a_login_that_goes_on() {
    let mut plant = Plant::new(&[]);
    let alice = plant.login(1, &["maintenance", "lead"]);
    for (roles, cut) in [(&["maintenance", "lead", "more"][..], false), (&["maintenance"], true)] {
        plant.effects();
        let roles: Vec<Role> = roles.iter().map(|name| role(name)).collect();
        plant.access.roles_changed(UserId(1), &roles, &plant.book, None, plant.clock.now());
        let effects = plant.effects();
        assert_eq!(effects.contains(&Effect::CutSessions { login: alice }), cut);
        assert_eq!(effects.last(), Some(&Effect::Compile));
    }
}

#[test]
fn a_login_ends_with_all_that_is_its() {
    let mut plant = Plant::new(&[("speed", terms(|terms| terms.reason = true))]);
    let alice = plant.login(1, &["maintenance"]);
    let bob = plant.login(2, &["maintenance"]);
    plant.request(alice, "speed").unwrap();
    plant.request(bob, "speed").unwrap();
    plant.effects();
    plant.access.logout(alice, plant.clock.now()).unwrap();
    let effects = plant.effects();
    assert!(effects.contains(&Effect::CutLogin { login: alice, keep: Vec::new() }));
    assert!(told(&effects).contains(&EventKind::LoginEnd(End::GivenBack)));
    assert!(!plant.permits(alice, "speed") && plant.permits(bob, "speed"));
    assert_eq!(plant.access.logout(alice, plant.clock.now()), Err(LoginError::NoSuchLogin));
}

#[test]
fn a_login_ends_by_idleness_and_by_age() {
    let mut plant = Plant::new(&[]);
    let (idle, busy) = (plant.login(1, &[]), plant.login(2, &[]));
    for _ in 0..11 * 60 / 29 {
        plant.pass(29 * MINUTE);
        plant.access.seen(busy, plant.clock.now());
    }
    assert!(plant.access.login_of(idle).is_none());
    assert!(plant.access.login_of(busy).is_some());
    plant.pass(29 * MINUTE);
    plant.access.seen(busy, plant.clock.now());
    plant.pass(29 * MINUTE);
    plant.access.seen(busy, plant.clock.now());
    plant.pass(29 * MINUTE);
    assert!(plant.access.login_of(busy).is_none(), "twelve hours are over");
}

#[test]
fn a_proof_is_good_for_half_a_minute_and_not_across_an_admins_change() {
    let mut plant = Plant::new(&[]);
    let enter = |plant: &mut Plant, proven| {
        plant.access.login(proven, Binding::Tunnel(1), plant.clock.now())
    };
    let old = proven(1, &[], &[Factor::Password], plant.clock.now());
    plant.pass(PROOF_LIFETIME);
    assert_eq!(enter(&mut plant, &old), Err(LoginError::Stale));
    let fresh = proven(1, &[], &[Factor::Password], plant.clock.now());
    plant.access.user_disabled(UserId(1), None, plant.clock.now());
    assert_eq!(enter(&mut plant, &fresh), Err(LoginError::Stale), "disabled while proving");
    plant.pass(Duration::from_nanos(1));
    let later = proven(1, &[], &[Factor::Password], plant.clock.now());
    enter(&mut plant, &later).unwrap();
}

#[test]
fn a_step_up_is_by_the_same_user() {
    let mut plant = Plant::new(&[]);
    let alice = plant.login(1, &[]);
    let now = plant.clock.now();
    let other = proven(2, &[], &[Factor::Totp], now);
    let error = plant.access.step_up(alice, &other, &plant.book, now);
    assert_eq!(error, Err(LoginError::OtherUser));
}

#[test]
fn an_operation_under_way_drains_when_the_grant_ends_by_itself() {
    type Act = fn(&mut Plant, LoginId, GrantId);
    let acts: [(End, Act); 4] = [
        (End::Expired, |plant, _, _| plant.pass(20 * MINUTE)),
        (End::GivenBack, |plant, login, _| {
            plant.access.logout(login, plant.clock.now()).unwrap();
        }),
        (End::GivenBack, |plant, login, grant| {
            assert!(plant.access.give_back(grant, login, plant.clock.now()));
        }),
        (End::Idle, |plant, _, _| {
            plant.book.change("program", |terms| terms.max_duration = None);
            plant.access.lifetimes.idle = MINUTE;
            plant.pass(MINUTE);
        }),
    ];
    for (end, act) in acts {
        let rule = terms(|terms| {
            (terms.max_duration, terms.drain) = (Some(20 * MINUTE), 5 * MINUTE);
        });
        let mut plant = Plant::new(&[("program", rule)]);
        let alice = plant.login(1, &["maintenance"]);
        let grant = plant.request(alice, "program").unwrap();
        plant.access.operation_begun(grant);
        plant.effects();
        act(&mut plant, alice, grant);
        let since = plant.clock.now().monotonic;
        let until = since + 5 * MINUTE;
        assert_eq!(plant.state(grant), Some(State::Draining { since, until, end }));
        let effects = plant.effects();
        assert!(told(&effects).contains(&EventKind::Draining(end)));
        assert!(!is_cut(&effects, grant), "{end:?}");
        assert!(!effects.contains(&Effect::CutLogin { login: alice, keep: Vec::new() }), "{end:?}");
        let rights: Vec<_> = plant.access.rights(plant.clock.now()).collect();
        assert_eq!(rights.len(), 1);
        assert_eq!((rights[0].until, rights[0].drain), (since, 5 * MINUTE), "closed, but for that");
        // Done before the deadline, or cut at it.
        let mut done = plant;
        done.access.operation_ended(grant);
        assert_eq!(done.ends(), [end]);
        assert_eq!(done.access.rights(done.clock.now()).count(), 0);
    }
}

#[test]
fn draining_ends_at_its_deadline() {
    let rule = terms(|terms| {
        (terms.max_duration, terms.drain) = (Some(HOUR / 2), 5 * MINUTE);
    });
    let mut plant = Plant::new(&[("program", rule)]);
    let alice = plant.login(1, &["maintenance"]);
    let grant = plant.request(alice, "program").unwrap();
    plant.access.operation_begun(grant);
    plant.access.logout(alice, plant.clock.now()).unwrap();
    plant.pass(5 * MINUTE - Duration::from_nanos(1));
    assert!(plant.permits(alice, "program"));
    plant.effects();
    plant.pass(Duration::from_nanos(1));
    assert!(!plant.permits(alice, "program"));
    let effects = plant.effects();
    assert_eq!(effects.last(), Some(&Effect::Compile));
}

#[test]
fn whoever_takes_over_an_address_does_not_inherit_what_drains_there() {
    let rule = terms(|terms| terms.drain = 5 * MINUTE);
    for (next, stays) in [(1, true), (2, false)] {
        let mut plant = Plant::new(&[("program", rule.clone())]);
        let alice = plant.login(1, &["maintenance"]);
        let grant = plant.request(alice, "program").unwrap();
        plant.access.operation_begun(grant);
        let binding = plant.access.login_of(alice).unwrap().binding;
        plant.access.logout(alice, plant.clock.now()).unwrap();
        let next = proven(next, &["maintenance"], &[Factor::Password], plant.clock.now());
        plant.access.login(&next, binding, plant.clock.now()).unwrap();
        assert_eq!(plant.state(grant).is_some(), stays);
    }
}

#[test]
fn without_an_operation_or_a_drain_nothing_drains() {
    for (operation, drain) in [(false, HOUR), (true, Duration::ZERO)] {
        let rule = terms(|terms| (terms.drain, terms.reason) = (drain, true));
        let mut plant = Plant::new(&[("program", rule)]);
        let alice = plant.login(1, &["maintenance"]);
        let grant = plant.request(alice, "program").unwrap();
        if operation {
            plant.access.operation_begun(grant);
        }
        plant.access.logout(alice, plant.clock.now()).unwrap();
        assert_eq!(plant.state(grant), None);
    }
}

/// What the rule says of operations is the engine's to judge by.
#[test]
fn a_right_says_how_long_operations_take_and_drain() {
    let rule = terms(|terms| (terms.operation, terms.drain) = (20 * MINUTE, 5 * MINUTE));
    let mut plant = Plant::new(&[("program", rule)]);
    let alice = plant.login(1, &["maintenance"]);
    plant.request(alice, "program").unwrap();
    let rights = plant.access.rights(plant.clock.now());
    let said: Vec<_> = rights.map(|right| (right.operation, right.drain)).collect();
    assert_eq!(said, [(20 * MINUTE, 5 * MINUTE)]);
}

/// The deadline counts from the end, not from when somebody looked.
#[test]
fn draining_counts_from_the_end() {
    let rule = terms(|terms| {
        (terms.max_duration, terms.drain) = (Some(HOUR / 2), 5 * MINUTE);
    });
    let mut plant = Plant::new(&[("program", rule)]);
    let alice = plant.login(1, &["maintenance"]);
    let grant = plant.request(alice, "program").unwrap();
    let since = plant.clock.now().monotonic + HOUR / 2;
    plant.access.operation_begun(grant);
    plant.clock.pass(HOUR / 2 - MINUTE);
    plant.access.seen(alice, plant.clock.now());
    plant.pass(3 * MINUTE);
    let end = End::Expired;
    assert_eq!(plant.state(grant), Some(State::Draining { since, until: since + 5 * MINUTE, end }));
}

#[test]
fn a_grant_ends_with_its_login() {
    let rule = terms(|terms| (terms.max_duration, terms.operation) = (Some(8 * HOUR), HOUR / 2));
    let mut plant = Plant::new(&[("program", rule)]);
    plant.access.lifetimes = Lifetimes { login: HOUR, idle: 24 * HOUR };
    let alice = plant.login(1, &["maintenance"]);
    plant.request(alice, "program").unwrap();
    let end = plant.access.login_of(alice).unwrap().until;
    let until: Vec<_> = plant.access.rights(plant.clock.now()).map(|right| right.until).collect();
    assert_eq!(until, [end]);
    plant.pass(HOUR);
    assert!(!plant.permits(alice, "program"));
}

#[test]
fn a_reload_that_changes_nothing_takes_nothing() {
    let rule = terms(|terms| {
        terms.reason = true;
        terms.window = window(Duration::ZERO, 9 * HOUR);
    });
    let mut plant = Plant::new(&[("speed", rule)]);
    let alice = plant.login(1, &["maintenance"]);
    let grant = plant.request(alice, "speed").unwrap();
    let before = plant.state(grant);
    plant.pass(MINUTE);
    plant.reload();
    assert_eq!(plant.state(grant), before);
}

#[test]
fn a_reload_shortens_and_never_lengthens() {
    let rule = terms(|terms| terms.max_duration = Some(20 * MINUTE));
    let mut plant = Plant::new(&[("speed", rule)]);
    let alice = plant.login(1, &["maintenance"]);
    plant.request(alice, "speed").unwrap();
    plant.book.change("speed", |terms| terms.max_duration = Some(8 * HOUR));
    plant.pass(10 * MINUTE);
    plant.reload();
    plant.pass(9 * MINUTE);
    assert!(plant.permits(alice, "speed"));
    plant.pass(MINUTE);
    assert!(!plant.permits(alice, "speed"), "as granted");
    plant.request(alice, "speed").unwrap();
    plant.book.change("speed", |terms| terms.max_duration = Some(5 * MINUTE));
    plant.reload();
    plant.pass(5 * MINUTE);
    assert!(!plant.permits(alice, "speed"), "as the new policy has it, from the grant on");
}

#[test]
fn the_next_deadline_is_where_something_ends() {
    let rule = terms(|terms| terms.max_duration = Some(20 * MINUTE));
    let mut plant = Plant::new(&[("speed", rule)]);
    assert_eq!(plant.access.next_deadline(), None);
    let alice = plant.login(1, &["maintenance"]);
    let start = plant.clock.now().monotonic;
    assert_eq!(plant.access.next_deadline(), Some(start + 30 * MINUTE));
    plant.request(alice, "speed").unwrap();
    assert_eq!(plant.access.next_deadline(), Some(start + 20 * MINUTE));
}
