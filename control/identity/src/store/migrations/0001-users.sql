-- Who there is, and how each proves it. Times are seconds since the Unix epoch.

CREATE TABLE store (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    -- Random; bound to every sealed secret, so that none moves from store to store.
    id        BLOB NOT NULL CHECK (length(id) = 16),
    -- A known text under the key: tells a wrong key from a damaged secret.
    key_check BLOB NOT NULL
) STRICT;

-- AUTOINCREMENT: the number of a removed user is never another's.
CREATE TABLE users (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    disabled     INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created      INTEGER NOT NULL,
    last_login   INTEGER
) STRICT;

CREATE TABLE roles (
    user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (user, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE passwords (
    user    INTEGER PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    phc     TEXT NOT NULL,
    changed INTEGER NOT NULL
) STRICT;

CREATE TABLE totp (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    user      INTEGER NOT NULL UNIQUE REFERENCES users ON DELETE CASCADE,
    -- The seed, under the key, bound to store, user and id.
    sealed    BLOB NOT NULL,
    -- Counts from its first right code on.
    confirmed INTEGER NOT NULL DEFAULT 0 CHECK (confirmed IN (0, 1)),
    -- The last step a code was accepted of: nothing up to it is accepted again.
    last_step INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE recovery_codes (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    used INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX recovery_codes_by_user ON recovery_codes (user);

CREATE TABLE certificates (
    thumbprint BLOB PRIMARY KEY CHECK (length(thumbprint) = 32),
    user       INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    label      TEXT NOT NULL,
    added      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX certificates_by_user ON certificates (user);
