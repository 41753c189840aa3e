//! A doorbell: rung by whoever has put something into a ring, heard by whoever sleeps.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, fence};

use rustix::pipe::{PipeFlags, pipe_with};

/// A pipe(2), and whether anybody listens: who works hears nothing, and costs no system call.
#[derive(Debug)]
pub struct Bell {
    asleep: AtomicBool,
    heard: OwnedFd,
    rung: OwnedFd,
}

impl Bell {
    /// A bell that nobody has rung.
    ///
    /// # Errors
    /// The kernel has none left (EMFILE).
    pub fn new() -> io::Result<Bell> {
        let (heard, rung) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
        Ok(Bell { asleep: AtomicBool::new(false), heard, rung })
    }

    /// Wakes the sleeper, if there is one. Called after something was put into its ring.
    pub fn ring(&self) {
        // Either the sleeper sees what was put there, or this sees that it sleeps.
        fence(SeqCst);
        if self.asleep.load(Relaxed) && self.asleep.swap(false, Relaxed) {
            // It can only fail where the pipe is full, and then it has been rung.
            let _ = rustix::io::write(&self.rung, &[1]);
        }
    }

    /// Says that the caller is about to sleep. It must look at its ring once more before it does.
    pub fn doze(&self) {
        self.asleep.store(true, Relaxed);
        fence(SeqCst);
    }

    /// The caller is awake.
    pub fn wake(&self) {
        if !self.asleep.swap(false, Relaxed) {
            // It was rung, or will be in a moment: then the next sleep is a short one.
            let _ = rustix::io::read(&self.heard, &mut [0_u8; 64]);
        }
    }
}

impl AsFd for Bell {
    /// Readable while it has been rung.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.heard.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn is_rung(bell: &Bell) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(bell, PollFlags::IN)], Some(&now)).unwrap() == 1
    }

    #[test]
    fn it_rings_once_for_whoever_sleeps() {
        let bell = Bell::new().unwrap();
        bell.ring();
        assert!(!is_rung(&bell), "nobody sleeps");
        bell.doze();
        bell.ring();
        bell.ring();
        assert!(is_rung(&bell));
        bell.wake();
        assert!(!is_rung(&bell));
        bell.doze();
        bell.wake();
        bell.ring();
        assert!(!is_rung(&bell), "awake again");
    }
}
