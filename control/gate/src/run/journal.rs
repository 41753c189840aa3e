//! What all workers have to tell the audit log, in one order.

use std::sync::Arc;

use wicketgate_engine::Event;

use super::data::Shared;

/// Events that are logged before anything else gets its turn: as long as workers tell faster than is written,
/// there is always one more, and whoever takes a session back must not wait for the end of that.
pub(super) const AT_ONCE: usize = 512;

/// The event queues of all workers. What one worker tells comes in its order; of several that have
/// something to tell, the one with the oldest comes first.
pub(super) struct Journal {
    queues: Vec<Queue>,
}

struct Queue {
    shared: Arc<Shared>,
    /// Its oldest event, with the epoch of the tables that it counts in.
    head: Option<(u32, Event)>,
}

impl Journal {
    pub(super) fn new(workers: &[Arc<Shared>]) -> Journal {
        let queue = |shared: &Arc<Shared>| Queue { shared: shared.clone(), head: None };
        Journal { queues: workers.iter().map(queue).collect() }
    }

    /// The oldest events that are here now, [`AT_ONCE`] at most.
    pub(super) fn batch(&mut self) -> impl Iterator<Item = (u32, Event)> {
        std::iter::from_fn(|| self.next()).take(AT_ONCE)
    }

    /// The oldest event that is here now.
    pub(super) fn next(&mut self) -> Option<(u32, Event)> {
        for queue in &mut self.queues {
            queue.head = queue.head.take().or_else(|| queue.shared.event());
        }
        let told = self.queues.iter_mut().filter(|queue| queue.head.is_some());
        let time = |queue: &&mut Queue| queue.head.as_ref().map(|(_, event)| event.time);
        told.min_by_key(time)?.head.take()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use wicketgate_engine::EventKind;
    use wicketgate_packet::Time;

    use super::*;

    fn event(nanos: u64) -> Event {
        let (time, source) = (Time::from_nanos(nanos), Ipv4Addr::LOCALHOST);
        let kind = EventKind::SessionStart;
        Event { time, session: nanos, grant: None, source, source_port: 0, kind }
    }

    fn all(journal: &mut Journal) -> Vec<u64> {
        std::iter::from_fn(|| journal.next()).map(|(_, event)| event.session).collect()
    }

    #[test]
    fn what_is_there_comes_in_the_order_of_time() {
        let workers = Shared::among(3);
        let mut journal = Journal::new(&workers);
        for (worker, nanos) in [(0, 1), (0, 5), (0, 6), (1, 2), (1, 4), (2, 3)] {
            workers[worker].tell(7, event(nanos));
        }
        assert_eq!(all(&mut journal), [1, 2, 3, 4, 5, 6]);
        assert!(journal.next().is_none());
        workers[1].tell(7, event(2));
        assert_eq!(journal.next().unwrap().0, 7, "late is not lost");
    }

    #[test]
    fn workers_that_tell_without_end_do_not_keep_the_reader() {
        let workers = Shared::among(1);
        let mut journal = Journal::new(&workers);
        workers[0].tell(1, event(1));
        let tell_one_more = |(_, event): (u32, Event)| {
            workers[0].tell(1, Event { session: event.session + 1, ..event });
        };
        assert_eq!(journal.batch().map(tell_one_more).count(), AT_ONCE);
        assert_eq!(journal.batch().next().unwrap().1.session, AT_ONCE as u64 + 1, "none is lost");
    }

    #[test]
    fn what_one_worker_tells_stays_in_its_order() {
        let workers = Shared::among(2);
        let mut journal = Journal::new(&workers);
        for nanos in [9, 3, 4] {
            workers[0].tell(1, event(nanos));
        }
        workers[1].tell(1, event(8));
        assert_eq!(all(&mut journal), [8, 9, 3, 4]);
    }
}
