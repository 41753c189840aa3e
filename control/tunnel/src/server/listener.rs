//! Connections over TCP: where they come in, and how many.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::{Host, Limits, PENDING, Shared, connection, watch_over};
use crate::transport::IDLE;

/// Files that the gate opens beside these connections: each of them is one, and a flood of them must not take
/// the one that a reload or the control socket needs.
const OTHER_FILES: u64 = 256;

/// Bytes that wait in the kernel for one user, beyond those that the tunnel keeps: it doubles what it is told.
/// Without a bound it would hold megabytes, and a packet be seconds old before it can be dropped.
const WAITING: usize = 128 * 1024;

/// After a fault of accept(2), such as no file left.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens. Connections have the socket's own settings from here: what makes them is fenced by then.
///
/// # Errors
/// The address is in use or not this machine's, or the port takes a privilege.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    sockopt::set_tcp_nodelay(&listener, true)?;
    sockopt::set_socket_send_buffer_size(&listener, WAITING)?;
    // Segments that nobody acknowledges (RFC 9293 section 3.8.3).
    let idle = u32::try_from(IDLE.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_tcp_user_timeout(&listener, idle)?;
    Ok(listener)
}

/// Connections at a time: for all tunnels and whoever logs in, as far as there are files for them.
pub(super) fn places(limits: Limits) -> usize {
    let wanted = usize::from(limits.tunnels) + PENDING;
    let files = files(wanted as u64 + OTHER_FILES);
    let room = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
    wanted.min(room)
}

/// Raises the number of files that may be open to what is wanted, as far as that is allowed; what it is then.
fn files(wanted: u64) -> u64 {
    let now = getrlimit(Resource::Nofile);
    let most = now.maximum.map_or(wanted, |most| most.min(wanted));
    let Some(current) = now.current.filter(|current| *current < most) else { return wanted };
    match setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..now }) {
        Ok(()) => most,
        Err(_) => current,
    }
}

/// Takes connections for as long as the thread lives; those that find no place or no seat are closed.
pub(super) async fn accept<H: Host>(
    listener: tokio::net::TcpListener,
    tls: watch::Receiver<TlsAcceptor>,
    places: Arc<Semaphore>,
    shared: Arc<Shared<H>>,
) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let Some(seat) = shared.directory.begin(peer.ip()) else { continue };
        let (number, tls) = (seat.number, tls.borrow().clone());
        let serve = connection::serve_tcp(stream, peer, tls, seat, shared.clone());
        let serve = async move {
            serve.await;
            drop(place);
        };
        watch_over(number, serve, shared.clone());
    }
}
