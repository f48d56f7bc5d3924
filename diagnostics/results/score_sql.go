package results

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

// trace is how points came about, as it is kept.
type trace struct {
	Steps  []task.Step `json:"steps,omitempty"`
	Degree int         `json:"degree,omitempty"`
	Key    int64       `json:"key_version,omitempty"`
}

// insertTx appends a revision with its tasks and elements and returns its id and number.
func insertTx(ctx context.Context, tx db.Q, s Scored) (id int64, revision int, err error) {
	row, err := db.Get[struct {
		ID       int64 `db:"id"`
		Revision int   `db:"revision"`
	}](ctx, tx, `
		INSERT INTO score_revision (attempt_id, campaign_id, person_id, revision, reason, complete, points, max_points, at)
		SELECT $1, $2, $3, 1 + COALESCE(max(revision), 0), $4, $5, $6, $7, $8 FROM score_revision WHERE attempt_id = $1
		RETURNING id, revision`, s.AttemptID, s.CampaignID, s.PersonID, s.Reason, s.Complete, s.Points, s.Max, s.At)
	if err != nil {
		return 0, 0, fmt.Errorf("score revision of attempt %d: %w", s.AttemptID, err)
	}
	tasks := make([]map[string]any, len(s.Tasks))
	for i, t := range s.Tasks {
		tasks[i] = map[string]any{"task": t.Task, "position": t.Position, "version": t.TaskVersionID, "points": t.Points, "max": t.Max,
			"state": t.State, "trace": trace{t.Trace, t.Degree, t.KeyVersionID}}
	}
	elements := make([]map[string]any, len(s.Elements))
	for i, e := range s.Elements {
		elements[i] = map[string]any{"element": e.Element, "codifier": e.CodifierID, "points": e.Points, "max": e.Max, "tasks": e.Tasks}
	}
	body, err := json.Marshal(map[string]any{"tasks": tasks, "elements": elements})
	if err != nil {
		return 0, 0, fmt.Errorf("scores of attempt %d: %w", s.AttemptID, err)
	}
	_, err = tx.ExecContext(ctx, `
		WITH t AS (
			INSERT INTO task_score (score_revision_id, task, position, task_version_id, points, max_points, state, trace)
			SELECT $1, task, position, version, points, max, state, trace
			FROM jsonb_to_recordset(CAST($2 AS jsonb) -> 'tasks') AS t (task text, position int, version bigint, points numeric, max numeric, state text, trace jsonb))
		INSERT INTO element_result (score_revision_id, element_id, codifier_id, points, max_points, tasks)
		SELECT $1, element, codifier, points, max, tasks
		FROM jsonb_to_recordset(CAST($2 AS jsonb) -> 'elements') AS e (element text, codifier bigint, points numeric, max numeric, tasks int)`, row.ID, body)
	if err != nil {
		return 0, 0, fmt.Errorf("scores of attempt %d: %w", s.AttemptID, err)
	}
	return row.ID, row.Revision, nil
}

type revisionRow struct {
	ID         int64           `db:"id"`
	AttemptID  int64           `db:"attempt_id"`
	CampaignID int64           `db:"campaign_id"`
	PersonID   access.PersonID `db:"person_id"`
	Revision   int             `db:"revision"`
	Reason     string          `db:"reason"`
	Complete   bool            `db:"complete"`
	Points     float64         `db:"points"`
	Max        float64         `db:"max_points"`
	At         time.Time       `db:"at"`
}

type taskRow struct {
	RevisionID int64    `db:"score_revision_id"`
	Task       string   `db:"task"`
	Position   int      `db:"position"`
	VersionID  int64    `db:"task_version_id"`
	Points     *float64 `db:"points"`
	Max        float64  `db:"max_points"`
	State      string   `db:"state"`
	Trace      string   `db:"trace"`
}

type elementRow struct {
	RevisionID int64   `db:"score_revision_id"`
	Element    string  `db:"element_id"`
	CodifierID int64   `db:"codifier_id"`
	Points     float64 `db:"points"`
	Max        float64 `db:"max_points"`
	Tasks      int     `db:"tasks"`
}

// lastTx reads the last revision of each attempt, whole, in the order of the
// attempts' ids; an attempt without one is left out. SubmittedAt and RegistrationID
// are not filled: they belong to the attempt.
func lastTx(ctx context.Context, tx db.Q, attempts []int64) ([]Scored, error) {
	revisions, err := db.Select[revisionRow](ctx, tx, `
		SELECT DISTINCT ON (attempt_id) id, attempt_id, campaign_id, person_id, revision, reason, complete, points, max_points, at
		FROM score_revision WHERE attempt_id = ANY($1)
		ORDER BY attempt_id, revision DESC`, db.Array(attempts))
	if err != nil {
		return nil, fmt.Errorf("score revisions: %w", err)
	}
	return wholeTx(ctx, tx, revisions)
}

// byIDTx reads revisions by their ids, whole, in that order.
func byIDTx(ctx context.Context, tx db.Q, ids []int64) ([]Scored, error) {
	revisions, err := db.Select[revisionRow](ctx, tx, `
		SELECT id, attempt_id, campaign_id, person_id, revision, reason, complete, points, max_points, at
		FROM score_revision WHERE id = ANY($1) ORDER BY id`, db.Array(ids))
	if err != nil {
		return nil, fmt.Errorf("score revisions: %w", err)
	}
	return wholeTx(ctx, tx, revisions)
}

// wholeTx reads what revisions are made of.
func wholeTx(ctx context.Context, tx db.Q, revisions []revisionRow) ([]Scored, error) {
	ids, at := make([]int64, len(revisions)), make(map[int64]int, len(revisions))
	out := make([]Scored, len(revisions))
	for i, r := range revisions {
		ids[i], at[r.ID] = r.ID, i
		out[i] = Scored{RevisionID: r.ID, Revision: r.Revision, Reason: r.Reason, AttemptID: r.AttemptID, CampaignID: r.CampaignID, PersonID: r.PersonID,
			At: r.At, Complete: r.Complete, Points: r.Points, Max: r.Max, Tasks: []TaskScore{}, Elements: []ElementResult{}}
	}
	tasks, err := db.Select[taskRow](ctx, tx, `
		SELECT score_revision_id, task, position, task_version_id, points, max_points, state, trace
		FROM task_score WHERE score_revision_id = ANY($1) ORDER BY score_revision_id, position`, db.Array(ids))
	if err != nil {
		return nil, fmt.Errorf("scores of tasks: %w", err)
	}
	for _, r := range tasks {
		var t trace
		if err := json.Unmarshal([]byte(r.Trace), &t); err != nil {
			return nil, fmt.Errorf("trace of task %s of revision %d: %w", r.Task, r.RevisionID, err)
		}
		s := &out[at[r.RevisionID]]
		s.Tasks = append(s.Tasks, TaskScore{r.Task, r.Position, r.VersionID, r.Points, r.Max, r.State, t.Degree, t.Key, t.Steps})
	}
	elements, err := db.Select[elementRow](ctx, tx, `
		SELECT score_revision_id, element_id, codifier_id, points, max_points, tasks
		FROM element_result WHERE score_revision_id = ANY($1) ORDER BY score_revision_id, element_id`, db.Array(ids))
	if err != nil {
		return nil, fmt.Errorf("results of elements: %w", err)
	}
	for _, r := range elements {
		s := &out[at[r.RevisionID]]
		s.Elements = append(s.Elements, ElementResult{r.Element, r.CodifierID, r.Points, r.Max, r.Tasks})
	}
	return out, nil
}
