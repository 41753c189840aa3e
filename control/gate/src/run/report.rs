//! What a gate says when it stops.

use serde::Serialize;
use wicketgate_xdp::Statistics;

use super::audit::Logged;
use super::data::Outcome;
use super::interfaces::Interfaces;
use crate::figures::Frames;
use crate::table::Table;
use crate::words::nanos;
use crate::{output, reasons};

/// The report.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    frames: Frames,
    chunks: Chunks,
    sockets: Vec<Socket>,
    latency: Latency,
    audit: AuditLine,
}

/// Where the UMEM's chunks are; `held` and `strays` must be 0.
#[derive(Debug, Serialize)]
struct Chunks {
    total: u32,
    free: u32,
    filling: u32,
    sending: u32,
    held: u32,
    strays: u64,
}

/// What the kernel counted for a socket.
#[derive(Debug, Serialize)]
struct Socket {
    interface: String,
    queue: u32,
    rx_dropped: u64,
    rx_ring_full: u64,
    fill_ring_empty: u64,
    rx_invalid: u64,
    tx_invalid: u64,
}

/// The gate's own time per frame, in nanoseconds.
#[derive(Debug, Serialize)]
struct Latency {
    p50: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

#[derive(Debug, Serialize)]
struct AuditLine {
    records: u64,
    last: String,
    lost: u64,
}

impl Report {
    /// Puts it together.
    pub(super) fn new(outcome: &Outcome, interfaces: &Interfaces, logged: &Logged) -> Report {
        let sockets = outcome.sockets.as_deref().unwrap_or_default().iter();
        let socket = |(port, queue, statistics): &(_, wicketgate_xdp::Queue, Statistics)| {
            socket(interfaces.name(*port), queue.number, statistics)
        };
        let all = outcome.latency.all();
        let at = |quantile| all.value_at_quantile(quantile);
        Report {
            frames: Frames::new(&outcome.counters, outcome.unsent),
            chunks: chunks(outcome),
            sockets: sockets.map(socket).collect(),
            latency: Latency { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: all.max() },
            audit: AuditLine {
                records: logged.summary.records,
                last: logged.summary.last.to_string(),
                lost: outcome.events_lost,
            },
        }
    }

    /// Prints it.
    pub(super) fn print(&self, json: bool) {
        if json { output::json(self) } else { self.print_text() }
    }

    fn print_text(&self) {
        let (frames, time, audit) = (&self.frames, &self.latency, &self.audit);
        output::text(format_args!(
            "{} frames: {} forwarded, {} kept and sent on anew, {} answered by the gate; {} found no room to leave",
            frames.total, frames.forwarded, frames.kept, frames.answered, frames.unsent
        ));
        let (p50, p99, max) = (nanos(time.p50), nanos(time.p99), nanos(time.max));
        output::text(format_args!("The gate's own time: p50 {p50}, p99 {p99}, max {max}"));
        output::text(format_args!(
            "Audit log: {} records, last hash {}; {} events lost",
            audit.records, audit.last, audit.lost
        ));
        frames.print_dropped();
        reasons::print_legend(frames.dropped.iter().map(|line| line.reason));
        self.print_sockets();
    }

    fn print_sockets(&self) {
        let heads =
            ["interface", ">queue", ">rx dropped", ">rx ring full", ">fill ring empty", ">invalid"];
        let mut table = Table::new("Sockets, as the kernel counts", &heads);
        for line in &self.sockets {
            let invalid = line.rx_invalid + line.tx_invalid;
            let numbers = [line.rx_dropped, line.rx_ring_full, line.fill_ring_empty, invalid];
            let cells = numbers.iter().map(u64::to_string);
            table.row([line.interface.clone(), line.queue.to_string()].into_iter().chain(cells));
        }
        table.print();
    }
}

fn chunks(outcome: &Outcome) -> Chunks {
    let accounts = outcome.accounts;
    Chunks {
        total: accounts.total(),
        free: accounts.free,
        filling: accounts.filling,
        sending: accounts.sending,
        held: accounts.held,
        strays: outcome.strays,
    }
}

fn socket(interface: &str, queue: u32, statistics: &Statistics) -> Socket {
    Socket {
        interface: interface.to_owned(),
        queue,
        rx_dropped: statistics.rx_dropped,
        rx_ring_full: statistics.rx_ring_full,
        fill_ring_empty: statistics.fill_ring_empty,
        rx_invalid: statistics.rx_invalid,
        tx_invalid: statistics.tx_invalid,
    }
}
