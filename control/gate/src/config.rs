//! Reading a policy file.

use std::path::Path;

use wicketgate_policy::{Policy, parse};

/// The policy in `path`; or everything that is wrong with it, as one text.
pub(crate) fn load(path: &Path) -> Result<Policy, String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!("{name}: cannot be read: {error}; check its name and that you may read it")
    })?;
    parse(&text, &name).map_err(|diagnostics| {
        let count = diagnostics.len();
        let all: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        let errors = if count == 1 { "error" } else { "errors" };
        format!("{name}: {count} {errors}\n\n{}", all.join("\n\n"))
    })
}
