//! The time of a record as text.

use std::io;

use jiff::Timestamp;
use jiff::fmt::StdIoWrite;
use jiff::fmt::temporal::DateTimePrinter;
use wicketgate_packet::Time;

use crate::decimal::nine;
use crate::fields::Value;

/// RFC 3339 with nine digits, so that times sort as text.
const FORMAT: DateTimePrinter = DateTimePrinter::new().precision(Some(9));

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// A time that is written, with as many letters as each.
const EPOCH: &[u8; 30] = b"1970-01-01T00:00:00.000000000Z";

/// Where in it the nanoseconds are: behind the point.
const NANOS: std::ops::Range<usize> = 20..29;

/// The time of the last record, UTC: within a second only what is behind the point is written anew.
#[derive(Debug)]
pub(crate) struct Stamp {
    text: [u8; EPOCH.len()],
    /// The second that `text` is in, since 1970; `None` where it is no time.
    second: Option<u64>,
}

impl Stamp {
    pub(crate) const fn new() -> Stamp {
        Stamp { text: *EPOCH, second: Some(0) }
    }

    /// Makes it this time.
    ///
    /// # Errors
    /// No calendar knows it.
    pub(crate) fn set(&mut self, time: Time) -> io::Result<()> {
        let (second, nanos) = (time.as_nanos() / SECOND, time.as_nanos() % SECOND);
        if self.second != Some(second) {
            self.ask_calendar(time)?;
            self.second = Some(second);
        } else if let Some(text) = self.text.get_mut(NANOS) {
            text.copy_from_slice(&nine(nanos as u32));
        }
        Ok(())
    }

    fn ask_calendar(&mut self, time: Time) -> io::Result<()> {
        self.second = None;
        let time = Timestamp::from_nanosecond(i128::from(time.as_nanos()));
        time.and_then(|time| FORMAT.print_timestamp(&time, StdIoWrite(self.text.as_mut_slice())))
            .map_err(io::Error::other)
    }
}

impl Value for Stamp {
    fn write(&self, line: &mut Vec<u8>) {
        line.push(b'"');
        line.extend_from_slice(&self.text);
        line.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_by_a_calendar() {
        let mut stamp = Stamp::new();
        let around =
            |second: u64| [0, 1, 419_685_000, SECOND - 1].map(|nanos| second * SECOND + nanos);
        // The first second, one seen again, a leap, a step back, the end of a year, the last time there is.
        for nanos in [0, 7, 7, 1_593_258_649, 1_593_258_648, 1_609_459_199]
            .into_iter()
            .flat_map(around)
            .chain([u64::MAX])
        {
            stamp.set(Time::from_nanos(nanos)).unwrap();
            let time = Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
            assert_eq!(stamp.text, FORMAT.timestamp_to_string(&time).as_bytes());
        }
    }
}
