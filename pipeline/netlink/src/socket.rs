//! One request, all of its answers.

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};

use crate::message::{self, DONE, ERROR, flags};

/// As much as the kernel puts into one datagram of a dump.
const DATAGRAM: usize = 32 * 1024;

/// A connection to the kernel of the thread's network namespace.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl Netlink {
    /// Connects.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn open() -> io::Result<Netlink> {
        // `NETLINK_ROUTE` is protocol 0.
        let socket =
            socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        Ok(Netlink { socket, buffer: vec![0; DATAGRAM] })
    }

    /// Asks for all things of a kind; `each` gets the body of every answer of type `answer`.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn dump(
        &mut self,
        (kind, answer): (u16, u16),
        fixed: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        self.send(&message::request(kind, flags::DUMP, fixed, &[]))?;
        loop {
            for (kind, body) in message::messages(self.receive()?) {
                match kind {
                    DONE => return Ok(()),
                    ERROR => return refusal(body),
                    _ if kind == answer => each(body),
                    _ => {}
                }
            }
        }
    }

    /// Has something done.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn order(
        &mut self,
        kind: u16,
        more: u16,
        fixed: &[u8],
        attributes: &[(u16, &[u8])],
    ) -> io::Result<()> {
        self.send(&message::request(kind, flags::ACK | more, fixed, attributes))?;
        let answer = message::messages(self.receive()?).find(|(kind, _)| *kind == ERROR);
        answer.map_or(Err(io::ErrorKind::InvalidData.into()), |(_, body)| refusal(body))
    }

    fn send(&self, request: &[u8]) -> io::Result<()> {
        let kernel = SocketAddrNetlink::new(0, 0);
        sendto(&self.socket, request, SendFlags::empty(), &kernel)?;
        Ok(())
    }

    fn receive(&mut self) -> io::Result<&[u8]> {
        let (length, _) = recv(&self.socket, &mut *self.buffer, RecvFlags::empty())?;
        Ok(self.buffer.get(..length).unwrap_or_default())
    }
}

/// `struct nlmsgerr`: a negated error number, 0 for none.
fn refusal(body: &[u8]) -> io::Result<()> {
    match message::number(body).map(u32::cast_signed) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(code.wrapping_neg())),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}
