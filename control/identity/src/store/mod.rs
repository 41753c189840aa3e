//! Users and factors in SQLite.
//!
//! One file of mode 0600 in a folder of mode 0700, in WAL mode with `synchronous = FULL`: what was
//! reported as done is on the disk. One process has it open at a time; every change is one transaction.
//!
//! Invariant: no file of the store is mapped into memory. Whoever cuts a mapped file short kills, by SIGBUS,
//! whoever reads it: here the gate, and with it every machine's flow. A store that is one process's own has
//! its wal-index in that process's memory and needs no `-shm` file (SQLite, "Write-Ahead Logging", 6).

mod error;
mod factors;
mod proof;
mod schema;
mod users;

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::files;
use crate::key::SealingKey;
use crate::secret;

pub use error::StoreError;
pub(crate) use proof::{Accepted, Known, Shown, Verdict};
pub use schema::VERSION;
pub use users::{ADMIN, NewUser, User};

/// Most users.
pub const MAX_USERS: u64 = 100_000;

/// Most roles of one user.
pub const MAX_ROLES: usize = 64;

/// Most client certificates of one user.
pub const MAX_CERTIFICATES: u64 = 16;

/// Longest text (full name, person, label of a certificate), in bytes.
pub const MAX_TEXT: usize = 256;

/// How long a process waits for another one to be done with the store.
const BUSY: Duration = Duration::from_secs(5);

/// Between two looks whether it is.
const LOOK: Duration = Duration::from_millis(20);

/// The known text that tells whether the key is the right one.
const KEY_CHECK: &[u8] = b"wicketgate identity store";

/// The number of a user: never another's, even after the user is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub i64);

impl UserId {
    /// Stands for all names that nobody has.
    pub(crate) const NOBODY: UserId = UserId(0);
}

/// The users and factors of one gate.
pub struct Store {
    db: Connection,
    key: SealingKey,
    id: [u8; 16],
    /// Given up after the file is closed: fields are dropped in this order.
    _lock: File,
}

impl Store {
    /// Opens the store at `path`, made if there is none; its folder too, but not the folder's parents. Waits
    /// up to 5 s for another process that has it.
    ///
    /// Checked before anything is read: owner and mode of folder and file, that it is an identity
    /// store, that no later program wrote it, that SQLite finds it sound, that the key is its key.
    ///
    /// # Errors
    /// [`StoreError`]. Nothing is changed then, but a folder or an empty file may have been made.
    pub fn open(path: &Path, key: SealingKey) -> Result<Store, StoreError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        files::private_folder(folder)?;
        let lock = lock(folder)?;
        // SQLite gives its `-wal` file the mode of this one.
        files::private_file_or_new(path)?;
        let mut db = connect(path)?;
        // This process may die here: all or nothing.
        let transaction = write(&mut db)?;
        if schema::migrate(&transaction)? {
            found(&transaction, &key)?;
        }
        transaction.commit()?;
        let id = identify(&db, &key)?;
        Ok(Store { db, key, id, _lock: lock })
    }

    fn write(&mut self) -> Result<Transaction<'_>, StoreError> {
        write(&mut self.db)
    }
}

/// A transaction that has the write lock, so that what it reads stays true until it commits.
fn write(db: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    Ok(db.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.db.path()).finish_non_exhaustive()
    }
}

/// The store's folder for this process alone.
fn lock(folder: &Path) -> Result<File, StoreError> {
    for _ in 0..BUSY.as_millis() / LOOK.as_millis() {
        if let Some(lock) = files::hold(folder)? {
            return Ok(lock);
        }
        sleep(LOOK);
    }
    Err(StoreError::InUse)
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY)?;
    // Before the first look at the file: once there is a `-shm` file, it stays.
    db.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
    db.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))?;
    db.pragma_update(None, "foreign_keys", true)?;
    schema::version(&db)?;
    check(&db)?;
    // A schema that someone else wrote into the file runs nothing of its own.
    db.pragma_update(None, "trusted_schema", false)?;
    // What is deleted is overwritten.
    db.pragma_update(None, "secure_delete", true)?;
    // No other file is ever opened.
    db.pragma_update(None, "temp_store", "memory")?;
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "full")?;
    Ok(db)
}

fn check(db: &Connection) -> Result<(), StoreError> {
    let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(StoreError::Damaged(verdict));
    }
    let mut orphans = db.prepare("PRAGMA foreign_key_check")?;
    if orphans.exists([])? {
        return Err(StoreError::Damaged("a row belongs to no user".to_owned()));
    }
    Ok(())
}

/// Gives a new store its number and the mark of its key.
fn found(db: &Connection, key: &SealingKey) -> Result<(), StoreError> {
    let mut id = [0; 16];
    secret::fill(&mut id)?;
    let mark = key.seal(KEY_CHECK, &id)?;
    db.execute("INSERT INTO store (one, id, key_check) VALUES (1, ?1, ?2)", (id, mark))?;
    Ok(())
}

fn identify(db: &Connection, key: &SealingKey) -> Result<[u8; 16], StoreError> {
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?));
    let (id, mark): ([u8; 16], _) = db
        .query_row("SELECT id, key_check FROM store", [], row)
        .map_err(|_| StoreError::Damaged("it has no number".to_owned()))?;
    key.open(&mark, &id).map_err(|_| StoreError::WrongKey)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use wicketgate_packet::Time;

    use super::*;
    use crate::name::UserName;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let key = SealingKey::create(&folder.path().join("key")).unwrap();
        let store = Store::open(&folder.path().join("identity/store.db"), key).unwrap();
        (folder, store)
    }

    #[test]
    fn what_two_found_good_one_uses_up() {
        let (_folder, mut store) = store();
        let now = crate::Now { monotonic: crate::Monotonic::START, wall: Time::EPOCH };
        let (name, display_name) = (UserName::new("alice").unwrap(), String::new());
        let user = NewUser { name, display_name, person: None, roles: Vec::new() };
        let user = store.add_user(&user, now).unwrap();
        store.enrol_totp(user).unwrap();
        store.db.execute("UPDATE totp SET confirmed = 1", []).unwrap();
        let code = &store.new_recovery_codes(user).unwrap()[0];
        let recovery = store.has_recovery_code(user, code).unwrap().unwrap();
        for shown in [recovery, Shown::Step(7)] {
            let mut accept = || {
                let code = Some(shown);
                let accepted = Accepted { code, phc: None, rehash: None, certificate: None };
                store.accept(user, &accepted, now).unwrap()
            };
            assert_eq!((accept(), accept()), (Verdict::Recorded, Verdict::Reused));
        }
        // Taken back between check and record.
        store.set_disabled(user, true).unwrap();
        let accepted = Accepted { code: None, phc: None, rehash: None, certificate: None };
        assert_eq!(store.accept(user, &accepted, now).unwrap(), Verdict::TakenBack);
    }

    #[test]
    fn no_file_of_it_is_mapped_into_memory() {
        let (folder, mut store) = store();
        for round in 0..2 {
            let now = crate::Now { monotonic: crate::Monotonic::START, wall: Time::EPOCH };
            let name = UserName::new(&format!("user-{round}")).unwrap();
            let user =
                NewUser { name, display_name: String::new(), person: None, roles: Vec::new() };
            store.add_user(&user, now).unwrap();
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            let name = folder.path().to_str().unwrap();
            assert!(!maps.contains(name), "{maps}");
            assert!(!folder.path().join("identity/store.db-shm").exists());
            // A store from before, in the second round.
            drop(store);
            store = Store::open(
                &folder.path().join("identity/store.db"),
                SealingKey::load(None, &folder.path().join("key")).unwrap(),
            )
            .unwrap();
        }
    }

    #[test]
    fn what_is_reported_is_on_the_disk() {
        let (_folder, store) = store();
        let number = |name| store.db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let mode: String =
            store.db.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
        let locking: String =
            store.db.pragma_query_value(None, "locking_mode", |row| row.get(0)).unwrap();
        assert_eq!(locking, "exclusive");
        assert_eq!(number("synchronous"), Ok(2), "FULL");
        assert_eq!(number("foreign_keys"), Ok(1));
        assert_eq!(number("secure_delete"), Ok(1));
        assert_eq!(number("trusted_schema"), Ok(0));
    }
}
