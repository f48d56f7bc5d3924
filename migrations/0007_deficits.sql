-- +goose Up
-- The bank of deficits. Owned by package deficits.

CREATE TABLE evidence (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT evidence_pk PRIMARY KEY,
    source_kind text   NOT NULL CONSTRAINT evidence_source_known CHECK (source_kind IN ('diagnostics', 're_diagnostics', 'self_assessment', 'observation', 'attestation', 'pupils_results', 'programme_assessment', 'request')),
    source_ref  text   NOT NULL,
    person_id   bigint CONSTRAINT evidence_person_fk REFERENCES person,
    organisation_id bigint,
    subject_code text  NOT NULL,
    element_id  text   NOT NULL CONSTRAINT evidence_element_fk REFERENCES element,
    codifier_id bigint NOT NULL CONSTRAINT evidence_codifier_fk REFERENCES codifier,
    points      numeric,
    max_points  numeric,
    tasks       integer NOT NULL DEFAULT 0,
    note        text   NOT NULL DEFAULT '',
    observed_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by bigint NOT NULL,
    CONSTRAINT evidence_about CHECK ((person_id IS NULL) <> (organisation_id IS NULL)),
    CONSTRAINT evidence_once UNIQUE (source_kind, source_ref, element_id, recorded_at)
);
COMMENT ON TABLE evidence IS 'What speaks for or against a deficit: about a person, or about school × subject. Sources are never merged silently. Append-only.';
CREATE INDEX evidence_person ON evidence (person_id, element_id);
SELECT seal_table('evidence');

CREATE TABLE deficit (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT deficit_pk PRIMARY KEY,
    person_id   bigint NOT NULL CONSTRAINT deficit_person_fk REFERENCES person,
    element_id  text   NOT NULL CONSTRAINT deficit_element_fk REFERENCES element,
    subject_code text  NOT NULL,
    codifier_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    registration_id bigint NOT NULL CONSTRAINT deficit_registration_fk REFERENCES registration,
    score_revision_id bigint NOT NULL CONSTRAINT deficit_revision_fk REFERENCES score_revision,
    source_kind text   NOT NULL DEFAULT 'diagnostics',
    points      numeric NOT NULL,
    max_points  numeric NOT NULL,
    tasks       integer NOT NULL,
    share       double precision,
    estimate    double precision NOT NULL,
    low         double precision NOT NULL,
    high        double precision NOT NULL,
    p_deficit   double precision NOT NULL CONSTRAINT deficit_probability CHECK (p_deficit BETWEEN 0 AND 1),
    shortfall   double precision NOT NULL CONSTRAINT deficit_shortfall CHECK (shortfall >= 0),
    severity    text NOT NULL CONSTRAINT deficit_severity_known CHECK (severity IN ('none', 'low', 'medium', 'high')),
    status      text NOT NULL CONSTRAINT deficit_status_known CHECK (status IN ('deficit', 'possible', 'none', 'insufficient')),
    share_severity text NOT NULL,
    scale_id    bigint NOT NULL,
    model_id    bigint,
    model       text NOT NULL,
    preliminary boolean NOT NULL,
    territory_id bigint NOT NULL, organisation_id bigint NOT NULL, position_code text NOT NULL,
    category_code text NOT NULL, experience_code text NOT NULL, rural boolean NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_to    timestamptz,
    recorded_at timestamptz NOT NULL,
    replaced_at timestamptz
);
COMMENT ON TABLE deficit IS 'One row per person × element × subject and state of knowledge: valid time (valid_from–valid_to) and recorded time (recorded_at–replaced_at). The row with replaced_at NULL is what we hold now. Carries the participant''s passport.';
CREATE UNIQUE INDEX deficit_current ON deficit (person_id, element_id, subject_code, campaign_id) WHERE replaced_at IS NULL;
CREATE INDEX deficit_campaign ON deficit (campaign_id, element_id) WHERE replaced_at IS NULL;
CREATE INDEX deficit_territory ON deficit (territory_id, element_id) WHERE replaced_at IS NULL;
