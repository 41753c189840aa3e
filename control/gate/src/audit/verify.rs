//! `wicketgate audit verify`: what was done to logs, offline.

use std::io;
use std::path::{Path, PathBuf};

use wicketgate_audit::{Trust, Verified, verify_log};

use crate::cli;
use crate::exit::{Exit, complain};
use crate::logs::{checkpoints, key, pieces, reader};
use crate::output::text;

/// Checks each log by itself; the worst outcome is the exit status.
pub(super) fn run(arguments: &cli::AuditVerify) -> Exit {
    let trust = match trust(arguments) {
        Ok(trust) => trust,
        Err((exit, what)) => {
            complain(what);
            return exit;
        }
    };
    arguments.logs.iter().map(|path| verify_one(path, &trust)).max().unwrap_or(Exit::Usage)
}

/// What is known of the logs from elsewhere.
fn trust(arguments: &cli::AuditVerify) -> Result<Trust, (Exit, String)> {
    let key = arguments.key.as_deref().map(key).transpose().map_err(|what| (Exit::Usage, what))?;
    let kept = arguments.checkpoints.as_deref().map(|path| checkpoints(path, key)).transpose()?;
    Ok(Trust { key, kept: kept.unwrap_or_default(), all_files: false })
}

fn verify_one(path: &Path, trust: &Trust) -> Exit {
    let opened = pieces(path).and_then(|names| {
        let files: io::Result<Vec<_>> = names.iter().map(|name| reader(name)).collect();
        Ok((names, files?))
    });
    let (names, files) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            complain(format_args!("{}: cannot be opened: {error}", path.display()));
            return Exit::Usage;
        }
    };
    let trust = Trust { all_files: path.is_dir(), ..trust.clone() };
    match verify_log(files.into_iter(), &trust, |_| ()) {
        Ok(found) => {
            tell(path, names.len(), &found, &trust);
            Exit::Success
        }
        Err(error) => {
            let name = names.get(error.piece).map_or(path, PathBuf::as_path);
            complain(format_args!("{}: {error}", name.display()));
            Exit::Finding
        }
    }
}

fn tell(path: &Path, files: usize, found: &Verified, trust: &Trust) {
    text(format_args!("{}: whole: {}", path.display(), found.summary));
    if files > 1 || found.first > 1 {
        let gone = if found.told_deleted { "; those before were deleted, as it says" } else { "" };
        text(format_args!("  {files} files, from record {} on{gone}", found.first));
    }
    if found.crashes > 0 {
        text(format_args!(
            "  {} times the gate did not end it; {} torn bytes were put aside",
            found.crashes, found.torn
        ));
    }
    if found.lost > 0 {
        text(format_args!("  {} events found no room in it", found.lost));
    }
    if trust.key.is_some() {
        text(format_args!(
            "  {} checkpoints, signed by this key; {} records after the last one",
            found.signed, found.unsigned_tail
        ));
    }
    if trust.kept.count() > 0 {
        text(format_args!("  {} checkpoints that were kept elsewhere are in it", found.matched));
    }
}
