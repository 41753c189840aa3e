//! Delays after failures: by user and by source.
//!
//! Sans-IO: `now` is an argument, failures by user live in the store and survive a restart. Only
//! people ever ask here; a machine's conduit has no login that could be delayed.
//!
//! By source the table is bounded, and nothing that still delays is ever evicted: sources that find no
//! room share one entry. Whoever floods the table delays newcomers, and stays delayed.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::store::UserId;
use crate::time::Monotonic;

/// Failures of a user before the first delay.
pub const USER_FREE: u32 = 5;

/// Failures of a user in a row that lock it until an admin unlocks it: SP 800-63B-4, section 3.2.2
/// has 100 as the most.
pub const USER_LOCK: u32 = 100;

/// Failures of a source before the first delay: several people may share a jump host.
pub const SOURCE_FREE: u32 = 10;

/// First delay; each further failure doubles it.
pub const FIRST_DELAY: Duration = Duration::from_secs(30);

/// Longest delay.
pub const MAX_DELAY: Duration = Duration::from_secs(15 * 60);

/// A source is forgiven one failure in this time.
pub const FORGIVEN_AFTER: Duration = Duration::from_secs(5 * 60);

/// Most sources remembered one by one.
pub const MAX_SOURCES: usize = 4096;

/// A full table is searched for forgiven sources at most once in this time.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Why a user's attempts are not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// For a while.
    Delayed,
    /// Until an admin unlocks the user.
    Locked,
}

/// Who is delayed until when.
#[derive(Debug)]
pub(crate) struct Throttle {
    sources: HashMap<IpAddr, Source, RandomState>,
    /// All sources that found no room.
    others: Source,
    next_sweep: Monotonic,
    /// Users with a delay. Bounded by the store's users.
    users: HashMap<UserId, Delay, RandomState>,
    /// Delays from before the restart run from here.
    started: Monotonic,
}

#[derive(Clone, Copy, Debug)]
struct Delay {
    failures: u32,
    until: Monotonic,
}

/// A bucket that failures fill and time empties.
#[derive(Clone, Copy, Debug, Default)]
struct Source {
    failures: u32,
    /// Time counts from here on.
    since: Monotonic,
    until: Monotonic,
}

impl Throttle {
    pub(crate) fn new(started: Monotonic) -> Throttle {
        Throttle {
            sources: HashMap::default(),
            others: Source::default(),
            next_sweep: started,
            users: HashMap::default(),
            started,
        }
    }

    /// Charges a source for an attempt before it is checked.
    ///
    /// # Errors
    /// The time for which it is delayed; nothing is charged then.
    pub(crate) fn charge(&mut self, source: IpAddr, now: Monotonic) -> Result<(), Duration> {
        let bucket = self.bucket(network(source), now);
        if now < bucket.until {
            return Err(bucket.until.since(now));
        }
        bucket.charge(now);
        Ok(())
    }

    /// Takes back one charge, for an attempt that succeeded. An attacker's own account earns no more
    /// than it cost.
    pub(crate) fn refund(&mut self, source: IpAddr, now: Monotonic) {
        let bucket = self.bucket(network(source), now);
        bucket.settle(now);
        bucket.failures = bucket.failures.saturating_sub(1);
        bucket.until = now;
    }

    /// Whether a user with this many failures is held.
    pub(crate) fn held(&mut self, user: UserId, failures: u32, now: Monotonic) -> Option<Held> {
        if failures >= USER_LOCK {
            return Some(Held::Locked);
        }
        let delay = delay(failures, USER_FREE);
        if delay.is_zero() {
            self.users.remove(&user);
            return None;
        }
        let fresh = Delay { failures, until: self.started + delay };
        let entry = self.users.entry(user).or_insert(fresh);
        if entry.failures < failures {
            *entry = Delay { failures, until: now + delay };
        }
        (now < entry.until).then_some(Held::Delayed)
    }

    /// A user's attempt is being checked; with it there are this many failures, unless it succeeds.
    pub(crate) fn attempted(&mut self, user: UserId, failures: u32, now: Monotonic) {
        let delay = delay(failures, USER_FREE);
        if !delay.is_zero() {
            self.users.insert(user, Delay { failures, until: now + delay });
        }
    }

    fn bucket(&mut self, source: IpAddr, now: Monotonic) -> &mut Source {
        if self.sources.len() >= MAX_SOURCES && !self.sources.contains_key(&source) {
            self.sweep(now);
            if self.sources.len() >= MAX_SOURCES {
                return &mut self.others;
            }
        }
        self.sources.entry(source).or_default()
    }

    fn sweep(&mut self, now: Monotonic) {
        if now >= self.next_sweep {
            self.sources.retain(|_, source| !source.is_forgiven(now));
            self.next_sweep = now + SWEEP_EVERY;
        }
    }
}

impl Source {
    fn charge(&mut self, now: Monotonic) {
        self.settle(now);
        self.failures = self.failures.saturating_add(1);
        self.until = now + delay(self.failures, SOURCE_FREE);
    }

    /// Forgives what time has earned; of a part of [`FORGIVEN_AFTER`] the source keeps the benefit.
    fn settle(&mut self, now: Monotonic) {
        let times = self.forgiven(now);
        self.failures = self.failures.saturating_sub(times);
        self.since = match self.failures {
            0 => now,
            _ => self.since + FORGIVEN_AFTER * times,
        };
    }

    fn forgiven(&self, now: Monotonic) -> u32 {
        let times = now.since(self.since).as_secs() / FORGIVEN_AFTER.as_secs();
        u32::try_from(times).unwrap_or(u32::MAX)
    }

    fn is_forgiven(&self, now: Monotonic) -> bool {
        self.forgiven(now) >= self.failures && self.until <= now
    }
}

/// The delay after `failures`: none below `free`, then doubling up to [`MAX_DELAY`].
fn delay(failures: u32, free: u32) -> Duration {
    match failures.checked_sub(free) {
        None => Duration::ZERO,
        Some(doublings) => {
            FIRST_DELAY.saturating_mul(2_u32.saturating_pow(doublings.min(16))).min(MAX_DELAY)
        }
    }
}

/// Who counts as one source: an IPv4 address, or the /64 that one IPv6 host is given.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
#[path = "tests/throttle.rs"]
mod tests;
