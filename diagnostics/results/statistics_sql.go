package results

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/results/quality"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/db"
)

// Statistics are the kept statistics of a campaign.
type Statistics struct {
	ID           int64
	CampaignID   int64
	Version      int // 0 = never computed
	ModelVersion int
	Revisions    []int64
	ComputedAt   time.Time
	quality.Statistics
}

// Part finds the figures of a part; false where there are none.
func (s Statistics) Part(p task.Part) (quality.Part, bool) {
	for _, part := range s.Parts {
		if part.Part == p {
			return part, true
		}
	}
	return quality.Part{}, false
}

type statisticRow struct {
	ID           int64           `db:"id"`
	CampaignID   int64           `db:"campaign_id"`
	Version      int             `db:"version"`
	Engine       string          `db:"engine"`
	ModelVersion int             `db:"model_version"`
	Works        int             `db:"works"`
	Revisions    json.RawMessage `db:"revisions"`
	Parts        json.RawMessage `db:"parts"`
	ComputedAt   time.Time       `db:"computed_at"`
}

type taskStatisticRow struct {
	StatisticID int64           `db:"campaign_statistic_id"`
	CampaignID  int64           `db:"campaign_id"`
	VersionID   int64           `db:"task_version_id"`
	Part        task.Part       `db:"part"`
	Figures     json.RawMessage `db:"figures"`
}

func (r taskStatisticRow) figure() (f quality.TaskFigure, err error) {
	if err = json.Unmarshal(r.Figures, &f); err != nil {
		return f, fmt.Errorf("figures of task version %d: %w", r.VersionID, err)
	}
	f.VersionID, f.Part = r.VersionID, r.Part
	return f, nil
}

// StatisticsTx reads the newest statistics of a campaign, without its tasks; Version
// is 0 where there are none.
func StatisticsTx(ctx context.Context, tx db.Q, campaignID int64) (Statistics, error) {
	list, err := statisticsTx(ctx, tx, `WHERE campaign_id = $1 ORDER BY version DESC LIMIT 1`, campaignID)
	if err != nil || len(list) == 0 {
		return Statistics{CampaignID: campaignID}, err
	}
	return list[0], nil
}

// allStatisticsTx reads all statistics ever kept, without their tasks.
func allStatisticsTx(ctx context.Context, tx db.Q) ([]Statistics, error) {
	return statisticsTx(ctx, tx, `ORDER BY id`)
}

func statisticsTx(ctx context.Context, tx db.Q, which string, args ...any) ([]Statistics, error) {
	rows, err := db.Select[statisticRow](ctx, tx, `
		SELECT id, campaign_id, version, engine, model_version, works, to_jsonb(revisions) AS revisions, parts, computed_at
		FROM campaign_statistic `+which, args...)
	if err != nil {
		return nil, fmt.Errorf("statistics: %w", err)
	}
	list := make([]Statistics, len(rows))
	for i, r := range rows {
		list[i] = Statistics{ID: r.ID, CampaignID: r.CampaignID, Version: r.Version, ModelVersion: r.ModelVersion, ComputedAt: r.ComputedAt,
			Statistics: quality.Statistics{Engine: r.Engine, Works: r.Works}}
		if err := json.Unmarshal(r.Parts, &list[i].Parts); err != nil {
			return nil, fmt.Errorf("statistics %d: %w", r.ID, err)
		}
		if err := json.Unmarshal(r.Revisions, &list[i].Revisions); err != nil {
			return nil, fmt.Errorf("statistics %d: %w", r.ID, err)
		}
	}
	return list, nil
}

// tasksOfTx reads the tasks of statistics, in the order of the work.
func (s Statistics) tasksOfTx(ctx context.Context, tx db.Q) ([]quality.TaskFigure, error) {
	rows, err := db.Select[taskStatisticRow](ctx, tx, `
		SELECT campaign_statistic_id, CAST($2 AS bigint) AS campaign_id, task_version_id, part, figures FROM task_statistic
		WHERE campaign_statistic_id = $1 ORDER BY part DESC, CAST(figures->>'position' AS int), task_version_id`, s.ID, s.CampaignID)
	if err != nil {
		return nil, fmt.Errorf("statistics of tasks: %w", err)
	}
	out := make([]quality.TaskFigure, len(rows))
	for i, r := range rows {
		if out[i], err = r.figure(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// lockStatisticsTx lets one computation of a campaign run at a time.
func lockStatisticsTx(ctx context.Context, tx db.Q, campaignID int64) error {
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('campaign_statistic', $1))`, campaignID); err != nil {
		return fmt.Errorf("lock statistics of campaign %d: %w", campaignID, err)
	}
	return nil
}

// insertStatisticsTx appends the next statistics of a campaign and answers their version.
func insertStatisticsTx(ctx context.Context, tx db.Q, s Statistics) (int, error) {
	parts, err := json.Marshal(s.Parts)
	if err != nil {
		return 0, fmt.Errorf("statistics: %w", err)
	}
	kept, err := db.Get[struct {
		ID      int64 `db:"id"`
		Version int   `db:"version"`
	}](ctx, tx, `
		INSERT INTO campaign_statistic (campaign_id, version, engine, model_version, works, revisions, parts, computed_at)
		SELECT $1, 1 + COALESCE(max(version), 0), $2, $3, $4, $5, $6, $7 FROM campaign_statistic WHERE campaign_id = $1
		RETURNING id, version`, s.CampaignID, s.Engine, s.ModelVersion, s.Works, db.Array(s.Revisions), parts, s.ComputedAt)
	if err != nil {
		return 0, fmt.Errorf("keep statistics of campaign %d: %w", s.CampaignID, err)
	}
	type row struct {
		Version int64              `json:"version"`
		Part    task.Part          `json:"part"`
		N       int                `json:"n"`
		P       quality.Number     `json:"p"`
		Rest    quality.Number     `json:"rest"`
		Figures quality.TaskFigure `json:"figures"`
	}
	rows := make([]row, len(s.Tasks))
	for i, t := range s.Tasks {
		rows[i] = row{t.VersionID, t.Part, t.N, t.P, t.Rest, t}
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return 0, fmt.Errorf("statistics of tasks: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO task_statistic (campaign_statistic_id, task_version_id, part, n, p, item_rest, figures)
		SELECT $1, version, part, n, p, rest, figures
		FROM jsonb_to_recordset($2) AS t (version bigint, part text, n int, p float8, rest float8, figures jsonb)`, kept.ID, body); err != nil {
		return 0, fmt.Errorf("keep statistics of tasks of campaign %d: %w", s.CampaignID, err)
	}
	return kept.Version, nil
}

// figureOrNil is a figure for a page: nil where it does not exist.
func figureOrNil(n quality.Number) *float64 {
	x := float64(n)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// newest is the last statistics of each campaign.
const newest = `SELECT DISTINCT ON (campaign_id) id, campaign_id, computed_at FROM campaign_statistic ORDER BY campaign_id, version DESC`

type flagRow struct {
	VersionID int64           `db:"task_version_id"`
	N         int             `db:"n"`
	P         *float64        `db:"p"`
	Rest      *float64        `db:"item_rest"`
	Flags     json.RawMessage `db:"flags"`

	flags []quality.Flag
}

// newestFlagsTx reads what the newest campaign of each version says of it.
func newestFlagsTx(ctx context.Context, tx db.Q) ([]flagRow, error) {
	rows, err := db.Select[flagRow](ctx, tx, `
		SELECT DISTINCT ON (t.task_version_id) t.task_version_id, t.n, t.p, t.item_rest, t.figures->'flags' AS flags
		FROM (`+newest+`) c JOIN task_statistic t ON t.campaign_statistic_id = c.id
		ORDER BY t.task_version_id, c.computed_at DESC`)
	if err != nil {
		return nil, fmt.Errorf("statistics of tasks: %w", err)
	}
	for i := range rows {
		if err := json.Unmarshal(rows[i].Flags, &rows[i].flags); err != nil {
			return nil, fmt.Errorf("flags of task version %d: %w", rows[i].VersionID, err)
		}
	}
	return rows, nil
}

// ofVersionsTx reads what the newest statistics of campaigns say of versions, the
// newest first.
func ofVersionsTx(ctx context.Context, tx db.Q, versions []int64) ([]taskStatisticRow, error) {
	rows, err := db.Select[taskStatisticRow](ctx, tx, `
		SELECT t.campaign_statistic_id, c.campaign_id, t.task_version_id, t.part, t.figures
		FROM (`+newest+`) c JOIN task_statistic t ON t.campaign_statistic_id = c.id
		WHERE t.task_version_id = ANY($1) ORDER BY c.computed_at DESC, t.task_version_id DESC`, db.Array(versions))
	if err != nil {
		return nil, fmt.Errorf("statistics of tasks: %w", err)
	}
	return rows, nil
}

// lastRevisionsTx is the last score revision of each submitted work of a campaign, ascending.
func lastRevisionsTx(ctx context.Context, tx db.Q, campaignID int64) ([]int64, error) {
	ids, err := db.Select[int64](ctx, tx, `
		SELECT max(s.id) FROM score_revision s JOIN attempt a ON a.id = s.attempt_id
		WHERE s.campaign_id = $1 AND a.state = 'submitted' GROUP BY s.attempt_id ORDER BY 1`, campaignID)
	if err != nil {
		return nil, fmt.Errorf("score revisions of campaign %d: %w", campaignID, err)
	}
	return ids, nil
}

// pointsTx reads the works of a campaign without what was answered: points alone.
func pointsTx(ctx context.Context, tx db.Q, campaignID int64) ([]quality.Task, []quality.Work, error) {
	rows, err := db.Select[struct {
		Revision int64    `db:"revision"`
		Version  int64    `db:"task_version_id"`
		Position int      `db:"position"`
		Points   *float64 `db:"points"`
		Max      float64  `db:"max_points"`
		State    string   `db:"state"`
	}](ctx, tx, `
		WITH last AS (
			SELECT max(s.id) AS id FROM score_revision s JOIN attempt a ON a.id = s.attempt_id
			WHERE s.campaign_id = $1 AND a.state = 'submitted' GROUP BY s.attempt_id)
		SELECT l.id AS revision, t.task_version_id, t.position, t.points, t.max_points, t.state
		FROM last l JOIN task_score t ON t.score_revision_id = l.id WHERE t.max_points > 0 ORDER BY l.id`, campaignID)
	if err != nil {
		return nil, nil, fmt.Errorf("points of campaign %d: %w", campaignID, err)
	}
	at := map[int64]*quality.Task{}
	ids := []int64{}
	works := []quality.Work{}
	for _, r := range rows {
		if at[r.Version] == nil {
			at[r.Version] = &quality.Task{VersionID: r.Version, Position: r.Position, Max: r.Max}
			ids = append(ids, r.Version)
		}
		if n := len(works); n == 0 || works[n-1].Revision != r.Revision {
			works = append(works, quality.Work{Revision: r.Revision, Answers: map[int64]quality.Answer{}})
		}
		works[len(works)-1].Answers[r.Version] = answerOf(TaskScore{Points: r.Points, State: r.State})
	}
	versions, err := bank.VersionsTx(ctx, tx, ids)
	if err != nil {
		return nil, nil, err
	}
	tasks := make([]quality.Task, len(ids))
	for i, id := range ids {
		tasks[i] = *at[id]
		tasks[i].Part, tasks[i].Kind = versions[id].Part, versions[id].Kind
	}
	return tasks, works, nil
}
