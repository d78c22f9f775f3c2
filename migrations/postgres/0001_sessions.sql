-- Version 1 of the tables of PostgresStore, which creates them itself if it has the right.

CREATE TABLE IF NOT EXISTS tower_jwt_auth_schema (
    version BIGINT PRIMARY KEY
);

-- COLLATE "C": two names or subjects are equal if and only if their bytes are equal, whatever the
-- collation of the database.
CREATE TABLE tower_jwt_auth_sessions (
    id TEXT COLLATE "C" PRIMARY KEY,
    subject TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    -- Seconds since 1970.
    delete_after BIGINT NOT NULL
);

-- A hash index, since a B-tree rejects entries of more than 2.6 KB.
CREATE INDEX tower_jwt_auth_sessions_subject
    ON tower_jwt_auth_sessions USING hash (subject);

CREATE INDEX tower_jwt_auth_sessions_delete_after
    ON tower_jwt_auth_sessions (delete_after);

INSERT INTO tower_jwt_auth_schema (version) VALUES (1);
