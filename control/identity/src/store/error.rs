//! Why the store did not do something.

use std::fmt;

use crate::factor::Weakness;
use crate::files::Untrusted;
use crate::secret::NoRandomness;

/// Why the store did not do something. Whoever asks for a login is refused in every case.
#[derive(Debug)]
pub enum StoreError {
    /// Its file or folder is not as it must be.
    File(Untrusted),
    /// Another process has it open: a gate that runs, or a command that is about to end.
    InUse,
    /// SQLite failed: disk full, lock not given, file damaged.
    Sqlite(rusqlite::Error),
    /// The file is a database, but not an identity store.
    NotAStore,
    /// A later program wrote it.
    Newer {
        /// Its version.
        found: i64,
        /// The last version that this program knows.
        known: i64,
    },
    /// The check on opening found it damaged; what SQLite says.
    Damaged(String),
    /// Sealed under another key.
    WrongKey,
    /// A secret does not open: moved from another row, or altered.
    Tampered,
    /// No user of that name or number.
    NoSuchUser,
    /// Another user has the name.
    NameTaken,
    /// [`MAX_USERS`](super::MAX_USERS), or too many roles or certificates.
    Full,
    /// The factor is there already: it is replaced by an admin's reset, then a new enrolment.
    AlreadyEnrolled,
    /// There is no such factor, or none that waits for its first code.
    NotEnrolled,
    /// The first code of an enrolment is not right.
    WrongCode,
    /// The password is not accepted.
    Weak(Weakness),
    /// A text is longer than it may be, or has characters that do not print.
    BadText,
    /// The last admin can be neither disabled, removed nor stripped of the role.
    LastAdmin,
    /// No secret could be made.
    NoRandomness,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            StoreError::File(error) => return write!(f, "identity store: {error}"),
            StoreError::Sqlite(error) => return write!(f, "identity store: {error}"),
            StoreError::Newer { found, known } => {
                return write!(
                    f,
                    "the identity store is of version {found}, this program knows up to {known}: \
                     install the program that wrote it, or restore an older copy"
                );
            }
            StoreError::Damaged(what) => return write!(f, "the identity store is damaged: {what}"),
            StoreError::Weak(weakness) => {
                return write!(f, "the password is not accepted: {weakness}");
            }
            StoreError::InUse => {
                "another process has the identity store open: where a gate runs, ask it by its socket"
            }
            StoreError::NotAStore => "the file is not an identity store",
            StoreError::WrongKey => "the identity store is sealed under another key",
            StoreError::Tampered => "a secret of the identity store was moved or altered",
            StoreError::NoSuchUser => "there is no such user",
            StoreError::NameTaken => "another user has that name",
            StoreError::Full => "the identity store is full",
            StoreError::AlreadyEnrolled => {
                "the factor is enrolled already: an admin resets it first"
            }
            StoreError::NotEnrolled => "no such factor is enrolled or waits for its first code",
            StoreError::WrongCode => {
                "the code is not right: check the clocks, then try the next one"
            }
            StoreError::BadText => "a text is too long or has characters that do not print",
            StoreError::LastAdmin => "that is the last admin who is not disabled",
            StoreError::NoRandomness => return NoRandomness.fmt(f),
        };
        f.write_str(text)
    }
}

impl std::error::Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        match error {
            rusqlite::Error::QueryReturnedNoRows => StoreError::NoSuchUser,
            error => StoreError::Sqlite(error),
        }
    }
}

impl From<NoRandomness> for StoreError {
    fn from(_: NoRandomness) -> StoreError {
        StoreError::NoRandomness
    }
}

impl From<Untrusted> for StoreError {
    fn from(error: Untrusted) -> StoreError {
        StoreError::File(error)
    }
}
