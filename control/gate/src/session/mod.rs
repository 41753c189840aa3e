//! `wicketgate session show` and `session export` of what the audit log tells: sessions that have ended, too.
//!
//! | file | what it holds |
//! |---|---|
//! | `log.rs` | one session out of an audit log |
//! | `values.rs` | what was read in its record, to say what a write replaced |
//! | `memory.rs` | what a device was last seen to hold |
//! | `places.rs` | where log and records are |
//! | `tell.rs` | how it is told |

mod log;
mod memory;
mod places;
mod tell;
mod values;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::client::arguments::{Exported, Shown};
use crate::exit::{Exit, complain};
use crate::output;
use log::Story;
use places::Places;

/// Runs `session show` for a session of the log.
pub(crate) fn show(arguments: &Shown) -> Exit {
    finish(places::of(&arguments.past).and_then(|places| {
        let told = tell::of(&story(&places, arguments.id)?, arguments.id);
        if arguments.at.json {
            output::json(&told);
        } else {
            output::text(format_args!("{told}"));
        }
        Ok(())
    }))
}

/// Runs `session export`.
pub(crate) fn export(arguments: &Exported) -> Exit {
    finish(places::of(&arguments.past).and_then(|places| {
        let story = story(&places, arguments.id)?;
        if let Some(path) = &arguments.output {
            let record = story.record.as_deref().ok_or("there is no record of that session")?;
            let named = |error| format!("{}: cannot be written: {error}", path.display());
            fs::copy(record, path).map_err(named)?;
        }
        let transcript = arguments.transcript.as_deref();
        transcript.map_or(Ok(()), |path| write(path, &tell::of(&story, arguments.id)))
    }))
}

/// What log and record tell of a session.
fn story(places: &Places, session: u64) -> Result<Story, String> {
    let mut story = log::read(&places.log, session)?;
    story.record = places.record(session, story.start());
    if let Some(record) = &story.record {
        values::note(record, &mut story.commands);
    }
    Ok(story)
}

fn write(path: &Path, told: &tell::Told) -> Result<(), String> {
    let written = File::create(path).and_then(|file| {
        let mut out = BufWriter::new(file);
        writeln!(out, "{told}")?;
        out.flush()
    });
    written.map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}

fn finish(outcome: Result<(), String>) -> Exit {
    match outcome {
        Ok(()) => Exit::Success,
        Err(what) => {
            complain(what);
            Exit::Finding
        }
    }
}
