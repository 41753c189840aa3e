//! Users: added, listed, disabled, given roles, removed.

use rusqlite::{Connection, OptionalExtension, Row};

use super::{MAX_ROLES, MAX_TEXT, MAX_USERS, Store, StoreError, UserId};
use crate::name::{Role, UserName, is_printable};
use crate::time::Now;

/// The role of whoever administers users. The store never loses its last one who is not disabled.
pub const ADMIN: &str = "admin";

/// A user, as listed. No secret is part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub id: UserId,
    /// The name to log in by.
    pub name: UserName,
    /// The full name, for people.
    pub display_name: String,
    /// Who it is: accounts with the same person are one when it comes to approving.
    pub person: String,
    /// Its roles, in the order of the alphabet.
    pub roles: Vec<Role>,
    /// Whether it may not log in.
    pub disabled: bool,
    /// Last time it was proven, in seconds since the Unix epoch.
    pub last_login: Option<u64>,
    /// Failed attempts since then.
    pub failures: u32,
    /// Whether it has a password.
    pub has_password: bool,
    /// Whether it has a confirmed TOTP seed.
    pub has_totp: bool,
    /// Recovery codes left.
    pub recovery_codes: u32,
    /// Client certificates.
    pub certificates: u32,
}

/// Who is to be added. A new user has no factor, so cannot log in yet.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The name to log in by.
    pub name: UserName,
    /// The full name.
    pub display_name: String,
    /// Who it is; the name, if this is the person's only account.
    pub person: Option<String>,
    /// Its roles.
    pub roles: Vec<Role>,
}

/// What [`read`] reads, in this order.
const COLUMNS: &str = "id, name, display_name, person, disabled, last_login,
    (SELECT failures FROM attempts WHERE attempts.user = users.id),
    EXISTS (SELECT 1 FROM passwords WHERE passwords.user = users.id),
    EXISTS (SELECT 1 FROM totp WHERE totp.user = users.id AND confirmed),
    (SELECT count(*) FROM recovery_codes r WHERE r.user = users.id AND r.used IS NULL),
    (SELECT count(*) FROM certificates c WHERE c.user = users.id)";

impl Store {
    /// Adds a user without any factor.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], [`StoreError::Full`], [`StoreError::BadText`], or the disk's.
    pub fn add_user(&mut self, user: &NewUser, now: Now) -> Result<UserId, StoreError> {
        let person = user.person.as_deref().unwrap_or(user.name.as_str());
        check_text(&user.display_name)?;
        check_text(person)?;
        let transaction = self.write()?;
        let count: u64 = transaction.query_row("SELECT count(*) FROM users", [], |r| r.get(0))?;
        if count >= MAX_USERS {
            return Err(StoreError::Full);
        }
        let added = transaction.execute(
            "INSERT INTO users (name, display_name, person, created) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO NOTHING",
            (user.name.as_str(), &user.display_name, person, now.unix_seconds()),
        )?;
        if added == 0 {
            return Err(StoreError::NameTaken);
        }
        let id = UserId(transaction.last_insert_rowid());
        give(&transaction, id, &user.roles)?;
        transaction.commit()?;
        Ok(id)
    }

    /// The user of that name.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUser`], or the disk's.
    pub fn user(&self, name: &UserName) -> Result<User, StoreError> {
        self.one("name = ?1", name.as_str())
    }

    /// The user of that number.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUser`], or the disk's.
    pub fn user_by_id(&self, id: UserId) -> Result<User, StoreError> {
        self.one("id = ?1", id.0)
    }

    /// All users, in the order of their names.
    ///
    /// # Errors
    /// The disk's.
    pub fn users(&self) -> Result<Vec<User>, StoreError> {
        let mut query = self.db.prepare(&format!("SELECT {COLUMNS} FROM users ORDER BY name"))?;
        let users: Result<Vec<User>, _> = query.query_map([], read)?.collect();
        users?.into_iter().map(|user| with_roles(&self.db, user)).collect()
    }

    /// Gives a user these roles instead of those it has.
    ///
    /// # Errors
    /// [`StoreError::LastAdmin`], [`StoreError::Full`], [`StoreError::NoSuchUser`], or the disk's.
    pub fn set_roles(&mut self, user: UserId, roles: &[Role]) -> Result<(), StoreError> {
        let transaction = self.write()?;
        exists(&transaction, user)?;
        let admins = admins(&transaction)?;
        transaction.execute("DELETE FROM roles WHERE user = ?1", [user.0])?;
        give(&transaction, user, roles)?;
        keep_an_admin(&transaction, admins)?;
        Ok(transaction.commit()?)
    }

    /// Lets a user log in, or not. Whoever is logged in is told by
    /// [`Access::user_disabled`](crate::Access::user_disabled).
    ///
    /// # Errors
    /// [`StoreError::LastAdmin`], [`StoreError::NoSuchUser`], or the disk's.
    pub fn set_disabled(&mut self, user: UserId, disabled: bool) -> Result<(), StoreError> {
        let transaction = self.write()?;
        exists(&transaction, user)?;
        let admins = admins(&transaction)?;
        transaction.execute("UPDATE users SET disabled = ?2 WHERE id = ?1", (user.0, disabled))?;
        keep_an_admin(&transaction, admins)?;
        Ok(transaction.commit()?)
    }

    /// Removes a user with all factors. The number is not used again.
    ///
    /// # Errors
    /// [`StoreError::LastAdmin`], [`StoreError::NoSuchUser`], or the disk's.
    pub fn remove_user(&mut self, user: UserId) -> Result<(), StoreError> {
        let transaction = self.write()?;
        exists(&transaction, user)?;
        let admins = admins(&transaction)?;
        transaction.execute("DELETE FROM users WHERE id = ?1", [user.0])?;
        keep_an_admin(&transaction, admins)?;
        Ok(transaction.commit()?)
    }

    fn one(&self, which: &str, value: impl rusqlite::ToSql) -> Result<User, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM users WHERE {which}");
        let user = self.db.query_row(&query, [value], read).optional()?;
        with_roles(&self.db, user.ok_or(StoreError::NoSuchUser)?)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<User> {
    let name: String = row.get(1)?;
    let name = UserName::new(&name).map_err(|bad| {
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(bad))
    })?;
    Ok(User {
        id: UserId(row.get(0)?),
        name,
        display_name: row.get(2)?,
        person: row.get(3)?,
        roles: Vec::new(),
        disabled: row.get(4)?,
        last_login: row.get(5)?,
        failures: row.get(6)?,
        has_password: row.get(7)?,
        has_totp: row.get(8)?,
        recovery_codes: row.get(9)?,
        certificates: row.get(10)?,
    })
}

fn with_roles(db: &Connection, user: User) -> Result<User, StoreError> {
    let mut query = db.prepare_cached("SELECT role FROM roles WHERE user = ?1 ORDER BY role")?;
    let names: Result<Vec<String>, _> = query.query_map([user.id.0], |row| row.get(0))?.collect();
    let roles: Result<Vec<Role>, _> = names?.iter().map(|name| Role::new(name)).collect();
    let roles = roles.map_err(|bad| StoreError::Damaged(format!("a role: {bad}")))?;
    Ok(User { roles, ..user })
}

fn give(db: &Connection, user: UserId, roles: &[Role]) -> Result<(), StoreError> {
    if roles.len() > MAX_ROLES {
        return Err(StoreError::Full);
    }
    let mut insert = db.prepare("INSERT OR IGNORE INTO roles (user, role) VALUES (?1, ?2)")?;
    for role in roles {
        insert.execute((user.0, role.as_str()))?;
    }
    Ok(())
}

/// That there is such a user.
pub(super) fn exists(db: &Connection, user: UserId) -> Result<(), StoreError> {
    let found = db.prepare_cached("SELECT 1 FROM users WHERE id = ?1")?.exists([user.0])?;
    if found { Ok(()) } else { Err(StoreError::NoSuchUser) }
}

/// How many admins are not disabled.
fn admins(db: &Connection) -> Result<u64, StoreError> {
    let query = "SELECT count(*) FROM roles JOIN users ON users.id = roles.user
                 WHERE role = ?1 AND NOT disabled";
    Ok(db.query_row(query, [ADMIN], |row| row.get(0))?)
}

/// Refuses the transaction in which the last admin went.
fn keep_an_admin(db: &Connection, before: u64) -> Result<(), StoreError> {
    if before > 0 && admins(db)? == 0 { Err(StoreError::LastAdmin) } else { Ok(()) }
}

/// Text for people: not too long, and printable.
pub(super) fn check_text(text: &str) -> Result<(), StoreError> {
    let good = text.len() <= MAX_TEXT && is_printable(text);
    if good { Ok(()) } else { Err(StoreError::BadText) }
}
