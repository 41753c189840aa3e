//! Who may read a file, checked before it is trusted.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use rustix::process::geteuid;

/// Mode of files that hold secrets.
const FILE_MODE: u32 = 0o600;

/// Mode of folders that hold such files.
const FOLDER_MODE: u32 = 0o700;

/// What is demanded of a file's owner and mode.
#[derive(Clone, Copy)]
struct Demand {
    /// Whether it may belong to root instead.
    root: bool,
    /// Bits of the mode that must not be set.
    forbidden: u32,
}

/// One's own: nobody else reads, writes or enters.
const OWN: Demand = Demand { root: false, forbidden: 0o077 };

/// A credential of systemd: root's where the service runs as someone else, who is let in by an access
/// control list, whose mask shows as the group's bits.
const CREDENTIAL: Demand = Demand { root: true, forbidden: 0o037 };

/// Why a file or folder is not trusted.
#[derive(Debug)]
pub enum Untrusted {
    /// It cannot be read or made.
    Io(PathBuf, io::Error),
    /// Others than its owner may use it: its mode, without the type.
    Exposed(PathBuf, u32),
    /// It belongs to another user (the uid).
    Foreign(PathBuf, u32),
    /// It is not a plain file, or not a folder, or has a second name.
    Kind(PathBuf),
}

impl std::fmt::Display for Untrusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Untrusted::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Untrusted::Exposed(path, mode) => {
                let path = path.display();
                write!(f, "{path}: mode {mode:04o} lets others in; do `chmod go= {path}`")
            }
            Untrusted::Foreign(path, uid) => {
                write!(f, "{}: belongs to uid {uid}, not to uid {}", path.display(), geteuid())
            }
            Untrusted::Kind(path) => {
                write!(f, "{}: neither a link nor a special file is accepted", path.display())
            }
        }
    }
}

impl std::error::Error for Untrusted {}

/// A folder of one's own, made if there is none.
pub(crate) fn private_folder(path: &Path) -> Result<(), Untrusted> {
    let failed = |error| Untrusted::Io(path.to_owned(), error);
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let metadata = path.symlink_metadata().map_err(failed)?;
    trusted(path, &metadata, metadata.is_dir(), OWN)
}

/// A folder for this process alone as long as what is returned lives (flock(2)); `None` while another one
/// has it.
pub(crate) fn hold(path: &Path) -> Result<Option<File>, Untrusted> {
    let failed = |error| Untrusted::Io(path.to_owned(), error);
    let folder = File::open(path).map_err(failed)?;
    match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(folder)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(failed(error.into())),
    }
}

/// A file of one's own, opened for reading; links are not followed.
pub(crate) fn private_file(path: &Path) -> Result<File, Untrusted> {
    open(path, OpenOptions::new().read(true), OWN)
}

/// A file from the credentials folder of systemd, opened for reading.
pub(crate) fn credential(path: &Path) -> Result<File, Untrusted> {
    open(path, OpenOptions::new().read(true), CREDENTIAL)
}

/// That there is a file of one's own, made empty if there is none.
///
/// One that is there is not opened: closing it would drop every lock that this process has on it
/// (fcntl(2)), SQLite's among them. Who could exchange it after the look is kept out by its folder.
pub(crate) fn private_file_or_new(path: &Path) -> Result<(), Untrusted> {
    match new_private_file(path) {
        Err(Untrusted::Io(_, error)) if error.kind() == io::ErrorKind::AlreadyExists => {
            let failed = |error| Untrusted::Io(path.to_owned(), error);
            let metadata = path.symlink_metadata().map_err(failed)?;
            trusted(path, &metadata, metadata.is_file() && metadata.nlink() == 1, OWN)
        }
        made => made.map(drop),
    }
}

/// A file of one's own that did not exist before.
pub(crate) fn new_private_file(path: &Path) -> Result<File, Untrusted> {
    open(path, OpenOptions::new().write(true).create_new(true).mode(FILE_MODE), OWN)
}

fn open(path: &Path, options: &mut OpenOptions, demand: Demand) -> Result<File, Untrusted> {
    let failed = |error| Untrusted::Io(path.to_owned(), error);
    // NONBLOCK: a pipe in the file's place is found out and not waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    trusted(path, &metadata, metadata.is_file() && metadata.nlink() == 1, demand)?;
    Ok(file)
}

fn trusted(
    path: &Path,
    metadata: &Metadata,
    right_kind: bool,
    demand: Demand,
) -> Result<(), Untrusted> {
    let (mode, uid) = (metadata.mode() & 0o7777, metadata.uid());
    if !right_kind {
        Err(Untrusted::Kind(path.to_owned()))
    } else if uid != geteuid().as_raw() && !(demand.root && uid == 0) {
        Err(Untrusted::Foreign(path.to_owned(), uid))
    } else if mode & demand.forbidden != 0 {
        Err(Untrusted::Exposed(path.to_owned(), mode))
    } else {
        Ok(())
    }
}
