//! What the audit log shows.

use super::{Check, many, number, some};
use crate::facts::{Facts, Live, Log, Sending};
use crate::outcome::Verdict;

/// Nothing in the log was changed.
pub const WHOLE: Check = Check::new("log-whole", whole);
/// What the log says is vouched for where the machine cannot write.
pub const OFF_BOX: Check = Check::new("log-off-box", off_box);
/// Records are sent off the box as they are made, and arrive.
pub const SENT: Check = Check::new("log-sent", sent);
/// Nothing is missing in the log.
pub const COMPLETE: Check = Check::new("log-complete", complete);
/// Records begin with the fields that are asked for.
pub const FIELDS: Check = Check::new("log-fields", fields);
/// Events of each category are there.
pub const EVENTS: Check = Check::new("log-events", events);
/// Commands say who asked.
pub const ATTRIBUTED: Check = Check::new("log-attributed", attributed);
/// Refusals say why.
pub const REFUSALS: Check = Check::new("log-refusals", refusals);
/// Sessions end, and that is told.
pub const SESSIONS: Check = Check::new("log-sessions", sessions);
/// What changes a device stands in the log.
pub const CHANGES: Check = Check::new("log-changes", changes);
/// How long the log is kept.
pub const KEPT: Check = Check::new("log-kept", kept);
/// Time goes forward.
pub const TIME: Check = Check::new("log-time", time);

/// The checks of this page.
pub const CHECKS: &[Check] = &[
    WHOLE, OFF_BOX, SENT, COMPLETE, FIELDS, EVENTS, ATTRIBUTED, REFUSALS, SESSIONS, CHANGES, KEPT,
    TIME,
];

/// Categories that a gate in use writes.
const CATEGORIES: [&str; 7] = ["audit", "session", "access", "command", "login", "user", "policy"];

/// Intervals after which a checkpoint is late: the disk may take its time.
const LATE: u64 = 3;

fn whole(facts: &Facts) -> Verdict {
    Verdict::of(&facts.log, |log| {
        let records = number(log.records);
        if let Some(fault) = &log.fault {
            let seen = format!("{records} records hold; then {fault}");
            return Verdict::not(seen, "wicketgate audit verify says what was done to it");
        }
        let seen = format!(
            "chain of {}, {records} records whole{}",
            many(log.files, "file"),
            checkpoints(log)
        );
        match log.signed {
            Some(_) if is_late(facts, log) => Verdict::partly(
                seen,
                "the gate that runs should have signed these: look at its alarms",
            ),
            Some(signed) if signed > 0 => Verdict::satisfied(seen),
            _ => Verdict::partly(seen, "no signature was checked: keep the log in state_dir"),
        }
    })
}

/// Whether a gate that runs has left records unsigned for longer than it should.
fn is_late(facts: &Facts, log: &Log) -> bool {
    let longest = facts.policy.keeping.checkpoint.saturating_mul(LATE);
    facts.live.is_ok() && log.tail > 0 && log.checkpoint_age.is_some_and(|age| age > longest)
}

fn checkpoints(log: &Log) -> String {
    let signed = match log.signed {
        Some(signed) => format!(", {} checkpoints signed by the gate's key", number(signed)),
        None => format!(", {} checkpoints, unchecked", number(log.checkpoints)),
    };
    let age = log.checkpoint_age.map(|age| format!(", the last {age} s old"));
    format!("{signed}{}, {} records behind it", age.unwrap_or_default(), number(log.tail))
}

fn off_box(facts: &Facts) -> Verdict {
    let remedy = "write checkpoints = \"/mnt/elsewhere/gate.jsonl\" into [audit]";
    let Some(place) = &facts.policy.keeping.off_box else {
        return Verdict::not("checkpoints are kept on this machine alone", remedy);
    };
    Verdict::of(&facts.log, |log| match log.matched {
        Some(matched) if matched > 0 && log.fault.is_none() => {
            Verdict::satisfied(format!("{} checkpoints in {place} are in the log", number(matched)))
        }
        Some(matched) => {
            let seen = format!("{matched} checkpoints in {place} are in the log");
            Verdict::not(seen, "wicketgate audit verify --checkpoints says why")
        }
        None => {
            Verdict::partly(format!("{place} cannot be read from here"), "mount it, and ask again")
        }
    })
}

fn sent(facts: &Facts) -> Verdict {
    let Some(to) = &facts.policy.keeping.syslog else {
        let remedy = "write [audit.syslog] with server = \"HOST:6514\"";
        return Verdict::not("records are sent to no syslog server", remedy);
    };
    let how = if to.by_tls { "by TLS" } else { "in clear" };
    let sending = facts.live.as_ref().ok().and_then(|live: &Live| live.sending);
    Verdict::of(&facts.log, |log| {
        let ended = if log.syslog_fails { ", the last of which goes on" } else { "" };
        let alarms = many(log.syslog_alarms as usize, "alarm");
        let seen = format!(
            "records are sent to {} {how}{}; {alarms} in the log that they are not{ended}",
            to.server,
            now(sending)
        );
        match sending {
            _ if log.syslog_fails => Verdict::not(
                seen,
                "the last alarm syslog-fails has not ended: see why the server is out of reach",
            ),
            Some(sending) if sending.lost > 0 => Verdict::not(
                seen,
                "keep the log longer than the server may be away: keep_mib, keep_for",
            ),
            Some(sending) if !sending.connected => {
                Verdict::partly(seen, "there is no connection now: wicketgate stats says why")
            }
            _ if !to.by_tls => Verdict::partly(
                seen,
                "transport = \"tls\": nobody on the way reads or changes records",
            ),
            None => Verdict::partly(seen, "run the gate: only it knows what was sent"),
            Some(_) => Verdict::satisfied(seen),
        }
    })
}

/// How it stands with the gate that runs.
fn now(sending: Option<Sending>) -> String {
    let Some(Sending { connected, waiting, lost }) = sending else { return String::new() };
    let state = if connected { "connected" } else { "not connected" };
    format!(" ({state}, {} wait, {} were never sent)", number(waiting), number(lost))
}

fn complete(facts: &Facts) -> Verdict {
    Verdict::of(&facts.log, |log| {
        let (lost, commands) = (number(log.lost), number(log.count("command")));
        let seen = format!("{commands} commands in the log; {lost} events found no room in it");
        match log.lost {
            0 => Verdict::satisfied(seen),
            _ => Verdict::not(seen, "find why: alarms of the log, the disk, the number of workers"),
        }
    })
}

/// How it stands with records of which each should be so.
fn share(good: u64, all: u64, what: &str) -> Verdict {
    let seen = format!("{} of {} {what}", number(good), number(all));
    match good >= all {
        true => Verdict::satisfied(seen),
        false => Verdict::not(seen, "these records are not of a gate of this version"),
    }
}

fn fields(facts: &Facts) -> Verdict {
    Verdict::of(&facts.log, |log| {
        let what = "records begin with time, seq, source, category, type, id, result";
        share(log.headed, log.records, what)
    })
}

fn events(facts: &Facts) -> Verdict {
    Verdict::of(&facts.log, |log| {
        let count = |name: &&str| log.categories.get(*name).copied().unwrap_or(0);
        let there = CATEGORIES.iter().filter(|name| count(name) > 0);
        let there: Vec<String> =
            there.map(|name| format!("{name} {}", number(count(name)))).collect();
        let lacking: Vec<&str> =
            CATEGORIES.iter().filter(|name| count(name) == 0).copied().collect();
        let seen = format!("records by category: {}", there.join(", "));
        if lacking.is_empty() {
            return Verdict::satisfied(seen);
        }
        let seen = format!("{seen}; none yet of {}", lacking.join(", "));
        Verdict::partly(seen, "a log of the gate in use has them")
    })
}

fn attributed(facts: &Facts) -> Verdict {
    Verdict::of(&facts.log, |log| {
        share(log.attributed, log.count("command"), "commands name the user or the conduit")
    })
}

fn refusals(facts: &Facts) -> Verdict {
    Verdict::of(&facts.log, |log| {
        let all = log.denied + log.count("access-refused");
        share(log.reasoned, all, "refused commands and accesses say why")
    })
}

fn sessions(facts: &Facts) -> Verdict {
    let live = facts.live.as_ref().ok().map(|live| live.sessions + live.essential_sessions);
    Verdict::of(&facts.log, |log| {
        let (starts, ends) = (log.count("session-start"), log.count("session-end"));
        let revoked = log.count("session-revoked");
        let mut seen = format!("{starts} sessions began, {ends} ended, {revoked} were taken back");
        if let Some(live) = live {
            seen = format!("{seen}; {live} are live");
        }
        let open = starts.saturating_sub(ends);
        match live {
            _ if open == 0 => Verdict::satisfied(seen),
            Some(live) if open <= live as u64 => Verdict::satisfied(seen),
            _ => Verdict::partly(seen, "the rest is live, or ended with a gate that was killed"),
        }
    })
}

fn changes(facts: &Facts) -> Verdict {
    Verdict::of(&facts.log, |log| {
        let unnamed = log.count("command").saturating_sub(log.attributed);
        let seen = format!(
            "commands that change a device (program, firmware, mode, parameters): {}; commands \
             without a name: {}",
            number(log.serious),
            number(unnamed)
        );
        match unnamed {
            0 => Verdict::satisfied(seen),
            _ => Verdict::not(seen, "these records are not of a gate of this version"),
        }
    })
}

fn kept(facts: &Facts) -> Verdict {
    let keeping = &facts.policy.keeping;
    let size = keeping.size.map(|bytes| format!("{} MiB at most", number(bytes >> 20)));
    let span =
        keeping.span.map(|seconds| format!("{} h after its last record", number(seconds / 3600)));
    let limits: Vec<String> = size.into_iter().chain(span).collect();
    match keeping.size {
        Some(_) => Verdict::satisfied(format!("a file of the log is kept: {}", some(&limits))),
        None => {
            let seen = match limits.as_slice() {
                [] => "all files of the log are kept, whatever their size".to_owned(),
                _ => format!("a file of the log is kept: {}, whatever its size", some(&limits)),
            };
            Verdict::partly(seen, "write keep_mib into [audit], less than the disk has")
        }
    }
}

fn time(facts: &Facts) -> Verdict {
    Verdict::of(&facts.log, |log| {
        let (back, records) = (number(log.steps_back), number(log.records));
        let seen =
            format!("{back} of {records} records are more than 1 s earlier than the one before");
        match log.steps_back {
            0 => Verdict::satisfied(seen),
            _ => Verdict::partly(seen, "keep the machine's clock by NTP or PTP"),
        }
    })
}
