//! `GET /metrics` by TCP, for whoever collects figures (`[metrics]` in the policy file).
//!
//! Nobody is asked who they are: nothing but figures is told, nothing can be changed, and the address is a
//! loopback one unless the policy says otherwise. Bounded in clients, time and work.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use crate::desk::Desk;
use crate::exposition::CONTENT_TYPE;
use crate::metrics;
use crate::model::{Actor, Fault, Request, Roles};
use crate::reply::Reply;
use crate::router::refuse;

/// Clients at once; others wait in the kernel.
pub const CLIENTS: usize = 8;

/// Where the figures are.
const PATH: &str = "/metrics";

/// Bytes of a request's head at most; hyper takes no less.
const HEAD: usize = 8 * 1024;

/// How long a request's head may take.
const HEAD_TIME: Duration = Duration::from_secs(5);

/// How long a connection may last.
const CONNECTION: Duration = Duration::from_secs(10);

/// For so long a page is told again, rather than workers asked anew.
const FRESH: Duration = Duration::from_secs(1);

/// After the kernel could not give a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// The last page, and when it was written.
type Latest = Arc<Mutex<Option<(Instant, String)>>>;

/// Serves for ever.
pub(crate) async fn serve(listener: TcpListener, desk: Desk) {
    let places = Arc::new(Semaphore::new(CLIENTS));
    let router = router(desk);
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let served = converse(stream, router.clone());
                drop(tokio::spawn(async move {
                    served.await;
                    drop(place);
                }));
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// A listener of the runtime that this is called in.
pub(crate) fn adopt(listener: StdListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// The one route.
pub(crate) fn router(desk: Desk) -> Router {
    let missing = || Fault::missing("no-such-route", format_args!("figures are at {PATH}"));
    Router::new()
        .route(PATH, routing::get(tell))
        .fallback(async move || refuse(&missing()))
        .with_state((desk, Latest::default()))
}

async fn tell(State((desk, latest)): State<(Desk, Latest)>) -> Response {
    // Held while control is asked: who comes meanwhile gets the same page.
    let mut latest = latest.lock().await;
    if let Some((written, page)) = &*latest
        && written.elapsed() < FRESH
    {
        return text(page.clone());
    }
    match ask(&desk).await {
        Ok(page) => {
            *latest = Some((Instant::now(), page.clone()));
            text(page)
        }
        Err(fault) => refuse(&fault),
    }
}

async fn ask(desk: &Desk) -> Result<String, Fault> {
    let actor = Actor { uid: u32::MAX, pid: 0, roles: Roles::NONE, name: Some("metrics".into()) };
    match desk.ask(actor, Request::Stats).await? {
        Reply::Stats(stats) => Ok(metrics::page(&stats)),
        _ => Err(Fault::unavailable("control gave another answer")),
    }
}

/// The page as HTTP.
pub(crate) fn text(page: String) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response()
}

/// One request and its answer. What goes wrong on the way is the client's to notice.
async fn converse(stream: TcpStream, router: Router) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        hyper::service::Service::call(&router, request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let _ = timeout(CONNECTION, connection).await;
}
