//! Connections: who they are, how many at a time, for how long (docs/CONTROL.md, Limits).
//!
//! One request a connection: a client that is done holds nothing, and one that is not has a deadline.

use std::io;
use std::net::TcpListener as StdTcpListener;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::desk::Desk;
use crate::model::{Actor, Fault};
use crate::peers::Admission;
use crate::refusals::Refusals;
use crate::router::{no_role, router};
use crate::scrape;

/// Clients that are served at once.
pub const CLIENTS: usize = 16;

/// Clients that are known at once: served, waiting to be, being refused. Others wait in the kernel.
pub const LOBBY: usize = 128;

/// Bytes of a request's head at most.
pub const HEAD: usize = 16 * 1024;

/// How long a client waits for its turn before it is told to come again.
const TURN: Duration = Duration::from_millis(500);

/// How long a request's head may take.
const HEAD_TIME: Duration = Duration::from_secs(5);

/// How long a connection may last: head, request, and the reading of the answer.
const CONNECTION: Duration = Duration::from_secs(20);

/// How long a refused client has to take its answer.
const FAREWELL: Duration = Duration::from_secs(1);

/// What is read of a refused client at most, so that it sees the answer before the end.
const HEARD: usize = 64 * 1024;

/// After the kernel could not give a connection: it lacks descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// A server that is ready to run.
#[derive(Debug)]
pub struct Server {
    runtime: Runtime,
    listener: UnixListener,
    door: Door,
    /// Where figures are told by TCP, and at which desk they are asked.
    figures: Option<(TcpListener, Desk)>,
}

/// Who is let in to what.
#[derive(Clone, Debug)]
struct Door {
    router: Router,
    refusals: Refusals,
    admission: Admission,
    places: Arc<Semaphore>,
}

impl Server {
    /// Makes all that needs the kernel's leave, so that a sandbox can be entered before it runs; `figures` is where
    /// metrics are told by TCP.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(
        listener: StdListener,
        figures: Option<StdTcpListener>,
        desk: Desk,
        admission: Admission,
    ) -> io::Result<Server> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        listener.set_nonblocking(true)?;
        let inside = runtime.enter();
        let listener = UnixListener::from_std(listener)?;
        let figures = figures.map(scrape::adopt).transpose()?;
        drop(inside);
        let figures = figures.map(|listener| (listener, desk.clone()));
        let places = Arc::new(Semaphore::new(CLIENTS));
        let refusals = desk.refusals.clone();
        let door = Door { router: router(desk), refusals, admission, places };
        Ok(Server { runtime, listener, door, figures })
    }

    /// Serves for ever.
    pub fn run(self) {
        let Server { runtime, listener, door, figures } = self;
        if let Some((listener, desk)) = figures {
            drop(runtime.spawn(scrape::serve(listener, desk)));
        }
        runtime.block_on(serve(listener, door));
    }
}

async fn serve(listener: UnixListener, door: Door) {
    let lobby = Arc::new(Semaphore::new(LOBBY));
    loop {
        let Ok(seat) = lobby.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(door.clone().receive(stream, seat))),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

impl Door {
    /// Serves one client, or tells it why not. Its seat in the lobby is free after that.
    async fn receive(self, stream: UnixStream, _seat: OwnedSemaphorePermit) {
        let Some(actor) = self.actor(&stream) else { return };
        if actor.roles.each().next().is_none() {
            return self.turn_away(stream, &actor, &no_role(&actor)).await;
        }
        match timeout(TURN, self.places.acquire()).await {
            Ok(Ok(_place)) => converse(stream, actor, self.router.clone()).await,
            _ => {
                let fault = Fault::unavailable("too many clients: come again");
                self.turn_away(stream, &actor, &fault).await;
            }
        }
    }

    async fn turn_away(&self, stream: UnixStream, actor: &Actor, fault: &Fault) {
        self.refusals.note(actor, None, fault);
        turn_away(stream, fault).await;
    }

    /// Who it is, as the kernel says; `None` where it cannot say.
    fn actor(&self, stream: &UnixStream) -> Option<Actor> {
        let credentials = stream.peer_cred().ok()?;
        let (uid, pid) = (credentials.uid(), credentials.pid().unwrap_or(0));
        let peer = self.admission.find(uid);
        Some(Actor { uid, pid, roles: peer.roles, name: peer.name })
    }
}

/// One request and its answer. What goes wrong on the way is the client's to notice.
async fn converse(stream: UnixStream, actor: Actor, router: Router) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(actor.clone());
        router.call(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let _ = timeout(CONNECTION, connection).await;
}

/// Answers without having read what is asked.
async fn turn_away(mut stream: UnixStream, fault: &Fault) {
    let _ = timeout(FAREWELL, async {
        stream.write_all(&plain(fault)).await?;
        stream.shutdown().await?;
        let mut heard = [0; 1024];
        for _ in 0..HEARD / heard.len() {
            if stream.read(&mut heard).await? == 0 {
                break;
            }
        }
        io::Result::Ok(())
    })
    .await;
}

/// A whole response (RFC 9112).
fn plain(fault: &Fault) -> Vec<u8> {
    let status = fault.status;
    let reason = if status == 403 { "Forbidden" } else { "Service Unavailable" };
    let body = serde_json::to_string(fault).unwrap_or_default();
    let length = body.len() + 1;
    format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}\n"
    )
    .into_bytes()
}
