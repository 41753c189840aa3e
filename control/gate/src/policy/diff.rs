//! `wicketgate policy diff`: who gains and who loses what.

use wicketgate_policy::diff;

use crate::exit::Exit;
use crate::{cli, config, output};

/// Runs the command; as diff(1), 1 is a difference.
pub(super) fn run(arguments: &cli::PolicyDiff) -> Result<Exit, String> {
    let (before, after) = (config::load(&arguments.before)?, config::load(&arguments.after)?);
    let difference = diff(&before, &after);
    if arguments.json {
        output::json(&difference);
    } else if !difference.is_empty() {
        output::text(format_args!("{}", difference.to_string().trim_end()));
    }
    Ok(if difference.is_empty() { Exit::Success } else { Exit::Finding })
}
