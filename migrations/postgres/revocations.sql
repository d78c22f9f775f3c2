-- The tables of PostgresFeed, which creates them itself if it has the right. A message may be
-- published with plain SQL:
-- INSERT INTO tower_jwt_auth_revocations (message) VALUES ('{"v":1,...}');

BEGIN;

-- The transaction holds a lock until its end. Otherwise two transactions could both find no table
-- and create it. The number is "jwt_revo" in ASCII.
SELECT pg_advisory_xact_lock(7671728748988462703);

-- One row: the identity of the log, and the number of its last message.
CREATE TABLE IF NOT EXISTS tower_jwt_auth_revocation_log (
    one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one),
    epoch UUID NOT NULL DEFAULT gen_random_uuid(),
    last BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS tower_jwt_auth_revocations (
    number BIGINT PRIMARY KEY,
    -- Servers ignore longer messages.
    message TEXT NOT NULL CHECK (octet_length(message) <= 8192),
    -- Seconds since 1970.
    forget_at BIGINT NOT NULL
);

CREATE INDEX IF NOT EXISTS tower_jwt_auth_revocations_forget_at
    ON tower_jwt_auth_revocations (forget_at);

-- Finds a message that the table contains already, so that appending it again adds nothing.
CREATE INDEX IF NOT EXISTS tower_jwt_auth_revocations_message
    ON tower_jwt_auth_revocations USING HASH (message);

-- Numbers must become visible in order. Otherwise a reader would skip a number that is committed
-- later. A sequence does not guarantee this order. The row of the log does, since it stays locked
-- until the transaction ends.
CREATE OR REPLACE FUNCTION tower_jwt_auth_number_revocation() RETURNS TRIGGER AS $$
BEGIN
    UPDATE tower_jwt_auth_revocation_log SET last = last + 1 RETURNING last INTO NEW.number;
    IF NEW.number IS NULL THEN
        RAISE EXCEPTION 'tower_jwt_auth_revocation_log has no row' USING ERRCODE = 'no_data_found';
    END IF;
    IF NEW.forget_at IS NULL THEN
        NEW.forget_at := ceil(COALESCE(
            (NEW.message::JSON ->> 'until')::NUMERIC,
            (NEW.message::JSON ->> 'at')::NUMERIC + 30 * 24 * 60 * 60
        ));
    END IF;
    PERFORM pg_notify('tower_jwt_auth_revocations', '');
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;

CREATE OR REPLACE TRIGGER tower_jwt_auth_number_revocation
    BEFORE INSERT ON tower_jwt_auth_revocations
    FOR EACH ROW EXECUTE FUNCTION tower_jwt_auth_number_revocation();

INSERT INTO tower_jwt_auth_revocation_log (last)
    SELECT COALESCE(MAX(number), 0) FROM tower_jwt_auth_revocations
    ON CONFLICT DO NOTHING
    RETURNING epoch;

COMMIT;
