//! Units of time stamps: from ticks of an interface to nanoseconds since the epoch.

use wicketgate_packet::Time;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// What the time stamps of one interface count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    unit: Unit,
    /// Nanoseconds to add to every time stamp.
    offset: i128,
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    /// A tick is this many nanoseconds.
    Nanos(u64),
    /// A nanosecond is this many ticks.
    Ticks(u64),
    /// A second is 2 to the power of this many ticks.
    Binary(u8),
}

impl Clock {
    /// Microseconds: pcap's, and pcapng's where an interface does not say.
    pub(super) const MICROS: Clock = Clock { unit: Unit::Nanos(1_000), offset: 0 };
    /// Nanoseconds.
    pub(super) const NANOS: Clock = Clock { unit: Unit::Nanos(1), offset: 0 };

    /// The same clock with another unit, as pcapng's option `if_tsresol` codes it: the exponent
    /// of a negative power of 10 or, with the highest bit set, of 2.
    pub(super) fn with_resolution(self, code: u8) -> Clock {
        let unit = match code {
            0..=9 => Unit::Nanos(10u64.pow(9 - u32::from(code))),
            // 10^-29 and finer: 64 bits of such ticks are less than a nanosecond.
            10..=127 => Unit::Ticks(10u64.checked_pow(u32::from(code) - 9).unwrap_or(u64::MAX)),
            128..=255 => Unit::Binary(code & 0x7f),
        };
        Clock { unit, ..self }
    }

    /// The same clock with `seconds` added to each time stamp, as `if_tsoffset` has it.
    pub(super) fn with_offset(self, seconds: i64) -> Clock {
        Clock { offset: i128::from(seconds) * NANOS_PER_SECOND, ..self }
    }

    /// The time of a stamp of `ticks`, held within what [`Time`] can say.
    #[inline]
    pub(super) fn time(self, ticks: u64) -> Time {
        match self {
            // Nearly all captures; a 128-bit product is several times the cost.
            Clock { unit: Unit::Nanos(nanos), offset: 0 } => {
                Time::from_nanos(ticks.saturating_mul(nanos))
            }
            _ => self.time_of_any(ticks),
        }
    }

    fn time_of_any(self, ticks: u64) -> Time {
        let nanos = match self.unit {
            Unit::Nanos(nanos) => i128::from(ticks) * i128::from(nanos),
            Unit::Ticks(ticks_per_nano) => i128::from(ticks / ticks_per_nano),
            Unit::Binary(shift) => (i128::from(ticks) * NANOS_PER_SECOND) >> shift,
        };
        let since_epoch = (nanos + self.offset).clamp(0, i128::from(u64::MAX));
        Time::from_nanos(u64::try_from(since_epoch).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(code: u8, ticks: u64) -> u64 {
        Clock::MICROS.with_resolution(code).time(ticks).as_nanos()
    }

    #[test]
    fn decimal_resolutions() {
        assert_eq!(Clock::MICROS.time(5).as_nanos(), 5_000);
        assert_eq!(Clock::MICROS.time(u64::MAX), Time::NEVER);
        assert_eq!(nanos(0, 5), 5_000_000_000);
        assert_eq!(nanos(6, 5), 5_000);
        assert_eq!(nanos(9, 5), 5);
        assert_eq!(nanos(12, 5_999), 5);
        assert_eq!(nanos(127, u64::MAX), 1, "never more than a nanosecond, never a panic");
    }

    #[test]
    fn binary_resolutions() {
        assert_eq!(nanos(0x80, 5), 5_000_000_000);
        assert_eq!(nanos(0x80 | 10, 512), 500_000_000);
        assert_eq!(nanos(0x80 | 32, 1 << 31), 500_000_000);
        assert_eq!(nanos(0xff, u64::MAX), 0);
    }

    #[test]
    fn offsets_move_both_ways_and_saturate() {
        assert_eq!(Clock::NANOS.with_offset(2).time(5).as_nanos(), 2_000_000_005);
        assert_eq!(Clock::NANOS.with_offset(-2).time(2_000_000_005).as_nanos(), 5);
        assert_eq!(Clock::NANOS.with_offset(-2).time(5), Time::EPOCH);
        assert_eq!(Clock::NANOS.with_offset(i64::MIN).time(0), Time::EPOCH);
        assert_eq!(Clock::MICROS.with_offset(i64::MAX).time(u64::MAX), Time::NEVER);
    }
}
