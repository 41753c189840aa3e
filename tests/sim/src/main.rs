//! Runs seeds: `wicketgate-sim --seeds 1000`.

#![expect(clippy::disallowed_methods, reason = "a progress line reads a clock; no run does")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use wicketgate_engine::Tables;
use wicketgate_sim::gate::compile;
use wicketgate_sim::knobs::Trouble;
use wicketgate_sim::protocol::Protocol;
use wicketgate_sim::proxy::Proxy;
use wicketgate_sim::report::Report;
use wicketgate_sim::runner::{record, run, run_with};
use wicketgate_sim::wire::Wire;
use wicketgate_sim::{Knobs, Modbus, Outcome, Scenario, Violation};

/// Failures after which it stops: more say nothing new.
const ENOUGH: usize = 10;

/// The gate between real TCP stacks, on virtual time, over links that do everything wrong.
#[derive(Debug, Parser)]
struct Cli {
    /// How many seeds
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first one
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// So many commands instead of the seed's
    #[arg(long)]
    commands: Option<u16>,
    /// Share of denied commands, in a thousand, instead of the usual one
    #[arg(long)]
    denied: Option<u32>,
    /// Leave out some of what makes a run hard
    #[arg(long, value_enum)]
    without: Vec<Trouble>,
    /// What stands in the middle: what fails with another than the gate is no fault of the gate
    #[arg(long, value_enum, default_value_t = Middle::Gate)]
    middle: Middle,
    /// Where the captures of failed seeds go
    #[arg(long, default_value = "target/sim")]
    out: PathBuf,
}

/// What stands between the ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Middle {
    /// The gate.
    Gate,
    /// A proxy with a stack towards either end.
    Proxy,
    /// NAT alone; denies nothing.
    Wire,
}

/// What the seeds so far were.
#[derive(Debug, Default)]
struct Sum {
    seeds: u64,
    failed: usize,
    given_up: u64,
    nudges: u64,
    steps: u64,
    frames: u64,
    time: Duration,
}

impl Sum {
    fn add(&mut self, outcome: &Outcome) {
        self.given_up += u64::from(outcome.given_up);
        self.nudges += outcome.nudges;
        self.steps += outcome.steps;
        self.frames += outcome.entered + outcome.left;
        self.time += outcome.time;
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let knobs = Knobs { commands: cli.commands, denied: cli.denied, without: cli.without.clone() };
    let tables = compile(Modbus::POLICY);
    let (mut sum, start) = (Sum::default(), Instant::now());
    let mut told = start;
    for seed in cli.from..cli.from.saturating_add(cli.seeds) {
        match one(&cli, &knobs.scenario(seed), &tables) {
            Ok(outcome) => {
                if outcome.given_up {
                    println!("seed {seed}: given up, not by the fault of what is in the middle");
                    if cli.middle == Middle::Gate {
                        let _ = report(&cli, &knobs, seed, &tables);
                    }
                }
                sum.add(&outcome);
            }
            Err(violation) => {
                sum.failed += 1;
                tell(&cli, &knobs, seed, &tables, &violation);
            }
        }
        sum.seeds += 1;
        if sum.failed == ENOUGH {
            break;
        }
        if told.elapsed() > Duration::from_secs(5) {
            told = Instant::now();
            eprintln!("{}", line(&sum, start.elapsed()));
        }
    }
    println!("{}", line(&sum, start.elapsed()));
    if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(cli: &Cli, scenario: &Scenario, tables: &Arc<Tables>) -> Result<Outcome, Violation> {
    match cli.middle {
        Middle::Gate => run::<Modbus>(scenario, tables),
        Middle::Proxy => run_with::<Modbus, _>(scenario, Proxy::<Modbus>::new(scenario, None)),
        Middle::Wire => run_with::<Modbus, Wire>(scenario, Wire::default()),
    }
}

/// Says what failed, what is left of it when everything is taken away that need not be there, and how
/// to replay that.
fn tell(cli: &Cli, knobs: &Knobs, seed: u64, tables: &Arc<Tables>, violation: &Violation) {
    println!("seed {seed}: {violation}");
    if cli.middle != Middle::Gate {
        return;
    }
    let same =
        |other: &Violation| std::mem::discriminant(other) == std::mem::discriminant(violation);
    let fails = |scenario: &Scenario| one(cli, scenario, tables).is_err_and(|other| same(&other));
    let small = knobs.clone().shrunk(seed, fails);
    if let Err(violation) = report(cli, &small, seed, tables) {
        println!("  smaller: --seeds 1 --from {seed}{small}: {violation}");
    }
}

/// Runs a seed once more, through the gate, and leaves what replays it; what became of it.
fn report(cli: &Cli, knobs: &Knobs, seed: u64, tables: &Arc<Tables>) -> Result<Outcome, Violation> {
    let (result, record) = record::<Modbus>(&knobs.scenario(seed), tables);
    match Report::write(&cli.out, seed, Modbus::POLICY, &record.entered) {
        Ok(report) => println!("  {}", report.replay()),
        Err(error) => println!("  no capture: {}: {error}", cli.out.display()),
    }
    result
}

fn line(sum: &Sum, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(1e-3);
    let rate = |count: u64| count as f64 / seconds;
    format!(
        "{} seeds, {} failed, {} given up, {} nudges; {:.0} seeds/s, {:.1} M steps/s, {:.0} k frames/s; \
         {:.0} h of virtual time in {seconds:.1} s",
        sum.seeds,
        sum.failed,
        sum.given_up,
        sum.nudges,
        rate(sum.seeds),
        rate(sum.steps) / 1e6,
        rate(sum.frames) / 1e3,
        sum.time.as_secs_f64() / 3600.0,
    )
}
