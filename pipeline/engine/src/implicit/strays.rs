//! Datagrams of no connection: counted each, told to the audit once.
//!
//! A scanner whose connection ended goes on for a while, a thousand times a second; the audit needs to hear that
//! once.

use core::net::Ipv4Addr;
use core::time::Duration;

use wicketgate_packet::Time;

use crate::verdict::Reason;

/// Senders that are remembered; of more, the one that was told first is told again.
const PLACES: usize = 64;

/// How long a sender has to be silent to be told again.
const SILENCE: Duration = Duration::from_secs(60);

/// Who sent such datagrams to whom, why they did not pass, and when the last came.
pub(crate) struct Strays {
    places: [(u64, Reason, Time); PLACES],
    next: usize,
}

impl Strays {
    /// Nobody.
    pub(crate) const NONE: Strays =
        Strays { places: [(0, Reason::IoNotOpen, Time::EPOCH); PLACES], next: 0 };

    /// Notes one; whether it is to be told.
    pub(crate) fn note(&mut self, from: Ipv4Addr, to: Ipv4Addr, why: Reason, now: Time) -> bool {
        let who = u64::from(from.to_bits()) << 32 | u64::from(to.to_bits());
        let same = |place: &&mut (u64, Reason, Time)| (place.0, place.1) == (who, why);
        if let Some((_, _, last)) = self.places.iter_mut().find(same) {
            let told = now.since(*last) < SILENCE;
            *last = now;
            return !told;
        }
        if let Some(place) = self.places.get_mut(self.next) {
            *place = (who, why, now);
        }
        self.next = (self.next + 1) % PLACES;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHY: Reason = Reason::IoNotOpen;

    const DEVICE: Ipv4Addr = Ipv4Addr::new(192, 168, 10, 20);

    fn at(ms: u64) -> Time {
        Time::from_nanos(1_772_438_400_000_000_000 + ms * 1_000_000)
    }

    fn sender(n: u8) -> Ipv4Addr {
        Ipv4Addr::new(192, 168, 20, n)
    }

    #[test]
    fn each_is_told_once_and_again_after_a_silence() {
        let mut strays = Strays::NONE;
        assert!(strays.note(sender(1), DEVICE, WHY, at(0)));
        assert!((1..100_000).all(|ms| !strays.note(sender(1), DEVICE, WHY, at(ms))));
        assert!(
            strays.note(sender(2), DEVICE, WHY, at(5))
                && strays.note(DEVICE, sender(1), WHY, at(5))
        );
        assert!(strays.note(sender(1), DEVICE, WHY, at(99_999 + 60_000)));
    }

    #[test]
    fn of_too_many_the_first_is_forgotten() {
        let mut strays = Strays::NONE;
        assert!((0..=64).all(|n| strays.note(sender(n), DEVICE, WHY, at(0))));
        assert!(
            !strays.note(sender(64), DEVICE, WHY, at(0))
                && strays.note(sender(0), DEVICE, WHY, at(0))
        );
    }
}
