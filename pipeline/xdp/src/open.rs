//! Opening the sockets of all workers.

use std::fmt;
use std::io;

use rustix::io::Errno;
use wicketgate_packet::PortId;

use crate::ledger::BATCH;
use crate::port::Lane;
use crate::socket::{BusyPoll, Queue, Socket, Transfer};

/// Frames kept for each worker, for what it has to say itself and for those that wait for a MAC address,
/// whatever the rings hold.
const RESERVE: u32 = 128;

/// How big, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Entries of each ring: a power of two. A socket has at most so many frames to receive into, and
    /// as many to send.
    pub ring: u32,
    /// Whether zero-copy is tried at all.
    pub zero_copy: bool,
    /// Whether, and how long, a receive asks the driver itself.
    pub busy_poll: Option<BusyPoll>,
}

impl Default for Settings {
    /// 2,048 entries: two milliseconds of 64-byte frames at a million a second.
    fn default() -> Settings {
        Settings { ring: 2048, zero_copy: true, busy_poll: None }
    }
}

impl Settings {
    /// Frames that `sockets` sockets of `workers` workers never run out of: their rings full, a reserve,
    /// and what each of several workers keeps at hand.
    pub fn frames(&self, sockets: usize, workers: usize) -> u32 {
        let rings = self.ring.saturating_mul(2).saturating_mul(sockets as u32);
        let at_hand = if workers > 1 { 2 * BATCH as u32 } else { 0 };
        rings.saturating_add((RESERVE + at_hand).saturating_mul(workers as u32))
    }
}

/// How the sockets were opened.
#[derive(Debug)]
pub struct Opened {
    /// How frames get between cards and UMEM.
    pub transfer: Transfer,
    /// Why it is not zero-copy, though that was tried.
    pub refused: Option<io::Error>,
    /// Why there is no busy polling, though that was wanted.
    pub not_busy: Option<io::Error>,
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

/// An error that is no one socket's.
pub(crate) fn refuse(queues: &[(PortId, Queue)], errno: Errno) -> OpenError {
    let none = Queue { interface: 0, number: 0 };
    OpenError { queue: queues.first().map_or(none, |(_, queue)| *queue), error: errno.into() }
}

/// All sockets, zero-copy if every card can and it is wanted.
pub(crate) fn open_sockets(
    queues: &[(PortId, Queue)],
    settings: Settings,
    memory: (u64, u64),
) -> Result<(Vec<Lane>, Opened), OpenError> {
    let mut refused = None;
    if settings.zero_copy {
        match open_lanes(queues, settings, memory, Transfer::ZeroCopy) {
            Ok(lanes) => return Ok(with_busy_poll(lanes, settings, Transfer::ZeroCopy, None)),
            Err(error) if Errno::from_io_error(&error.error) == Some(Errno::BUSY) => {
                return Err(error);
            }
            Err(error) => refused = Some(error.error),
        }
    }
    let lanes = open_lanes(queues, settings, memory, Transfer::Copy)?;
    Ok(with_busy_poll(lanes, settings, Transfer::Copy, refused))
}

/// Busy polling is a wish: a gate without it is only slower.
fn with_busy_poll(
    mut lanes: Vec<Lane>,
    settings: Settings,
    transfer: Transfer,
    refused: Option<io::Error>,
) -> (Vec<Lane>, Opened) {
    let not_busy = settings.busy_poll.and_then(|busy_poll| {
        lanes.iter_mut().find_map(|lane| lane.socket.set_busy_poll(busy_poll).err())
    });
    (lanes, Opened { transfer, refused, not_busy })
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
        lanes.push(Lane::new(socket, *port));
    }
    Ok(lanes)
}
