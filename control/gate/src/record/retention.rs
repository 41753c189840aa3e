//! Which records are kept: the oldest go first, and empty days with them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::FILE_TYPE;

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retention {
    /// Bytes of all records together.
    pub(crate) size: Option<u64>,
    /// Since a record's last frame.
    pub(crate) age: Option<Duration>,
}

/// A record on the disk.
struct Kept {
    path: PathBuf,
    size: u64,
    changed: SystemTime,
}

/// Deletes what is too old at `now`, and of the rest the oldest, until it is not too much. How many records
/// went.
///
/// # Errors
/// The folder cannot be read. What cannot be deleted stays and is tried again the next time.
pub(crate) fn tidy(folder: &Path, retention: Retention, now: SystemTime) -> io::Result<u64> {
    let mut records = records(folder)?;
    // The name decides where times are alike, so that it is always the same.
    records.sort_by(|a, b| (b.changed, &b.path).cmp(&(a.changed, &a.path)));
    let (mut size, mut gone) = (0_u64, 0);
    for record in &records {
        size = size.saturating_add(record.size);
        let age = now.duration_since(record.changed).unwrap_or_default();
        let is_kept = retention.size.is_none_or(|most| size <= most)
            && retention.age.is_none_or(|most| age <= most);
        if !is_kept && fs::remove_file(&record.path).is_ok() {
            gone += 1;
            // Only an empty folder goes.
            let _ = record.path.parent().map(fs::remove_dir);
        }
    }
    Ok(gone)
}

/// All records in the folders of days.
fn records(folder: &Path) -> io::Result<Vec<Kept>> {
    let mut records = Vec::new();
    for day in fs::read_dir(folder)? {
        let day = day?.path();
        if day.is_dir() {
            for entry in fs::read_dir(day)? {
                records.extend(kept(&entry?.path()));
            }
        }
    }
    Ok(records)
}

/// Anything that is no record is not the gate's to delete.
fn kept(path: &Path) -> Option<Kept> {
    let is_record = path.extension().is_some_and(|kind| kind == FILE_TYPE);
    let metadata = fs::symlink_metadata(path).ok().filter(|it| is_record && it.is_file())?;
    let changed = metadata.modified().ok()?;
    Some(Kept { path: path.to_owned(), size: metadata.len(), changed })
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Records of 1000 bytes, the first one hour old, the second two, and so on.
    fn folder(now: SystemTime, names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, hours) in names.iter().zip(1..) {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, [0; 1000]).unwrap();
            File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(now - HOUR * hours)
                .unwrap();
        }
        folder
    }

    fn left(folder: &Path) -> Vec<String> {
        let mut names = Vec::new();
        for day in fs::read_dir(folder).unwrap() {
            let day = day.unwrap().path();
            names.extend(fs::read_dir(&day).unwrap().map(|entry| {
                let name = entry.unwrap().path();
                name.strip_prefix(folder).unwrap().display().to_string()
            }));
        }
        names.sort();
        names
    }

    #[test]
    fn the_oldest_go_by_age_and_by_size_and_empty_days_with_them() {
        let now = SystemTime::UNIX_EPOCH + 1000 * HOUR;
        let names = ["d3/7.pcapng", "d2/6.pcapng", "d2/5.pcapng", "d1/4.pcapng"];
        for (size, age, expected) in [
            (None, None, 4),
            (Some(2500), None, 2),
            (Some(3000), None, 3),
            (None, Some(HOUR * 7 / 2), 3),
            (None, Some(HOUR), 1),
            (Some(1000), Some(HOUR * 3), 1),
            (Some(10), None, 0),
        ] {
            let folder = folder(now, &names);
            let gone = tidy(folder.path(), Retention { size, age }, now).unwrap();
            let mut kept = names[..expected].to_vec();
            kept.sort_unstable();
            assert_eq!(left(folder.path()), kept, "{size:?} {age:?}");
            assert_eq!(gone as usize, names.len() - expected);
            assert_eq!(folder.path().join("d1").exists(), expected == 4);
        }
    }

    #[test]
    fn what_is_no_record_is_not_touched() {
        let now = SystemTime::UNIX_EPOCH + 1000 * HOUR;
        let folder = folder(now, &["d1/notes.txt", "d1/1.pcapng"]);
        let nothing = Retention { size: Some(0), age: Some(Duration::ZERO) };
        assert_eq!(tidy(folder.path(), nothing, now).unwrap(), 1);
        assert_eq!(left(folder.path()), ["d1/notes.txt"]);
    }
}
