//! A time as people write it.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use wicketgate_packet::Time;

use crate::words;

/// A time, or how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    At(Timestamp),
    /// 00:00 UTC.
    Today,
    Ago(SignedDuration),
}

impl When {
    /// The time as records have it.
    pub(super) fn stamp(self, now: Time) -> String {
        let now = Timestamp::from_nanosecond(i128::from(now.as_nanos())).unwrap_or_default();
        let at = match self {
            When::At(at) => at,
            When::Today => midnight(now.to_zoned(TimeZone::UTC).date()).unwrap_or(now),
            When::Ago(span) => now.checked_sub(span).unwrap_or_default(),
        };
        let nanos = u64::try_from(at.as_nanosecond()).unwrap_or_default();
        words::time(Time::from_nanos(nanos))
    }
}

impl FromStr for When {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<When, &'static str> {
        if text == "today" {
            return Ok(When::Today);
        }
        let day = || midnight(text.parse::<Date>().ok()?);
        let at = text.parse::<Timestamp>().ok().or_else(day).map(When::At);
        at.or_else(|| ago(text).map(When::Ago))
            .ok_or("write 2026-11-23T06:00:00Z, 2026-11-23, today, or 90s, 15m, 2h, 7d ago")
    }
}

fn midnight(day: Date) -> Option<Timestamp> {
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// `90s`, `15m`, `2h`, `7d`.
fn ago(text: &str) -> Option<SignedDuration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let number = number.parse::<u32>().ok()?;
    Some(SignedDuration::from_secs(i64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_records_have_them() {
        // 2020-06-27T11:50:49.419685Z.
        let now = Time::from_nanos(1_593_258_649_419_685_000);
        let stamp = |text: &str| text.parse::<When>().unwrap().stamp(now);
        assert_eq!(stamp("today"), "2020-06-27T00:00:00.000000000Z");
        assert_eq!(stamp("2020-06-26"), "2020-06-26T00:00:00.000000000Z");
        assert_eq!(stamp("2h"), "2020-06-27T09:50:49.419685000Z");
        assert_eq!(stamp("1d"), "2020-06-26T11:50:49.419685000Z");
        assert_eq!(stamp("2020-06-27T08:00:00+02:00"), "2020-06-27T06:00:00.000000000Z");
        assert_eq!(stamp("4294967295d"), "1970-01-01T00:00:00.000000000Z", "before all");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "h", "2", "-2h", "2 h", "2w", "é", "tomorrow", "2020-13-01", "99999999999h"]
        {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
    }
}
