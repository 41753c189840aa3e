//! The token of the login that is there, in a file of the user's own.

use std::env;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::Failure;
use crate::api::secret::Secret;

/// The folder of root, who need not have a runtime folder.
const ROOT: &str = "/run";

/// The file for a socket: a token is good at one gate only.
fn file(socket: &Path) -> Result<PathBuf, Failure> {
    let base = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let base = base.or_else(|| geteuid().is_root().then(|| PathBuf::from(ROOT)));
    let base = base.ok_or_else(|| {
        Failure::Unusable("there is no place for the login's token: set XDG_RUNTIME_DIR".to_owned())
    })?;
    let name: String = socket.to_string_lossy().replace(['/', '%'], "%");
    Ok(base.join("wicketgate-login").join(name))
}

/// Keeps a token.
///
/// # Errors
/// There is no place for it, or it cannot be written.
pub(super) fn keep(socket: &Path, token: &Secret) -> Result<(), Failure> {
    let path = file(socket)?;
    write(&path, token).map_err(|error| unusable(&path, &error))
}

fn write(path: &Path, token: &Secret) -> io::Result<()> {
    if let Some(folder) = path.parent()
        && let Err(error) = DirBuilder::new().mode(0o700).create(folder)
        && error.kind() != ErrorKind::AlreadyExists
    {
        return Err(error);
    }
    // A new file each time: an older one could be open to others.
    remove(path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(token.expose().as_bytes())
}

/// The token that is kept.
///
/// # Errors
/// There is none, or it cannot be read.
pub(super) fn find(socket: &Path) -> Result<Secret, Failure> {
    let path = file(socket)?;
    match fs::read_to_string(&path) {
        Ok(token) => Ok(Secret::new(token)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Failure::Unusable("you are not logged in: wicketgate login USER".to_owned()))
        }
        Err(error) => Err(unusable(&path, &error)),
    }
}

/// Forgets it.
///
/// # Errors
/// It cannot be removed.
pub(super) fn forget(socket: &Path) -> Result<(), Failure> {
    let path = file(socket)?;
    remove(&path).map_err(|error| unusable(&path, &error))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::Unusable(format!("{}: {error}", path.display()))
}
