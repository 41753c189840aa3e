//! The report for people.

use super::Report;
use crate::output::text;
use crate::reasons;
use crate::table::Table;
use crate::timing::{self, PERCENTILES, cells};
use crate::words;

/// Kinds of refusals shown; all of them are in `--json`, `--audit` and `--transcript`.
const SHOWN: usize = 40;

pub(super) fn print(report: &Report) {
    head(report);
    talks(report);
    commands(report);
    denied(report);
    refused(report);
    report.frames.by_verdict.print_dropped();
    legend(report);
    own_time(report);
    timing::assets(&report.assets).print();
    timing::cycles(&report.assets, |_| Some(report.floor.p9999)).print();
}

fn head(report: &Report) {
    let frames = &report.frames.by_verdict;
    text(format_args!("Capture from {} to {}", report.from, report.to));
    if report.interrupted {
        text(format_args!("Interrupted: this is what was done so far."));
    }
    if report.observed {
        text(format_args!("No config: every command was forwarded, and observed."));
    }
    let lost: u64 = frames.dropped.iter().map(|dropped| dropped.frames).sum();
    text(format_args!(
        "{} frames: {} forwarded, {} kept and sent on anew, {} answered by the gate, {} dropped or denied",
        frames.total,
        frames.forwarded,
        frames.kept,
        frames.answered,
        lost - frames.answered
    ));
    supplied(report);
    if report.audit_lost > 0 {
        text(format_args!("{} events found no room in the audit ring", report.audit_lost));
    }
}

/// What the capture lacked, in one line; nothing where it lacked nothing.
fn supplied(report: &Report) {
    let supplied = &report.supplied;
    let parts = [
        (supplied.handshakes, "connections begun before it (handshake supplied)"),
        (supplied.reordered, "segments put in order"),
        (supplied.gaps, "gaps (connection opened anew)"),
        (supplied.checksums, "checksums completed"),
        (report.frames.unsupported, "records without an Ethernet frame (passed over)"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, what)| format!("{what}: {count}")).collect();
    if !parts.is_empty() {
        text(format_args!("Capture repaired: {}", parts.join("; ")));
    }
}

fn talks(report: &Report) {
    let mut table = Table::new(
        "Who talks to what",
        &[
            "asset",
            "door",
            "user",
            "address",
            ">flows",
            ">frames",
            ">bytes",
            ">commands",
            ">denied",
        ],
    );
    for line in &report.talks {
        let [flows, frames, bytes] = [line.flows, line.frames, line.bytes].map(|n| n.to_string());
        let [commands, denied] = [line.commands, line.denied].map(|n| n.to_string());
        let cells = [&line.asset, &line.door, &line.user, &line.address];
        table.row(cells.into_iter().chain([&flows, &frames, &bytes, &commands, &denied]));
    }
    table.print();
}

fn commands(report: &Report) {
    let mut table = Table::new(
        "Commands by asset, user, class and verdict",
        &["asset", "user", "address", "class", "verdict", ">commands"],
    );
    for line in &report.commands {
        let count = line.count.to_string();
        table.row([&*line.asset, &line.user, &line.address, line.class, line.verdict, &count]);
    }
    table.print();
}

fn denied(report: &Report) {
    let title = if report.observed { "Odd commands" } else { "Denied commands" };
    let mut table = Table::new(
        title,
        &["asset", "user", "command", ">unit", "object", "reason", "nearest rule", ">times"],
    );
    for line in report.denied.iter().take(SHOWN) {
        let rule = line.rule.as_deref().unwrap_or("none");
        let (unit, count) = (line.unit.to_string(), line.count.to_string());
        let command = words::command(line.command, line.function, line.sub);
        let head = [&*line.asset, &line.user, &command, &unit, &line.object];
        table.row(head.into_iter().chain([line.reason, rule, &count]));
    }
    table.more(report.denied.len().saturating_sub(SHOWN) as u64 + report.denied_others);
    table.print();
}

fn refused(report: &Report) {
    let mut table = Table::new(
        "Refused connections",
        &["from", "user", "asset", "address", ">port", "reason", ">times"],
    );
    for line in report.refused.iter().take(SHOWN) {
        let (port, count) = (line.port.to_string(), line.count.to_string());
        let asset = line.asset.as_deref().unwrap_or("none");
        let user = line.user.as_deref().unwrap_or("nobody");
        table.row([&*line.source, user, asset, &line.destination, &port, line.reason, &count]);
    }
    table.more(report.refused.len().saturating_sub(SHOWN) as u64 + report.refused_others);
    table.print();
}

/// Every reason of the tables above, in words.
fn legend(report: &Report) {
    let denied = report.denied.iter().map(|line| line.reason);
    let refused = report.refused.iter().map(|line| line.reason);
    let dropped = report.frames.by_verdict.dropped.iter().map(|line| line.reason);
    reasons::print_legend(denied.chain(refused).chain(dropped));
}

fn own_time(report: &Report) {
    if report.latency.frames == 0 {
        return;
    }
    let heads = [""].into_iter().chain(PERCENTILES).collect::<Vec<_>>();
    let mut table = Table::new("The gate's own time per frame", &heads);
    table.row(cells("the gate", &report.latency));
    table.row(cells("a loop without a gate", &report.floor));
    table.print();
    text(format_args!("  One frame, one way, in memory: network cards and wire come on top."));
    if cfg!(debug_assertions) {
        text(format_args!("  This is a debug build: a release build is many times faster."));
    }
}
