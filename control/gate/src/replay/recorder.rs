//! Records of a replay: what a running gate would have recorded.

use std::path::Path;
use std::sync::Arc;

use wicketgate_engine::{Copies, Event, Tables};

use crate::record::{Ending, Keeper};

/// Copies between two turns: of each frame of a burst, and of all that is said to it.
const COPIES: usize = 4096;

/// Keeps records.
pub(super) struct Recorder {
    copies: Arc<Copies>,
    keeper: Keeper,
}

impl Recorder {
    /// Into this folder, which is made if it is not there.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn open(folder: &Path, session_size: u64) -> Result<Recorder, String> {
        let keeper = Keeper::new(folder.to_owned(), session_size);
        let told = |error| format!("{}: cannot be written: {error}", folder.display());
        keeper.probe().map_err(told)?;
        Ok(Recorder { copies: Arc::new(Copies::new(COPIES)), keeper })
    }

    /// Where an engine puts copies.
    pub(super) fn copies(&self) -> Arc<Copies> {
        self.copies.clone()
    }

    /// Takes the copies that are there. A replay has the capture's time.
    pub(super) fn keep(&mut self, tables: &Tables) {
        let lost = self.copies.lost();
        while self.copies.take(|copied| self.keeper.keep(tables, copied, copied.time, lost)) {}
    }

    /// Ends the record of a session that has ended.
    pub(super) fn note(&mut self, event: &Event) {
        if let Some(ending) = Ending::of(event, event.time) {
            self.keeper.end(&ending, self.copies.lost());
            self.keeper.flush();
        }
    }

    /// Brings all to the disk.
    pub(super) fn finish(mut self) -> Result<(), String> {
        self.keeper.flush();
        self.keeper.fault().map_or(Ok(()), |fault| Err(fault.to_owned()))
    }
}
