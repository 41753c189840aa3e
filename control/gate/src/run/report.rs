//! What a gate says when it stops.

use serde::Serialize;
use wicketgate_audit::WorkerSums;
use wicketgate_engine::{Counters, Tables};
use wicketgate_worker::{AssetLatency, HoldCounters};
use wicketgate_xdp::{Accounts, Statistics};

use super::audit::Logged;
use super::data::Outcome;
use super::interfaces::Interfaces;
use crate::figures::Frames;
use crate::table::Table;
use crate::words::nanos;
use crate::{output, reasons};

/// What the workers did, and where.
pub(super) struct Figures {
    pub(super) outcomes: Vec<Outcome>,
    /// The core of each worker; empty for any.
    pub(super) cores: Vec<usize>,
    /// Free frames that are no worker's.
    pub(super) in_common: u32,
}

impl Figures {
    /// What each worker told the log, and judged.
    pub(super) fn sums(&self) -> Vec<WorkerSums> {
        let sums = |(outcome, worker): (&Outcome, u32)| WorkerSums {
            worker,
            events: outcome.events,
            lost: outcome.events_lost,
            judged: Some(outcome.counters.commands),
        };
        self.outcomes.iter().zip(0..).map(sums).collect()
    }
}

/// The report: totals first.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    frames: Frames,
    waited: Waited,
    chunks: Chunks,
    sockets: Vec<Socket>,
    latency: Latency,
    workers: Vec<WorkerLine>,
    assets: Vec<AssetLine>,
    audit: AuditLine,
}

/// Frames that waited for an asset's MAC address.
#[derive(Debug, Serialize)]
struct Waited {
    total: u64,
    forwarded: u64,
    no_room: u64,
}

/// Where the UMEM's chunks are, over all workers; `held` and `strays` must be 0, and `total` what it was
/// made with.
#[derive(Debug, Serialize)]
struct Chunks {
    total: i64,
    free: i64,
    filling: i64,
    sending: i64,
    held: i64,
    strays: u64,
}

/// One worker. What it decided on is what came in there for its assets, and what others handed over.
#[derive(Debug, Serialize)]
struct WorkerLine {
    worker: usize,
    core: Option<usize>,
    frames: Frames,
    handed_over: u64,
    /// In which it had frames in hand.
    busy_ns: u64,
    latency: Latency,
}

/// The gate's own time on the frames of one asset, against its cycle.
#[derive(Debug, Serialize)]
struct AssetLine {
    asset: String,
    worker: usize,
    frames: u64,
    latency: Latency,
    p999_share: Option<f64>,
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

/// The gate's own time per frame, from the rx ring to the tx ring, in nanoseconds.
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
    /// Puts it together. `tables` are the last ones: they name the assets.
    pub(super) fn new(
        figures: &Figures,
        tables: Option<&Tables>,
        interfaces: &Interfaces,
        logged: &Logged,
    ) -> Report {
        let outcomes = &figures.outcomes;
        let mut counters = Counters::default();
        outcomes.iter().for_each(|outcome| counters.add(&outcome.counters));
        let sockets = outcomes.iter().flat_map(|outcome| outcome.sockets.iter().flatten());
        let mut sockets: Vec<_> = sockets.collect();
        sockets.sort_by_key(|(port, queue, _)| (port.0, queue.number));
        let socket = |(port, queue, statistics): &(_, wicketgate_xdp::Queue, Statistics)| {
            socket(interfaces.name(*port), queue.number, statistics)
        };
        Report {
            frames: Frames::new(&counters, outcomes.iter().map(|outcome| outcome.unsent).sum()),
            waited: waited(outcomes),
            chunks: chunks(figures),
            sockets: sockets.into_iter().map(socket).collect(),
            latency: merged(outcomes),
            workers: workers(figures),
            assets: assets(outcomes, tables),
            audit: AuditLine {
                records: logged.summary.records,
                last: logged.summary.last.to_string(),
                lost: outcomes.iter().map(|outcome| outcome.events_lost).sum(),
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
        if self.waited.total > 0 {
            output::text(format_args!(
                "{} frames waited for a MAC address: {} of them were forwarded",
                self.waited.total, self.waited.forwarded
            ));
        }
        let (p50, p99, max) = (nanos(time.p50), nanos(time.p99), nanos(time.max));
        output::text(format_args!("The gate's own time: p50 {p50}, p99 {p99}, max {max}"));
        output::text(format_args!(
            "Audit log: {} records, last hash {}; {} events lost",
            audit.records, audit.last, audit.lost
        ));
        frames.print_dropped();
        reasons::print_legend(frames.dropped.iter().map(|line| line.reason));
        self.print_workers();
        self.print_assets();
        self.print_sockets();
    }

    /// Of one worker everything is told already.
    fn print_workers(&self) {
        if self.workers.len() < 2 {
            return;
        }
        let heads =
            ["worker", "core", ">frames", ">dropped", ">handed over", ">p50", ">p99", ">max"];
        let mut table = Table::new("Workers", &heads);
        for line in &self.workers {
            let core = line.core.map_or("any".to_owned(), |core| core.to_string());
            let dropped = line.frames.dropped.iter().map(|line| line.frames).sum::<u64>();
            let numbers = [line.frames.total, dropped, line.handed_over].map(|n| n.to_string());
            let cells = [line.worker.to_string(), core].into_iter().chain(numbers);
            table.row(cells.chain(line.latency.cells()));
        }
        table.print();
    }

    fn print_assets(&self) {
        let heads = ["asset", "worker", ">frames", ">p50", ">p99", ">max", ">p99.9 of its cycle"];
        let mut table = Table::new("The gate's own time per asset", &heads);
        for line in self.assets.iter().filter(|line| line.frames > 0) {
            let share = line.p999_share.map(|share| format!("{:.2} %", 100.0 * share));
            let cells =
                [line.asset.clone(), line.worker.to_string(), line.frames.to_string()].into_iter();
            table.row(cells.chain(line.latency.cells()).chain([share.unwrap_or_default()]));
        }
        table.print();
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

impl Latency {
    fn new(nanos: &hdrhistogram::Histogram<u64>) -> Latency {
        let at = |quantile| nanos.value_at_quantile(quantile);
        Latency { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: nanos.max() }
    }

    fn cells(&self) -> [String; 3] {
        [self.p50, self.p99, self.max].map(nanos)
    }
}

fn waited(outcomes: &[Outcome]) -> Waited {
    let sum = |of: fn(&HoldCounters) -> u64| outcomes.iter().map(|one| of(&one.held)).sum();
    Waited {
        total: sum(|held| held.held),
        forwarded: sum(|held| held.forwarded),
        no_room: sum(|held| held.refused),
    }
}

fn chunks(figures: &Figures) -> Chunks {
    let sum: Accounts = figures.outcomes.iter().map(|outcome| outcome.accounts).sum();
    let in_common = i64::from(figures.in_common);
    Chunks {
        total: sum.total() + in_common,
        free: sum.free + in_common,
        filling: sum.filling,
        sending: sum.sending,
        held: sum.held,
        strays: figures.outcomes.iter().map(|outcome| outcome.strays).sum(),
    }
}

/// The time on all frames, of all workers.
fn merged(outcomes: &[Outcome]) -> Latency {
    let all = outcomes.iter().map(|outcome| outcome.latency.clone());
    let merged = all.reduce(|mut sum, one| {
        sum.merge(&one);
        sum
    });
    merged
        .map_or(Latency { p50: 0, p99: 0, p999: 0, max: 0 }, |latency| Latency::new(latency.all()))
}

fn workers(figures: &Figures) -> Vec<WorkerLine> {
    let line = |(worker, outcome): (usize, &Outcome)| WorkerLine {
        worker,
        core: figures.cores.get(worker).copied(),
        frames: Frames::new(&outcome.counters, outcome.unsent),
        handed_over: outcome.handed_over,
        busy_ns: outcome.busy,
        latency: Latency::new(outcome.latency.all()),
    };
    figures.outcomes.iter().enumerate().map(line).collect()
}

fn assets(outcomes: &[Outcome], tables: Option<&Tables>) -> Vec<AssetLine> {
    let of = |(worker, outcome): (usize, &Outcome)| {
        let line = |asset: &AssetLatency| asset_line(worker, asset, tables);
        outcome.latency.assets().iter().map(line).collect::<Vec<_>>()
    };
    outcomes.iter().enumerate().flat_map(of).collect()
}

fn asset_line(worker: usize, latency: &AssetLatency, tables: Option<&Tables>) -> AssetLine {
    let known = tables.and_then(|tables| tables.asset(tables.asset_by_overlay(latency.overlay)?));
    AssetLine {
        asset: known.map_or(latency.overlay.to_string(), |asset| asset.name.to_string()),
        worker,
        frames: latency.nanos.len(),
        latency: Latency::new(&latency.nanos),
        p999_share: latency.share(0.999),
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
