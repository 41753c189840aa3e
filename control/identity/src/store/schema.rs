//! The store's schema: made, and brought forward, by numbered steps.

use rusqlite::{Connection, Transaction};

use super::StoreError;

/// Says in the file's header that it is an identity store (`file` and SQLite show it): "WGID".
const APPLICATION: i32 = 0x5747_4944;

/// Step `n` makes version `n + 1` of version `n`. Steps are never changed once released.
const STEPS: [&str; 2] =
    [include_str!("migrations/0001-users.sql"), include_str!("migrations/0002-attempts.sql")];

/// The version this program writes.
pub const VERSION: i64 = STEPS.len() as i64;

/// Brings the store to [`VERSION`]; true if there was none before.
pub(super) fn migrate(db: &Transaction<'_>) -> Result<bool, StoreError> {
    let found = version(db)?;
    let done = usize::try_from(found).map_err(|_| StoreError::NotAStore)?;
    for (at, step) in STEPS.iter().enumerate().skip(done) {
        db.execute_batch(step)?;
        db.pragma_update(None, "user_version", at + 1)?;
    }
    db.pragma_update(None, "application_id", APPLICATION)?;
    Ok(found == 0)
}

/// The version of the file; 0 of one that is empty.
///
/// # Errors
/// Not an identity store, or a later program's.
pub(super) fn version(db: &Connection) -> Result<i64, StoreError> {
    let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (version, application) = (number("user_version")?, number("application_id")?);
    let objects: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let empty = version == 0 && objects == 0;
    if !empty && application != i64::from(APPLICATION) {
        return Err(StoreError::NotAStore);
    }
    if version > VERSION {
        return Err(StoreError::Newer { found: version, known: VERSION });
    }
    Ok(version)
}
