-- Version 2 of the tables of SqliteStore: a user's ended sessions leave the index of the user.

ALTER TABLE tower_jwt_auth_sessions ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;

CREATE INDEX tower_jwt_auth_sessions_live
    ON tower_jwt_auth_sessions (subject) WHERE NOT ended;

DROP INDEX tower_jwt_auth_sessions_subject;

INSERT INTO tower_jwt_auth_schema (version) VALUES (2);
