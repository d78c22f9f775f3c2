-- Version 1 of the tables of PostgresStore, which makes them by itself if it may.

CREATE TABLE IF NOT EXISTS tower_jwt_auth_schema (
    version BIGINT PRIMARY KEY
);

-- "C": names and subjects are equal when their bytes are, whatever the database's collation.
CREATE TABLE tower_jwt_auth_sessions (
    id TEXT COLLATE "C" PRIMARY KEY,
    subject TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    -- Seconds since 1970.
    delete_after BIGINT NOT NULL
);

-- Not a B-tree, which refuses entries of more than 2.6 KB.
CREATE INDEX tower_jwt_auth_sessions_subject
    ON tower_jwt_auth_sessions USING hash (subject);

CREATE INDEX tower_jwt_auth_sessions_delete_after
    ON tower_jwt_auth_sessions (delete_after);

INSERT INTO tower_jwt_auth_schema (version) VALUES (1);
