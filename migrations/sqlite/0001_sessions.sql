-- Version 1 of the tables of SqliteStore, which creates them itself.

CREATE TABLE IF NOT EXISTS tower_jwt_auth_schema (
    version BIGINT PRIMARY KEY
);

CREATE TABLE tower_jwt_auth_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    -- Seconds since 1970.
    delete_after INTEGER NOT NULL
) STRICT;

CREATE INDEX tower_jwt_auth_sessions_subject
    ON tower_jwt_auth_sessions (subject);

CREATE INDEX tower_jwt_auth_sessions_delete_after
    ON tower_jwt_auth_sessions (delete_after);

INSERT INTO tower_jwt_auth_schema (version) VALUES (1);
