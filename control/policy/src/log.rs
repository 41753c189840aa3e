//! How the live gate keeps its audit log.

use std::path::PathBuf;
use std::time::Duration;

use wicketgate_engine::event::PAYLOAD;

use crate::diagnostic::Report;
use crate::reader::{Node, Table};
use crate::syslog::{self, Syslog};
use crate::value;

/// A mebibyte.
const MIB: u64 = 1 << 20;
/// Longest time that events wait before they are sent to the disk.
const LONGEST_COMMIT: Duration = Duration::from_secs(1);

/// `[audit]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Bytes after which a file is followed by another.
    pub file_size: u64,
    /// Bytes of all files together, beyond which the oldest are deleted; `None`: none ever is.
    pub keep_size: Option<u64>,
    /// How long a file is kept after its last record; `None`: for ever.
    pub keep_for: Option<Duration>,
    /// How long events wait for others, to be waited for on the disk together.
    pub commit: Duration,
    /// Between two checkpoints.
    pub checkpoint: Duration,
    /// Bytes of a command's PDU that its record holds, [`PAYLOAD`] at most.
    pub payload: usize,
    /// A file off the box that checkpoints are put into too.
    pub checkpoints: Option<PathBuf>,
    /// Where records are sent to.
    pub syslog: Option<Syslog>,
}

impl Default for Log {
    fn default() -> Log {
        Log {
            file_size: 256 * MIB,
            keep_size: None,
            keep_for: None,
            commit: Duration::from_millis(50),
            checkpoint: Duration::from_secs(10),
            payload: PAYLOAD,
            checkpoints: None,
            syslog: None,
        }
    }
}

/// Reads `[audit]`.
pub(crate) fn read(node: Node<'_>, report: &mut Report<'_>) -> Log {
    let usual = Log::default();
    let Some(mut table) = node.table("[audit]", report) else { return usual };
    let file_size = size(&mut table, "file_mib", 1..=65_536, report);
    let keep_size = size(&mut table, "keep_mib", 2..=u32::MAX, report);
    let keep_for = table.optional("keep_for").and_then(|node| node.parse(report, value::span));
    let commit = table.optional("commit").and_then(|node| node.parse(report, commit));
    let checkpoint = table.optional("checkpoint").and_then(|node| node.parse(report, value::span));
    let payload = table.optional("payload");
    let payload = payload.and_then(|node| node.number(0..=PAYLOAD as u32, report));
    let checkpoints = table.optional("checkpoints").and_then(|node| node.name(report));
    let syslog = table.optional("syslog").and_then(|node| syslog::read(node, report));
    table.close(report);
    Log {
        file_size: file_size.unwrap_or(usual.file_size),
        keep_size,
        keep_for,
        commit: commit.unwrap_or(usual.commit),
        checkpoint: checkpoint.unwrap_or(usual.checkpoint),
        payload: payload.map_or(usual.payload, |bytes| bytes as usize),
        checkpoints: checkpoints.map(PathBuf::from),
        syslog,
    }
}

/// The bytes that a number of mebibytes under `key` is.
pub(crate) fn size(
    table: &mut Table<'_>,
    key: &'static str,
    range: std::ops::RangeInclusive<u32>,
    report: &mut Report<'_>,
) -> Option<u64> {
    let mebibytes = table.optional(key)?.number(range, report)?;
    Some(u64::from(mebibytes) * MIB)
}

fn commit(text: &str) -> Result<Duration, String> {
    let span = value::duration(text)?;
    if span > LONGEST_COMMIT { Err("1s at most".to_owned()) } else { Ok(span) }
}
