package deficits_test

import (
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/dbtest"
)

// Scores come out again from what they were made of; a changed part of them is named.
func TestScoresAreDerivableAgain(t *testing.T) {
	t.Parallel()
	r := finished(t)
	verify := func() (broken []string, checked int) {
		t.Helper()
		r.tx(func(tx *sqlx.Tx) (err error) {
			broken, checked, err = r.results.Verify(t.Context(), tx)
			return err
		})
		return broken, checked
	}
	var submitted int
	r.must(r.pool.Get(&submitted, `SELECT count(*) FROM attempt WHERE state = 'submitted'`))
	if broken, checked := verify(); len(broken) > 0 || checked != submitted || checked == 0 {
		t.Fatalf("%d of %d checked, %v", checked, submitted, broken)
	}
	owner := dbtest.Owner(t, r.pool)
	for _, c := range []struct{ tamper, mend, want string }{
		{`UPDATE score_revision SET points = points + 1`, `UPDATE score_revision SET points = points - 1`, "in all"},
		{`UPDATE element_result SET points = points + 0.25 WHERE tasks > 0`, `UPDATE element_result SET points = points - 0.25 WHERE tasks > 0`, "by element"},
	} {
		if _, err := owner.Exec(c.tamper); err != nil {
			t.Fatal(err)
		}
		if broken, _ := verify(); len(broken) != submitted || !strings.Contains(broken[0], c.want) {
			t.Errorf("%s: %d faults, %v", c.tamper, len(broken), broken)
		}
		if _, err := owner.Exec(c.mend); err != nil {
			t.Fatal(err)
		}
	}
	// A key changed behind the program's back shows at once.
	if _, err := owner.Exec(`UPDATE task_key SET key = '"no such option"' WHERE jsonb_typeof(key) = 'string'`); err != nil {
		t.Fatal(err)
	}
	if broken, _ := verify(); len(broken) == 0 || !strings.Contains(strings.Join(broken, "\n"), ": task ") {
		t.Errorf("changed keys: %v", broken)
	}
}
