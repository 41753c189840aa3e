//! Audit logs on the disk: which files a log is, and what is known of it from elsewhere.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use wicketgate_audit::{Checkpoints, Disk, PublicKey, files};

use crate::exit::Exit;

/// The log's folder in `state_dir`.
pub(crate) const FOLDER: &str = "audit";
/// The key of its checkpoints in `state_dir`, and its public half.
pub(crate) const KEY: &str = "audit.key";
pub(crate) const PUBLIC: &str = "audit.pub";

/// The files of a log, in their order.
pub(crate) fn pieces(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let names = files::of_log(&mut Disk::new(path))?;
    if names.is_empty() {
        return Err(io::Error::other("there is no log in this folder; name the logs in it"));
    }
    Ok(names.iter().map(|name| path.join(name.to_string())).collect())
}

/// One of them.
pub(crate) fn reader(path: &Path) -> io::Result<BufReader<File>> {
    File::open(path).map(|file| BufReader::with_capacity(1 << 20, file))
}

/// The public key in this file.
pub(crate) fn key(path: &Path) -> Result<PublicKey, String> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    PublicKey::parse(&text).ok_or_else(|| format!("{name}: no public key: 64 hex digits are one"))
}

/// The checkpoints in this file.
pub(crate) fn checkpoints(
    path: &Path,
    key: Option<PublicKey>,
) -> Result<Checkpoints, (Exit, String)> {
    let name = path.display();
    let file = File::open(path).map_err(|error| (Exit::Usage, format!("{name}: {error}")))?;
    let read = Checkpoints::read(BufReader::new(file), key);
    read.map_err(|error| (Exit::Finding, format!("{name}: {error}")))
}
