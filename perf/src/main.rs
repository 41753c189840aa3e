//! What a frame costs: time, allocations and, under callgrind, instructions.
//!
//! ```text
//! cargo run --release -p wicketgate-perf                          a table
//! cargo run --release -p wicketgate-perf -- --json                one line a figure
//! cargo run --release -p wicketgate-perf -- --counts [--json] [NAME...]  by connections and sessions that are open
//! cargo run --release -p wicketgate-perf -- --once NAME LAPS      no clock, for callgrind
//! cargo run --release -p wicketgate-perf -- --jitter SECONDS      the machine's own
//! perf/instructions.sh                                            instructions per frame and stage
//! perf/ratchet.sh                                                 they may only fall
//! perf/live/bench.py                                              on interfaces, against its peers
//! ```
//!
//! The frames are those of the bundled captures as they enter the engine. Rounds of all scenarios
//! and stages take turns, so that a disturbance of the machine hits all of them alike; the median
//! counts.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot start says so and ends"
)]

mod counts;
mod crowd;
mod figures;
mod flows;
mod jitter;
mod scenario;
mod stages;

use std::process::ExitCode;
use std::time::Duration;

use allocation_counter::measure;
use figures::Nanos;
use scenario::{Runner, Scenario};
use serde_json::json;
use stages::Stage;
use wicketgate_worker::worker::BURST;

/// Rounds of each scenario and stage.
const ROUNDS: usize = 41;

/// Frames per round and scenario, at least.
const FRAMES: usize = 20_000;

/// Bursts of a crowd that are a lap under callgrind.
const COUNTED_BURSTS: usize = 500;

/// What every frame may cost (issue 2): five million a second.
const GOAL_NANOS: f64 = 200.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] => print(&bench(), false),
        ["--json"] => print(&bench(), true),
        ["--counts", "--json", ref names @ ..] => {
            counts::in_huge_pages();
            counts::measure(names).iter().for_each(|row| println!("{row}"));
        }
        ["--counts", ref names @ ..] => {
            counts::in_huge_pages();
            counts::print(&counts::measure(names));
        }
        ["--once", name, laps] => return once(name, laps.parse().unwrap_or(1)),
        ["--jitter", seconds] => {
            println!("{}", jitter::measure(Duration::from_secs(seconds.parse().unwrap_or(1))));
        }
        _ => {
            eprintln!(
                "usage: wicketgate-perf [--json | --counts [--json] [NAME...] | --once NAME LAPS | --jitter SECONDS]"
            );
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// Laps of one scenario or stage without a clock; prints how many frames or calls that were, and how often
/// memory was allocated for them.
fn once(name: &str, laps: usize) -> ExitCode {
    if let Some(stage) = stages::all().iter_mut().find(|stage| stage.word() == name) {
        let calls = laps * stage.calls;
        let allocations = counted(|| stage.calls(calls));
        println!("{calls} {allocations}");
        return ExitCode::SUCCESS;
    }
    if let Some(mut crowd) = counts::named(name) {
        let bursts = laps * COUNTED_BURSTS;
        let allocations: u64 = (0..bursts)
            .map(|_| {
                crowd.fill();
                counted(|| crowd.decide())
            })
            .sum();
        println!("{} {allocations}", bursts * BURST);
        return ExitCode::SUCCESS;
    }
    let Some(scenario) = scenario::named(name) else {
        eprintln!("no scenario {name}: there are");
        scenario::all().iter().for_each(|scenario| eprintln!("  {}", scenario.name));
        return ExitCode::from(2);
    };
    let mut runner = Runner::new(&scenario);
    let mut allocations = 0;
    for _ in 0..laps {
        runner.fill();
        allocations += counted(|| runner.lap());
    }
    println!("{} {allocations}", laps * scenario.frames.len());
    ExitCode::SUCCESS
}

/// Does what callgrind is to count (`perf/instructions.sh` knows this function by its name): how often it
/// allocated memory.
#[inline(never)]
fn counted(work: impl FnOnce()) -> u64 {
    measure(work).count_total
}

/// One scenario's figures.
struct Row<'s> {
    scenario: &'s Scenario,
    nanos: Nanos,
    allocations: f64,
    commands: f64,
    events: f64,
    forwarded: f64,
}

struct Figures {
    rows: Vec<serde_json::Value>,
    /// Each with its allocations per call.
    stages: Vec<(Stage, f64)>,
}

fn bench() -> Figures {
    let scenarios = scenario::all();
    let mut runners: Vec<(Runner, Row<'_>)> = scenarios.iter().map(prepare).collect();
    let measured = |mut stage: Stage| {
        let allocations = stage.allocations();
        (stage, allocations)
    };
    let mut stages: Vec<_> = stages::all().into_iter().map(measured).collect();
    for _ in 0..ROUNDS {
        for (runner, row) in &mut runners {
            round(runner, row);
        }
        stages.iter_mut().for_each(|(stage, _)| stage.round());
    }
    let rows = runners.iter().map(|(_, row)| row.json()).collect();
    Figures { rows, stages }
}

/// The first laps warm the caches and count what does not change.
fn prepare(scenario: &Scenario) -> (Runner, Row<'_>) {
    let mut runner = Runner::new(scenario);
    runner.fill();
    runner.lap();
    runner.fill();
    let (before, told) = (runner.counters().clone(), runner.told());
    let counted = measure(|| runner.lap());
    let after = runner.counters();
    let share = |count: u64| count as f64 / scenario.frames.len() as f64;
    let row = Row {
        nanos: Nanos::default(),
        allocations: share(counted.count_total),
        commands: share(after.commands - before.commands),
        events: share(runner.told() - told),
        forwarded: share(after.forwarded - before.forwarded),
        scenario,
    };
    (runner, row)
}

fn round(runner: &mut Runner, row: &mut Row<'_>) {
    let frames = row.scenario.frames.len();
    let mut best = Nanos::default();
    for _ in 0..FRAMES.div_ceil(frames) {
        runner.fill();
        best.round(frames, || runner.lap());
    }
    row.nanos.absorb(best.median());
}

impl Row<'_> {
    fn json(&self) -> serde_json::Value {
        let median = self.nanos.median();
        json!({
            "scenario": self.scenario.name,
            "frames": self.scenario.frames.len(),
            "ns": median,
            "ns_min": self.nanos.min(),
            "ns_max": self.nanos.max(),
            "million_frames_per_second": 1000.0 / median,
            "allocations": self.allocations,
            "commands_per_frame": self.commands,
            "events_per_frame": self.events,
            "forwarded_share": self.forwarded,
            "reaches_goal": median <= GOAL_NANOS,
        })
    }
}

fn print(figures: &Figures, as_json: bool) {
    if as_json {
        figures.rows.iter().for_each(|row| println!("{row}"));
    } else {
        print_rows(&figures.rows);
    }
    print_ratios(&figures.rows, as_json);
    if !as_json {
        println!(
            "\none stage, an ordinary request          ns/call      min      max             alloc"
        );
    }
    for (Stage { name, nanos, .. }, allocations) in &figures.stages {
        let (median, min, max) = (nanos.median(), nanos.min(), nanos.max());
        if as_json {
            let figures = json!({"stage": name, "ns": median, "ns_min": min, "ns_max": max,
                "allocations": allocations});
            println!("{figures}");
        } else {
            println!("{name:38} {median:8.1} {min:8.1} {max:8.1} {:10} {allocations:6.2}", "");
        }
    }
}

/// What inspection costs beside a flow that nobody reads, and renumbering beside that.
fn print_ratios(rows: &[serde_json::Value], as_json: bool) {
    let nanos = |name: &str| {
        let row = rows.iter().find(|row| row["scenario"] == name);
        row.and_then(|row| row["ns"].as_f64()).unwrap_or(f64::NAN)
    };
    for (name, base) in [(flows::INSPECTED, flows::OPAQUE), (flows::SPLICED, flows::INSPECTED)] {
        let ratio = nanos(name) / nanos(base);
        if as_json {
            println!("{}", json!({"ratio": name, "to": base, "ns": ratio}));
        } else {
            println!("{:38} {ratio:8.2}", format!("{name} / {base}"));
        }
    }
}

fn print_rows(rows: &[serde_json::Value]) {
    println!(
        "whole engine, events drained           ns/frame      min      max   Mframe/s  alloc  cmd/frame"
    );
    for row in rows {
        let number = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
        println!(
            "{:38} {:8.1} {:8.1} {:8.1} {:10.2} {:6.2} {:10.2}",
            row["scenario"].as_str().unwrap_or(""),
            number("ns"),
            number("ns_min"),
            number("ns_max"),
            number("million_frames_per_second"),
            number("allocations"),
            number("commands_per_frame"),
        );
    }
}
