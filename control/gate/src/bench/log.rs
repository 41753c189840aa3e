//! The audit log at a steady rate: what it takes, and what a frame sees of it.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use wicketgate_audit::{Disk, Trust, files, verify_log};
use wicketgate_worker::Laps;

use crate::run::rate::{self, Pace, Rated};

/// Two runs at the same pace.
pub(super) struct Logged {
    /// Events thrown away.
    pub(super) without: Rated,
    /// Events logged.
    pub(super) with: Rated,
    /// What is wrong with the log that was written, if anything.
    pub(super) broken: Option<String>,
    /// Bytes of a record, on average of what was kept.
    pub(super) bytes_a_record: u64,
}

/// Runs fresh laps twice, without and with a log in `folder`, of `commands` judged in each lap.
pub(super) fn measure(
    laps: impl Fn() -> Laps,
    folder: &Path,
    commands: u64,
    rate: u32,
    length: Duration,
) -> Result<Logged, String> {
    let pace = pace(&laps(), commands, rate, length)?;
    let without = rate::run(laps(), pace, None)?;
    let scratch = Scratch::make(folder)?;
    let with = rate::run(laps(), pace, Some(&scratch.0))?;
    let (broken, bytes_a_record) = match check(&scratch.0) {
        Ok(bytes) => (None, bytes),
        Err(what) => (Some(what), 0),
    };
    Ok(Logged { without, with, broken, bytes_a_record })
}

/// Bursts at such a distance that so many commands come in a second.
fn pace(laps: &Laps, commands: u64, rate: u32, length: Duration) -> Result<Pace, String> {
    if commands == 0 {
        return Err("there is no command in these captures, so nothing to log".to_owned());
    }
    let lap = Duration::from_secs(commands) / rate;
    let bursts = u32::try_from(laps.bursts()).unwrap_or(u32::MAX);
    Ok(Pace { burst: lap / bursts, length })
}

/// Verifies the log; bytes of a record.
fn check(folder: &Path) -> Result<u64, String> {
    let named = |error: io::Error| format!("{}: {error}", folder.display());
    let names = files::of_log(&mut Disk::new(folder)).map_err(named)?;
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name.to_string())).collect();
    let opened: io::Result<Vec<File>> = paths.iter().map(File::open).collect();
    let readers = opened.map_err(named)?.into_iter().map(BufReader::new);
    let (mut bytes, mut records) = (0, 0);
    let count = |line: &[u8]| {
        bytes += line.len() as u64;
        records += 1;
    };
    let trust = Trust { all_files: true, ..Trust::default() };
    verify_log(readers, &trust, count).map_err(|error| error.to_string())?;
    Ok(bytes / u64::max(records, 1))
}

/// A folder that is removed again.
struct Scratch(PathBuf);

impl Scratch {
    fn make(beside: &Path) -> Result<Scratch, String> {
        let path = beside.join(format!("wicketgate-bench-{}", std::process::id()));
        fs::create_dir_all(beside)
            .and_then(|()| fs::create_dir(&path))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left there is said by the disk, which has the same to say to its owner.
        let _ = fs::remove_dir_all(&self.0);
    }
}
