-- +goose Up
-- People, organisations, territories, roles, consent. Owned by package people.

CREATE TABLE territory (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT territory_pk PRIMARY KEY,
    code       text NOT NULL CONSTRAINT territory_code_unique UNIQUE,
    name       text NOT NULL,
    short_name text NOT NULL,
    kind       text NOT NULL CONSTRAINT territory_kind_known CHECK (kind IN ('district', 'okrug')),
    valid_from date NOT NULL DEFAULT '1900-01-01',
    valid_to   date CONSTRAINT territory_valid_order CHECK (valid_to >= valid_from)
);
COMMENT ON TABLE territory IS 'Municipal districts and okrugs of the region, with their life time.';

CREATE TABLE territory_succession (
    predecessor_id bigint NOT NULL CONSTRAINT territory_succession_predecessor_fk REFERENCES territory,
    successor_id   bigint NOT NULL CONSTRAINT territory_succession_successor_fk REFERENCES territory,
    happened_on    date   NOT NULL,
    CONSTRAINT territory_succession_pk PRIMARY KEY (predecessor_id, successor_id)
);
COMMENT ON TABLE territory_succession IS 'Which territory followed which (mergers, districts turned into okrugs).';

CREATE TABLE organisation (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT organisation_pk PRIMARY KEY,
    territory_id bigint  NOT NULL CONSTRAINT organisation_territory_fk REFERENCES territory,
    kind         text    NOT NULL CONSTRAINT organisation_kind_known CHECK (kind IN ('school', 'gymnasium', 'lyceum', 'basic_school', 'preschool', 'college', 'supplementary', 'centre', 'authority')),
    name         text    NOT NULL,
    short_name   text    NOT NULL,
    rural        boolean NOT NULL DEFAULT false,
    valid_from   date    NOT NULL DEFAULT '1900-01-01',
    valid_to     date CONSTRAINT organisation_valid_order CHECK (valid_to >= valid_from),
    CONSTRAINT organisation_name_unique UNIQUE (territory_id, name)
);
COMMENT ON TABLE organisation IS 'Schools, kindergartens, colleges and centres.';

CREATE TABLE organisation_code (
    organisation_id bigint NOT NULL CONSTRAINT organisation_code_organisation_fk REFERENCES organisation,
    system          text   NOT NULL CONSTRAINT organisation_code_system_known CHECK (system IN ('inn', 'ogrn', 'fis', 'oiv')),
    code            text   NOT NULL,
    CONSTRAINT organisation_code_pk PRIMARY KEY (system, code)
);
COMMENT ON TABLE organisation_code IS 'Codes of an organisation in outer registries.';

CREATE TABLE organisation_succession (
    predecessor_id bigint NOT NULL CONSTRAINT organisation_succession_predecessor_fk REFERENCES organisation,
    successor_id   bigint NOT NULL CONSTRAINT organisation_succession_successor_fk REFERENCES organisation,
    happened_on    date   NOT NULL,
    CONSTRAINT organisation_succession_pk PRIMARY KEY (predecessor_id, successor_id)
);
COMMENT ON TABLE organisation_succession IS 'Which organisation followed which.';

CREATE TABLE position (
    code text CONSTRAINT position_pk PRIMARY KEY,
    name text NOT NULL,
    rank integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE position IS 'Positions of pedagogical staff (nomenclature 225).';
CREATE TABLE subject (
    code text CONSTRAINT subject_pk PRIMARY KEY,
    name text NOT NULL,
    rank integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE subject IS 'Subjects and branches taught.';
CREATE TABLE qualification_category (
    code text CONSTRAINT qualification_category_pk PRIMARY KEY,
    name text NOT NULL,
    rank integer NOT NULL
);
COMMENT ON TABLE qualification_category IS 'Qualification categories by order 196.';
CREATE TABLE experience_band (
    code     text CONSTRAINT experience_band_pk PRIMARY KEY,
    name     text NOT NULL,
    years_from integer,
    years_to   integer CONSTRAINT experience_band_order CHECK (years_to > years_from)
);
COMMENT ON TABLE experience_band IS 'Bands of years of experience as in form ОО-1; years_to is exclusive; the band of those whose experience nobody has told has no years.';

CREATE TABLE person (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT person_pk PRIMARY KEY,
    public_id   uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT person_public_id_unique UNIQUE,
    merged_into bigint CONSTRAINT person_merged_into_fk REFERENCES person,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_at   timestamptz
);
COMMENT ON TABLE person IS 'An id-only shell: it stays when the identity is erased. Merge and unmerge by merged_into.';
CREATE INDEX person_one ON person ((COALESCE(merged_into, id)));

-- records_of lists every record of one person: the one that is kept and those merged into it.
-- +goose StatementBegin
CREATE FUNCTION records_of(person bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT r.id FROM person p JOIN person r ON COALESCE(r.merged_into, r.id) = COALESCE(p.merged_into, p.id) WHERE p.id = person
$$;
-- +goose StatementEnd

CREATE TABLE identity (
    person_id  bigint CONSTRAINT identity_pk PRIMARY KEY CONSTRAINT identity_person_fk REFERENCES person,
    family     text NOT NULL CONSTRAINT identity_family_given CHECK (family <> ''),
    given      text NOT NULL,
    patronymic text NOT NULL DEFAULT '',
    email      text NOT NULL DEFAULT '',
    phone      text NOT NULL DEFAULT '',
    match_key  text NOT NULL
);
COMMENT ON TABLE identity IS 'Names and contacts, deletable; match_key is the name folded for comparison (ё=е, case, spaces).';
CREATE INDEX identity_match ON identity (match_key text_pattern_ops);
CREATE INDEX identity_family ON identity (split_part(match_key, '|', 1));
CREATE INDEX identity_email ON identity (lower(email)) WHERE email <> '';

CREATE TABLE person_merge (
    id        bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT person_merge_pk PRIMARY KEY,
    kept_id   bigint NOT NULL CONSTRAINT person_merge_kept_fk REFERENCES person,
    merged_id bigint NOT NULL CONSTRAINT person_merge_merged_fk REFERENCES person,
    reason    text   NOT NULL DEFAULT '',
    moved     jsonb  NOT NULL,
    merged_at timestamptz NOT NULL,
    undone_at timestamptz,
    CONSTRAINT person_merge_two CHECK (kept_id <> merged_id)
);
COMMENT ON TABLE person_merge IS 'Two records found to be one person, and what moved with the merge, so that it can be taken back.';
CREATE UNIQUE INDEX person_merge_standing ON person_merge (merged_id) WHERE undone_at IS NULL;

CREATE TABLE career (
    person_id      bigint CONSTRAINT career_pk PRIMARY KEY CONSTRAINT career_person_fk REFERENCES person,
    teaching_since date,
    category_code  text NOT NULL DEFAULT 'none' CONSTRAINT career_category_fk REFERENCES qualification_category,
    category_since date
);
COMMENT ON TABLE career IS 'Years of experience (since when) and qualification category.';

CREATE TABLE credential (
    person_id     bigint CONSTRAINT credential_pk PRIMARY KEY CONSTRAINT credential_person_fk REFERENCES person,
    login         text NOT NULL CONSTRAINT credential_login_unique UNIQUE,
    password_hash text NOT NULL,
    must_change   boolean     NOT NULL DEFAULT false,
    changed_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE credential IS 'Sign-in by password (argon2id), deletable.';

CREATE TABLE sign_in_failure (
    login text        NOT NULL,
    at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE sign_in_failure IS 'Recent failures by login: the throttle every instance shares.';
CREATE INDEX sign_in_failure_recent ON sign_in_failure (login, at);

CREATE TABLE appointment (
    id              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT appointment_pk PRIMARY KEY,
    person_id       bigint NOT NULL CONSTRAINT appointment_person_fk REFERENCES person,
    organisation_id bigint NOT NULL CONSTRAINT appointment_organisation_fk REFERENCES organisation,
    position_code   text   NOT NULL CONSTRAINT appointment_position_fk REFERENCES position,
    subject_code    text CONSTRAINT appointment_subject_fk REFERENCES subject,
    load            numeric(4, 2) NOT NULL DEFAULT 1 CONSTRAINT appointment_load_range CHECK (load > 0 AND load <= 3),
    main            boolean NOT NULL DEFAULT true,
    started_on      date NOT NULL,
    ended_on        date CONSTRAINT appointment_order CHECK (ended_on >= started_on)
);
COMMENT ON TABLE appointment IS 'Who works where as what, from–to.';
CREATE INDEX appointment_person ON appointment (person_id);
CREATE INDEX appointment_organisation ON appointment (organisation_id) WHERE ended_on IS NULL;
CREATE UNIQUE INDEX appointment_once ON appointment (person_id, organisation_id, position_code, COALESCE(subject_code, '')) WHERE ended_on IS NULL;

CREATE TABLE role_grant (
    id              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT role_grant_pk PRIMARY KEY,
    person_id       bigint NOT NULL CONSTRAINT role_grant_person_fk REFERENCES person,
    role            text   NOT NULL CONSTRAINT role_grant_role_known CHECK (role IN ('teacher', 'author', 'reviewer', 'expert', 'municipal_methodist', 'methodist', 'coordinator', 'head', 'analyst', 'manager', 'admin')),
    territory_id    bigint CONSTRAINT role_grant_territory_fk REFERENCES territory,
    organisation_id bigint CONSTRAINT role_grant_organisation_fk REFERENCES organisation,
    valid_from      date   NOT NULL,
    valid_to        date CONSTRAINT role_grant_order CHECK (valid_to >= valid_from),
    granted_by      bigint NOT NULL,
    CONSTRAINT role_grant_scope CHECK (
        (role = 'head') = (organisation_id IS NOT NULL) AND
        (role IN ('municipal_methodist', 'coordinator')) = (territory_id IS NOT NULL))
);
COMMENT ON TABLE role_grant IS 'Roles with a scope (region, a territory, an organisation) and a term.';
CREATE INDEX role_grant_person ON role_grant (person_id);

CREATE TABLE consent_text (
    purpose    text NOT NULL CONSTRAINT consent_text_purpose_known CHECK (purpose IN ('diagnostics', 'share_methodist', 'research', 'lesson_video')),
    version    integer NOT NULL,
    title      text NOT NULL,
    body_html  text NOT NULL,
    valid_from date NOT NULL,
    CONSTRAINT consent_text_pk PRIMARY KEY (purpose, version)
);
COMMENT ON TABLE consent_text IS 'Texts of consent by purpose and version.';
SELECT seal_table('consent_text');

CREATE TABLE consent_event (
    id        bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT consent_event_pk PRIMARY KEY,
    person_id bigint NOT NULL CONSTRAINT consent_event_person_fk REFERENCES person,
    purpose   text   NOT NULL,
    version   integer NOT NULL,
    what      text   NOT NULL CONSTRAINT consent_event_what_known CHECK (what IN ('given', 'refused', 'withdrawn')),
    at        timestamptz NOT NULL,
    CONSTRAINT consent_event_text_fk FOREIGN KEY (purpose, version) REFERENCES consent_text
);
COMMENT ON TABLE consent_event IS 'Consent given, refused or withdrawn; the last event counts. All are normal.';
CREATE INDEX consent_event_person ON consent_event (person_id, purpose, id DESC);
CREATE INDEX consent_event_withdrawn ON consent_event (person_id) WHERE what = 'withdrawn';
SELECT seal_table('consent_event');

-- withdrawn lists who took back the consent to diagnostics and has not given it again; a refusal of another
-- diagnostic in between gives nothing back. Whichever record of a person the last word was said under, it counts for all.
-- +goose StatementBegin
CREATE FUNCTION withdrawn() RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT record FROM (
        SELECT DISTINCT ON (gone.record) gone.record, e.what
        FROM (SELECT DISTINCT r.id AS record FROM consent_event w CROSS JOIN LATERAL records_of(w.person_id) AS r (id)
              WHERE w.purpose = 'diagnostics' AND w.what = 'withdrawn') gone
        CROSS JOIN LATERAL records_of(gone.record) AS one (person_id)
        JOIN consent_event e USING (person_id)
        WHERE e.purpose = 'diagnostics' AND e.what <> 'refused'
        ORDER BY gone.record, e.id DESC) last
    WHERE what = 'withdrawn'
$$;
-- +goose StatementEnd

-- sharing_results lists whose personal results, deficits and routes a reader limited to territories may see: those who
-- work there now and whose consent to it (share_methodist: last event, three years at most, as its text promises)
-- holds; and the reader's own. Every query of persons for such a reader asks it beside the place of the record.
-- +goose StatementBegin
CREATE FUNCTION sharing_results(territories bigint[]) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT r.id
    FROM (SELECT DISTINCT a.person_id FROM appointment a JOIN organisation o ON o.id = a.organisation_id
          WHERE o.territory_id = ANY (territories)
            AND (a.ended_on IS NULL OR a.ended_on >= CAST(now() AT TIME ZONE 'Europe/Moscow' AS date))) p
    JOIN LATERAL (SELECT what, at FROM consent_event e WHERE e.person_id IN (SELECT x FROM records_of(p.person_id) AS x) AND e.purpose = 'share_methodist'
                  ORDER BY e.id DESC LIMIT 1) last ON true
    CROSS JOIN LATERAL records_of(p.person_id) AS r (id)
    WHERE last.what = 'given' AND last.at > now() - interval '3 years' AND p.person_id NOT IN (SELECT withdrawn())
    UNION
    SELECT r FROM records_of(current_actor()) AS r
$$;
-- +goose StatementEnd

CREATE TABLE view_preference (
    person_id bigint CONSTRAINT view_preference_pk PRIMARY KEY CONSTRAINT view_preference_person_fk REFERENCES person,
    large     boolean NOT NULL DEFAULT false,
    contrast  boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE view_preference IS 'Large type and high contrast, kept with the person.';

CREATE TABLE erasure (
    person_id  bigint CONSTRAINT erasure_pk PRIMARY KEY CONSTRAINT erasure_person_fk REFERENCES person,
    erased_at  timestamptz NOT NULL,
    reason     text NOT NULL,
    act        jsonb NOT NULL
);
COMMENT ON TABLE erasure IS 'Tombstones of erased identities with the act of erasure; verify accepts blanked texts of these persons.';
SELECT seal_table('erasure');

CREATE TABLE staff_import (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT staff_import_pk PRIMARY KEY,
    actor_id   bigint      NOT NULL CONSTRAINT staff_import_actor_fk REFERENCES person,
    file_name  text        NOT NULL,
    as_of      date        NOT NULL,
    body       bytea,
    created_at timestamptz NOT NULL,
    applied_at timestamptz,
    outcome    jsonb       NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE staff_import IS 'A staff list on its way in. Its body (names) is kept only until it is applied, a week at most; outcome holds counts.';
CREATE INDEX staff_import_actor ON staff_import (actor_id, id DESC);
