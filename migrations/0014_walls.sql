-- +goose Up
-- Row-level security: the second wall behind the WHERE. Every transaction says whom it acts for and how far that
-- person's roles reach (package internal/db); a connection that says nothing reaches nobody's record. The owner of the
-- schema is not subject to the walls: migrations, backups, verify and the functions of erasure see everything.
-- Which tables have none, and why: docs/decisions/0023-row-level-security.md.

-- The reach is settings local to the transaction. lotsiya.own is the actor's own records; lotsiya.presence says whose invitations and sittings, and
-- lotsiya.results whose results, deficits and routes are within it. Each is '*' (everybody's) or two arrays,
-- '{territories}|{organisations}', of the passport that a record carries. The policies read them as init plans, once
-- a statement.

-- +goose StatementBegin
CREATE FUNCTION reaches_everybody(what text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT COALESCE(current_setting('lotsiya.' || what, true) = '*', false) $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION reached_territories(what text) RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN current_setting('lotsiya.' || what, true) LIKE '{%' THEN CAST(split_part(current_setting('lotsiya.' || what, true), '|', 1) AS bigint[]) ELSE '{}' END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION reached_organisations(what text) RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN current_setting('lotsiya.' || what, true) LIKE '{%' THEN CAST(split_part(current_setting('lotsiya.' || what, true), '|', 2) AS bigint[]) ELSE '{}' END $$;
-- +goose StatementEnd

-- own_persons are the records of the person who acts (lotsiya.own): their own and those merged into it.
-- +goose StatementBegin
CREATE FUNCTION own_persons() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT CAST(NULLIF(current_setting('lotsiya.own', true), '') AS bigint[]) $$;
-- +goose StatementEnd

-- assigned_works and assigned_attempts are what the expert who acts was given to mark. They read as the owner: a policy
-- of marking_assignment that asked marking_work, and the other way round, would go in circles.
-- +goose StatementBegin
CREATE FUNCTION assigned_works() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT ARRAY(SELECT work_id FROM marking_assignment WHERE expert_id = current_actor()) $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION assigned_attempts() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT ARRAY(SELECT DISTINCT w.attempt_id FROM marking_assignment a JOIN marking_work w ON w.id = a.work_id WHERE a.expert_id = current_actor()) $$;
-- +goose StatementEnd
CREATE INDEX marking_assignment_given ON marking_assignment (expert_id, work_id);

-- seats_taken counts the seats that routes hold in each group, whoever's they are: seats are common, routes are not.
-- +goose StatementBegin
CREATE FUNCTION seats_taken() RETURNS TABLE (session_id bigint, taken bigint) LANGUAGE sql STABLE PARALLEL SAFE ROWS 200 SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT st.session_id, count(*)
    FROM route r
    JOIN route_version v ON v.route_id = r.id AND v.version = r.version
    JOIN route_step st ON st.route_version_id = v.id
    WHERE r.state IN ('draft', 'proposed', 'agreed', 'in_progress') AND st.session_id IS NOT NULL
    GROUP BY st.session_id
$$;
-- +goose StatementEnd

-- What a row without a passport hangs on. These read as the owner and one row each, and only for an actor of narrow
-- reach: a policy that asked the walled table itself would have that table's policy planned into every statement, twice
-- at every step. They run once a row, so names are written whole instead of a search path set at each call.

-- +goose StatementBegin
CREATE FUNCTION own_attempt(this bigint) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.attempt a WHERE a.id = this AND a.person_id = ANY (public.own_persons()));
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION invited_within(this bigint) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.registration r WHERE r.id = this AND (r.territory_id = ANY (public.reached_territories('presence')) OR r.organisation_id = ANY (public.reached_organisations('presence'))));
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION sat_within(this bigint) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.attempt a JOIN public.registration r ON r.id = a.registration_id WHERE a.id = this AND (r.territory_id = ANY (public.reached_territories('results')) OR r.organisation_id = ANY (public.reached_organisations('results'))));
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION scored_within(this bigint) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.score_revision s JOIN public.attempt a ON a.id = s.attempt_id JOIN public.registration r ON r.id = a.registration_id
        WHERE s.id = this AND (s.person_id = ANY (public.own_persons()) OR r.territory_id = ANY (public.reached_territories('results')) OR r.organisation_id = ANY (public.reached_organisations('results'))));
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION known_within(this bigint) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.registration r WHERE r.person_id = this AND (r.territory_id = ANY (public.reached_territories('results')) OR r.organisation_id = ANY (public.reached_organisations('results'))));
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION route_within(this bigint) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.route r WHERE r.id = this AND (r.person_id = ANY (public.own_persons()) OR r.territory_id = ANY (public.reached_territories('results')) OR r.organisation_id = ANY (public.reached_organisations('results'))));
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION version_within(this bigint) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.route_version v JOIN public.route r ON r.id = v.route_id WHERE v.id = this AND (r.person_id = ANY (public.own_persons()) OR r.territory_id = ANY (public.reached_territories('results')) OR r.organisation_id = ANY (public.reached_organisations('results'))));
END $$;
-- +goose StatementEnd

-- A wall is one policy for reading and writing alike: nobody adds or changes a row that they could not read.

-- Invitations and sittings: the places that take part see who came (look), without any result, and change nothing.
ALTER TABLE registration ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON registration USING (
    (SELECT reaches_everybody('results'))
    OR person_id = ANY (CAST((SELECT own_persons()) AS bigint[])));
CREATE POLICY look ON registration FOR SELECT USING (
    (SELECT reaches_everybody('presence'))
    OR territory_id = ANY (CAST((SELECT reached_territories('presence')) AS bigint[]))
    OR organisation_id = ANY (CAST((SELECT reached_organisations('presence')) AS bigint[])));

ALTER TABLE attempt ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON attempt USING (
    (SELECT reaches_everybody('results'))
    OR person_id = ANY (CAST((SELECT own_persons()) AS bigint[])));
CREATE POLICY look ON attempt FOR SELECT USING (
    (SELECT reaches_everybody('presence'))
    OR id = ANY (CAST((SELECT assigned_attempts()) AS bigint[]))
    OR invited_within(registration_id));

-- What was answered: nobody's by place. Its person, the experts it was given to, and those who answer for the whole.
ALTER TABLE attempt_manifest ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON attempt_manifest USING (
    (SELECT reaches_everybody('results'))
    OR attempt_id = ANY (CAST((SELECT assigned_attempts()) AS bigint[]))
    OR own_attempt(attempt_id));

ALTER TABLE attempt_flag ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON attempt_flag USING (
    (SELECT reaches_everybody('results'))
    OR own_attempt(attempt_id));

ALTER TABLE answer ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON answer USING (
    (SELECT reaches_everybody('results'))
    OR person_id = ANY (CAST((SELECT own_persons()) AS bigint[]))
    OR attempt_id = ANY (CAST((SELECT assigned_attempts()) AS bigint[])));

ALTER TABLE answer_file ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON answer_file USING (
    (SELECT reaches_everybody('results'))
    OR person_id = ANY (CAST((SELECT own_persons()) AS bigint[]))
    OR attempt_id = ANY (CAST((SELECT assigned_attempts()) AS bigint[])));

-- Marking: an expert sees the works given to them, with the other marks of these.
ALTER TABLE marking_work ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON marking_work USING (
    (SELECT reaches_everybody('results'))
    OR id = ANY (CAST((SELECT assigned_works()) AS bigint[]))
    OR territory_id = ANY (CAST((SELECT reached_territories('results')) AS bigint[]))
    OR organisation_id = ANY (CAST((SELECT reached_organisations('results')) AS bigint[])));

ALTER TABLE marking_assignment ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON marking_assignment USING (
    (SELECT reaches_everybody('results'))
    OR work_id = ANY (CAST((SELECT assigned_works()) AS bigint[])));

-- Points. A revision carries no passport: it is where the sitting was registered.
ALTER TABLE score_revision ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON score_revision USING (
    (SELECT reaches_everybody('results'))
    OR person_id = ANY (CAST((SELECT own_persons()) AS bigint[]))
    OR sat_within(attempt_id));

ALTER TABLE task_score ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON task_score USING (
    (SELECT reaches_everybody('results')) OR scored_within(score_revision_id));

ALTER TABLE element_result ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON element_result USING (
    (SELECT reaches_everybody('results')) OR scored_within(score_revision_id));

-- Deficits and what speaks of them.
ALTER TABLE deficit ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON deficit USING (
    (SELECT reaches_everybody('results'))
    OR person_id = ANY (CAST((SELECT own_persons()) AS bigint[]))
    OR territory_id = ANY (CAST((SELECT reached_territories('results')) AS bigint[]))
    OR organisation_id = ANY (CAST((SELECT reached_organisations('results')) AS bigint[])));

ALTER TABLE evidence ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON evidence USING (
    (SELECT reaches_everybody('results'))
    OR person_id = ANY (CAST((SELECT own_persons()) AS bigint[]))
    OR organisation_id = ANY (CAST((SELECT reached_organisations('results')) AS bigint[]))
    OR known_within(person_id));

-- Routes.
ALTER TABLE route ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON route USING (
    (SELECT reaches_everybody('results'))
    OR person_id = ANY (CAST((SELECT own_persons()) AS bigint[]))
    OR territory_id = ANY (CAST((SELECT reached_territories('results')) AS bigint[]))
    OR organisation_id = ANY (CAST((SELECT reached_organisations('results')) AS bigint[])));

ALTER TABLE route_version ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON route_version USING (
    (SELECT reaches_everybody('results')) OR route_within(route_id));

ALTER TABLE route_step ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON route_step USING (
    (SELECT reaches_everybody('results')) OR version_within(route_version_id));

ALTER TABLE route_progress ENABLE ROW LEVEL SECURITY;
CREATE POLICY wall ON route_progress USING (
    (SELECT reaches_everybody('results')) OR route_within(route_id));
