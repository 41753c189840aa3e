//! `wicketgate policy test`: are the sentences beside a policy true?

use std::path::Path;

use serde::Serialize;
use wicketgate_policy::{Assertions, Failure, Policy, parse_assertions};

use crate::exit::{Exit, complain};
use crate::{cli, config, output};

/// The outcome, for machines.
#[derive(Serialize)]
struct Outcome<'f> {
    assertions: usize,
    failed: Vec<Failed<'f>>,
}

#[derive(Serialize)]
struct Failed<'f> {
    file: &'f str,
    line: usize,
    column: usize,
    message: &'f str,
    reason: Option<&'static str>,
    rule: Option<&'f str>,
}

/// Runs the command.
pub(super) fn run(arguments: &cli::PolicyTest) -> Result<Exit, String> {
    let policy = config::load(arguments.config.as_deref().unwrap_or(&arguments.file))?;
    let of_file = match arguments.config {
        Some(_) => Some(read(&arguments.file, &policy)?),
        None => None,
    };
    let assertions = of_file.as_ref().unwrap_or(policy.assertions());
    let name = arguments.file.display();
    if assertions.is_empty() {
        return Err(format!("{name}: there is no [tests]; write sentences into its `assert`"));
    }
    assertions.warnings().iter().for_each(complain);
    let failures = assertions.failures(&policy).map_err(|error| error.to_string())?;
    if arguments.json {
        output::json(&outcome(assertions.len(), &failures));
    } else {
        print(&arguments.file, assertions.len(), &failures);
    }
    Ok(exit(&failures))
}

/// Judges the assertions of a policy, for `check`: failures go to standard error.
pub(crate) fn hold(path: &Path, policy: &Policy) -> Exit {
    let (name, all) = (path.display(), policy.assertions().len());
    let failures = match policy.assertions().failures(policy) {
        Ok(failures) => failures,
        Err(error) => {
            complain(format_args!("{name}: {error}"));
            return Exit::Usage;
        }
    };
    if !failures.is_empty() {
        let words: Vec<String> = failures.iter().map(config::failure).collect();
        complain(format_args!(
            "{name}: {}\n\n{}",
            summary(all, failures.len()),
            words.join("\n\n")
        ));
    }
    exit(&failures)
}

fn read(path: &Path, policy: &Policy) -> Result<Assertions, String> {
    let name = path.display().to_string();
    let read = parse_assertions(&config::read(path)?, &name, policy);
    read.map_err(|diagnostics| config::refusal(&name, &diagnostics))
}

fn exit(failures: &[Failure]) -> Exit {
    if failures.is_empty() { Exit::Success } else { Exit::Finding }
}

fn print(path: &Path, all: usize, failures: &[Failure]) {
    for failure in failures {
        output::text(format_args!("{}\n", config::failure(failure)));
    }
    output::text(format_args!("{}: {}", path.display(), summary(all, failures.len())));
}

fn summary(all: usize, failed: usize) -> String {
    match (all, failed) {
        (1, 0) => "1 assertion holds".to_owned(),
        (_, 0) => format!("{all} assertions hold"),
        _ => format!("{failed} of {all} assertions do not hold"),
    }
}

fn outcome(assertions: usize, failures: &[Failure]) -> Outcome<'_> {
    Outcome { assertions, failed: failures.iter().map(failed).collect() }
}

fn failed(failure: &Failure) -> Failed<'_> {
    let place = &failure.diagnostic;
    Failed {
        file: &place.file,
        line: place.line,
        column: place.column,
        message: &place.message,
        reason: failure.reason.map(|reason| reason.code()),
        rule: failure.rule.as_deref(),
    }
}
