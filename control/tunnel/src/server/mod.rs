//! The gate's end: a thread of its own that takes connections, has people proven, and moves packets.
//!
//! ```text
//!   UDP socket --QUIC--> connection task --packets--> queue pair of a worker
//!                             |    ^
//!                    Host::log_in  | Command: tell, end
//!                             v    |
//!                           control thread
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `directory` | which tunnels there are |
//! | `connection` | one connection, from its handshake to its end |
//! | `packets` | packets, both ways |
//!
//! Invariant: nothing here is waited for by a worker or by control. What has no room is dropped and counted.

mod connection;
mod directory;
mod packets;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use quinn::{Endpoint, EndpointConfig, Incoming, TokioRuntime, VarInt};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use wicketgate_ports::tunnel::QueuePair;

use crate::end::{Code, End};
use crate::message::{Admitted, Credentials, Refused, ToUser};
use crate::tls::{self, Gate};
use crate::transport;
use directory::{Counters, Directory};

/// Connections that may be in their handshake or prove somebody, beyond the tunnels there are.
pub const PENDING: usize = 256;

/// Of those, connections from one address: people behind one router, but no flood.
pub const PENDING_OF_ONE: usize = 32;

/// How long somebody has to log in, from the first frame on.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Proofs under way at a time: the rest wait in line for the one thread that has the store.
const PROOFS: usize = 8;

/// Commands of control that wait at most; what finds no room is refused to control.
const COMMANDS: usize = 1024;

/// How long connections have to hear that the gate stops.
const FAREWELL: Duration = Duration::from_millis(200);

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
    endpoint: Endpoint,
    commands: Receiver<Command>,
    shared: Arc<Shared<H>>,
}

/// What all tasks share.
pub(crate) struct Shared<H> {
    pub(crate) host: H,
    pub(crate) directory: Directory,
    /// One for each worker.
    pub(crate) pairs: Vec<Arc<QueuePair>>,
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<Counters>,
    pub(crate) proofs: tokio::sync::Semaphore,
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
    /// Opens the socket and prepares everything that takes privileges.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn open(
        listen: SocketAddr,
        gate: Gate,
        limits: Limits,
        pairs: Vec<Arc<QueuePair>>,
        host: H,
    ) -> Result<(Server<H>, Remote), Fault> {
        let config = config(gate)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Fault::Socket)?;
        let socket = UdpSocket::bind(listen).map_err(Fault::Socket)?;
        enlarge(&socket);
        let endpoint = {
            let _here = runtime.enter();
            let settings = EndpointConfig::default();
            Endpoint::new(settings, Some(config), socket, Arc::new(TokioRuntime))
        };
        let endpoint = endpoint.map_err(Fault::Socket)?;
        let (sender, commands) = channel(COMMANDS);
        let proofs = tokio::sync::Semaphore::new(PROOFS);
        let directory = Directory::new(limits.tunnels);
        let counters = Arc::<Counters>::default();
        let remote = Remote { commands: sender, counters: counters.clone(), pairs: pairs.clone() };
        let shared = Arc::new(Shared { host, directory, pairs, limits, counters, proofs });
        Ok((Server { runtime, endpoint, commands, shared }, remote))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// Serves on this thread, until it is told to stop.
    ///
    /// # Errors
    /// A doorbell could not be listened to.
    pub fn run(self) -> io::Result<()> {
        let Server { runtime, endpoint, commands, shared } = self;
        runtime.block_on(serve(endpoint, commands, shared))
    }
}

fn config(gate: Gate) -> Result<quinn::ServerConfig, Fault> {
    let tls = tls::server(gate).map_err(|error| Fault::Tls(error.to_string()))?;
    transport::server(tls).map_err(|error| Fault::Tls(error.to_string()))
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
    endpoint: Endpoint,
    mut commands: Receiver<Command>,
    shared: Arc<Shared<H>>,
) -> io::Result<()> {
    for pair in &shared.pairs {
        let task = packets::deliver(pair.clone(), shared.clone())?;
        tokio::spawn(task);
    }
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Stop) | None => break,
                Some(command) => obey(&endpoint, &shared, command),
            },
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => greet(incoming, &shared),
                None => break,
            },
        }
    }
    let code = VarInt::from_u32(Code::Stopping.number());
    endpoint.close(code, b"the gate stops");
    let _ = tokio::time::timeout(FAREWELL, endpoint.wait_idle()).await;
    Ok(())
}

fn obey<H: Host>(endpoint: &Endpoint, shared: &Shared<H>, command: Command) {
    match command {
        Command::Tell(tunnel, what) => shared.directory.tell(tunnel, what),
        Command::End(tunnel, end) => shared.directory.end(tunnel, &end),
        Command::Gate(gate) => {
            // It was tried before it was sent here.
            if let Ok(config) = config(*gate) {
                endpoint.set_server_config(Some(config));
            }
        }
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
    tokio::spawn(connection::serve(incoming, seat, shared.clone()));
}
