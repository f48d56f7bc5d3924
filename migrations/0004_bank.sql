-- +goose Up
-- Tasks with immutable versions, keys apart (package diagnostics/bank); instruments and variants (package diagnostics/assembly).

CREATE TABLE task (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT task_pk PRIMARY KEY,
    code       text NOT NULL CONSTRAINT task_code_unique UNIQUE,
    subject_code text CONSTRAINT task_subject_fk REFERENCES subject,
    author_id  bigint NOT NULL,
    retired_at timestamptz,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE task IS 'A task of the bank; what it says stands in its versions. Owned by bank.';

CREATE TABLE task_draft (
    task_id    bigint CONSTRAINT task_draft_pk PRIMARY KEY CONSTRAINT task_draft_task_fk REFERENCES task,
    body       jsonb NOT NULL,
    saved_by   bigint NOT NULL,
    saved_at   timestamptz NOT NULL
);
COMMENT ON TABLE task_draft IS 'The author''s working copy (whole task with key); becomes a version when sent to review. Owned by bank.';

CREATE TABLE task_version (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT task_version_pk PRIMARY KEY,
    task_id    bigint NOT NULL CONSTRAINT task_version_task_fk REFERENCES task,
    version    integer NOT NULL,
    kind       text NOT NULL CONSTRAINT task_version_kind_known CHECK (kind IN ('single_choice', 'multiple_choice', 'matching', 'ordering', 'short_answer', 'numeric', 'gap_choice', 'extended', 'likert')),
    part       text NOT NULL CONSTRAINT task_version_part_known CHECK (part IN ('subject', 'methodical', 'self')),
    level      text NOT NULL CONSTRAINT task_version_level_known CHECK (level IN ('basic', 'advanced', 'high')),
    codifier_id bigint NOT NULL CONSTRAINT task_version_codifier_fk REFERENCES codifier,
    max_points numeric NOT NULL CONSTRAINT task_version_max_points CHECK (max_points >= 0),
    minutes    integer NOT NULL DEFAULT 2,
    skill      text NOT NULL DEFAULT '',
    source     jsonb NOT NULL,
    shown      jsonb NOT NULL,
    created_by bigint NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT task_version_unique UNIQUE (task_id, version)
);
COMMENT ON TABLE task_version IS 'Immutable. source: what the author wrote without key, criteria, solution; shown: rendered HTML for the participant (contract of the API). Owned by bank.';
SELECT seal_table('task_version');

CREATE TABLE task_key (
    task_version_id bigint CONSTRAINT task_key_pk PRIMARY KEY CONSTRAINT task_key_version_fk REFERENCES task_version,
    scoring  text  NOT NULL,
    key      jsonb,
    rubric   jsonb,
    solution text  NOT NULL DEFAULT ''
);
COMMENT ON TABLE task_key IS 'Keys, rubrics, solutions: no participant query touches this table. Owned by bank.';
SELECT seal_table('task_key');

CREATE TABLE task_element (
    task_version_id bigint NOT NULL CONSTRAINT task_element_version_fk REFERENCES task_version,
    element_id      text   NOT NULL CONSTRAINT task_element_element_fk REFERENCES element,
    weight          numeric NOT NULL CONSTRAINT task_element_weight_range CHECK (weight > 0 AND weight <= 1),
    CONSTRAINT task_element_pk PRIMARY KEY (task_version_id, element_id)
);
COMMENT ON TABLE task_element IS 'Which competency elements a task shows, with weights that add up to at most 1. Owned by bank.';
SELECT seal_table('task_element');

CREATE TABLE task_review (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT task_review_pk PRIMARY KEY,
    task_version_id bigint NOT NULL CONSTRAINT task_review_version_fk REFERENCES task_version,
    reviewer_id bigint NOT NULL,
    verdict    text NOT NULL CONSTRAINT task_review_verdict_known CHECK (verdict IN ('approved', 'returned', 'comment')),
    comment    text NOT NULL DEFAULT '',
    at         timestamptz NOT NULL
);
COMMENT ON TABLE task_review IS 'What reviewers said; a version approved by someone else than its author is approved. Owned by bank.';
SELECT seal_table('task_review');

CREATE TABLE instrument (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT instrument_pk PRIMARY KEY,
    code          text NOT NULL CONSTRAINT instrument_code_unique UNIQUE,
    title         text NOT NULL,
    about         text NOT NULL DEFAULT '',
    position_code text NOT NULL CONSTRAINT instrument_position_fk REFERENCES position,
    subject_code  text NOT NULL CONSTRAINT instrument_subject_fk REFERENCES subject,
    codifier_id   bigint NOT NULL CONSTRAINT instrument_codifier_fk REFERENCES codifier,
    created_at    timestamptz NOT NULL
);
COMMENT ON TABLE instrument IS 'A diagnostic instrument. Owned by assembly.';

CREATE TABLE specification (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT specification_pk PRIMARY KEY,
    instrument_id bigint NOT NULL CONSTRAINT specification_instrument_fk REFERENCES instrument,
    version       integer NOT NULL,
    minutes       integer NOT NULL CONSTRAINT specification_minutes_positive CHECK (minutes > 0),
    created_by    bigint NOT NULL,
    created_at    timestamptz NOT NULL,
    CONSTRAINT specification_version_unique UNIQUE (instrument_id, version)
);
COMMENT ON TABLE specification IS 'Version of the specification of an instrument. Owned by assembly.';

CREATE TABLE specification_row (
    specification_id bigint NOT NULL CONSTRAINT specification_row_specification_fk REFERENCES specification,
    position   integer NOT NULL,
    part       text NOT NULL,
    element_id text NOT NULL CONSTRAINT specification_row_element_fk REFERENCES element,
    kind       text,
    level      text,
    max_points numeric,
    CONSTRAINT specification_row_pk PRIMARY KEY (specification_id, position)
);
COMMENT ON TABLE specification_row IS 'The blueprint: one row a task; an absent kind, level or maximum is free. Owned by assembly.';

CREATE TABLE variant (
    id               bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT variant_pk PRIMARY KEY,
    specification_id bigint NOT NULL CONSTRAINT variant_specification_fk REFERENCES specification,
    number           integer NOT NULL,
    created_by       bigint NOT NULL,
    created_at       timestamptz NOT NULL,
    CONSTRAINT variant_number_unique UNIQUE (specification_id, number)
);
COMMENT ON TABLE variant IS 'A variant assembled by a specification. Owned by assembly.';

CREATE TABLE variant_task (
    variant_id      bigint NOT NULL CONSTRAINT variant_task_variant_fk REFERENCES variant,
    position        integer NOT NULL,
    task_version_id bigint NOT NULL CONSTRAINT variant_task_version_fk REFERENCES task_version,
    CONSTRAINT variant_task_pk PRIMARY KEY (variant_id, position),
    CONSTRAINT variant_task_once UNIQUE (variant_id, task_version_id)
);
COMMENT ON TABLE variant_task IS 'Tasks of a variant in order. Owned by assembly.';
SELECT seal_table('variant_task');
