//! `wicketgate stats`: counters, rates and latency, every second.

use std::io::{IsTerminal, stdout};
use std::thread::sleep;
use std::time::Duration;

use super::Failure;
use super::arguments;
use super::http::Gate;
use super::span;
use crate::api::reply::{AuditLog, Records, Socket, Stats, Syslog, Tunnels};
use crate::output::{self, text};
use crate::table::Table;
use crate::timing::{self, PERCENTILES, cells};

/// Between two looks.
const SECOND: Duration = Duration::from_secs(1);

/// Clears the terminal and goes to its first line (ECMA-48, ED and CUP).
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";

pub(super) fn run(arguments: &arguments::Stats) -> Result<(), Failure> {
    let gate = Gate::at(arguments.at.socket.clone());
    let mut before: Option<Stats> = None;
    loop {
        let now: Stats = gate.ask("GET", "/v1/stats")?;
        if arguments.at.json {
            output::json(&now);
        } else {
            if !arguments.once && stdout().is_terminal() {
                text(format_args!("{CLEAR}"));
            }
            print(&now, before.as_ref());
        }
        if arguments.once || output::has_failed() {
            return Ok(());
        }
        before = Some(now);
        sleep(SECOND);
    }
}

fn print(now: &Stats, before: Option<&Stats>) {
    let up = span(now.uptime as u64);
    let tunnels = now.tunnels.map(|tunnels| {
        let mode = if tunnels.fips { " in FIPS mode" } else { "" };
        format!(", {} tunnels{mode}", tunnels.open)
    });
    let tunnels = tunnels.unwrap_or_default();
    text(format_args!("up {up}, epoch {}, {} sessions{tunnels}", now.epoch, now.sessions));
    totals(now, before).print();
    classes(now).print();
    reasons(now).print();
    now.tunnels.iter().for_each(|tunnels| self::tunnels(tunnels).print());
    log(&now.log).print();
    now.syslog.iter().for_each(|syslog| self::syslog(syslog).print());
    now.records.iter().for_each(|records| self::records(*records).print());
    workers(now).print();
    floors(now).print();
    timing::assets(&now.assets).print();
    timing::cycles(&now.assets, |worker| floor(now, worker)).print();
    sockets(now).print();
}

/// How much of something happened a second, between two looks.
fn rate(now: u64, before: u64, seconds: f64) -> String {
    if seconds <= 0.0 {
        return String::new();
    }
    format!("{:.0}", now.saturating_sub(before) as f64 / seconds)
}

fn totals(now: &Stats, before: Option<&Stats>) -> Table {
    let mut table = Table::new("Since the start", &["", ">total", ">a second"]);
    let seconds = before.map_or(0.0, |before| now.uptime - before.uptime);
    let none = Stats::default();
    let then = before.unwrap_or(&none);
    for (what, now, then) in [
        ("frames forwarded", now.forwarded, then.forwarded),
        ("frames answered", now.answered, then.answered),
        ("commands judged", now.commands, then.commands),
        ("commands denied", now.denied, then.denied),
    ] {
        table.row([what, &now.to_string(), &rate(now, then, seconds)]);
    }
    table
}

fn classes(now: &Stats) -> Table {
    let mut table = Table::new("Commands logged, by class", &["class", ">forwarded", ">denied"]);
    for (class, judged) in now.classes.iter().filter(|(_, it)| it.forwarded + it.denied > 0) {
        table.row([class, &judged.forwarded.to_string(), &judged.denied.to_string()]);
    }
    table
}

fn sockets(now: &Stats) -> Table {
    let heads =
        ["port", ">queue", ">dropped", ">rx full", ">fill empty", ">rx invalid", ">tx invalid"];
    let mut table = Table::new("Sockets, as the kernel counts", &heads);
    for socket in &now.sockets {
        let Socket { rx_dropped, rx_ring_full, fill_ring_empty, rx_invalid, tx_invalid, .. } =
            *socket;
        let counts = [
            u64::from(socket.queue),
            rx_dropped,
            rx_ring_full,
            fill_ring_empty,
            rx_invalid,
            tx_invalid,
        ];
        table.row([socket.port.clone()].into_iter().chain(counts.map(|count| count.to_string())));
    }
    table
}

fn reasons(now: &Stats) -> Table {
    let mut table = Table::new("Refused (docs/REASONS.md)", &["reason", ">frames"]);
    for (reason, count) in &now.reasons {
        table.row([reason, &count.to_string()]);
    }
    table
}

fn tunnels(now: &Tunnels) -> Table {
    let mut table = Table::new("Lost of tunnels (docs/TUNNEL.md)", &["", ">packets"]);
    for (what, packets) in [
        ("not from the login's own address", now.spoofed),
        ("no packets, or too long", now.unfit),
        ("to users who take them too slowly", now.overtaken),
        ("into the gate: ring full", now.inbound),
        ("out of the gate: ring full", now.outbound),
    ] {
        table.row([what, &packets.to_string()]);
    }
    table
}

fn log(now: &AuditLog) -> Table {
    let mut table = Table::new("Audit log", &[">records", ">bytes not on the disk", ">for"]);
    let AuditLog { records, waiting_bytes, waiting_seconds } = *now;
    table.row([records.to_string(), waiting_bytes.to_string(), format!("{waiting_seconds:.3} s")]);
    table
}

fn syslog(now: &Syslog) -> Table {
    let mut table = Table::new("Audit log to syslog (docs/AUDIT.md)", &["", ">records"]);
    for (what, records) in [
        ("sent, by number", now.sent),
        ("waiting", now.waiting),
        ("deleted before they were sent", now.dropped),
        ("lines that are no records", now.damaged),
    ] {
        table.row([what, &records.to_string()]);
    }
    let state = if now.connected { "connected" } else { "NOT CONNECTED" };
    table.row([now.fault.as_deref().unwrap_or(state), ""]);
    table
}

fn records(now: Records) -> Table {
    let mut table =
        Table::new("Missing from records of sessions (docs/RECORDS.md)", &["", ">frames"]);
    for (what, frames) in [
        ("ring to the record thread full", now.ring_full),
        ("not written: the disk took nothing", now.unwritten),
        ("beyond session_mib", now.beyond),
        ("record deleted while it was written", now.deleted),
    ] {
        table.row([what, &frames.to_string()]);
    }
    table
}

fn workers(now: &Stats) -> Table {
    let heads = ["worker"].into_iter().chain(PERCENTILES).chain([">busy", ""]).collect::<Vec<_>>();
    let mut table = Table::new("The gate's own time per frame, by worker", &heads);
    for (number, worker) in now.workers.iter().enumerate() {
        let row = cells(&number.to_string(), &worker.latency);
        let busy = format!("{:.1} %", 100.0 * worker.busy as f64 / 1e9 / now.uptime.max(1.0));
        let note = if worker.whole { "" } else { "has not told all" };
        table.row(row.into_iter().chain([busy, note.to_owned()]));
    }
    table
}

fn floors(now: &Stats) -> Table {
    let heads = [">samples", ">p50", ">p90", ">p99", ">p99.9", ">p99.99", ">max"];
    let heads = ["worker"].into_iter().chain(heads).collect::<Vec<_>>();
    let mut table = Table::new("The machine's own floor: a loop without a gate, by worker", &heads);
    for (number, worker) in now.workers.iter().enumerate().filter(|it| it.1.floor.frames > 0) {
        table.row(cells(&number.to_string(), &worker.floor));
    }
    table
}

/// What the machine does on the core of a worker: its p99.99.
fn floor(now: &Stats, worker: u32) -> Option<u64> {
    let floor = now.workers.get(worker as usize)?.floor;
    (floor.frames > 0).then_some(floor.p9999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_over_the_time_that_passed() {
        assert_eq!(rate(300, 100, 2.0), "100");
        assert_eq!(rate(300, 100, 0.0), "", "the first look has no rate");
        assert_eq!(rate(5, 100, 1.0), "0", "a gate that was started anew");
    }
}
