// Package jobs runs background work kept in the database: enqueued in the
// transaction that asks for it, claimed by one instance under a lease, resumed
// by another when its runner dies.
package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

const (
	lease       = time.Minute
	maxAttempts = 5
	workers     = 2
	idle        = 250 * time.Millisecond
)

// Job is one piece of work as its handler sees it.
type Job struct {
	ID    int64
	Kind  string
	Actor access.PersonID // who asked; 0 is the program itself
	args  json.RawMessage
	pool  *sqlx.DB
}

// Args decodes what was asked.
func (j Job) Args(v any) error {
	if err := json.Unmarshal(j.args, v); err != nil {
		return fmt.Errorf("job %s %d: args: %w", j.Kind, j.ID, err)
	}
	return nil
}

// ErrCancelled is what Progress answers once the work was cancelled; a handler that returns it ends the job quietly.
var ErrCancelled = errors.New("the work was cancelled")

// Progress says how far the work is; it also renews the lease.
func (j Job) Progress(ctx context.Context, done, total int) error {
	res, err := j.pool.ExecContext(ctx, `UPDATE job SET progress = $2, total = $3, leased_until = clock_timestamp() + $4 * interval '1 second' WHERE id = $1 AND state = 'running'`,
		j.ID, done, total, lease.Seconds())
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrCancelled, err)
	}
	return nil
}

// Result keeps what came out, for the page that waits.
func (j Job) Result(ctx context.Context, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("job %d: result: %w", j.ID, err)
	}
	_, err = j.pool.ExecContext(ctx, `UPDATE job SET result = $2 WHERE id = $1`, j.ID, b)
	return err
}

// Brief keeps a few words of what came out, for lists that do not read the whole result.
func (j Job) Brief(ctx context.Context, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("job %d: brief: %w", j.ID, err)
	}
	_, err = j.pool.ExecContext(ctx, `UPDATE job SET brief = $2 WHERE id = $1`, j.ID, b)
	return err
}

// State is what a page may show of a job.
type State struct {
	ID       int64           `db:"id"`
	Kind     string          `db:"kind"`
	Actor    access.PersonID `db:"actor_id"`
	State    string          `db:"state"` // queued, running, done, failed, cancelled
	Progress int             `db:"progress"`
	Total    int             `db:"total"`
	Result   *string         `db:"result"`
	Error    string          `db:"error"`
	Finished *time.Time      `db:"finished_at"`
}

// EnqueueTx asks for work; it starts once tx commits, and never if it rolls back.
func EnqueueTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, kind string, args any) (int64, error) {
	b, err := json.Marshal(args)
	if err != nil {
		return 0, fmt.Errorf("enqueue %s: %w", kind, err)
	}
	var id int64
	if err := tx.GetContext(ctx, &id, `INSERT INTO job (kind, args, actor_id) VALUES ($1, $2, $3) RETURNING id`, kind, b, actor.ID); err != nil {
		return 0, fmt.Errorf("enqueue %s: %w", kind, err)
	}
	return id, nil
}

// StateTx reads the state of a job.
func StateTx(ctx context.Context, tx db.Q, id int64) (State, error) {
	return db.Get[State](ctx, tx, `SELECT id, kind, actor_id, state, progress, total, result, error, finished_at FROM job WHERE id = $1`, id)
}

// Asked is a job in a list: what was asked and a few words of what came out.
type Asked struct {
	ID       int64            `db:"id"`
	State    string           `db:"state"` // as in State
	Progress int              `db:"progress"`
	Total    int              `db:"total"`
	Error    string           `db:"error"`
	Args     json.RawMessage  `db:"args"`
	Brief    *json.RawMessage `db:"brief"` // nil until the handler has given it
	At       time.Time        `db:"created_at"`
	Finished *time.Time       `db:"finished_at"`
}

// AskedTx lists the jobs of one kind that an actor asked for, newest first, at most limit of them.
func AskedTx(ctx context.Context, tx db.Q, actor access.Actor, kind string, limit int) ([]Asked, error) {
	list, err := db.Select[Asked](ctx, tx, `
		SELECT id, state, progress, total, error, args, brief, created_at, finished_at
		FROM job WHERE actor_id = $1 AND kind = $2 ORDER BY id DESC LIMIT $3`, actor.ID, kind, limit)
	if err != nil {
		return nil, fmt.Errorf("jobs %s: %w", kind, err)
	}
	return list, nil
}

// CancelTx ends work that is not done yet; false where it was over already. Its handler hears of it at its next
// Progress.
func CancelTx(ctx context.Context, tx *sqlx.Tx, id int64) (bool, error) {
	res, err := tx.ExecContext(ctx, `UPDATE job SET state = 'cancelled', finished_at = clock_timestamp() WHERE id = $1 AND state IN ('queued', 'running')`, id)
	if err != nil {
		return false, fmt.Errorf("cancel job %d: %w", id, err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// Handler does the work of one kind. It may be run again after a crash: it must
// be safe to repeat.
type Handler func(ctx context.Context, j Job) error

type periodic struct {
	name     string
	interval time.Duration
	f        func(context.Context) error
}

// Runner claims and runs jobs of the kinds it knows.
type Runner struct {
	pool     *sqlx.DB
	handlers map[string]Handler
	periodic []periodic
}

// New returns a runner without kinds.
func New(pool *sqlx.DB) *Runner {
	return &Runner{pool: pool, handlers: map[string]Handler{}}
}

// Handle registers the work of one kind; call it before Run.
func (r *Runner) Handle(kind string, h Handler) { r.handlers[kind] = h }

// Every runs f about every interval on each instance; f must tolerate company.
func (r *Runner) Every(name string, interval time.Duration, f func(context.Context) error) {
	r.periodic = append(r.periodic, periodic{name, interval, f})
}

// Run works until ctx ends; it returns when what was in flight has stopped.
func (r *Runner) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				worked, err := r.RunOne(ctx)
				if err != nil && ctx.Err() == nil {
					slog.ErrorContext(ctx, "jobs", "err", err)
				}
				if !worked {
					select {
					case <-ctx.Done():
					case <-time.After(idle):
					}
				}
			}
		})
	}
	for _, p := range r.periodic {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-time.After(p.interval):
				}
				if err := p.f(ctx); err != nil && ctx.Err() == nil {
					slog.ErrorContext(ctx, "periodic work", "name", p.name, "err", err)
				}
			}
		})
	}
	wg.Wait()
}

// RunOne claims and runs one due job; it reports whether there was one.
// Tests use it to run the queue to its end.
func (r *Runner) RunOne(ctx context.Context) (bool, error) {
	kinds := make([]string, 0, len(r.handlers))
	for k := range r.handlers {
		kinds = append(kinds, k)
	}
	var row struct {
		ID       int64           `db:"id"`
		Kind     string          `db:"kind"`
		Actor    access.PersonID `db:"actor_id"`
		Args     json.RawMessage `db:"args"`
		Attempts int             `db:"attempts"`
	}
	err := r.pool.GetContext(ctx, &row, `
		UPDATE job SET state = 'running', attempts = attempts + 1, leased_until = clock_timestamp() + $2 * interval '1 second'
		WHERE id = (
			SELECT id FROM job
			WHERE kind = ANY($1) AND run_at <= clock_timestamp()
			  AND (state = 'queued' OR (state = 'running' AND leased_until < clock_timestamp()))
			ORDER BY run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING id, kind, actor_id, args, attempts`, db.Array(kinds), lease.Seconds())
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("claim: %w", err)
	}
	job := Job{ID: row.ID, Kind: row.Kind, Actor: row.Actor, args: row.Args, pool: r.pool}
	workErr := r.guard(ctx, job)
	if ctx.Err() != nil {
		return true, nil // the lease runs out and another runner takes it
	}
	if errors.Is(workErr, ErrCancelled) {
		return true, nil
	}
	switch {
	case workErr == nil:
		_, err = r.pool.ExecContext(ctx, `UPDATE job SET state = 'done', finished_at = clock_timestamp(), error = '' WHERE id = $1 AND state = 'running'`, row.ID)
	case row.Attempts >= maxAttempts || fault.KindOf(workErr) != fault.Internal:
		_, err = r.pool.ExecContext(ctx, `UPDATE job SET state = 'failed', finished_at = clock_timestamp(), error = $2 WHERE id = $1 AND state = 'running'`, row.ID, workErr.Error())
	default:
		_, err = r.pool.ExecContext(ctx, `UPDATE job SET state = 'queued', error = $2, run_at = clock_timestamp() + attempts * interval '2 seconds' WHERE id = $1 AND state = 'running'`, row.ID, workErr.Error())
	}
	return true, errors.Join(workErr, err)
}

// guard turns a panic of a handler into its error, so that one job cannot end the program.
func (r *Runner) guard(ctx context.Context, j Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("job %s %d: panic: %v\n%s", j.Kind, j.ID, p, debug.Stack())
		}
	}()
	if err := r.handlers[j.Kind](ctx, j); err != nil {
		return fmt.Errorf("job %s %d: %w", j.Kind, j.ID, err)
	}
	return nil
}
