-- Version 2 of the tables of PostgresStore: a user's ended sessions leave the index of the user.
-- Sessions that ended before this change stay in the index for the hour that they are kept.

ALTER TABLE tower_jwt_auth_sessions ADD COLUMN ended BOOLEAN NOT NULL DEFAULT FALSE;

-- A hash index, since a B-tree rejects entries of more than 2.6 KB.
CREATE INDEX tower_jwt_auth_sessions_live
    ON tower_jwt_auth_sessions USING hash (subject) WHERE NOT ended;

DROP INDEX tower_jwt_auth_sessions_subject;

INSERT INTO tower_jwt_auth_schema (version) VALUES (2);
