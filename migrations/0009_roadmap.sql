-- +goose Up
-- Roadmap plans and their progress. Owned by package roadmap.

CREATE TABLE roadmap_plan (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT roadmap_plan_pk PRIMARY KEY,
    title      text NOT NULL,
    year       integer NOT NULL,
    level      text NOT NULL CONSTRAINT roadmap_plan_level_known CHECK (level IN ('region', 'municipality')),
    territory_id bigint CONSTRAINT roadmap_plan_territory_fk REFERENCES territory,
    owner      text NOT NULL,
    approved_number text NOT NULL DEFAULT '',
    approved_on date,
    adopted_from bigint CONSTRAINT roadmap_plan_adopted_fk REFERENCES roadmap_plan,
    source_name text NOT NULL, source_sha256 text NOT NULL,
    imported_by bigint NOT NULL, imported_at timestamptz NOT NULL,
    CONSTRAINT roadmap_plan_level_territory CHECK ((level = 'region') = (territory_id IS NULL))
);
CREATE UNIQUE INDEX roadmap_plan_once ON roadmap_plan (year, COALESCE(territory_id, 0), source_sha256);
COMMENT ON TABLE roadmap_plan IS 'A plan of measures for a year, read from a document or adopted from another plan; owner is its short name in lists.';

CREATE TABLE roadmap_section (
    plan_id bigint NOT NULL CONSTRAINT roadmap_section_plan_fk REFERENCES roadmap_plan,
    number  integer NOT NULL, title text NOT NULL,
    CONSTRAINT roadmap_section_pk PRIMARY KEY (plan_id, number)
);
COMMENT ON TABLE roadmap_section IS 'Sections of a plan.';

CREATE TABLE roadmap_item (
    id        bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT roadmap_item_pk PRIMARY KEY,
    plan_id   bigint NOT NULL, section integer NOT NULL,
    number    text NOT NULL, rank integer NOT NULL,
    title     text NOT NULL,
    short     text NOT NULL,
    term_text text NOT NULL, term_kind text NOT NULL, periods jsonb NOT NULL,
    responsible text[] NOT NULL,
    CONSTRAINT roadmap_item_section_fk FOREIGN KEY (plan_id, section) REFERENCES roadmap_section,
    CONSTRAINT roadmap_item_number_unique UNIQUE (plan_id, number)
);
COMMENT ON TABLE roadmap_item IS 'Items: text whole and short, term as written and as periods, responsible organisations.';

CREATE TABLE roadmap_report (
    id      bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT roadmap_report_pk PRIMARY KEY,
    item_id bigint NOT NULL CONSTRAINT roadmap_report_item_fk REFERENCES roadmap_item,
    state   text NOT NULL CONSTRAINT roadmap_report_state_known CHECK (state IN ('planned', 'in_progress', 'done', 'postponed', 'cancelled')),
    note    text NOT NULL DEFAULT '',
    document_title text NOT NULL DEFAULT '', document text NOT NULL DEFAULT '',
    until   date CONSTRAINT roadmap_report_until_postponed CHECK ((until IS NOT NULL) = (state = 'postponed')),
    by_id   bigint NOT NULL, at timestamptz NOT NULL
);
COMMENT ON TABLE roadmap_report IS 'Reports of progress, append-only; the last one is the state of the item. A postponed item is due on until; document is a link.';
CREATE INDEX roadmap_report_item ON roadmap_report (item_id, id);
SELECT seal_table('roadmap_report');

CREATE TABLE roadmap_indicator (
    item_id bigint NOT NULL CONSTRAINT roadmap_indicator_item_fk REFERENCES roadmap_item,
    key     text NOT NULL,
    rank    integer NOT NULL DEFAULT 0,
    CONSTRAINT roadmap_indicator_pk PRIMARY KEY (item_id, key)
);
COMMENT ON TABLE roadmap_indicator IS 'Indicators of the metric registry attached to an item, as data.';
