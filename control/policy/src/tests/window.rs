//! Opening hours against the calendar, both clock changes included.

use jiff::Timestamp;

use super::*;

fn weekly(days_text: &str, from: &str, to: &str, zone: &str) -> Weekly {
    Weekly {
        days: days(days_text).unwrap(),
        from: minute(from).unwrap(),
        to: minute(to).unwrap(),
        zone: TimeZone::get(zone).unwrap(),
        holidays: BTreeSet::new(),
    }
}

fn but_for(window: Weekly, dates: &[&str]) -> Weekly {
    let holidays = dates.iter().map(|date| holiday(date).unwrap()).collect();
    Weekly { holidays, ..window }
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
fn nothing_opens_on_a_holiday() {
    // 2026-12-25 is a Friday.
    let shift = weekly("mon-fri", "06:00", "18:00", "Europe/Paris");
    let shift = but_for(shift, &["2026-12-25", "2027-01-01"]);
    check(&shift, "2026-12-24T18:00:00Z", "2026-12-28T05:00:00Z", "2026-12-28T17:00:00Z");
    check(&shift, "2026-12-25T12:00:00Z", "2026-12-28T05:00:00Z", "2026-12-28T17:00:00Z");
    // A night belongs to the day it begins: the one before the holiday is open, the holiday's is not.
    let night = but_for(weekly("mon-sun", "22:00", "06:00", "UTC"), &["2026-12-25"]);
    check(&night, "2026-12-25T03:00:00Z", "2026-12-24T22:00:00Z", "2026-12-25T06:00:00Z");
    check(&night, "2026-12-25T23:00:00Z", "2026-12-26T22:00:00Z", "2026-12-27T06:00:00Z");
    // The date is the zone's: in Auckland the 25th begins when it is noon of the 24th in UTC.
    let far = but_for(weekly("mon-sun", "00:00", "24:00", "Pacific/Auckland"), &["2026-12-25"]);
    assert!(far.stretch(at("2026-12-24T10:59:59Z")).is_open(at("2026-12-24T10:59:59Z")));
    let next = far.stretch(at("2026-12-24T11:00:00Z"));
    assert_eq!(next.from, at("2026-12-25T11:00:00Z"));
}

#[test]
fn a_long_holiday_ends() {
    // Works holidays, longer than what is looked ahead without any.
    let dates: Vec<String> = (1..=31).map(|day| format!("2026-08-{day:02}")).collect();
    let dates: Vec<&str> = dates.iter().map(String::as_str).collect();
    let shift = but_for(weekly("mon-fri", "06:00", "18:00", "UTC"), &dates);
    check(&shift, "2026-07-31T18:00:00Z", "2026-09-01T06:00:00Z", "2026-09-01T18:00:00Z");
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
    for bad in ["", "2026-02-29", "2026-13-01", "25.12.2026", "2026-1-1", "12-25", " 2026-12-25"] {
        assert!(holiday(bad).is_err(), "{bad}");
    }
}
