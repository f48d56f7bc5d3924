-- +goose Up
-- Analytical memos and saved views of the bank. memo: package memos; bank_view: package reports.

CREATE TABLE memo (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT memo_pk PRIMARY KEY,
    campaign_id bigint NOT NULL CONSTRAINT memo_campaign_fk REFERENCES campaign,
    territory_id bigint CONSTRAINT memo_territory_fk REFERENCES territory,
    created_by  bigint NOT NULL, created_at timestamptz NOT NULL,
    CONSTRAINT memo_once UNIQUE NULLS NOT DISTINCT (campaign_id, territory_id)
);
COMMENT ON TABLE memo IS 'A memo on a campaign for a territory (NULL = the region).';

CREATE TABLE memo_version (
    id      bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT memo_version_pk PRIMARY KEY,
    memo_id bigint NOT NULL CONSTRAINT memo_version_memo_fk REFERENCES memo,
    version integer NOT NULL,
    state   text NOT NULL CONSTRAINT memo_version_state_known CHECK (state IN ('draft', 'approved')),
    figures jsonb NOT NULL,
    words   jsonb NOT NULL,
    number  text NOT NULL DEFAULT '', approved_on date,
    made_by bigint NOT NULL, made_at timestamptz NOT NULL,
    CONSTRAINT memo_version_unique UNIQUE (memo_id, version),
    CONSTRAINT memo_version_approved CHECK ((state = 'approved') = (number <> '' AND approved_on IS NOT NULL))
);
COMMENT ON TABLE memo_version IS 'Immutable: figures frozen as they were, words (conclusions, recommendations) as edited.';
SELECT seal_table('memo_version');

CREATE TABLE memo_template (
    code    text    NOT NULL,
    version integer NOT NULL,
    kind    text    NOT NULL CONSTRAINT memo_template_kind_known CHECK (kind IN ('conclusion', 'recommendation')),
    addressee text  NOT NULL DEFAULT '' CONSTRAINT memo_template_addressee_known CHECK (addressee IN ('', 'teachers', 'service', 'authority', 'heads')),
    rule    text    NOT NULL,
    rank    integer NOT NULL,
    body    text    NOT NULL,
    CONSTRAINT memo_template_pk PRIMARY KEY (code, version),
    CONSTRAINT memo_template_addressed CHECK ((kind = 'recommendation') = (addressee <> ''))
);
COMMENT ON TABLE memo_template IS 'Words of conclusions and recommendations with {slots}; rule names the condition on the figures under which they are drafted. The last version of a code counts. Owned by memos.';
SELECT seal_table('memo_template');

CREATE TABLE bank_view (
    id        bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT bank_view_pk PRIMARY KEY,
    person_id bigint NOT NULL CONSTRAINT bank_view_person_fk REFERENCES person,
    title     text NOT NULL,
    query     text NOT NULL,
    saved_at  timestamptz NOT NULL,
    CONSTRAINT bank_view_title_unique UNIQUE (person_id, title)
);
COMMENT ON TABLE bank_view IS 'Saved filters of the bank of deficits.';
