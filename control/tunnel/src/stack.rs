//! TCP for a user's end that has no device: single connections, opened from here, over IP packets.
//!
//! A stack does nothing by itself: whoever has it gives it packets and the time, and sends what it has to say.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::{Duration as Span, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use crate::transport::IDLE;

/// Connections at a time.
pub const MOST: usize = 128;

/// Bytes of a connection on their way, each way.
const BUFFER: usize = 128 * 1024;

/// Packets that wait to be read; beyond it they are lost, as on any wire.
const WAITING: usize = 1024;

/// A connection whose other end is silent for this long, though something is owed, is over: no sooner than the
/// tunnel.
const PATIENCE: Span = Span::from_secs(IDLE.as_secs());

/// How often a quiet connection asks whether the other end lives.
const KEEP_ALIVE: Span = Span::from_secs(10);

/// The first port that connections come from (RFC 6335 section 6: dynamic ports).
const FIRST_PORT: u16 = 49152;

/// A stack with one address.
#[derive(Clone)]
pub struct Stack(Arc<Shared>);

struct Shared {
    inner: Mutex<Inner>,
    /// Something was written, read or closed.
    work: Notify,
}

struct Inner {
    wire: Wire,
    interface: Interface,
    sockets: SocketSet<'static>,
    /// Sockets whose stream is gone: they stay until their connection is over.
    left: Vec<SocketHandle>,
    last_port: u16,
    now: Instant,
}

/// What came, and what is to be sent.
struct Wire {
    arrived: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
    mtu: usize,
}

/// A connection.
pub struct Stream {
    shared: Arc<Shared>,
    handle: SocketHandle,
}

impl Stack {
    /// A stack with this address, for packets of at most `mtu` bytes. `seed` makes what must not be guessed
    /// (initial sequence numbers, ports).
    pub fn new(address: Ipv4Addr, mtu: u16, seed: u64) -> Stack {
        let mut wire = Wire { arrived: VecDeque::new(), sent: Vec::new(), mtu: usize::from(mtu) };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut wire, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            // Room for one there is; every other address is by way of the gate.
            let _ = addresses.push(IpCidr::new(IpAddress::Ipv4(address), 0));
        });
        let last_port = FIRST_PORT + (seed % 16384) as u16;
        let sockets = SocketSet::new(Vec::new());
        let (left, now) = (Vec::new(), Instant::ZERO);
        let inner = Mutex::new(Inner { wire, interface, sockets, left, last_port, now });
        Stack(Arc::new(Shared { inner, work: Notify::new() }))
    }

    /// Begins a connection.
    ///
    /// # Errors
    /// There are as many as there may be, or nobody can be there.
    pub fn connect(&self, to: SocketAddrV4) -> io::Result<Stream> {
        let mut inner = self.0.lock();
        if inner.sockets.iter().count() >= MOST {
            return Err(io::Error::other(format!("{MOST} connections at a time are the most")));
        }
        let port = inner.next_port();
        let Inner { interface, sockets, .. } = &mut *inner;
        let buffer = || SocketBuffer::new(vec![0; BUFFER]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.set_timeout(Some(PATIENCE));
        socket.set_keep_alive(Some(KEEP_ALIVE));
        socket.set_nagle_enabled(false);
        let remote = (IpAddress::Ipv4(*to.ip()), to.port());
        let begun = socket.connect(interface.context(), remote, port);
        begun.map_err(|error| io::Error::other(error.to_string()))?;
        let handle = sockets.add(socket);
        drop(inner);
        self.0.work.notify_one();
        Ok(Stream { shared: self.0.clone(), handle })
    }

    /// A packet has arrived.
    pub fn receive(&self, packet: &[u8]) {
        let mut inner = self.0.lock();
        if inner.wire.arrived.len() < WAITING {
            inner.wire.arrived.push_back(packet.to_vec());
        }
        self.0.work.notify_one();
    }

    /// Does what is to be done by `now`, a time that only goes on. The packets to be sent, and how long nothing
    /// more is to be done, if nothing happens.
    pub fn turn(&self, now: Duration) -> (Vec<Vec<u8>>, Option<Duration>) {
        let mut inner = self.0.lock();
        let micros = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        inner.now = Instant::from_micros(micros);
        let Inner { wire, interface, sockets, now, .. } = &mut *inner;
        interface.poll(*now, wire, sockets);
        let delay = interface.poll_delay(*now, sockets);
        let sent = std::mem::take(&mut wire.sent);
        inner.clear();
        (sent, delay.map(|delay| Duration::from_micros(delay.total_micros())))
    }

    /// Waits until something was written, read or closed, so that there is something to do.
    pub async fn wait(&self) {
        self.0.work.notified().await;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn next_port(&mut self) -> u16 {
        loop {
            self.last_port = self.last_port.checked_add(1).unwrap_or(FIRST_PORT);
            let port = self.last_port;
            let mut sockets = self.sockets.iter().filter_map(|(_, socket)| match socket {
                smoltcp::socket::Socket::Tcp(socket) => socket.local_endpoint(),
            });
            if !sockets.any(|endpoint| endpoint.port == port) {
                return port;
            }
        }
    }

    /// Forgets connections that are over and that nobody holds.
    fn clear(&mut self) {
        let Inner { left, sockets, .. } = self;
        left.retain(|handle| {
            let state = sockets.get::<Socket<'_>>(*handle).state();
            let over = matches!(state, State::Closed | State::TimeWait);
            if over {
                sockets.remove(*handle);
            }
            !over
        });
    }

    fn socket(&mut self, handle: SocketHandle) -> &mut Socket<'static> {
        self.sockets.get_mut(handle)
    }
}

impl Stream {
    /// Waits until the other end has taken the connection.
    ///
    /// # Errors
    /// It has not, or nothing was heard of it for [`IDLE`].
    pub async fn established(&self) -> io::Result<()> {
        poll_fn(|context| {
            let mut inner = self.shared.lock();
            let socket = inner.socket(self.handle);
            match socket.state() {
                State::SynSent | State::SynReceived => {
                    socket.register_send_waker(context.waker());
                    Poll::Pending
                }
                State::Closed => Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into())),
                _ => Poll::Ready(Ok(())),
            }
        })
        .await
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = self.shared.lock();
        let socket = inner.socket(self.handle);
        if socket.can_recv() {
            let count = socket.recv_slice(into.initialize_unfilled());
            into.advance(count.map_err(|error| io::Error::other(error.to_string()))?);
            // The window is open again.
            self.shared.work.notify_one();
            return Poll::Ready(Ok(()));
        }
        if socket.may_recv() || socket.state() == State::SynSent {
            socket.register_recv_waker(context.waker());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.shared.lock();
        let socket = inner.socket(self.handle);
        if socket.can_send() {
            let count = socket.send_slice(bytes);
            self.shared.work.notify_one();
            return Poll::Ready(count.map_err(|error| io::Error::other(error.to_string())));
        }
        if socket.may_send() || socket.state() == State::SynSent {
            socket.register_send_waker(context.waker());
            return Poll::Pending;
        }
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.lock().socket(self.handle).close();
        self.shared.work.notify_one();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    /// What was closed goes to its end; anything else is cut off.
    fn drop(&mut self) {
        let mut inner = self.shared.lock();
        let socket = inner.socket(self.handle);
        if socket.may_send() || socket.state() == State::SynSent {
            socket.abort();
        }
        inner.left.push(self.handle);
        self.shared.work.notify_one();
    }
}

struct Arrived(Vec<u8>);

struct Sent<'a>(&'a mut Vec<Vec<u8>>);

impl Device for Wire {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Arrived, Sent<'_>)> {
        self.arrived.pop_front().map(|packet| (Arrived(packet), Sent(&mut self.sent)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sent<'_>> {
        Some(Sent(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

impl RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let mut packet = vec![0; length];
        let outcome = write(&mut packet);
        self.0.push(packet);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const US: Ipv4Addr = Ipv4Addr::new(100, 64, 255, 1);
    const ASSET: Ipv4Addr = Ipv4Addr::new(100, 64, 10, 20);

    /// The other end: a plain smoltcp that listens and sends back what it hears.
    struct Echo {
        wire: Wire,
        interface: Interface,
        sockets: SocketSet<'static>,
        handle: SocketHandle,
    }

    impl Echo {
        fn new() -> Echo {
            let mut wire = Wire { arrived: VecDeque::new(), sent: Vec::new(), mtu: 1280 };
            let mut interface =
                Interface::new(Config::new(HardwareAddress::Ip), &mut wire, Instant::ZERO);
            interface.update_ip_addrs(|addresses| {
                addresses.push(IpCidr::new(IpAddress::Ipv4(ASSET), 0)).unwrap();
            });
            let buffer = || SocketBuffer::new(vec![0; 4096]);
            let mut socket = Socket::new(buffer(), buffer());
            socket.listen(502).unwrap();
            let mut sockets = SocketSet::new(Vec::new());
            let handle = sockets.add(socket);
            Echo { wire, interface, sockets, handle }
        }

        fn turn(&mut self, arrived: Vec<Vec<u8>>, now: Instant) -> Vec<Vec<u8>> {
            self.wire.arrived.extend(arrived);
            self.interface.poll(now, &mut self.wire, &mut self.sockets);
            let socket = self.sockets.get_mut::<Socket<'_>>(self.handle);
            while socket.can_recv() && socket.can_send() {
                let heard = socket.recv(|bytes| (bytes.len(), bytes.to_vec())).unwrap();
                assert_eq!(socket.send_slice(&heard).unwrap(), heard.len());
            }
            if socket.state() == State::CloseWait {
                socket.close();
            }
            self.interface.poll(now, &mut self.wire, &mut self.sockets);
            std::mem::take(&mut self.wire.sent)
        }
    }

    /// Carries packets between both, for as long as `what` takes. Every seventh is lost.
    fn with<F: Future>(stack: &Stack, what: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let stack = stack.clone();
        runtime.block_on(async move {
            let mut echo = Echo::new();
            let mut now = Duration::ZERO;
            let mut carried = 0;
            let carry = async {
                loop {
                    now += Duration::from_millis(5);
                    let (sent, _) = stack.turn(now);
                    let mut kept = |packets: Vec<Vec<u8>>| -> Vec<Vec<u8>> {
                        let keep = |_: &Vec<u8>| {
                            carried += 1;
                            carried % 7 != 0
                        };
                        packets.into_iter().filter(keep).collect()
                    };
                    let sent = kept(sent);
                    let back = echo.turn(sent, Instant::from_micros(now.as_micros() as i64));
                    kept(back).iter().for_each(|packet| stack.receive(packet));
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                () = carry => unreachable!("it goes on for ever"),
                outcome = what => outcome,
            }
        })
    }

    #[test]
    fn a_connection_carries_bytes_both_ways_and_ends() {
        let stack = Stack::new(US, 1280, 7);
        let mut stream = stack.connect(SocketAddrV4::new(ASSET, 502)).unwrap();
        let sent: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        let whole = sent.clone();
        let heard = with(&stack, async {
            stream.established().await.unwrap();
            let (mut read, mut write) = tokio::io::split(&mut stream);
            let send = async {
                write.write_all(&whole).await.unwrap();
                write.shutdown().await.unwrap();
            };
            let mut heard = Vec::new();
            let (_, outcome) = tokio::join!(send, read.read_to_end(&mut heard));
            outcome.unwrap();
            heard
        });
        assert!(heard == sent, "{} of {} bytes", heard.len(), sent.len());
        drop(stream);
        let left = |stack: &Stack| stack.0.lock().sockets.iter().count();
        with(&stack, async {
            while left(&stack) > 0 {
                tokio::task::yield_now().await;
            }
        });
    }

    #[test]
    fn a_door_that_is_shut_is_told() {
        let stack = Stack::new(US, 1280, 7);
        let mut stream = stack.connect(SocketAddrV4::new(ASSET, 503)).unwrap();
        let refused = with(&stack, stream.established()).unwrap_err().kind();
        assert_eq!(refused, io::ErrorKind::ConnectionRefused);
        let outcome = with(&stack, async { stream.read(&mut [0; 8]).await });
        assert_eq!(outcome.unwrap(), 0);
    }

    #[test]
    fn there_are_no_more_connections_than_there_may_be() {
        let stack = Stack::new(US, 1280, 7);
        let to = SocketAddrV4::new(ASSET, 502);
        let streams: Vec<Stream> = (0..MOST).map(|_| stack.connect(to).unwrap()).collect();
        assert!(stack.connect(to).is_err());
        drop(streams);
        stack.turn(Duration::from_secs(1));
        assert!(stack.connect(to).is_ok());
    }
}
