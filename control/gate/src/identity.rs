//! Where the identity store is, and how it is opened: by the gate, and by whoever administers users.

use std::env;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use wicketgate_identity::key::CREDENTIAL;
use wicketgate_identity::{SealingKey, Store};

/// The folder of the store in the gate's `state_dir`.
const FOLDER: &str = "identity";
/// The store in it.
const STORE: &str = "store.db";
/// The key in it, where systemd gives none.
const KEY: &str = "key";

/// The folder of the store.
pub(crate) fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join(FOLDER)
}

/// Opens the store, made with a new key if there is none.
///
/// # Errors
/// Why there are no people, for people.
pub(crate) fn open(state_dir: &Path) -> Result<Store, String> {
    let folder = folder(state_dir);
    make(&folder).map_err(|error| format!("{}: cannot be made: {error}", folder.display()))?;
    let (store, file) = (folder.join(STORE), folder.join(KEY));
    let credentials = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let given = credentials.as_deref().is_some_and(|folder| folder.join(CREDENTIAL).exists());
    // A key is made for a new store only: another one opens no old one.
    let key = if given || file.exists() || store.exists() {
        SealingKey::load(credentials.as_deref(), &file)
    } else {
        SealingKey::create(&file)
    };
    let key = key.map_err(|error| error.to_string())?;
    Store::open(&store, key).map_err(|error| error.to_string())
}

/// A folder of one's own; the store checks whose it is.
fn make(folder: &Path) -> std::io::Result<()> {
    match DirBuilder::new().mode(0o700).recursive(false).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
