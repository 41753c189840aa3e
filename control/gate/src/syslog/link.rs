//! A connection to a syslog server.
//!
//! Sockets never block: each wait is one of poll(2), with an end. No name is resolved, no file opened and no
//! option set but two, so that a fenced gate can do it (docs/HARDENING.md).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::Way;

/// How long a server may take to connect, to greet, or to take what is sent. As long may TCP wait for an
/// acknowledgement, so a connection that is there after that has gone on.
pub(crate) const STALL: Duration = Duration::from_secs(10);

/// Bytes that the kernel may hold of a connection, as it is asked for; it takes twice as many (tcp(7)). What is in
/// there when a server dies is lost, so it is not more than that server should take in a moment.
const SEND_BUFFER: usize = 128 * 1024;

/// How often it is looked within that time whether a server has ended.
const LOOKS: u32 = 20;

/// A connection.
pub(crate) enum Link {
    Tls(Box<ClientConnection>, TcpStream),
    Tcp(TcpStream),
    Udp(UdpSocket),
}

impl Link {
    /// Connects, without TLS yet.
    ///
    /// # Errors
    /// Nobody answers there.
    pub(crate) fn dial(address: SocketAddr, way: &Way) -> io::Result<Link> {
        if matches!(way, Way::Udp) {
            return Ok(Link::Udp(open(address, SocketType::DGRAM)?.into()));
        }
        let socket = open(address, SocketType::STREAM)?;
        sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER)?;
        sockopt::set_tcp_user_timeout(&socket, STALL.as_millis() as u32)?;
        Ok(Link::Tcp(socket.into()))
    }

    /// Has TLS on it, where it is to have TLS.
    ///
    /// # Errors
    /// The server is not who it should be, or does not speak TLS 1.3.
    pub(crate) fn secure(self, way: &Way) -> io::Result<Link> {
        match (self, way) {
            (Link::Tcp(socket), Way::Tls(config, name)) => greet(socket, config, name),
            (link, _) => Ok(link),
        }
    }

    /// Hands all of it to the connection: of UDP, one message.
    ///
    /// # Errors
    /// It is over, or takes nothing for [`STALL`].
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Link::Tls(tls, socket) => {
                tls.writer().write_all(bytes)?;
                flush(tls, socket)
            }
            Link::Tcp(socket) => write_all(socket, bytes),
            Link::Udp(socket) => socket.send(bytes).map(drop),
        }
    }

    /// Waits for a while, and listens meanwhile: a server has nothing to say but that it ends.
    ///
    /// # Errors
    /// It is over.
    pub(crate) fn hear(&mut self, patience: Duration) -> io::Result<()> {
        match self {
            Link::Tls(tls, socket) => {
                if wait(socket, PollFlags::IN, patience)? {
                    listen(tls, socket)
                } else {
                    Ok(())
                }
            }
            Link::Tcp(socket) => {
                if wait(socket, PollFlags::IN, patience)? {
                    skip(socket)
                } else {
                    Ok(())
                }
            }
            Link::Udp(socket) => {
                let said = wait(socket, PollFlags::IN, patience)?;
                // What a server answers by UDP is an error of ICMP, or nothing that is asked for.
                if said { unblocked(socket.recv(&mut [0; 64])) } else { Ok(()) }
            }
        }
    }

    /// Ends it, and waits until the server has ended it too: then it has had all of it.
    ///
    /// # Errors
    /// It did not.
    pub(crate) fn close(mut self) -> io::Result<()> {
        if let Link::Tls(tls, socket) = &mut self {
            tls.send_close_notify();
            flush(tls, socket)?;
        }
        let (Link::Tls(_, socket) | Link::Tcp(socket)) = &self else { return Ok(()) };
        socket.shutdown(std::net::Shutdown::Write)?;
        for _ in 0..LOOKS {
            match self.hear(STALL / LOOKS) {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
                heard => heard?,
            }
        }
        Err(ErrorKind::TimedOut.into())
    }

    /// `TLS 1.3, TLS13_AES_256_GCM_SHA384`, or what it is without.
    pub(crate) fn describe(&self) -> String {
        match self {
            Link::Tls(tls, _) => {
                let suite = tls.negotiated_cipher_suite().map(|suite| suite.suite());
                format!("TLS 1.3, {}", suite.and_then(|suite| suite.as_str()).unwrap_or("unknown"))
            }
            Link::Tcp(_) => "TCP: what is sent can be read and changed on the way".to_owned(),
            Link::Udp(_) => "UDP: what is sent can be read, changed and lost on the way".to_owned(),
        }
    }
}

fn open(address: SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, kind, flags, None)?;
    match connect(&socket, &address) {
        Err(rustix::io::Errno::INPROGRESS) => {
            in_time(&socket, PollFlags::OUT)?;
            sockopt::socket_error(&socket)??;
        }
        outcome => outcome?,
    }
    Ok(socket)
}

fn greet(
    mut socket: TcpStream,
    config: &Arc<ClientConfig>,
    name: &ServerName<'static>,
) -> io::Result<Link> {
    let tls = ClientConnection::new(config.clone(), name.clone()).map_err(io::Error::other)?;
    let mut tls = Box::new(tls);
    // What is handed over at a time is bounded by whoever hands it over.
    tls.set_buffer_limit(None);
    while tls.is_handshaking() {
        flush(&mut tls, &mut socket)?;
        if tls.is_handshaking() {
            in_time(&socket, PollFlags::IN)?;
            listen(&mut tls, &mut socket)?;
        }
    }
    flush(&mut tls, &mut socket)?;
    Ok(Link::Tls(tls, socket))
}

/// Has the socket take all that TLS has for it.
fn flush(tls: &mut ClientConnection, socket: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(socket) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => in_time(socket, PollFlags::OUT)?,
            outcome => drop(outcome?),
        }
    }
    Ok(())
}

/// Takes what the server says by TLS.
fn listen(tls: &mut ClientConnection, socket: &mut TcpStream) -> io::Result<()> {
    match tls.read_tls(socket) {
        Ok(0) => return Err(ended()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
        outcome => drop(outcome?),
    }
    let said = tls.process_new_packets();
    if let Err(error) = said {
        // The alert that says why.
        let _ = flush(tls, socket);
        return Err(io::Error::new(ErrorKind::InvalidData, error));
    }
    match tls.reader().read(&mut [0; 1024]) {
        Ok(0) => Err(ended()),
        outcome => unblocked(outcome),
    }
}

/// Takes what the server says without TLS.
fn skip(socket: &mut TcpStream) -> io::Result<()> {
    match socket.read(&mut [0; 1024]) {
        Ok(0) => Err(ended()),
        outcome => unblocked(outcome),
    }
}

fn write_all(socket: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match socket.write(bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => in_time(socket, PollFlags::OUT)?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn ended() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the server has ended the connection")
}

/// That there is nothing to read is no error.
fn unblocked(read: io::Result<usize>) -> io::Result<()> {
    match read {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        read => read.map(drop),
    }
}

fn in_time(socket: &impl AsFd, what: PollFlags) -> io::Result<()> {
    if wait(socket, what, STALL)? { Ok(()) } else { Err(ErrorKind::TimedOut.into()) }
}

/// Whether it can be done before the time is over.
fn wait(socket: &impl AsFd, what: PollFlags, patience: Duration) -> io::Result<bool> {
    let time = Timespec {
        tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: patience.subsec_nanos().into(),
    };
    match poll(&mut [PollFd::new(socket, what)], Some(&time)) {
        Err(rustix::io::Errno::INTR) => Ok(false),
        count => Ok(count? > 0),
    }
}
