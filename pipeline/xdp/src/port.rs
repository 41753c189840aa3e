//! The sockets of one worker, as its [`Port`].

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::xdp::{XdpDesc, XdpDescOptions};
use wicketgate_packet::{PortId, Time};
use wicketgate_ports::{Port, PortError, Received};

use crate::frame::Frame;
use crate::redirect::Redirect;
use crate::socket::{Queue, Socket, Statistics, Transfer};
use crate::umem::{Accounts, Pool, Umem};

/// Frames kept for what the gate itself has to say, and for those that wait for a MAC address, whatever the
/// rings hold.
const RESERVE: u32 = 128;

/// How big, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Entries of each ring: a power of two. A socket has at most so many frames to receive into, and
    /// as many to send.
    pub ring: u32,
    /// Whether zero-copy is tried at all.
    pub zero_copy: bool,
}

impl Default for Settings {
    /// 2,048 entries: two milliseconds of 64-byte frames at a million a second.
    fn default() -> Settings {
        Settings { ring: 2048, zero_copy: true }
    }
}

impl Settings {
    /// Frames that `sockets` sockets never run out of: their rings full, and a reserve.
    pub fn frames(&self, sockets: usize) -> u32 {
        let rings = self.ring.saturating_mul(2).saturating_mul(sockets as u32);
        rings.saturating_add(RESERVE)
    }
}

/// How the sockets were opened.
#[derive(Debug)]
pub struct Opened {
    /// How frames get between cards and UMEM.
    pub transfer: Transfer,
    /// Why it is not zero-copy, though that was tried.
    pub refused: Option<io::Error>,
}

/// A socket that could not be opened.
#[derive(Debug)]
pub struct OpenError {
    /// Its queue.
    pub queue: Queue,
    /// Why.
    pub error: io::Error,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = match Errno::from_io_error(&self.error) {
            Some(Errno::BUSY) => "; another program has it: end that first",
            Some(Errno::PERM | Errno::ACCESS) => "; it needs CAP_NET_RAW and CAP_NET_ADMIN",
            Some(Errno::NOBUFS) => {
                "; more memory than may be locked: raise LimitMEMLOCK or give CAP_IPC_LOCK"
            }
            _ => "",
        };
        write!(f, "no AF_XDP socket on queue {}: {}{advice}", self.queue.number, self.error)
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// A socket and what it has.
#[derive(Debug)]
struct Lane {
    socket: Socket,
    port: PortId,
    /// Chunks it has to receive into.
    filling: u32,
    /// Frames it has to send.
    sending: u32,
}

impl Lane {
    /// Queues a frame to leave; gives it back where there is no room for it in the tx ring, or in the
    /// completion ring when it has left.
    #[inline]
    fn send<'u>(&mut self, frame: Frame<'u>, pool: &mut Pool<'u>, ring: u32) -> Option<Frame<'u>> {
        if self.sending >= ring || self.socket.tx.room(1) == 0 {
            return Some(frame);
        }
        let (addr, len) = pool.sending(frame)?;
        self.socket.tx.push(XdpDesc { addr, len, options: XdpDescOptions::empty() });
        self.sending += 1;
        None
    }
}

/// AF_XDP sockets on one UMEM: a frame that came in by one leaves by another without a copy.
pub struct XdpPort<'u> {
    pool: Pool<'u>,
    lanes: Vec<Lane>,
    settings: Settings,
    clock: fn() -> Time,
    /// The lane that is asked first: each has its turn.
    first: usize,
    received: u64,
    unsent: u64,
}

impl<'u> XdpPort<'u> {
    /// Opens a socket on each queue and gives it chunks to receive into. Zero-copy is for all sockets
    /// or none. `clock` stamps frames as they are taken from the rings.
    ///
    /// A UMEM serves one port: where a card writes to it by itself, it may do so a while after the
    /// sockets are closed.
    ///
    /// # Errors
    /// A socket could not be opened; the UMEM has served another port (EALREADY); no queue is given.
    pub fn open(
        umem: &'u mut Umem,
        queues: &[(PortId, Queue)],
        settings: Settings,
        clock: fn() -> Time,
    ) -> Result<(XdpPort<'u>, Opened), OpenError> {
        let queue = queues.first().map_or(Queue { interface: 0, number: 0 }, |(_, queue)| *queue);
        let refuse = |errno: Errno| OpenError { queue, error: errno.into() };
        if queues.is_empty() {
            return Err(refuse(Errno::INVAL));
        }
        let pool = Pool::new(umem).ok_or_else(|| refuse(Errno::ALREADY))?;
        let memory = pool.memory();
        let (lanes, opened) = open_all(queues, settings, memory)?;
        let mut port = XdpPort { pool, lanes, settings, clock, first: 0, received: 0, unsent: 0 };
        port.refill();
        Ok((port, opened))
    }

    /// Has `redirect` steer frames of `interface` to this port's sockets.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn register(&self, interface: u32, redirect: &Redirect) -> io::Result<()> {
        let here = self.lanes.iter().map(|lane| &lane.socket);
        for socket in here.filter(|socket| socket.queue().interface == interface) {
            redirect.set_socket(socket.queue().number, socket.as_fd())?;
        }
        Ok(())
    }

    /// Sleeps until a frame comes, at most `longest`; less where a signal comes.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn wait(&mut self, longest: Duration) -> io::Result<()> {
        // Frames that the cards have not taken yet are asked for again soon.
        let longest = if self.accounts().sending > 0 {
            longest.min(Duration::from_millis(1))
        } else {
            longest
        };
        let timeout = Timespec::try_from(longest).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        // An allocation, but only where there is nothing else to do.
        let mut sockets: Vec<PollFd<'_>> =
            self.lanes.iter().map(|lane| PollFd::new(&lane.socket, PollFlags::IN)).collect();
        match poll(&mut sockets, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How many frames are where.
    pub fn accounts(&self) -> Accounts {
        self.pool.accounts()
    }

    /// Frames and addresses that were not this port's to take; 0 unless something is broken.
    pub fn strays(&self) -> u64 {
        self.pool.strays()
    }

    /// What the kernel counts for each socket.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn statistics(&self) -> io::Result<Vec<(PortId, Queue, Statistics)>> {
        let one = |lane: &Lane| Ok((lane.port, lane.socket.queue(), lane.socket.statistics()?));
        self.lanes.iter().map(one).collect()
    }

    /// Takes back what has been sent.
    fn reap(&mut self) {
        for lane in &mut self.lanes {
            if lane.sending == 0 {
                continue;
            }
            while let Some(address) = lane.socket.completion.pop() {
                self.pool.sent(address);
                lane.sending = lane.sending.saturating_sub(1);
            }
            lane.socket.completion.release();
        }
    }

    /// Gives each socket chunks to receive into, until it has a ring full.
    fn refill(&mut self) {
        for lane in &mut self.lanes {
            let before = lane.filling;
            while lane.filling < self.settings.ring && lane.socket.fill.room(1) > 0 {
                let Some(address) = self.pool.fill() else { break };
                lane.socket.fill.push(address);
                lane.filling += 1;
            }
            if lane.filling != before {
                lane.socket.fill.publish();
            }
        }
    }

    /// Moves what has come in on one lane to the burst.
    fn receive_from(
        &mut self,
        lane: usize,
        burst: &mut Vec<Received<Frame<'u>>>,
        max: usize,
        arrival: Time,
    ) {
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        let before = burst.len();
        while burst.len() - before < max
            && let Some(entry) = lane.socket.rx.pop()
        {
            lane.filling = lane.filling.saturating_sub(1);
            if let Some(frame) = self.pool.received(entry.addr, entry.len) {
                self.received += 1;
                let (port, number) = (lane.port, self.received);
                burst.push(Received { frame, port, arrival, number, original_len: entry.len });
            }
        }
        lane.socket.rx.release();
    }
}

impl<'u> Port for XdpPort<'u> {
    type Frame = Frame<'u>;

    fn receive(
        &mut self,
        burst: &mut Vec<Received<Frame<'u>>>,
        max: usize,
    ) -> Result<usize, PortError> {
        self.reap();
        self.refill();
        let (before, lanes) = (burst.len(), self.lanes.len());
        let arrival = (self.clock)();
        for step in 0..lanes {
            let left = max.saturating_sub(burst.len() - before);
            self.receive_from((self.first + step) % lanes, burst, left, arrival);
        }
        self.first = (self.first + 1) % lanes.max(1);
        let count = burst.len() - before;
        if count == 0 {
            self.lanes.iter().for_each(|lane| lane.socket.wake_receiver());
        }
        Ok(count)
    }

    fn send(&mut self, leaving: Received<Frame<'u>>, egress: PortId) {
        let lane = self.lanes.iter_mut().find(|lane| lane.port == egress);
        let frame = match lane {
            Some(lane) => lane.send(leaving.frame, &mut self.pool, self.settings.ring),
            None => Some(leaving.frame),
        };
        if let Some(frame) = frame {
            self.unsent += 1;
            self.pool.recycle(frame);
        }
    }

    fn recycle(&mut self, frame: Frame<'u>) {
        self.pool.recycle(frame);
    }

    fn take(&mut self) -> Option<Frame<'u>> {
        self.pool.take()
    }

    fn flush(&mut self) -> Result<(), PortError> {
        for lane in &mut self.lanes {
            if lane.sending > 0 {
                lane.socket.tx.publish();
                lane.socket.kick().map_err(PortError::Socket)?;
            }
        }
        Ok(())
    }

    fn is_finished(&self) -> bool {
        false
    }

    fn unsent(&self) -> u64 {
        self.unsent
    }
}

impl fmt::Debug for XdpPort<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "XdpPort({} sockets, {:?})", self.lanes.len(), self.pool)
    }
}

/// All sockets, zero-copy if every card can and it is wanted.
fn open_all(
    queues: &[(PortId, Queue)],
    settings: Settings,
    memory: (u64, u64),
) -> Result<(Vec<Lane>, Opened), OpenError> {
    let mut refused = None;
    if settings.zero_copy {
        match open_lanes(queues, settings, memory, Transfer::ZeroCopy) {
            Ok(lanes) => return Ok((lanes, Opened { transfer: Transfer::ZeroCopy, refused })),
            Err(error) if Errno::from_io_error(&error.error) == Some(Errno::BUSY) => {
                return Err(error);
            }
            Err(error) => refused = Some(error.error),
        }
    }
    let lanes = open_lanes(queues, settings, memory, Transfer::Copy)?;
    Ok((lanes, Opened { transfer: Transfer::Copy, refused }))
}

fn open_lanes(
    queues: &[(PortId, Queue)],
    settings: Settings,
    memory: (u64, u64),
    transfer: Transfer,
) -> Result<Vec<Lane>, OpenError> {
    let mut lanes: Vec<Lane> = Vec::with_capacity(queues.len());
    for (port, queue) in queues {
        let share = lanes.first().map_or(Ok(transfer), |first| Err(&first.socket));
        let socket = Socket::open(*queue, settings.ring, memory, share)
            .map_err(|error| OpenError { queue: *queue, error })?;
        lanes.push(Lane { socket, port: *port, filling: 0, sending: 0 });
    }
    Ok(lanes)
}
