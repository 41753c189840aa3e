//! Times of a sentence: `mon 09:00`, `mon-fri 06:00-18:00`, `sun`, `2026-03-29 02:30`, `any time`.
//!
//! A day of the week is looked at in two weeks, one in winter and one in summer, for a window may
//! be in another zone than the sentence, and the clocks of two zones do not change together.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use wicketgate_engine::Window;
use wicketgate_packet::Time;

use super::words::Word;
use crate::diagnostic::{Report, Span};
use crate::window::{self, Minute};

/// The Mondays of the two weeks.
const WEEKS: [Date; 2] = [Date::constant(2026, 1, 5), Date::constant(2026, 7, 6)];

/// How a time is written.
const HELP: &str = "write `at mon 09:00`, `at mon-fri 06:00-18:00`, `at sun`, `at 2026-03-29 02:30` \
                    or `at any time`, and the time zone behind it if [tests] has none";

/// Any time at all: both weeks.
pub(super) fn any_time(zone: &TimeZone) -> Vec<Window> {
    stretches(&every_day(), None, zone)
}

/// Reads what stands behind `at`.
pub(super) fn read(
    words: &[Word<'_>],
    at: &Span,
    zone: Option<&TimeZone>,
    report: &mut Report<'_>,
) -> Option<(Vec<Window>, TimeZone)> {
    if let [any, time] = words
        && any.is("any")
        && time.is("time")
    {
        let zone = zone.cloned().unwrap_or(TimeZone::UTC);
        return Some((any_time(&zone), zone));
    }
    let (days, rest) = days(words);
    let (hours, rest) = hours(rest);
    // What begins with a digit was meant as a time: no zone does.
    let is_zone = |word: &Word<'_>| !word.text.starts_with(|c: char| c.is_ascii_digit());
    let over = rest.is_empty() || rest.len() == 1 && rest.iter().all(is_zone);
    let (Some(days), true) = (days.or(hours.and(Some(every_day()))), over) else {
        report.error_with(at, "this is not a time", HELP);
        return None;
    };
    let zone = zone_of(rest, at, zone, report)?;
    let stretches = stretches(&days, hours, &zone);
    if stretches.is_empty() {
        report.error(at, "this time never comes");
        return None;
    }
    Some((stretches, zone))
}

fn zone_of(
    words: &[Word<'_>],
    at: &Span,
    zone: Option<&TimeZone>,
    report: &mut Report<'_>,
) -> Option<TimeZone> {
    match (words, zone) {
        ([word, ..], _) => window::zone_named(word.text, &word.at, report),
        ([], Some(zone)) => Some(zone.clone()),
        ([], None) => {
            let help = "write zone = \"Europe/Paris\" in [tests], or the zone behind the time";
            report.error_with(at, "the time has no time zone", help);
            None
        }
    }
}

/// A date or days of the week, if the first word is that.
fn days<'w, 't>(words: &'w [Word<'t>]) -> (Option<Vec<Date>>, &'w [Word<'t>]) {
    let Some((first, rest)) = words.split_first() else { return (None, words) };
    if let Ok(date) = first.text.parse::<Date>()
        && first.text.len() == "2026-03-29".len()
    {
        return (Some(vec![date]), rest);
    }
    let Ok(open) = window::days(first.text) else { return (None, words) };
    let of_week = |monday: Date| {
        let days = week(monday).zip(open);
        days.filter(|(_, open)| *open).map(|(day, _)| day)
    };
    (Some(WEEKS.iter().flat_map(|monday| of_week(*monday)).collect()), rest)
}

fn every_day() -> Vec<Date> {
    WEEKS.iter().flat_map(|monday| week(*monday)).collect()
}

fn week(monday: Date) -> impl Iterator<Item = Date> {
    let days = std::iter::successors(Some(monday), |day| day.tomorrow().ok());
    days.take(7)
}

/// A time of day or a stretch of it, if the first word is that.
fn hours<'w, 't>(words: &'w [Word<'t>]) -> (Option<(Minute, Option<Minute>)>, &'w [Word<'t>]) {
    let Some((first, rest)) = words.split_first() else { return (None, words) };
    let read = match first.text.split_once('-') {
        None => window::minute(first.text).ok().map(|from| (from, None)),
        Some((from, to)) => {
            let both = window::minute(from).ok().zip(window::minute(to).ok());
            both.filter(|(from, to)| from < to).map(|(from, to)| (from, Some(to)))
        }
    };
    if read.is_some() { (read, rest) } else { (None, words) }
}

/// The stretch of each day: the whole day, some hours, or a moment.
fn stretches(
    days: &[Date],
    hours: Option<(Minute, Option<Minute>)>,
    zone: &TimeZone,
) -> Vec<Window> {
    let (from, to) = hours.unwrap_or((Minute::MIDNIGHT, Some(Minute::END)));
    let on = |day: &Date| {
        let from = window::at(*day, from, zone)?;
        let until = match to {
            Some(to) => window::at(*day, to, zone)?,
            None => Time::from_nanos(from.as_nanos().saturating_add(1)),
        };
        (from < until).then_some(Window { from, until })
    };
    days.iter().filter_map(on).collect()
}

/// `Sun 2026-01-11 09:00 Europe/Paris`.
pub(super) fn words(time: Time, zone: &TimeZone) -> String {
    match Timestamp::from_nanosecond(i128::from(time.as_nanos())) {
        Ok(time) => time.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M %Q").to_string(),
        Err(_) => format!("{} ns", time.as_nanos()),
    }
}
