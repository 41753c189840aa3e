//! Factors: enrolled once, and replaced only after an admin's reset.
//!
//! Nobody who holds a session, a borrowed phone or one stolen factor can put an own factor in place
//! of another's: there is no change by the user, only a reset by an admin and a new enrolment.

use rusqlite::{Connection, OptionalExtension};

use super::users::{check_text, exists};
use super::{MAX_CERTIFICATES, Store, StoreError, UserId, write};
use crate::factor::recovery::CODES;
use crate::factor::totp::{Enrolment, Seed};
use crate::factor::{Factor, Password, RecoveryCode, Thumbprint};
use crate::time::Now;

impl Store {
    /// Gives a user the first password, or the first after a reset.
    ///
    /// # Errors
    /// [`StoreError::Weak`], [`StoreError::AlreadyEnrolled`], [`StoreError::NoSuchUser`], or the
    /// disk's.
    pub fn enrol_password(
        &mut self,
        user: UserId,
        password: &Password,
        now: Now,
    ) -> Result<(), StoreError> {
        let known = self.user_by_id(user)?;
        let names = [known.name.as_str(), &known.display_name, &known.person];
        password.check(&names).map_err(StoreError::Weak)?;
        let phc = password.hash()?;
        let added = self.db.execute(
            "INSERT INTO passwords (user, phc, changed) VALUES (?1, ?2, ?3)
             ON CONFLICT (user) DO NOTHING",
            (user.0, phc, now.unix_seconds()),
        )?;
        once(added)
    }

    /// Gives a user a TOTP seed, which counts once [`Store::confirm_totp`] saw its first code. An
    /// enrolment that was never confirmed is replaced.
    ///
    /// # Errors
    /// [`StoreError::AlreadyEnrolled`], [`StoreError::NoSuchUser`], or the disk's.
    pub fn enrol_totp(&mut self, user: UserId) -> Result<Enrolment, StoreError> {
        let name = self.user_by_id(user)?.name;
        let seed = Seed::new()?;
        let Store { db, key, id: store, .. } = self;
        let transaction = write(db)?;
        transaction.execute("DELETE FROM totp WHERE user = ?1 AND NOT confirmed", [user.0])?;
        let added = transaction.execute(
            "INSERT INTO totp (user, sealed) VALUES (?1, x'') ON CONFLICT (user) DO NOTHING",
            [user.0],
        )?;
        once(added)?;
        let row = transaction.last_insert_rowid();
        let sealed = key.seal(seed.secret().expose(), &belongs(*store, user, row))?;
        transaction.execute("UPDATE totp SET sealed = ?2 WHERE id = ?1", (row, sealed))?;
        transaction.commit()?;
        Ok(Enrolment::new(&seed, &name))
    }

    /// Confirms a seed by its first code, which then is used: it opens no login.
    ///
    /// # Errors
    /// [`StoreError::WrongCode`], [`StoreError::NotEnrolled`], or the disk's.
    pub fn confirm_totp(&mut self, user: UserId, code: &str, now: Now) -> Result<(), StoreError> {
        let seed = self.seed(user, false)?.ok_or(StoreError::NotEnrolled)?;
        let step = seed.step_of(code, now.unix_seconds()).ok_or(StoreError::WrongCode)?;
        let changed = self.db.execute(
            "UPDATE totp SET confirmed = 1, last_step = ?2 WHERE user = ?1 AND NOT confirmed",
            (user.0, step),
        )?;
        if changed == 1 { Ok(()) } else { Err(StoreError::NotEnrolled) }
    }

    /// Ten new recovery codes, to be shown once. Those from before are void.
    ///
    /// # Errors
    /// [`StoreError::NotEnrolled`] without TOTP, in whose place they stand; or the disk's.
    pub fn new_recovery_codes(&mut self, user: UserId) -> Result<Vec<RecoveryCode>, StoreError> {
        let codes: Result<Vec<_>, _> = (0..CODES).map(|_| RecoveryCode::new()).collect();
        let codes = codes?;
        let transaction = self.write()?;
        if !has_totp(&transaction, user)? {
            return Err(StoreError::NotEnrolled);
        }
        transaction.execute("DELETE FROM recovery_codes WHERE user = ?1", [user.0])?;
        for code in &codes {
            let insert = "INSERT INTO recovery_codes (hash, user) VALUES (?1, ?2)";
            transaction.execute(insert, (code.hash(user), user.0))?;
        }
        transaction.commit()?;
        Ok(codes)
    }

    /// Gives a user a client certificate.
    ///
    /// # Errors
    /// [`StoreError::AlreadyEnrolled`] if it is someone's, [`StoreError::Full`],
    /// [`StoreError::BadText`], [`StoreError::NoSuchUser`], or the disk's.
    pub fn enrol_certificate(
        &mut self,
        user: UserId,
        thumbprint: Thumbprint,
        label: &str,
        now: Now,
    ) -> Result<(), StoreError> {
        check_text(label)?;
        let transaction = self.write()?;
        exists(&transaction, user)?;
        let count = "SELECT count(*) FROM certificates WHERE user = ?1";
        let count: u64 = transaction.query_row(count, [user.0], |row| row.get(0))?;
        if count >= MAX_CERTIFICATES {
            return Err(StoreError::Full);
        }
        let added = transaction.execute(
            "INSERT INTO certificates (thumbprint, user, label, added) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (thumbprint) DO NOTHING",
            (thumbprint.as_bytes(), user.0, label, now.unix_seconds()),
        )?;
        once(added)?;
        Ok(transaction.commit()?)
    }

    /// Takes one client certificate from its user.
    ///
    /// # Errors
    /// [`StoreError::NotEnrolled`], or the disk's.
    pub fn remove_certificate(&mut self, thumbprint: Thumbprint) -> Result<(), StoreError> {
        let delete = "DELETE FROM certificates WHERE thumbprint = ?1";
        let removed = self.db.execute(delete, [thumbprint.as_bytes()])?;
        if removed == 1 { Ok(()) } else { Err(StoreError::NotEnrolled) }
    }

    /// Takes a factor from a user, to be enrolled anew: an admin's act. With TOTP go the recovery
    /// codes; certificates go all at once. True if there was one.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUser`], or the disk's.
    pub fn reset_factor(&mut self, user: UserId, factor: Factor) -> Result<bool, StoreError> {
        let tables: &[&str] = match factor {
            Factor::Password => &["passwords"],
            Factor::Totp => &["totp", "recovery_codes"],
            Factor::Certificate => &["certificates"],
            Factor::Passkey => &[],
        };
        let transaction = self.write()?;
        exists(&transaction, user)?;
        let mut removed = 0;
        for table in tables {
            let delete = format!("DELETE FROM {table} WHERE user = ?1");
            removed += transaction.execute(&delete, [user.0])?;
        }
        transaction.commit()?;
        Ok(removed > 0)
    }

    /// The user's seed, confirmed or waiting for its first code.
    pub(super) fn seed(&self, user: UserId, confirmed: bool) -> Result<Option<Seed>, StoreError> {
        let query = "SELECT id, sealed FROM totp WHERE user = ?1 AND confirmed = ?2";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?));
        let mut query = self.db.prepare_cached(query)?;
        let Some((id, sealed)) = query.query_row((user.0, confirmed), row).optional()? else {
            return Ok(None);
        };
        let seed = self.key.open(&sealed, &belongs(self.id, user, id));
        seed.map(|seed| Some(Seed::from_secret(seed))).map_err(|_| StoreError::Tampered)
    }
}

/// What a TOTP seed is bound to: store, user and row.
fn belongs(store: [u8; 16], user: UserId, row: i64) -> Vec<u8> {
    let (user, row) = (user.0.to_be_bytes(), row.to_be_bytes());
    [b"totp seed 1\0".as_slice(), &store, &user, &row].concat()
}

fn has_totp(db: &Connection, user: UserId) -> Result<bool, StoreError> {
    exists(db, user)?;
    let query = "SELECT 1 FROM totp WHERE user = ?1 AND confirmed";
    Ok(db.prepare_cached(query)?.exists([user.0])?)
}

/// That the insert found nothing in its place.
fn once(added: usize) -> Result<(), StoreError> {
    if added == 1 { Ok(()) } else { Err(StoreError::AlreadyEnrolled) }
}
