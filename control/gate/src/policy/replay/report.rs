//! What changes, for people and for machines.

use serde::Serialize;

use super::Outcome;
use super::changes::{Change, Opinion, Times};
use crate::cli;
use crate::exit::complain;
use crate::output::{self, text};
use crate::reasons;
use crate::table::Table;
use crate::words;

/// Rows of a table that a person reads; all are in the JSON document.
const SHOWN: usize = 50;

#[derive(Serialize)]
struct Report<'o> {
    commands: u64,
    same: u64,
    now_forwarded: u64,
    now_denied: u64,
    not_judged: u64,
    changes: Vec<Line<'o>>,
    changes_others: u64,
    damage: Option<&'o str>,
}

#[derive(Serialize)]
struct Line<'o> {
    #[serde(flatten)]
    change: &'o Change,
    times: u64,
    first: String,
}

/// Prints what was found.
pub(super) fn print(outcome: &Outcome, arguments: &cli::PolicyReplay) {
    if let Some(damage) = &outcome.damage {
        complain(format_args!("{}: {damage}", arguments.record.display()));
    }
    if arguments.json {
        output::json(&report(outcome));
        return;
    }
    totals(outcome);
    changes(outcome, arguments);
}

fn report(outcome: &Outcome) -> Report<'_> {
    let changes = &outcome.changes;
    Report {
        commands: changes.commands,
        same: changes.commands - changes.differing(),
        now_forwarded: changes.allowed,
        now_denied: changes.denied,
        not_judged: changes.not_judged,
        changes: changes.kinds.iter().map(line).collect(),
        changes_others: changes.others,
        damage: outcome.damage.as_deref(),
    }
}

fn line<'o>((change, times): (&'o Change, &Times)) -> Line<'o> {
    Line { change, times: times.count, first: words::time(times.first) }
}

fn totals(outcome: &Outcome) {
    let changes = &outcome.changes;
    let same = changes.commands - changes.differing();
    text(format_args!(
        "{} commands: {same} judged the same, {} now forwarded, {} now denied",
        changes.commands, changes.allowed, changes.denied
    ));
    if changes.not_judged > 0 {
        text(format_args!("{} more are not a matter of policy", changes.not_judged));
    }
}

fn changes(outcome: &Outcome, arguments: &cli::PolicyReplay) {
    let changes = &outcome.changes;
    let before = if arguments.against.is_some() { "against" } else { "recorded" };
    let heads =
        ["asset", "user", "command", ">unit", "object", before, "policy", ">times", "first"];
    let mut table = Table::new("Commands judged otherwise", &heads);
    for (change, times) in changes.kinds.iter().take(SHOWN) {
        let (unit, count) = (change.unit.to_string(), times.count.to_string());
        let (before, after) = (opinion(&change.before), opinion(&change.after));
        let first = words::time(times.first);
        let head = [&*change.asset, &change.user, &change.command, &unit, &change.object];
        table.row(head.into_iter().chain([&*before, &after, &count, &first]));
    }
    table.more(changes.kinds.len().saturating_sub(SHOWN) as u64 + changes.others);
    table.print();
    let both = changes.kinds.keys().flat_map(|change| [&change.before, &change.after]);
    reasons::print_legend(both.filter_map(|opinion| opinion.reason.as_deref()));
}

/// `forwarded: RULE`, `denied: REASON (RULE)`.
fn opinion(opinion: &Opinion) -> String {
    let verdict = opinion.verdict;
    match (opinion.reason.as_deref(), opinion.rule.as_deref()) {
        (None, None) => verdict.to_owned(),
        (None, Some(rule)) => format!("{verdict}: {rule}"),
        (Some(reason), None) => format!("{verdict}: {reason}"),
        (Some(reason), Some(rule)) => format!("{verdict}: {reason} ({rule})"),
    }
}
