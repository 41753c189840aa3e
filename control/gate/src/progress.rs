//! A progress bar, on a terminal, for files worth waiting for.

use std::io::{IsTerminal, stderr};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

/// Files below this many bytes are over before a bar could be read.
const WORTHWHILE: u64 = 16 << 20;

/// Turns of the loop between two looks at the bar.
const EVERY: u32 = 512;

/// The bar; or nothing.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    turns: u32,
}

impl Progress {
    pub(crate) fn new(path: &Path) -> Progress {
        Progress::over(path.metadata().map_or(0, |metadata| metadata.len()))
    }

    /// For this many bytes.
    pub(crate) fn over(size: u64) -> Progress {
        let worthwhile = size >= WORTHWHILE && stderr().is_terminal();
        let style = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let bar = worthwhile.then(|| ProgressBar::new(size));
        if let (Some(bar), Ok(style)) = (&bar, ProgressStyle::with_template(style)) {
            bar.set_style(style);
        }
        Progress { bar, turns: 0 }
    }

    pub(crate) fn at(&mut self, offset: u64) {
        self.turns += 1;
        if let (Some(bar), true) = (&self.bar, self.turns.is_multiple_of(EVERY)) {
            bar.set_position(offset);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
