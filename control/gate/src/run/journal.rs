//! What all workers have to tell the audit log, in one order.

use std::sync::Arc;
use std::time::Duration;

use wicketgate_audit::Origin;

use super::clock;
use super::data::{Shared, Told};

/// Events that are logged before anything else gets its turn: as long as workers tell faster than is written,
/// there is always one more, and whoever takes a session back must not wait for the end of that.
pub(super) const AT_ONCE: usize = 512;

/// Events, at a microsecond each, after which others may have the core first. Who shares it may be the client or
/// the device that a frame is on its way to.
const BREATH: usize = 8;

/// For how long breaths are taken in a batch. On a core that is never idle one may take several milliseconds, and
/// there is more than the log that waits for control.
const BREATHING: Duration = Duration::from_millis(1);

/// Events in a queue, of as many as it has room for, with which nobody is let go first: one in so many.
const PRESSED: usize = 4;

/// The event queues of all workers. What one worker tells comes in its order; of several that have
/// something to tell, the one with the oldest comes first.
pub(super) struct Journal {
    queues: Vec<Queue>,
}

struct Queue {
    shared: Arc<Shared>,
    worker: u32,
    /// Its oldest event.
    head: Option<Told>,
}

impl Journal {
    pub(super) fn new(workers: &[Arc<Shared>]) -> Journal {
        let queue = |(shared, worker): (&Arc<Shared>, u32)| Queue {
            shared: shared.clone(),
            worker,
            head: None,
        };
        Journal { queues: workers.iter().zip(0..).map(queue).collect() }
    }

    /// The oldest events that are here now, [`AT_ONCE`] at most, with breaths between them.
    pub(super) fn batch(&mut self) -> impl Iterator<Item = (Origin, Told)> {
        let until = clock::since_boot() + BREATHING;
        (1..=AT_ONCE).map_while(move |number| {
            if number.is_multiple_of(BREATH) && clock::since_boot() < until {
                self.breathe();
            }
            self.next()
        })
    }

    /// Lets others have the core, unless too much waits.
    fn breathe(&self) {
        if !self.queues.iter().any(Queue::is_pressed) {
            std::thread::yield_now();
        }
    }

    /// The oldest event that is here now.
    pub(super) fn next(&mut self) -> Option<(Origin, Told)> {
        for queue in &mut self.queues {
            queue.head = queue.head.take().or_else(|| queue.shared.event());
        }
        let told = self.queues.iter_mut().filter(|queue| queue.head.is_some());
        let time = |queue: &&mut Queue| queue.head.as_ref().map(|told| told.event.time);
        let queue = told.min_by_key(time)?;
        let told = queue.head.take()?;
        Some((Origin { worker: queue.worker, event: told.number }, told))
    }
}

impl Queue {
    fn is_pressed(&self) -> bool {
        let (waiting, room) = self.shared.events_waiting();
        waiting >= room / PRESSED
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use wicketgate_engine::{Event, EventKind};
    use wicketgate_packet::Time;

    use super::*;

    fn told(epoch: u32, nanos: u64) -> Told {
        let (time, source) = (Time::from_nanos(nanos), Ipv4Addr::LOCALHOST);
        let kind = EventKind::SessionStart;
        let event = Event { time, session: nanos, grant: None, source, source_port: 0, kind };
        Told { epoch, number: nanos, event }
    }

    fn all(journal: &mut Journal) -> Vec<u64> {
        std::iter::from_fn(|| journal.next()).map(|(_, told)| told.event.session).collect()
    }

    #[test]
    fn what_is_there_comes_in_the_order_of_time() {
        let workers = Shared::among(3);
        let mut journal = Journal::new(&workers);
        for (worker, nanos) in [(0, 1), (0, 5), (0, 6), (1, 2), (1, 4), (2, 3)] {
            workers[worker].tell(told(7, nanos));
        }
        assert_eq!(all(&mut journal), [1, 2, 3, 4, 5, 6]);
        assert!(journal.next().is_none());
        workers[1].tell(told(7, 2));
        let (origin, late) = journal.next().unwrap();
        assert_eq!((late.epoch, origin), (7, Origin { worker: 1, event: 2 }), "late is not lost");
    }

    #[test]
    fn workers_that_tell_without_end_do_not_keep_the_reader() {
        let workers = Shared::among(1);
        let mut journal = Journal::new(&workers);
        workers[0].tell(told(1, 1));
        let tell_one_more = |(_, last): (Origin, Told)| {
            workers[0].tell(told(1, last.event.session + 1));
        };
        assert_eq!(journal.batch().map(tell_one_more).count(), AT_ONCE);
        assert_eq!(
            journal.batch().next().unwrap().1.event.session,
            AT_ONCE as u64 + 1,
            "none is lost"
        );
    }

    #[test]
    fn what_one_worker_tells_stays_in_its_order() {
        let workers = Shared::among(2);
        let mut journal = Journal::new(&workers);
        for nanos in [9, 3, 4] {
            workers[0].tell(told(1, nanos));
        }
        workers[1].tell(told(1, 8));
        assert_eq!(all(&mut journal), [8, 9, 3, 4]);
    }
}
