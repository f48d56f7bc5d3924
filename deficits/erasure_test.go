package deficits_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/people"
)

// Thirty days after a withdrawal the name and the texts are gone, the points of published
// figures stay, and verify tells the erasure from a loss.
func TestErasureAfterAWithdrawal(t *testing.T) {
	t.Parallel()
	r := finished(t)
	ctx := t.Context()
	r.people.OnErase(r.campaigns.EraseTx)
	r.people.OnErase(r.deficits.EraseTx)
	r.people.OnErase(r.sittings.EraseTx)
	r.must(r.results.Publish(ctx, r.manager, r.campaign))
	gone, open := r.teachers[0], r.open("Математика, весна 2027")
	other := r.teachers[1]
	count := func(query string, args ...any) (n int) {
		t.Helper()
		r.must(r.pool.Get(&n, query, args...))
		return n
	}
	verify := func() string {
		t.Helper()
		var all []string
		r.tx(func(tx *sqlx.Tx) error {
			broken, _, err := r.results.Verify(ctx, tx)
			all = append(all, broken...)
			if err != nil {
				return err
			}
			broken, _, err = sitting.Verify(ctx, tx)
			all = append(all, broken...)
			return err
		})
		return strings.Join(all, "\n")
	}
	texts := `SELECT count(*) FROM answer WHERE person_id = $1 AND body IS NOT NULL`
	answers := count(texts, gone.ID)
	revisions := count(`SELECT count(*) FROM score_revision WHERE person_id = $1`, gone.ID)

	traces := `SELECT count(*) FROM task_score t JOIN score_revision r ON r.id = t.score_revision_id
		WHERE r.person_id = $1 AND jsonb_path_exists(t.trace, '$.steps[*].given')`
	comments := `SELECT count(*) FROM marking_assignment m JOIN marking_work w ON w.id = m.work_id JOIN attempt a ON a.id = w.attempt_id
		WHERE a.person_id = $1 AND m.comment <> ''`
	_, err := dbtest.Owner(t, r.pool).Exec(`UPDATE marking_assignment SET comment = 'Пишет о своём классе'`)
	r.must(err)
	if count(traces, gone.ID) == 0 || count(comments, gone.ID) == 0 {
		t.Fatal("no answers beside points, or no comments, to be erased")
	}
	r.must(r.people.DecideConsent(ctx, gone, people.ForDiagnostics, 1, people.Withdrawn))
	r.tick(30 * 24 * time.Hour)
	r.must(r.people.EraseDue(ctx))
	if n := count(texts, gone.ID); n != answers || n == 0 {
		t.Fatalf("within the term %d of %d texts are left", n, answers)
	}
	r.tick(24 * time.Hour)
	r.must(r.people.EraseDue(ctx))
	r.must(r.people.EraseDue(ctx)) // once is enough
	if n := count(texts, gone.ID) + count(`SELECT count(*) FROM identity WHERE person_id = $1`, gone.ID) + count(`SELECT count(*) FROM appointment WHERE person_id = $1`, gone.ID); n != 0 {
		t.Errorf("%d texts, names and places of work are left", n)
	}
	if n := count(traces, gone.ID) + count(comments, gone.ID); n != 0 || count(traces, other.ID) == 0 || count(comments, other.ID) == 0 {
		t.Errorf("%d answers beside points and comments of experts are left", n)
	}
	if n := count(`SELECT count(*) FROM score_revision WHERE person_id = $1`, gone.ID); n != revisions || n == 0 {
		t.Errorf("%d of %d score revisions are left", n, revisions)
	}
	if n := count(`SELECT count(*) FROM answer WHERE person_id = $1 AND digest <> '' AND receipt <> ''`, gone.ID); n < answers {
		t.Errorf("%d of %d digests are left", n, answers)
	}
	if state := count(`SELECT count(*) FROM registration WHERE person_id = $1 AND campaign_id = $2 AND state = 'withdrawn'`, gone.ID, open); state != 1 {
		t.Error("still invited to a campaign that goes on")
	}
	if n := count(`SELECT count(*) FROM erasure WHERE act->>'number' = '1'`); n != 1 {
		t.Errorf("%d acts", n)
	}
	if broken := verify(); broken != "" {
		t.Errorf("an erasure is taken for a loss:\n%s", broken)
	}
	if n := count(texts, other.ID); n == 0 || len(r.held(r.campaign, other)) == 0 || len(r.held(r.campaign, gone)) != 0 {
		t.Errorf("of somebody else %d texts are left", n)
	}

	if _, err := r.pool.Exec(`SELECT erase_notes($1)`, gone.ID); err != nil {
		t.Errorf("notes of an erased person: %v", err)
	}
	// Without an act the sealed tables give nothing up, and what is blanked past the program is a loss.
	if _, err := r.pool.Exec(`SELECT erase_answers($1)`, other.ID); err == nil {
		t.Error("texts of somebody who is not erased were blanked")
	}
	if _, err := dbtest.Owner(t, r.pool).Exec(`UPDATE answer SET body = NULL WHERE person_id = $1`, other.ID); err != nil {
		t.Fatal(err)
	}
	if broken := verify(); !strings.Contains(broken, "nobody erased it") {
		t.Errorf("a loss is taken for an erasure: %q", broken)
	}
}

// A withdrawal ends the live lease: what is sent afterwards is not kept.
func TestAWithdrawalEndsTheSitting(t *testing.T) {
	t.Parallel()
	r := newRegion(t, 1)
	ctx, teacher := t.Context(), r.teachers[0]
	r.people.OnConsent(r.sittings.ConsentTx)
	_, public := r.attempt(r.campaign, teacher)
	r.must(r.sittings.Consent(ctx, teacher, public, 1))
	started, err := r.sittings.Start(ctx, teacher, public)
	r.must(err)
	r.must(r.people.DecideConsent(ctx, teacher, people.ForDiagnostics, 1, people.Withdrawn))
	out, err := r.sittings.Save(ctx, teacher, public, started.Lease, []sitting.Entry{{Task: started.Tasks[0].ID, Revision: 1, Answer: []byte(`3`)}})
	if err == nil && out[0].Verdict != sitting.DeadLease {
		t.Errorf("an answer after the withdrawal: %+v", out)
	}
	var n int
	r.must(r.pool.Get(&n, `SELECT count(*) FROM answer WHERE person_id = $1 AND NOT late`, teacher.ID))
	if n != 0 {
		t.Errorf("%d answers are kept", n)
	}
}
