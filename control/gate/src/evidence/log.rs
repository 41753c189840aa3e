//! The audit log: verified, and each of its records counted on the way, in memory of one line.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use wicketgate_audit::{Alarm, Fault, Trust, Verified, VerifyError, verify_log};
use wicketgate_evidence::checks::SERIOUS;
use wicketgate_evidence::facts::{Log, Looked};
use wicketgate_packet::Time;
use wicketgate_policy::Policy;

use crate::logs::{self, checkpoints, key, pieces, reader};
use crate::progress::Progress;

/// What each record begins with (IEC 62443-3-3 SR 2.8).
const HEAD: [&str; 7] = ["time", "seq", "source", "category", "type", "id", "result"];

/// How often a log is read again that ends in half a record: a gate is writing it.
const TRIES: usize = 3;

/// Types and categories that are counted each for itself, more than any gate writes; others are counted together.
const KINDS: usize = 1024;

/// Workers may tell a little late (docs/AUDIT.md); beyond this a clock was set.
const LATE: SignedDuration = SignedDuration::from_secs(1);

/// What the log shows.
pub(super) fn look(path: Option<&Path>, policy: &Policy, now: Time) -> Looked<Log> {
    let path = path.ok_or("no --audit, and no state_dir in [gate]: there is no log")?;
    let trust = trust(path, policy);
    let mut looked = read(path, &trust, now)?;
    for _ in 1..TRIES {
        if !matches!(looked.1, Some(VerifyError { fault: Fault::Cut, .. })) {
            break;
        }
        looked = read(path, &trust, now)?;
    }
    Ok(looked.0)
}

/// The gate's public key, and checkpoints off the box, where they can be read.
fn trust(path: &Path, policy: &Policy) -> Trust {
    let public = policy.gate().state_dir().map(|state| state.join(logs::PUBLIC));
    let key = public.and_then(|path| key(&path).ok());
    let kept = policy.log().checkpoints.as_ref().and_then(|path| checkpoints(path, key).ok());
    Trust { key, kept: kept.unwrap_or_default(), all_files: path.is_dir() }
}

fn read(path: &Path, trust: &Trust, now: Time) -> Looked<(Log, Option<VerifyError>)> {
    let unreadable = |error| format!("{}: cannot be opened: {error}", path.display());
    let names = pieces(path).map_err(unreadable)?;
    let files: Result<Vec<_>, _> = names.iter().map(|name| reader(name)).collect();
    let (mut count, mut progress) = (Counting::default(), bar(&names));
    let found = verify_log(files.map_err(unreadable)?.into_iter(), trust, |line| {
        count.add(line);
        progress.at(count.bytes);
    });
    let mut log = count.log;
    log.files = names.len();
    log.checkpoint_age = count.checkpoint.map(|at| age(at, now));
    let fault = found.map(|found| take(&mut log, &found, trust)).err();
    log.fault = fault.as_ref().map(|error| {
        let name = names.get(error.piece).map_or(path, PathBuf::as_path);
        format!("{}: {error}", name.display())
    });
    Ok((log, fault))
}

fn bar(names: &[PathBuf]) -> Progress {
    let size = |name: &PathBuf| name.metadata().map_or(0, |metadata| metadata.len());
    Progress::over(names.iter().map(size).sum())
}

fn take(log: &mut Log, found: &Verified, trust: &Trust) {
    log.checkpoints = found.checkpoints;
    log.signed = trust.key.map(|_| found.signed);
    log.matched = (trust.kept.count() > 0).then_some(found.matched);
    (log.tail, log.lost) = (found.unsigned_tail, found.lost);
}

fn age(at: Timestamp, now: Time) -> u64 {
    let now = i64::try_from(now.as_nanos() / 1_000_000_000).unwrap_or(i64::MAX);
    u64::try_from(now.saturating_sub(at.as_second())).unwrap_or(0)
}

/// What was counted so far.
#[derive(Default)]
struct Counting {
    log: Log,
    bytes: u64,
    last: Option<Timestamp>,
    checkpoint: Option<Timestamp>,
}

/// The fields that are counted.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    category: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    result: Cow<'a, str>,
    #[serde(borrow)]
    class: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    user: Option<Cow<'a, str>>,
}

impl Counting {
    fn add(&mut self, line: &[u8]) {
        self.bytes += line.len() as u64 + 1;
        let log = &mut self.log;
        log.records += 1;
        log.headed += u64::from(serde_json::from_slice::<Head>(line).is_ok_and(|head| head.0));
        let Ok(record) = serde_json::from_slice::<Record<'_>>(line) else { return };
        bump(&mut log.categories, &record.category);
        bump(&mut log.types, &record.kind);
        self.at(&record);
        match &*record.kind {
            "command" => self.command(&record),
            "alarm" if is_of_syslog(&record) => {
                (self.log.syslog_alarms, self.log.syslog_fails) =
                    (self.log.syslog_alarms + 1, true);
            }
            "alarm-end" if is_of_syslog(&record) => self.log.syslog_fails = false,
            "access-refused" => self.log.reasoned += u64::from(record.reason.is_some()),
            _ => {}
        }
    }

    fn at(&mut self, record: &Record<'_>) {
        let Ok(time) = record.time.parse::<Timestamp>() else { return };
        let is_back = |last: Timestamp| last.duration_since(time) > LATE;
        self.log.steps_back += u64::from(self.last.is_some_and(is_back));
        self.last = Some(time);
        if matches!(&*record.kind, "checkpoint" | "log-end") {
            self.checkpoint = Some(time);
        }
    }

    fn command(&mut self, record: &Record<'_>) {
        let log = &mut self.log;
        let is_denied = record.result == "denied";
        log.attributed += u64::from(record.user.is_some());
        log.denied += u64::from(is_denied);
        log.reasoned += u64::from(is_denied && record.reason.is_some());
        log.serious += u64::from(record.class.as_deref().is_some_and(|of| SERIOUS.contains(&of)));
    }
}

fn is_of_syslog(record: &Record<'_>) -> bool {
    record.reason.as_deref() == Some(Alarm::SyslogFails.code())
}

fn bump(counts: &mut BTreeMap<String, u64>, name: &str) {
    if let Some(count) = counts.get_mut(name) {
        *count += 1;
        return;
    }
    let name = if counts.len() < KINDS { name } else { "(others)" };
    *counts.entry(name.to_owned()).or_default() += 1;
}

/// Whether a record begins with [`HEAD`], in this order.
struct Head(bool);

impl<'de> Deserialize<'de> for Head {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Head, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Head;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head, A::Error> {
        let mut first = HEAD.iter();
        let mut holds = true;
        while let Some((key, _)) = map.next_entry::<&'de str, IgnoredAny>()? {
            holds &= first.next().is_none_or(|name| *name == key);
        }
        Ok(Head(holds && first.next().is_none()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(lines: &[&str]) -> Log {
        let mut counting = Counting::default();
        lines.iter().for_each(|line| counting.add(line.as_bytes()));
        counting.log
    }

    const RECORD: &str = r#"{"time":"2026-01-01T00:00:00Z","seq":1,"source":"g","category":"command","type":"command","id":"1","result":"denied","user":"anna","class":"firmware","reason":"command-denied"}"#;

    #[test]
    fn records_are_counted_by_what_they_are() {
        let log = counted(&[RECORD]);
        let seen = (log.headed, log.count("command"), log.attributed, log.denied, log.reasoned);
        assert_eq!((seen, log.serious), ((1, 1, 1, 1, 1), 1));
    }

    /// A log that somebody else wrote may hold any names.
    #[test]
    fn names_beyond_all_measure_are_counted_together() {
        let mut counting = Counting::default();
        for number in 0..10 * KINDS {
            let kind = format!(r#""type":"made-up-{number}""#);
            let line = RECORD.replace(r#""type":"command""#, &kind);
            counting.add(
                line.replace(r#""category":"command""#, &kind.replace("type", "category"))
                    .as_bytes(),
            );
        }
        let Log { types, categories, .. } = &counting.log;
        assert!(types.len() <= KINDS + 1 && categories.len() <= KINDS + 1, "{}", types.len());
        assert_eq!(types.values().sum::<u64>(), 10 * KINDS as u64);
    }

    #[test]
    fn a_head_in_another_order_is_none() {
        let turned = RECORD.replace(r#""seq":1,"source":"g""#, r#""source":"g","seq":1"#);
        let short = r#"{"time":"2026-01-01T00:00:00Z","seq":1}"#;
        assert_eq!(counted(&[&turned, short]).headed, 0);
    }

    #[test]
    fn time_that_goes_back_is_counted() {
        let back = |time: &str| RECORD.replace("2026-01-01T00:00:00Z", time);
        let (late, early) = (back("2026-01-01T00:00:05Z"), back("2026-01-01T00:00:04.5Z"));
        assert_eq!(counted(&[&late, &early]).steps_back, 0, "workers tell a little late");
        assert_eq!(counted(&[&late, RECORD]).steps_back, 1);
    }
}
