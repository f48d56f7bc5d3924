package sitting

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

const attemptColumns = `id, public_id, registration_id, campaign_id, person_id, variant_id, state, lease,
	started_at, deadline, submitted_at, closed_by, answers, digest`

// errNoAttempt also answers for an attempt of somebody else.
var errNoAttempt = fault.New(fault.NotFound, "Такой диагностики у вас нет")

// isUUID keeps what is no id at all away from the query.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !hex {
			return false
		}
	}
	return true
}

// ownTx reads the actor's attempt by public id; lock is "" or " FOR NO KEY UPDATE".
func ownTx(ctx context.Context, tx db.Q, actor access.Actor, id, lock string) (Attempt, error) {
	if !isUUID(id) {
		return Attempt{}, errNoAttempt
	}
	rows, err := db.Select[Attempt](ctx, tx, `SELECT `+attemptColumns+` FROM attempt WHERE public_id = $1 AND person_id = ANY($2)`+lock, id, db.Array(actor.Own()))
	if err != nil {
		return Attempt{}, fmt.Errorf("attempt %s: %w", id, err)
	}
	if len(rows) == 0 {
		return Attempt{}, errNoAttempt
	}
	return rows[0], nil
}

const forUpdate = ` FOR NO KEY UPDATE`

// byIDTx reads an attempt for the program itself.
func byIDTx(ctx context.Context, tx db.Q, id int64, lock string) (Attempt, error) {
	a, err := db.Get[Attempt](ctx, tx, `SELECT `+attemptColumns+` FROM attempt WHERE id = $1`+lock, id)
	if err != nil {
		return Attempt{}, fmt.Errorf("attempt %d: %w", id, err)
	}
	return a, nil
}

func assignTx(ctx context.Context, tx *sqlx.Tx, registrations, campaigns, persons []int64) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO attempt (registration_id, campaign_id, person_id)
		SELECT r, c, p FROM unnest(CAST($1 AS bigint[]), CAST($2 AS bigint[]), CAST($3 AS bigint[])) AS u(r, c, p)`,
		db.Array(registrations), db.Array(campaigns), db.Array(persons))
	if err != nil {
		return fmt.Errorf("assign: %w", err)
	}
	return nil
}

func freezeTx(ctx context.Context, tx *sqlx.Tx, attempt int64, tasks []ManifestTask, now time.Time) error {
	b, err := json.Marshal(tasks)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO attempt_manifest (attempt_id, tasks, frozen_at) VALUES ($1, $2, $3)`, attempt, b, now)
	if err != nil {
		return fmt.Errorf("manifest of attempt %d: %w", attempt, err)
	}
	return nil
}

// ManifestTx reads what an attempt is made of, in order; none before it was started.
func ManifestTx(ctx context.Context, tx db.Q, attempt int64) ([]ManifestTask, error) {
	rows, err := db.Select[string](ctx, tx, `SELECT tasks FROM attempt_manifest WHERE attempt_id = $1`, attempt)
	if err != nil {
		return nil, fmt.Errorf("manifest of attempt %d: %w", attempt, err)
	}
	if len(rows) == 0 {
		return []ManifestTask{}, nil
	}
	tasks := []ManifestTask{}
	if err := json.Unmarshal([]byte(rows[0]), &tasks); err != nil {
		return nil, fmt.Errorf("manifest of attempt %d: %w", attempt, err)
	}
	return tasks, nil
}

// GivenTx names the task versions that a person was ever given: those of every attempt
// that was started, answered or not.
func GivenTx(ctx context.Context, tx db.Q, person access.PersonID) ([]int64, error) {
	manifests, err := db.Select[string](ctx, tx, `
		SELECT m.tasks FROM attempt_manifest m JOIN attempt a ON a.id = m.attempt_id WHERE a.person_id = $1 ORDER BY a.id`, person)
	if err != nil {
		return nil, fmt.Errorf("manifests of person %d: %w", person, err)
	}
	ids, seen := []int64{}, map[int64]bool{}
	for _, m := range manifests {
		tasks := []ManifestTask{}
		if err := json.Unmarshal([]byte(m), &tasks); err != nil {
			return nil, fmt.Errorf("manifest of person %d: %w", person, err)
		}
		for _, t := range tasks {
			if !seen[t.TaskVersionID] {
				seen[t.TaskVersionID] = true
				ids = append(ids, t.TaskVersionID)
			}
		}
	}
	return ids, nil
}

type heldRow struct {
	AttemptID int64     `db:"attempt_id"`
	Task      string    `db:"task"`
	Revision  int64     `db:"revision"`
	Body      *string   `db:"body"`
	Digest    string    `db:"digest"`
	Receipt   string    `db:"receipt"`
	SavedAt   time.Time `db:"saved_at"`
}

func (r heldRow) held() Held {
	h := Held{Revision: r.Revision, Digest: r.Digest, Receipt: r.Receipt, SavedAt: r.SavedAt}
	if r.Body != nil {
		h.Body = json.RawMessage(*r.Body)
	}
	return h
}

// heldTx reads the answers that count: the highest revision of each task, late ones left out.
func heldTx(ctx context.Context, tx db.Q, attempt int64) (map[string]Held, error) {
	rows, err := db.Select[heldRow](ctx, tx, `
		SELECT DISTINCT ON (task) attempt_id, task, revision, body, digest, receipt, saved_at
		  FROM answer
		 WHERE attempt_id = $1 AND evidence = ''
		 ORDER BY task, revision DESC`, attempt)
	if err != nil {
		return nil, fmt.Errorf("answers of attempt %d: %w", attempt, err)
	}
	held := make(map[string]Held, len(rows))
	for _, r := range rows {
		held[r.Task] = r.held()
	}
	return held, nil
}

func startTx(ctx context.Context, tx *sqlx.Tx, a Attempt) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE attempt SET state = 'in_progress', variant_id = $2, lease = $3, started_at = $4, deadline = $5
		 WHERE id = $1`, a.ID, a.VariantID, a.Lease, a.StartedAt, a.Deadline)
	if err != nil {
		return fmt.Errorf("start attempt %d: %w", a.ID, err)
	}
	return nil
}

func leaseTx(ctx context.Context, tx *sqlx.Tx, attempt int64, lease string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE attempt SET lease = $2 WHERE id = $1`, attempt, lease); err != nil {
		return fmt.Errorf("lease of attempt %d: %w", attempt, err)
	}
	return nil
}

func submitTx(ctx context.Context, tx *sqlx.Tx, a Attempt) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE attempt SET state = 'submitted', lease = NULL, submitted_at = $2, closed_by = $3, answers = $4, digest = $5
		 WHERE id = $1`, a.ID, a.SubmittedAt, a.ClosedBy, a.Answers, a.Digest)
	if err != nil {
		return fmt.Errorf("close attempt %d: %w", a.ID, err)
	}
	return nil
}

// flagsTx reads the tasks a person wants to come back to.
func flagsTx(ctx context.Context, tx db.Q, attempt int64) (map[string]bool, error) {
	rows, err := db.Select[string](ctx, tx, `SELECT task FROM attempt_flag WHERE attempt_id = $1`, attempt)
	if err != nil {
		return nil, fmt.Errorf("flags of attempt %d: %w", attempt, err)
	}
	flags := make(map[string]bool, len(rows))
	for _, task := range rows {
		flags[task] = true
	}
	return flags, nil
}

func flagTx(ctx context.Context, tx *sqlx.Tx, attempt int64, task string, on bool) error {
	query := `DELETE FROM attempt_flag WHERE attempt_id = $1 AND task = $2`
	if on {
		query = `INSERT INTO attempt_flag (attempt_id, task) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	}
	if _, err := tx.ExecContext(ctx, query, attempt, task); err != nil {
		return fmt.Errorf("flag of attempt %d: %w", attempt, err)
	}
	return nil
}

// File is a file that belongs to an extended answer.
type File struct {
	Task       string    `db:"task"`
	SHA256     string    `db:"file_sha256"`
	Name       string    `db:"name"`
	MediaType  string    `db:"media_type"`
	Late       bool      `db:"late"`
	UploadedAt time.Time `db:"uploaded_at"`
}

// filesTx reads the files of an attempt in the order they came, late ones left out.
func filesTx(ctx context.Context, tx db.Q, attempt int64) (map[string][]File, error) {
	rows, err := db.Select[File](ctx, tx, `
		SELECT task, file_sha256, name, media_type, late, uploaded_at
		  FROM answer_file WHERE attempt_id = $1 AND NOT late ORDER BY uploaded_at, file_sha256`, attempt)
	if err != nil {
		return nil, fmt.Errorf("files of attempt %d: %w", attempt, err)
	}
	files := map[string][]File{}
	for _, f := range rows {
		files[f.Task] = append(files[f.Task], f)
	}
	return files, nil
}

func fileTx(ctx context.Context, tx *sqlx.Tx, a Attempt, f File) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO answer_file (attempt_id, campaign_id, person_id, task, file_sha256, name, media_type, late, uploaded_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT DO NOTHING`, a.ID, a.CampaignID, a.PersonID, f.Task, f.SHA256, f.Name, f.MediaType, f.Late, f.UploadedAt)
	if err != nil {
		return fmt.Errorf("file of attempt %d: %w", a.ID, err)
	}
	return nil
}
