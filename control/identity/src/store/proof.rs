//! What an attempt reads and writes: counted first, recorded before success is reported.

use rusqlite::{Connection, OptionalExtension};

use super::{Store, StoreError, User, UserId};
use crate::factor::{RecoveryCode, Seed, Thumbprint};
use crate::name::UserName;
use crate::time::Now;

/// What the store knows of whom an attempt names. Nobody's has nothing in it.
pub(crate) struct Known {
    /// The user; `None` where nobody has the name.
    pub(crate) user: Option<User>,
    /// The password's hash, as a PHC string.
    pub(crate) phc: Option<String>,
    /// The confirmed TOTP seed.
    pub(crate) seed: Option<Seed>,
}

/// What was shown beside a password, and is right.
#[derive(Clone, Copy)]
pub(crate) enum Shown {
    /// A TOTP code of this step.
    Step(u64),
    /// A recovery code with this hash.
    Recovery([u8; 32]),
}

/// What is to be recorded of a proven attempt.
pub(crate) struct Accepted<'a> {
    /// The code, which is used up by it.
    pub(crate) code: Option<Shown>,
    /// The hash that the password was checked against.
    pub(crate) phc: Option<&'a str>,
    /// The hash to be stored in its place.
    pub(crate) rehash: Option<String>,
    /// The certificate.
    pub(crate) certificate: Option<Thumbprint>,
}

/// Whether it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is on the disk.
    Recorded,
    /// The code was used before, here or by another process.
    Reused,
    /// The user or the factor was taken back meanwhile.
    TakenBack,
}

impl Store {
    /// What is known of `name`.
    pub(crate) fn known(&self, name: Option<&UserName>) -> Result<Known, StoreError> {
        let user = match name.map(|name| self.user(name)) {
            Some(Err(StoreError::NoSuchUser)) | None => None,
            Some(user) => Some(user?),
        };
        let id = user.as_ref().map_or(UserId::NOBODY, |user| user.id);
        let mut query = self.db.prepare_cached("SELECT phc FROM passwords WHERE user = ?1")?;
        let phc = query.query_row([id.0], |row| row.get(0)).optional()?;
        let seed = self.seed(id, true)?;
        Ok(Known { user, phc, seed })
    }

    /// Counts an attempt before it is checked, so that neither a crash nor a second attempt beside
    /// it is free; `held` says, given the failures so far, whether nothing is checked at all.
    /// Returns its answer and the failures up to this one.
    ///
    /// One row is written in every case: unknown names take as long as known ones.
    pub(crate) fn count_attempt(
        &mut self,
        user: UserId,
        held: impl FnOnce(u32) -> bool,
    ) -> Result<(bool, u32), StoreError> {
        let transaction = self.write()?;
        let read = "SELECT failures FROM attempts WHERE user = ?1";
        let failures: u32 = transaction.query_row(read, [user.0], |row| row.get(0))?;
        let held = held(failures);
        let counted = u32::from(!held && user != UserId::NOBODY);
        transaction.execute(
            "UPDATE attempts SET total = total + 1, failures = failures + ?2 WHERE user = ?1",
            (user.0, counted),
        )?;
        transaction.commit()?;
        Ok((held, failures + counted))
    }

    /// Whether `code` is an unused recovery code of `user`.
    pub(crate) fn has_recovery_code(
        &self,
        user: UserId,
        code: &RecoveryCode,
    ) -> Result<Option<Shown>, StoreError> {
        let hash = code.hash(user);
        let query = "SELECT 1 FROM recovery_codes WHERE hash = ?1 AND user = ?2 AND used IS NULL";
        let found = self.db.prepare_cached(query)?.exists((hash, user.0))?;
        Ok(found.then_some(Shown::Recovery(hash)))
    }

    /// Whether the certificate is `user`'s.
    pub(crate) fn has_certificate(
        &self,
        user: UserId,
        thumbprint: Thumbprint,
    ) -> Result<bool, StoreError> {
        has_certificate(&self.db, user, thumbprint)
    }

    /// Records a proven attempt: codes used up, failures forgotten. When it returns, that is on the
    /// disk; of attempts with the same code exactly one is [`Verdict::Recorded`].
    pub(crate) fn accept(
        &mut self,
        user: UserId,
        accepted: &Accepted<'_>,
        now: Now,
    ) -> Result<Verdict, StoreError> {
        let transaction = self.write()?;
        if !is_still_good(&transaction, user, accepted)? {
            return Ok(Verdict::TakenBack);
        }
        if !use_up(&transaction, user, accepted.code, now)? {
            return Ok(Verdict::Reused);
        }
        if let Some(new) = &accepted.rehash {
            transaction.execute("UPDATE passwords SET phc = ?2 WHERE user = ?1", (user.0, new))?;
        }
        transaction.execute("UPDATE attempts SET failures = 0 WHERE user = ?1", [user.0])?;
        let login = "UPDATE users SET last_login = ?2 WHERE id = ?1";
        transaction.execute(login, (user.0, now.unix_seconds()))?;
        transaction.commit()?;
        Ok(Verdict::Recorded)
    }

    /// Forgets a user's failures: the way out of a lockout, an admin's act.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUser`], or the disk's.
    pub fn unlock(&mut self, user: UserId) -> Result<(), StoreError> {
        let changed = self
            .db
            .execute("UPDATE attempts SET failures = 0 WHERE user = ?1 AND user <> 0", [user.0])?;
        if changed == 1 { Ok(()) } else { Err(StoreError::NoSuchUser) }
    }
}

fn has_certificate(db: &Connection, user: UserId, it: Thumbprint) -> Result<bool, StoreError> {
    let query = "SELECT 1 FROM certificates WHERE thumbprint = ?1 AND user = ?2";
    Ok(db.prepare_cached(query)?.exists((it.as_bytes(), user.0))?)
}

/// Whether nothing was taken back since it was checked.
fn is_still_good(
    db: &Connection,
    user: UserId,
    accepted: &Accepted<'_>,
) -> Result<bool, StoreError> {
    let query = "SELECT 1 FROM users WHERE id = ?1 AND NOT disabled";
    let enabled = db.prepare_cached(query)?.exists([user.0])?;
    let certificate = match accepted.certificate {
        Some(thumbprint) => has_certificate(db, user, thumbprint)?,
        None => true,
    };
    let password = match accepted.phc {
        Some(phc) => {
            let query = "SELECT 1 FROM passwords WHERE user = ?1 AND phc = ?2";
            db.prepare_cached(query)?.exists((user.0, phc))?
        }
        None => true,
    };
    Ok(enabled && certificate && password)
}

/// Uses up a code; false if that was done before. RFC 6238, section 5.2: one step, one login.
fn use_up(
    db: &Connection,
    user: UserId,
    code: Option<Shown>,
    now: Now,
) -> Result<bool, StoreError> {
    let changed = match code {
        None => return Ok(true),
        Some(Shown::Step(step)) => db.execute(
            "UPDATE totp SET last_step = ?2 WHERE user = ?1 AND confirmed AND last_step < ?2",
            (user.0, step),
        )?,
        Some(Shown::Recovery(hash)) => db.execute(
            "UPDATE recovery_codes SET used = ?3 WHERE hash = ?2 AND user = ?1 AND used IS NULL",
            (user.0, hash, now.unix_seconds()),
        )?,
    };
    Ok(changed == 1)
}
