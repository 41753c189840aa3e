//! The control socket's file: where it is, whose it is, and that it is this gate's alone.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::{FlockOperation, Gid, Mode, flock};
use rustix::process::umask;
use wicketgate_policy::{Gate, Metrics, Policy};

use super::accounts::Accounts;
use crate::api::desk::Desk;
use crate::api::peers::Admission;
use crate::api::server::Server;
use crate::exit::complain;

/// The socket's name in `state_dir`.
pub(crate) const NAME: &str = "control.sock";

/// The mode of a folder that is made for it: its group may enter.
const FOLDER: u32 = 0o750;

/// What a new socket's mode lacks: everything for others, and execution.
const WITHHELD: u32 = 0o117;

/// A folder that others may write to is one where they may put a socket of their own.
const WRITABLE: u32 = 0o022;

/// A socket that nobody is served at yet.
pub(super) struct Socket {
    path: PathBuf,
    server: Server,
    /// Held as long as the gate lives, and given back by the kernel however it ends.
    _lock: File,
}

impl Socket {
    /// Opens the socket that the policy asks for; `None` where it has no place for one.
    ///
    /// # Errors
    /// Another gate has it, or what the kernel refused.
    pub(super) fn open(
        policy: &Policy,
        accounts: &Accounts,
        desk: Desk,
        admission: Admission,
    ) -> Result<Option<Socket>, String> {
        let gate = policy.gate();
        let Some(path) = path(gate) else {
            complain("no control socket: write control_socket or state_dir in [gate] to have one");
            return Ok(None);
        };
        let group = gate.control_group.as_ref().map(|group| accounts.gid(group)).transpose()?;
        let group = group.map(Gid::from_raw);
        let at = |error: String| format!("control socket {}: {error}", path.display());
        let (listener, lock) = bind(&path, group).map_err(at)?;
        let figures = policy.metrics().map(listen).transpose()?;
        let server = Server::new(listener, figures, desk, admission);
        let server = server.map_err(|error| at(error.to_string()))?;
        Ok(Some(Socket { path, server, _lock: lock }))
    }

    /// Serves on a thread of its own, for as long as the gate lives.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn serve(self) -> Result<(), String> {
        complain(format_args!("control socket: {}", self.path.display()));
        let Socket { server, _lock, .. } = self;
        let serve = move || {
            let _lock = _lock;
            server.run();
        };
        let thread = thread::Builder::new().name("api".to_owned()).spawn(serve);
        thread.map(drop).map_err(|error| format!("no thread for the control socket: {error}"))
    }
}

/// Listens where metrics are told.
fn listen(metrics: Metrics) -> Result<TcpListener, String> {
    TcpListener::bind(metrics.listen).map_err(|error| format!("{metrics}: {error}"))
}

/// Where the policy has the socket.
pub(crate) fn path(gate: &Gate) -> Option<PathBuf> {
    let named = gate.control_socket.clone();
    named.or_else(|| gate.state_dir().map(|folder| folder.join(NAME)))
}

fn bind(path: &Path, group: Option<Gid>) -> Result<(UnixListener, File), String> {
    let text = |error: io::Error| error.to_string();
    prepare(path, group)?;
    let lock = lock(path)?;
    remove_stale(path)?;
    let before = umask(Mode::from_raw_mode(WITHHELD));
    let listener = UnixListener::bind(path);
    umask(before);
    let listener = listener.map_err(text)?;
    if group.is_some() {
        rustix::fs::chown(path, None, group).map_err(|error| text(error.into()))?;
    }
    Ok((listener, lock))
}

/// Makes the folder, or looks whether it can be trusted.
fn prepare(path: &Path, group: Option<Gid>) -> Result<(), String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let at = |error: io::Error| format!("its folder: {error}");
    match DirBuilder::new().mode(FOLDER).create(folder) {
        Ok(()) => {
            fs::set_permissions(folder, Permissions::from_mode(FOLDER)).map_err(at)?;
            rustix::fs::chown(folder, None, group).map_err(|error| at(error.into()))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mode = fs::metadata(folder).map_err(at)?.mode();
            if mode & WRITABLE == 0 {
                return Ok(());
            }
            Err(format!("others may write to its folder (mode {:o}): chmod go-w", mode & 0o7777))
        }
        Err(error) => Err(at(error)),
    }
}

/// The lock of the socket's name: who has it lives.
fn lock(path: &Path) -> Result<File, String> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(name);
    let file = file.map_err(|error| format!("its lock: {error}"))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            Err("another gate has it: stop that one, or name another control_socket".to_owned())
        }
        Err(error) => Err(format!("its lock: {}", io::Error::from(error))),
    }
}

/// Removes what a gate that died has left. Called with the lock held.
fn remove_stale(path: &Path) -> Result<(), String> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            fs::remove_file(path).map_err(|error| format!("what was left of it: {error}"))
        }
        Ok(_) => Err("there is a file of that name that is no socket".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn others_are_kept_out_of_socket_and_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/control.sock");
        let _held = bind(&path, None).unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o660, 0o750));
        drop(UnixStream::connect(&path).unwrap());
    }

    #[test]
    fn a_dead_gates_socket_is_replaced_a_living_ones_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let first = bind(&path, None).unwrap();
        assert!(bind(&path, None).unwrap_err().contains("another gate has it"));
        drop(UnixStream::connect(&path).unwrap());
        drop(first);
        assert!(UnixStream::connect(&path).is_err(), "dead, but there");
        let _second = bind(&path, None).unwrap();
        drop(UnixStream::connect(&path).unwrap());
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        fs::write(&path, "precious").unwrap();
        assert!(bind(&path, None).unwrap_err().contains("no socket"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_folder_that_others_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let said = bind(&folder.path().join(NAME), None).unwrap_err();
        assert!(said.contains("chmod go-w"), "{said}");
    }
}
