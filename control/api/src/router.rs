//! From an HTTP request to a [`Request`], and from an answer to HTTP.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{Extension, RawPathParams, State};
use axum::http::{HeaderMap, Request as HttpRequest, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{self, MethodFilter};
use serde::Serialize;

use crate::desk::Desk;
use crate::metrics;
use crate::model::{Actor, Fault, LoginNumber, Request};
use crate::openapi;
use crate::reply::{LoggedIn, Reply};
use crate::routes::{ANY, Method, Parts, ROUTES, Route};
use crate::scrape::text;
use crate::tokens::Tokens;

/// Bytes of a body at most. With the head, see `server`, a request is 64 KiB at most.
pub const BODY: usize = 48 * 1024;

/// How long a request may take, the reading of its body included.
const REQUEST: Duration = Duration::from_secs(10);

/// Where the description is.
const OPENAPI: &str = "/v1/openapi.json";

/// What all requests share.
#[derive(Clone, Debug)]
struct Shared {
    desk: Desk,
    tokens: Arc<Mutex<Tokens>>,
}

impl Shared {
    /// The tokens. Whoever panicked with them in hand had not changed them halfway: each change is one
    /// call on a map.
    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All routes, asking at `desk`. A request must carry its [`Actor`] as an extension.
pub fn router(desk: Desk) -> Router {
    let shared = Shared { desk, tokens: Arc::default() };
    let described = Router::new().route(OPENAPI, routing::get(describe));
    let router = ROUTES.iter().fold(described, |router, route| {
        let handler = move |state, actor, path, request| handle(route, state, actor, path, request);
        router.route(route.path, routing::on(filter(route.method), handler))
    });
    router
        .fallback(async || refuse(&no_route()))
        .method_not_allowed_fallback(async || refuse(&no_method()))
        .with_state(shared)
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Delete => MethodFilter::DELETE,
    }
}

async fn describe(Extension(actor): Extension<Actor>) -> Response {
    if actor.roles.meet(ANY) { json(&openapi::document()) } else { refuse(&no_role(&actor)) }
}

async fn handle(
    route: &'static Route,
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: HttpRequest<Body>,
) -> Response {
    let served = serve(route, &shared, actor.clone(), path, request);
    let done = tokio::time::timeout(REQUEST, served).await;
    done.unwrap_or_else(|_| Err(too_long())).unwrap_or_else(|fault| {
        shared.desk.refusals.note(&actor, Some(route), &fault);
        refuse(&fault)
    })
}

async fn serve(
    route: &Route,
    shared: &Shared,
    actor: Actor,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: HttpRequest<Body>,
) -> Result<Response, Fault> {
    if !actor.roles.meet(route.roles) {
        return Err(wrong_role(route, &actor));
    }
    // It fails where escapes in the path are no UTF-8.
    let path = path.map_err(|error| Fault::invalid(format_args!("the path: {error}")))?;
    let path: Vec<String> = path.iter().map(|(_, value)| value.to_owned()).collect();
    let login = login(route, shared, &actor, request.headers())?;
    let body = to_bytes(request.into_body(), BODY).await.map_err(|_| too_large())?;
    let asked = (route.request)(&Parts { path: &path, login, body: &body })?;
    drop(body);
    let uid = actor.uid;
    let logs_in = matches!(asked, Request::Login(_));
    let logs_out = matches!(asked, Request::Logout { .. });
    let reply = shared.desk.ask(actor, asked).await?;
    match reply {
        Reply::Login(login) if logs_in => {
            let token = shared.tokens().make(login.id, uid)?;
            Ok(json(&LoggedIn { login, token }))
        }
        Reply::Stats(stats) if route.text => Ok(text(metrics::page(&stats))),
        reply => {
            if logs_out {
                shared.tokens().forget(login);
            }
            Ok(json(&reply))
        }
    }
}

/// The login that the request is made by; none where the route asks for none.
fn login(
    route: &Route,
    shared: &Shared,
    actor: &Actor,
    headers: &HeaderMap,
) -> Result<LoginNumber, Fault> {
    if !route.login {
        return Ok(0);
    }
    // RFC 6750, 2.1.
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown.and_then(|value| value.strip_prefix("Bearer "));
    let token = token.ok_or_else(|| Fault::unproven("log in first, and show the login's token"))?;
    let found = shared.tokens().login(token, actor.uid);
    found.ok_or_else(|| Fault::unproven("this token is of no login of yours: log in anew"))
}

fn json(what: &impl Serialize) -> Response {
    match serde_json::to_vec(what) {
        Ok(text) => respond(StatusCode::OK, text),
        Err(error) => refuse(&Fault::unavailable(error)),
    }
}

/// A fault as HTTP.
pub(crate) fn refuse(fault: &Fault) -> Response {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond(status, serde_json::to_vec(fault).unwrap_or_default())
}

fn respond(status: StatusCode, mut text: Vec<u8>) -> Response {
    text.push(b'\n');
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// The fault of somebody who has no role at all.
pub(crate) fn no_role(actor: &Actor) -> Fault {
    let uid = actor.uid;
    Fault::forbidden(format_args!(
        "user {uid} of this machine has no role here: give it one in a [[control]] of the policy"
    ))
}

fn wrong_role(route: &Route, actor: &Actor) -> Fault {
    let (needed, has) = (route.roles, actor.roles);
    Fault::forbidden(format_args!("this takes one of the roles {needed}; you have {has}"))
}

fn no_route() -> Fault {
    Fault::missing("no-such-route", format_args!("there is no such route: see {OPENAPI}"))
}

fn no_method() -> Fault {
    Fault::new(405, "no-such-method", format_args!("not by this method: see {OPENAPI}"))
}

fn too_large() -> Fault {
    Fault::new(413, "too-large", format_args!("a body is at most {BODY} bytes, and must be whole"))
}

fn too_long() -> Fault {
    let seconds = REQUEST.as_secs();
    Fault::new(503, "timeout", format_args!("no answer in {seconds} s; it may yet be done"))
}
