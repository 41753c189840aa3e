//! Opening hours: days of the week, from and to, in a time zone.
//!
//! A [`Weekly`] knows no "now": [`Weekly::stretch`] lays it out into the stretch of time that is
//! open or opens next, on the clock of the given time. Local times that a clock change skips or
//! repeats are read as RFC 5545 does (3.3.5): a skipped time is as long after the change as it was
//! written before it, of a repeated time the first is meant.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;

use jiff::civil::{Date, Time as Clock};
use jiff::tz::TimeZone;
use jiff::{Span as Days, Timestamp};
use wicketgate_engine::Window;
use wicketgate_packet::Time;

use crate::diagnostic::{Report, Span};
use crate::reader::{Node, Table};
use crate::suggest;

/// The days, Monday first, as they are written.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Days to look ahead: two weeks, for a zone that once skipped a whole day (Samoa, 2011-12-30).
const DAYS_AHEAD: usize = 15;

/// Most holidays of a window: some thirty years of them. Days to look ahead grow by as many.
const MAX_HOLIDAYS: usize = 400;

/// Opening hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weekly {
    days: [bool; 7],
    from: Minute,
    to: Minute,
    zone: TimeZone,
    /// Dates on which nothing opens.
    holidays: BTreeSet<Date>,
}

/// Minutes since midnight, 0 to 1440.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Minute(u16);

impl Weekly {
    /// The stretch that is open at `now`, or else the next one. Stretches that touch are one.
    ///
    /// A window that never opens again is returned as one that lies at the end of time.
    pub fn stretch(&self, now: Time) -> Window {
        let never = Window { from: Time::NEVER, until: Time::NEVER };
        let mut stretches = self.stretches(now).skip_while(|stretch| stretch.until <= now);
        let Some(first) = stretches.next() else { return never };
        let joined = stretches.take(DAYS_AHEAD).try_fold(first, |joined, next| {
            if next.from > joined.until {
                return ControlFlow::Break(joined);
            }
            let until = joined.until.max(next.until);
            ControlFlow::Continue(Window { from: joined.from, until })
        });
        match joined {
            ControlFlow::Break(joined) | ControlFlow::Continue(joined) => joined,
        }
    }

    /// The stretches around and after `now`, one a day, beginning with yesterday's, which may cross
    /// midnight.
    fn stretches(&self, now: Time) -> impl Iterator<Item = Window> {
        let yesterday = self.date(now).and_then(|today| today.yesterday().ok());
        let days = 0..=(DAYS_AHEAD + self.holidays.len()) as i64;
        days.filter_map(move |offset| {
            let date = yesterday?.checked_add(Days::new().days(offset)).ok()?;
            if self.opens_on(date) { self.on(date) } else { None }
        })
    }

    fn opens_on(&self, date: Date) -> bool {
        self.days.get(day_of(date)) == Some(&true) && !self.holidays.contains(&date)
    }

    fn date(&self, now: Time) -> Option<Date> {
        let now = Timestamp::from_nanosecond(i128::from(now.as_nanos())).ok()?;
        Some(now.to_zoned(self.zone.clone()).date())
    }

    /// The stretch that begins on `date`; `None` if a clock change leaves nothing of it.
    fn on(&self, date: Date) -> Option<Window> {
        let last = if self.to > self.from { date } else { date.tomorrow().ok()? };
        let window = Window { from: self.at(date, self.from)?, until: self.at(last, self.to)? };
        (window.from < window.until).then_some(window)
    }

    fn at(&self, date: Date, minute: Minute) -> Option<Time> {
        at(date, minute, &self.zone)
    }
}

/// That time of that day; `None` on a day that the zone skips.
pub(crate) fn at(date: Date, minute: Minute, zone: &TimeZone) -> Option<Time> {
    let (date, clock) = match minute.clock() {
        Some(clock) => (date, clock),
        None => (date.tomorrow().ok()?, Clock::midnight()),
    };
    let zoned = date.to_datetime(clock).to_zoned(zone.clone()).ok()?;
    // A day that the zone skips is no day to open on.
    let zoned = Some(zoned).filter(|zoned| zoned.date() == date)?;
    u64::try_from(zoned.timestamp().as_nanosecond()).ok().map(Time::from_nanos)
}

/// Days since Monday.
fn day_of(date: Date) -> usize {
    usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default()
}

impl Minute {
    /// 00:00.
    pub(crate) const MIDNIGHT: Minute = Minute(0);
    /// 24:00.
    pub(crate) const END: Minute = Minute(24 * 60);

    /// The time of day; `None` for 24:00, which is the next day's midnight.
    fn clock(self) -> Option<Clock> {
        let (hour, minute) = (i8::try_from(self.0 / 60).ok()?, i8::try_from(self.0 % 60).ok()?);
        Clock::new(hour, minute, 0, 0).ok()
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Display for Weekly {
    /// `mon,tue,wed 06:00-18:00 Europe/Paris but for 2 holidays`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = self.days.iter().zip(DAYS).filter(|(open, _)| **open);
        let days: Vec<&str> = open.map(|(_, day)| day).collect();
        let zone = self.zone.iana_name().unwrap_or("UTC");
        write!(f, "{} {}-{} {zone}", days.join(","), self.from, self.to)?;
        match self.holidays.len() {
            0 => Ok(()),
            1 => f.write_str(" but for 1 holiday"),
            count => write!(f, " but for {count} holidays"),
        }
    }
}

/// Reads `{ days = …, from = …, to = …, zone = …, holidays = … }`.
pub(crate) fn read(node: Node<'_>, report: &mut Report<'_>) -> Option<Weekly> {
    let mut table = node.table("`window`", report)?;
    let days = table.required("days", report).and_then(|node| node.parse(report, days));
    let from = table.required("from", report).and_then(|node| node.parse(report, minute));
    let to_node = table.required("to", report);
    let to = to_node.and_then(|node| node.parse(report, minute));
    let zone = read_zone(&mut table, report);
    let holidays = read_holidays(&mut table, report);
    table.close(report);
    let window = Weekly { days: days?, from: from?, to: to?, zone: zone?, holidays: holidays? };
    if window.from == window.to {
        let help = "a whole day is from = \"00:00\", to = \"24:00\"";
        report.error_with(&to_node?.span(), "the window is empty: it ends when it begins", help);
        return None;
    }
    Some(window)
}

/// The zone is never guessed: two hours of summer time are two hours of writing to a machine.
fn read_zone(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<TimeZone> {
    let Some(node) = table.optional("zone") else {
        let help = "write zone = \"Europe/Paris\", or zone = \"UTC\"";
        report.error_with(table.span(), "`window` has no `zone`", help);
        return None;
    };
    zone_named(node.name(report)?, &node.span(), report)
}

/// The zone of that name; reported if there is none.
pub(crate) fn zone_named(name: &str, span: &Span, report: &mut Report<'_>) -> Option<TimeZone> {
    let zone = TimeZone::get(name).ok();
    if zone.is_none() {
        let names: Vec<_> = jiff::tz::db().available().collect();
        let help = suggest::known(name, names.iter().map(|zone| zone.as_str()));
        let message = format!("`{name}` is not a time zone of the IANA database");
        report.error_with(span, message, help);
    }
    zone
}

/// The dates on which nothing opens; a single wrong one makes the window wrong.
fn read_holidays(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<BTreeSet<Date>> {
    let Some(node) = table.optional("holidays") else { return Some(BTreeSet::new()) };
    let dates = node.list(report)?;
    if dates.len() > MAX_HOLIDAYS {
        report.error(&node.span(), format!("{node} has more than {MAX_HOLIDAYS} dates"));
        return None;
    }
    // All are read, so that all that are wrong are reported.
    let read: Vec<Option<Date>> =
        dates.into_iter().map(|date| date.parse(report, holiday)).collect();
    read.into_iter().collect()
}

/// `2026-12-25`.
fn holiday(text: &str) -> Result<Date, String> {
    let date = Date::strptime("%Y-%m-%d", text).ok().filter(|_| text.len() == 10);
    date.ok_or_else(|| format!("`{text}` is not a date: write 2026-12-25"))
}

/// `mon-fri`, `mon,wed`, `fri-mon`.
pub(crate) fn days(text: &str) -> Result<[bool; 7], String> {
    let mut open = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        // A range may go over the end of the week.
        let length = (last + 7 - first) % 7;
        for (at, slot) in open.iter_mut().enumerate() {
            *slot |= (at + 7 - first) % 7 <= length;
        }
    }
    Ok(open)
}

fn day(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let found = DAYS.iter().position(|day| text.eq_ignore_ascii_case(day));
    found.ok_or_else(|| format!("`{text}` is not a day: write mon, tue, wed, thu, fri, sat or sun"))
}

/// `06:00`, up to `24:00`.
pub(crate) fn minute(text: &str) -> Result<Minute, String> {
    let wrong = || format!("`{text}` is not a time of day from 00:00 to 24:00");
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let two = |digits: &str, most: u16| {
        let digits = Some(digits).filter(|d| d.len() == 2 && !d.starts_with('+'))?;
        digits.parse::<u16>().ok().filter(|number| *number <= most)
    };
    let (hour, minute) = (two(hour, 24).ok_or_else(wrong)?, two(minute, 59).ok_or_else(wrong)?);
    let minutes = hour * 60 + minute;
    if minutes > 24 * 60 { Err(wrong()) } else { Ok(Minute(minutes)) }
}

#[cfg(test)]
#[path = "tests/window.rs"]
mod tests;
