//! Approval, break-glass, expiry, and how many at once.

use super::*;

const WRITES: &str = r#"
[[rule]]
name = "writes"
roles = ["maintenance"]
assets = ["press-3"]
protocol = "modbus"
allow = [{ class = "write", function = 6, address = "0-99" }]
factors = ["password"]
"#;

/// An office whose maintenance may write, under a further condition.
fn office(condition: &str) -> Office {
    Office::new(&format!("{WRITES}{condition}\n"))
}

fn approve(office: &Office, token: &str, grant: &Value) -> (u16, Value) {
    let path = format!("/v1/grants/{}/approve", grant["id"]);
    office.ask("POST", &path, Some(token), &Value::Null)
}

#[test]
fn somebody_else_approves() {
    let (server, _) = need!("somebody_else_approves");
    let office = office("approval = \"shift-lead\"");
    let _device = device(&office.plant, &server);
    // Alice could approve others: herself she cannot, by no login and by no account.
    office.add_plain("alice", &["maintenance", "shift-lead"]);
    let second = ["add", "alice.2", "--no-totp", "--role", "shift-lead", "--person", "alice"];
    assert!(office.type_in(office.user(&second), &[PASSWORD]).status.success());
    office.add_plain("bob", &["shift-lead"]);
    office.add_plain("mallory", &["maintenance"]);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    let alice = office.enter("alice", Some(DESK));
    let (status, grant) = office.request(&alice, "writes");
    assert_eq!((status, &grant["state"]), (200, &json!("requested")), "{grant}");
    assert!(office.connect().is_err(), "asked is not given");
    for (who, login) in [
        ("the same login", alice.clone()),
        ("another of hers", office.enter("alice", None)),
        ("another account of hers", office.enter("alice.2", None)),
        ("one without the role", office.enter("mallory", None)),
    ] {
        let (status, said) = approve(&office, &login, &grant);
        assert_eq!(status, 403, "{who}: {said}");
    }
    assert!(office.connect().is_err());
    let bob = office.enter("bob", None);
    let (status, said) = approve(&office, &bob, &grant);
    assert_eq!(status, 200, "{said}");
    let mut stream = writes(&office, DESK);
    // Whoever approved may not use it.
    let (status, _) = office.request(&bob, "writes");
    assert_eq!(status, 404);
    let (status, _) =
        office.ask("DELETE", &format!("/v1/grants/{}", grant["id"]), None, &Value::Null);
    assert_eq!(status, 200);
    assert!(refuses_write(&mut stream), "at once");
    let (_, grant) = office.request(&alice, "writes");
    let path = format!("/v1/grants/{}/deny", grant["id"]);
    let (status, _) = office.ask("POST", &path, Some(&bob), &json!({}));
    assert_eq!(status, 200);
    hmi.stop();
    drop(gate.stop());
    let approved = office.audited("grant-approved");
    assert_eq!(approved.len(), 1);
    assert_eq!((&approved[0]["user"], &approved[0]["actor"]), (&json!("alice"), &json!("bob")));
    assert_eq!(office.audited("grant-denied").len(), 1);
}

#[test]
fn broken_glass_is_loud_and_mends_itself() {
    let (server, _) = need!("broken_glass_is_loud_and_mends_itself");
    let office = office("approval = \"nobody-here-at-night\"");
    let _device = device(&office.plant, &server);
    office.add_plain("alice", &["maintenance", "night-shift"]);
    office.add_plain("carol", &["admin"]);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    let (alice, carol) = (office.enter("alice", Some(DESK)), office.enter("carol", None));
    let wanted = json!({"rule": "writes", "asset": "press-3", "reason": "fire"});
    let smash = || office.ask("POST", "/v1/break-glass/use", Some(&alice), &wanted);
    assert_eq!(smash().0, 404, "not armed");
    let arm = |token: &str, lifetime: u64, duration: u64| {
        let arm = json!({
            "rule": "writes", "role": "night-shift", "lifetime": lifetime, "duration": duration
        });
        office.ask("POST", "/v1/break-glass", Some(token), &arm)
    };
    assert_eq!(arm(&alice, 3600, 2).0, 403, "not by whom it is for");
    let (status, armed) = arm(&carol, 3600, 2);
    assert_eq!(status, 200, "{armed}");
    let smashes = || {
        let (status, grant) = smash();
        assert_eq!((status, &grant["break_glass"]), (200, &json!(true)), "{grant}");
    };
    let mut stream = writes_after(&office, DESK, smashes);
    assert!(gate.says("ALARM: break-glass-used"), "people are told");
    // It mends itself after its two seconds, and can be used again; disarming ends what came of it.
    is_cut(&mut stream);
    let mut stream = writes_after(&office, DESK, smashes);
    let path = format!("/v1/break-glass/{}", armed["id"]);
    let (status, _) = office.ask("DELETE", &path, Some(&carol), &Value::Null);
    assert_eq!(status, 200);
    assert!(refuses_write(&mut stream), "at once");
    assert_eq!(smash().0, 404, "disarmed");
    // Armed and not used, it expires.
    assert_eq!(arm(&carol, 1, 60).0, 200);
    let list = || office.ask("GET", "/v1/break-glass", None, &Value::Null).1;
    within(|| (list() == json!([])).then_some(()));
    assert_eq!(smash().0, 404, "expired");
    hmi.stop();
    drop(gate.stop());
    for (kind, times) in
        [("break-glass-armed", 2), ("break-glass-disarmed", 1), ("break-glass-expired", 1)]
    {
        let told = office.audited(kind);
        assert_eq!(told.len(), times, "{kind}: {told:?}");
    }
    let used = &office.audited("break-glass-used")[0];
    assert_eq!((&used["user"], &used["text"]), (&json!("alice"), &json!("fire")));
    assert!(!office.audited("grant-expired").is_empty());
}

#[test]
fn what_expires_cuts_a_live_session() {
    let (server, _) = need!("what_expires_cuts_a_live_session");
    // A standing right that lasts as long as its proof, and a grant that lasts as long as its rule says.
    let granted = WRITES.replace("\"writes\"", "\"writes for a while\"").replace("0-99", "50");
    let office = office(&format!("max_proof_age = \"2s\"\n{granted}max_duration = \"2s\""));
    let _device = device(&office.plant, &server);
    office.add_plain("alice", &["maintenance"]);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    let token = office.enter("alice", Some(DESK));
    let prove = || {
        let proof = json!({"password": PASSWORD});
        let (status, said) = office.ask("POST", "/v1/login/proof", Some(&token), &proof);
        assert_eq!(status, 200, "{said}");
    };
    for _ in 0..2 {
        let mut stream = writes_after(&office, DESK, prove);
        is_cut(&mut stream);
    }
    let ask = || {
        let (status, said) = office.request(&token, "writes for a while");
        assert!(status == 200 || said["code"] == "duplicate", "{said}");
    };
    let mut stream = writes_after(&office, DESK, ask);
    is_cut(&mut stream);
    // The engine ends it by its own clock; control, which tells the audit, looks a little later.
    within(|| (!office.audited("grant-expired").is_empty()).then_some(()));
    hmi.stop();
    drop(gate.stop());
    assert!(office.audited("step-up").len() >= 2);
    assert_eq!(office.audited("grant-expired")[0]["user"], "alice");
}

#[test]
fn two_people_at_one_asset_do_not_count_for_each_other() {
    let (server, _) = need!("two_people_at_one_asset_do_not_count_for_each_other");
    let office = office("max_sessions = 1");
    let _device = device(&office.plant, &server);
    ["alice", "bob"].iter().for_each(|name| office.add_plain(name, &["maintenance"]));
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    let (alice, bob) = (office.enter("alice", Some(DESK)), office.enter("bob", Some(SECOND_DESK)));
    let again = office.enter("alice", Some(THIRD_DESK));
    let given = |token: &str| {
        let (status, grant) = office.request(token, "writes");
        assert_eq!((status, &grant["state"]), (200, &json!("granted")), "{grant}");
        grant["id"].to_string()
    };
    let (first, _) = (given(&alice), given(&bob));
    let (mut hers, mut his) = (writes(&office, DESK), writes(&office, SECOND_DESK));
    let (status, said) = office.request(&again, "writes");
    assert_eq!((status, &said["code"]), (409, &json!("too-many-sessions")));
    assert!(office.plant.connect_from(THIRD_DESK).is_err());
    let path = format!("/v1/grants/{first}/give-back");
    assert_eq!(office.ask("POST", &path, Some(&bob), &Value::Null).0, 404, "not his to give");
    assert_eq!(office.ask("POST", &path, Some(&alice), &Value::Null).0, 200);
    assert!(refuses_write(&mut hers), "at once");
    given(&again);
    drop(writes(&office, THIRD_DESK));
    assert_eq!(
        write(&mut his).unwrap(),
        [6, 0, 50, 0, 7],
        "his connection lived through all of it"
    );
    hmi.stop();
    drop(gate.stop());
}
