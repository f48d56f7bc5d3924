package db_test

import (
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// A search for U+0000 or for broken UTF-8 is the sender's mistake, not a breakdown.
func TestUnstorableText(t *testing.T) {
	pool := dbtest.New(t)
	for _, text := range []string{"a\x00b", "\xff"} {
		err := db.InTx(t.Context(), pool, access.System, func(tx *sqlx.Tx) error {
			_, err := db.Get[int](t.Context(), tx, `SELECT length(CAST($1 AS text))`, text)
			return err
		})
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}
