//! What is no good request, and what comes of it.

use super::*;
use crate::model::Fault;
use crate::router::{BODY, router};

fn admin() -> Actor {
    actor(0, &[Role::Admin])
}

fn raw(method: &str, path: &str, body: impl Into<Body>) -> HttpRequest<Body> {
    HttpRequest::builder().method(method).uri(path).body(body.into()).unwrap()
}

fn code(router: &Router, request: HttpRequest<Body>) -> (u16, String) {
    let (status, fault) = run(ask(router, &admin(), request));
    let fault: Fault = serde_json::from_value(fault).unwrap();
    assert_eq!(fault.status, status, "the body says what the status does");
    (status, fault.code)
}

#[test]
fn what_does_not_fit_is_refused_and_control_does_not_hear_of_it() {
    let router = router(desk(|request| panic!("control was asked {request:?}")));
    for (method, path, body, expected) in [
        ("GET", "/", "", (404, "no-such-route")),
        ("GET", "/v2/sessions", "", (404, "no-such-route")),
        ("GET", "/v1/sessions/", "", (404, "no-such-route")),
        ("GET", "/v1/users/../sessions", "", (404, "no-such-route")),
        ("PATCH", "/v1/sessions", "", (405, "no-such-method")),
        ("GET", "/v1/sessions/1", "", (405, "no-such-method")),
        ("DELETE", "/v1/sessions/one", "", (400, "invalid")),
        ("DELETE", "/v1/sessions/-1", "", (400, "invalid")),
        ("DELETE", "/v1/sessions/18446744073709551616", "", (400, "invalid")),
        // What escapes stand for need not be text.
        ("DELETE", "/v1/users/%ff", "", (400, "invalid")),
        ("POST", "/v1/users", "", (400, "invalid")),
        ("POST", "/v1/users", "{", (400, "invalid")),
        ("POST", "/v1/users", "[]", (400, "invalid")),
        ("POST", "/v1/users", "\u{0}\u{1}", (400, "invalid")),
        ("POST", "/v1/users", r#"{"name":1}"#, (400, "invalid")),
        ("POST", "/v1/users", r#"{"name":"a","name":"b"}"#, (400, "invalid")),
        ("POST", "/v1/users", r#"{"name":"a","admin":true}"#, (400, "invalid")),
        ("POST", "/v1/users", r#"{"name":"a"} {"name":"b"}"#, (400, "invalid")),
        ("POST", "/v1/logins", r#"{"user":"a","source":"nowhere"}"#, (400, "invalid")),
    ] {
        let (status, said) = code(&router, raw(method, path, body.to_owned()));
        assert_eq!((status, &*said), expected, "{method} {path} {body}");
    }
}

#[test]
fn nesting_and_length_are_bounded() {
    let router = router(desk(control));
    assert_eq!(code(&router, raw("POST", "/v1/users", "[".repeat(BODY))), (400, "invalid".into()));
    let long = format!(r#"{{"name":"{}"}}"#, "a".repeat(BODY));
    assert_eq!(code(&router, raw("POST", "/v1/users", long)), (413, "too-large".into()));
}

#[test]
fn a_mistake_in_a_secret_does_not_print_it() {
    let router = router(desk(control));
    for body in [
        r#"{"user":"a","password":"hunter2","extra":1}"#,
        r#"{"user":"a","password":["hunter2"]}"#,
        r#"{"user":"a","password":{"x":"hunter2"}}"#,
        r#"{"user":"a","source":"hunter2"}"#,
        r#"{"user":"a","hunter2":"password"}"#,
    ] {
        let (status, fault) = run(ask(&router, &admin(), raw("POST", "/v1/logins", body)));
        assert_eq!(status, 400);
        assert!(!fault.to_string().contains("hunter2"), "{fault}");
    }
    for (method, path) in [
        ("POST", "/v1/logins"),
        ("PUT", "/v1/users/anna/password"),
        ("POST", "/v1/users/anna/totp/confirm"),
    ] {
        for body in [r#"{"user":"a","code":123456}"#, r#"{"password":123456}"#] {
            let (status, fault) = run(ask(&router, &admin(), raw(method, path, body)));
            assert_eq!(status, 400, "{path} {body}");
            assert!(!fault.to_string().contains("123456"), "{fault}");
        }
    }
}

#[test]
fn what_control_refuses_is_told_as_it_is() {
    let router = router(desk(|_| Err(Fault::conflict("last-admin", "the last admin stays"))));
    let (status, fault) = run(ask(&router, &admin(), raw("DELETE", "/v1/users/root", "")));
    assert_eq!((status, fault["code"].as_str()), (409, Some("last-admin")));
}

#[test]
fn a_control_that_is_gone_is_told() {
    let (desk, inbox) = Desk::new();
    drop(inbox);
    let got = code(&router(desk), raw("GET", "/v1/sessions", ""));
    assert_eq!(got, (503, "unavailable".into()));
}

#[test]
fn a_control_that_does_not_answer_is_not_waited_for_for_ever() {
    let (desk, _inbox) = Desk::new();
    let router = router(desk);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let request = raw("GET", "/v1/sessions", "");
    let (status, fault) = runtime.block_on(ask(&router, &admin(), request));
    assert_eq!((status, fault["code"].as_str()), (503, Some("timeout")));
}

#[test]
fn only_so_many_wait_for_control() {
    let (desk, _inbox) = Desk::new();
    let router = router(desk);
    run(async {
        let waiting: Vec<_> = (0..crate::desk::WAITING)
            .map(|_| {
                let router = router.clone();
                tokio::spawn(
                    async move { ask(&router, &admin(), raw("GET", "/v1/sessions", "")).await },
                )
            })
            .collect();
        tokio::task::yield_now().await;
        let (status, fault) = ask(&router, &admin(), raw("GET", "/v1/sessions", "")).await;
        assert_eq!((status, fault["code"].as_str()), (503, Some("unavailable")));
        waiting.iter().for_each(|task| task.abort());
    });
}

#[test]
fn what_is_refused_is_counted_by_who_asked_for_what() {
    let (desk, inbox) = crate::desk::Desk::new();
    let refusals = desk.refusals.clone();
    serve(inbox, |request| match request {
        Request::Login(_) => Err(Fault::new(401, "refused", "control tells that itself")),
        Request::Reload => Err(Fault::conflict("config-not-taken", "no")),
        request => control(request),
    });
    let router = router(desk);
    let auditor = Actor { name: Some("otto".into()), ..actor(7, &[Role::Auditor]) };
    let refused = |method, path, body: String| {
        run(ask(&router, &auditor, raw(method, path, body.clone())));
        run(ask(&router, &admin(), raw(method, path, body)));
    };
    refused("DELETE", "/v1/sessions/7", String::new());
    refused("DELETE", "/v1/sessions/8", String::new());
    refused("POST", "/v1/grants/1/approve", String::new());
    refused("POST", "/v1/users", "a".repeat(BODY + 1));
    refused("POST", "/v1/logins", body_of_a_login());
    refused("POST", "/v1/policy/reload", String::new());
    refused("GET", "/v1/no/such/route", String::new());
    let told = refusals.due(Duration::from_secs(1));
    let told: Vec<_> = told
        .iter()
        .map(|(refused, times)| {
            let words = [&refused.actor, &refused.asked].map(|word| word.as_deref().unwrap());
            (words[0], words[1], refused.code.as_str(), *times)
        })
        .collect();
    let expected = [
        ("otto (uid 7)", "DELETE /v1/sessions/{id}", "forbidden", 2),
        ("otto (uid 7)", "POST /v1/grants/{id}/approve", "forbidden", 1),
        ("uid 0", "POST /v1/grants/{id}/approve", "not-logged-in", 1),
        ("otto (uid 7)", "POST /v1/users", "forbidden", 1),
        ("uid 0", "POST /v1/users", "too-large", 1),
        ("otto (uid 7)", "POST /v1/logins", "forbidden", 1),
        ("otto (uid 7)", "POST /v1/policy/reload", "forbidden", 1),
    ];
    assert_eq!(told, expected);
}

fn body_of_a_login() -> String {
    r#"{"user":"anna","password":"p"}"#.to_owned()
}
