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

INSERT INTO memo_template (code, version, kind, addressee, rule, rank, body) VALUES
    ('participation', 1, 'conclusion', '', 'always', 10, 'В диагностике приняли участие {took} из {invited} приглашённых ({coverage}).'),
    ('few_came', 1, 'conclusion', '', 'low_coverage', 20, 'Участвовали меньше 70 % приглашённых, поэтому выводы относятся прежде всего к тем, кто пришёл: на остальных их переносить рано.'),
    ('points', 1, 'conclusion', '', 'points', 30, 'В среднем участники набрали {mean} от наибольшего числа баллов; половина участников — от {lower} до {upper}.'),
    ('harder_methodical', 1, 'conclusion', '', 'methodical_harder', 40, 'Методическая часть далась труднее предметной: в среднем {methodical} против {subject}.'),
    ('harder_subject', 1, 'conclusion', '', 'subject_harder', 40, 'Предметная часть далась труднее методической: в среднем {subject} против {methodical}.'),
    ('parts_even', 1, 'conclusion', '', 'parts_even', 40, 'Предметная и методическая части дались примерно одинаково: в среднем {subject} и {methodical}.'),
    ('first', 1, 'conclusion', '', 'top', 50, 'В первую очередь стоит укрепить: {top_shares}. В скобках — ожидаемая доля учителей ниже порога: среднее их вероятностей.'),
    ('surely_under', 1, 'conclusion', '', 'surely_under', 60, 'Уверенно ниже порога в среднем по группе: {under}.'),
    ('strong', 1, 'conclusion', '', 'strong', 70, 'На что можно опереться: {strong}. Здесь группа в среднем уверенно выше порога.'),
    ('below_region', 1, 'conclusion', '', 'below_region', 80, 'Заметно слабее, чем по области: {weaker}.'),
    ('above_region', 1, 'conclusion', '', 'above_region', 90, 'Заметно сильнее, чем по области: {stronger}. Этим опытом стоит поделиться.'),
    ('not_final', 1, 'conclusion', '', 'preliminary', 100, 'Данные предварительные: проверка развёрнутых ответов ещё идёт.'),

    ('teachers_report', 1, 'recommendation', 'teachers', 'always', 110, 'Посмотрите личный отчёт: в нём видно, на что вы можете опереться и что стоит укрепить именно вам. Общие цифры справки о вас лично ничего не говорят.'),
    ('teachers_route', 1, 'recommendation', 'teachers', 'always', 120, 'Согласуйте с методистом ЦНППМ индивидуальный маршрут: сроки и шаги можно изменить.'),
    ('teachers_topics', 1, 'recommendation', 'teachers', 'top', 130, 'Общие темы для профессионального общения и взаимных посещений уроков: {top}.'),
    ('service_plan', 1, 'recommendation', 'service', 'top', 140, 'Включите в план методических объединений на полугодие темы: {top}.'),
    ('service_mentors', 1, 'recommendation', 'service', 'strong', 150, 'Пригласите ведущими и наставниками тех, кто уверен в элементах: {strong}.'),
    ('service_routes', 1, 'recommendation', 'service', 'always', 160, 'Сопровождайте индивидуальные маршруты: помогайте с выбором групп и сроков, не запрашивая у педагогов отдельных отчётов.'),
    ('authority_need', 1, 'recommendation', 'authority', 'need', 170, 'Учтите при планировании повышения квалификации ожидаемую потребность: {need}.'),
    ('authority_coverage', 1, 'recommendation', 'authority', 'low_coverage', 180, 'Разберитесь вместе с координатором, что помешало приглашённым: сроки, связь, нагрузка. Участие остаётся добровольным.'),
    ('authority_neighbours', 1, 'recommendation', 'authority', 'above_region', 190, 'Предложите соседям площадку по элементам, где ваши педагоги сильнее: {stronger}.'),
    ('heads_time', 1, 'recommendation', 'heads', 'always', 200, 'Предусмотрите время и замены для педагогов, которые учатся по маршруту.'),
    ('heads_careful', 1, 'recommendation', 'heads', 'always', 210, 'Результаты диагностики служат обучению. Личных результатов руководитель не видит, для оценки работы и аттестации они не используются.'),
    ('heads_lessons', 1, 'recommendation', 'heads', 'top', 220, 'Поддержите в организации открытые уроки и разбор рабочих материалов по темам: {top}.');
