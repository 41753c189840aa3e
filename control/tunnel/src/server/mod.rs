//! The gate's end: a thread of its own that takes connections, has people proven, and moves packets.
//!
//! ```text
//!   UDP socket --QUIC--> connection task --packets--> queue pair of a worker
//!   TCP socket --TLS-->       |    ^
//!                    Host::log_in  | Command: tell, end
//!                             v    |
//!                           control thread
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `directory` | which tunnels there are |
//! | `connection` | one connection, from its handshake to its end |
//! | `listener` | connections over TCP |
//! | `packets` | packets, both ways |
//!
//! Invariant: nothing here is waited for by a worker or by control. What has no room is dropped and counted.

mod connection;
mod directory;
mod listener;
mod packets;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use quinn::{Endpoint, EndpointConfig, Incoming, TokioRuntime, VarInt};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use wicketgate_ports::tunnel::QueuePair;

use crate::dialog::Question;
use crate::end::{Code, End};
use crate::message::{Admitted, Credentials, Refused, ToUser};
use crate::tls::{self, Gate};
use crate::transport;
use directory::{Counters, Directory};
pub use listener::listen;

/// Connections that may be in their handshake or prove somebody, beyond the tunnels there are.
pub const PENDING: usize = 256;

/// Of those, connections from one address: people behind one router, but no flood.
pub const PENDING_OF_ONE: usize = 32;

/// How long somebody has to log in, from the first frame on.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Proofs under way at a time: the rest wait in line for the one thread that has the store.
const PROOFS: usize = 8;

/// Between two questions of one tunnel, so that no user keeps control from others.
const PACE: Duration = Duration::from_millis(250);

/// Commands of control that wait at most; what finds no room is refused to control.
const COMMANDS: usize = 1024;

/// How long connections have to hear that the gate stops.
const FAREWELL: Duration = Duration::from_millis(200);

/// Between two signs of life of the thread.
const BEAT: Duration = Duration::from_millis(500);

/// Size of the socket's buffers, in bytes. With the usual 208 KiB a burst is lost.
const SOCKET: usize = 8 << 20;

/// What the thread needs of the gate.
pub trait Host: Send + Sync + 'static {
    /// Has somebody proven, and gives the tunnel its address. `certificate` is the user's in DER, where one was
    /// shown and TLS has checked chain and possession.
    fn log_in(
        &self,
        tunnel: u32,
        peer: SocketAddr,
        shown: Credentials,
        certificate: Option<Vec<u8>>,
    ) -> impl Future<Output = Result<Admitted, Refused>> + Send;

    /// Answers what the user of a tunnel asks, whose login is known by that alone. `None` where the answer is
    /// told by [`Command::Tell`], as whatever changes later.
    fn ask(
        &self,
        tunnel: u32,
        peer: SocketAddr,
        question: Question,
    ) -> impl Future<Output = Option<ToUser>> + Send;

    /// A tunnel that was admitted has ended.
    fn ended(&self, tunnel: u32, end: &End) -> impl Future<Output = ()> + Send;

    /// Packets came out of a tunnel that are not its own: so many since it was last told.
    fn spoofed(
        &self,
        tunnel: u32,
        source: Ipv4Addr,
        packets: u64,
    ) -> impl Future<Output = ()> + Send;
}

/// What control has done.
#[derive(Debug)]
pub enum Command {
    /// Says something to a user.
    Tell(u32, ToUser),
    /// Ends a tunnel.
    End(u32, End),
    /// Shows another certificate, and asks for those of other authorities, from now on.
    Gate(Box<Gate>),
    /// Ends all tunnels, and the thread.
    Stop,
}

/// How many tunnels, and what they carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tunnels at a time.
    pub tunnels: u16,
    /// Longest inner packet, in bytes.
    pub mtu: u16,
}

/// Control's end.
#[derive(Clone, Debug)]
pub struct Remote {
    commands: Sender<Command>,
    counters: Arc<Counters>,
    beats: Arc<AtomicU64>,
    pairs: Vec<Arc<QueuePair>>,
}

/// Packets of all tunnels that were lost since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// From an address that is not the tunnel's.
    pub spoofed: u64,
    /// No packets, or too long ones.
    pub unfit: u64,
    /// On their way to a user who takes them too slowly: the oldest.
    pub overtaken: u64,
    /// On their way into the gate, to rings that were full.
    pub inbound: u64,
    /// On their way out of it, likewise.
    pub outbound: u64,
}

impl Remote {
    /// Has something done; false where too much waits, or the thread has ended.
    pub fn send(&self, command: Command) -> bool {
        self.commands.try_send(command).is_ok()
    }

    /// How often the thread has shown that it lives: about twice a second, while it does.
    pub fn beats(&self) -> u64 {
        self.beats.load(Relaxed)
    }

    /// What was lost so far.
    pub fn lost(&self) -> Lost {
        let Counters { spoofed, unfit, overtaken } = &*self.counters;
        let dropped = self.pairs.iter().map(|pair| pair.dropped());
        let (inbound, outbound) =
            dropped.fold((0, 0), |sum, one| (sum.0 + one.inbound, sum.1 + one.outbound));
        let [spoofed, unfit, overtaken] = [spoofed, unfit, overtaken].map(|n| n.load(Relaxed));
        Lost { spoofed, unfit, overtaken, inbound, outbound }
    }
}

/// A server that nobody is served by yet.
pub struct Server<H> {
    runtime: Runtime,
    entrances: Entrances,
    commands: Receiver<Command>,
    beats: Arc<AtomicU64>,
    shared: Arc<Shared<H>>,
}

/// Where connections come in.
struct Entrances {
    quic: Endpoint,
    tcp: Option<tokio::net::TcpListener>,
    /// What whoever comes by TCP is shown.
    tls: watch::Sender<TlsAcceptor>,
    /// Connections over TCP that there may be.
    places: Arc<Semaphore>,
    /// As many as there are.
    most: u32,
}

/// What all tasks share.
pub(crate) struct Shared<H> {
    pub(crate) host: H,
    pub(crate) directory: Directory,
    /// One for each worker.
    pub(crate) pairs: Vec<Arc<QueuePair>>,
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<Counters>,
    pub(crate) proofs: Semaphore,
}

/// Why there is no server.
#[derive(Debug)]
pub enum Fault {
    /// The socket.
    Socket(io::Error),
    /// The certificate.
    Tls(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Socket(error) => write!(f, "its socket: {error}"),
            Fault::Tls(what) => write!(f, "its certificate: {what}"),
        }
    }
}

impl std::error::Error for Fault {}

impl<H: Host> Server<H> {
    /// Opens the UDP socket and prepares everything that takes privileges. `tcp` is where connections come in
    /// that cannot by UDP, from [`listen`].
    ///
    /// # Errors
    /// [`Fault`].
    pub fn open(
        listen: SocketAddr,
        tcp: Option<TcpListener>,
        gate: Gate,
        limits: Limits,
        pairs: Vec<Arc<QueuePair>>,
        host: H,
    ) -> Result<(Server<H>, Remote), Fault> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Fault::Socket)?;
        let entrances = {
            let _here = runtime.enter();
            Entrances::open(listen, tcp, gate, limits)?
        };
        let (sender, commands) = channel(COMMANDS);
        let proofs = Semaphore::new(PROOFS);
        let directory = Directory::new(limits.tunnels);
        let counters = Arc::<Counters>::default();
        let beats = Arc::<AtomicU64>::default();
        let remote = Remote {
            commands: sender,
            counters: counters.clone(),
            beats: beats.clone(),
            pairs: pairs.clone(),
        };
        let shared = Arc::new(Shared { host, directory, pairs, limits, counters, proofs });
        Ok((Server { runtime, entrances, commands, beats, shared }, remote))
    }

    /// Where it listens for QUIC.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.entrances.quic.local_addr()
    }

    /// Serves on this thread, until it is told to stop.
    ///
    /// # Errors
    /// A doorbell could not be listened to, or what takes packets to users has ended.
    pub fn run(self) -> io::Result<()> {
        let Server { runtime, entrances, commands, beats, shared } = self;
        runtime.block_on(serve(entrances, commands, &beats, shared))
    }
}

impl Entrances {
    fn open(
        listen: SocketAddr,
        tcp: Option<TcpListener>,
        gate: Gate,
        limits: Limits,
    ) -> Result<Entrances, Fault> {
        let (config, acceptor) = faces(gate)?;
        let socket = UdpSocket::bind(listen).map_err(Fault::Socket)?;
        enlarge(&socket);
        let settings = EndpointConfig::default();
        let quic = Endpoint::new(settings, Some(config), socket, Arc::new(TokioRuntime));
        let tcp = tcp.map(tokio::net::TcpListener::from_std).transpose().map_err(Fault::Socket)?;
        let places = listener::places(limits);
        Ok(Entrances {
            quic: quic.map_err(Fault::Socket)?,
            tcp,
            tls: watch::Sender::new(acceptor),
            places: Arc::new(Semaphore::new(places)),
            most: u32::try_from(places).unwrap_or(u32::MAX),
        })
    }

    /// Shows another certificate from now on. It was tried before it was sent here.
    fn show(&self, gate: Gate) {
        if let Ok((config, acceptor)) = faces(gate) {
            self.quic.set_server_config(Some(config));
            self.tls.send_replace(acceptor);
        }
    }

    /// Ends all connections, and waits a little until they have heard it.
    async fn close<H>(self, shared: &Shared<H>) {
        let end = End::new(Code::Stopping, "the gate stops");
        shared.directory.end_all(&end);
        self.quic.close(VarInt::from_u32(end.code.number()), end.why.as_bytes());
        let gone = async {
            self.quic.wait_idle().await;
            let _ = self.places.acquire_many(self.most).await;
        };
        let _ = tokio::time::timeout(FAREWELL, gone).await;
    }
}

/// What is shown of the gate to whoever comes, by QUIC and by TCP.
fn faces(gate: Gate) -> Result<(quinn::ServerConfig, TlsAcceptor), Fault> {
    let fault = |error: &dyn fmt::Display| Fault::Tls(error.to_string());
    let tls = Arc::new(tls::server(gate).map_err(|error| fault(&error))?);
    let quic = transport::server(tls.clone()).map_err(|error| fault(&error))?;
    Ok((quic, TlsAcceptor::from(tls)))
}

/// As large as the kernel lets it be; a smaller one loses bursts, and the tunnel still works.
pub(crate) fn enlarge(socket: &UdpSocket) {
    use rustix::net::sockopt;
    let _ = sockopt::set_socket_recv_buffer_size_force(socket, SOCKET)
        .or_else(|_| sockopt::set_socket_recv_buffer_size(socket, SOCKET));
    let _ = sockopt::set_socket_send_buffer_size_force(socket, SOCKET)
        .or_else(|_| sockopt::set_socket_send_buffer_size(socket, SOCKET));
}

async fn serve<H: Host>(
    mut entrances: Entrances,
    mut commands: Receiver<Command>,
    beats: &AtomicU64,
    shared: Arc<Shared<H>>,
) -> io::Result<()> {
    // What none of these may survive, the thread does not either.
    let mut tasks = JoinSet::new();
    for pair in &shared.pairs {
        tasks.spawn(packets::deliver(pair.clone(), shared.clone())?);
    }
    if let Some(tcp) = entrances.tcp.take() {
        let (tls, places) = (entrances.tls.subscribe(), entrances.places.clone());
        tasks.spawn(listener::accept(tcp, tls, places, shared.clone()));
    }
    let mut beat = tokio::time::interval(BEAT);
    let outcome = loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Stop) | None => break Ok(()),
                Some(command) => obey(&entrances, &shared, command),
            },
            incoming = entrances.quic.accept() => match incoming {
                Some(incoming) => greet(incoming, &shared),
                None => break Ok(()),
            },
            Some(_) = tasks.join_next() => break Err(io::Error::other("a task of it has ended")),
            _ = beat.tick() => drop(beats.fetch_add(1, Relaxed)),
        }
    };
    tasks.abort_all();
    entrances.close(&shared).await;
    outcome
}

fn obey<H: Host>(entrances: &Entrances, shared: &Shared<H>, command: Command) {
    match command {
        Command::Tell(tunnel, what) => shared.directory.tell(tunnel, what),
        Command::End(tunnel, end) => shared.directory.end(tunnel, &end),
        Command::Gate(gate) => entrances.show(*gate),
        Command::Stop => {}
    }
}

/// Lets a connection begin: from an address that has shown that it hears (RFC 9000 section 8.1.2), and not
/// too many.
fn greet<H: Host>(incoming: Incoming, shared: &Arc<Shared<H>>) {
    let from = incoming.remote_address();
    if !incoming.remote_address_validated() {
        // It fails only where it was validated.
        let _ = incoming.retry();
        return;
    }
    let Some(seat) = shared.directory.begin(from.ip()) else { return incoming.refuse() };
    let number = seat.number;
    watch_over(number, connection::serve_quic(incoming, seat, shared.clone()), shared.clone());
}

/// Serves a connection in a task of its own. Where that breaks, its login ends as with a connection that is lost.
fn watch_over<H: Host>(
    number: u32,
    serve: impl Future<Output = ()> + Send + 'static,
    shared: Arc<Shared<H>>,
) {
    let task = tokio::spawn(serve);
    tokio::spawn(async move {
        if task.await.is_err() {
            let end = End::new(Code::Over, "a fault of the gate");
            shared.directory.end(number, &end);
            shared.directory.remove(number);
            shared.host.ended(number, &end).await;
        }
    });
}
