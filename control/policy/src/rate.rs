//! `rate`: how much a machine may ask.

use wicketgate_dissectors::Protocol;
use wicketgate_engine::Rate;

use crate::diagnostic::Report;
use crate::reader::{Node, Table};

/// Most that a rule can say, a second: a gigabit of the shortest frames has 1.5 million.
const MOST: u32 = 1_000_000;

/// Seconds of a burst at most. A session without a connection is kept as long, and its bucket with it:
/// who connects anew has no more for that.
const LONGEST: u32 = 60;

/// Reads `{ commands = 100, burst = 20 }`, or `frames` where the gate reads no commands.
pub(crate) fn read(
    node: Node<'_>,
    protocol: Option<Protocol>,
    report: &mut Report<'_>,
) -> Option<Rate> {
    let mut table = node.table("`rate`", report)?;
    let (commands, frames) = (table.optional("commands"), table.optional("frames"));
    let per_second = count(&table, commands, frames, protocol?, report);
    let per_second = per_second.and_then(|node| node.number(1..=MOST, report));
    let burst = table.optional("burst");
    let most = per_second.unwrap_or(MOST).saturating_mul(LONGEST);
    let burst = burst.map(|node| node.number(1..=most, report));
    table.close(report);
    let per_second = per_second?;
    Some(Rate { per_second, burst: burst.unwrap_or(Some(per_second))? })
}

/// The number that there must be, and not the other.
fn count<'t>(
    table: &Table<'_>,
    commands: Option<Node<'t>>,
    frames: Option<Node<'t>>,
    protocol: Protocol,
    report: &mut Report<'_>,
) -> Option<Node<'t>> {
    let (right, wrong, key, why) = match protocol.is_inspected() {
        true => (commands, frames, "commands", "the gate reads the commands of"),
        false => (frames, commands, "frames", "the gate reads no commands of"),
    };
    let help = format!("write how many {key} a second: {{ {key} = 100, burst = 20 }}");
    if let Some(node) = wrong {
        report.error_with(&node.span(), format!("{why} {protocol}: {key} are counted"), help);
        return None;
    }
    if right.is_none() {
        report.error_with(table.span(), format!("`rate` has no `{key}`"), help);
    }
    right
}

/// In words.
pub(crate) fn words(rate: Rate, protocol: Protocol) -> String {
    let what = if protocol.is_inspected() { "commands" } else { "frames" };
    format!("at most {} {what} a second, {} at once", rate.per_second, rate.burst)
}
