package jobs_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/jobs"
)

// Work that is cancelled hears of it at its next progress, ends quietly and stays cancelled; what waits is never begun.
func TestCancelledWork(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), dbtest.New(t)
	runner := jobs.New(pool)
	cancel := func(id int64) (was bool) {
		if err := db.InTx(ctx, pool, access.System, func(tx *sqlx.Tx) (err error) {
			was, err = jobs.CancelTx(ctx, tx, id)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return was
	}
	var heard error
	runner.Handle("count", func(ctx context.Context, j jobs.Job) error {
		if err := j.Progress(ctx, 1, 2); err != nil {
			return err
		}
		if !cancel(j.ID) {
			t.Error("running work could not be cancelled")
		}
		heard = j.Progress(ctx, 2, 2)
		return heard
	})
	var ids [2]int64
	if err := db.InTx(ctx, pool, access.System, func(tx *sqlx.Tx) (err error) {
		for i := range ids {
			if ids[i], err = jobs.EnqueueTx(ctx, tx, access.System, "count", nil); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !cancel(ids[1]) {
		t.Error("waiting work could not be cancelled")
	}
	if worked, err := runner.RunOne(ctx); !worked || err != nil || !errors.Is(heard, jobs.ErrCancelled) {
		t.Errorf("worked %v, error %v, heard %v", worked, err, heard)
	}
	if worked, err := runner.RunOne(ctx); worked || err != nil {
		t.Errorf("cancelled work was begun: %v %v", worked, err)
	}
	for _, id := range ids {
		if st, err := jobs.StateTx(ctx, pool, id); err != nil || st.State != "cancelled" {
			t.Errorf("job %d: %+v, %v", id, st, err)
		}
		if cancel(id) {
			t.Error("cancelled twice")
		}
	}
}
