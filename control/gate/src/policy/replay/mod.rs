//! `wicketgate policy replay`: which recorded commands would a policy judge otherwise?
//!
//! An audit log tells each command with its verdict; a capture is observed by the replay's own
//! machinery, which tells commands without one. Either way a command is its bytes, who sent them,
//! where to and when, and a [`judge::Court`] says what a policy makes of it.

mod audit;
mod capture;
mod changes;
mod judge;
mod report;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::cli;
use crate::exit::Exit;

/// Runs the command.
pub(super) fn run(arguments: &cli::PolicyReplay) -> Result<Exit, String> {
    let outcome = if is_log(&arguments.record)? {
        audit::replay(arguments)?
    } else {
        capture::replay(arguments)?
    };
    report::print(&outcome, arguments);
    let finding = outcome.damage.is_some() || outcome.changes.differing() > 0;
    Ok(if finding { Exit::Finding } else { Exit::Success })
}

/// What was found.
struct Outcome {
    changes: changes::Changes,
    /// Why not all of the record was read.
    damage: Option<String>,
}

/// Whether it is the folder of an audit log, or begins like one: with a JSON object.
fn is_log(path: &Path) -> Result<bool, String> {
    let unreadable = |error| format!("{}: cannot be read: {error}", path.display());
    let metadata = path.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Ok(true);
    }
    if !metadata.is_file() {
        return Err(format!("{}: not a file; it is read more than once", path.display()));
    }
    let mut first = [0];
    let read = File::open(path).and_then(|mut file| file.read(&mut first)).map_err(unreadable)?;
    Ok(read == 1 && first == *b"{")
}
