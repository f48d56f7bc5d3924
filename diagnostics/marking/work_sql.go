package marking

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

const workColumns = `id, code, campaign_id, attempt_id, task, task_version_id, territory_id, organisation_id, state, created_at`

func insertWorksTx(ctx context.Context, tx db.Q, works []Work, revisions []int64) ([]Work, error) {
	var codes, tasks []string
	var versions []int64
	for _, w := range works {
		codes, tasks, versions = append(codes, w.Code), append(tasks, w.Task), append(versions, w.TaskVersionID)
	}
	w := works[0] // works of one attempt
	made, err := db.Select[Work](ctx, tx, `
		INSERT INTO marking_work (code, campaign_id, attempt_id, task, task_version_id, territory_id, organisation_id, answer_revision, created_at)
		SELECT u.code, $5, $6, u.task, u.version, $7, $8, u.revision, $9
		FROM unnest(CAST($1 AS text[]), CAST($2 AS text[]), CAST($3 AS bigint[]), CAST($4 AS bigint[])) AS u(code, task, version, revision)
		ON CONFLICT ON CONSTRAINT marking_work_once DO NOTHING
		RETURNING `+workColumns, db.Array(codes), db.Array(tasks), db.Array(versions), db.Array(revisions),
		w.CampaignID, w.AttemptID, w.TerritoryID, w.OrganisationID, w.CreatedAt)
	if err != nil {
		return nil, fmt.Errorf("open works of attempt %d: %w", w.AttemptID, err)
	}
	return made, nil
}

func insertTurnsTx(ctx context.Context, tx db.Q, turns []turn, now time.Time) error {
	var works, experts []int64
	var ordinals []int64
	for _, t := range turns {
		works, experts, ordinals = append(works, t.work), append(experts, int64(t.expert)), append(ordinals, int64(t.ordinal))
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO marking_assignment (work_id, ordinal, expert_id, assigned_at)
		SELECT w, n, e, $4 FROM unnest(CAST($1 AS bigint[]), CAST($2 AS int[]), CAST($3 AS bigint[])) AS u(w, n, e)
		ON CONFLICT DO NOTHING`, db.Array(works), db.Array(ordinals), db.Array(experts), now)
	if err != nil {
		return fmt.Errorf("assign experts: %w", err)
	}
	return nil
}

// loadTx counts, by expert, the works not yet marked.
func loadTx(ctx context.Context, tx db.Q) (map[access.PersonID]int, error) {
	rows, err := db.Select[struct {
		Expert access.PersonID `db:"expert_id"`
		N      int             `db:"n"`
	}](ctx, tx, `SELECT expert_id, count(*) AS n FROM marking_assignment WHERE marked_at IS NULL GROUP BY expert_id`)
	if err != nil {
		return nil, fmt.Errorf("load of experts: %w", err)
	}
	load := map[access.PersonID]int{}
	for _, r := range rows {
		load[r.Expert] = r.N
	}
	return load, nil
}

// lackingTx lists works that lack an expert, the oldest first.
func lackingTx(ctx context.Context, tx db.Q, campaign int64) ([]Work, error) {
	return db.Select[Work](ctx, tx, `
		SELECT `+workColumns+` FROM marking_work w
		WHERE campaign_id = $1 AND state <> 'done'
		  AND (SELECT count(*) FROM marking_assignment a WHERE a.work_id = w.id) < CASE state WHEN 'third' THEN 3 ELSE 2 END
		ORDER BY id`, campaign)
}

type assignmentRow struct {
	Assignment
	ScoresJSON *string `db:"scores"`
}

func (r assignmentRow) assignment() (Assignment, error) {
	a := r.Assignment
	if r.ScoresJSON != nil {
		if err := json.Unmarshal([]byte(*r.ScoresJSON), &a.Scores); err != nil {
			return a, fmt.Errorf("marks of assignment %d: %w", a.ID, err)
		}
	}
	return a, nil
}

const assignmentColumns = `id, work_id, ordinal, expert_id, scores, comment, marked_at`

// assignmentsTx reads the assignments of works, by work, in order.
func assignmentsTx(ctx context.Context, tx db.Q, works []int64) (map[int64][]Assignment, error) {
	rows, err := db.Select[assignmentRow](ctx, tx, `
		SELECT `+assignmentColumns+` FROM marking_assignment WHERE work_id = ANY($1) ORDER BY work_id, ordinal`, db.Array(works))
	if err != nil {
		return nil, fmt.Errorf("assignments: %w", err)
	}
	by := map[int64][]Assignment{}
	for _, r := range rows {
		a, err := r.assignment()
		if err != nil {
			return nil, err
		}
		by[a.WorkID] = append(by[a.WorkID], a)
	}
	return by, nil
}

// ownTx reads an assignment of the expert with its work; somebody else's is NotFound.
// The work is locked, so that two last marks are taken one after the other.
func ownTx(ctx context.Context, tx db.Q, expert access.PersonID, id int64, lock bool) (Work, Assignment, error) {
	row, err := db.Get[assignmentRow](ctx, tx, `SELECT `+assignmentColumns+` FROM marking_assignment WHERE id = $1 AND expert_id = $2`, id, expert)
	if err != nil {
		return Work{}, Assignment{}, fmt.Errorf("assignment %d: %w", id, err)
	}
	a, err := row.assignment()
	if err != nil {
		return Work{}, a, err
	}
	query := `SELECT ` + workColumns + ` FROM marking_work WHERE id = $1`
	if lock {
		query += ` FOR UPDATE`
	}
	w, err := db.Get[Work](ctx, tx, query, a.WorkID)
	if err != nil {
		return w, a, fmt.Errorf("work %d: %w", a.WorkID, err)
	}
	return w, a, nil
}

func putMarksTx(ctx context.Context, tx db.Q, a Assignment, now time.Time) error {
	b, err := json.Marshal(a.Scores)
	if err != nil {
		return fmt.Errorf("marks: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE marking_assignment SET scores = $2, comment = $3, marked_at = $4 WHERE id = $1`, a.ID, b, a.Comment, now); err != nil {
		return fmt.Errorf("keep marks: %w", err)
	}
	return nil
}

func putStateTx(ctx context.Context, tx db.Q, work int64, state string, final Marks, now time.Time) error {
	var b any
	var at *time.Time
	if state == Done {
		j, err := json.Marshal(final)
		if err != nil {
			return fmt.Errorf("final marks: %w", err)
		}
		b, at = j, &now
	}
	if _, err := tx.ExecContext(ctx, `UPDATE marking_work SET state = $2, final = $3, done_at = $4 WHERE id = $1`, work, state, b, at); err != nil {
		return fmt.Errorf("state of work %d: %w", work, err)
	}
	return nil
}

// openTx counts the works of an attempt that are not decided.
func openTx(ctx context.Context, tx db.Q, attempt int64) (int, error) {
	return db.Get[int](ctx, tx, `SELECT count(*) FROM marking_work WHERE attempt_id = $1 AND state <> 'done'`, attempt)
}

// FinalsTx gives the decided marks of an attempt: task → criterion → points. A
// task that still waits for experts is absent.
func FinalsTx(ctx context.Context, tx db.Q, attempt int64) (map[string]map[string]float64, error) {
	rows, err := db.Select[struct {
		Task  string `db:"task"`
		Final string `db:"final"`
	}](ctx, tx, `SELECT task, final FROM marking_work WHERE attempt_id = $1 AND state = 'done'`, attempt)
	if err != nil {
		return nil, fmt.Errorf("final marks of attempt %d: %w", attempt, err)
	}
	finals := make(map[string]map[string]float64, len(rows))
	for _, r := range rows {
		marks := map[string]float64{}
		if err := json.Unmarshal([]byte(r.Final), &marks); err != nil {
			return nil, fmt.Errorf("final marks of attempt %d: %w", attempt, err)
		}
		finals[r.Task] = marks
	}
	return finals, nil
}

// turnRow is one line of an expert's queue.
type turnRow struct {
	ID            int64      `db:"id"`
	Code          string     `db:"code"`
	CampaignID    int64      `db:"campaign_id"`
	TaskVersionID int64      `db:"task_version_id"`
	Ordinal       int        `db:"ordinal"`
	State         string     `db:"state"`
	MarkedAt      *time.Time `db:"marked_at"`
	AssignedAt    time.Time  `db:"assigned_at"`
}

// queueTx lists an expert's turns: those to be marked first, third marks before
// others (a person waits longest for them), works of one task together.
func queueTx(ctx context.Context, tx db.Q, expert access.PersonID) ([]turnRow, error) {
	return db.Select[turnRow](ctx, tx, `
		SELECT a.id, w.code, w.campaign_id, w.task_version_id, a.ordinal, w.state, a.marked_at, a.assigned_at
		FROM marking_assignment a JOIN marking_work w ON w.id = a.work_id
		WHERE a.expert_id = $1
		ORDER BY a.marked_at IS NOT NULL, a.ordinal < 3, w.campaign_id, w.task_version_id, a.marked_at DESC, w.code`, expert)
}

// progressRow is how far the works of one task of one campaign are.
type progressRow struct {
	CampaignID    int64 `db:"campaign_id"`
	TaskVersionID int64 `db:"task_version_id"`
	Works         int   `db:"works"`
	Done          int   `db:"done"`
	Third         int   `db:"third"`    // ever went to a third expert
	Unmarked      int   `db:"unmarked"` // assigned, not yet marked
	Lacking       int   `db:"lacking"`  // works that lack an expert
}

func progressTx(ctx context.Context, tx db.Q) ([]progressRow, error) {
	return db.Select[progressRow](ctx, tx, `
		SELECT w.campaign_id, w.task_version_id, count(*) AS works,
		       count(*) FILTER (WHERE w.state = 'done') AS done,
		       count(*) FILTER (WHERE w.state = 'third' OR a.third) AS third,
		       CAST(COALESCE(sum(a.unmarked), 0) AS int) AS unmarked,
		       count(*) FILTER (WHERE w.state <> 'done' AND a.assigned < CASE w.state WHEN 'third' THEN 3 ELSE 2 END) AS lacking
		FROM marking_work w
		CROSS JOIN LATERAL (
			SELECT count(*) AS assigned, count(*) FILTER (WHERE marked_at IS NULL) AS unmarked, COALESCE(bool_or(ordinal = 3), false) AS third
			FROM marking_assignment WHERE work_id = w.id) a
		GROUP BY w.campaign_id, w.task_version_id
		ORDER BY w.campaign_id DESC, w.task_version_id`)
}

// markRow is one mark of the first two on a work.
type markRow struct {
	CampaignID    int64           `db:"campaign_id"`
	TaskVersionID int64           `db:"task_version_id"`
	WorkID        int64           `db:"work_id"`
	Ordinal       int             `db:"ordinal"`
	ExpertID      access.PersonID `db:"expert_id"`
	Total         int             `db:"total"`
}

// marksTx reads the totals of all given marks, by work.
func marksTx(ctx context.Context, tx db.Q) ([]markRow, error) {
	return db.Select[markRow](ctx, tx, `
		SELECT w.campaign_id, w.task_version_id, a.work_id, a.ordinal, a.expert_id,
		       (SELECT CAST(COALESCE(sum(CAST(value AS int)), 0) AS int) FROM jsonb_each_text(a.scores)) AS total
		FROM marking_assignment a JOIN marking_work w ON w.id = a.work_id
		WHERE a.marked_at IS NOT NULL
		ORDER BY a.work_id, a.ordinal`)
}

// expertRow is the load of one expert.
type expertRow struct {
	ExpertID access.PersonID `db:"expert_id"`
	Marked   int             `db:"marked"`
	Left     int             `db:"remaining"`
}

func expertsTx(ctx context.Context, tx db.Q) ([]expertRow, error) {
	return db.Select[expertRow](ctx, tx, `
		SELECT expert_id, count(*) FILTER (WHERE marked_at IS NOT NULL) AS marked, count(*) FILTER (WHERE marked_at IS NULL) AS remaining
		FROM marking_assignment GROUP BY expert_id ORDER BY remaining DESC, expert_id`)
}

// WaitingTx counts the undecided works of a campaign.
func WaitingTx(ctx context.Context, tx db.Q, campaign int64) (int, error) {
	return db.Get[int](ctx, tx, `SELECT count(*) FROM marking_work WHERE campaign_id = $1 AND state <> 'done'`, campaign)
}

// withdrawTx takes the undecided works of an attempt out of the queues; what was
// marked already stays, as it was given.
func withdrawTx(ctx context.Context, tx db.Q, attempt int64, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `
		DELETE FROM marking_assignment a USING marking_work w
		WHERE a.work_id = w.id AND w.attempt_id = $1 AND w.state <> 'done' AND a.marked_at IS NULL`, attempt); err != nil {
		return fmt.Errorf("withdraw works: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE marking_work SET state = 'done', final = '{}', done_at = $2 WHERE attempt_id = $1 AND state <> 'done'`, attempt, now); err != nil {
		return fmt.Errorf("withdraw works: %w", err)
	}
	return nil
}
