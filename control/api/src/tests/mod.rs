//! The API without a gate: a desk whose other end answers what a test says.

mod connections;
mod description;
mod metrics;
mod requests;
mod roles;

use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request as HttpRequest;
use serde_json::Value;
use tower::ServiceExt;

use crate::desk::{Answer, Desk, Inbox};
use crate::model::{Actor, Request, Role, Roles};
use crate::reply::{Login, Reply};
use crate::routes::{Method, Route};

/// What a body may be of a route that takes one.
fn body(route: &Route) -> &'static str {
    match (route.method, route.path) {
        (Method::Post, "/v1/logins") => r#"{"user":"anna","password":"p","code":"1"}"#,
        (_, "/v1/login/proof") => r#"{"code":"123456"}"#,
        (Method::Post, "/v1/grants") | (_, "/v1/break-glass/use") => {
            r#"{"rule":"r","asset":"a","reason":"fire"}"#
        }
        (_, "/v1/grants/{id}/deny") => r#"{"reason":"no"}"#,
        (Method::Post, "/v1/break-glass") => {
            r#"{"rule":"r","role":"m","lifetime":60,"duration":60}"#
        }
        (Method::Post, "/v1/users") => r#"{"name":"anna"}"#,
        (_, "/v1/users/{name}/roles") => r#"{"roles":["m"]}"#,
        (_, "/v1/users/{name}/password") => r#"{"password":"p"}"#,
        (_, "/v1/users/{name}/totp/confirm") => r#"{"code":"1"}"#,
        (_, "/v1/users/{name}/certificates") => r#"{"thumbprint":"00"}"#,
        _ => "",
    }
}

/// The path with something in each of its variable parts.
fn path(route: &Route) -> String {
    route.path.replace("{id}", "7").replace("{name}", "anna").replace("{factor}", "totp")
}

fn actor(uid: u32, roles: &[Role]) -> Actor {
    Actor { uid, pid: 1, roles: Roles::of(roles), name: None }
}

fn login(id: u64) -> Reply {
    Reply::Login(Login {
        id,
        user: "anna".to_owned(),
        roles: Vec::new(),
        source: None,
        proven: Vec::new(),
        age: 0,
        idle: 0,
        left: 60,
    })
}

/// Control as a test wants it: logs in, and says what else it was asked.
fn control(request: &Request) -> Answer {
    match request {
        Request::Login(_) | Request::StepUp { .. } => Ok(login(3)),
        request => Ok(Reply::done(format!("{request:?}"))),
    }
}

/// A desk that `answer` answers at.
fn desk(answer: impl Fn(&Request) -> Answer + Send + 'static) -> Desk {
    let (desk, inbox) = Desk::new();
    serve(inbox, answer);
    desk
}

fn serve(inbox: Inbox, answer: impl Fn(&Request) -> Answer + Send + 'static) {
    thread::spawn(move || {
        loop {
            if let Some(ask) = inbox.next(Duration::from_secs(60)) {
                let answer = answer(&ask.request);
                ask.answer(answer);
            }
        }
    });
}

/// An HTTP request in the words of the router.
fn http(route: &Route, token: Option<&str>) -> HttpRequest<Body> {
    let mut request = HttpRequest::builder().method(route.method.word()).uri(path(route));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(Body::from(body(route))).unwrap()
}

/// Status and JSON of the answer.
async fn ask(router: &Router, actor: &Actor, mut request: HttpRequest<Body>) -> (u16, Value) {
    request.extensions_mut().insert(actor.clone());
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8_lossy(&body).into_owned();
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{status}: {text}")))
}

/// Runs on a runtime as the server's.
fn run<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(what)
}
