-- +goose Up
-- Programmes and individual learning routes. Owned by package routes.

CREATE TABLE programme (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT programme_pk PRIMARY KEY,
    code        text NOT NULL CONSTRAINT programme_code_unique UNIQUE,
    kind        text NOT NULL CONSTRAINT programme_kind_known CHECK (kind IN ('dpp_pk', 'dpp_pp', 'internship', 'webinar', 'seminar', 'mentoring', 'consultation', 'self_education', 'association')),
    title       text NOT NULL,
    provider    text NOT NULL,
    registry    text NOT NULL DEFAULT '', registry_number text NOT NULL DEFAULT '',
    hours       integer NOT NULL CONSTRAINT programme_hours_positive CHECK (hours > 0),
    form        text NOT NULL CONSTRAINT programme_form_known CHECK (form IN ('full-time', 'mixed', 'online')),
    cost        integer NOT NULL CONSTRAINT programme_cost_positive CHECK (cost >= 0),
    funding     text NOT NULL DEFAULT 'budget' CONSTRAINT programme_funding_known CHECK (funding IN ('budget', 'paid', 'subsidy')),
    audience_positions text[] NOT NULL DEFAULT '{}',
    audience_subjects  text[] NOT NULL DEFAULT '{}',
    about       text NOT NULL DEFAULT '', document text NOT NULL DEFAULT '', url text NOT NULL DEFAULT '',
    equivalents text NOT NULL DEFAULT '',
    requires    text[] NOT NULL DEFAULT '{}',
    valid_until date,
    withdrawn_at timestamptz,
    imported_at timestamptz NOT NULL
);
COMMENT ON TABLE programme IS 'Catalogue of programmes and other steps; equivalents names the group of which at most one is taken.';

CREATE TABLE programme_element (
    programme_id bigint NOT NULL CONSTRAINT programme_element_programme_fk REFERENCES programme,
    element_id   text   NOT NULL CONSTRAINT programme_element_element_fk REFERENCES element,
    share        numeric NOT NULL CONSTRAINT programme_element_share CHECK (share > 0 AND share <= 1),
    result       text NOT NULL DEFAULT '',
    CONSTRAINT programme_element_pk PRIMARY KEY (programme_id, element_id)
);
COMMENT ON TABLE programme_element IS 'Planned results of a programme by competency element: the share of a deficit it closes.';

CREATE TABLE programme_session (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT programme_session_pk PRIMARY KEY,
    programme_id bigint NOT NULL CONSTRAINT programme_session_programme_fk REFERENCES programme,
    code         text NOT NULL,
    starts_on    date NOT NULL,
    ends_on      date NOT NULL,
    mode         text NOT NULL CONSTRAINT programme_session_mode_known CHECK (mode IN ('full-time', 'online')),
    venue        text NOT NULL DEFAULT '',
    seats        integer NOT NULL CONSTRAINT programme_session_seats CHECK (seats >= 0),
    cancelled_at timestamptz,
    CONSTRAINT programme_session_order CHECK (ends_on >= starts_on),
    CONSTRAINT programme_session_code_unique UNIQUE (programme_id, code)
);
COMMENT ON TABLE programme_session IS 'Groups with dates and seats.';

CREATE TABLE route (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT route_pk PRIMARY KEY,
    person_id   bigint NOT NULL CONSTRAINT route_person_fk REFERENCES person,
    campaign_id bigint NOT NULL CONSTRAINT route_campaign_fk REFERENCES campaign,
    registration_id bigint NOT NULL CONSTRAINT route_registration_fk REFERENCES registration,
    territory_id bigint NOT NULL, organisation_id bigint NOT NULL, position_code text NOT NULL, subject_code text NOT NULL,
    state       text NOT NULL CONSTRAINT route_state_known CHECK (state IN ('draft', 'proposed', 'declined', 'agreed', 'in_progress', 'completed', 'partly_completed', 'cancelled')),
    version     integer NOT NULL,
    curator_id  bigint NOT NULL,
    created_at  timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    CONSTRAINT route_once UNIQUE (person_id, campaign_id)
);
COMMENT ON TABLE route IS 'A person''s individual learning route (ИОМ): its state and current version; carries the passport.';

CREATE TABLE route_version (
    id        bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT route_version_pk PRIMARY KEY,
    route_id  bigint NOT NULL CONSTRAINT route_version_route_fk REFERENCES route,
    version   integer NOT NULL,
    state     text NOT NULL,
    reason    text NOT NULL,
    made_by   bigint NOT NULL,
    made_at   timestamptz NOT NULL,
    problem   jsonb NOT NULL,
    plan      jsonb NOT NULL,
    hours     integer NOT NULL, cost integer NOT NULL,
    coverage  double precision NOT NULL, best_coverage double precision NOT NULL,
    CONSTRAINT route_version_unique UNIQUE (route_id, version)
);
CREATE INDEX route_version_reason ON route_version USING hash (reason); -- the drafts of one calculation
COMMENT ON TABLE route_version IS 'Immutable versions: the planning problem as it was, the answer, who and why.';
SELECT seal_table('route_version');

CREATE TABLE route_step (
    route_version_id bigint NOT NULL CONSTRAINT route_step_version_fk REFERENCES route_version,
    position     integer NOT NULL,
    programme_id bigint NOT NULL CONSTRAINT route_step_programme_fk REFERENCES programme,
    session_id   bigint CONSTRAINT route_step_session_fk REFERENCES programme_session,
    starts_on    date, ends_on date,
    hours        integer NOT NULL, cost integer NOT NULL,
    locked       boolean NOT NULL DEFAULT false,
    origin       text NOT NULL CONSTRAINT route_step_origin_known CHECK (origin IN ('plan', 'methodist')),
    closes       jsonb NOT NULL,
    why          jsonb NOT NULL,
    CONSTRAINT route_step_pk PRIMARY KEY (route_version_id, position)
);
COMMENT ON TABLE route_step IS 'Steps of a version with what each closes and why.';
SELECT seal_table('route_step');

CREATE TABLE route_offer (
    id      bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT route_offer_pk PRIMARY KEY,
    made_by bigint NOT NULL,
    made_at timestamptz NOT NULL
);
COMMENT ON TABLE route_offer IS 'Drafts that a methodist proposed to many teachers at once.';
CREATE INDEX route_offer_maker ON route_offer (made_by, id);
SELECT seal_table('route_offer');

CREATE TABLE route_offer_item (
    offer_id bigint NOT NULL CONSTRAINT route_offer_item_offer_fk REFERENCES route_offer,
    route_id bigint NOT NULL CONSTRAINT route_offer_item_route_fk REFERENCES route,
    version  integer NOT NULL,
    CONSTRAINT route_offer_item_pk PRIMARY KEY (offer_id, route_id)
);
COMMENT ON TABLE route_offer_item IS 'Which routes were proposed together, in which version: as long as it is the current one, the teacher has not answered.';
CREATE INDEX route_offer_item_route ON route_offer_item (route_id);
SELECT seal_table('route_offer_item');

CREATE TABLE route_progress (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT route_progress_pk PRIMARY KEY,
    route_id     bigint NOT NULL CONSTRAINT route_progress_route_fk REFERENCES route,
    programme_id bigint NOT NULL CONSTRAINT route_progress_programme_fk REFERENCES programme,
    what         text NOT NULL CONSTRAINT route_progress_what_known CHECK (what IN ('started', 'done', 'undone')),
    document     text NOT NULL DEFAULT '',
    file_sha256  text,
    note         text NOT NULL DEFAULT '',
    by_id        bigint NOT NULL,
    at           timestamptz NOT NULL
);
COMMENT ON TABLE route_progress IS 'What was done of a route, append-only; the last event of a programme counts.';
SELECT seal_table('route_progress');
