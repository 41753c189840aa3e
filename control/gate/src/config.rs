//! Reading a policy file.

use std::io::{Error, ErrorKind};
use std::path::Path;

use wicketgate_policy::{Diagnostic, Failure, Policy, parse};

use crate::reasons;

/// The policy in `path`; or everything that is wrong with it, as one text.
pub(crate) fn load(path: &Path) -> Result<Policy, String> {
    let name = path.display().to_string();
    parse(&read(path)?, &name).map_err(|diagnostics| refusal(&name, &diagnostics))
}

/// The same, of which each sentence of its `[tests]` must be true: what the live gate takes.
pub(crate) fn load_tested(path: &Path) -> Result<Policy, String> {
    let policy = load(path)?;
    let failures = policy.assertions().failures(&policy).map_err(|error| error.to_string())?;
    if failures.is_empty() {
        return Ok(policy);
    }
    let (failed, all) = (failures.len(), policy.assertions().len());
    let words: Vec<String> = failures.iter().map(failure).collect();
    let path = path.display();
    Err(format!("{path}: {failed} of {all} assertions do not hold\n\n{}", words.join("\n\n")))
}

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| unreadable(&path.display().to_string(), &error))?;
    // Some editors begin a file with a byte order mark; columns are counted without it.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// All that is wrong with a file.
pub(crate) fn refusal(name: &str, diagnostics: &[Diagnostic]) -> String {
    let count = diagnostics.len();
    let all: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    let errors = if count == 1 { "error" } else { "errors" };
    format!("{name}: {count} {errors}\n\n{}", all.join("\n\n"))
}

/// An assertion that does not hold: where, what the gate says, and what that reason means.
pub(crate) fn failure(failure: &Failure) -> String {
    let diagnostic = &failure.diagnostic;
    match failure.reason {
        Some(reason) => {
            let (meaning, action) = reasons::words(reason);
            format!("{diagnostic}\n  {reason}: {meaning}; {action}")
        }
        None => diagnostic.to_string(),
    }
}

fn unreadable(name: &str, error: &Error) -> String {
    match error.kind() {
        ErrorKind::InvalidData => {
            format!("{name}: cannot be read: it is not UTF-8 text; save it as UTF-8")
        }
        ErrorKind::IsADirectory => {
            format!("{name}: cannot be read: it is a folder; name the policy file in it")
        }
        _ => format!("{name}: cannot be read: {error}; check its name and that you may read it"),
    }
}
