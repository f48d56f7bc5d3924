-- +goose Up
-- Statistics of campaigns and their tasks. Owned by package diagnostics/results.

CREATE TABLE campaign_statistic (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT campaign_statistic_pk PRIMARY KEY,
    campaign_id   bigint  NOT NULL CONSTRAINT campaign_statistic_campaign_fk REFERENCES campaign,
    version       integer NOT NULL,
    engine        text    NOT NULL,
    model_version integer NOT NULL CONSTRAINT campaign_statistic_model CHECK (model_version >= 0),
    works         integer NOT NULL CONSTRAINT campaign_statistic_works CHECK (works > 0),
    revisions     bigint[] NOT NULL,
    parts         jsonb   NOT NULL,
    computed_at   timestamptz NOT NULL,
    CONSTRAINT campaign_statistic_version UNIQUE (campaign_id, version),
    CONSTRAINT campaign_statistic_revisions CHECK (cardinality(revisions) = works)
);
COMMENT ON TABLE campaign_statistic IS 'Reliability, errors and scale of a campaign''s parts. revisions: the score revisions it was made of, so that engine makes every figure again; model_version: the campaign''s model at that time, 0 for none. The last version counts. Immutable. Owned by results.';
SELECT seal_table('campaign_statistic');

CREATE TABLE task_statistic (
    campaign_statistic_id bigint NOT NULL CONSTRAINT task_statistic_campaign_fk REFERENCES campaign_statistic,
    task_version_id bigint  NOT NULL CONSTRAINT task_statistic_version_fk REFERENCES task_version,
    part      text    NOT NULL,
    n         integer NOT NULL CONSTRAINT task_statistic_n CHECK (n >= 0),
    p         double precision CONSTRAINT task_statistic_p CHECK (p BETWEEN 0 AND 1),
    item_rest double precision CONSTRAINT task_statistic_rest CHECK (item_rest BETWEEN -1 AND 1),
    figures   jsonb   NOT NULL,
    CONSTRAINT task_statistic_pk PRIMARY KEY (campaign_statistic_id, task_version_id)
);
COMMENT ON TABLE task_statistic IS 'What a campaign says of a task version: p mean share of points (higher is easier), item_rest correlation with the other tasks of the part, figures the rest (options, item on the scale, flags). Immutable. Owned by results.';
CREATE INDEX task_statistic_version ON task_statistic (task_version_id);
SELECT seal_table('task_statistic');
