package deficits

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/deficits/infer"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/people"
)

const columns = `person_id, element_id, subject_code, codifier_id, campaign_id, registration_id, score_revision_id, points, max_points, tasks, share,
	estimate, low, high, p_deficit, shortfall, severity, status, share_severity, scale_id, model_id, model, preliminary,
	territory_id, organisation_id, position_code, category_code, experience_code, rural, valid_from, valid_to, recorded_at, replaced_at`

// modelTx reads the newest model of a campaign, or the weak one; lock makes fits of
// one campaign follow one another.
func modelTx(ctx context.Context, tx db.Q, campaign int64, p infer.Policy) (fitted, error) {
	rows, err := db.Select[struct {
		ID         int64     `db:"id"`
		Version    int       `db:"version"`
		Method     string    `db:"method"`
		Parameters string    `db:"parameters"`
		Persons    int       `db:"persons"`
		FittedAt   time.Time `db:"fitted_at"`
	}](ctx, tx, `SELECT id, version, method, parameters, persons, fitted_at FROM campaign_model WHERE campaign_id = $1 ORDER BY version DESC LIMIT 1`, campaign)
	if err != nil {
		return fitted{}, fmt.Errorf("model of campaign %d: %w", campaign, err)
	}
	if len(rows) == 0 || rows[0].Method != infer.Method { // a model of an older method stays on record and is no longer used
		return weakly(p)
	}
	f := fitted{ID: rows[0].ID, Version: rows[0].Version, FittedAt: rows[0].FittedAt, Persons: rows[0].Persons}
	if err := json.Unmarshal([]byte(rows[0].Parameters), &f.models); err != nil {
		return fitted{}, fmt.Errorf("model %d: %w", f.ID, err)
	}
	return f, nil
}

func insertModelTx(ctx context.Context, tx db.Q, campaign int64, m models, now time.Time) (fitted, error) {
	b, err := m.encode()
	if err != nil {
		return fitted{}, err
	}
	row, err := db.Get[struct {
		ID      int64 `db:"id"`
		Version int   `db:"version"`
	}](ctx, tx, `
		INSERT INTO campaign_model (campaign_id, version, method, parameters, persons, fitted_at)
		SELECT $1, 1 + COALESCE(max(version), 0), $2, $3, $4, $5 FROM campaign_model WHERE campaign_id = $1
		RETURNING id, version`, campaign, m.Elements.Method, b, m.Elements.Persons, now)
	if err != nil {
		return fitted{}, fmt.Errorf("keep model of campaign %d: %w", campaign, err)
	}
	return fitted{ID: row.ID, Version: row.Version, FittedAt: now, Persons: m.Elements.Persons, models: m}, nil
}

// lockTx makes those who rewrite the deficits of one campaign follow one another.
func lockTx(ctx context.Context, tx db.Q, campaign int64) error {
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('deficits', $1))`, campaign); err != nil {
		return fmt.Errorf("lock deficits of campaign %d: %w", campaign, err)
	}
	return nil
}

// replaceTx closes what was held of these persons in a campaign and writes what is
// held from now on. Where the same element was measured by an earlier diagnostic,
// that knowledge ends where this one begins; where by a later one, this one ends there.
func replaceTx(ctx context.Context, tx *sqlx.Tx, campaign int64, rows []Deficit, now time.Time) error {
	if len(rows) == 0 {
		return nil
	}
	persons := []int64{}
	seen := map[access.PersonID]bool{}
	for _, r := range rows {
		if !seen[r.PersonID] {
			seen[r.PersonID] = true
			persons = append(persons, int64(r.PersonID))
		}
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE deficit SET replaced_at = $3 WHERE campaign_id = $1 AND person_id = ANY($2) AND replaced_at IS NULL`,
		campaign, db.Array(persons), now); err != nil {
		return fmt.Errorf("replace deficits: %w", err)
	}
	withdrawn, err := people.WithdrawnTx(ctx, tx, slices.Collect(maps.Keys(seen)))
	if err != nil {
		return err
	}
	values := make([][]any, 0, len(rows))
	for _, r := range rows {
		if withdrawn[r.PersonID] { // nothing more is held of who took the consent back
			continue
		}
		values = append(values, []any{int64(r.PersonID), r.Element, r.Subject, r.CodifierID, r.CampaignID, r.RegistrationID, r.RevisionID, r.Points, r.Max, r.Tasks, r.Share,
			r.Estimate, r.Low, r.High, r.P, r.Shortfall, r.Severity, r.Status, r.ShareSeverity, r.ScaleID, r.ModelID, r.Model, r.Preliminary,
			r.TerritoryID, r.OrganisationID, r.Position, r.Category, r.Experience, r.Rural, r.ValidFrom, r.ValidTo, now})
	}
	if err := db.InsertMany(ctx, tx, "deficit", []string{"person_id", "element_id", "subject_code", "codifier_id", "campaign_id", "registration_id", "score_revision_id",
		"points", "max_points", "tasks", "share", "estimate", "low", "high", "p_deficit", "shortfall", "severity", "status", "share_severity", "scale_id",
		"model_id", "model", "preliminary", "territory_id", "organisation_id", "position_code", "category_code", "experience_code", "rural",
		"valid_from", "valid_to", "recorded_at"}, values); err != nil {
		return err
	}
	return succeedTx(ctx, tx, persons, now)
}

// succeedTx gives every row that is held now the end of its valid time: the moment at
// which the next diagnostic of the same person, element and subject was taken. A row
// that must change is replaced, not rewritten, so that what was known when stays.
func succeedTx(ctx context.Context, tx db.Q, persons []int64, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `
		WITH held AS (
			SELECT id, valid_to, lead(valid_from) OVER (PARTITION BY person_id, element_id, subject_code ORDER BY valid_from, id) AS next
			FROM deficit WHERE person_id = ANY($1) AND replaced_at IS NULL),
		old AS (
			UPDATE deficit d SET replaced_at = $2 FROM held h
			WHERE h.id = d.id AND h.next IS DISTINCT FROM h.valid_to RETURNING d.*, h.next)
		INSERT INTO deficit (`+columns+`)
		SELECT person_id, element_id, subject_code, codifier_id, campaign_id, registration_id, score_revision_id, points, max_points, tasks, share,
			estimate, low, high, p_deficit, shortfall, severity, status, share_severity, scale_id, model_id, model, preliminary,
			territory_id, organisation_id, position_code, category_code, experience_code, rural, valid_from, next, $2, NULL
		FROM old`, db.Array(persons), now); err != nil {
		return fmt.Errorf("valid time of deficits: %w", err)
	}
	return nil
}

// endTx ends all that is held of a person; it returns how many rows that were.
func endTx(ctx context.Context, tx db.Q, person access.PersonID, now time.Time) (int, error) {
	done, err := tx.ExecContext(ctx, `UPDATE deficit SET replaced_at = $2 WHERE person_id = $1 AND replaced_at IS NULL`, person, now)
	if err != nil {
		return 0, fmt.Errorf("end what is held of person %d: %w", person, err)
	}
	n, err := done.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("end what is held of person %d: %w", person, err)
	}
	return int(n), nil
}

// dropTx ends what is held by an annulled sitting.
func dropTx(ctx context.Context, tx db.Q, registration int64, person access.PersonID, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `UPDATE deficit SET replaced_at = $2 WHERE registration_id = $1 AND replaced_at IS NULL`, registration, now); err != nil {
		return fmt.Errorf("drop deficits: %w", err)
	}
	return succeedTx(ctx, tx, []int64{int64(person)}, now)
}

// An Evidence is one thing that speaks for or against a deficit.
type Evidence struct {
	SourceKind string    `db:"source_kind"`
	SourceRef  string    `db:"source_ref"`
	Subject    string    `db:"subject_code"`
	Element    string    `db:"element_id"`
	CodifierID int64     `db:"codifier_id"`
	Points     *float64  `db:"points"`
	Max        *float64  `db:"max_points"`
	Tasks      int       `db:"tasks"`
	Note       string    `db:"note"`
	ObservedAt time.Time `db:"observed_at"`
	RecordedAt time.Time `db:"recorded_at"`
}

// addEvidenceTx appends evidence about a person; the same source is not told twice.
func addEvidenceTx(ctx context.Context, tx db.Q, person access.PersonID, by access.PersonID, list []Evidence) error {
	b, err := json.Marshal(evidenceRows(list))
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO evidence (source_kind, source_ref, person_id, subject_code, element_id, codifier_id, points, max_points, tasks, note, observed_at, recorded_at, recorded_by)
		SELECT kind, ref, $2, subject, element, codifier, points, max, tasks, note, observed, recorded, $3
		FROM jsonb_to_recordset($1) AS e (kind text, ref text, subject text, element text, codifier bigint, points numeric, max numeric, tasks int, note text, observed timestamptz, recorded timestamptz)
		WHERE NOT EXISTS (SELECT FROM evidence x WHERE x.person_id = $2 AND x.source_kind = kind AND x.source_ref = ref AND x.element_id = element)`, b, person, by)
	if err != nil {
		return fmt.Errorf("keep evidence: %w", err)
	}
	return nil
}

func evidenceRows(list []Evidence) []map[string]any {
	rows := make([]map[string]any, len(list))
	for i, e := range list {
		rows[i] = map[string]any{"kind": e.SourceKind, "ref": e.SourceRef, "subject": e.Subject, "element": e.Element, "codifier": e.CodifierID,
			"points": e.Points, "max": e.Max, "tasks": e.Tasks, "note": e.Note, "observed": e.ObservedAt, "recorded": e.RecordedAt}
	}
	return rows
}

// EvidenceTx lists what is known of a person, the newest first.
func EvidenceTx(ctx context.Context, tx db.Q, person access.PersonID) ([]Evidence, error) {
	return db.Select[Evidence](ctx, tx, `
		SELECT source_kind, source_ref, subject_code, element_id, codifier_id, points, max_points, tasks, note, observed_at, recorded_at
		FROM evidence WHERE person_id = $1 ORDER BY observed_at DESC, id DESC`, person)
}

// OfPersonTx lists what is held now of a person's elements by one campaign, the
// largest expected shortfall first.
func OfPersonTx(ctx context.Context, tx db.Q, person access.PersonID, campaignID int64) ([]Deficit, error) {
	return db.Select[Deficit](ctx, tx, `
		SELECT `+columns+` FROM deficit
		WHERE person_id = $1 AND campaign_id = $2 AND replaced_at IS NULL
		ORDER BY shortfall DESC, element_id`, person, campaignID)
}

// HistoryTx lists everything that was ever held of a person, by element, the newest
// knowledge first.
func HistoryTx(ctx context.Context, tx db.Q, person access.PersonID) ([]Deficit, error) {
	return db.Select[Deficit](ctx, tx, `
		SELECT `+columns+` FROM deficit WHERE person_id = $1 ORDER BY element_id, valid_from DESC, recorded_at DESC, id DESC`, person)
}

// OfCampaignTx lists what is held now of the elements of all participants of a campaign in a scope, by person and
// element; persons not nil limits it to those. A reader of a municipality gets only those who share their results.
func OfCampaignTx(ctx context.Context, tx db.Q, campaignID int64, persons []access.PersonID, where access.Scope) ([]Deficit, error) {
	var only []int64
	for _, p := range persons {
		only = append(only, int64(p))
	}
	return db.Select[Deficit](ctx, tx, `
		SELECT `+columns+` FROM deficit
		WHERE campaign_id = $1 AND replaced_at IS NULL
		  AND ($2::bigint[] IS NULL OR person_id = ANY($2))
		  AND ($3 OR (territory_id = ANY($4) OR organisation_id = ANY($5)) AND person_id IN (SELECT sharing_results($4)))
		ORDER BY person_id, element_id`, campaignID, db.Array(only), where.All, db.Array(where.Territories), db.Array(where.Organisations))
}

// unclearTx counts the persons of whom no verdict is held, by codifier and element.
func unclearTx(ctx context.Context, tx db.Q) (map[int64]map[string]int, error) {
	type row struct {
		Codifier int64  `db:"codifier_id"`
		Element  string `db:"element_id"`
		N        int    `db:"n"`
	}
	var rows []row
	err := db.Everybody(ctx, tx, func() (err error) {
		rows, err = db.Select[row](ctx, tx, `
			SELECT codifier_id, element_id, count(DISTINCT person_id) FILTER (WHERE status IN ('possible', 'insufficient')) AS n
			FROM deficit WHERE replaced_at IS NULL AND valid_to IS NULL
			GROUP BY codifier_id, element_id`)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unclear elements: %w", err)
	}
	out := map[int64]map[string]int{}
	for _, r := range rows {
		if out[r.Codifier] == nil {
			out[r.Codifier] = map[string]int{}
		}
		out[r.Codifier][r.Element] = r.N
	}
	return out, nil
}
