-- +goose Up
-- Marking of extended answers (package diagnostics/marking); score revisions and estimates (package diagnostics/results).

CREATE TABLE marking_work (
    id              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT marking_work_pk PRIMARY KEY,
    code            text   NOT NULL CONSTRAINT marking_work_code_unique UNIQUE,
    campaign_id     bigint NOT NULL CONSTRAINT marking_work_campaign_fk REFERENCES campaign,
    attempt_id      bigint NOT NULL CONSTRAINT marking_work_attempt_fk REFERENCES attempt,
    task            text   NOT NULL,
    task_version_id bigint NOT NULL CONSTRAINT marking_work_version_fk REFERENCES task_version,
    territory_id    bigint NOT NULL,
    organisation_id bigint NOT NULL,
    answer_revision bigint NOT NULL,
    state           text   NOT NULL DEFAULT 'waiting' CONSTRAINT marking_work_state_known CHECK (state IN ('waiting', 'third', 'done')),
    final           jsonb,
    created_at      timestamptz NOT NULL,
    done_at         timestamptz,
    CONSTRAINT marking_work_once UNIQUE (attempt_id, task),
    CONSTRAINT marking_work_final CHECK ((state = 'done') = (final IS NOT NULL))
);
COMMENT ON TABLE marking_work IS 'One extended answer to be marked; the expert sees the code only. final: points by criterion. Owned by marking.';

CREATE TABLE marking_assignment (
    id        bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT marking_assignment_pk PRIMARY KEY,
    work_id   bigint  NOT NULL CONSTRAINT marking_assignment_work_fk REFERENCES marking_work,
    ordinal   integer NOT NULL CONSTRAINT marking_assignment_ordinal CHECK (ordinal IN (1, 2, 3)),
    expert_id bigint  NOT NULL,
    assigned_at timestamptz NOT NULL,
    scores    jsonb,
    comment   text NOT NULL DEFAULT '',
    marked_at timestamptz,
    CONSTRAINT marking_assignment_ordinal_once UNIQUE (work_id, ordinal),
    CONSTRAINT marking_assignment_expert_once UNIQUE (work_id, expert_id)
);
COMMENT ON TABLE marking_assignment IS 'Two experts mark independently; on a significant discrepancy a third sees both. Owned by marking.';
CREATE INDEX marking_assignment_expert ON marking_assignment (expert_id) WHERE marked_at IS NULL;

CREATE TABLE score_revision (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT score_revision_pk PRIMARY KEY,
    attempt_id bigint  NOT NULL CONSTRAINT score_revision_attempt_fk REFERENCES attempt,
    campaign_id bigint NOT NULL,
    person_id  bigint  NOT NULL,
    revision   integer NOT NULL,
    reason     text    NOT NULL CONSTRAINT score_revision_reason_known CHECK (reason IN ('closed', 'marked', 'model', 'regrade')),
    complete   boolean NOT NULL,
    points     numeric NOT NULL,
    max_points numeric NOT NULL,
    model_id   bigint,
    at         timestamptz NOT NULL,
    CONSTRAINT score_revision_unique UNIQUE (attempt_id, revision)
);
COMMENT ON TABLE score_revision IS 'Immutable. The last revision counts; complete = no extended answer waits for marking. Owned by results.';
SELECT seal_table('score_revision');

CREATE TABLE task_score (
    score_revision_id bigint NOT NULL CONSTRAINT task_score_revision_fk REFERENCES score_revision,
    task            text    NOT NULL,
    position        integer NOT NULL,
    task_version_id bigint  NOT NULL,
    points          numeric,
    max_points      numeric NOT NULL,
    state           text    NOT NULL CONSTRAINT task_score_state_known CHECK (state IN ('scored', 'omitted', 'not_reached', 'waiting')),
    trace           jsonb   NOT NULL DEFAULT '{}',
    CONSTRAINT task_score_pk PRIMARY KEY (score_revision_id, task)
);
COMMENT ON TABLE task_score IS 'Points for each task of a revision; NULL while an extended answer waits. Owned by results.';
SELECT seal_table('task_score');

CREATE TABLE element_result (
    score_revision_id bigint NOT NULL CONSTRAINT element_result_revision_fk REFERENCES score_revision,
    element_id  text    NOT NULL,
    codifier_id bigint  NOT NULL,
    points      numeric NOT NULL,
    max_points  numeric NOT NULL,
    tasks       integer NOT NULL,
    CONSTRAINT element_result_pk PRIMARY KEY (score_revision_id, element_id)
);
COMMENT ON TABLE element_result IS 'Points by competency element of a revision (weights applied); omitted tasks count in max_points, tasks not reached or waiting do not; tasks = answered ones, by which evidence is enough. Owned by results.';
SELECT seal_table('element_result');

CREATE TABLE campaign_model (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT campaign_model_pk PRIMARY KEY,
    campaign_id bigint  NOT NULL CONSTRAINT campaign_model_campaign_fk REFERENCES campaign,
    version     integer NOT NULL,
    method      text    NOT NULL,
    parameters  jsonb   NOT NULL,
    persons     integer NOT NULL,
    fitted_at   timestamptz NOT NULL,
    CONSTRAINT campaign_model_version UNIQUE (campaign_id, version)
);
COMMENT ON TABLE campaign_model IS 'The fitted model of a campaign, by which estimates were made. Owned by deficits.';
SELECT seal_table('campaign_model');
