-- +goose Up
-- Who takes what when (package diagnostics/campaign); attempts and answers (package diagnostics/sitting).

CREATE TABLE campaign (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT campaign_pk PRIMARY KEY,
    code        text NOT NULL CONSTRAINT campaign_code_unique UNIQUE,
    title       text NOT NULL,
    purpose     text NOT NULL DEFAULT 'real' CONSTRAINT campaign_purpose_known CHECK (purpose IN ('real', 'trial', 'rehearsal')),
    instrument_id    bigint NOT NULL CONSTRAINT campaign_instrument_fk REFERENCES instrument,
    specification_id bigint NOT NULL CONSTRAINT campaign_specification_fk REFERENCES specification,
    scale_id    bigint NOT NULL CONSTRAINT campaign_scale_fk REFERENCES scale,
    opens_at    timestamptz NOT NULL,
    closes_at   timestamptz NOT NULL,
    minutes     integer NOT NULL CONSTRAINT campaign_minutes_positive CHECK (minutes > 0),
    state       text NOT NULL DEFAULT 'draft' CONSTRAINT campaign_state_known CHECK (state IN ('draft', 'open', 'closed')),
    published_at timestamptz,
    published_by bigint,
    created_by  bigint NOT NULL,
    created_at  timestamptz NOT NULL,
    CONSTRAINT campaign_window CHECK (closes_at > opens_at)
);
COMMENT ON TABLE campaign IS 'A diagnostic campaign; only purpose real counts in figures. Owned by campaign.';

CREATE TABLE campaign_variant (
    campaign_id bigint NOT NULL CONSTRAINT campaign_variant_campaign_fk REFERENCES campaign,
    variant_id  bigint NOT NULL CONSTRAINT campaign_variant_variant_fk REFERENCES variant,
    CONSTRAINT campaign_variant_pk PRIMARY KEY (campaign_id, variant_id)
);
COMMENT ON TABLE campaign_variant IS 'Variants in use; a person gets one of them. Owned by campaign.';

CREATE TABLE registration (
    id              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT registration_pk PRIMARY KEY,
    campaign_id     bigint NOT NULL CONSTRAINT registration_campaign_fk REFERENCES campaign,
    person_id       bigint NOT NULL CONSTRAINT registration_person_fk REFERENCES person,
    participant_code text NOT NULL CONSTRAINT registration_code_unique UNIQUE,
    state           text NOT NULL DEFAULT 'invited' CONSTRAINT registration_state_known CHECK (state IN ('invited', 'refused', 'withdrawn')),
    extra_minutes   integer NOT NULL DEFAULT 0 CONSTRAINT registration_extra_minutes CHECK (extra_minutes >= 0),
    territory_id    bigint NOT NULL CONSTRAINT registration_territory_fk REFERENCES territory,
    organisation_id bigint NOT NULL CONSTRAINT registration_organisation_fk REFERENCES organisation,
    position_code   text NOT NULL,
    subject_code    text NOT NULL,
    category_code   text NOT NULL,
    experience_code text NOT NULL,
    rural           boolean NOT NULL,
    registered_by   bigint NOT NULL,
    registered_at   timestamptz NOT NULL,
    CONSTRAINT registration_once UNIQUE (campaign_id, person_id)
);
COMMENT ON TABLE registration IS 'Invitation with the participant''s passport frozen: municipality, organisation, position, subject, category, experience. Refusal and withdrawal are normal. Owned by campaign.';
CREATE INDEX registration_person ON registration (person_id);
CREATE INDEX registration_territory ON registration (campaign_id, territory_id);

CREATE TABLE attempt (
    id              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT attempt_pk PRIMARY KEY,
    public_id       uuid   NOT NULL DEFAULT gen_random_uuid() CONSTRAINT attempt_public_id_unique UNIQUE,
    registration_id bigint NOT NULL CONSTRAINT attempt_registration_fk REFERENCES registration CONSTRAINT attempt_registration_once UNIQUE,
    campaign_id     bigint NOT NULL CONSTRAINT attempt_campaign_fk REFERENCES campaign,
    person_id       bigint NOT NULL CONSTRAINT attempt_person_fk REFERENCES person,
    variant_id      bigint CONSTRAINT attempt_variant_fk REFERENCES variant,
    state           text   NOT NULL DEFAULT 'assigned' CONSTRAINT attempt_state_known CHECK (state IN ('assigned', 'in_progress', 'submitted', 'annulled')),
    lease           uuid,
    started_at      timestamptz,
    deadline        timestamptz,
    submitted_at    timestamptz,
    closed_by       text CONSTRAINT attempt_closed_by_known CHECK (closed_by IN ('participant', 'deadline', 'manager')),
    answers         integer,
    digest          text,
    scored_at       timestamptz,
    CONSTRAINT attempt_started CHECK ((state = 'assigned') = (started_at IS NULL)),
    CONSTRAINT attempt_deadline_after_start CHECK (deadline > started_at),
    CONSTRAINT attempt_submitted CHECK (state <> 'submitted' OR (submitted_at IS NOT NULL AND digest IS NOT NULL))
);
COMMENT ON TABLE attempt IS 'One sitting of one campaign by one person. Owned by sitting.';
CREATE INDEX attempt_person ON attempt (person_id);
CREATE INDEX attempt_campaign ON attempt (campaign_id, state);
CREATE INDEX attempt_overdue ON attempt (deadline) WHERE state = 'in_progress';

CREATE TABLE attempt_manifest (
    attempt_id bigint CONSTRAINT attempt_manifest_pk PRIMARY KEY CONSTRAINT attempt_manifest_attempt_fk REFERENCES attempt,
    tasks      jsonb NOT NULL,
    frozen_at  timestamptz NOT NULL
);
COMMENT ON TABLE attempt_manifest IS 'What the attempt is made of, frozen at start: [{"id","position","task_version_id","part","kind","order":[…]}]. Owned by sitting.';
SELECT seal_table('attempt_manifest');

CREATE TABLE answer (
    attempt_id  bigint  NOT NULL CONSTRAINT answer_attempt_fk REFERENCES attempt,
    task        text    NOT NULL,
    revision    bigint  NOT NULL CONSTRAINT answer_revision_positive CHECK (revision > 0),
    campaign_id bigint  NOT NULL,
    person_id   bigint  NOT NULL,
    body        json,
    digest      text    NOT NULL,
    receipt     text    NOT NULL,
    late        boolean NOT NULL DEFAULT false,
    evidence    text    NOT NULL DEFAULT '',
    saved_at    timestamptz NOT NULL,
    CONSTRAINT answer_pk PRIMARY KEY (attempt_id, task, revision, evidence, campaign_id, person_id),
    CONSTRAINT answer_late CHECK (late = (evidence <> ''))
);
COMMENT ON TABLE answer IS 'Append-only: every acknowledged answer, revision rising; late answers are kept apart as evidence. body is json as sent; NULL after erasure, its digest stays. evidence is empty for an answer that counts and the digest of a late one, so that two late answers of one revision are both kept. Owned by sitting.';
SELECT seal_table('answer');

CREATE TABLE answer_file (
    attempt_id  bigint NOT NULL CONSTRAINT answer_file_attempt_fk REFERENCES attempt,
    campaign_id bigint NOT NULL,
    person_id   bigint NOT NULL,
    task        text   NOT NULL,
    file_sha256 text   NOT NULL CONSTRAINT answer_file_file_fk REFERENCES file,
    name        text   NOT NULL,
    media_type  text   NOT NULL,
    late        boolean NOT NULL DEFAULT false,
    uploaded_at timestamptz NOT NULL,
    CONSTRAINT answer_file_pk PRIMARY KEY (attempt_id, task, file_sha256, campaign_id, person_id)
);
COMMENT ON TABLE answer_file IS 'Files that belong to extended answers (a photo of a solution, a plan of a lesson); late ones are kept as evidence. Owned by sitting.';
SELECT seal_table('answer_file');

CREATE TABLE receipt_key (
    sole boolean CONSTRAINT receipt_key_pk PRIMARY KEY DEFAULT true CONSTRAINT receipt_key_sole CHECK (sole),
    key  bytea   NOT NULL CONSTRAINT receipt_key_length CHECK (octet_length(key) = 32)
);
COMMENT ON TABLE receipt_key IS 'The installation''s own key under which receipts of answers are made; verify needs it. Owned by sitting.';
SELECT seal_table('receipt_key');

CREATE TABLE attempt_flag (
    attempt_id bigint NOT NULL CONSTRAINT attempt_flag_attempt_fk REFERENCES attempt,
    task       text   NOT NULL,
    CONSTRAINT attempt_flag_pk PRIMARY KEY (attempt_id, task)
);
COMMENT ON TABLE attempt_flag IS 'Tasks the person wants to come back to. Owned by sitting.';
