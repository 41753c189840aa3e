//! Where a replay writes: never over what it reads, and never two things into one file.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::cli;

/// Which file a path leads to. Devices and pipes are nobody's.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    /// A file that is there: its device and inode, so that links do not hide it.
    Inode(u64, u64),
    /// A file that will be there: its folder and name.
    New(PathBuf, OsString),
}

/// Refuses outputs that would destroy an input or each other. Nothing has been created yet.
///
/// # Errors
/// What collides, by option and name.
pub(super) fn check(arguments: &cli::Replay) -> Result<(), String> {
    check_standard_output(arguments)?;
    let mut taken: Vec<(&str, Identity)> = Vec::new();
    let captures = arguments.captures.iter().map(|path| ("capture", path));
    let config = arguments.config.iter().map(|path| ("config", path));
    taken.extend(captures.chain(config).filter_map(|(what, path)| Some((what, identity(path)?))));
    for (option, path) in outputs(arguments) {
        let Some(identity) = identity(path) else { continue };
        if let Some((what, _)) = taken.iter().find(|(_, other)| *other == identity) {
            let name = path.display();
            return Err(format!("{option} {name}: that is the {what}; name another file"));
        }
        taken.push((option, identity));
    }
    Ok(())
}

/// Standard output holds the report, and the transcript before it where both are for people.
fn check_standard_output(arguments: &cli::Replay) -> Result<(), String> {
    if arguments.json && arguments.transcript.as_deref().is_some_and(is_stdout) {
        return Err("--transcript -: standard output holds the JSON document; name a file".into());
    }
    for (option, path) in outputs(arguments) {
        if is_stdout(path) {
            return Err(format!("{option} -: only the transcript goes there; name a file"));
        }
    }
    Ok(())
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The files that are written, by option.
fn outputs(arguments: &cli::Replay) -> impl Iterator<Item = (&'static str, &Path)> {
    let cli::Replay { audit, transcript, out, .. } = arguments;
    let transcript = transcript.as_deref().filter(|path| !is_stdout(path));
    [("--audit", audit.as_deref()), ("--transcript", transcript), ("--out", out.as_deref())]
        .into_iter()
        .filter_map(|(option, path)| Some((option, path?)))
}

fn identity(path: &Path) -> Option<Identity> {
    match fs::metadata(path) {
        Ok(metadata) => inode(&metadata),
        Err(_) => Some(Identity::New(folder(path)?, path.file_name()?.to_owned())),
    }
}

fn inode(metadata: &Metadata) -> Option<Identity> {
    metadata.is_file().then(|| Identity::Inode(metadata.dev(), metadata.ino()))
}

/// The folder that a new file would stand in, without links on the way.
fn folder(path: &Path) -> Option<PathBuf> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).canonicalize().ok()
}
