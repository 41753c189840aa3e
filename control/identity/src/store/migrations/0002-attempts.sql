-- Failures survive a restart, and people are told from accounts.

-- One person may have several accounts; nobody approves for themselves by the other one.
ALTER TABLE users ADD COLUMN person TEXT NOT NULL DEFAULT '';
UPDATE users SET person = name;

-- Row 0 stands for all names that nobody has: each attempt writes one row, whoever it names.
CREATE TABLE attempts (
    user     INTEGER PRIMARY KEY,
    total    INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO attempts (user) SELECT id FROM users;
INSERT INTO attempts (user) VALUES (0);

CREATE TRIGGER users_have_attempts AFTER INSERT ON users
BEGIN
    INSERT INTO attempts (user) VALUES (new.id);
END;
CREATE TRIGGER attempts_go_with_users AFTER DELETE ON users
BEGIN
    DELETE FROM attempts WHERE user = old.id;
END;
