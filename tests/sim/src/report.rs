//! What is left of a seed that failed: a capture that replays, and the policy beside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wicketgate_ports::CaptureWriter;

use crate::world::Crossing;

/// The names of the gate's ports, as the policy has them.
pub const PORTS: [&str; 2] = ["office", "press-line"];

/// Where a report lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The frames that entered the gate, each at its port, at its virtual time: two-sided.
    pub capture: PathBuf,
    /// The policy.
    pub policy: PathBuf,
}

impl Report {
    /// Writes one for a seed.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(
        folder: &Path,
        seed: u64,
        policy: &str,
        entered: &[Crossing],
    ) -> io::Result<Report> {
        fs::create_dir_all(folder)?;
        let capture = folder.join(format!("seed-{seed}.pcapng"));
        let mut writer = CaptureWriter::create(&capture, &PORTS)?;
        for (time, port, frame) in entered {
            writer.write(*port, *time, frame)?;
        }
        writer.finish()?;
        let path = folder.join(format!("seed-{seed}.toml"));
        fs::write(&path, policy)?;
        Ok(Report { capture, policy: path })
    }

    /// The line that replays it.
    pub fn replay(&self) -> String {
        let (capture, policy) = (self.capture.display(), self.policy.display());
        format!("wicketgate replay {capture} --config {policy} --transcript -")
    }
}
