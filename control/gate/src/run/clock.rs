//! The daemon's clocks.
//!
//! The engine's clock starts at the wall clock's time and goes on with the time since boot: it never steps,
//! so that nobody who sets the machine's clock ages a flow or moves the end of a right. The wall clock says
//! when windows are open, which code of TOTP it is, and what stands in the audit log; when it has moved
//! against the engine's, tables are compiled anew ([`Drift`]).

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use wicketgate_identity::{Monotonic, Now};
use wicketgate_packet::Time;
use wicketgate_policy::Clocks;

/// How far the wall clock may move against the engine's before windows are laid out anew.
const TOLERANCE: Duration = Duration::from_millis(500);

/// What the wall clock said at boot, as the first look at it has it.
static BOOT: OnceLock<Time> = OnceLock::new();

/// The engine's clock.
pub(super) fn now() -> Time {
    at(since_boot())
}

/// The engine's clock at a time since boot.
fn at(since_boot: Duration) -> Time {
    *BOOT.get_or_init(|| wall() - since_boot) + since_boot
}

/// The same of a time that identity counts in.
pub(super) fn of(monotonic: Monotonic) -> Time {
    match monotonic {
        Monotonic::NEVER => Time::NEVER,
        monotonic => at(Duration::from_nanos(monotonic.as_nanos())),
    }
}

/// The machine's time. Before 1970 it is 1970.
#[expect(clippy::disallowed_methods, reason = "the daemon is who reads the wall clock")]
pub(crate) fn wall() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// The time since the machine started, asleep or not (`CLOCK_BOOTTIME`). It is never set.
pub(super) fn since_boot() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}

/// Both, as identity has them.
pub(crate) fn both() -> Now {
    let nanos = u64::try_from(since_boot().as_nanos()).unwrap_or(u64::MAX);
    Now { monotonic: Monotonic::from_nanos(nanos), wall: wall() }
}

/// Both, as the policy has them.
pub(super) fn clocks() -> Clocks {
    Clocks { wall: wall(), engine: now() }
}

/// How the wall clock stood against the engine's when it was looked at last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drift(Clocks);

impl Drift {
    /// As it stands at this moment.
    pub(super) fn at(now: Clocks) -> Drift {
        Drift(now)
    }

    /// The wall clock's time when the engine's said `time`.
    pub(super) fn wall(self, time: Time) -> Time {
        let Clocks { wall, engine } = self.0;
        (time - engine.since(wall)) + wall.since(engine)
    }

    /// Looks again; true where the wall clock was set meanwhile.
    pub(super) fn has_moved(&mut self, now: Clocks) -> bool {
        let expected = self.wall(now.engine);
        let moved = expected.since(now.wall).max(now.wall.since(expected)) > TOLERANCE;
        if moved {
            self.0 = now;
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(wall: u64, engine: u64) -> Clocks {
        let at = |seconds| Time::from_nanos(seconds * 1_000_000_000);
        Clocks { wall: at(wall), engine: at(engine) }
    }

    #[test]
    fn a_step_is_seen_once_both_ways() {
        let mut drift = Drift(clocks(1000, 1000));
        assert!(!drift.has_moved(clocks(1010, 1010)), "both went on");
        assert!(drift.has_moved(clocks(5000, 1020)), "set forward");
        assert!(!drift.has_moved(clocks(5010, 1030)), "it stays so");
        assert_eq!(drift.wall(clocks(0, 1040).engine), clocks(5020, 0).wall);
        assert!(drift.has_moved(clocks(400, 1040)), "set back");
        assert_eq!(drift.wall(clocks(0, 1050).engine), clocks(410, 0).wall);
    }

    #[test]
    fn the_engines_clock_begins_with_the_wall_clock_and_goes_on() {
        let (first, wall) = (now(), wall());
        let apart = first.since(wall).max(wall.since(first));
        assert!(apart < Duration::from_secs(1), "{apart:?}");
        assert!(now() >= first);
        assert_eq!(of(Monotonic::NEVER), Time::NEVER);
    }
}
