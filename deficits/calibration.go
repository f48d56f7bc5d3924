package deficits

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/deficits/infer"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/results"
	"github.com/lotsiya/lotsiya/internal/db"
)

const (
	calibrating = 100 // persons tell enough of tasks to need nobody else's answers, and to lend theirs
	leastToLend = 30  // answers to a task: of fewer its parameters are mostly what is supposed of tasks in general
	leastKnown  = 0.5 // of a campaign's tasks that another must know to lend at all
)

// A leaning is the stored model from which that of a small campaign takes the parameters
// of the tasks they share. It is kept with the model, so that any figure can be made again.
type leaning struct {
	Model    int64 `json:"model" db:"model"`
	Version  int   `json:"version" db:"version"`
	Campaign int64 `json:"campaign" db:"campaign"`
	Persons  int   `json:"persons" db:"persons"`
	Tasks    int   `json:"tasks" db:"tasks"` // taken,
	Of       int   `json:"of"`               // of so many
}

// A calibration is the tasks whose parameters are taken.
type calibration struct{ Elements, Parts []infer.ModelTask }

// calibrationTx finds what a campaign of few persons leans on: of the latest models of
// earlier real campaigns with published results, of which at least 100 persons still stand
// (nothing is held of who took the consent back, or whose work was annulled), the one
// that knows the most of its tasks, of such the latest. Nil where the campaign has answers
// enough, or no model knows half of its tasks.
func calibrationTx(ctx context.Context, tx *sqlx.Tx, c campaign.Campaign, data infer.Data) (*leaning, calibration, error) {
	if len(data.Persons) >= calibrating || len(data.Tasks) == 0 {
		return nil, calibration{}, nil
	}
	list, err := campaign.ListTx(ctx, tx)
	if err != nil {
		return nil, calibration{}, err
	}
	earlier, tasks := []int64{}, make([]string, len(data.Tasks))
	for _, e := range list {
		if e.Purpose == campaign.Real && e.PublishedAt != nil && e.OpensAt.Before(c.OpensAt) {
			earlier = append(earlier, e.ID)
		}
	}
	for i, t := range data.Tasks {
		tasks[i] = t.ID
	}
	rows, err := db.Select[struct {
		leaning
		Parameters string `db:"parameters"`
	}](ctx, tx, `
		WITH latest AS (
			SELECT DISTINCT ON (campaign_id) id, campaign_id, version, method, persons, fitted_at, parameters
			FROM campaign_model WHERE campaign_id = ANY($1) ORDER BY campaign_id, version DESC)
		SELECT m.id AS model, m.version, m.campaign_id AS campaign, m.persons, known.tasks, m.parameters
		FROM latest m,
			LATERAL (SELECT count(*) AS tasks FROM jsonb_array_elements(m.parameters->'elements'->'tasks') t
				WHERE t->>'id' = ANY($2) AND CAST(t->>'answers' AS int) >= $3) known
		WHERE m.method = $4 AND m.persons >= $5 AND known.tasks >= $6
		  AND (SELECT count(DISTINCT person_id) FROM deficit d WHERE d.campaign_id = m.campaign_id AND d.replaced_at IS NULL) >= $5
		ORDER BY known.tasks DESC, m.fitted_at DESC, m.id DESC LIMIT 1`,
		db.Array(earlier), db.Array(tasks), leastToLend, infer.Method, calibrating, leastKnown*float64(len(tasks)))
	if err != nil || len(rows) == 0 {
		return nil, calibration{}, err
	}
	var lent models
	if err := json.Unmarshal([]byte(rows[0].Parameters), &lent); err != nil {
		return nil, calibration{}, fmt.Errorf("model %d: %w", rows[0].Model, err)
	}
	of := func(m infer.Model) []infer.ModelTask {
		return slices.DeleteFunc(m.Tasks, func(t infer.ModelTask) bool { return t.Answers < leastToLend })
	}
	found := rows[0].leaning
	found.Of = len(data.Tasks)
	return &found, calibration{of(lent.Elements), of(lent.Parts)}, nil
}

// leansTx says in words what a stored model leans on, nil where on nothing.
func leansTx(ctx context.Context, tx *sqlx.Tx, m fitted) (*results.Leaning, error) {
	if m.Leans == nil {
		return nil, nil
	}
	c, err := campaign.ByIDTx(ctx, tx, m.Leans.Campaign)
	if err != nil {
		return nil, err
	}
	return &results.Leaning{Title: c.Title, Model: versionName(m.Elements.Method, m.Leans.Version), Persons: m.Leans.Persons, Tasks: m.Leans.Tasks, Of: m.Leans.Of}, nil
}
