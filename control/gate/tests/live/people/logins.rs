//! Logins and what they are given, taken back.

use super::*;

#[test]
fn a_person_logs_in_reads_and_is_cut_off() {
    let (server, _) = need!("a_person_logs_in_reads_and_is_cut_off");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let secret = office.add("alice", &["maintenance"]);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    assert!(office.connect().is_err(), "nobody is logged in there");

    let (status, _) = office.log_in("alice", "000000");
    assert_eq!(status, 401, "a wrong code");
    let first = code(&secret, 0);
    let (status, login) = office.log_in("alice", &first);
    assert_eq!(status, 200, "{login}");
    let mut stream = office.connected();
    assert_eq!(register(&mut stream, 7), 70);

    let id = login["login"]["id"].as_u64().or(login["id"].as_u64()).unwrap();
    let start = Machine::start();
    let (status, done) = office.ask("DELETE", &format!("/v1/logins/{id}"), None, &Value::Null);
    let taken = Duration::from_nanos(start.nanos());
    assert_eq!(status, 200, "{done}");
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(ask(&mut stream, &[3, 0, 7, 0, 1]).is_err(), "not one more");
    eprintln!("a login was taken back in {taken:?}, from the request to the answer");
    assert!(office.connect().is_err());

    let (status, refused) = office.log_in("alice", &first);
    assert_eq!((status, &refused["code"]), (401, &json!("refused")), "a code is good once");
    let (status, _) = office.log_in("alice", &code(&secret, 1));
    assert_eq!(status, 200);
    assert_eq!(register(&mut office.connected(), 8), 80, "and in again");

    hmi.stop();
    assert_whole(&gate.stop());
    let refused = office.audited("login-refused");
    let reasons: Vec<_> = refused.iter().map(|record| &record["reason"]).collect();
    assert_eq!(reasons, ["wrong-code", "reused-code"]);
    let logins = office.audited("login");
    assert_eq!(logins.len(), 2);
    assert_eq!(
        (&logins[0]["user"], &logins[0]["client"], &logins[0]["what"]),
        (&json!("alice"), &json!(DESK), &json!("password totp"))
    );
    assert!(logins[0]["actor"].as_str().unwrap().contains("uid 0"));
    assert_eq!(office.audited("logout")[0]["reason"], "revoked");
    let text = std::fs::read_to_string(office.plant.file("audit.jsonl")).unwrap();
    for secret in [PASSWORD, &secret, &first] {
        assert!(!says(&text, secret), "no secret is in the audit");
    }
}

#[test]
fn what_must_be_asked_for_ends_when_it_is_taken_back() {
    let (server, _) = need!("what_must_be_asked_for_ends_when_it_is_taken_back");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let secret = office.add("alice", &["maintenance"]);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    let (status, login) = office.log_in("alice", &code(&secret, 0));
    assert_eq!(status, 200, "{login}");
    let token = login["token"].as_str();
    let mut stream = office.connected();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(refuses_write(&mut stream), "writing must be asked for");

    let rule = "maintenance writes when asked";
    let wanted = json!({"rule": rule, "asset": "press-3"});
    let (status, fault) = office.ask("POST", "/v1/grants", token, &wanted);
    assert_eq!((status, &fault["code"]), (422, &json!("reason-needed")));
    let wanted = json!({"rule": rule, "asset": "press-3", "reason": "order 4711"});
    for _ in 0..2 {
        let (status, grant) = office.ask("POST", "/v1/grants", token, &wanted);
        assert_eq!((status, &grant["state"]), (200, &json!("granted")), "{grant}");
        let mut stream = within(|| {
            let mut stream = office.connect().ok()?;
            (ask(&mut stream, &[6, 0, 50, 0, 7]).ok()? == [6, 0, 50, 0, 7]).then_some(stream)
        });
        let (status, _) =
            office.ask("DELETE", &format!("/v1/grants/{}", grant["id"]), None, &Value::Null);
        assert_eq!(status, 200);
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        assert!(refuses_write(&mut stream), "at once");
        let mut stream = office.connected();
        assert_eq!(register(&mut stream, 8), 80, "what needs no asking is there again");
    }
    hmi.stop();
    drop(gate.stop());
    let asked = office.audited("grant-requested");
    assert_eq!((asked.len(), &asked[0]["text"]), (2, &json!("order 4711")));
    assert_eq!(office.audited("grant-begun").len(), 2);
    assert_eq!(office.audited("grant-revoked").len(), 2);
}

#[test]
fn a_reload_takes_what_the_policy_no_longer_gives() {
    let (server, _) = need!("a_reload_takes_what_the_policy_no_longer_gives");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let secret = office.add("alice", &["maintenance"]);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    let (status, login) = office.log_in("alice", &code(&secret, 0));
    assert_eq!(status, 200, "{login}");
    let mut stream = office.connected();
    assert_eq!(register(&mut stream, 7), 70);
    // The rules change places, too: numbers of rules are not what they were.
    let (reads, writes) = RULES.split_at(RULES.rfind("[[rule]]").unwrap());
    office.write_rules(&format!("{writes}{}", reads.replace("\"read\"", "\"mode\"")));
    let (status, done) = office.ask("POST", "/v1/policy/reload", None, &Value::Null);
    assert_eq!(status, 200, "{done}");
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    // Refused in the protocol's own words, or cut.
    within(|| {
        let answer = ask(&mut stream, &[3, 0, 7, 0, 1]);
        answer.map_or(true, |pdu| pdu[0] == 0x83).then_some(())
    });
    office.write_rules("[[rule]]");
    let (status, _) = office.ask("POST", "/v1/policy/reload", None, &Value::Null);
    assert_eq!(status, 409);
    hmi.stop();
    drop(gate.stop());
    let reloads = office.audited("policy-reload");
    let results: Vec<_> = reloads.iter().map(|record| &record["result"]).collect();
    assert_eq!(results, ["success", "denied"]);
    assert!(reloads[0]["actor"].as_str().unwrap().contains("uid 0"));
}

#[test]
fn nobody_logs_in_by_a_port_that_does_not_say_so() {
    let (server, _) = need!("nobody_logs_in_by_a_port_that_does_not_say_so");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let gate = office.start();
    for source in ["192.168.10.77", "10.9.9.9", "192.168.20.1"] {
        let body =
            json!({"user": "alice", "password": PASSWORD, "code": "123456", "source": source});
        let (status, _) = office.ask("POST", "/v1/logins", None, &body);
        assert_eq!(status, 403, "{source}");
    }
    drop(gate.stop());
}

/// How often a session is taken back.
const TIMES: usize = 50;

#[test]
fn each_session_that_is_taken_back_is_cut() {
    let (server, _) = need!("each_session_that_is_taken_back_is_cut");
    let office = Office::new(&RULES.replace("\"password\", \"totp\"", "\"password\""));
    let _device = device(&office.plant, &server);
    office.add_plain("alice", &["maintenance"]);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    let mut spans: Vec<u64> = (0..TIMES).map(|_| last_answer_after_a_revocation(&office)).collect();
    spans.sort_unstable();
    let at = |percent: usize| Duration::from_nanos(spans[(TIMES - 1) * percent / 100]);
    eprintln!(
        "{TIMES} sessions taken back, from the request at the socket to the last answer that passed: \
         {:?} at least, {:?} in the middle, {:?} in nine of ten, {:?} at most",
        at(0),
        at(50),
        at(90),
        at(100)
    );
    hmi.stop();
    drop(gate.stop());
    assert_eq!(office.audited("session-revoked").len(), TIMES);
}

/// Nanoseconds from asking that a session end to the last answer that it got; it asks as fast as it can. Who
/// was cut off has to log in anew.
pub(super) fn last_answer_after_a_revocation(office: &Office) -> u64 {
    office.enter("alice", Some(DESK));
    let mut stream = office.connected();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert_eq!(register(&mut stream, 7), 70);
    let live = |session: &&Value| session["kind"] == "user" && session["revoked"] == false;
    let id = within(|| {
        let (_, sessions) = office.ask("GET", "/v1/sessions", None, &Value::Null);
        Some(sessions.as_array()?.iter().find(live)?["id"].clone())
    });
    let clock = Machine::start();
    let reader = std::thread::spawn(move || {
        let mut last = clock.nanos();
        while ask(&mut stream, &[3, 0, 7, 0, 1]).is_ok() {
            last = clock.nanos();
        }
        last
    });
    std::thread::sleep(Duration::from_millis(5));
    let asked = clock.nanos();
    let path = format!("/v1/sessions/{id}");
    assert_eq!(office.ask("DELETE", &path, None, &Value::Null).0, 200);
    reader.join().unwrap().saturating_sub(asked)
}
