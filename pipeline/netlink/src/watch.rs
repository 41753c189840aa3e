//! What changes, as it changes: the kernel's notifications (rtnetlink(7), `RTMGRP_*`).

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

use crate::address::{self, DELETE_ADDRESS, NEW_ADDRESS};
use crate::link::{self, DELETE_LINK, Link, NEW_LINK};
use crate::message;
use crate::neighbour::{self, NEW_NEIGHBOUR, Neighbour};

/// Groups of linux/rtnetlink.h: links, neighbours, IPv4 addresses.
const GROUPS: u32 = 0x1 | 0x4 | 0x10;

/// As much as the kernel puts into one notification.
const DATAGRAM: usize = 8 * 1024;

/// Notifications read at a time; what is left comes with the next look.
const BURST: usize = 256;

/// Something that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A neighbour's MAC address is known, or known again.
    Neighbour(Neighbour),
    /// An interface is new, or something about it is.
    Link(Link),
    /// The interface of that number is gone.
    LinkGone(u32),
    /// The interface of that number has an address.
    Address(u32, Ipv4Addr),
    /// It has it no more.
    AddressGone(u32, Ipv4Addr),
    /// Some notifications are lost, because they were not read in time: look at everything anew.
    Lost,
}

/// A subscription to changes in the thread's network namespace.
#[derive(Debug)]
pub struct Watch {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl Watch {
    /// Subscribes. What changes from now on will be told.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn open() -> io::Result<Watch> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        Ok(Watch { socket, buffer: vec![0; DATAGRAM] })
    }

    /// Shows what has changed since the last call, at most a bounded number of notifications, oldest
    /// first; returns at once.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn changes(&mut self, mut each: impl FnMut(Change)) -> io::Result<()> {
        for _ in 0..BURST {
            match recv(&self.socket, &mut *self.buffer, RecvFlags::empty()) {
                Ok((length, _)) => {
                    let datagram = self.buffer.get(..length).unwrap_or_default();
                    message::messages(datagram).filter_map(read).for_each(&mut each);
                }
                Err(Errno::AGAIN) => break,
                // The kernel had no room left for a notification.
                Err(Errno::NOBUFS) => each(Change::Lost),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn read((kind, body): (u16, &[u8])) -> Option<Change> {
    Some(match kind {
        NEW_NEIGHBOUR => Change::Neighbour(neighbour::read(body)?),
        NEW_LINK => Change::Link(link::read(body)?),
        DELETE_LINK => Change::LinkGone(link::read(body)?.index),
        NEW_ADDRESS => address::read(body).map(|(index, ip)| Change::Address(index, ip))?,
        DELETE_ADDRESS => address::read(body).map(|(index, ip)| Change::AddressGone(index, ip))?,
        _ => return None,
    })
}
