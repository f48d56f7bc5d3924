package db_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/postgres"
)

const walls = `SELECT concat_ws(' ', current_setting('lotsiya.actor'), current_setting('lotsiya.own'), current_setting('lotsiya.presence'), current_setting('lotsiya.results'))`

// A transaction says who acts and how far; a figure over everybody lets the walls down for itself alone.
func TestReach(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	head := access.Actor{ID: 5, Merged: []access.PersonID{8}, Grants: []access.Grant{{Role: access.Head, Organisation: 7}, {Role: access.Coordinator, Territory: 3}}}
	const own = `5 {5,8} {3}|{7} {3}|{}`
	said := func(tx *sqlx.Tx, want string) {
		t.Helper()
		if got, err := db.Get[string](t.Context(), tx, walls); err != nil || got != want {
			t.Errorf("the walls stand at %q, want %q, %v", got, want, err)
		}
	}
	err := db.InTx(t.Context(), pool, head, func(tx *sqlx.Tx) error {
		said(tx, own)
		err := db.Everybody(t.Context(), tx, func() error {
			said(tx, `5 {5,8} * *`)
			return db.Everybody(t.Context(), tx, func() error { said(tx, `5 {5,8} * *`); return nil })
		})
		said(tx, own)
		if err != nil {
			return err
		}
		refused := errors.New("refused")
		if err := db.Everybody(t.Context(), tx, func() error { return refused }); err != refused {
			t.Errorf("a refusal came out as %v", err)
		}
		said(tx, own)
		broken := db.Everybody(t.Context(), tx, func() error { _, err := tx.Exec(`SELECT 1/0`); return err })
		if broken == nil {
			t.Error("a broken statement came out as none")
		}
		return broken
	})
	if err == nil {
		t.Error("the broken transaction was committed")
	}
	if err := db.InTx(t.Context(), pool, access.System, func(tx *sqlx.Tx) error {
		said(tx, `0 {0} * *`)
		return db.Everybody(t.Context(), tx, func() error { return nil })
	}); err != nil {
		t.Error(err)
	}
}

// A connection that says nothing reaches nobody, not even after a transaction that did.
func TestSilentConnection(t *testing.T) {
	t.Parallel()
	made := dbtest.New(t)
	pool, err := db.Open(t.Context(), dbtest.DSN(t, made, postgres.App), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	ask := `SELECT reaches_everybody('presence') OR reaches_everybody('results') OR COALESCE(1 = ANY (own_persons()), false)
		OR cardinality(reached_territories('presence') || reached_organisations('presence') || reached_territories('results') || reached_organisations('results')) > 0`
	for range 2 {
		if any, err := db.Get[bool](t.Context(), pool, ask); err != nil || any {
			t.Errorf("reaches somebody: %v, %v", any, err)
		}
		if err := db.InTx(t.Context(), pool, access.Actor{ID: 1, Grants: []access.Grant{{Role: access.Manager}}}, func(tx *sqlx.Tx) error {
			any, err := db.Get[bool](t.Context(), tx, ask)
			if !any {
				t.Error("a manager reaches nobody")
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInsertMany(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	at := time.Date(2026, 11, 22, 10, 0, 0, 123456000, time.UTC)
	err := db.InTx(t.Context(), pool, access.System, func(tx *sqlx.Tx) error {
		return db.InsertMany(t.Context(), tx, "job", []string{"kind", "args", "run_at", "finished_at", "progress"},
			[][]any{{"один «'\"", map[string]any{"share": 0.1 + 0.2}, at, &at, 7}, {"два", map[string]any{}, at, nil, 8}})
	})
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Kind     string     `db:"kind"`
		Share    *float64   `db:"share"`
		RunAt    time.Time  `db:"run_at"`
		Finished *time.Time `db:"finished_at"`
		Progress int        `db:"progress"`
		State    string     `db:"state"`
	}
	if err := pool.Select(&rows, `SELECT kind, CAST(args->>'share' AS float8) AS share, run_at, finished_at, progress, state FROM job ORDER BY progress`); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].Kind != "один «'\"" || *rows[0].Share != 0.1+0.2 || !rows[0].RunAt.Equal(at) || !rows[0].Finished.Equal(at) || rows[1].Finished != nil || rows[1].State != "queued" {
		t.Errorf("came back as %+v", rows)
	}
}
