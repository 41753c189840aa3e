//! The year over which windows are compared: long enough for both clock changes of every zone.

use std::rc::Rc;

use wicketgate_packet::Time;

use super::set::Set;
use crate::window::Weekly;

/// 2026-01-01T00:00:00Z.
pub(super) const BEGIN: Time = Time::from_nanos(1_767_225_600_000_000_000);

/// Minutes in 2026.
const MINUTES: u32 = 365 * 24 * 60;

/// Nanoseconds in a minute, which is how finely windows are written.
const MINUTE: u64 = 60_000_000_000;

/// The windows that were laid out so far: rules share a few of them.
#[derive(Default)]
pub(super) struct Calendar {
    known: Vec<(Option<Weekly>, Rc<Set>)>,
}

impl Calendar {
    /// The minutes in which the window is open; all, if there is none.
    pub(super) fn minutes(&mut self, window: Option<&Weekly>) -> Rc<Set> {
        let known = self.known.iter().find(|(known, _)| known.as_ref() == window);
        if let Some((_, set)) = known {
            return set.clone();
        }
        let set = Rc::new(window.map_or_else(|| Set::span(0, MINUTES - 1), minutes));
        self.known.push((window.cloned(), set.clone()));
        set
    }
}

fn minutes(window: &Weekly) -> Set {
    let end = time(MINUTES);
    let mut now = BEGIN;
    let mut open = Vec::new();
    while now < end {
        let stretch = window.stretch(now);
        if stretch.from >= end {
            break;
        }
        open.push((minute(stretch.from), minute(stretch.until.min(end)).saturating_sub(1)));
        now = stretch.until;
    }
    Set::of(open)
}

/// When the minute begins.
pub(super) fn time(minute: u32) -> Time {
    Time::from_nanos(BEGIN.as_nanos() + u64::from(minute) * MINUTE)
}

fn minute(time: Time) -> u32 {
    let nanos = time.as_nanos().saturating_sub(BEGIN.as_nanos());
    u32::try_from(nanos / MINUTE).unwrap_or(MINUTES)
}
