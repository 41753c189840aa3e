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

/// The mode of the gate's own folder: its group reaches the control socket.
const STATE_MODE: u32 = 0o750;
/// The mode of the store's.
const FOLDER_MODE: u32 = 0o700;

/// The store and its key, where systemd gives none: both may be missing.
pub(crate) fn files(state_dir: &Path) -> (PathBuf, PathBuf) {
    let folder = state_dir.join(FOLDER);
    (folder.join(STORE), folder.join(KEY))
}

/// Opens the store, made with a new key if there is none.
///
/// # Errors
/// Why there are no people, for people.
pub(crate) fn open(state_dir: &Path) -> Result<Store, String> {
    let folder = state_dir.join(FOLDER);
    let made = make(state_dir, STATE_MODE).and_then(|()| make(&folder, FOLDER_MODE));
    made.map_err(|error| format!("{}: cannot be made: {error}", folder.display()))?;
    let (store, file) = files(state_dir);
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

/// A folder, if there is none; whose it is the store checks.
fn make(folder: &Path, mode: u32) -> std::io::Result<()> {
    match DirBuilder::new().mode(mode).recursive(mode == STATE_MODE).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
