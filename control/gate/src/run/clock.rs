//! The daemon's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use wicketgate_packet::Time;

/// The machine's time. Before 1970 it is 1970.
#[expect(clippy::disallowed_methods, reason = "the daemon is who reads the wall clock")]
pub(super) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
