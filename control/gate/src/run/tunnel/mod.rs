//! Tunnels of people, as control has them: where the gate listens, which addresses are free, who is told what.
//!
//! ```text
//!   tunnel thread --Desk--> control        a login, a step-up, a request, an end, a spoofed address
//!        ^   ^
//!        |   '---Remote---- control        an end, a denial or a grant to tell
//!        '-------rings----- workers        packets (wicketgate_ports::tunnel)
//! ```

mod host;
mod news;
mod notices;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wicketgate_policy::{Policy, Prefix, Tunnel};
use wicketgate_ports::TunnelPort;
use wicketgate_ports::tunnel::QueuePair;
use wicketgate_tunnel::authority;
use wicketgate_tunnel::end::{Code, End};
use wicketgate_tunnel::message::{Denied, Grant, ToUser};
use wicketgate_tunnel::server::{self, Command, Limits, Lost, Remote, Server};
use wicketgate_tunnel::tls::{Fingerprint, Gate};
use wicketgate_xdp::XdpPort;

use super::clock;
use super::data::WorkerPort;
use super::pulse::Pulse;
use crate::api::desk::Desk;
use crate::exit::complain;
use crate::words;
use host::GateHost;
use news::News;
use notices::Notices;

/// The thread's name.
const THREAD: &str = "tunnel";

/// Looks of control's in a row, one a second, that find no sign of life before the thread is said to stand still;
/// it gives two a second.
const SILENT: u32 = 5;

/// How long it has to end when the gate does, and how often it is looked at in that time.
const PATIENCE: Duration = Duration::from_secs(1);
const TRIES: u32 = 100;

/// Control's side of all tunnels.
pub(super) struct Tunnels {
    remote: Remote,
    /// Addresses that nobody has; what was free longest is given first, so that no address is soon another's.
    free: VecDeque<Ipv4Addr>,
    overlay: Prefix,
    notices: Notices,
    news: News,
    thread: Option<JoinHandle<()>>,
    pulse: Pulse,
}

/// A listener that nobody is served at yet, and the ports of workers.
pub(super) struct Opened<'u> {
    pub(super) ports: Vec<WorkerPort<'u>>,
    pub(super) listener: Option<Listener>,
}

/// A server that has its socket, and what control needs of it.
pub(super) struct Listener {
    server: Server<GateHost>,
    tunnels: Tunnels,
    address: SocketAddr,
    /// Where it listens for TLS over TCP.
    tcp: Option<SocketAddr>,
    fingerprint: Option<Fingerprint>,
}

/// Opens what the policy asks for, and joins the workers' sockets with their packets. Where it cannot be
/// opened the gate runs without, for machines, and says so.
pub(super) fn open<'u>(ports: Vec<XdpPort<'u>>, policy: &Policy, desk: &Desk) -> Opened<'u> {
    let without = |ports: Vec<XdpPort<'u>>| Opened {
        ports: ports.into_iter().map(TunnelPort::without).collect(),
        listener: None,
    };
    let Some((tunnel, id)) = policy.tunnel().zip(policy.tunnel_port()) else {
        return without(ports);
    };
    let pairs: std::io::Result<Vec<Arc<QueuePair>>> =
        ports.iter().map(|_| QueuePair::new(tunnel.most).map(Arc::new)).collect();
    let pairs = pairs.map_err(|error| format!("no doorbells: {error}"));
    let listener = pairs.and_then(|pairs| {
        let listener = Listener::open(policy, tunnel, pairs.clone(), desk)?;
        Ok((pairs, listener))
    });
    match listener {
        Ok((pairs, listener)) => {
            let with = |(port, pair)| TunnelPort::with(port, id, pair, clock::now);
            let ports = ports.into_iter().zip(pairs).map(with).collect();
            Opened { ports, listener: Some(listener) }
        }
        Err(what) => {
            complain(format_args!(
                "ALARM: [tunnel]: {what}; nobody can come by a tunnel until the gate starts again"
            ));
            without(ports)
        }
    }
}

/// The certificate that the policy names, or one of the gate's own authority; and whose of users are taken.
fn gate(policy: &Policy, tunnel: &Tunnel) -> Result<Gate, String> {
    let identity = match (&tunnel.certificate, policy.gate().state_dir()) {
        (Some((certificate, key)), _) => authority::from_files(certificate, key),
        (None, Some(folder)) => authority::own(folder),
        (None, None) => return Err("there is no state_dir for the gate's own authority".to_owned()),
    };
    let identity = identity.map_err(|fault| fault.to_string())?;
    let clients = tunnel.clients.as_deref().map(authority::certificates).transpose();
    let clients = clients.map_err(|fault| fault.to_string())?.unwrap_or_default();
    Ok(Gate { identity, clients })
}

/// Files that are read again while the gate runs.
pub(super) fn files(policy: &Policy) -> Vec<PathBuf> {
    let Some(tunnel) = policy.tunnel() else { return Vec::new() };
    let own = tunnel.certificate.clone().map(|(certificate, key)| [certificate, key]);
    own.into_iter().flatten().chain(tunnel.clients.clone()).collect()
}

/// Without TCP most networks still let people in.
fn listen_tcp(address: SocketAddr) -> Option<TcpListener> {
    match server::listen(address) {
        Ok(listener) => Some(listener),
        Err(error) => {
            complain(format_args!(
                "ALARM: [tunnel]: listening at {address} for TCP: {error}; from a network without UDP nobody can \
                 come by a tunnel until the gate starts again"
            ));
            None
        }
    }
}

impl Listener {
    fn open(
        policy: &Policy,
        tunnel: &Tunnel,
        pairs: Vec<Arc<QueuePair>>,
        desk: &Desk,
    ) -> Result<Listener, String> {
        let gate = gate(policy, tunnel)?;
        let fingerprint = gate.identity.fingerprint();
        let limits = Limits { tunnels: tunnel.most, mtu: tunnel.mtu };
        let host = GateHost::new(desk.clone());
        let tcp = tunnel.listen_tcp().and_then(listen_tcp);
        let tcp_address = tcp.as_ref().and_then(|tcp| tcp.local_addr().ok());
        let opened = Server::open(tunnel.listen, tcp, gate, limits, pairs, host);
        let at = |fault: &dyn std::fmt::Display| format!("listening at {}: {fault}", tunnel.listen);
        let (server, remote) = opened.map_err(|fault| at(&fault))?;
        let address = server.address().map_err(|error| at(&error))?;
        let tunnels = Tunnels {
            remote,
            free: tunnel.hosts().collect(),
            overlay: policy.gate().overlay,
            notices: Notices::default(),
            news: News::default(),
            thread: None,
            pulse: Pulse::of(1, SILENT),
        };
        Ok(Listener { server, tunnels, address, tcp: tcp_address, fingerprint })
    }

    /// Serves on a thread of its own.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn serve(self) -> Result<Tunnels, String> {
        let Listener { server, mut tunnels, address, tcp, fingerprint } = self;
        let tcp = tcp.map(|tcp| format!(", {tcp}/tcp")).unwrap_or_default();
        complain(format_args!("tunnels: {address}/udp{tcp}"));
        complain(format_args!("cryptography of tunnels: {}", words::cryptography()));
        if let Some(print) = fingerprint {
            complain(format_args!("fingerprint of the gate's certificate: {print}"));
        }
        let serve = move || {
            if let Err(error) = server.run() {
                complain(format_args!("the tunnel thread has ended: {error}"));
            }
        };
        let thread = thread::Builder::new().name(THREAD.to_owned()).spawn(serve);
        tunnels.thread = Some(thread.map_err(|error| format!("no thread for tunnels: {error}"))?);
        Ok(tunnels)
    }
}

impl Tunnels {
    /// An address for a login; `None` where all are in use.
    pub(super) fn take_address(&mut self) -> Option<Ipv4Addr> {
        self.free.pop_front()
    }

    /// Takes an address back.
    pub(super) fn give_back(&mut self, address: Ipv4Addr) {
        self.free.push_back(address);
    }

    /// The overlay: the one network that a user's machine sends into the tunnel.
    pub(super) fn overlay(&self) -> (Ipv4Addr, u8) {
        (self.overlay.network(), self.overlay.length)
    }

    /// Ends a tunnel, because its login is over.
    pub(super) fn end(&mut self, tunnel: u32, why: &str) {
        self.notices.forget(tunnel);
        let news = self.news.take_of(tunnel);
        self.tell(news);
        self.order(Command::End(tunnel, End::new(Code::Over, why)));
    }

    /// Whether a user is to be told of this now, which is not more than can be read; then it is taken as told.
    pub(super) fn is_news(&mut self, tunnel: u32, denied: &Denied) -> bool {
        self.notices.is_news(tunnel, denied, clock::since_boot())
    }

    /// Tells a user what was refused.
    pub(super) fn tell_denied(&self, tunnel: u32, denied: Denied) {
        self.order(Command::Tell(tunnel, ToUser::Denied(denied)));
    }

    /// How what a user has asked for stands: they are told once tables are made of it.
    pub(super) fn note_grant(&mut self, tunnel: u32, grant: Grant) {
        self.news.add(tunnel, grant);
    }

    /// Tells users how what they asked for stands.
    pub(super) fn tell_news(&mut self) {
        let news = self.news.take();
        self.tell(news);
    }

    fn tell(&self, news: Vec<(u32, Grant)>) {
        for (tunnel, grant) in news {
            self.order(Command::Tell(tunnel, ToUser::Grant(grant)));
        }
    }

    /// Shows the certificate as it is now to whoever connects from now on.
    ///
    /// # Errors
    /// It cannot be read, or does not fit its key; the one before stays.
    pub(super) fn renew(&self, policy: &Policy) -> Result<(), String> {
        let Some(tunnel) = policy.tunnel() else { return Ok(()) };
        if tunnel.certificate.is_none() {
            return Ok(());
        }
        let try_it = || {
            let tried = gate(policy, tunnel)?;
            wicketgate_tunnel::tls::server(tried).map_err(|error| error.to_string())?;
            gate(policy, tunnel)
        };
        let gate = try_it().map_err(|what| format!("[tunnel]: {what}"))?;
        self.order(Command::Gate(Box::new(gate)));
        Ok(())
    }

    /// Packets that were lost since the start.
    pub(super) fn lost(&self) -> Lost {
        self.remote.lost()
    }

    /// Whether the thread has ended by itself, or stands still.
    pub(super) fn is_dead(&mut self) -> bool {
        let stands_still = self.pulse.look([self.remote.beats()].into_iter()).is_some();
        stands_still || self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Ends all tunnels and the thread.
    pub(super) fn stop(mut self) {
        self.order(Command::Stop);
        let Lost { spoofed, unfit, overtaken, inbound, outbound } = self.lost();
        if spoofed + unfit + overtaken + inbound + outbound > 0 {
            complain(format_args!(
                "packets of tunnels lost: {spoofed} spoofed, {unfit} unfit, {overtaken} for slow users, \
                 {inbound} and {outbound} to full rings, in and out"
            ));
        }
        let ends = |thread: &JoinHandle<()>| {
            (0..TRIES).any(|_| {
                thread.is_finished() || {
                    thread::sleep(PATIENCE / TRIES);
                    false
                }
            })
        };
        if let Some(thread) = self.thread.take_if(|thread| ends(thread)) {
            // A thread that panicked has said so. One that stands still goes with the process.
            let _ = thread.join();
        }
    }

    fn order(&self, command: Command) {
        if !self.remote.send(command) {
            complain("the tunnel thread does not keep up: a word to it is lost");
        }
    }
}
