-- +goose Up
-- The language of competencies. Owned by package diagnostics/competency.

CREATE TABLE competency_area (
    code text CONSTRAINT competency_area_pk PRIMARY KEY,
    name text NOT NULL,
    rank integer NOT NULL
);
COMMENT ON TABLE competency_area IS 'Areas of competency: subject, methodical, …';

CREATE TABLE labour_function (
    code     text CONSTRAINT labour_function_pk PRIMARY KEY,
    standard text NOT NULL,
    title    text NOT NULL,
    parent_code text CONSTRAINT labour_function_parent_fk REFERENCES labour_function,
    kind     text NOT NULL CONSTRAINT labour_function_kind_known CHECK (kind IN ('general', 'function', 'action', 'skill', 'knowledge'))
);
COMMENT ON TABLE labour_function IS 'Labour functions of professional standards (544н) as a tree.';

CREATE TABLE codifier (
    id      bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT codifier_pk PRIMARY KEY,
    code    text NOT NULL,
    edition text NOT NULL,
    title   text NOT NULL,
    subject_code text CONSTRAINT codifier_subject_fk REFERENCES subject,
    valid_from date NOT NULL,
    CONSTRAINT codifier_edition_unique UNIQUE (code, edition)
);
COMMENT ON TABLE codifier IS 'Editions of codifiers: the lists of competency elements.';

CREATE TABLE element (
    id text CONSTRAINT element_pk PRIMARY KEY
);
COMMENT ON TABLE element IS 'Competency elements: a stable id over all editions.';

CREATE TABLE codifier_element (
    codifier_id bigint NOT NULL CONSTRAINT codifier_element_codifier_fk REFERENCES codifier,
    element_id  text   NOT NULL CONSTRAINT codifier_element_element_fk REFERENCES element,
    parent_id   text CONSTRAINT codifier_element_parent_fk REFERENCES element,
    number      text   NOT NULL,
    title       text   NOT NULL,
    short_title text   NOT NULL,
    part        text   NOT NULL CONSTRAINT codifier_element_part_known CHECK (part IN ('subject', 'methodical')),
    area_code   text   NOT NULL CONSTRAINT codifier_element_area_fk REFERENCES competency_area,
    about       text   NOT NULL DEFAULT '',
    strengthen  text   NOT NULL DEFAULT '',
    importance  numeric NOT NULL DEFAULT 1 CONSTRAINT codifier_element_importance_positive CHECK (importance > 0),
    rank        integer NOT NULL,
    CONSTRAINT codifier_element_pk PRIMARY KEY (codifier_id, element_id),
    CONSTRAINT codifier_element_number_unique UNIQUE (codifier_id, number)
);
COMMENT ON TABLE codifier_element IS 'What an edition of a codifier says of an element.';

CREATE TABLE element_labour_function (
    element_id text NOT NULL CONSTRAINT element_labour_function_element_fk REFERENCES element,
    labour_function_code text NOT NULL CONSTRAINT element_labour_function_function_fk REFERENCES labour_function,
    CONSTRAINT element_labour_function_pk PRIMARY KEY (element_id, labour_function_code)
);
COMMENT ON TABLE element_labour_function IS 'Which labour functions an element serves.';

CREATE TABLE codifier_crosswalk (
    from_codifier_id bigint NOT NULL, from_element_id text NOT NULL,
    to_codifier_id   bigint NOT NULL, to_element_id   text NOT NULL,
    weight numeric NOT NULL CONSTRAINT codifier_crosswalk_weight_range CHECK (weight > 0 AND weight <= 1),
    CONSTRAINT codifier_crosswalk_pk PRIMARY KEY (from_codifier_id, from_element_id, to_codifier_id, to_element_id),
    CONSTRAINT codifier_crosswalk_from_fk FOREIGN KEY (from_codifier_id, from_element_id) REFERENCES codifier_element,
    CONSTRAINT codifier_crosswalk_to_fk FOREIGN KEY (to_codifier_id, to_element_id) REFERENCES codifier_element
);
COMMENT ON TABLE codifier_crosswalk IS 'How elements of one edition are re-expressed in another.';

CREATE TABLE scale (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT scale_pk PRIMARY KEY,
    code       text NOT NULL,
    version    integer NOT NULL,
    title      text NOT NULL,
    definition jsonb NOT NULL,
    valid_from date NOT NULL,
    CONSTRAINT scale_version_unique UNIQUE (code, version)
);
COMMENT ON TABLE scale IS 'Scales as versioned data; definition: {"cut":0.6,"bands":[0.4,0.6,0.8],"sure":[0.2,0.8],"min_tasks":2,"rule":"shrunk|share"}.';
SELECT seal_table('scale');

-- What every installation starts with; regions add editions and versions of their own.
INSERT INTO competency_area (code, name, rank) VALUES
    ('subject', 'Предметная', 1),
    ('methodical', 'Методическая', 2),
    ('psych_pedagogical', 'Психолого-педагогическая', 3),
    ('communicative', 'Коммуникативная', 4);

INSERT INTO labour_function (code, standard, title, parent_code, kind) VALUES
    ('A', '01.001', 'Педагогическая деятельность по проектированию и реализации образовательного процесса в образовательных организациях', NULL, 'general'),
    ('A/01.6', '01.001', 'Общепедагогическая функция. Обучение', 'A', 'function'),
    ('A/02.6', '01.001', 'Воспитательная деятельность', 'A', 'function'),
    ('A/03.6', '01.001', 'Развивающая деятельность', 'A', 'function'),
    ('B', '01.001', 'Педагогическая деятельность по проектированию и реализации основных общеобразовательных программ', NULL, 'general'),
    ('B/01.5', '01.001', 'Педагогическая деятельность по реализации программ дошкольного образования', 'B', 'function'),
    ('B/02.6', '01.001', 'Педагогическая деятельность по реализации программ начального общего образования', 'B', 'function'),
    ('B/03.6', '01.001', 'Педагогическая деятельность по реализации программ основного и среднего общего образования', 'B', 'function'),
    ('B/04.6', '01.001', 'Модуль «Предметное обучение. Математика»', 'B', 'function'),
    ('B/05.6', '01.001', 'Модуль «Предметное обучение. Русский язык»', 'B', 'function');

INSERT INTO scale (code, version, title, definition, valid_from) VALUES
    ('deficit-60', 1, 'Порог 60 %, вывод с уверенностью',
     '{"cut": 0.6, "bands": [0.4, 0.6, 0.8], "sure": [0.2, 0.8], "min_tasks": 2, "rule": "shrunk"}', '2026-01-01'),
    ('share-60-80', 1, 'Доля баллов, границы 60 и 80 %',
     '{"cut": 0.6, "bands": [0.4, 0.6, 0.8], "sure": [0.2, 0.8], "min_tasks": 2, "rule": "share"}', '2026-01-01');
