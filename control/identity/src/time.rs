//! Two clocks in one argument.
//!
//! Durations, idle times and the age of proofs are measured on the monotonic clock, which nobody can
//! set. The wall clock says two things only: whether a window of opening hours is open, and which
//! step of TOTP it is.

use std::ops::Add;
use std::time::Duration;

use wicketgate_packet::Time;

/// A point on a clock that never steps: nanoseconds since the machine started.
///
/// The daemon reads `CLOCK_BOOTTIME`: time spent suspended counts, so that a gate that slept does not
/// wake with rights of yesterday.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(u64);

impl Monotonic {
    /// When the machine started.
    pub const START: Monotonic = Monotonic(0);
    /// Later than any time that occurs.
    pub const NEVER: Monotonic = Monotonic(u64::MAX);

    /// From nanoseconds since the start.
    pub const fn from_nanos(nanos: u64) -> Monotonic {
        Monotonic(nanos)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    pub const fn since(self, earlier: Monotonic) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Monotonic {
    type Output = Monotonic;
    /// Saturates at [`Monotonic::NEVER`].
    fn add(self, after: Duration) -> Monotonic {
        Monotonic(self.0.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// What both clocks said at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For whatever lasts.
    pub monotonic: Monotonic,
    /// For windows and TOTP: may step both ways.
    pub wall: Time,
}

impl Now {
    /// Whole seconds since the Unix epoch, as TOTP and the store count.
    pub(crate) fn unix_seconds(self) -> u64 {
        self.wall.as_nanos() / 1_000_000_000
    }
}
