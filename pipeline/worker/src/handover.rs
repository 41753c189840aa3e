//! Frames that came in at one worker and are another's to decide on (DESIGN 3, "One asset, one worker").
//!
//! ```text
//!   worker 0 --ring--> worker 1        a bounded ring for each ordered pair of workers
//!            <--ring--                 and a doorbell for a worker that sleeps
//! ```
//!
//! Only the token of a frame moves; its bytes stay where they are. A ring has one worker that pushes and
//! one that pops, so frames of a pair keep their order, and with them those of a flow: what comes in of
//! one direction of a flow comes in by one queue, and a queue has one worker.
//!
//! Invariant: a frame is handed over once. Who gets it decides, whatever it thinks of the owner.
//!
//! Invariant: nobody waits. A full ring refuses the frame, which is recycled and counted.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, fence};

use crossbeam_queue::ArrayQueue;
use rustix::event::{EventfdFlags, eventfd};
use wicketgate_engine::WorkerId;
use wicketgate_ports::Received;

/// Frames that a ring holds: sixteen bursts.
pub const RING: usize = 512;

/// Frames that may be on their way between this many workers.
pub const fn capacity(workers: usize) -> usize {
    workers * workers.saturating_sub(1) * RING
}

/// A frame on its way, and when its first worker took it from the port, by the workers' common
/// stopwatch.
#[derive(Debug)]
pub(crate) struct Handed<F> {
    pub(crate) received: Received<F>,
    pub(crate) taken: u64,
}

/// What the others see of a worker.
struct Berth {
    /// It sleeps, or is about to: who hands it something has to ring.
    asleep: AtomicBool,
    /// It hands over nothing more.
    left: AtomicBool,
    /// An eventfd(2): readable while it has been rung.
    bell: OwnedFd,
}

/// Rings and doorbells of all workers of a gate.
struct Crew<F> {
    /// Row by row: from worker `row` to worker `column`. Those from a worker to itself stay empty.
    rings: Box<[ArrayQueue<Handed<F>>]>,
    berths: Box<[Berth]>,
}

/// One worker's ends of all rings.
pub struct HandOver<F> {
    crew: Arc<Crew<F>>,
    me: usize,
    /// Whom something was handed since the bells were last rung, one bit a worker.
    to_wake: u64,
    handed: u64,
    refused: u64,
}

/// Most workers of a gate.
pub const MOST_WORKERS: usize = 64;

impl<F> HandOver<F> {
    /// The ends of `workers` workers, at most [`MOST_WORKERS`]; all rings are allocated now.
    ///
    /// # Errors
    /// The kernel has no doorbell left (EMFILE).
    pub fn among(workers: usize) -> io::Result<Vec<HandOver<F>>> {
        let workers = workers.min(MOST_WORKERS);
        let berths: io::Result<Box<[Berth]>> = (0..workers).map(|_| Berth::new()).collect();
        let size = |at: usize| if at / workers == at % workers { 1 } else { RING };
        let rings = (0..workers * workers).map(|at| ArrayQueue::new(size(at))).collect();
        let crew = Arc::new(Crew { rings, berths: berths? });
        let end = |me| HandOver { crew: crew.clone(), me, to_wake: 0, handed: 0, refused: 0 };
        Ok((0..workers).map(end).collect())
    }

    /// Which worker this is.
    pub fn worker(&self) -> WorkerId {
        // At most MOST_WORKERS.
        WorkerId(self.me as u16)
    }

    /// Frames handed to others since the start.
    pub fn handed(&self) -> u64 {
        self.handed
    }

    /// Frames that found the ring to their owner full.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Hands a frame to its owner; back where the ring is full, or there is no such worker.
    #[inline]
    pub(crate) fn give(&mut self, to: WorkerId, frame: Handed<F>) -> Result<(), Handed<F>> {
        let outcome = match self.crew.ring(self.me, usize::from(to.0)) {
            Some(ring) => ring.push(frame),
            None => Err(frame),
        };
        match outcome {
            Ok(()) => {
                self.handed += 1;
                self.to_wake |= 1 << to.0;
            }
            Err(_) => self.refused += 1,
        }
        outcome
    }

    /// The oldest frame that `from` has handed to this worker.
    #[inline]
    pub(crate) fn take(&mut self, from: usize) -> Option<Handed<F>> {
        self.crew.ring(from, self.me)?.pop()
    }

    /// Workers in all.
    pub(crate) fn workers(&self) -> usize {
        self.crew.berths.len()
    }

    /// Wakes those of whom something was handed to and who sleep.
    #[inline]
    pub(crate) fn ring_bells(&mut self) {
        if self.to_wake == 0 {
            return;
        }
        // Pairs with the fence in `sleep`: either this sees that the other sleeps, or the other sees
        // what is in its ring.
        fence(SeqCst);
        for (at, berth) in self.crew.berths.iter().enumerate() {
            if self.to_wake >> at & 1 == 1 && berth.asleep.swap(false, Relaxed) {
                berth.ring();
            }
        }
        self.to_wake = 0;
    }

    /// Has `sleep` wait for something, among it the bell that it is given; not at all where a frame is
    /// there already.
    ///
    /// # Errors
    /// What `sleep` says.
    pub fn sleep(&self, sleep: impl FnOnce(BorrowedFd<'_>) -> io::Result<()>) -> io::Result<()> {
        let Some(berth) = self.crew.berths.get(self.me) else { return Ok(()) };
        berth.asleep.store(true, Relaxed);
        fence(SeqCst);
        let slept = if self.is_empty() { sleep(berth.bell.as_fd()) } else { Ok(()) };
        berth.asleep.store(false, Relaxed);
        // Always: who cleared the flag may ring only now, and a bell left ringing ends every sleep.
        berth.hush();
        slept
    }

    /// Whether nothing waits for this worker.
    fn is_empty(&self) -> bool {
        (0..self.workers())
            .all(|from| self.crew.ring(from, self.me).is_none_or(ArrayQueue::is_empty))
    }

    /// Says that this worker hands over nothing more.
    pub(crate) fn leave(&self) {
        if let Some(berth) = self.crew.berths.get(self.me) {
            berth.left.store(true, Release);
        }
    }

    /// Whether no worker hands over anything more: what is in the rings then is all there will be.
    pub(crate) fn all_left(&self) -> bool {
        self.crew.berths.iter().all(|berth| berth.left.load(Acquire))
    }
}

impl<F> Drop for HandOver<F> {
    /// Nobody waits for a worker that is gone.
    fn drop(&mut self) {
        self.leave();
    }
}

impl<F> Crew<F> {
    fn ring(&self, from: usize, to: usize) -> Option<&ArrayQueue<Handed<F>>> {
        let workers = self.berths.len();
        if from == to || to >= workers { None } else { self.rings.get(from * workers + to) }
    }
}

impl Berth {
    fn new() -> io::Result<Berth> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Berth { asleep: AtomicBool::new(false), left: AtomicBool::new(false), bell })
    }

    fn ring(&self) {
        // It can only fail where it has been rung 2^64 times and nobody came.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    fn hush(&self) {
        // It was not rung, or will be in a moment: then the next sleep is a short one.
        let _ = rustix::io::read(&self.bell, &mut [0_u8; 8]);
    }
}

impl<F> fmt::Debug for HandOver<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HandOver(worker {} of {})", self.me, self.workers())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use wicketgate_packet::Time;

    use super::*;

    fn frame(number: u32) -> Handed<u32> {
        Handed { received: Received::own(number, Time::EPOCH), taken: 0 }
    }

    fn pair() -> [HandOver<u32>; 2] {
        HandOver::among(2).unwrap().try_into().unwrap()
    }

    /// Sleeps for `most` at most; whether the bell ended it.
    fn nap(bell: BorrowedFd<'_>, most: Duration) -> bool {
        let timeout = Timespec::try_from(most).unwrap();
        poll(&mut [PollFd::new(&bell, PollFlags::IN)], Some(&timeout)).unwrap() == 1
    }

    #[test]
    fn a_full_ring_gives_the_frame_back() {
        let [mut a, mut b] = pair();
        assert!((0..RING as u32).all(|n| a.give(WorkerId(1), frame(n)).is_ok()));
        assert_eq!(a.give(WorkerId(1), frame(7)).unwrap_err().received.frame, 7);
        assert_eq!((a.handed(), a.refused()), (RING as u64, 1));
        assert_eq!(b.take(0).unwrap().received.frame, 0, "in order");
        assert!(a.give(WorkerId(1), frame(8)).is_ok());
    }

    #[test]
    fn nobody_hands_to_itself_or_to_nobody() {
        let [mut a, _] = pair();
        assert!(a.give(WorkerId(0), frame(1)).is_err());
        assert!(a.give(WorkerId(2), frame(1)).is_err() && a.give(WorkerId(999), frame(1)).is_err());
        assert!(a.take(0).is_none() && a.take(7).is_none());
    }

    #[test]
    fn a_sleeper_is_woken_and_one_with_work_does_not_sleep() {
        let [mut a, b] = pair();
        let mut rung = None;
        std::thread::scope(|scope| {
            let (b, rung) = (&b, &mut rung);
            scope.spawn(move || {
                b.sleep(|bell| {
                    *rung = Some(nap(bell, Duration::from_secs(20)));
                    Ok(())
                })
            });
            while !a.crew.berths[1].asleep.load(SeqCst) {
                std::thread::yield_now();
            }
            a.give(WorkerId(1), frame(1)).unwrap();
            a.ring_bells();
        });
        assert_ne!(rung, Some(false), "the bell ended the sleep, or there was none");
        b.sleep(|_| panic!("a frame is there")).unwrap();
    }

    #[test]
    fn a_bell_rings_once() {
        let [mut a, mut b] = pair();
        b.sleep(|bell| {
            a.give(WorkerId(1), frame(1)).unwrap();
            a.ring_bells();
            assert!(nap(bell, Duration::ZERO));
            Ok(())
        })
        .unwrap();
        b.take(0).unwrap();
        b.sleep(|bell| {
            assert!(!nap(bell, Duration::ZERO), "it was hushed");
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn a_bell_that_rings_late_costs_one_sleep() {
        let [_, b] = pair();
        b.crew.berths[1].ring();
        let naps = || {
            let mut ended = false;
            b.sleep(|bell| {
                ended = nap(bell, Duration::ZERO);
                Ok(())
            })
            .unwrap();
            ended
        };
        assert_eq!((naps(), naps()), (true, false));
    }

    #[test]
    fn all_have_left_when_the_last_has() {
        let [a, b] = pair();
        a.leave();
        assert!(!a.all_left());
        drop(b);
        assert!(a.all_left(), "who is gone is not waited for");
    }
}
