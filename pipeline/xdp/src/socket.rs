//! One AF_XDP socket: a queue of a network card.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::xdp::{
    SocketAddrXdp, SocketAddrXdpFlags, SocketAddrXdpWithSharedUmem, XDP_PGOFF_RX_RING,
    XDP_PGOFF_TX_RING, XDP_UMEM_PGOFF_COMPLETION_RING, XDP_UMEM_PGOFF_FILL_RING, XdpDesc,
    XdpStatistics, XdpUmemReg, XdpUmemRegFlags,
};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
    sockopt,
};

use crate::frame::CHUNK;
use crate::ring::{Consumer, Producer};

/// How often a bind is tried that finds the queue still taken: the kernel gives a queue free a while
/// after the process that had it has ended.
const BIND_TRIES: u32 = 20;
/// Between two of these tries.
const BIND_PAUSE: Duration = Duration::from_millis(50);

/// Frames that one kick sends at most in copy mode (`TX_BATCH_SIZE` of net/xdp/xsk.c).
const KICK: u32 = 32;

/// A queue of a network interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The interface's number.
    pub interface: u32,
    /// The queue, from 0.
    pub number: u32,
}

/// How frames get between card and UMEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// The card reads and writes the UMEM itself.
    ZeroCopy,
    /// The kernel copies each frame.
    Copy,
}

impl Transfer {
    /// A word for people.
    pub const fn name(self) -> &'static str {
        match self {
            Transfer::ZeroCopy => "zero-copy",
            Transfer::Copy => "copy",
        }
    }

    fn flags(self) -> SocketAddrXdpFlags {
        let transfer = match self {
            Transfer::ZeroCopy => SocketAddrXdpFlags::XDP_ZEROCOPY,
            Transfer::Copy => SocketAddrXdpFlags::XDP_COPY,
        };
        transfer | SocketAddrXdpFlags::XDP_USE_NEED_WAKEUP
    }
}

/// Asking the driver for frames on the worker's own core, instead of waiting for its interrupt
/// (Documentation/networking/napi.rst, "Busy polling").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusyPoll {
    /// How long one call polls, in microseconds.
    pub micros: u32,
    /// Frames at most that it takes.
    pub budget: u32,
}

/// What the kernel counts for a socket (`XDP_STATISTICS`). All but `rx_dropped` should stay 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Frames too long for a chunk, or for which there was no empty one.
    pub rx_dropped: u64,
    /// Frames for which the rx ring had no room.
    pub rx_ring_full: u64,
    /// Times that the kernel looked for an empty chunk and the fill ring had none.
    pub fill_ring_empty: u64,
    /// Addresses in the fill ring that make no sense.
    pub rx_invalid: u64,
    /// Entries in the tx ring that make no sense.
    pub tx_invalid: u64,
    /// Times that the kernel looked for a frame to send and the tx ring had none.
    pub tx_ring_empty: u64,
}

/// A bound socket and its four rings.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) rx: Consumer<XdpDesc>,
    pub(crate) tx: Producer<XdpDesc>,
    pub(crate) fill: Producer<u64>,
    pub(crate) completion: Consumer<u64>,
    queue: Queue,
    /// A receive polls the driver, so it is wanted whenever there is nothing to do.
    polls: bool,
    socket: OwnedFd,
}

impl Socket {
    /// A socket on `queue` with rings of `size` entries. The first one registers `memory` as the UMEM;
    /// the others share it, and the first one's way of transfer.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn open(
        queue: Queue,
        size: u32,
        (start, length): (u64, u64),
        share: Result<Transfer, &Socket>,
    ) -> io::Result<Socket> {
        let socket = socket_with(AddressFamily::XDP, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        if share.is_ok() {
            sockopt::set_xdp_umem_reg(&socket, umem(start, length))?;
        }
        sockopt::set_xdp_umem_fill_ring_size(&socket, size)?;
        sockopt::set_xdp_umem_completion_ring_size(&socket, size)?;
        sockopt::set_xdp_rx_ring_size(&socket, size)?;
        sockopt::set_xdp_tx_ring_size(&socket, size)?;
        let at = sockopt::xdp_mmap_offsets(&socket)?;
        let fd = socket.as_fd();
        let opened = Socket {
            rx: Consumer::map(fd, XDP_PGOFF_RX_RING, at.rx, size)?,
            tx: Producer::map(fd, XDP_PGOFF_TX_RING, at.tx, size)?,
            fill: Producer::map(fd, XDP_UMEM_PGOFF_FILL_RING, at.fr, size)?,
            completion: Consumer::map(fd, XDP_UMEM_PGOFF_COMPLETION_RING, at.cr, size)?,
            queue,
            polls: false,
            socket,
        };
        opened.bind_patiently(share)?;
        Ok(opened)
    }

    fn bind_patiently(&self, share: Result<Transfer, &Socket>) -> io::Result<()> {
        let tries = std::iter::repeat_with(|| self.bind(share)).take(BIND_TRIES as usize);
        for outcome in tries {
            match outcome {
                Err(Errno::BUSY) => std::thread::sleep(BIND_PAUSE),
                outcome => return Ok(outcome?),
            }
        }
        Err(Errno::BUSY.into())
    }

    fn bind(&self, share: Result<Transfer, &Socket>) -> rustix::io::Result<()> {
        let Queue { interface, number } = self.queue;
        match share {
            Ok(transfer) => {
                bind(&self.socket, &SocketAddrXdp::new(transfer.flags(), interface, number))
            }
            Err(first) => {
                // No other flag may stand beside this one: they are the first socket's.
                let shared = SocketAddrXdpFlags::XDP_SHARED_UMEM;
                let addr = SocketAddrXdp::new(shared, interface, number);
                let shared_umem_fd = first.socket.as_fd();
                bind(&self.socket, &SocketAddrXdpWithSharedUmem { addr, shared_umem_fd })
            }
        }
    }

    /// The queue it is bound to.
    pub(crate) fn queue(&self) -> Queue {
        self.queue
    }

    /// Has the kernel send what is in the tx ring, as far as it wants to be asked. What it does not
    /// take now stays in the ring.
    ///
    /// # Errors
    /// Other than "later": nothing, or not all, goes out now.
    pub(crate) fn kick(&mut self) -> io::Result<()> {
        let waiting = self.tx.waiting();
        if waiting == 0 || !self.tx.needs_wakeup() {
            return Ok(());
        }
        for _ in 0..waiting.div_ceil(KICK) {
            match send(&self.socket, &[], SendFlags::DONTWAIT) {
                // There is more in the ring than one kick moves.
                Ok(_) | Err(Errno::AGAIN) => {}
                // The driver's queue is full, or the link is down: the next turn kicks again.
                Err(Errno::BUSY | Errno::NOBUFS | Errno::NETDOWN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Has the kernel look into the fill ring, if it wants to be asked; or poll the driver.
    pub(crate) fn wake_receiver(&self) {
        if self.polls || self.fill.needs_wakeup() {
            // There is nothing to be received this way: the call itself is the message, and what
            // hinders it now does not hinder the next.
            let _ = recv(&self.socket, &mut [0_u8; 0][..], RecvFlags::DONTWAIT);
        }
    }

    /// Has receives of this socket poll the driver, rather than its interrupts.
    ///
    /// # Errors
    /// What the kernel says: EPERM without CAP_NET_ADMIN.
    pub(crate) fn set_busy_poll(&mut self, wanted: BusyPoll) -> io::Result<()> {
        self.set_option(libc::SO_PREFER_BUSY_POLL, 1)?;
        self.set_option(libc::SO_BUSY_POLL, wanted.micros)?;
        self.set_option(libc::SO_BUSY_POLL_BUDGET, wanted.budget)?;
        self.polls = true;
        Ok(())
    }

    fn set_option(&self, option: libc::c_int, value: u32) -> io::Result<()> {
        let (place, length) = ((&raw const value).cast(), size_of::<u32>() as libc::socklen_t);
        let socket = self.socket.as_raw_fd();
        // SAFETY: the kernel reads `length` bytes of a value that lives until the call returns.
        let result = unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, option, place, length) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// What the kernel counts.
    pub(crate) fn statistics(&self) -> io::Result<Statistics> {
        Ok(sockopt::xdp_statistics(&self.socket)?.into())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl From<XdpStatistics> for Statistics {
    fn from(found: XdpStatistics) -> Statistics {
        Statistics {
            rx_dropped: found.rx_dropped,
            rx_ring_full: found.rx_ring_full.unwrap_or(0),
            fill_ring_empty: found.rx_fill_ring_empty_descs.unwrap_or(0),
            rx_invalid: found.rx_invalid_descs,
            tx_invalid: found.tx_invalid_descs,
            tx_ring_empty: found.tx_ring_empty_descs.unwrap_or(0),
        }
    }
}

fn umem(addr: u64, len: u64) -> XdpUmemReg {
    XdpUmemReg {
        addr,
        len,
        chunk_size: CHUNK as u32,
        headroom: 0,
        flags: XdpUmemRegFlags::empty(),
        tx_metadata_len: 0,
    }
}
