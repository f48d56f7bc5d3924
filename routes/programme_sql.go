package routes

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/db"
)

// programmesTx reads programmes whole, with results and sessions, sorted by code. ids nil means all that are not withdrawn.
func programmesTx(ctx context.Context, tx db.Q, ids []int64) ([]Programme, error) {
	rows, err := db.Select[struct {
		Programme
		P json.RawMessage `db:"positions"`
		S json.RawMessage `db:"subjects"`
		R json.RawMessage `db:"required"`
	}](ctx, tx, `
		SELECT id, code, kind, title, provider, registry, registry_number, hours, form, cost, funding, about, document, url, equivalents,
			valid_until, withdrawn_at, to_json(audience_positions) AS positions, to_json(audience_subjects) AS subjects, to_json(requires) AS required
		FROM programme
		WHERE CASE WHEN $1::bigint[] IS NULL THEN withdrawn_at IS NULL ELSE id = ANY($1) END
		ORDER BY code`, db.Array(ids))
	if err != nil {
		return nil, fmt.Errorf("programmes: %w", err)
	}
	out := make([]Programme, len(rows))
	at := map[int64]int{}
	all := make([]int64, len(rows))
	for i, r := range rows {
		out[i] = r.Programme
		for _, x := range []struct {
			raw json.RawMessage
			to  *[]string
		}{{r.P, &out[i].Positions}, {r.S, &out[i].Subjects}, {r.R, &out[i].Requires}} {
			if err := json.Unmarshal(x.raw, x.to); err != nil {
				return nil, fmt.Errorf("programme %s: %w", r.Code, err)
			}
		}
		at[r.ID], all[i] = i, r.ID
	}
	covers, err := db.Select[Cover](ctx, tx, `
		SELECT programme_id, element_id, share, result FROM programme_element WHERE programme_id = ANY($1) ORDER BY programme_id, share DESC, element_id`, db.Array(all))
	if err != nil {
		return nil, fmt.Errorf("planned results: %w", err)
	}
	for _, c := range covers {
		out[at[c.Programme]].Covers = append(out[at[c.Programme]].Covers, c)
	}
	sessions, err := db.Select[Session](ctx, tx, `
		SELECT s.id, s.programme_id, s.code, s.starts_on, s.ends_on, s.mode, s.venue, s.seats, s.cancelled_at, COALESCE(t.taken, 0) AS taken
		FROM programme_session s
		LEFT JOIN seats_taken() t ON t.session_id = s.id
		WHERE s.programme_id = ANY($1)
		ORDER BY s.programme_id, s.starts_on, s.ends_on, s.code`, db.Array(all))
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	for _, s := range sessions {
		out[at[s.Programme]].Sessions = append(out[at[s.Programme]].Sessions, s)
	}
	return out, nil
}

// storeProgrammesTx writes the whole of an import in sets: programmes by code, their results anew, their sessions by code.
// Sessions that the workbook no longer names are cancelled, never deleted: routes point at them.
func storeProgrammesTx(ctx context.Context, tx *sqlx.Tx, list []Programme, now time.Time) error {
	type row map[string]any
	var programmes, covers, sessions []row
	codes := []string{}
	for _, p := range list {
		codes = append(codes, p.Code)
		programmes = append(programmes, row{"code": p.Code, "kind": p.Kind, "title": p.Title, "provider": p.Provider, "registry": p.Registry,
			"registry_number": p.RegistryNumber, "hours": p.Hours, "form": p.Form, "cost": p.Cost, "funding": p.Funding, "positions": some(p.Positions),
			"subjects": some(p.Subjects), "about": p.About, "document": p.Document, "url": p.URL, "equivalents": p.Equivalents,
			"required": some(p.Requires), "valid_until": p.ValidUntil})
		for _, c := range p.Covers {
			covers = append(covers, row{"code": p.Code, "element": c.Element, "share": c.Share, "result": c.Result})
		}
		for _, s := range p.Sessions {
			sessions = append(sessions, row{"code": p.Code, "session": s.Code, "starts_on": s.StartsOn, "ends_on": s.EndsOn, "mode": s.Mode, "venue": s.Venue, "seats": s.Seats})
		}
	}
	for _, step := range []struct {
		what, query string
		rows        []row
		args        []any
	}{
		{"programmes", `
			INSERT INTO programme (code, kind, title, provider, registry, registry_number, hours, form, cost, funding, audience_positions, audience_subjects,
				about, document, url, equivalents, requires, valid_until, imported_at)
			SELECT code, kind, title, provider, registry, registry_number, hours, form, cost, funding, positions, subjects,
				about, document, url, equivalents, required, valid_until, $2
			FROM jsonb_to_recordset($1) AS x (code text, kind text, title text, provider text, registry text, registry_number text, hours int, form text,
				cost int, funding text, positions text[], subjects text[], about text, document text, url text, equivalents text, required text[], valid_until date)
			ON CONFLICT ON CONSTRAINT programme_code_unique DO UPDATE SET kind = EXCLUDED.kind, title = EXCLUDED.title, provider = EXCLUDED.provider,
				registry = EXCLUDED.registry, registry_number = EXCLUDED.registry_number, hours = EXCLUDED.hours, form = EXCLUDED.form, cost = EXCLUDED.cost,
				funding = EXCLUDED.funding, audience_positions = EXCLUDED.audience_positions, audience_subjects = EXCLUDED.audience_subjects,
				about = EXCLUDED.about, document = EXCLUDED.document, url = EXCLUDED.url, equivalents = EXCLUDED.equivalents, requires = EXCLUDED.requires,
				valid_until = EXCLUDED.valid_until, imported_at = EXCLUDED.imported_at, withdrawn_at = NULL`, programmes, []any{now}},
		{"planned results", `
			WITH gone AS (
				DELETE FROM programme_element e USING programme p
				WHERE e.programme_id = p.id AND p.code = ANY($2)
				  AND NOT EXISTS (SELECT FROM jsonb_to_recordset($1) AS x (code text, element text) WHERE x.code = p.code AND x.element = e.element_id))
			INSERT INTO programme_element (programme_id, element_id, share, result)
			SELECT p.id, x.element, x.share, x.result
			FROM jsonb_to_recordset($1) AS x (code text, element text, share numeric, result text) JOIN programme p ON p.code = x.code
			ON CONFLICT ON CONSTRAINT programme_element_pk DO UPDATE SET share = EXCLUDED.share, result = EXCLUDED.result`, covers, []any{db.Array(codes)}},
		{"sessions", `
			WITH gone AS (
				UPDATE programme_session s SET cancelled_at = $3 FROM programme p
				WHERE s.programme_id = p.id AND p.code = ANY($2) AND s.cancelled_at IS NULL
				  AND NOT EXISTS (SELECT FROM jsonb_to_recordset($1) AS x (code text, session text) WHERE x.code = p.code AND x.session = s.code))
			INSERT INTO programme_session (programme_id, code, starts_on, ends_on, mode, venue, seats)
			SELECT p.id, x.session, x.starts_on, x.ends_on, x.mode, x.venue, x.seats
			FROM jsonb_to_recordset($1) AS x (code text, session text, starts_on date, ends_on date, mode text, venue text, seats int) JOIN programme p ON p.code = x.code
			ON CONFLICT ON CONSTRAINT programme_session_code_unique DO UPDATE SET starts_on = EXCLUDED.starts_on, ends_on = EXCLUDED.ends_on,
				mode = EXCLUDED.mode, venue = EXCLUDED.venue, seats = EXCLUDED.seats, cancelled_at = NULL`, sessions, []any{db.Array(codes), now}},
	} {
		if step.rows == nil {
			step.rows = []row{}
		}
		b, err := json.Marshal(step.rows)
		if err != nil {
			return fmt.Errorf("store %s: %w", step.what, err)
		}
		if _, err := tx.ExecContext(ctx, step.query, append([]any{b}, step.args...)...); err != nil {
			return fmt.Errorf("store %s: %w", step.what, err)
		}
	}
	return nil
}

func some(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
