//! Reading a policy file.

use std::io::{Error, ErrorKind};
use std::path::Path;

use wicketgate_policy::{Policy, parse};

/// The policy in `path`; or everything that is wrong with it, as one text.
pub(crate) fn load(path: &Path) -> Result<Policy, String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(&name, &error))?;
    // Some editors begin a file with a byte order mark; columns are counted without it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    parse(text, &name).map_err(|diagnostics| {
        let count = diagnostics.len();
        let all: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        let errors = if count == 1 { "error" } else { "errors" };
        format!("{name}: {count} {errors}\n\n{}", all.join("\n\n"))
    })
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
