//! `wicketgate evidence`: gathers the facts, and writes what they show.

mod live;
mod log;
mod people;
mod policy;
mod program;
mod trials;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use wicketgate_audit::export::{printable, printable_json};
use wicketgate_evidence::{Facts, Report, render};
use wicketgate_policy::Policy;

use crate::cli::{self, EvidenceFormat};
use crate::exit::{Exit, complain};
use crate::run::clock;
use crate::{config, logs, output};

/// Runs the command.
pub(crate) fn run(arguments: &cli::Evidence) -> Exit {
    try_run(arguments).unwrap_or_else(|what| {
        complain(what);
        Exit::Usage
    })
}

fn try_run(arguments: &cli::Evidence) -> Result<Exit, String> {
    let policy = config::load(&arguments.config)?;
    let log = log_of(arguments, &policy);
    spare_inputs(arguments, log.as_deref())?;
    let report = Report::of(&facts(arguments, &policy, log.as_deref())?);
    let page = page(&report, arguments.format)?;
    match &arguments.output {
        Some(path) => fs::write(path, page)
            .map_err(|error| format!("{}: cannot be written: {error}", path.display()))?,
        None => output::text(format_args!("{}", page.trim_end())),
    }
    Ok(if report.has_gaps() { Exit::Finding } else { Exit::Success })
}

/// The log that is meant.
fn log_of(arguments: &cli::Evidence, policy: &Policy) -> Option<PathBuf> {
    let of_gate = || policy.gate().state_dir().map(|state| state.join(logs::FOLDER));
    arguments.audit.clone().or_else(of_gate)
}

/// What is written must not destroy what is read.
fn spare_inputs(arguments: &cli::Evidence, log: Option<&Path>) -> Result<(), String> {
    let place = |path: &Path| fs::canonicalize(path).ok();
    let Some(output) = arguments.output.as_deref().and_then(place) else { return Ok(()) };
    let inputs = [Some(arguments.config.as_path()), log];
    let is_one = |input: &Path| place(input).is_some_and(|input| output.starts_with(input));
    match inputs.into_iter().flatten().any(is_one) {
        true => Err(format!("--output {}: that is read; name another file", output.display())),
        false => Ok(()),
    }
}

fn facts(arguments: &cli::Evidence, policy: &Policy, log: Option<&Path>) -> Result<Facts, String> {
    let now = clock::wall();
    let stamp = Timestamp::from_second(i64::try_from(now.as_nanos() / 1_000_000_000).unwrap_or(0));
    Ok(Facts {
        made: stamp.unwrap_or_default().to_string(),
        config: arguments.config.display().to_string(),
        policy: policy::facts(policy, now)?,
        people: people::look(&arguments.config, policy, now),
        live: live::look(policy),
        log: log::look(log, policy, now),
        keys: program::keys(policy.gate().state_dir()),
        program: program::facts(),
    })
}

/// A page for people in which nothing hides, and nothing turns the direction of text.
fn visible(page: &str) -> String {
    let lines = page.lines().map(|line| printable(line).chain(['\n']));
    lines.flatten().collect()
}

fn page(report: &Report, format: EvidenceFormat) -> Result<String, String> {
    match format {
        EvidenceFormat::Text => Ok(visible(&render::text(report))),
        EvidenceFormat::Md => Ok(visible(&render::markdown(report))),
        EvidenceFormat::Html => Ok(visible(&render::html(report))),
        EvidenceFormat::Json => {
            let json = serde_json::to_string_pretty(report).map_err(|error| error.to_string());
            json.map(|json| printable_json(&json))
        }
    }
}
