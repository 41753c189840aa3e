//! The sockets of one worker, as its [`Port`].

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::xdp::{XdpDesc, XdpDescOptions};
use wicketgate_packet::{PortId, Time};
use wicketgate_ports::{Port, PortError, Received};

use crate::frame::Frame;
use crate::ledger::Accounts;
use crate::open::{OpenError, Opened, Settings, open_sockets, refuse};
use crate::pool::Pool;
use crate::redirect::Redirect;
use crate::socket::{Queue, Socket, Statistics};
use crate::umem::Umem;

/// A socket and what it has.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) socket: Socket,
    port: PortId,
    /// Chunks it has to receive into.
    filling: u32,
    /// Frames it has to send.
    sending: u32,
}

impl Lane {
    pub(crate) fn new(socket: Socket, port: PortId) -> Lane {
        Lane { socket, port, filling: 0, sending: 0 }
    }

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
    ring: u32,
    /// Chunks that each lane has to receive into at most: a ring full, and no more than its share of
    /// half of the UMEM, so that no worker takes what another needs.
    share: u32,
    clock: fn() -> Time,
    /// The lane that is asked first: each has its turn.
    first: usize,
    received: u64,
    unsent: u64,
}

impl<'u> XdpPort<'u> {
    /// Opens a socket on each queue and gives it chunks to receive into, for a single worker.
    ///
    /// # Errors
    /// As [`open_all`](XdpPort::open_all).
    pub fn open(
        umem: &'u mut Umem,
        queues: &[(PortId, Queue)],
        settings: Settings,
        clock: fn() -> Time,
    ) -> Result<(XdpPort<'u>, Opened), OpenError> {
        let (mut ports, opened) = XdpPort::open_all(umem, &[queues.to_vec()], settings, clock)?;
        let port = ports.pop().ok_or_else(|| refuse(&[], Errno::INVAL))?;
        Ok((port, opened))
    }

    /// Opens a socket on each queue of each worker, all on one UMEM: a port for each worker. Zero-copy
    /// is for all sockets or none. `clock` stamps frames as they are taken from the rings.
    ///
    /// A UMEM serves once: where a card writes to it by itself, it may do so a while after the sockets
    /// are closed.
    ///
    /// # Errors
    /// A socket could not be opened; the UMEM has served before (EALREADY); a worker has no queue.
    pub fn open_all(
        umem: &'u mut Umem,
        workers: &[Vec<(PortId, Queue)>],
        settings: Settings,
        clock: fn() -> Time,
    ) -> Result<(Vec<XdpPort<'u>>, Opened), OpenError> {
        let queues = workers.concat();
        if workers.is_empty() || workers.iter().any(Vec::is_empty) {
            return Err(refuse(&queues, Errno::INVAL));
        }
        let frames = umem.frames();
        let pools = Pool::among(umem, workers.len());
        let pools = pools.ok_or_else(|| refuse(&queues, Errno::ALREADY))?;
        let memory = pools.first().map_or((0, 0), Pool::memory);
        let (lanes, opened) = open_sockets(&queues, settings, memory)?;
        let share = settings.ring.min(frames / 2 / queues.len() as u32).max(1);
        let mut lanes = lanes.into_iter();
        let port = |(pool, mine): (Pool<'u>, &Vec<_>)| {
            let lanes = lanes.by_ref().take(mine.len()).collect();
            XdpPort::new(pool, lanes, settings.ring, share, clock)
        };
        Ok((pools.into_iter().zip(workers).map(port).collect(), opened))
    }

    fn new(
        pool: Pool<'u>,
        lanes: Vec<Lane>,
        ring: u32,
        share: u32,
        clock: fn() -> Time,
    ) -> XdpPort<'u> {
        let mut port =
            XdpPort { pool, lanes, ring, share, clock, first: 0, received: 0, unsent: 0 };
        port.refill();
        port
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
        self.wait_with(&[], longest)
    }

    /// The same, or until one of `bells` can be read.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn wait_with(&mut self, bells: &[BorrowedFd<'_>], longest: Duration) -> io::Result<()> {
        // Frames that the cards have not taken yet are asked for again soon.
        let longest = if self.lanes.iter().any(|lane| lane.sending > 0) {
            longest.min(Duration::from_millis(1))
        } else {
            longest
        };
        let timeout = Timespec::try_from(longest).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        // An allocation, but only where there is nothing else to do.
        let sockets = self.lanes.iter().map(|lane| PollFd::new(&lane.socket, PollFlags::IN));
        let bells = bells.iter().map(|bell| PollFd::new(bell, PollFlags::IN));
        let mut sockets: Vec<PollFd<'_>> = sockets.chain(bells).collect();
        match poll(&mut sockets, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How many frames this worker has counted where.
    pub fn accounts(&self) -> Accounts {
        self.pool.accounts()
    }

    /// Free frames of its UMEM that are no worker's, on their way from one to another.
    pub fn in_common(&self) -> u32 {
        self.pool.in_common()
    }

    /// Frames with the kernel as the sockets count them, beside the ledger: to receive into, to be sent.
    pub fn in_rings(&self) -> (u32, u32) {
        let lanes = self.lanes.iter().map(|lane| (lane.filling, lane.sending));
        lanes.fold((0, 0), |sum, lane| (sum.0 + lane.0, sum.1 + lane.1))
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

    /// What the kernel counts for the socket of that number; `None` behind the last, or where it does not say.
    pub fn statistics_of(&self, number: usize) -> Option<(PortId, Queue, Statistics)> {
        let lane = self.lanes.get(number)?;
        Some((lane.port, lane.socket.queue(), lane.socket.statistics().ok()?))
    }

    /// Queues a frame to leave; gives it back where there is no room for it, or no such port.
    #[inline]
    fn queue(&mut self, frame: Frame<'u>, egress: PortId) -> Option<Frame<'u>> {
        match self.lanes.iter_mut().find(|lane| lane.port == egress) {
            Some(lane) => lane.send(frame, &mut self.pool, self.ring),
            None => Some(frame),
        }
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
            while lane.filling < self.share && lane.socket.fill.room(1) > 0 {
                let Some(address) = self.pool.fill() else { break };
                lane.socket.fill.push(address);
                lane.filling += 1;
            }
            if lane.filling != before {
                lane.socket.fill.publish();
            }
        }
    }

    /// Moves what has come in on one lane to the burst; the clock is asked once there is something.
    fn receive_from(
        &mut self,
        lane: usize,
        burst: &mut Vec<Received<Frame<'u>>>,
        max: usize,
        arrival: &mut Option<Time>,
    ) {
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        let before = burst.len();
        while burst.len() - before < max
            && let Some(entry) = lane.socket.rx.pop()
        {
            lane.filling = lane.filling.saturating_sub(1);
            let arrival = *arrival.get_or_insert_with(self.clock);
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
        let (before, lanes) = (burst.len(), self.lanes.len());
        let arrival = &mut None;
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
        let Some(frame) = self.queue(leaving.frame, egress) else { return };
        // What has left since the last turn makes room.
        self.reap();
        if let Some(frame) = self.queue(frame, egress) {
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

    fn submit(&mut self) {
        for lane in self.lanes.iter_mut().filter(|lane| lane.sending > 0) {
            lane.socket.tx.publish();
        }
    }

    fn flush(&mut self) -> Result<(), PortError> {
        self.submit();
        for lane in &mut self.lanes {
            if lane.sending > 0 {
                lane.socket.kick().map_err(PortError::Socket)?;
            }
        }
        // Here, not before frames are taken: nobody waits for it.
        self.reap();
        self.refill();
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
