//! `wicketgate bench`: the figures of this machine, with a plant's own captures and policy.

pub(crate) mod arguments;
mod engine;
mod log;
mod report;

use std::time::Duration;

use wicketgate_worker::Laps;

use crate::exit::{Exit, complain};
use crate::replay::load::{self, Loaded};
use arguments::Bench;
use report::Report;

/// Runs the command.
pub(crate) fn run(arguments: &Bench) -> Exit {
    match bench(arguments) {
        Ok(report) => {
            report.print(arguments.json);
            if report.keeps_up() { Exit::Success } else { Exit::Finding }
        }
        Err(what) => {
            complain(what);
            Exit::Usage
        }
    }
}

fn bench(arguments: &Bench) -> Result<Report, String> {
    if cfg!(debug_assertions) {
        complain("this is a debug build: a release build is many times faster");
    }
    let Loaded { frames, tables, captured } = load::load(&arguments.replay())?;
    let laps = || Laps::new(frames.clone(), tables.clone(), captured);
    let length = Duration::from_secs(arguments.seconds.into());
    let measured = engine::measure(&mut laps(), length);
    let logged = arguments
        .log
        .as_deref()
        .map(|folder| log::measure(laps, folder, measured.commands, arguments.rate, length));
    Ok(Report::new(frames.len(), &measured, logged.transpose()?))
}
