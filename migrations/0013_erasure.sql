-- +goose Up
-- Erasure against append-only: sealed tables give up the texts of a person, and only of a person who is marked
-- as erased; verify reports what was blanked without an act. Hashes, receipts, points and the journal (ids
-- only) stay. The functions are the owner's; the application may call them.

-- +goose StatementBegin
CREATE FUNCTION need_erased(p bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM person WHERE id = p AND erased_at IS NOT NULL) THEN
        RAISE EXCEPTION 'person % is not erased', p;
    END IF;
END $$;
-- +goose StatementEnd

-- erase_answers blanks what a person answered, where it stands again beside the points, and what experts wrote about it.
-- +goose StatementBegin
CREATE FUNCTION erase_answers(p bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE n bigint;
BEGIN
    PERFORM need_erased(p);
    UPDATE answer SET body = NULL WHERE person_id = p AND body IS NOT NULL;
    GET DIAGNOSTICS n = ROW_COUNT;
    UPDATE task_score t SET trace = jsonb_set(t.trace, '{steps}', (
        SELECT jsonb_agg(s.step - 'given' ORDER BY s.at) FROM jsonb_array_elements(t.trace -> 'steps') WITH ORDINALITY AS s (step, at)))
    FROM score_revision r
    WHERE r.id = t.score_revision_id AND r.person_id = p AND jsonb_path_exists(t.trace, '$.steps[*].given');
    UPDATE marking_assignment m SET comment = '' FROM marking_work w JOIN attempt a ON a.id = w.attempt_id
    WHERE w.id = m.work_id AND a.person_id = p AND m.comment <> '';
    RETURN n;
END $$;
-- +goose StatementEnd

-- erase_files blanks the files of a person that nobody else's answer or step holds.
-- +goose StatementBegin
CREATE FUNCTION erase_files(p bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE n bigint;
BEGIN
    PERFORM need_erased(p);
    WITH held AS (
        SELECT file_sha256, person_id FROM answer_file
        UNION ALL
        SELECT g.file_sha256, r.person_id FROM route_progress g JOIN route r ON r.id = g.route_id WHERE g.file_sha256 IS NOT NULL)
    UPDATE file SET body = NULL
    WHERE body IS NOT NULL AND sha256 IN (SELECT file_sha256 FROM held WHERE person_id = p)
      AND sha256 NOT IN (SELECT file_sha256 FROM held WHERE person_id <> p AND person_id NOT IN (SELECT id FROM person WHERE erased_at IS NOT NULL));
    GET DIAGNOSTICS n = ROW_COUNT;
    UPDATE answer_file SET name = '' WHERE person_id = p;
    RETURN n;
END $$;
-- +goose StatementEnd

-- erase_notes blanks what was written about steps, evidence and versions of a route: the person's own words among it.
-- +goose StatementBegin
CREATE FUNCTION erase_notes(p bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE n bigint; m bigint; k bigint;
BEGIN
    PERFORM need_erased(p);
    UPDATE route_progress g SET document = '', note = '' FROM route r
    WHERE r.id = g.route_id AND r.person_id = p AND (g.document <> '' OR g.note <> '');
    GET DIAGNOSTICS n = ROW_COUNT;
    UPDATE evidence SET note = '' WHERE person_id = p AND note <> '';
    GET DIAGNOSTICS m = ROW_COUNT;
    UPDATE route_version v SET reason = '' FROM route r WHERE r.id = v.route_id AND r.person_id = p AND v.reason <> '';
    GET DIAGNOSTICS k = ROW_COUNT;
    RETURN n + m + k;
END $$;
-- +goose StatementEnd
