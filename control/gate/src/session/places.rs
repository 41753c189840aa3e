//! Where log and records are.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wicketgate_packet::Time;
use wicketgate_ports::{CaptureReader, Pool};

use crate::client::arguments::Past;
use crate::record::FILE_TYPE;
use crate::{config, logs};

/// How far the first frame of a session's record may be from what the log says: the wall clock may have been set.
const APART: Duration = Duration::from_secs(2);

/// Where they are.
pub(super) struct Places {
    /// A log: a file, or a folder of files.
    pub(super) log: PathBuf,
    /// `None`: nothing is known of records.
    records: Option<PathBuf>,
}

/// Where the arguments say, or the config that they name.
pub(super) fn of(past: &Past) -> Result<Places, String> {
    let policy = past.config.as_deref().map(config::load).transpose()?;
    let state = policy.as_ref().and_then(|policy| policy.gate().state_dir().map(Path::to_owned));
    let log = past.log.clone().or_else(|| state.map(|state| state.join(logs::FOLDER)));
    let settings = policy.as_ref().and_then(|policy| policy.record());
    let records = past.records.clone().or_else(|| settings.map(|record| record.folder.clone()));
    let log = log.ok_or("there is no state_dir in [gate]: name the audit log by --log")?;
    Ok(Places { log, records })
}

impl Places {
    /// The record of the session of this number that began at `start`.
    pub(super) fn record(&self, session: u64, start: Option<Time>) -> Option<PathBuf> {
        let days = fs::read_dir(self.records.as_ref()?).ok()?;
        let found = days.flatten().filter_map(|day| fs::read_dir(day.path()).ok()).flatten();
        let records = found.flatten().map(|entry| entry.path());
        let start = start?;
        records.filter(|path| is_of(path, session)).find(|path| began_at(path, start) == Some(true))
    }
}

/// `7.pcapng`, `7-2.pcapng`.
fn is_of(path: &Path, session: u64) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let number = stem.split_once('-').map_or(stem, |(number, _)| number);
    path.extension().is_some_and(|kind| kind == FILE_TYPE) && number.parse() == Ok(session)
}

fn began_at(path: &Path, start: Time) -> Option<bool> {
    let mut frame = Pool::new(1).take()?;
    let first = CaptureReader::open(path).ok()?.read(&mut frame).ok()??;
    Some(first.time.since(start).max(start.since(first.time)) < APART)
}
