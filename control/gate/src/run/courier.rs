//! Checkpoints to a file off the box, on a thread of its own: a mount that hangs holds up nothing else.
//!
//! A checkpoint that could not be put there is not tried again: the next one stands for all before it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wicketgate_audit::MAX_LINE;

use super::clock;

/// Checkpoints that wait for the mount.
const WAITING: usize = 16;
/// How long the gate waits for the mount at its end.
const PATIENCE: Duration = Duration::from_secs(2);
/// The mode of the file.
const MODE: u32 = 0o640;

/// What is wrong, as the thread last saw it.
type Fault = Arc<Mutex<Option<String>>>;

/// Control's end.
pub(super) struct Courier {
    lines: SyncSender<Vec<u8>>,
    fault: Fault,
    thread: JoinHandle<()>,
}

impl Courier {
    /// Serves on a thread of its own.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn serve(path: &Path) -> Result<Courier, String> {
        let (lines, queue) = sync_channel(WAITING);
        let (fault, path) = (Fault::default(), path.to_owned());
        let told = fault.clone();
        let thread = thread::Builder::new().name("checkpoints".to_owned());
        let thread = thread.spawn(move || carry(&queue, &path, &told));
        let thread = thread.map_err(|error| format!("no thread for checkpoints: {error}"))?;
        Ok(Courier { lines, fault, thread })
    }

    /// Has a checkpoint put there, as a line.
    pub(super) fn send(&self, line: &[u8]) {
        if self.lines.try_send(line.to_vec()).is_err() {
            let what = "checkpoints are not kept off the box: their file does not answer";
            set(&self.fault, Some(what.to_owned()));
        }
    }

    /// Why the last one is not there.
    pub(super) fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits, not for long, until all are there.
    pub(super) fn finish(self) {
        let Courier { lines, thread, .. } = self;
        drop(lines);
        let until = clock::since_boot() + PATIENCE;
        while !thread.is_finished() && clock::since_boot() < until {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn set(fault: &Fault, what: Option<String>) {
    *fault.lock().unwrap_or_else(PoisonError::into_inner) = what;
}

fn carry(queue: &Receiver<Vec<u8>>, path: &Path, fault: &Fault) {
    let mut kept = Kept { path: path.to_owned(), open: None };
    for line in queue {
        let outcome = kept.put(&line);
        if outcome.is_err() {
            kept.open = None;
        }
        let told = |error| format!("{}: checkpoints are not kept there: {error}", path.display());
        set(fault, outcome.err().map(told));
    }
}

/// The file.
struct Kept {
    path: PathBuf,
    /// Open, and where its last whole line ends; `None` after a failure.
    open: Option<(File, u64)>,
}

impl Kept {
    /// Appends a line, and waits until it is there.
    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        let (file, end) = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(open(&self.path)?),
        };
        file.write_all_at(line, *end)?;
        file.sync_data()?;
        *end += line.len() as u64;
        Ok(())
    }
}

/// Opens the file, made if there is none, without half a line at its end.
fn open(path: &Path) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false).mode(MODE);
    let file = options.open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(MAX_LINE as u64);
    let mut tail = vec![0; usize::try_from(length - from).unwrap_or_default()];
    file.read_exact_at(&mut tail, from)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1);
    let end = from + whole;
    if end < length {
        file.set_len(end)?;
    }
    Ok((file, end))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn half_a_line_is_taken_back_and_whole_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints.jsonl");
        for (before, after) in [("", "next\n"), ("one\ntw", "one\nnext\n"), ("tw", "next\n")] {
            fs::write(&path, before).unwrap();
            let courier = Courier::serve(&path).unwrap();
            courier.send(b"next\n");
            courier.finish();
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told_until_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let mount = folder.path().join("mount");
        let courier = Courier::serve(&mount.join("checkpoints.jsonl")).unwrap();
        let until = |wanted: bool| {
            while courier.fault().is_some() != wanted {
                thread::sleep(Duration::from_millis(1));
            }
        };
        courier.send(b"one\n");
        until(true);
        assert!(courier.fault().unwrap().contains("checkpoints are not kept there"));
        fs::create_dir(&mount).unwrap();
        courier.send(b"two\n");
        until(false);
        courier.finish();
        assert_eq!(fs::read_to_string(mount.join("checkpoints.jsonl")).unwrap(), "two\n");
    }
}
