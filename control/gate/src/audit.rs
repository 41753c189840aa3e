//! `wicketgate audit`: logs, offline.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::cli;
use crate::exit::{Exit, complain};
use crate::output::text;

/// Checks each log by itself; the worst outcome is the exit status.
pub(crate) fn verify(arguments: &cli::AuditVerify) -> Exit {
    arguments.logs.iter().map(|path| verify_one(path)).max().unwrap_or(Exit::Usage)
}

fn verify_one(path: &Path) -> Exit {
    let name = path.display();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            complain(format_args!("{name}: cannot be opened: {error}"));
            return Exit::Usage;
        }
    };
    if path.is_dir() {
        complain(format_args!("{name}: is a folder; name the logs in it"));
        return Exit::Usage;
    }
    match wicketgate_audit::verify(BufReader::new(file)) {
        Ok(summary) => {
            text(format_args!("{name}: whole: {summary}"));
            Exit::Success
        }
        Err(error) => {
            complain(format_args!("{name}: {error}"));
            Exit::Finding
        }
    }
}
