//! What a bench says at its end.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::engine::Measured;
use super::log::Logged;
use crate::api::reply::CYCLES;
use crate::output::{json, text};
use crate::run::rate::Rated;
use crate::table::Table;
use crate::words::nanos;

/// The share of the rate that was asked for below which the run did not keep up.
const KEPT_UP: f64 = 0.99;

/// The report.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    engine: Engine,
    /// A frame by itself, in nanoseconds, one look at the clock included.
    frame: Percentiles,
    /// The same of a loop of about that length, without a gate.
    floor: Percentiles,
    cycles: Vec<Cycle>,
    log: Option<Log>,
}

/// Whole laps.
#[derive(Debug, Serialize)]
struct Engine {
    frames: usize,
    commands: u64,
    denied: u64,
    laps: usize,
    ns_a_frame: f64,
    ns_a_frame_min: f64,
    million_frames_a_second: f64,
}

#[derive(Debug, Serialize)]
struct Percentiles {
    samples: u64,
    p50: u64,
    p99: u64,
    p999: u64,
    p9999: u64,
    max: u64,
}

/// What share of a cycle a frame spends in the gate, and in the loop.
#[derive(Debug, Serialize)]
struct Cycle {
    milliseconds: u64,
    p99: f64,
    p999: f64,
    p9999: f64,
    max: f64,
    floor_p9999: f64,
    floor_max: f64,
}

/// The audit log at a rate.
#[derive(Debug, Serialize)]
struct Log {
    seconds: f64,
    commands_a_second: f64,
    events: u64,
    lost: u64,
    /// More than the same run denied without a log.
    denied_more: bool,
    bytes_a_record: u64,
    whole: bool,
    fault: Option<String>,
    /// From when a burst was due until it was decided on, in nanoseconds; with the log, and without.
    burst: Percentiles,
    burst_without: Percentiles,
    keeps_up: bool,
}

impl Report {
    pub(super) fn new(frames: usize, measured: &Measured, logged: Option<Logged>) -> Report {
        let (frame, floor) = (Percentiles::of(&measured.own), Percentiles::of(&measured.floor));
        let cycles =
            CYCLES.iter().map(|cycle| Cycle::new(cycle / 1_000_000, &frame, &floor)).collect();
        let log = logged.map(Log::new);
        Report { engine: Engine::new(frames, measured), frame, floor, cycles, log }
    }

    /// Whether the log took what it was given.
    pub(super) fn keeps_up(&self) -> bool {
        self.log.as_ref().is_none_or(|log| log.keeps_up)
    }

    pub(super) fn print(&self, as_json: bool) {
        if as_json {
            return json(self);
        }
        self.engine.print();
        self.print_times();
        self.print_cycles();
        self.log.iter().for_each(Log::print);
    }

    fn print_times(&self) {
        let mut table = Table::new("Time of a frame by itself", &PERCENTILES);
        table.row(self.frame.cells("the gate"));
        table.row(self.floor.cells("a loop without a gate"));
        table.print();
    }

    fn print_cycles(&self) {
        let heads =
            [">cycle", ">p99", ">p99.9", ">p99.99", ">max", ">p99.99 of the loop", ">its max"];
        let mut table = Table::new("Share of a controller's cycle", &heads);
        for line in &self.cycles {
            let shares =
                [line.p99, line.p999, line.p9999, line.max, line.floor_p9999, line.floor_max];
            let shares = shares.into_iter().map(|share| format!("{:.3} %", share * 100.0));
            table.row([format!("{} ms", line.milliseconds)].into_iter().chain(shares));
        }
        table.print();
    }
}

impl Engine {
    fn new(frames: usize, measured: &Measured) -> Engine {
        let mut laps = measured.laps.clone();
        laps.sort_by(f64::total_cmp);
        let median = laps.get(laps.len() / 2).copied().unwrap_or(f64::NAN);
        Engine {
            frames,
            commands: measured.commands,
            denied: measured.denied,
            laps: laps.len(),
            ns_a_frame: median,
            ns_a_frame_min: laps.first().copied().unwrap_or(f64::NAN),
            million_frames_a_second: 1000.0 / median,
        }
    }

    fn print(&self) {
        let Engine { frames, commands, denied, laps, .. } = self;
        let heads = [">ns a frame", ">least", ">million frames a second"];
        text(format_args!(
            "{frames} frames, {commands} commands, {denied} of them denied; {laps} laps"
        ));
        let mut table = Table::new("The engine on one core", &heads);
        let figures = [self.ns_a_frame, self.ns_a_frame_min, self.million_frames_a_second];
        table.row(figures.map(|figure| format!("{figure:.1}")));
        table.print();
    }
}

/// The heads of a table of percentiles.
const PERCENTILES: [&str; 7] = ["", ">samples", ">p50", ">p99", ">p99.9", ">p99.99", ">max"];

impl Percentiles {
    fn of(nanos: &Histogram<u64>) -> Percentiles {
        let at = |quantile| nanos.value_at_quantile(quantile);
        Percentiles {
            samples: nanos.len(),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: nanos.max(),
        }
    }

    fn cells(&self, name: &str) -> [String; 7] {
        let Percentiles { samples, p50, p99, p999, p9999, max } = *self;
        let [p50, p99, p999, p9999, max] = [p50, p99, p999, p9999, max].map(nanos);
        [name.to_owned(), samples.to_string(), p50, p99, p999, p9999, max]
    }
}

impl Cycle {
    fn new(milliseconds: u64, frame: &Percentiles, floor: &Percentiles) -> Cycle {
        let share = |nanos: u64| nanos as f64 / (milliseconds as f64 * 1e6);
        Cycle {
            milliseconds,
            p99: share(frame.p99),
            p999: share(frame.p999),
            p9999: share(frame.p9999),
            max: share(frame.max),
            floor_p9999: share(floor.p9999),
            floor_max: share(floor.max),
        }
    }
}

impl Log {
    fn new(logged: Logged) -> Log {
        let Logged { without, with, broken, bytes_a_record } = logged;
        let (rate, asked) = (a_second(&with), a_second(&without));
        let (whole, lost) = (broken.is_none(), with.lost);
        let share = |rated: &Rated| rated.denied as f64 / u64::max(rated.commands, 1) as f64;
        let denied_more = share(&with) > share(&without) + 1.0 - KEPT_UP;
        let fault = broken.or(with.fault);
        Log {
            seconds: with.took.as_secs_f64(),
            commands_a_second: rate,
            events: with.events,
            lost,
            denied_more,
            bytes_a_record,
            whole,
            burst: Percentiles::of(&with.nanos),
            burst_without: Percentiles::of(&without.nanos),
            keeps_up: fault.is_none() && lost == 0 && !denied_more && rate >= asked * KEPT_UP,
            fault,
        }
    }

    fn print(&self) {
        let heads = [">commands a second", ">seconds", ">events", ">lost", ">bytes a record"];
        let mut table = Table::new("The audit log", &heads);
        let [rate, seconds] =
            [self.commands_a_second, self.seconds].map(|value| format!("{value:.0}"));
        let counts = [self.events, self.lost, self.bytes_a_record].map(|count| count.to_string());
        table.row([rate, seconds].into_iter().chain(counts));
        table.print();
        self.print_bursts();
        let said = match (&self.fault, self.denied_more) {
            (Some(fault), _) => fault,
            (None, true) => "commands were denied because the log did not take them",
            (None, false) if self.lost > 0 => "events found no room",
            (None, false) if self.keeps_up => "whole: verified, no event is missing",
            (None, false) => "the engine did not reach the rate",
        };
        text(format_args!("  {said}"));
    }

    fn print_bursts(&self) {
        let mut table =
            Table::new("From when a burst was due until it was decided on", &PERCENTILES);
        table.row(self.burst.cells("events logged"));
        table.row(self.burst_without.cells("events thrown away"));
        table.print();
    }
}

fn a_second(rated: &Rated) -> f64 {
    rated.commands as f64 / rated.took.as_secs_f64()
}
