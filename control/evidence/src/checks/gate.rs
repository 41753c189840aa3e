//! The gate that runs.

use super::{Check, but, many, number, some};
use crate::facts::{Facts, Live};
use crate::outcome::Verdict;

/// The gate runs, by the policy that was looked at.
pub const RUNS: Check = Check::new("gate-runs", runs);
/// Nothing alarms.
pub const ALARMS: Check = Check::new("alarms", alarms);
/// The log takes what happens.
pub const AUDIT_TAKES: Check = Check::new("audit-takes", audit_takes);
/// Commands are looked at as they come.
pub const WATCHES: Check = Check::new("watches", watches);
/// Whoever is logged in has proven two factors.
pub const LOGINS_NOW: Check = Check::new("logins-now", logins_now);

/// The checks of this page.
pub const CHECKS: &[Check] = &[RUNS, ALARMS, AUDIT_TAKES, WATCHES, LOGINS_NOW];

fn runs(facts: &Facts) -> Verdict {
    Verdict::of(&facts.live, |live| {
        let Live { version, uptime, epoch, .. } = live;
        let seen = format!("wicketgate {version} runs for {uptime} s, epoch {epoch}");
        match live.is_of_the_file {
            true => Verdict::satisfied(format!("{seen}, by this policy")),
            false => {
                let seen = format!("{seen}, by another policy than this file");
                Verdict::not(seen, "wicketgate policy reload")
            }
        }
    })
}

fn alarms(facts: &Facts) -> Verdict {
    Verdict::of(&facts.live, |live| {
        let on: Vec<&str> =
            live.alarms.iter().filter(|(_, on)| **on).map(|(name, _)| name.as_str()).collect();
        match on.as_slice() {
            [] => {
                Verdict::satisfied(format!("{} watched, none on", many(live.alarms.len(), "alarm")))
            }
            _ => Verdict::not(format!("on: {}", some(&on)), "docs/AUDIT.md says what each means"),
        }
    })
}

fn audit_takes(facts: &Facts) -> Verdict {
    Verdict::of(&facts.live, |live| {
        let (waiting, room) = live.waiting;
        let fails = live.alarms.get("audit-fails") == Some(&true);
        let word = if fails { "on" } else { "off" };
        let seen =
            format!("alarm audit-fails is {word}; {waiting} of {room} events wait for the log");
        match !fails && waiting < room {
            true => Verdict::satisfied(seen),
            false => Verdict::not(seen, "look at the log's disk; people are refused meanwhile"),
        }
    })
}

fn watches(facts: &Facts) -> Verdict {
    Verdict::of(&facts.live, |live| {
        let seen = format!(
            "{} commands judged since the start, {} denied; {} sessions of people and {} of machines",
            number(live.commands),
            number(live.denied),
            live.sessions,
            live.essential_sessions
        );
        let stalled = live.alarms.get("worker-stalled") == Some(&true);
        match stalled {
            false => Verdict::satisfied(seen),
            true => Verdict::not(format!("{seen}; a worker stands still"), "start the gate again"),
        }
    })
}

fn logins_now(facts: &Facts) -> Verdict {
    Verdict::of(&facts.live, |live| {
        let wrong: Vec<&str> = live
            .logins
            .iter()
            .filter(|(_, f)| f.len() < 2)
            .map(|(user, _)| user.as_str())
            .collect();
        let good = live.logins.len() - wrong.len();
        let all = many(live.logins.len(), "login");
        let seen = format!("{good} of {all} now have proven two factors{}", but(&wrong));
        match wrong.as_slice() {
            [] => Verdict::satisfied(seen),
            _ => {
                Verdict::partly(seen, "rules with two factors give these logins nothing until then")
            }
        }
    })
}
