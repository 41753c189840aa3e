-- A store of schema version 1: user alice with all factors.
-- Key: 32 bytes of 7. Password: "otter plays late chess". TOTP seed: that of RFC 6238, appendix B.
BEGIN TRANSACTION;
CREATE TABLE certificates (
    thumbprint BLOB PRIMARY KEY CHECK (length(thumbprint) = 32),
    user       INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    label      TEXT NOT NULL,
    added      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "certificates" VALUES(X'ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB',1,'laptop 7',1700000000);
CREATE TABLE passwords (
    user    INTEGER PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    phc     TEXT NOT NULL,
    changed INTEGER NOT NULL
) STRICT;
INSERT INTO "passwords" VALUES(1,'$argon2id$v=19$m=19456,t=2,p=1$ygjPza1geRsmoIu8leiGXA$DgoR3/uOWJgWHOtLTKAwv/7iqaqvZOzDej3Ggr+97yc',1700000000);
CREATE TABLE recovery_codes (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    used INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO "recovery_codes" VALUES(X'EFED8B09AC1C8023AB49DE6E90ADD2E63FE156619CAF6BC0C4A4EB7FA08CAB2B',1,NULL);
CREATE TABLE roles (
    user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (user, role)
) STRICT, WITHOUT ROWID;
INSERT INTO "roles" VALUES(1,'admin');
INSERT INTO "roles" VALUES(1,'maintenance');
CREATE TABLE store (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    -- Random; bound to every sealed secret, so that none moves from store to store.
    id        BLOB NOT NULL CHECK (length(id) = 16),
    -- A known text under the key: tells a wrong key from a damaged secret.
    key_check BLOB NOT NULL
) STRICT;
INSERT INTO "store" VALUES(1,X'7369787465656E206279746573206964',X'55443C88015BBCD40B9FA8D066099034E906B0CAB3B521CB9CCA4BE935926540E921D467D4778975AB8B506C6B949C9B31852A1B82A3C67DBED260FDAAF9EE8984');
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
INSERT INTO "totp" VALUES(1,1,X'3BCD6C38DEADF9AF37CE50C019E946CA2C7BE941AB42A261A6D7CED632AC63D6B1CAAAF570F435604DADA4CCA485E9EEC18758B49E07E616014F0365',1,5);
CREATE TABLE users (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    disabled     INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created      INTEGER NOT NULL,
    last_login   INTEGER
) STRICT;
INSERT INTO "users" VALUES(1,'alice','Alice',0,1700000000,NULL);
CREATE INDEX recovery_codes_by_user ON recovery_codes (user);
CREATE INDEX certificates_by_user ON certificates (user);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('users',1);
INSERT INTO "sqlite_sequence" VALUES('totp',1);
COMMIT;
PRAGMA user_version = 1;
PRAGMA application_id = 1464289604;
