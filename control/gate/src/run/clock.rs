//! The daemon's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use wicketgate_packet::Time;

/// The machine's time. Before 1970 it is 1970.
#[expect(clippy::disallowed_methods, reason = "the daemon is who reads the wall clock")]
pub(super) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// The time since the machine started, asleep or not (`CLOCK_BOOTTIME`). It is never set.
pub(super) fn since_boot() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}
