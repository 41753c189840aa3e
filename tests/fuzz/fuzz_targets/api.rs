//! The control socket's requests: method, path, token and body as they come; no socket, no gate.
//!
//! Whatever is asked, the answer is JSON with a status that the description knows; what control is asked has
//! passed the roles; and of a body that holds a secret nothing is in a refusal.

#![no_main]

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request as HttpRequest;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;
use wicketgate_api::desk::Desk;
use wicketgate_api::model::{Actor, Fault, Role, Roles};
use wicketgate_api::reply::Reply;
use wicketgate_api::router::router;

/// Every status that an answer of these can have.
const KNOWN: &[u16] = &[200, 400, 401, 403, 404, 405, 413, 503];

struct Bench {
    router: Router,
    runtime: Runtime,
}

fn bench() -> &'static Bench {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    BENCH.get_or_init(|| {
        let (desk, inbox) = Desk::new();
        thread::spawn(move || {
            loop {
                if let Some(ask) = inbox.next(Duration::from_secs(1)) {
                    assert!(ask.actor.roles.meet(Roles::of(&Role::ALL)));
                    let printed = format!("{:?}", ask.request);
                    ask.answer(Ok(Reply::done(printed)));
                }
            }
        });
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Bench { router: router(desk), runtime }
    })
}

/// The first byte says which roles; then `METHOD PATH`, the token and the body, a line each.
fn request(bytes: &[u8]) -> Option<HttpRequest<Body>> {
    let (roles, rest) = bytes.split_first()?;
    let mut lines = rest.splitn(3, |byte| *byte == b'\n');
    let line = str::from_utf8(lines.next()?).ok()?;
    let (method, path) = line.split_once(' ')?;
    let token = lines.next().unwrap_or_default();
    let mut request = HttpRequest::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header("authorization", token);
    }
    let mut request = request.body(Body::from(lines.next().unwrap_or_default().to_vec())).ok()?;
    let held: Vec<Role> =
        (0..4).filter(|bit| roles >> bit & 1 == 1).map(|bit| Role::ALL[bit]).collect();
    let roles = Roles::of(&held);
    request.extensions_mut().insert(Actor { uid: 1000, pid: 1, roles, name: None });
    Some(request)
}

fuzz_target!(|bytes: &[u8]| {
    let Some(request) = request(bytes) else { return };
    let is_head = request.method() == "HEAD";
    let path = request.uri().path();
    let is_secret = ["login", "password", "confirm"].iter().any(|word| path.contains(word));
    let Bench { router, runtime } = bench();
    let (status, body) = runtime.block_on(async {
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        (status, to_bytes(response.into_body(), usize::MAX).await.unwrap())
    });
    assert!(KNOWN.contains(&status), "{status}");
    if status != 200 && !is_head {
        let fault: Fault = serde_json::from_slice(&body).unwrap();
        assert_eq!(fault.status, status);
        assert!(!is_secret || !fault.what.contains("hunter2"), "{}", fault.what);
    }
});
