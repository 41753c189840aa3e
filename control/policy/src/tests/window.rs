//! Opening hours against the calendar, both clock changes included.

use jiff::Timestamp;

use super::*;

fn weekly(days_text: &str, from: &str, to: &str, zone: &str) -> Weekly {
    Weekly {
        days: days(days_text).unwrap(),
        from: minute(from).unwrap(),
        to: minute(to).unwrap(),
        zone: TimeZone::get(zone).unwrap(),
    }
}

fn at(text: &str) -> Time {
    let time: Timestamp = text.parse().unwrap();
    Time::from_nanos(time.as_nanosecond().try_into().unwrap())
}

/// The stretch at `now`, in UTC.
fn stretch(window: &Weekly, now: &str) -> (String, String) {
    let stretch = window.stretch(at(now));
    let text =
        |time: Time| Timestamp::from_nanosecond(i128::from(time.as_nanos())).unwrap().to_string();
    (text(stretch.from), text(stretch.until))
}

fn check(window: &Weekly, now: &str, from: &str, until: &str) {
    assert_eq!(stretch(window, now), (from.to_owned(), until.to_owned()), "at {now}");
}

#[test]
fn open_now_or_next() {
    let shift = weekly("mon-fri", "06:00", "18:00", "UTC");
    // 2026-03-02 is a Monday.
    let monday = ("2026-03-02T06:00:00Z", "2026-03-02T18:00:00Z");
    for now in ["2026-02-27T18:00:00Z", "2026-03-01T12:00:00Z", "2026-03-02T06:00:00Z"] {
        check(&shift, now, monday.0, monday.1);
    }
    check(&shift, "2026-03-02T17:59:59.999999999Z", monday.0, monday.1);
    check(&shift, "2026-03-02T18:00:00Z", "2026-03-03T06:00:00Z", "2026-03-03T18:00:00Z");
}

#[test]
fn over_midnight_belongs_to_the_day_it_begins() {
    let night = weekly("fri", "22:00", "06:00", "UTC");
    let friday = ("2026-03-06T22:00:00Z", "2026-03-07T06:00:00Z");
    check(&night, "2026-03-07T05:59:59Z", friday.0, friday.1);
    check(&night, "2026-03-06T05:00:00Z", friday.0, friday.1);
    check(&night, "2026-03-07T06:00:00Z", "2026-03-13T22:00:00Z", "2026-03-14T06:00:00Z");
}

#[test]
fn summer_time_begins() {
    // 2026-03-29 in Paris: 02:00 CET becomes 03:00 CEST.
    let shift = weekly("sun", "01:00", "06:00", "Europe/Paris");
    check(&shift, "2026-03-28T12:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T04:00:00Z");
    let skipped = weekly("sun", "02:15", "02:45", "Europe/Paris");
    check(&skipped, "2026-03-28T12:00:00Z", "2026-03-29T01:15:00Z", "2026-03-29T01:45:00Z");
    // It would open at 03:30, when it has closed: that Sunday it does not open.
    let nothing = weekly("sun", "02:30", "03:00", "Europe/Paris");
    check(&nothing, "2026-03-28T12:00:00Z", "2026-04-05T00:30:00Z", "2026-04-05T01:00:00Z");
    let daily = weekly("mon-sun", "06:00", "18:00", "Europe/Paris");
    check(&daily, "2026-03-28T12:00:00Z", "2026-03-28T05:00:00Z", "2026-03-28T17:00:00Z");
    check(&daily, "2026-03-29T12:00:00Z", "2026-03-29T04:00:00Z", "2026-03-29T16:00:00Z");
}

#[test]
fn summer_time_ends() {
    // 2026-10-25 in Paris: 03:00 CEST becomes 02:00 CET.
    let shift = weekly("sun", "01:00", "06:00", "Europe/Paris");
    check(&shift, "2026-10-24T12:00:00Z", "2026-10-24T23:00:00Z", "2026-10-25T05:00:00Z");
    // 02:30 comes twice; the first is meant.
    let repeated = weekly("sun", "02:30", "04:00", "Europe/Paris");
    check(&repeated, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z");
    let closes = weekly("sun", "01:00", "02:30", "Europe/Paris");
    check(&closes, "2026-10-24T12:00:00Z", "2026-10-24T23:00:00Z", "2026-10-25T00:30:00Z");
}

#[test]
fn days_that_touch_are_one_stretch() {
    let week = weekly("mon-fri", "00:00", "24:00", "UTC");
    check(&week, "2026-03-04T12:00:00Z", "2026-03-04T00:00:00Z", "2026-03-07T00:00:00Z");
    let always = weekly("mon-sun", "00:00", "24:00", "UTC");
    let now = at("2026-03-04T12:00:00Z");
    let open = always.stretch(now);
    assert!(open.is_open(now) && open.until > at("2026-03-11T12:00:00Z"));
}

#[test]
fn a_day_that_a_zone_skips() {
    // Samoa went from Thursday 2011-12-29 to Saturday 2011-12-31.
    let friday = weekly("fri", "08:00", "16:00", "Pacific/Apia");
    check(&friday, "2011-12-29T12:00:00Z", "2012-01-05T18:00:00Z", "2012-01-06T02:00:00Z");
}

#[test]
fn the_end_of_time_does_not_panic() {
    let shift = weekly("mon-fri", "06:00", "18:00", "Europe/Paris");
    for now in [Time::EPOCH, Time::NEVER] {
        assert!(!shift.stretch(now).is_open(now));
    }
}

#[test]
fn days_as_written() {
    let open = |text: &str| days(text).unwrap().map(u8::from);
    assert_eq!(open("mon-fri"), [1, 1, 1, 1, 1, 0, 0]);
    assert_eq!(open("sat-sun"), [0, 0, 0, 0, 0, 1, 1]);
    assert_eq!(open("Mon, wed"), [1, 0, 1, 0, 0, 0, 0]);
    assert_eq!(open("sat-mon"), [1, 0, 0, 0, 0, 1, 1]);
    for bad in ["", "monday", "mon-", "mon,,tue", "mon-wed-fri"] {
        assert!(days(bad).is_err(), "{bad}");
    }
    for bad in ["", "6:00", "06.00", "24:01", "06:60", "+6:00", "06:00:00"] {
        assert!(minute(bad).is_err(), "{bad}");
    }
}
