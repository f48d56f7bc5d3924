-- +goose Up
-- The ground under every context: who is asking, the journal, sessions, jobs, files.

-- The application role serves; the owner migrates. Rights are given by default,
-- then taken back where rows must never change. On a database of the customer's
-- own (DATABASE_URL) the role may be missing: then one role does both.
-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lotsiya_app') THEN
        GRANT USAGE ON SCHEMA public TO lotsiya_app;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO lotsiya_app;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO lotsiya_app;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO lotsiya_app;
        GRANT SELECT ON goose_db_version TO lotsiya_app;
    END IF;
END $$;
-- +goose StatementEnd

-- seal_table takes UPDATE and DELETE (and TRUNCATE) from the application: its rows are for good.
-- +goose StatementBegin
CREATE FUNCTION seal_table(t regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lotsiya_app') THEN
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM lotsiya_app', t);
    END IF;
END $$;
-- +goose StatementEnd

-- current_actor is the person a transaction acts for: 0 is the system itself, NULL means nobody said.
-- Row-level security policies read it.
-- +goose StatementBegin
CREATE FUNCTION current_actor() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT NULLIF(current_setting('lotsiya.actor', true), '')::bigint $$;
-- +goose StatementEnd

CREATE TABLE journal (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT journal_pk PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_id    bigint      NOT NULL,
    action      text        NOT NULL,
    object_kind text        NOT NULL,
    object_id   text        NOT NULL,
    person_id   bigint,
    purpose     text        NOT NULL DEFAULT '',
    details     jsonb       NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE journal IS 'What happened and who looked at whose data; append-only; ids, never names. Owned by audit.';
CREATE INDEX journal_person ON journal (person_id, id DESC) WHERE person_id IS NOT NULL;
CREATE INDEX journal_at ON journal (at);
SELECT seal_table('journal');

CREATE TABLE journal_seal (
    last_id   bigint      CONSTRAINT journal_seal_pk PRIMARY KEY,
    first_id  bigint      NOT NULL,
    entries   integer     NOT NULL CONSTRAINT journal_seal_entries_positive CHECK (entries > 0),
    previous  bytea       NOT NULL,
    hash      bytea       NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE journal_seal IS 'Hash chain over batches of the journal: hash = sha256(previous, entries first..last). Owned by audit.';
SELECT seal_table('journal_seal');

CREATE TABLE sessions (
    token  text        CONSTRAINT sessions_pk PRIMARY KEY,
    data   bytea       NOT NULL,
    expiry timestamptz NOT NULL
);
COMMENT ON TABLE sessions IS 'Signed-in sessions (scs). Owned by web.';
CREATE INDEX sessions_expiry ON sessions (expiry);

CREATE TABLE job (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT job_pk PRIMARY KEY,
    kind        text        NOT NULL,
    args        jsonb       NOT NULL DEFAULT '{}',
    actor_id    bigint      NOT NULL DEFAULT 0,
    state       text        NOT NULL DEFAULT 'queued' CONSTRAINT job_state_known CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    run_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    leased_until timestamptz,
    attempts    integer     NOT NULL DEFAULT 0,
    progress    integer     NOT NULL DEFAULT 0,
    total       integer     NOT NULL DEFAULT 0,
    result      jsonb,
    brief       jsonb,
    error       text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz
);
COMMENT ON TABLE job IS 'Background work, enqueued in the transaction that asks for it, claimed with SKIP LOCKED under a lease. Owned by internal/jobs.';
COMMENT ON COLUMN job.brief IS 'A few words of the result, for lists that do not read the whole of it.';
CREATE INDEX job_due ON job (run_at) WHERE state IN ('queued', 'running');
CREATE INDEX job_asked ON job (actor_id, kind, id);

CREATE TABLE file (
    sha256     text        CONSTRAINT file_pk PRIMARY KEY,
    media_type text        NOT NULL,
    size       bigint      NOT NULL CONSTRAINT file_size_limit CHECK (size BETWEEN 0 AND 20971520),
    body       bytea,
    stored_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE file IS 'Scans, pictures, documents by content hash; an erased body is NULL, its hash stays. Owned by internal/files.';
