//! The thread that waits for the audit log's disk, so that nobody else does.
//!
//! One question is under way at a time: blocks to write. It comes back as an answer, with the blocks that are not
//! on the disk. So each block is in one place, and a disk that hangs holds up this thread alone.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use std::{io, thread};

use wicketgate_audit::{Block, Committer, Disk};

/// What became of blocks.
pub(super) struct Committed {
    /// On the disk.
    pub(super) done: Vec<Block>,
    /// Not: to be tried again, in this order, before others.
    pub(super) rest: Vec<Block>,
    pub(super) outcome: io::Result<()>,
}

/// Control's end.
pub(super) struct Commits {
    ask: SyncSender<Vec<Block>>,
    answers: Receiver<Committed>,
    is_under_way: bool,
    /// When that was asked, since boot.
    since: Duration,
}

/// The thread's end.
pub(super) struct Scribe {
    asked: Receiver<Vec<Block>>,
    answer: SyncSender<Committed>,
    committer: Committer<Disk>,
}

impl Commits {
    /// Both ends; nothing is written before the thread serves, or [`Scribe::commit`] is called.
    pub(super) fn open(disk: Disk) -> (Commits, Scribe) {
        let ((ask, asked), (answer, answers)) = (sync_channel(1), sync_channel(1));
        let scribe = Scribe { asked, answer, committer: Committer::new(disk) };
        (Commits { ask, answers, is_under_way: false, since: Duration::ZERO }, scribe)
    }

    /// Whether there is room for a question.
    pub(super) const fn is_idle(&self) -> bool {
        !self.is_under_way
    }

    /// Has blocks written; only where that is idle. False where the thread has ended.
    pub(super) fn ask(&mut self, blocks: Vec<Block>, now: Duration) -> bool {
        self.is_under_way = self.ask.try_send(blocks).is_ok();
        self.since = now;
        self.is_under_way
    }

    /// For how long an answer has been waited for.
    pub(super) const fn waiting(&self, now: Duration) -> Duration {
        if self.is_under_way { now.saturating_sub(self.since) } else { Duration::ZERO }
    }

    /// What became of what was asked, once that is known; waited for as long as `patience`.
    pub(super) fn answer(&mut self, patience: Duration) -> Option<Committed> {
        if !self.is_under_way {
            return None;
        }
        let answer = self.answers.recv_timeout(patience).ok()?;
        self.is_under_way = false;
        Some(answer)
    }
}

impl Scribe {
    /// Answers on a thread of its own, for as long as control asks.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn serve(mut self) -> Result<(), String> {
        let thread = thread::Builder::new().name("audit".to_owned()).spawn(move || self.run());
        thread.map(drop).map_err(|error| format!("no thread for the audit log: {error}"))
    }

    fn run(&mut self) {
        while let Ok(blocks) = self.asked.recv() {
            let committed = self.commit(blocks);
            if self.answer.send(committed).is_err() {
                return;
            }
        }
    }

    /// Writes these blocks, and waits for the disk.
    pub(super) fn commit(&mut self, mut blocks: Vec<Block>) -> Committed {
        let (done, outcome) = self.committer.commit(&blocks);
        let rest = blocks.split_off(done.min(blocks.len()));
        Committed { done: blocks, rest, outcome }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_does_not_answer_is_waited_for_by_nobody_but_counted() {
        let folder = tempfile::tempdir().unwrap();
        let (mut commits, scribe) = Commits::open(Disk::new(folder.path()));
        let second = Duration::from_secs(1);
        assert_eq!(commits.waiting(second), Duration::ZERO);
        assert!(commits.ask(Vec::new(), second));
        assert!(!commits.is_idle() && commits.answer(Duration::ZERO).is_none());
        assert_eq!(commits.waiting(9 * second), 8 * second);
        scribe.serve().unwrap();
        assert!(commits.answer(60 * second).unwrap().outcome.is_ok());
        assert!(commits.is_idle());
        assert_eq!(commits.waiting(9 * second), Duration::ZERO);
    }

    #[test]
    fn a_thread_that_has_ended_takes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (mut commits, scribe) = Commits::open(Disk::new(folder.path()));
        drop(scribe);
        assert!(!commits.ask(Vec::new(), Duration::ZERO));
        assert!(commits.is_idle());
    }
}
