//! The records of a log that somebody wants, one after the other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wicketgate_audit::{Disk, FileName, Filter, Lines, Position, View, files};

use super::arguments::Log;
use crate::config;
use crate::exit::{Exit, complain};
use crate::output;
use crate::progress::Progress;

/// The log of a gate that was installed as packaging/README.md says.
const INSTALLED: &str = "/var/lib/wicketgate/audit";
/// Its folder in `state_dir`.
const FOLDER: &str = "audit";

impl Log {
    /// Where it is.
    pub(super) fn path(&self) -> Result<PathBuf, String> {
        match (&self.log, &self.config) {
            (Some(log), _) => Ok(log.clone()),
            (None, Some(config)) => of_gate(config),
            (None, None) => Ok(INSTALLED.into()),
        }
    }
}

fn of_gate(config: &Path) -> Result<PathBuf, String> {
    let policy = config::load(config)?;
    let state = policy.gate().state_dir();
    let none = || format!("{}: no state_dir in [gate]: name the log", config.display());
    Ok(state.ok_or_else(none)?.join(FOLDER))
}

/// Why a log is not read.
pub(super) fn unreadable(path: &Path) -> impl Fn(io::Error) -> String {
    let name = path.display().to_string();
    move |error| format!("{name}: cannot be read: {error}")
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Lines that are no record.
    pub(super) damaged: u64,
    /// Files that it is in.
    pub(super) files: u64,
}

impl Read {
    /// Says what was wrong, and how the command ends.
    pub(super) fn exit(&self, path: &Path) -> Exit {
        if self.damaged == 0 {
            return Exit::Success;
        }
        let (name, lines) = (path.display(), self.damaged);
        complain(format_args!("{name}: {lines} lines are no records; `audit verify` says which"));
        Exit::Finding
    }
}

/// Shows each record that the filter wants, with its line, until there are no more or nobody reads what is printed.
pub(super) fn each(
    path: &Path,
    filter: &Filter,
    mut show: impl FnMut(&[u8], &View<'_>) -> Result<(), String>,
) -> Result<Read, String> {
    let error = unreadable(path);
    let (names, bytes) = extent(path, filter).map_err(&error)?;
    let at = Position { file: names.first().copied(), offset: 0 };
    let mut lines = Lines::open_at(path, at).map_err(&error)?;
    let mut progress = Progress::over(bytes);
    let mut read = Read { damaged: 0, files: names.len().max(1) as u64 };
    while let Some(line) = lines.read().map_err(&error)? {
        match View::read(line) {
            Some(view) if filter.wants(&view) => show(line, &view)?,
            Some(_) => {}
            None => read.damaged += 1,
        }
        if output::has_failed() {
            break;
        }
        progress.at(lines.passed());
    }
    Ok(read)
}

/// The files that can have a record that is wanted, and their length. A file that was followed by another before the
/// day of `since` has none.
fn extent(path: &Path, filter: &Filter) -> io::Result<(Vec<FileName>, u64)> {
    if !fs::metadata(path)?.is_dir() {
        return Ok((Vec::new(), fs::metadata(path)?.len()));
    }
    let mut names = files::of_log(&mut Disk::new(path))?;
    if names.is_empty() {
        return Err(io::Error::other("there is no log in this folder"));
    }
    if let Some(since) = &filter.since {
        let begun_before = |name: &FileName| name.day().to_string().as_str() < day(since);
        let last = names.iter().rposition(begun_before).unwrap_or_default();
        names.drain(..last);
    }
    // One that was deleted meanwhile has no length.
    let length =
        |name: &FileName| fs::metadata(path.join(name.to_string())).map_or(0, |it| it.len());
    let bytes = names.iter().map(length).sum();
    Ok((names, bytes))
}

/// `2026-11-23` of a time.
fn day(time: &str) -> &str {
    time.split_once('T').map_or(time, |(day, _)| day)
}
